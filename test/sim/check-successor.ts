/**
 * I4 for failover, from the network's truth: another attempt of a VM is decided, signed and sent only while no configured
 * honest core node has an earlier one alive, or in a state from which it could come back.
 */
import type { Attempt, CoreWord, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { checkMachine } from "./check-policy.ts";
import { type Checker, heldNow, type Memo } from "./checker.ts";

const ATTEMPTS_MAX = 3;
const isFinal = (word: CoreWord): boolean => word === "forgotten" || word === "removed";

/** The attempts of a VM have become more. */
export function checkSuccessor(
  checker: Checker,
  account: SimAccount,
  memo: Memo,
  before: VmRecord,
  after: VmRecord,
): void {
  const { vmId, attempts } = after;
  const { state, restored, keyLost } = account.row;
  const grant = account.data.grants.get(after.grantId)?.state;
  checker.must(attempts.length === before.attempts.length + 1, "I4", () => `two attempts decided at once (${vmId})`);
  checker.must(attempts.length <= ATTEMPTS_MAX, "I4", () => `attempt ${attempts.length} (${vmId})`);
  othersAreGone(checker, after, attempts.at(-1) as Attempt);
  const runs = state === "active" && !restored && !keyLost && grant === "active";
  checker.must(runs, "I20", () => `a successor in a ${state} account for a ${grant} grant (${vmId})`);
  const policy = account.data.store.currentPolicy();
  if (policy !== null) checkMachine(checker, policy, after);
  checker.must(!memo.obeyed.has(vmId), "I11", () => `a successor after its end was asked for (${vmId})`);
  checker.must(after.expiresAtMs === before.expiresAtMs, "I14", () => `a successor moved the end (${vmId})`);
  const end = `"expires_at":"${new Date(before.expiresAtMs).toISOString()}"`;
  checker.must(attempts.at(-1)?.itemContent.includes(end) === true, "I14", () => `signed for another end (${vmId})`);
  checker.must(heldNow(after) === heldNow(before), "I6", () => `a successor changed what is held (${vmId})`);
  const nodes = new Set(attempts.map((one) => one.node.nodeHash));
  checker.must(nodes.size === attempts.length, "I4", () => `a node that had failed was taken again (${vmId})`);
}

/** Also when it is signed: a freeze that came between has to be obeyed, unless it may have left before a restore. */
export function checkSuccessorSigned(checker: Checker, account: SimAccount, vm: VmRecord, attempt: Attempt): void {
  if (attempt.number === 1) return;
  const grant = account.data.grants.get(vm.grantId)?.state;
  const runs = account.restoredTimes > 0 || (account.row.state === "active" && grant === "active");
  checker.must(runs, "I20", () => `a successor signed while frozen (${vm.vmId})`);
  checker.seen.see(attempt.number === 2 ? "a successor is sent" : "a third attempt is sent");
}

/** At the decision, and again whenever bytes of an attempt leave. */
export function othersAreGone(checker: Checker, vm: VmRecord, attempt: Attempt): void {
  for (const { itemHash, number, firstSendMs } of vm.attempts) {
    if (itemHash === attempt.itemHash || firstSendMs === null) continue;
    const open = checker.core.honestWith(itemHash, (word) => !isFinal(word));
    checker.must(
      open === 0,
      "I4",
      () => `attempt ${attempt.number} while ${open} honest core nodes may have attempt ${number} (${vm.vmId})`,
    );
  }
}
