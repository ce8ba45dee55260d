/**
 * Guards the payer: the inequality that keeps the owner's other machines alive (design.md §5, G5).
 *
 * Pure. Aleph removes an account's newest resources once less than a day of burn is left, so a create is admitted only
 * if that line still holds at the end of everything we may still spend. Every number is the median of three core nodes,
 * or the worse of two; with fewer than two there is no answer and nothing is admitted.
 */
import { medianOrWorse } from "../aleph/numbers.ts";
import { refusal, type Refusal } from "../errors.ts";
import { ATTO, BOOKS_LAG_S, DAY_S } from "./credits.ts";
import type { Credits, Hash } from "./types.ts";

export type PayerReading = {
  readonly credits: Credits;
  readonly lots: readonly { readonly credits: Credits; readonly expiresAtMs: number | null }[];
  readonly lines: readonly { readonly itemHash: Hash; readonly rate: bigint; readonly consumedCredits: Credits }[];
  readonly delegation: "ok" | "missing" | "too_wide";
};
export type PayerFacts = {
  readonly perCore: readonly (PayerReading | null)[];
  readonly asOfMs: number;
  /** The key whose delegation was looked at; what was read of one key says nothing of another. */
  readonly agent?: string;
};

/** What the account itself knows, computed in the deciding transaction. */
export type Ours = {
  readonly hashes: ReadonlySet<Hash>;
  /** Open holds with what they may still cost, by VM. */
  readonly holds: readonly { readonly hashes: readonly Hash[]; readonly credits: Credits }[];
  readonly burnAttoPerS: bigint;
  readonly lastEndMs: number;
};

export type PayerLine = {
  readonly credits: Credits;
  readonly foreignAttoPerS: bigint;
  readonly unbilled: Credits;
  /** 86,400 s of everything that burns, in credits. */
  readonly oneDayCredits: Credits;
  /** What is left above the line when all holds are spent; negative: it would be passed. */
  readonly marginCredits: number;
};

const inCredits = (atto: bigint): number => Number((atto + ATTO - 1n) / ATTO);

export function readings(facts: PayerFacts): readonly PayerReading[] {
  return facts.perCore.filter((one) => one !== null);
}

/** The inequality, evaluated; undefined with fewer than two readings. */
export function payerLine(facts: PayerFacts, ours: Ours, nowMs: number): PayerLine | undefined {
  const read = readings(facts);
  const credits = medianOrWorse(
    read.map((one) => usableCredits(one, ours.lastEndMs, nowMs)),
    "smaller",
  );
  const foreign = medianOrWorse(
    read.map((one) => foreignRate(one, ours.hashes)),
    "larger",
  );
  if (credits === undefined || foreign === undefined) return undefined;
  const unbilled = ours.holds.reduce((sum, hold) => sum + Math.max(0, hold.credits - billedFor(read, hold.hashes)), 0);
  const spanS = BigInt(Math.min(DAY_S, Math.max(0, Math.ceil((ours.lastEndMs - nowMs) / 1_000))) + BOOKS_LAG_S);
  const oneDay = inCredits((foreign + ours.burnAttoPerS) * BigInt(DAY_S));
  const margin = credits - inCredits(foreign * spanS) - unbilled - oneDay;
  return { credits, foreignAttoPerS: foreign, unbilled, oneDayCredits: oneDay, marginCredits: margin };
}

/** Lots that expire before our last VM can end do not count: they will not be there to pay for it. */
function usableCredits(reading: PayerReading, lastEndMs: number, nowMs: number): Credits {
  const gone = reading.lots.reduce(
    (sum, lot) =>
      sum + (lot.expiresAtMs !== null && lot.expiresAtMs > nowMs && lot.expiresAtMs < lastEndMs ? lot.credits : 0),
    0,
  );
  return Math.max(0, reading.credits - gone);
}

function foreignRate(reading: PayerReading, ours: ReadonlySet<Hash>): bigint {
  return reading.lines.reduce((sum, line) => (ours.has(line.itemHash) ? sum : sum + line.rate), 0n);
}

function billedFor(read: readonly PayerReading[], hashes: readonly Hash[]): Credits {
  const perCore = read.map((one) =>
    one.lines.reduce((sum, line) => (hashes.includes(line.itemHash) ? sum + line.consumedCredits : sum), 0),
  );
  return medianOrWorse(perCore, "smaller") ?? 0;
}

/** Refuses what would push the payer below one day of burn; facts say what to add. */
export function guardPayer(line: PayerLine, newCredits: Credits): Refusal | null {
  if (line.credits < newCredits)
    return refusal("balance.too_low", { hasCredits: line.credits, needsCredits: newCredits });
  if (line.marginCredits >= 0) return null;
  const addCredits = -line.marginCredits;
  return refusal("balance.below_one_day", { hasCredits: line.credits, addCredits, oneDayCredits: line.oneDayCredits });
}

/** What two core nodes agree on about our delegation; `unknown` when no two do. */
export function delegationOf(facts: PayerFacts, agent?: string): "ok" | "missing" | "too_wide" | "unknown" {
  if (facts.agent !== undefined && agent !== undefined && facts.agent !== agent) return "unknown";
  const said = readings(facts).map((one) => one.delegation);
  const agreed = (["ok", "too_wide", "missing"] as const).find(
    (state) => said.filter((one) => one === state).length >= 2,
  );
  return agreed ?? "unknown";
}
