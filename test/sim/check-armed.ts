/** I12: between events, when nothing runs, unresolved work is armed: here, or with the second clock. */
import type { VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { type Checker, isOver, S } from "./checker.ts";

export function checkArmed(checker: Checker, account: SimAccount, watchDueMs: number | null): void {
  if (account.isAsleep || account.isRunning || !account.clockIsRight) return;
  const memo = checker.memo(account);
  // with the same rows and the same alarms what held a moment ago holds now: due times only move away
  const { version } = account.data;
  if (memo.armedAt === version && memo.armedMs === account.alarmAtMs && memo.watchDueMs === watchDueMs) return;
  memo.armedAt = version;
  memo.armedMs = account.alarmAtMs;
  memo.watchDueMs = watchDueMs;
  const dues = account.data.store.loadTended().map((vm) => mustLookAtMs(vm, account.row.restored, checker.time.nowMs));
  if (dues.length === 0) return;
  const dueMs = Math.max(checker.time.nowMs, Math.min(...dues));
  const armedMs = Math.min(account.alarmAtMs ?? Infinity, watchDueMs ?? Infinity);
  checker.must(
    armedMs <= dueMs + 5 * S,
    "I12",
    () => `${account.name}: work due in ${dueMs - checker.time.nowMs} ms, armed for ${armedMs - checker.time.nowMs}`,
  );
}

/** The latest time by which an account has to look at a VM, from the table of clocks in safety.md a.4. */
function mustLookAtMs(vm: VmRecord, restored: boolean, nowMs: number): number {
  const unsent = vm.attempts.at(-1)?.firstSendMs === null;
  if (vm.state === "REQUESTED" && unsent) return restored ? Infinity : vm.stateSinceMs + 120_000 + 5_000;
  // a restore forgot whether it was sent: it is signed again, sooner or later
  if (vm.state === "UNKNOWN" && unsent && vm.endReason !== null) return nowMs + 35_000;
  if (vm.state === "STOPPING") return Math.max(vm.stateSinceMs + 90_000, nowMs + 305_000);
  if (!isOver(vm)) return vm.expiresAtMs;
  if (vm.settledAtMs !== null && vm.charges?.sure !== true)
    return Math.max(vm.settledAtMs + 90 * 60_000, nowMs + 4 * 3_600_000 + 5_000);
  const settleMs = (vm.endedAtMs ?? 0) + 3 * 3_600_000;
  return vm.settledAtMs === null && vm.state === "TERMINATED" ? Math.max(settleMs, nowMs + 905_000) : Infinity;
}
