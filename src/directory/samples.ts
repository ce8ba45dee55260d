/**
 * Owns what was seen of nodes while VMs of ours were on them: one row for each account, node and day.
 *
 * One row, so that nobody makes a figure by doing a thing often. Synchronous SQL, time by argument, no network. Losing the
 * rows loses only knowledge, so they need no migrations.
 */
import type { SampleRow, Start } from "./figures.ts";
import type { Sql } from "./sql.ts";

/** Seen by an account's own drive, never told by a node or an agent. Of stock images only: no other exist here. */
export type Sample = {
  /** The account object's name, an HMAC: it says who, and to nobody who. */
  readonly account: string;
  readonly nodeHash: string;
  readonly atMs: number;
  readonly start?: Start;
  /** From the first message sent to the first answer over SSH. */
  readonly toSshMs?: number;
  /** Whether the node did as told when a machine that ran there was to be erased. */
  readonly erased?: boolean;
};

const DAY_MS = 86_400_000;
export const SAMPLE_DAYS = 30;
/** A month of a large network: more is left unread, the newest first. */
const ROWS_MAX = 20_000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS sample (
  account    TEXT NOT NULL,
  node_hash  TEXT NOT NULL,
  day        INTEGER NOT NULL,
  start      TEXT CHECK (start IN ('ready', 'refused', 'never_ran', 'no_ssh')),
  to_ssh_ms  INTEGER CHECK (to_ssh_ms >= 0),
  erased     INTEGER CHECK (erased IN (0, 1)),
  PRIMARY KEY (account, node_hash, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sample_day ON sample (day);
`;

export function createSampleTable(sql: Sql): void {
  sql.exec(SCHEMA);
}

/** The first start and the first erase of a day count; what comes later that day changes nothing. */
export function keepSample(sql: Sql, sample: Sample): void {
  const day = Math.floor(sample.atMs / DAY_MS);
  sql.exec("DELETE FROM sample WHERE day <= ?", day - SAMPLE_DAYS);
  sql.exec(
    `INSERT INTO sample (account, node_hash, day, start, to_ssh_ms, erased) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (account, node_hash, day) DO UPDATE SET
       to_ssh_ms = CASE WHEN start IS NULL THEN ?5 ELSE to_ssh_ms END,
       start = coalesce(start, ?4), erased = coalesce(erased, ?6)`,
    sample.account,
    sample.nodeHash,
    day,
    sample.start ?? null,
    sample.toSshMs === undefined ? null : Math.max(0, Math.round(sample.toSshMs)),
    sample.erased === undefined ? null : sample.erased ? 1 : 0,
  );
}

export function samplesOf(sql: Sql, nowMs: number): readonly SampleRow[] {
  const rows = sql.exec<{
    account: string;
    node_hash: string;
    start: string | null;
    to_ssh_ms: number | null;
    erased: number | null;
  }>(
    "SELECT account, node_hash, start, to_ssh_ms, erased FROM sample WHERE day > ? ORDER BY day DESC LIMIT ?",
    Math.floor(nowMs / DAY_MS) - SAMPLE_DAYS,
    ROWS_MAX,
  );
  return rows.toArray().map((row) => ({
    account: row.account,
    nodeHash: row.node_hash,
    start: row.start as Start | null,
    toSshMs: row.to_ssh_ms,
    erased: row.erased === null ? null : row.erased === 1,
  }));
}
