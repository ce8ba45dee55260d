/** Rows ⇄ values for what the owner is told: one row per kind and subject, seen or not. No rules. */
import type { Facts } from "../errors.ts";
import type { Notice, NoticeKind } from "./types.ts";

/** One row per kind and subject: what goes on being so is not told again and again. */
export function notify(
  sql: SqlStorage,
  notice: {
    readonly noticeId: string;
    readonly kind: NoticeKind;
    readonly about: string;
    readonly facts: Facts;
    readonly sinceMs: number;
  },
): void {
  sql.exec(
    "INSERT INTO notice (notice_id, kind, about, facts_json, since_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, about) DO NOTHING",
    notice.noticeId,
    notice.kind,
    notice.about,
    JSON.stringify(notice.facts),
    notice.sinceMs,
  );
}

/** What agents bring about by living on, or what needs nobody; `migrations/0010_top_up.sql` names the same kinds. */
const ROUTINE =
  "('approval_waiting', 'correction', 'key_rotated', 'reconciled', 'top_up_asked', 'vm_ended', 'vm_moved')";

/** Unseen first, of those what the owner has to act on: no number of routine ones pushes that off the page. */
export function loadNotices(sql: SqlStorage): readonly Notice[] {
  return sql
    .exec<{ notice_id: string; kind: string; facts_json: string; since_ms: number; seen_at_ms: number | null }>(
      `SELECT * FROM notice ORDER BY seen_at_ms IS NOT NULL, kind IN ${ROUTINE}, since_ms DESC LIMIT 50`,
    )
    .toArray()
    .map((row) => ({
      noticeId: row.notice_id,
      kind: row.kind as NoticeKind,
      facts: JSON.parse(row.facts_json) as Facts,
      sinceMs: row.since_ms,
      seenAtMs: row.seen_at_ms,
    }));
}

/** How many things were ever found that freeze an account. What was only billed late freezes nobody. */
export function countFindings(sql: SqlStorage): number {
  const found = "kind IN ('dormant_alive', 'orphan', 'overrun') AND json_extract(facts_json, '$.late') IS NOT TRUE";
  return sql.exec<{ n: number }>(`SELECT count(*) AS n FROM notice WHERE ${found}`).one().n;
}

export function seeNotice(sql: SqlStorage, noticeId: string, atMs: number): void {
  sql.exec("UPDATE notice SET seen_at_ms = ? WHERE notice_id = ? AND seen_at_ms IS NULL", atMs, noticeId);
}

/** What the owner has dealt with needs no click to say so. */
export function seeNoticeAbout(sql: SqlStorage, kind: NoticeKind, about: string, atMs: number): void {
  sql.exec("UPDATE notice SET seen_at_ms = ? WHERE kind = ? AND about = ? AND seen_at_ms IS NULL", atMs, kind, about);
}
