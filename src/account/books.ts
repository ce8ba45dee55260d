/**
 * Keeps the books: every hold, change, extra and budget as entries that balance, and the audit chain. Synchronous, on
 * any store; the rules for the entries are those of `ledger.ts`.
 */
import type { Facts } from "../errors.ts";
import { linkOf } from "./chain.ts";
import { apply, budgetEntries, changeEntries, type Entry, extraEntries, holdEntries, repay } from "./ledger.ts";
import type { About } from "./ledger-store.ts";
import type { Usage } from "./policy.ts";
import type { Extra } from "./settlement.ts";
import type { Store } from "./store.ts";
import type { Credits, Hold, VmRecord } from "./types.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Entries and the balance that they lead to, together or not at all. */
function book(store: Store, about: About, entries: readonly Entry[]): void {
  let balance = store.balanceOf();
  // Whatever comes free pays off a deficit first, in the same step: the two sides are never both filled.
  for (let due = entries; due.length > 0; due = repay(balance)) {
    for (const entry of due) {
      balance = apply(balance, entry);
      store.appendEntry(about, entry);
    }
  }
  if (entries.length > 0) store.saveBalance(balance);
}

export function bookBudget(store: Store, lifetimeMax: Credits, atMs: number): void {
  book(store, { atMs, vmId: null, grantId: null }, budgetEntries(store.balanceOf(), lifetimeMax));
  audit(store, atMs, "budget.set", { credits: lifetimeMax });
}

export function placeHold(store: Store, hold: Hold): void {
  store.insertHold(hold);
  book(store, hold, holdEntries(store.balanceOf(), hold));
  const { holdId, vmId, grantId, kind, credits, approved } = hold;
  audit(store, hold.atMs, "hold.placed", { holdId, vmId, grantId, kind, credits, approved });
}

export function changeHolds(store: Store, before: readonly Hold[], after: readonly Hold[], atMs: number): void {
  for (const [index, hold] of after.entries()) {
    const was = before[index];
    if (was === undefined) continue;
    const entries = changeEntries(was, hold);
    if (entries.length === 0 && was.state === hold.state) continue;
    store.updateHold(hold);
    book(store, { atMs, vmId: hold.vmId, grantId: hold.grantId }, entries);
    const { holdId, vmId, state, credits } = hold;
    audit(store, atMs, "hold.changed", { holdId, vmId, state, credits });
  }
}

export function bookExtra(store: Store, vm: VmRecord, extra: Extra, atMs: number): void {
  store.insertExtra(vm, extra, atMs);
  book(store, { atMs, vmId: vm.vmId, grantId: vm.grantId }, extraEntries(store.balanceOf(), extra.kind, extra.credits));
  const { kind, credits, late } = extra;
  audit(store, atMs, "extra.booked", { vmId: vm.vmId, grantId: vm.grantId, kind, credits, late });
}

/** The figures that one decision looks at, all read in its own transaction; sums over time are read as they are asked. */
export function readUsage(store: Store, grantId: string, nowMs: number): Usage {
  const live = store.loadLive();
  const own = live.filter((vm) => vm.grantId === grantId);
  return {
    recent: store.committedBy("account"),
    grantRecent: store.committedBy(grantId),
    lifetime: store.spentBy(null),
    grantSpent: store.spentBy(grantId),
    burnAttoPerS: live.reduce((sum, vm) => sum + vm.rateAttoPerS, 0n),
    vmsLive: live.length,
    grantVmsLive: own.length,
    endsAtMs: firstEnd(live),
    grantEndsAtMs: firstEnd(own),
    createdMs: store.createdSince(null, nowMs - MINUTE_MS),
    grantCreatedMs: store.createdSince(grantId, nowMs - MINUTE_MS),
    unapprovedDay: store.committedBy("unapproved").after(nowMs - DAY_MS),
    anyVmBefore: store.hadVm(grantId),
  };
}

const firstEnd = (live: readonly VmRecord[]): number | null =>
  live.length === 0 ? null : Math.min(...live.map(endsAtMs));
/** What is ending already may be over any minute. */
const endsAtMs = (vm: VmRecord): number => (vm.state === "STOPPING" ? vm.stateSinceMs : vm.expiresAtMs);

/** Appends one link to the audit chain. Facts hold ids, codes and amounts only. */
export function audit(store: Store, atMs: number, kind: string, facts: Facts): void {
  const factsJson = JSON.stringify(facts);
  const row = { atMs, kind, factsJson };
  store.appendAudit({ ...row, chain: linkOf(store.lastLink(), row) });
}
