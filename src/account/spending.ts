/** A grant's history of money from the entries, newest first, paged by sequence number; and totals by VM or day. */
import type { SpendingGroup, SpendingRow, SpendingView } from "./contract.ts";
import { heldFor } from "./settlement.ts";
import { spentBy } from "./ledger-store.ts";
import type { Moment } from "./moment.ts";
import { loadPage } from "./vm-store.ts";

export type SpendingAsk = {
  readonly sinceMs?: number;
  readonly groupBy?: "vm" | "day";
  readonly limit: number;
  readonly cursor?: string;
};
type Row = { seq: number; at_ms: number; kind: string; credits: number; vm_id: string | null; grant_id: string | null };

export function spending(
  moment: Moment,
  grantId: string,
  ask: SpendingAsk,
): Omit<SpendingView, "asOfMs" | "networkState" | "network"> {
  const before = ask.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(ask.cursor);
  const rows = moment.sql
    .exec<Row>(
      "SELECT seq, at_ms, kind, credits, vm_id, grant_id FROM entry WHERE grant_id = ? AND at_ms >= ? AND seq < ? ORDER BY seq DESC LIMIT ?",
      grantId,
      ask.sinceMs ?? 0,
      Number.isSafeInteger(before) ? before : 0,
      ask.limit,
    )
    .toArray();
  const live = loadPage(moment.sql, { grantId, liveOnly: false, limit: 100 });
  const heldCredits = live.reduce((sum, vm) => sum + heldFor(vm), 0);
  const last = rows.at(-1);
  return {
    heldCredits,
    spentCredits: spentBy(moment.sql, grantId) - heldCredits,
    rows: rows.map(toRow),
    groups: ask.groupBy === undefined ? [] : groups(moment, grantId, ask.groupBy, ask.sinceMs ?? 0),
    cursor: rows.length === ask.limit && last !== undefined ? String(last.seq) : null,
  };
}

const toRow = (row: Row): SpendingRow => ({
  atMs: row.at_ms,
  kind: row.kind as SpendingRow["kind"],
  credits: row.credits,
  vmId: row.vm_id,
  grantId: row.grant_id,
});

function groups(moment: Moment, grantId: string, by: "vm" | "day", sinceMs: number): readonly SpendingGroup[] {
  const key = by === "vm" ? "vm_id" : "strftime('%Y-%m-%d', at_ms / 1000, 'unixepoch')";
  return moment.sql
    .exec<{ key: string; held: number; spent: number; vms: number }>(
      `SELECT ${key} AS key, sum(CASE WHEN state IN ('held', 'shrunk') THEN credits ELSE 0 END) AS held,
       sum(CASE WHEN state = 'posted' THEN credits ELSE 0 END) AS spent, count(DISTINCT vm_id) AS vms
       FROM hold WHERE grant_id = ? AND at_ms >= ? GROUP BY 1 ORDER BY max(at_ms) DESC LIMIT 40`,
      grantId,
      sinceMs,
    )
    .toArray()
    .map((row) => ({ key: row.key, heldCredits: row.held, spentCredits: row.spent, vms: row.vms }));
}
