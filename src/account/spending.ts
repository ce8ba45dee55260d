/** A grant's history of money from the entries, newest first, paged by sequence number; and totals by VM or day. */
import type { SpendingView } from "./contract.ts";
import type { Moment } from "./moment.ts";

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
  const heldCredits = store.heldBy(grantId);
  const last = rows.at(-1);
  return {
    heldCredits,
    spentCredits: store.spentBy(grantId) - heldCredits,
    rows: rows.map(({ seq: _seq, ...row }) => row),
    groups: ask.groupBy === undefined ? [] : store.spendingGroups({ grantId, by: ask.groupBy, sinceMs }),
    cursor: rows.length === ask.limit && last !== undefined ? String(last.seq) : null,
  };
}
