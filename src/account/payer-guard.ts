/**
 * Acts on one reading of the payer: overruns and drifts of what runs, then the line of one day, then removals.
 *
 * Synchronous, in the caller's transaction. The rules are in `bill.ts` and `payer-watch.ts`; what follows from their
 * verdicts is stored here together with what they remember.
 */
import { type Compared, compareBill, isSuspect, NO_BILL } from "./bill.ts";
import { bookExtra } from "./books.ts";
import { isRemoving, ourVms } from "./checks.ts";
import { close, firstSendMs, isLive } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { UNWATCHED, watchPayer } from "./payer-watch.ts";
import { freeze } from "./freeze.ts";
import { saveChange } from "./record.ts";
import type { EndReason, VmRecord } from "./types.ts";

export function guardRunning(moment: Moment, facts: PayerFacts): void {
  for (const vm of moment.store.loadTended()) if (isBilled(vm)) compare(moment, vm, facts);
  watch(moment, facts);
}

const isBilled = (vm: VmRecord): boolean => vm.settledAtMs === null && firstSendMs(vm) !== null;

function compare(moment: Moment, vm: VmRecord, facts: PayerFacts): void {
  const before = moment.store.loadBill(vm.vmId) ?? NO_BILL;
  const compared = compareBill(vm, facts, before, moment.nowMs);
  if (JSON.stringify(compared.keep) !== JSON.stringify(before)) moment.store.saveBill(vm.vmId, compared.keep);
  if (compared.drift !== null) moment.tellOwner("bill_drift", vm.vmId, { vmId: vm.vmId, ...compared.drift });
  if (compared.overrun !== null) overran(moment, vm, compared.overrun);
}

/** Booked first: neither destroying nor freezing may fail on what it costs. What is only late was being ended anyway. */
function overran(moment: Moment, vm: VmRecord, overrun: NonNullable<Compared["overrun"]>): void {
  const { vmId } = vm;
  const { credits, late } = overrun;
  bookExtra(moment.store, vm, overrun, moment.nowMs);
  moment.audit("vm.overrun", { vmId, credits, late });
  moment.tellOwner("overrun", vmId, { vmId, credits, late });
  if (late) return;
  freeze(moment, "overrun");
  stop(moment, vm, "overrun");
}

function stop(moment: Moment, vm: VmRecord, reason: EndReason): void {
  if (isLive(vm)) saveChange(moment, vm, close(vm, reason, moment.nowMs, moment.mayHaveLeft));
}

function watch(moment: Moment, facts: PayerFacts): void {
  const { store, nowMs } = moment;
  const before = store.loadWatched() ?? UNWATCHED;
  const rule = moment.policy?.on.payerLine ?? "stop_ours";
  const sight = { facts, ours: ourVms(moment), oursRemoving: store.loadTended().some(isRemoving) };
  const verdict = watchPayer(sight, rule, before, nowMs);
  if (JSON.stringify(verdict.keep) !== JSON.stringify(before)) store.saveWatched(verdict.keep);
  if (verdict.line !== null) moment.tellOwner("payer_line", `${nowMs}`, verdict.line);
  if (verdict.removing !== null) moment.tellOwner("removing", `${nowMs}`, verdict.removing);
  for (const vmId of verdict.stop) {
    const vm = store.loadVm(vmId);
    if (vm !== undefined) stop(moment, vm, "payer_line");
  }
}

/** Whether the payer is read again after a minute: something was seen once. */
export function looksAgain({ store }: Moment): boolean {
  if (store.loadWatched()?.lookAgain === true) return true;
  return store.loadTended().some((vm) => isBilled(vm) && isSuspect(store.loadBill(vm.vmId) ?? NO_BILL, vm));
}
