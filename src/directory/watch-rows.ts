/**
 * Owns the rows of the second clock: who is due when, what was last heard of whom, and which rule wakes whom.
 *
 * Synchronous SQL, time by argument, no network. A report with a smaller `commit_seq` is late or comes from a restored
 * account; either way it changes nothing here, so what was seen once stays seen.
 */
import type { Sql } from "./sql.ts";

export type WatchReport = {
  readonly name: string;
  readonly objectId: string;
  readonly nextDueMs: number | null;
  readonly commitSeq: number;
  readonly kekVersion: number;
  /** How many VMs of the account may be alive. */
  readonly live: number;
};

export type Sleeper = { readonly name: string; readonly objectId: string };

/** design.md §7: possibly-live VMs and not a word for this long. */
export const SILENCE_MS_MAX = 900_000;
/** Per run; one call of a Worker may make 1,000 calls to other objects, and sixteen shards share a cron. */
export const WAKES_PER_RUN_MAX = 50;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS account (
  name TEXT PRIMARY KEY,
  object_id TEXT NOT NULL,
  next_due_ms INTEGER,
  commit_seq INTEGER NOT NULL,
  kek_version INTEGER NOT NULL,
  live INTEGER NOT NULL,
  heard_at_ms INTEGER NOT NULL,
  tried_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS account_next_due ON account (next_due_ms) WHERE next_due_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_heard ON account (heard_at_ms) WHERE live > 0;
CREATE TABLE IF NOT EXISTS only_row (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name_check TEXT,
  alarm_due_ms INTEGER
) STRICT;
INSERT OR IGNORE INTO only_row (id) VALUES (1);
`;

const KEEP = `
INSERT INTO account (name, object_id, next_due_ms, commit_seq, kek_version, live, heard_at_ms)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET
  object_id = excluded.object_id, next_due_ms = excluded.next_due_ms, commit_seq = excluded.commit_seq,
  kek_version = excluded.kek_version, live = excluded.live, heard_at_ms = max(heard_at_ms, excluded.heard_at_ms)
WHERE excluded.commit_seq >= account.commit_seq`;

/**
 * The one tried longest ago comes first, then the one due longest: fifty accounts that never wake must not keep the
 * fifty-first asleep.
 */
const OVERDUE = `
SELECT name, object_id FROM account
WHERE next_due_ms <= ?1 OR (live > 0 AND heard_at_ms <= ?2)
ORDER BY tried_at_ms, next_due_ms IS NULL, next_due_ms, name LIMIT ?3`;

export function createWatchTables(sql: Sql): void {
  sql.exec(SCHEMA);
}

/** Keeps the report and answers the largest `commit_seq` seen before it, 0 if there was none. */
export function keepReport(sql: Sql, report: WatchReport, nowMs: number): { readonly commitSeqBefore: number } {
  const commitSeqBefore = lastSeqOf(sql, report.name);
  const { name, objectId, nextDueMs, commitSeq, kekVersion, live } = report;
  sql.exec(KEEP, name, objectId, nextDueMs, commitSeq, kekVersion, live, nowMs);
  return { commitSeqBefore };
}

export function lastSeqOf(sql: Sql, name: string): number {
  const [row] = sql.exec<{ commit_seq: number }>("SELECT commit_seq FROM account WHERE name = ?", name).toArray();
  return row?.commit_seq ?? 0;
}

/** The first value that is asked about is stored; from then on only that one is right. */
export function keepNameCheck(sql: Sql, check: string): boolean {
  sql.exec("UPDATE only_row SET name_check = ? WHERE name_check IS NULL", check);
  return onlyRow(sql).name_check === check;
}

/**
 * Whom to wake now, at most `WAKES_PER_RUN_MAX`, and notes that they were tried. Threshold 0 is the stepping clock of
 * the twin: due is due to the millisecond, and silence does not count there, because time has been made to fly.
 */
export function takeOverdue(sql: Sql, nowMs: number, thresholdMs: number): readonly Sleeper[] {
  // compared with null nothing is true
  const silentSinceMs = thresholdMs > 0 ? nowMs - SILENCE_MS_MAX : null;
  const rows = sql
    .exec<{ name: string; object_id: string }>(OVERDUE, nowMs - thresholdMs, silentSinceMs, WAKES_PER_RUN_MAX)
    .toArray();
  for (const row of rows) sql.exec("UPDATE account SET tried_at_ms = ? WHERE name = ?", nowMs, row.name);
  return rows.map((row) => ({ name: row.name, objectId: row.object_id }));
}

/** A key that does not open under the present sealing key either is not tried more often than this. */
const KEK_AGAIN_MS = 3_600_000;

/** Sleepers whose key is still sealed with another sealing key than the present one: waking them seals it anew. */
export function takeOtherKeks(sql: Sql, nowMs: number, kekVersion: number, limit: number): readonly Sleeper[] {
  const rows = sql
    .exec<{ name: string; object_id: string }>(
      `SELECT name, object_id FROM account WHERE kek_version NOT IN (0, ?1) AND tried_at_ms <= ?2
       ORDER BY tried_at_ms, name LIMIT ?3`,
      kekVersion,
      nowMs - KEK_AGAIN_MS,
      limit,
    )
    .toArray();
  for (const row of rows) sql.exec("UPDATE account SET tried_at_ms = ? WHERE name = ?", nowMs, row.name);
  return rows.map((row) => ({ name: row.name, objectId: row.object_id }));
}

export function earliestDueMs(sql: Sql): number | null {
  return sql
    .exec<{ due: number | null }>("SELECT min(next_due_ms) AS due FROM account WHERE next_due_ms IS NOT NULL")
    .one().due;
}

/** Whether anything here could ever have to be woken. */
export function anythingToWatch(sql: Sql): boolean {
  const row = sql
    .exec<{ found: number }>("SELECT EXISTS (SELECT 1 FROM account WHERE next_due_ms IS NOT NULL OR live > 0) AS found")
    .one();
  return row.found === 1;
}

/** How many accounts have their key sealed under each version: the previous KEK may go when its count is 0. */
export function countByKek(sql: Sql): readonly { readonly kekVersion: number; readonly accounts: number }[] {
  return sql
    .exec<{ kek_version: number; n: number }>(
      "SELECT kek_version, count(*) AS n FROM account GROUP BY kek_version ORDER BY kek_version",
    )
    .toArray()
    .map((row) => ({ kekVersion: row.kek_version, accounts: row.n }));
}

export function alarmDueMs(sql: Sql): number | null {
  return onlyRow(sql).alarm_due_ms;
}

export function keepAlarmDue(sql: Sql, dueMs: number | null): void {
  sql.exec("UPDATE only_row SET alarm_due_ms = ?", dueMs);
}

function onlyRow(sql: Sql): { readonly name_check: string | null; readonly alarm_due_ms: number | null } {
  return sql
    .exec<{ name_check: string | null; alarm_due_ms: number | null }>("SELECT name_check, alarm_due_ms FROM only_row")
    .one();
}
