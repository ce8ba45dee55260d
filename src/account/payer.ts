/**
 * Guards the payer: the inequality that keeps the owner's other machines alive (design.md §5, G5).
 *
 * Pure. Aleph removes an account's newest resources once less than a day of burn is left, so a create is admitted only
 * if that line still holds at the end of everything we may still spend. Every number is the median of three core nodes,
 * or the worse of two; with fewer than two there is no answer and nothing is admitted.
 */
import { CREDITS_MAX, RATE_MAX } from "../aleph/amounts.ts";
import { medianOrWorse } from "../aleph/numbers.ts";
import { refusal, type Refusal } from "../errors.ts";
import { ATTO, BOOKS_LAG_S, DAY_S } from "./credits.ts";
import type { Credits, Hash } from "./types.ts";

export type PayerReading = {
  readonly credits: Credits;
  readonly lots: readonly { readonly credits: Credits; readonly expiresAtMs: number | null }[];
  readonly lines: readonly { readonly itemHash: Hash; readonly rate: bigint; readonly consumedCredits: Credits }[];
  /** What is not ours, in a reading that was kept: of that only number and burn are ever looked at. */
  readonly others?: { readonly count: number; readonly rate: bigint };
  readonly delegation: "ok" | "missing" | "too_wide";
};
export type PayerFacts = {
  readonly perCore: readonly (PayerReading | null)[];
  /** Of core nodes that list more resources than are counted this alone is known; absent: none does. */
  readonly uncounted?: readonly Pick<PayerReading, "delegation">[];
  readonly asOfMs: number;
  /** The key whose delegation was looked at; what was read of one key says nothing of another. */
  readonly agent?: string;
  /** How many of the payer's instances each core node is removing; null: not said. Read by the drive alone. */
  readonly removingPerCore?: readonly (number | null)[];
};

/**
 * `billedCredits`: what two core nodes once showed as taken. Only for a VM that has ended, whose line is gone from the
 * lists: while there is a line, credits and bill have to be of one snapshot.
 */
export type OpenHold = {
  readonly hashes: readonly Hash[];
  readonly credits: Credits;
  readonly billedCredits?: Credits;
};

/** What the account itself knows, computed in the deciding transaction. */
export type Ours = {
  readonly hashes: ReadonlySet<Hash>;
  /** Open holds with what they may still cost, by VM. */
  readonly holds: readonly OpenHold[];
  readonly burnAttoPerS: bigint;
  readonly lastEndMs: number;
};

export type PayerLine = {
  readonly credits: Credits;
  readonly foreignAttoPerS: bigint;
  /** Everything that burns: theirs and ours. */
  readonly burnAttoPerS: bigint;
  readonly unbilled: Credits;
  /** 86,400 s of everything that burns, in credits. */
  readonly oneDayCredits: Credits;
  /** What is left above the line when all holds are spent; negative: it would be passed. */
  readonly marginCredits: number;
};

const HOUR_S = 3_600n;
/** Two clocks may differ by this and still be called right (design.md §12.12). */
const CLOCKS_APART_MS = 120_000;

const inCredits = (atto: bigint): number => Number((atto + ATTO - 1n) / ATTO);

/** What is older decides nothing: whoever gathered it gathers it once more (design.md §12.7). */
const FACTS_AGE_MS_MAX = 60_000;

/**
 * `nowMs` is of the clock that dated them, the Worker's: the account's own may be two minutes apart from it and still be
 * right (design.md §12.12).
 */
export function tooOld({ asOfMs }: PayerFacts, nowMs: number): Refusal | null {
  const ageMs = nowMs - asOfMs;
  if (ageMs <= FACTS_AGE_MS_MAX) return null;
  return refusal("network.unreachable", { factsAgeS: Math.ceil(ageMs / 1_000) }, 120);
}

/** Refused for their age alone: nobody's failure, and worth a second try at once. */
export const isForAge = ({ code, facts }: Refusal): boolean => code === "network.unreachable" && "factsAgeS" in facts;

export function readings(facts: PayerFacts): readonly PayerReading[] {
  return facts.perCore.filter((one) => one !== null).filter(isBelievable);
}

/** The client takes no such figure; an older version of it may have, and stored it. */
function isBelievable({ credits, lots, lines }: PayerReading): boolean {
  const isLine = ({ rate, consumedCredits }: PayerReading["lines"][number]): boolean =>
    rate <= RATE_MAX && consumedCredits <= CREDITS_MAX;
  return credits <= CREDITS_MAX && lots.every((lot) => lot.credits <= CREDITS_MAX) && lines.every(isLine);
}

/** How many core nodes answered, with figures that can be used or not. */
export const answering = (facts: PayerFacts): number => readings(facts).length + (facts.uncounted?.length ?? 0);

/** Two core nodes list more resources than are counted: the one-day line cannot be known. */
export const isUncountable = ({ uncounted = [] }: PayerFacts): boolean => uncounted.length >= 2;

/** For keeping: a payer may have ten thousand resources, `own` are those of VMs that live or are still to be settled. */
export function folded(facts: PayerFacts, own: ReadonlySet<Hash>): PayerFacts {
  const fold = (one: PayerReading): PayerReading => {
    const others = one.lines.filter((line) => !own.has(line.itemHash));
    const rate = others.reduce((sum, line) => sum + line.rate, 0n);
    return {
      ...one,
      lines: one.lines.filter((line) => own.has(line.itemHash)),
      others: { count: others.length, rate },
    };
  };
  return { ...facts, perCore: facts.perCore.map((one) => (one === null ? null : fold(one))) };
}

/** What the payer has by the core nodes that were read, ours to spend or not. */
export const creditsRead = (facts: PayerFacts, worse: "smaller" | "larger"): Credits | undefined =>
  medianOrWorse(
    readings(facts).map((one) => one.credits),
    worse,
  );

type Sums = Pick<PayerLine, "credits" | "foreignAttoPerS" | "unbilled">;

/** The inequality, evaluated on medians or the worse of two; undefined with fewer than two readings. */
export function payerLine(facts: PayerFacts, ours: Ours, nowMs: number): PayerLine | undefined {
  const read = readings(facts);
  const credits = medianOrWorse(
    read.map((one) => usableCredits(one, ours.lastEndMs, facts.asOfMs)),
    "smaller",
  );
  const foreignAttoPerS = medianOrWorse(
    read.map((one) => foreignRate(one, ours.hashes)),
    "larger",
  );
  if (credits === undefined || foreignAttoPerS === undefined) return undefined;
  const billed = (hashes: readonly Hash[]): Credits =>
    medianOrWorse(
      read.map((one) => billedOn(one, hashes)),
      "smaller",
    ) ?? 0;
  return lineOf({ credits, foreignAttoPerS, unbilled: unbilledOf(ours, billed) }, ours, nowMs);
}

/** The same by each core node's own figures: what needs two core nodes is counted on these. */
export function linePerCore(facts: PayerFacts, ours: Ours, nowMs: number): readonly PayerLine[] {
  return readings(facts).map((one) => {
    const credits = usableCredits(one, ours.lastEndMs, facts.asOfMs);
    const foreignAttoPerS = foreignRate(one, ours.hashes);
    const unbilled = unbilledOf(ours, (hashes) => billedOn(one, hashes));
    return lineOf({ credits, foreignAttoPerS, unbilled }, ours, nowMs);
  });
}

function lineOf(sums: Sums, ours: Ours, nowMs: number): PayerLine {
  const spanS = BigInt(Math.min(DAY_S, Math.max(0, Math.ceil((ours.lastEndMs - nowMs) / 1_000))) + BOOKS_LAG_S);
  const burnAttoPerS = sums.foreignAttoPerS + ours.burnAttoPerS;
  const oneDayCredits = inCredits(burnAttoPerS * BigInt(DAY_S));
  const marginCredits = sums.credits - inCredits(sums.foreignAttoPerS * spanS) - sums.unbilled - oneDayCredits;
  return { ...sums, burnAttoPerS, oneDayCredits, marginCredits };
}

const aboveLine = (line: PayerLine): number => line.credits - line.unbilled - line.oneDayCredits;

/** Hours until one day of burn is all that is left; negative below it, null while nothing burns. For showing only. */
export function hoursAboveLine(line: PayerLine): number | null {
  return line.oneDayCredits === 0 ? null : (aboveLine(line) * 24) / line.oneDayCredits;
}

/** The margin of design.md §5 is under an hour; exact. */
export function isUnderAnHour(line: PayerLine): boolean {
  return line.burnAttoPerS > 0n && BigInt(aboveLine(line)) * ATTO < line.burnAttoPerS * HOUR_S;
}

/**
 * Lots that expire before our last VM can end do not count: they will not be there to pay for it. A node's balance is
 * without those that had expired when it was read; one that expired since then is still in it, and its clock may lag.
 */
function usableCredits(reading: PayerReading, lastEndMs: number, readAtMs: number): Credits {
  const gone = reading.lots.reduce((sum, { credits, expiresAtMs }) => {
    const counted = expiresAtMs !== null && expiresAtMs > readAtMs - CLOCKS_APART_MS;
    return counted && expiresAtMs < lastEndMs ? sum + credits : sum;
  }, 0);
  return Math.max(0, reading.credits - gone);
}

function foreignRate({ lines, others }: PayerReading, ours: ReadonlySet<Hash>): bigint {
  return lines.reduce((sum, line) => (ours.has(line.itemHash) ? sum : sum + line.rate), others?.rate ?? 0n);
}

/** Per VM, so that one VM's excess does not pay for another's hold. */
function unbilledOf(ours: Ours, billed: (hashes: readonly Hash[]) => Credits): Credits {
  return ours.holds.reduce((sum, hold) => {
    const taken = Math.max(hold.billedCredits ?? 0, billed(hold.hashes));
    return sum + Math.max(0, hold.credits - taken);
  }, 0);
}

function billedOn(reading: PayerReading, hashes: readonly Hash[]): Credits {
  return reading.lines.reduce((sum, line) => (hashes.includes(line.itemHash) ? sum + line.consumedCredits : sum), 0);
}

/** Refuses what would push the payer below one day of burn; facts say what to add. */
export function guardPayer(line: PayerLine, newCredits: Credits): Refusal | null {
  const addCredits = Math.max(newCredits - line.credits, -line.marginCredits);
  if (line.credits < newCredits)
    return refusal("balance.too_low", { hasCredits: line.credits, needsCredits: newCredits, addCredits });
  if (line.marginCredits >= 0) return null;
  return refusal("balance.below_one_day", { hasCredits: line.credits, addCredits, oneDayCredits: line.oneDayCredits });
}

/** What two core nodes agree on about our delegation; `unknown` when no two do. */
export function delegationOf(facts: PayerFacts, agent?: string): "ok" | "missing" | "too_wide" | "unknown" {
  if (facts.agent !== undefined && agent !== undefined && facts.agent !== agent) return "unknown";
  const said = [...readings(facts), ...(facts.uncounted ?? [])].map((one) => one.delegation);
  const agreed = (["ok", "too_wide", "missing"] as const).find(
    (state) => said.filter((one) => one === state).length >= 2,
  );
  return agreed ?? "unknown";
}
