/** Liveness: after healing, everything ends, every hold is resolved once, the network has nothing of ours left alive. */
import type { VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { isToldOfHistory } from "./check-charges.ts";
import { toldOtherwise } from "./check-fold.ts";
import { extrasOf } from "./check-money.ts";
import { checkNoneLeft, runningYet } from "./check-copies.ts";
import type { Nodes } from "./nodes.ts";
import { type Checker, heldNow, isOpen, isOver, vmOfHash } from "./checker.ts";

export function atRest(checker: Checker, account: SimAccount, nodes: Nodes): boolean {
  const vms = [...account.data.vms.values()].map((row) => row.vm);
  const ledger = vms.every((vm) => isOver(vm) && !vm.holds.some(isOpen) && isClosed(vm) && isToldOfHistory(vm));
  if (!isCompared(account) || account.row.keyLost || vms.some((vm) => runningYet(nodes, vm).length > 0)) return false;
  return (
    ledger && account.payer.hashes.every((hash) => checker.core.aliveOn(hash) === 0 && isBooked(checker, account, hash))
  );
}

/** An orphan has no hold whose end could be waited for: its certificate and its bill are. */
const isClosed = (vm: VmRecord): boolean =>
  vm.orphan === undefined || (vm.settledAtMs !== null && (vm.state !== "TERMINATED" || vm.certificate !== null));
const WATCH_MS = 15 * 60_000;

/**
 * I10, while nothing is in the way: whatever an honest core node shows alive of a VM that is over has had a FORGET lately.
 * Looked at some minutes after healing, when each account has had its five minutes.
 */
export function checkWatched(checker: Checker, account: SimAccount): void {
  const { core, time } = checker;
  for (const hash of account.payer.hashes) {
    const message = core.messages.get(hash);
    const vm = vmOfHash(account, hash);
    if (message === undefined || vm === undefined || !isOver(vm) || core.aliveOn(hash) === 0) continue;
    // what one core node alone lists is nobody's concern before its time; then it comes into the ledger
    const sinceMs = Math.max(message.aliveSinceMs, checker.healedMs, vm.orphan?.foundAtMs ?? 0);
    if (time.nowMs - sinceMs < WATCH_MS) continue;
    const forgetMs = checker.memo(account).lastForget.get(hash) ?? 0;
    checker.must(time.nowMs - forgetMs < WATCH_MS, "I10", () => `came back unnoticed (${vm.vmId})`);
  }
}

export function checkRest(checker: Checker, account: SimAccount, nodes: Nodes): void {
  const { core } = checker;
  for (const { vm } of account.data.vms.values()) {
    const { vmId, state } = vm;
    checker.must(
      isOver(vm) && !vm.holds.some(isOpen),
      "I8",
      () => `never resolved: ${state} ${words(checker, vm.attempts)} (${vmId})`,
    );
    checker.must(isToldOfHistory(vm), "I7", () => `its credit history was never compared (${vmId})`);
    checker.must(vm.state !== "TERMINATED" || vm.certificate !== null, "I11", () => `no death certificate (${vmId})`);
    checkNoneLeft(checker, nodes, vm);
  }
  for (const hash of account.payer.hashes) {
    const vm = vmOfHash(account, hash);
    // what ended in a past that a restore took back is nowhere to be found any more
    const over = account.restoredTimes > 0 && core.aliveOn(hash) === 0;
    if (vm === undefined && over) continue;
    checker.must(vm !== undefined, "I9", () => `on the network, not in the ledger: ${hash.slice(0, 8)}`);
    checker.must(
      core.aliveOn(hash) === 0,
      "I10",
      () =>
        `left running: ${vm?.state} ${vm?.endReason} ${words(checker, [{ itemHash: hash }])}, seen as ${seenAs(vm)} (${vm?.vmId})`,
    );
    checker.must(
      isBooked(checker, account, hash),
      "I7",
      () =>
        `more billed than booked (${vm?.state} ${vm?.endReason} ${words(checker, [{ itemHash: hash }])}, seen as ${seenAs(vm)} ${vm?.vmId})`,
    );
  }
  checker.must(!account.row.keyLost, "I20", () => "the agent key opens again, and the account calls it lost");
  checker.must(isCompared(account), "I9", () => "a restored account was never compared with the network");
  checker.must(account.data.store.auditHolds(), "I17", () => "the audit chain is broken");
  const otherwise = toldOtherwise(account);
  checker.must(otherwise === null, "I17", () => `the audit tells another state: ${otherwise}`);
}

const isCompared = (account: SimAccount): boolean =>
  !account.row.restored || account.data.store.loadLists().reconciledAtMs !== null;

function isBooked(checker: Checker, account: SimAccount, hash: string): boolean {
  const vm = vmOfHash(account, hash);
  if (vm === undefined) return account.restoredTimes > 0 && checker.core.aliveOn(hash) === 0;
  // a VM's bill is that of all its attempts
  const consumed = (atMs: number): number =>
    vm.attempts.reduce((sum, one) => sum + checker.core.consumed(one.itemHash, atMs), 0);
  const booked = heldNow(vm) + extrasOf(account, vm.vmId);
  if (booked >= consumed(checker.time.nowMs)) return true;
  if (!vm.attempts.some((one) => billedAfter(checker, vm.settledAtMs, one.itemHash))) return false;
  // what was published before the books were closed is in them, whatever came later: frozen, revived or not
  const readMs = (vm.settledAtMs ?? 0) - 15_000;
  return booked >= consumed(readMs - checker.core.booksLagMs);
}

/** A node that was out of reach went on being billed after the books were closed: late, and bounded by its return. */
function billedAfter(checker: Checker, settledAtMs: number | null, hash: string): boolean {
  const last = checker.core.messages.get(hash)?.spans.at(-1);
  return settledAtMs !== null && last !== undefined && last.toMs > settledAtMs - checker.core.booksLagMs;
}

const seenAs = (vm: VmRecord | undefined): string =>
  vm?.attempts.flatMap((one) => one.views.map((view) => view?.says ?? "silent")).join(",") ?? "";

function words(checker: Checker, attempts: readonly { readonly itemHash: string }[]): string {
  return attempts.map((one) => checker.core.messages.get(one.itemHash)?.words.join(",") ?? "unknown").join(" ");
}
