/**
 * Compares the network's credit history with what was posted for a VM, once its bill has long been settled: the two are
 * kept by the same core nodes and have to agree, and what came in too late for the bill is in the history alone.
 *
 * Pure. No single core node is believed: more than was posted counts as far as two show at least that much, less only
 * where two show at most that much, each in two readings at least a minute apart (safety.md a.4). The history only ever
 * adds to what was posted. Less gives nothing back: our own meter leads, the network's figure corrects upwards
 * (safety.md a.3).
 */
import { medianOrWorse } from "../aleph/numbers.ts";
import { TWICE_APART_MS } from "./bill.ts";
import { BOOKS_LAG_S } from "./credits.ts";
import { firstSendMs } from "./lifecycle.ts";
import type { Credits, VmRecord } from "./types.ts";

export type Charges = {
  /** Than what was posted; `unknown`: no two core nodes told it in time. */
  readonly says: "agrees" | "more" | "less" | "unknown";
  /** False: a difference that was seen once and waits for the second look. */
  readonly sure: boolean;
  readonly historyCredits: Credits | null;
  readonly postedCredits: Credits;
  readonly sinceMs: number;
};

/** The books of the slowest core node have the last line by then. */
export const CHARGES_AFTER_MS = BOOKS_LAG_S * 1_000;
const GIVE_UP_AFTER_MS = 86_400_000;

export const awaitsCharges = (vm: VmRecord): vm is VmRecord & { readonly settledAtMs: number } =>
  vm.settledAtMs !== null && vm.charges?.sure !== true;

/** By core node the sum of its rows, null where it gave no whole history. Null: nothing is known yet, ask again. */
export function compareCharges(vm: VmRecord, perCore: readonly (Credits | null)[], nowMs: number): Charges | null {
  const postedCredits = vm.settledCredits ?? 0;
  const found = judge(vm, perCore, postedCredits);
  if (found === null) {
    const over = nowMs - (vm.settledAtMs ?? nowMs) >= CHARGES_AFTER_MS + GIVE_UP_AFTER_MS;
    return over ? { says: "unknown", sure: true, historyCredits: null, postedCredits, sinceMs: nowMs } : null;
  }
  const sinceMs = vm.charges?.says === found.says ? vm.charges.sinceMs : nowMs;
  const sure = found.says === "agrees" || nowMs - sinceMs >= TWICE_APART_MS;
  return { ...found, sure, postedCredits, sinceMs };
}

type Found = { readonly says: "agrees" | "more" | "less"; readonly historyCredits: Credits };

function judge(vm: VmRecord, perCore: readonly (Credits | null)[], posted: Credits): Found | null {
  const figures = perCore.filter((one) => one !== null);
  const atLeast = medianOrWorse(figures, "smaller");
  const atMost = medianOrWorse(figures, "larger");
  if (atLeast === undefined || atMost === undefined) return null;
  const least = leastOf(vm);
  if (atLeast > posted) return { says: "more", historyCredits: atLeast };
  if (atMost < least) return { says: "less", historyCredits: atMost };
  return atMost <= posted && atLeast >= least ? { says: "agrees", historyCredits: atLeast } : null;
}

/**
 * What was posted is the larger of our meter and the network's bill. That the meter ran ahead of the bill is known and no
 * news; the history has to reach the bill.
 */
const leastOf = (vm: VmRecord): Credits => (vm.billedCredits ?? 0) - roundingOf(vm);

/** A credit for each started hour, as every line is rounded up (safety.md a.3). */
function roundingOf(vm: VmRecord): Credits {
  const sentMs = firstSendMs(vm) ?? vm.admittedAtMs;
  return Math.ceil(Math.max(0, (vm.endedAtMs ?? sentMs) - sentMs) / 3_600_000);
}

/** Beyond what rounding explains: the owner is told. */
export const isDrift = (vm: VmRecord, { says, historyCredits, postedCredits }: Charges): boolean =>
  says === "less" || (says === "more" && (historyCredits ?? 0) - postedCredits > roundingOf(vm));
