/**
 * What happens to a VM's holds when it ends and when its bill is in: shrunk, voided, posted, each at most once.
 *
 * Pure. A VM may have several holds (its create, then extensions); the bill fills them oldest first and the rest goes
 * free (design.md §12.3). Only *ended*, *rejected* or *never sent* frees anything.
 */
import { lateBound, metered, stillHeld } from "./credits.ts";
import { firstSendMs, isLive } from "./lifecycle.ts";
import type { Credits, Hold, VmRecord } from "./types.ts";

/** Money beyond what a hold still holds: dated when found, counted in every later admission. */
export type Extra = { readonly kind: "correction" | "overrun"; readonly credits: Credits; readonly late: boolean };
export type Settlement = { readonly holds: readonly Hold[]; readonly extra: Extra | null };

const total = (holds: readonly Hold[], of: (hold: Hold) => Credits): Credits =>
  holds.reduce((sum, hold) => sum + of(hold), 0);

/** Gives each hold its part of `amount`, oldest first, never more than it may carry. */
function fill(
  holds: readonly Hold[],
  amount: Credits,
  room: (hold: Hold) => Credits,
  state: Hold["state"],
): readonly Hold[] {
  let left = amount;
  return holds.map((hold) => {
    const credits = Math.min(left, room(hold));
    left -= credits;
    return { ...hold, credits, state: credits === 0 ? "voided" : state };
  });
}

/** At FAILED everything is voided; at TERMINATED the holds shrink to our meter and a margin, or to the bill seen so far. */
export function atEnd(vm: VmRecord, seenCredits: Credits = 0): readonly Hold[] {
  const open = vm.holds.filter((hold) => hold.state === "held");
  if (open.length === 0 || vm.endedAtMs === null) return vm.holds;
  if (vm.state === "FAILED") return vm.holds.map((hold) => ({ ...hold, credits: 0, state: "voided" as const }));
  const still = Math.min(
    total(open, (hold) => hold.credits),
    stillHeld(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs),
  );
  return fill(vm.holds, Math.max(still, seenCredits), (hold) => hold.credits, "shrunk");
}

/** What a VM may cost before it is an overrun; a refused create gave its money back. */
export const originalOf = (vm: VmRecord): Credits =>
  vm.state === "FAILED" ? 0 : total(vm.holds, (hold) => hold.creditsOriginal);

/**
 * Three hours after the end: posted at the larger of our meter and the network's bill (safety.md a.3). `booked` are the
 * overrun rows that were found while it was alive; they are not booked again.
 */
export function settle(vm: VmRecord, billed: Credits, booked: Credits = 0): Settlement {
  if (vm.endedAtMs === null || vm.settledAtMs !== null) return { holds: vm.holds, extra: null };
  const original = originalOf(vm);
  const shrunk = total(vm.holds, (hold) => hold.credits);
  const meter = Math.min(original, metered(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs));
  const due = Math.max(billed, Math.min(meter, shrunk));
  const holds =
    vm.state === "FAILED" ? vm.holds : fill(vm.holds, Math.min(due, shrunk), (hold) => hold.credits, "posted");
  return { holds, extra: beyond(vm, due, shrunk + booked, original) };
}

/** The same for what the credit history shows later than any bill: only what was not posted yet. */
export const settleLate = (vm: VmRecord, charged: Credits): Extra | null =>
  beyond(vm, charged, vm.settledCredits ?? 0, originalOf(vm));

function beyond(vm: VmRecord, due: Credits, covered: Credits, original: Credits): Extra | null {
  if (due <= covered) return null;
  const credits = due - covered;
  if (!hasNoHold(vm) && due <= original) return { kind: "correction", credits, late: true };
  return { kind: "overrun", credits, late: isLate(vm, due - original, vm.endedAtMs ?? 0) };
}

/** A refused create that somebody revived, or an orphan: all that is billed for it is beyond. What freezes is the sight. */
const hasNoHold = (vm: VmRecord): boolean => vm.state === "FAILED" || vm.orphan !== undefined;

/**
 * Whether an overrun is only what an unreachable network goes on billing: its attempt is closed, its FORGET was tried as
 * soon as anybody listened, and the excess is within the time that it took. While it is still alive `untilMs` is now.
 */
export function isLate(vm: VmRecord, excess: Credits, untilMs: number): boolean {
  if (hasNoHold(vm)) return true;
  const sent = vm.attempts.filter((attempt) => attempt.firstSendMs !== null);
  const tried = isLive(vm) || sent.every((attempt) => attempt.firstForgetMs !== null);
  const closed = sent.every((attempt) => attempt.closedAtMs !== null);
  return tried && closed && excess <= lateBound(vm.rateAttoPerS, untilMs, vm.expiresAtMs);
}

/** What a VM has cost so far: what was posted, or our meter, never more than its holds. */
export function costSoFar(vm: VmRecord, nowMs: number): Credits {
  if (vm.settledCredits !== null) return vm.settledCredits;
  if (vm.state === "FAILED") return 0;
  const original = total(vm.holds, (hold) => hold.creditsOriginal);
  return Math.min(original, metered(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs ?? nowMs));
}

export const heldFor = (vm: VmRecord): Credits =>
  total(vm.holds, (hold) => (hold.state === "held" || hold.state === "shrunk" ? hold.credits : 0));
