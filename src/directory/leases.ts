/**
 * Owns two small tables: leases (an account waits for a node) and failures (a node that has just failed somebody).
 *
 * Synchronous SQL, time by argument, no network. Losing the rows loses only knowledge, so they need no migrations.
 */
import type { Sql } from "./sql.ts";

export type LeaseAsk = {
  readonly account: string;
  /** The quote id: accepting the same quote again is the same lease. */
  readonly key: string;
  readonly nodeHash: string;
  readonly nowMs: number;
};

/** design.md §11: a free quote must not be able to lease the network empty. */
export const LEASES_PER_ACCOUNT_MAX = 3;
export const LEASE_MS_MAX = 600_000;
export const COOLING_MS = 900_000;
const DAY_MS = 86_400_000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS lease (
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  node_hash TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lease_until ON lease (until_ms);
CREATE TABLE IF NOT EXISTS failure (
  node_hash TEXT PRIMARY KEY,
  failed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failure_told (
  account TEXT NOT NULL,
  node_hash TEXT NOT NULL,
  day INTEGER NOT NULL,
  failed_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, node_hash, day)
) STRICT, WITHOUT ROWID;
`;

export function createLeaseTables(sql: Sql): void {
  sql.exec(SCHEMA);
}

/** False when the account holds three others. The same key again is the same lease, counted from now. */
export function takeLease(sql: Sql, ask: LeaseAsk): boolean {
  sql.exec("DELETE FROM lease WHERE until_ms <= ?", ask.nowMs);
  const others = sql
    .exec<{ n: number }>("SELECT count(*) AS n FROM lease WHERE account = ? AND key <> ?", ask.account, ask.key)
    .one().n;
  if (others >= LEASES_PER_ACCOUNT_MAX) return false;
  sql.exec(
    "INSERT OR REPLACE INTO lease (account, key, node_hash, until_ms) VALUES (?, ?, ?, ?)",
    ask.account,
    ask.key,
    ask.nodeHash,
    ask.nowMs + LEASE_MS_MAX,
  );
  return true;
}

export function dropLease(sql: Sql, ask: { readonly account: string; readonly key: string }): void {
  sql.exec("DELETE FROM lease WHERE account = ? AND key = ?", ask.account, ask.key);
}

export type NodeFailure = { readonly nodeHash: string; readonly failedAtMs: number; readonly account: string };

/**
 * An older failure that is told late changes nothing, and of one account only the first of a day counts: no tenant can
 * keep a node away from the others by itself (design.md §11).
 */
export function keepFailure(sql: Sql, { nodeHash, failedAtMs, account }: NodeFailure): void {
  sql.exec("DELETE FROM failure WHERE failed_at_ms <= ?", failedAtMs - COOLING_MS);
  sql.exec("DELETE FROM failure_told WHERE failed_at_ms <= ?", failedAtMs - 2 * DAY_MS);
  const day = Math.floor(failedAtMs / DAY_MS);
  const told = sql.exec(
    "INSERT OR IGNORE INTO failure_told (account, node_hash, day, failed_at_ms) VALUES (?, ?, ?, ?) RETURNING day",
    account,
    nodeHash,
    day,
    failedAtMs,
  );
  if (told.toArray().length === 0) return;
  sql.exec(
    `INSERT INTO failure (node_hash, failed_at_ms) VALUES (?, ?)
     ON CONFLICT (node_hash) DO UPDATE SET failed_at_ms = max(failed_at_ms, excluded.failed_at_ms)`,
    nodeHash,
    failedAtMs,
  );
}

/** Nodes that failed within the last 15 minutes. */
export function coolingNodes(sql: Sql, nowMs: number): readonly string[] {
  const rows = sql.exec<{ node_hash: string }>(
    "SELECT node_hash FROM failure WHERE failed_at_ms > ? ORDER BY node_hash",
    nowMs - COOLING_MS,
  );
  return rows.toArray().map((row) => row.node_hash);
}
