/** Rows of history: pages of the chain and of the entries, the ring of reads, runs of equal calls. No rules. */
import type { Facts } from "../errors.ts";
import type { CallRun } from "./call-log.ts";

/** Whether an account of an earlier schema has yet to tell in its chain how it stands. */
export const isCarrying = (sql: SqlStorage): boolean => sql.exec("SELECT 1 FROM carrying").toArray().length > 0;

export function endCarrying(sql: SqlStorage): void {
  sql.exec("DELETE FROM carrying");
}

export type ReadCall = { readonly grantId: string; readonly atMs: number; readonly facts: Facts };

/** Each takes the place of an older one, so that reads never grow the account. */
export function keepRead(sql: SqlStorage, { grantId, atMs, facts }: ReadCall, rows: number): void {
  const { n } = sql.exec<{ n: number | null }>("SELECT max(number) AS n FROM read_call").one();
  const number = (n ?? -1) + 1;
  sql.exec(
    "INSERT OR REPLACE INTO read_call (place, number, at_ms, grant_id, facts_json) VALUES (?, ?, ?, ?, ?)",
    number % rows,
    number,
    atMs,
    grantId,
    JSON.stringify(facts),
  );
}

export type ReadRow = {
  readonly seq: number;
  readonly atMs: number;
  readonly grantId: string;
  readonly factsJson: string;
};

/** Of those that are kept, the ones after `afterSeq`, oldest first. */
export function readsAfter(sql: SqlStorage, afterSeq: number, limit: number): readonly ReadRow[] {
  return sql
    .exec<ReadRow>(
      `SELECT number + 1 AS seq, at_ms AS atMs, grant_id AS grantId, facts_json AS factsJson
       FROM read_call WHERE number >= ? ORDER BY number LIMIT ?`,
      afterSeq,
      limit,
    )
    .toArray();
}

type RunRow = { grant_id: string; tool: string; outcome: string; since_ms: number; last_ms: number; again: number };
const runOf = (row: RunRow): CallRun => ({
  grantId: row.grant_id,
  tool: row.tool,
  outcome: row.outcome,
  sinceMs: row.since_ms,
  lastMs: row.last_ms,
  again: row.again,
});

export function loadRun(sql: SqlStorage, grantId: string, tool: string, outcome: string): CallRun | undefined {
  const query = "SELECT * FROM call_run WHERE grant_id = ? AND tool = ? AND outcome = ?";
  return sql.exec<RunRow>(query, grantId, tool, outcome).toArray().map(runOf)[0];
}

export function runsUntil(sql: SqlStorage, sinceMs: number, limit: number): readonly CallRun[] {
  const query = "SELECT * FROM call_run WHERE since_ms <= ? ORDER BY since_ms LIMIT ?";
  return sql.exec<RunRow>(query, sinceMs, limit).toArray().map(runOf);
}

export function saveRun(sql: SqlStorage, { grantId, tool, outcome, sinceMs, lastMs, again }: CallRun): void {
  sql.exec(
    `INSERT INTO call_run (grant_id, tool, outcome, since_ms, last_ms, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (grant_id, tool, outcome) DO UPDATE SET since_ms = ?4, last_ms = ?5, again = ?6`,
    grantId,
    tool,
    outcome,
    sinceMs,
    lastMs,
    again,
  );
}

export function deleteRun(sql: SqlStorage, { grantId, tool, outcome }: CallRun): void {
  sql.exec("DELETE FROM call_run WHERE grant_id = ? AND tool = ? AND outcome = ?", grantId, tool, outcome);
}

export type ChainRow = {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: string;
  readonly factsJson: string;
  readonly chain: string;
};

/** Rows of the chain after `afterSeq`, oldest first. */
export function chainAfter(sql: SqlStorage, afterSeq: number, limit: number): readonly ChainRow[] {
  return sql
    .exec<ChainRow>(
      "SELECT seq, at_ms AS atMs, kind, facts_json AS factsJson, chain FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
      afterSeq,
      limit,
    )
    .toArray();
}

export type LedgerRow = {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: string;
  readonly from: string;
  readonly to: string;
  readonly credits: number;
  readonly vmId: string | null;
  readonly grantId: string | null;
};

export function entriesAfter(sql: SqlStorage, afterSeq: number, limit: number): readonly LedgerRow[] {
  return sql
    .exec<LedgerRow>(
      `SELECT seq, at_ms AS atMs, kind, from_ AS "from", to_ AS "to", credits, vm_id AS vmId, grant_id AS grantId
       FROM entry WHERE seq > ? ORDER BY seq LIMIT ?`,
      afterSeq,
      limit,
    )
    .toArray();
}
