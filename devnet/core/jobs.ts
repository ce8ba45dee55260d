/**
 * What a core node does by the clock: the hourly look at who can still pay for a day, the daily removal of what could
 * not, and the confirmation on chain. Works on the state.
 */
import { totalOf } from "./costs.ts";
import { creditBalance } from "./ledger.ts";
import { isLive, ownerOf, paymentOf } from "./state.ts";
import type { MessageRecord, State } from "./state.ts";

const DAY_S = 86_400n;
const ATTO = 10n ** 18n;

/**
 * Only owners whose credit history changed since `sinceMs`, the last run; only resources that the chain has confirmed. Oldest
 * first, each reserves a day; the first that does not fit leaves nothing for the newer ones.
 */
export function runRemovalJob(state: State, sinceMs: number, nowMs: number): void {
  state.lastRemovalMs = nowMs;
  const owners = new Set(state.history.filter((row) => row.bookedMs >= sinceMs).map((row) => row.address));
  for (const owner of owners) {
    let remaining = BigInt(creditBalance(state, owner, nowMs)) * ATTO;
    for (const record of billable(state, owner)) {
      const day = totalOf(record.costs, "credit") * DAY_S;
      const fits = remaining >= day;
      remaining = fits ? remaining - day : 0n;
      record.status = fits ? "processed" : "removing";
    }
  }
}

function billable(state: State, owner: string): readonly MessageRecord[] {
  return [...state.records.values()]
    .filter((one) => isLive(one) && one.confirmations.length > 0 && ownerOf(one) === owner)
    .filter((one) => paymentOf(one) === "credit" && one.costs.length > 0)
    .sort(
      (a, b) =>
        (a.confirmations[0]?.height ?? 0) - (b.confirmations[0]?.height ?? 0) || a.envelope.time - b.envelope.time,
    );
}

/** What is being removed is gone for good. */
export function runGarbageCollection(state: State, nowMs: number): void {
  for (const record of state.records.values()) {
    if (record.status !== "removing") continue;
    record.status = "removed";
    record.removedAtS = nowMs / 1000;
    record.costs = [];
    record.confirmations = [];
    state.images.delete(record.hash);
  }
}
