/**
 * Decides, in the transaction that records the end of an attempt, whether another one follows, and makes its rows.
 *
 * Synchronous, one moment. Whatever would refuse this agent a new create for the account's or its own sake refuses a
 * successor too: it starts something new, only without new money.
 */
import { newSuccessor } from "./birth.ts";
import { accountGate, ours } from "./checks.ts";
import { isLive } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import { guardPayer, payerLine } from "./payer.ts";
import { decideMachine } from "./policy.ts";
import { successorMachine } from "./requests.ts";
import { followedOn, succeeded } from "./successor.ts";
import type { NodeRef, VmRecord } from "./types.ts";

/** The payer is read every five minutes while anything lives. */
const PAYER_AGE_MS_MAX = 15 * 60_000;

/** `ended` as it is, or with its next attempt, live again under the same hold. */
export function withSuccessor(moment: Moment, before: VmRecord, ended: VmRecord): VmRecord {
  const node = isLive(ended) ? null : followedOn(before, ended, moment.nowMs);
  if (node === null || !mayStart(moment, ended) || !isAllowed(moment, ended, node)) return ended;
  const vm = succeeded(ended, newSuccessor(moment, ended, node), moment.nowMs);
  const facts = { vmId: vm.vmId, attempt: vm.attempts.length, crnId: node.nodeHash };
  moment.audit("vm.successor", { ...facts, reason: ended.endReason });
  moment.tellOwner("vm_moved", `${vm.vmId}:${vm.attempts.length}`, facts);
  return vm;
}

/** Nothing new starts for this agent while its account or its grant stands still, whoever stopped it. */
export function standsStill(moment: Moment, vm: VmRecord): boolean {
  const grant = moment.store.loadGrant(vm.grantId);
  return moment.account.state === "frozen" || grant === undefined || grant.state !== "active";
}

function mayStart(moment: Moment, vm: VmRecord): boolean {
  const { account, store, nowMs } = moment;
  const grant = store.loadGrant(vm.grantId);
  if (standsStill(moment, vm) || grant === undefined || grant.expiresAtMs <= nowMs) return false;
  return accountGate(moment, grant, account.delegation) === null && isAboveLine(moment);
}

/** The owner's other machines come first: no successor while the payer stands below the one-day line (design.md §5). */
function isAboveLine(moment: Moment): boolean {
  const payer = moment.store.loadPayer();
  if (payer === null || moment.nowMs - payer.asOfMs > PAYER_AGE_MS_MAX) return false;
  const line = payerLine(payer, ours(moment, null), moment.nowMs);
  return line !== undefined && guardPayer(line, 0) === null;
}

/** The policy of now, which may have narrowed since the VM was admitted: what it lets no create start, it starts no more. */
function isAllowed({ policy, nowMs }: Moment, vm: VmRecord, node: NodeRef): boolean {
  if (policy === null || policy.expiresAtMs <= nowMs) return false;
  if (vm.endReason === "unreachable" && policy.on.vmUnreachable !== "recreate") return false;
  return decideMachine(policy, successorMachine(vm, node)) === null;
}
