/**
 * Rows ⇄ values for each agent's pace and for the latest creates that were asked for. No rules; the latter are bounded.
 */
import { type Pace, unpaced } from "./breaker.ts";
import type { PastCreate } from "./shadow.ts";

/** Enough for an owner to judge a changed policy by, little enough to be read at once. */
const KEPT_OF_EACH = 100;

export function loadPace(sql: SqlStorage, grantId: string): Pace {
  const row = sql
    .exec<{ pace_json: string }>("SELECT pace_json FROM grant_pace WHERE grant_id = ?", grantId)
    .toArray()[0];
  return row === undefined ? unpaced(grantId) : (JSON.parse(row.pace_json) as Pace);
}

export function savePace(sql: SqlStorage, pace: Pace): void {
  sql.exec(
    `INSERT INTO grant_pace (grant_id, open_until_ms, pace_json) VALUES (?1, ?2, ?3)
     ON CONFLICT (grant_id) DO UPDATE SET open_until_ms = ?2, pace_json = ?3`,
    pace.grantId,
    pace.openUntilMs,
    JSON.stringify(pace),
  );
}

export type Asked = Omit<PastCreate, "endedAtMs" | "creditsCounted"> & {
  readonly quoteId: string;
  readonly grantId: string;
  readonly vmId: string | null;
};

/** One row per quote, the latest outcome in it: an agent that repeats itself does not push the others out. */
export function noteAsked(sql: SqlStorage, asked: Asked): void {
  const { quoteId, grantId, vmId, atMs, code, request } = asked;
  const json = JSON.stringify(request, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  sql.exec(
    `INSERT INTO create_asked (quote_id, grant_id, at_ms, vm_id, code, ask_json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (quote_id) DO UPDATE SET at_ms = ?3, vm_id = ?4, code = ?5, ask_json = ?6`,
    quoteId,
    grantId,
    atMs,
    vmId,
    code,
    json,
  );
  for (const kind of ["code IS NULL", "code IS NOT NULL"])
    sql.exec(
      `DELETE FROM create_asked WHERE ${kind} AND quote_id NOT IN
       (SELECT quote_id FROM create_asked WHERE ${kind} ORDER BY at_ms DESC, rowid DESC LIMIT ?)`,
      KEPT_OF_EACH,
    );
}

type AskedRow = { at_ms: number; code: string | null; ask_json: string; ended_at_ms: number | null; counted: number };

/** Oldest first, each with what its VM counts today and when that ended. */
export function askedCreates(sql: SqlStorage): readonly PastCreate[] {
  return sql
    .exec<AskedRow>(
      `SELECT asked.at_ms, asked.code, asked.ask_json, json_extract(vm.vm_json, '$.endedAtMs') AS ended_at_ms,
       (SELECT coalesce(sum(credits), 0) FROM hold WHERE hold.vm_id = asked.vm_id) AS counted
       FROM create_asked AS asked LEFT JOIN vm ON vm.vm_id = asked.vm_id ORDER BY asked.at_ms, asked.rowid`,
    )
    .toArray()
    .map((row) => ({
      atMs: row.at_ms,
      code: row.code,
      request: JSON.parse(row.ask_json, (key, value: unknown) =>
        key === "rateAttoPerS" ? BigInt(value as string) : value,
      ) as PastCreate["request"],
      endedAtMs: row.ended_at_ms,
      creditsCounted: row.counted,
    }));
}
