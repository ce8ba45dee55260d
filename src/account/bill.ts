/**
 * Compares the network's bill with the ledger: an overrun while a VM is alive, a drift from our own meter, the last bill.
 *
 * Pure. One core node's word books nothing: what counts is the second largest figure, which an honest node stands behind
 * whoever else lies, and only once two nodes have shown it in two readings at least a minute apart (safety.md a.4).
 */
import { medianOrWorse } from "../aleph/numbers.ts";
import { BOOKS_LAG_S, creditsFor, metered } from "./credits.ts";
import { currentAttempt, firstSendMs, isLive } from "./lifecycle.ts";
import { type PayerFacts, type PayerReading, readings } from "./payer.ts";
import { type Extra, isLate, originalOf } from "./settlement.ts";
import type { Credits, Hash, VmRecord } from "./types.ts";

/** What is remembered of one VM's bill. */
export type Bill = {
  /** By attempt: the most that two core nodes ever showed as taken. Charges never fall. */
  readonly seen: Readonly<Record<Hash, Credits>>;
  /** Overrun rows that were booked for it. */
  readonly bookedCredits: Credits;
  /** Since when two core nodes have shown more than the original holds. */
  readonly overSinceMs: number | null;
  readonly driftSinceMs: number | null;
  readonly driftTold: boolean;
};
export const NO_BILL: Bill = { seen: {}, bookedCredits: 0, overSinceMs: null, driftSinceMs: null, driftTold: false };

export type Drift = { readonly billedCredits: Credits; readonly meterCredits: Credits };
export type Compared = { readonly keep: Bill; readonly overrun: Extra | null; readonly drift: Drift | null };

export const TWICE_APART_MS = 60_000;

export const seenCredits = (bill: Bill): Credits => Object.values(bill.seen).reduce((sum, one) => sum + one, 0);

/** Something was seen once and needs the second look. */
export const isSuspect = (bill: Bill, vm: VmRecord): boolean =>
  bill.overSinceMs !== null && seenCredits(bill) - originalOf(vm) > bill.bookedCredits;

/** One reading of the payer's lines, compared for one VM. Nodes that do not list it have not said anything of it. */
export function compareBill(vm: VmRecord, facts: PayerFacts, before: Bill, nowMs: number): Compared {
  const figures = readings(facts).flatMap((one) => takenOn(one, vm, before) ?? []);
  const agreed = secondLargest(figures);
  if (agreed === undefined) return { keep: before, overrun: null, drift: null };
  const original = originalOf(vm);
  const overSinceMs = sinceWhen(before.overSinceMs, countOver(figures, original), nowMs);
  const beyond = Math.max(agreed, seenCredits(before)) - original - before.bookedCredits;
  const books = beyond > 0 && isTwice(overSinceMs, nowMs);
  const bookedCredits = before.bookedCredits + (books ? beyond : 0);
  const late = books && isLate(vm, bookedCredits, nowMs);
  const drift = driftIn(vm, facts, figures, nowMs);
  const driftSinceMs = sinceWhen(before.driftSinceMs, drift, nowMs);
  const tells = drift.over && !before.driftTold && isTwice(driftSinceMs, nowMs);
  const driftTold = before.driftTold || tells;
  return {
    keep: { seen: seenNow(vm, facts, before), bookedCredits, overSinceMs, driftSinceMs, driftTold },
    overrun: books ? { kind: "overrun", credits: beyond, late } : null,
    drift: tells ? { billedCredits: agreed, meterCredits: drift.meterCredits } : null,
  };
}

/** Two say so, two deny it, or neither: then what was known stays. */
type Voices = { readonly over: boolean; readonly under: boolean };

function countOver(figures: readonly Credits[], limit: Credits): Voices {
  const over = figures.filter((figure) => figure > limit).length;
  return { over: over >= 2, under: figures.length - over >= 2 };
}

function sinceWhen(before: number | null, { over, under }: Voices, nowMs: number): number | null {
  if (over) return before ?? nowMs;
  return under ? null : before;
}

const isTwice = (sinceMs: number | null, nowMs: number): boolean =>
  sinceMs !== null && nowMs - sinceMs >= TWICE_APART_MS;

/** Of three the median, of two the smaller: at least one honest node saw this much. */
function secondLargest(figures: readonly Credits[]): Credits | undefined {
  return figures.toSorted((a, b) => b - a)[1];
}

/** An attempt that is over has left the lists; what was seen of it stands. */
function takenOn(reading: PayerReading, vm: VmRecord, before: Bill): Credits | undefined {
  const lines = linesOf(reading, vm);
  if (lines.length === 0) return undefined;
  const listed = new Map(lines.map((line) => [line.itemHash, line.consumedCredits]));
  return vm.attempts.reduce((sum, { itemHash }) => sum + (listed.get(itemHash) ?? before.seen[itemHash] ?? 0), 0);
}

const linesOf = (reading: PayerReading, vm: VmRecord): PayerReading["lines"] =>
  reading.lines.filter((line) => vm.attempts.some((attempt) => attempt.itemHash === line.itemHash));

function seenNow(vm: VmRecord, facts: PayerFacts, before: Bill): Bill["seen"] {
  const read = readings(facts);
  const said = (hash: Hash): readonly Credits[] =>
    read.flatMap((one) => one.lines.filter((line) => line.itemHash === hash).map((line) => line.consumedCredits));
  const entries = vm.attempts.map(({ itemHash }) => {
    const most = Math.max(before.seen[itemHash] ?? 0, secondLargest(said(itemHash)) ?? 0);
    return [itemHash, most] as const;
  });
  return Object.fromEntries(entries.filter(([, most]) => most > 0));
}

/**
 * Apart by more than rounding (a credit per started hour) and the lag of the books can explain. What it took to boot is
 * metered by us and not billed by the network, and where the network froze a lower price than the one held, it is that
 * price which is compared: neither is news to anybody.
 */
function driftIn(
  vm: VmRecord,
  facts: PayerFacts,
  figures: readonly Credits[],
  nowMs: number,
): Voices & { readonly meterCredits: Credits } {
  const sentMs = firstSendMs(vm);
  if (sentMs === null || !isLive(vm)) return { over: false, under: true, meterCredits: 0 };
  const rate = billedRate(vm, facts);
  const meterCredits = metered(rate, sentMs, nowMs);
  const slack = creditsFor(rate, BOOKS_LAG_S) + Math.ceil((nowMs - sentMs) / 3_600_000);
  const bootCredits = metered(rate, sentMs, vm.healthyAtMs ?? nowMs);
  const above = figures.filter((figure) => figure - meterCredits > slack).length;
  const below = figures.filter((figure) => meterCredits - bootCredits - figure > slack).length;
  return { over: above >= 2 || below >= 2, under: figures.length - above - below >= 2, meterCredits };
}

function billedRate(vm: VmRecord, facts: PayerFacts): bigint {
  const { itemHash } = currentAttempt(vm);
  const rates = readings(facts).flatMap((one) => one.lines.filter((line) => line.itemHash === itemHash));
  const frozen = medianOrWorse(
    rates.map((line) => line.rate),
    "smaller",
  );
  return frozen !== undefined && frozen > 0n && frozen < vm.rateAttoPerS ? frozen : vm.rateAttoPerS;
}

/** The bill on which a VM is settled; `credits` null: not yet, ask again. */
export type LastBill = { readonly keep: Bill; readonly credits: Credits | null };

/**
 * Within the holds the median, or the larger of two. Beyond them it is an overrun, so two core nodes have to say it, in
 * two readings; of two that differ one may lie, and the third is waited for.
 */
export function lastBill(vm: VmRecord, perCore: readonly (Credits | null)[], before: Bill, nowMs: number): LastBill {
  const figures = perCore.filter((one) => one !== null);
  const most = medianOrWorse(figures, "larger");
  if (most === undefined) return { keep: before, credits: null };
  if (most <= originalOf(vm)) return { keep: before, credits: most };
  const agreed = figures.length === 3 || figures.every((one) => one === most);
  if (!agreed) return { keep: before, credits: null };
  const overSinceMs = before.overSinceMs ?? nowMs;
  return { keep: { ...before, overSinceMs }, credits: isTwice(overSinceMs, nowMs) ? most : null };
}
