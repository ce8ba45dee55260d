/** I7, after the settlement: the credit history adds what the network shows beyond what was posted, and nothing else. */
import type { VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { creditsFor } from "./check-admission.ts";
import { extrasOf } from "./check-money.ts";
import { type Checker, GRACE_S, heldNow, S } from "./checker.ts";

/** Whatever was settled has its history compared in the end. */
export const isToldOfHistory = (vm: VmRecord): boolean => vm.settledAtMs === null || vm.charges?.sure === true;

/** By content: what a database gives back is another object each time. */
export const isComparedAnew = (before: VmRecord, after: VmRecord): boolean =>
  after.settledCredits !== before.settledCredits || JSON.stringify(after.charges) !== JSON.stringify(before.charges);

export function checkCharges(checker: Checker, account: SimAccount, before: VmRecord, after: VmRecord): void {
  if (before.settledAtMs === null) return;
  const { vmId, charges } = after;
  const [was, is] = [before.settledCredits ?? 0, after.settledCredits ?? 0];
  checker.must(before.charges?.sure !== true, "I8", () => `compared again with the credit history (${vmId})`);
  checker.must(is >= was, "I7", () => `the credit history gave back ${was - is} (${vmId})`);
  // read a moment before it was written down
  const least = shown(checker, after, checker.time.nowMs - 15 * S);
  const most = shown(checker, after, checker.time.nowMs);
  checker.must(is === was || is <= most, "I7", () => `booked ${is}, the history shows ${most} (${vmId})`);
  if (charges?.sure !== true) return;
  const booked = heldNow(after) + extrasOf(account, vmId);
  checker.must(is === booked, "I3", () => `settled at ${is}, the rows say ${booked} (${vmId})`);
  const dark = charges.says === "unknown";
  checker.must(dark || booked >= least, "I7", () => `booked ${booked}, the history shows ${least} (${vmId})`);
  checkWord(checker, account, { vm: after, was, least, most });
  checkSilence(checker, account, after, most);
  checkFrozen(checker, account, before, after);
}

const shown = ({ core }: Checker, vm: VmRecord, atMs: number): number =>
  vm.attempts.reduce((sum, one) => sum + core.history(one.itemHash, atMs), 0);

/** As the ledger dates it: from when it was signed, which is before the first byte left. */
function ranS({ attempts, endedAtMs }: VmRecord): number {
  const sentMs = attempts.find((one) => one.firstSendMs !== null)?.firstSendMs ?? endedAtMs;
  return Math.ceil(Math.max(0, (endedAtMs ?? 0) - (sentMs ?? 0)) / S);
}
const hoursOf = (vm: VmRecord): number => Math.ceil(ranS(vm) / 3_600);

/** What is said of the history is true on the honest core nodes, and what matters reaches the owner. */
function checkWord(
  checker: Checker,
  account: SimAccount,
  { vm, was, least, most }: { vm: VmRecord; was: number; least: number; most: number },
): void {
  const { seen } = checker;
  const says = vm.charges?.says;
  if (says === "agrees") return seen.see("the credit history agrees");
  if (says === "more") {
    seen.see("the credit history shows more than was posted");
    checker.must(most > was, "I7", () => `the history shows ${most}, posted were ${was} (${vm.vmId})`);
  } else if (says === "less") {
    // honest core nodes bill from the rows of the history, so no history met this yet; a planted bug may
    checker.must(least < was, "I7", () => `the history shows ${least}, posted were ${was} (${vm.vmId})`);
  }
  const apart = says === "less" || (says === "more" && least - was > hoursOf(vm));
  const told = account.data.store
    .loadNotices()
    .some((one) => one.kind === "history_drift" && one.facts["vmId"] === vm.vmId);
  checker.must(told || !apart, "I7", () => `nobody is told of the credit history (${vm.vmId})`);
}

/** Beyond our meter it was the bill that was posted; if the history does not reach it, that is news. */
function checkSilence(checker: Checker, account: SimAccount, vm: VmRecord, most: number): void {
  if (vm.charges?.says !== "agrees" || account.restoredTimes > 0 || vm.orphan !== undefined) return;
  const meter = creditsFor(vm.rateAttoPerS, ranS(vm));
  const posted = vm.settledCredits ?? 0;
  checker.must(
    posted <= meter || most >= posted - hoursOf(vm),
    "I7",
    () => `the bill of ${posted} is not in the history of ${most}, and nobody says so (${vm.vmId})`,
  );
}

/** An overrun that the history shows freezes like any other, unless it is only late. */
function checkFrozen(checker: Checker, account: SimAccount, before: VmRecord, after: VmRecord): void {
  const { vmId, settledCredits } = after;
  const original = after.holds.reduce((sum, hold) => sum + hold.creditsOriginal, 0);
  const grew = (settledCredits ?? 0) > (before.settledCredits ?? 0);
  if (!grew || (settledCredits ?? 0) <= original || account.row.state === "frozen") return;
  if (after.state === "FAILED" || after.orphan !== undefined) return;
  const overS = Math.max(0, ((after.endedAtMs ?? 0) - after.expiresAtMs) / S + 900 - GRACE_S);
  const bound = creditsFor(after.rateAttoPerS, overS) + Math.ceil(overS / 3_600);
  checker.must((settledCredits ?? 0) - original <= bound, "I7", () => `an overrun without a freeze (${vmId})`);
}
