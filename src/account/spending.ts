/** A grant's history of money from the entries, newest first, paged by sequence number; and totals by VM or day. */
import type { SpendingView } from "./contract.ts";
import type { Moment } from "./moment.ts";
import { heldFor } from "./settlement.ts";

export type SpendingAsk = {
  readonly sinceMs?: number;
  readonly groupBy?: "vm" | "day";
  readonly limit: number;
  readonly cursor?: string;
};

export function spending(
  { store }: Moment,
  grantId: string,
  ask: SpendingAsk,
): Omit<SpendingView, "asOfMs" | "networkState" | "network"> {
  const beforeSeq = ask.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(ask.cursor);
  const sinceMs = ask.sinceMs ?? 0;
  const rows = store.entriesOf({
    grantId,
    sinceMs,
    beforeSeq: Number.isSafeInteger(beforeSeq) ? beforeSeq : 0,
    limit: ask.limit,
  });
  const recent = store.loadPage({ grantId, liveOnly: false, limit: 100 });
  const heldCredits = recent.reduce((sum, vm) => sum + heldFor(vm), 0);
  const last = rows.at(-1);
  return {
    heldCredits,
    spentCredits: store.spentBy(grantId) - heldCredits,
    rows: rows.map(({ seq: _seq, ...row }) => row),
    groups: ask.groupBy === undefined ? [] : store.spendingGroups({ grantId, by: ask.groupBy, sinceMs }),
    cursor: rows.length === ask.limit && last !== undefined ? String(last.seq) : null,
  };
}
