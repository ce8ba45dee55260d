/**
 * What happens to a VM's holds when it ends and when its bill is in: shrunk, voided, posted, each at most once.
 *
 * Pure. A VM may have several holds (its create, then extensions); the bill fills them oldest first and the rest goes
 * free (design.md §12.3). Only *ended*, *rejected* or *never sent* frees anything.
 */
import { lateBound, metered, stillHeld } from "./credits.ts";
import { firstSendMs } from "./lifecycle.ts";
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

/** At FAILED everything is voided; at TERMINATED the holds shrink to our meter and a margin. */
export function atEnd(vm: VmRecord): readonly Hold[] {
  const open = vm.holds.filter((hold) => hold.state === "held");
  if (open.length === 0 || vm.endedAtMs === null) return vm.holds;
  if (vm.state === "FAILED") return vm.holds.map((hold) => ({ ...hold, credits: 0, state: "voided" as const }));
  const still = Math.min(
    total(open, (hold) => hold.credits),
    stillHeld(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs),
  );
  return fill(vm.holds, still, (hold) => hold.credits, "shrunk");
}

/** Three hours after the end: posted at the larger of our meter and the network's bill (safety.md a.3). */
export function settle(vm: VmRecord, billed: Credits): Settlement {
  if (vm.endedAtMs === null || vm.settledAtMs !== null) return { holds: vm.holds, extra: null };
  // A refused create gave its money back; whatever is billed for it all the same is beyond any hold.
  const original = vm.state === "FAILED" ? 0 : total(vm.holds, (hold) => hold.creditsOriginal);
  const shrunk = total(vm.holds, (hold) => hold.credits);
  const meter = Math.min(original, metered(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs));
  const due = Math.max(billed, Math.min(meter, shrunk));
  const holds =
    vm.state === "FAILED" ? vm.holds : fill(vm.holds, Math.min(due, shrunk), (hold) => hold.credits, "posted");
  return { holds, extra: beyond(vm, due, shrunk, original) };
}

function beyond(vm: VmRecord, due: Credits, shrunk: Credits, original: Credits): Extra | null {
  if (due <= shrunk) return null;
  // A refused create that somebody revived, or an orphan: it has no hold, so all of it is beyond. What freezes is the sight.
  if (vm.state === "FAILED" || vm.orphan !== undefined) return { kind: "overrun", credits: due, late: true };
  if (due <= original) return { kind: "correction", credits: due - shrunk, late: true };
  const sent = vm.attempts.filter((attempt) => attempt.firstSendMs !== null);
  const closed = sent.every((attempt) => attempt.closedAtMs !== null && attempt.firstForgetMs !== null);
  const bound = lateBound(vm.rateAttoPerS, vm.endedAtMs ?? 0, vm.expiresAtMs);
  return { kind: "overrun", credits: due - shrunk, late: closed && due - original <= bound };
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
