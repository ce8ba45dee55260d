/**
 * What follows when the storage turns out to be an older state than `Watch` has seen, and when that is over. Synchronous.
 *
 * A restored account knows less than the network does: it is frozen, voids nothing, and compares itself with the core
 * nodes' lists before its owner may end the freeze (design.md §7, safety.md a.6).
 */
import { type Refusal, refusal } from "../errors.ts";
import { endRequest } from "./approval-end.ts";
import { forgetSending } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import { UNWATCHED } from "./payer-watch.ts";
import { NEVER_READ } from "./reconcile.ts";
import { freeze } from "./freeze.ts";
import type { VmRecord } from "./types.ts";

/** Later than every quote's end: all that are open run out. */
const EVER_MS = 100 * 365 * 86_400_000;

/** Approvals and quotes may have been used in the past that is forgotten, and what looks unsent may have left. */
export function noteRestored(moment: Moment, commitSeqSeen: number): void {
  const { store, nowMs } = moment;
  store.setRestored(true);
  freeze(moment, "restored");
  store.raiseCommitSeq(commitSeqSeen);
  staleAll(moment);
  for (const vm of store.loadLive()) doubt(moment, vm);
  for (const one of store.loadSightings()) store.dropSighting(one.itemHash);
  store.saveLists({ ...NEVER_READ, restoredAtMs: nowMs });
  // what was seen of the payer before is no first look any more: nothing is stopped on one reading
  store.saveWatched(UNWATCHED);
  moment.touched = true;
}

/** Stored as it is, without what else follows from a change: that nobody knows whether it left is no agent's failure. */
function doubt(moment: Moment, vm: VmRecord): void {
  const unsure = forgetSending(vm, moment.nowMs);
  if (unsure === vm) return;
  moment.store.saveVm(unsure, true);
  moment.audit("vm.unknown", { vmId: vm.vmId, reason: vm.endReason });
}

function staleAll(moment: Moment): void {
  const { store, nowMs } = moment;
  const stale = { kind: "refused", refusal: refusal("approval.stale") } as const;
  for (const approval of store.openApprovals(null)) {
    endRequest(moment, approval, "stale");
    store.burnQuote(approval.quoteId, stale);
  }
  const expired = { kind: "refused", refusal: refusal("quote.expired") } as const;
  for (const grant of store.loadGrants()) store.pruneQuotes(grant.grantId, nowMs + EVER_MS, expired);
}

/**
 * Null: the freeze may be ended. What passes it comes by itself: `Watch`'s answer, without which a restore since the
 * comparison would be unknown, and another reading of two core nodes' lists.
 */
export function notReconciled({ store, account, health }: Moment): Refusal | null {
  if (!health.watchHeard) return refusal("account.watch_silent", {}, 10);
  const state = store.loadLists();
  if (!account.restored || state.reconciledAtMs !== null) return null;
  const open = store.loadSightings().filter((one) => one.twoSinceMs !== null).length;
  const facts = { coreNodesRead: state.complete, coreNodesNeeded: 2, readTwice: false, findingsOpen: open };
  return refusal("account.restored", facts, 60);
}

/** The owner's signature ends the freeze, and with it the restore. */
export function endFreeze(moment: Moment): void {
  moment.store.setFrozen(null);
  moment.store.setRestored(false);
}
