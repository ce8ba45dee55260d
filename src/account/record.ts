/**
 * Writes down what was learnt: the VM, its holds, the books, the notices and the audit, all in the caller's transaction.
 *
 * Synchronous. The rules say what becomes of the VM; this file only makes sure that everything which follows from a
 * change is stored together with it.
 */
import { canUndo, type Signers, storedBy } from "./attempts.ts";
import { lastBill, NO_BILL, seenCredits } from "./bill.ts";
import type { Learned } from "./effects.ts";
import { bookExtra, changeHolds } from "./books.ts";
import { awaitsCharges, type Charges, compareCharges, isDrift } from "./charges.ts";
import {
  close,
  currentAttempt,
  isLive,
  onErase,
  onForgetSent,
  onForgetSpent,
  onFrozenRates,
  onNodeSight,
  onRound,
  onSigned,
  onTime,
  resurrected,
  whenUnreachable,
} from "./lifecycle.ts";
import { standsStill, withSuccessor } from "./failover.ts";
import { freeze } from "./freeze.ts";
import { noteLost } from "./lost-key.ts";
import type { Moment } from "./moment.ts";
import { noteVm } from "./pacing.ts";
import { planVm, type Step, stepKey } from "./plan.ts";
import { atEnd, type Extra, settle, settleLate } from "./settlement.ts";
import { standing } from "./approvals.ts";
import { sampleOf } from "./sample.ts";
import { onBlamed, onExcused, onNextNode } from "./successor.ts";
import { certify } from "./certificate.ts";
import { onCopyErased, withSightings } from "./copies.ts";
import type { Credits, EndReason, Forget, VmRecord } from "./types.ts";

/** A teardown that takes longer than this is shown to the owner (safety.md a.4). */
const SLOW_TEARDOWN_MS = 15 * 60_000;
const OWN_DOING: ReadonlySet<EndReason> = new Set(["destroyed", "stopped", "revoked", "ttl"]);

/** `about`: the VM and the attempt that the step was for. */
export function learn(
  moment: Moment,
  about: { readonly vmId: string; readonly itemHash: string },
  learned: readonly Learned[],
  delegationInForce: boolean,
): void {
  for (const one of learned) {
    const vm = moment.store.loadVm(about.vmId);
    if (vm === undefined) return;
    if (one.kind === "key_lost") noteLost(moment, one.address);
    else if (one.kind === "billed") settled(moment, vm, one.perCore);
    else if (one.kind === "charged") charged(moment, vm, one.perCore);
    else if (isOfNow(vm, about.itemHash, one)) saveChange(moment, vm, next(moment, vm, one, delegationInForce));
  }
}

const OF_THE_CURRENT: ReadonlySet<Learned["kind"]> = new Set(["node", "node_refused", "next_node", "rates", "erase"]);

/** What a late answer says of an earlier attempt's node or price is not true of the attempt that followed it. */
const isOfNow = (vm: VmRecord, itemHash: string, { kind }: Learned): boolean =>
  !OF_THE_CURRENT.has(kind) || currentAttempt(vm).itemHash === itemHash;
export const signersOf = ({ account }: Moment, delegationInForce: boolean): Signers => ({
  owner: account.owner,
  agent: account.agentAddress,
  delegationInForce,
});

function next(
  moment: Moment,
  vm: VmRecord,
  learned: Exclude<Learned, { kind: "key_lost" | "billed" | "charged" }>,
  delegationInForce: boolean,
): VmRecord {
  const { nowMs } = moment;
  switch (learned.kind) {
    case "signed":
      return signedNow(moment, vm, { ...learned, atMs: nowMs });
    case "more_forgets":
      return { ...vm, forgets: [...vm.forgets, ...unlike(vm.forgets, learned.forgets)] };
    case "round":
      return onRound(vm, learned.itemHash, {
        said: learned.said,
        atMs: nowMs,
        delegationInForce: canUndo(vm.forgets, learned.itemHash, signersOf(moment, delegationInForce)),
      });
    case "forget_sent":
      return onForgetSent(vm, learned.itemHash, nowMs);
    case "forget_spent":
      return onForgetSpent(vm, learned.forgetHash, learned.core);
    case "node":
      return onNodeSight(vm, { ...learned.sight, atMs: nowMs }, whenUnreachable(moment.policy));
    case "node_refused":
      return vm.state === "PROVISIONING" ? close(vm, "boot_failed", nowMs) : vm;
    case "node_excused":
      return onExcused(vm, learned.itemHash);
    case "next_node":
      return onNextNode(vm, learned.node, nowMs);
    case "blamed":
      return onBlamed(vm, learned.itemHash);
    case "rates":
      return onFrozenRates(vm, learned.rates, nowMs);
    case "erase":
      return onErase(vm, learned.outcome);
    case "copies":
      return withSightings(vm, learned.seen, nowMs);
    case "copy_erased":
      return onCopyErased(vm, learned.itemHash, learned.nodeHash);
    case "witnesses":
      return certify(withSightings(vm, learned.copies, nowMs), learned.witnesses, nowMs);
  }
}

/** Two that were composed in one moment, for two keys say, have one hash, and a core node knows one message by it. */
function unlike(before: readonly Forget[], fresh: readonly Forget[]): readonly Forget[] {
  const known = new Set(before.map(({ itemHash }) => itemHash));
  return fresh.filter(({ itemHash }) => !known.has(itemHash));
}

/** A freeze that came between the decision and its signature: what never left does not leave any more. */
function signedNow(moment: Moment, vm: VmRecord, signed: Parameters<typeof onSigned>[1]): VmRecord {
  const void_ = vm.attempts.length > 1 && !moment.mayHaveLeft && standsStill(moment, vm);
  return void_ ? close(vm, "never_sent", moment.nowMs) : onSigned(vm, signed);
}

/** A VM whose standing changed, with all that follows from it: holds, books, audit, pace, notices. */
export function saveChange(moment: Moment, before: VmRecord, changed: VmRecord): void {
  if (changed === before) return;
  moment.touched = true;
  const after = isLive(before) ? withSuccessor(moment, before, changed) : changed;
  const ends = isLive(before) && !isLive(after);
  const holds = ends ? atEnd(after, seenCredits(moment.store.loadBill(after.vmId) ?? NO_BILL)) : after.holds;
  const vm = { ...after, holds };
  changeHolds(moment.store, before.holds, holds, moment.nowMs);
  moment.store.saveVm(vm, isTended(moment, vm));
  if (before.state !== vm.state) moment.audit(`vm.${vm.state.toLowerCase()}`, { vmId: vm.vmId, reason: vm.endReason });
  if (ends) ended(moment, vm);
  noteVm(moment, before, vm);
  noteNode(moment, before, vm);
  tell(moment, before, vm);
}

/** Nothing is learnt of a restored account: when it sent what is no longer known. */
function noteNode(moment: Moment, before: VmRecord, vm: VmRecord): void {
  const { account, nowMs, seen } = moment;
  const sample = sampleOf(before, vm, { nowMs, mayErase: !account.keyLost && account.delegation === "ok" });
  if (sample !== null && !account.restored) seen.push(sample);
}

function isTended(moment: Moment, vm: VmRecord): boolean {
  const tended = stepsOf(moment, vm).length > 0;
  if (!tended) moment.store.clearTried(vm.vmId);
  return tended;
}

function ended(moment: Moment, vm: VmRecord): void {
  moment.tellOwner("vm_ended", vm.vmId, { vmId: vm.vmId, reason: vm.endReason });
  if (vm.healthyAtMs === null && vm.endReason !== null && !OWN_DOING.has(vm.endReason)) returnApproval(moment, vm);
}

/** One bad node must not use up the owner's signature: it returns once, lowered by what this VM has cost. */
function returnApproval(moment: Moment, vm: VmRecord): void {
  const approval = vm.approvalId === null ? undefined : moment.store.loadApproval(vm.approvalId);
  const version = moment.policy?.version ?? 0;
  if (
    approval === undefined ||
    approval.state !== "used" ||
    approval.returned === true ||
    standing({ ...approval, state: "approved" }, version, moment.nowMs) !== "approved"
  )
    return;
  const cost = vm.holds.reduce((sum, hold) => sum + hold.credits, 0);
  const facts = { ...approval.facts, costCreditsMax: Math.max(0, approval.facts.costCreditsMax - cost) };
  moment.store.saveApproval({ ...approval, facts, state: "approved", returned: true });
  moment.audit("approval.returned", { approvalId: approval.approvalId, credits: facts.costCreditsMax });
}

function tell(moment: Moment, before: VmRecord, vm: VmRecord): void {
  const { vmId } = vm;
  if (vm.endReason === "price" && before.endReason === null) moment.tellOwner("price_above_hold", vmId, { vmId });
  if (vm.unreachableSinceMs !== null && moment.nowMs - vm.unreachableSinceMs >= 300_000)
    moment.tellOwner("vm_unreachable", vmId, { vmId });
  if (vm.state === "STOPPING" && moment.nowMs - (vm.stopAskedAtMs ?? moment.nowMs) >= SLOW_TEARDOWN_MS)
    moment.tellOwner("teardown_slow", vmId, { vmId });
  for (const attempt of resurrected(vm, moment.nowMs)) cameBack(moment, vm, attempt.itemHash);
}

/** A refused create that two core nodes show alive bills the payer: only evidence like this freezes an account. */
function cameBack(moment: Moment, vm: VmRecord, itemHash: string): void {
  freeze(moment, "dormant_alive");
  moment.tellOwner("dormant_alive", itemHash, { vmId: vm.vmId, itemHash });
}

/** Settled once the last bill is known; a bill beyond the holds takes two core nodes and two looks. */
function settled(moment: Moment, vm: VmRecord, perCore: readonly (Credits | null)[]): void {
  if (vm.settledAtMs !== null) return;
  const before = moment.store.loadBill(vm.vmId) ?? NO_BILL;
  const { keep, credits } = lastBill(vm, perCore, before, moment.nowMs);
  if (keep !== before) {
    moment.store.saveBill(vm.vmId, keep);
    moment.touched = true;
  }
  if (credits !== null) settleAt(moment, vm, credits, keep.bookedCredits);
}

function settleAt(moment: Moment, vm: VmRecord, billed: Credits, booked: Credits): void {
  const { holds, extra } = settle(vm, billed, booked);
  changeHolds(moment.store, vm.holds, holds, moment.nowMs);
  const settledCredits = holds.reduce((sum, hold) => sum + hold.credits, 0) + booked + (extra?.credits ?? 0);
  const done = { ...vm, holds, settledAtMs: moment.nowMs, settledCredits, billedCredits: billed };
  moment.store.saveVm(done, isTended(moment, done));
  moment.audit("vm.settled", { vmId: vm.vmId, billedCredits: billed });
  if (extra !== null) bookBeyond(moment, vm, extra, vm.vmId);
}

function bookBeyond(moment: Moment, vm: VmRecord, extra: Extra, about: string): void {
  bookExtra(moment.store, vm, extra, moment.nowMs);
  moment.tellOwner(extra.kind, about, { vmId: vm.vmId, credits: extra.credits, late: extra.late });
  if (extra.kind === "overrun" && !extra.late) freeze(moment, "overrun");
}

/** The credit history, long after the bill: what it shows beyond is booked, whatever the limits say. */
function charged(moment: Moment, vm: VmRecord, perCore: readonly (Credits | null)[]): void {
  if (!awaitsCharges(vm)) return;
  const charges = compareCharges(vm, perCore, moment.nowMs);
  if (charges === null) return;
  const extra = charges.sure && charges.says === "more" ? settleLate(vm, charges.historyCredits ?? 0) : null;
  const compared = { ...vm, charges, settledCredits: (vm.settledCredits ?? 0) + (extra?.credits ?? 0) };
  moment.store.saveVm(compared, isTended(moment, compared));
  moment.touched = true;
  if (extra !== null) bookBeyond(moment, vm, extra, `${vm.vmId}:history`);
  if (charges.sure) noteCharges(moment, vm, charges);
}

function noteCharges(moment: Moment, vm: VmRecord, charges: Charges): void {
  const { says, historyCredits, postedCredits } = charges;
  const facts = { vmId: vm.vmId, says, historyCredits, postedCredits };
  moment.audit("vm.charges", facts);
  if (isDrift(vm, charges)) moment.tellOwner("history_drift", vm.vmId, facts);
}

/** Lets time do its part: deadlines, what nothing was ever sent of, and the end of the watch of what is over. */
export function tend(moment: Moment): void {
  for (const { vm, steps } of plansOf(moment).each) {
    if (isDoneWith(vm, steps)) endWatch(moment, vm);
    else saveChange(moment, vm, afterTime(moment, vm));
  }
}

/** What there is to do for all VMs, due or not, and whether `tend` would change anything now: of one reading. */
export function planned(moment: Moment): { readonly steps: readonly Step[]; readonly timeDecides: boolean } {
  const { each, steps } = plansOf(moment);
  const decides = (plan: VmPlan): boolean => afterTime(moment, plan.vm) !== plan.vm || isDoneWith(plan.vm, plan.steps);
  return { steps, timeDecides: each.some(decides) };
}

type VmPlan = { readonly vm: VmRecord; readonly steps: readonly Step[] };
type Plans = { readonly each: readonly VmPlan[]; readonly steps: readonly Step[] };

function plansOf(moment: Moment): Plans {
  const each = moment.store.loadTended().map((vm) => ({ vm, steps: stepsOf(moment, vm) }));
  return { each, steps: each.flatMap(({ steps }) => steps) };
}

const afterTime = (moment: Moment, vm: VmRecord): VmRecord =>
  onTime(vm, moment.nowMs, moment.mayHaveLeft, vm.state === "PROVISIONING" ? lookedAtMs(moment, vm) : moment.nowMs);

/** When a look at its node last came to an end; 0: never. */
function lookedAtMs({ store }: Moment, vm: VmRecord): number {
  const tried = store.loadLog(vm.vmId).get(stepKey("node", currentAttempt(vm).itemHash));
  return tried === undefined || tried.leaseUntilMs > 0 ? 0 : tried.lastMs;
}

const isDoneWith = (vm: VmRecord, steps: readonly Step[]): boolean => !isLive(vm) && steps.length === 0;

/** A watch runs out by time alone, so nothing was learnt with which it would be stored. */
function endWatch(moment: Moment, vm: VmRecord): void {
  moment.store.saveVm(vm, isTended(moment, vm));
  moment.touched = true;
}

const stepsOf = ({ account, store, nowMs }: Moment, vm: VmRecord): readonly Step[] =>
  planVm(storedBy(vm, account.agentAddress), store.loadLog(vm.vmId), nowMs);
