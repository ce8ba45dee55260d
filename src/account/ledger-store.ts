/** The books' rows: balance, entries, holds, extras, the audit chain, and the sums that a decision reads. No rules. */
import { linkOf } from "./chain.ts";
import { committedInAll } from "./committed-store.ts";
import type { SpendingGroup, SpendingRow } from "./contract.ts";
import type { Balance, Entry } from "./ledger.ts";
import type { Extra } from "./settlement.ts";
import type { Credits, Hold, VmRecord } from "./types.ts";

export type About = { readonly atMs: number; readonly vmId: string | null; readonly grantId: string | null };

export function balanceOf(sql: SqlStorage): Balance {
  return sql
    .exec<{ granted: number; deficit: number; available: number; held: number; posted: number }>(
      "SELECT granted, deficit, available, held, posted FROM balance",
    )
    .one();
}

export function saveBalance(sql: SqlStorage, balance: Balance): void {
  const { granted, deficit, available, held, posted } = balance;
  sql.exec(
    "UPDATE balance SET granted = ?, deficit = ?, available = ?, held = ?, posted = ?",
    granted,
    deficit,
    available,
    held,
    posted,
  );
}

export function appendEntry(sql: SqlStorage, about: About, entry: Entry): void {
  sql.exec(
    "INSERT INTO entry (at_ms, kind, from_, to_, credits, vm_id, grant_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
    about.atMs,
    entry.kind,
    entry.from,
    entry.to,
    entry.credits,
    about.vmId,
    about.grantId,
  );
}

export function insertHold(sql: SqlStorage, hold: Hold): void {
  sql.exec(
    "INSERT INTO hold (hold_id, vm_id, grant_id, kind, state, credits, credits_original, at_ms, approved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    hold.holdId,
    hold.vmId,
    hold.grantId,
    hold.kind,
    hold.state,
    hold.credits,
    hold.creditsOriginal,
    hold.atMs,
    hold.approved ? 1 : 0,
  );
}

export function updateHold(sql: SqlStorage, hold: Hold): void {
  sql.exec("UPDATE hold SET state = ?, credits = ? WHERE hold_id = ?", hold.state, hold.credits, hold.holdId);
}

export function insertExtra(sql: SqlStorage, vm: VmRecord, extra: Extra, atMs: number): void {
  sql.exec(
    "INSERT INTO extra (vm_id, grant_id, kind, credits, at_ms) VALUES (?, ?, ?, ?, ?)",
    vm.vmId,
    vm.grantId,
    extra.kind,
    extra.credits,
    atMs,
  );
}

/** Everything that counts against a grant or, with null, the account: holds as they stand and what was found later. */
export function spentBy(sql: SqlStorage, grantId: string | null): Credits {
  return committedInAll(sql, grantId ?? "account");
}

/** Admission times later than `sinceMs`, oldest first; `grantId` null: of every grant. */
export function createdSince(sql: SqlStorage, grantId: string | null, sinceMs: number): readonly number[] {
  return sql
    .exec<{ t: number }>(
      "SELECT admitted_at_ms AS t FROM vm WHERE admitted_at_ms > ?1 AND (?2 IS NULL OR grant_id = ?2) ORDER BY 1",
      sinceMs,
      grantId,
    )
    .toArray()
    .map((row) => row.t);
}

/** Whether this grant ever had a VM that was not refused or voided. */
export function hadVm(sql: SqlStorage, grantId: string): boolean {
  return sql.exec("SELECT 1 FROM vm WHERE state <> 'FAILED' AND grant_id = ? LIMIT 1", grantId).toArray().length > 0;
}

type EntryRow = {
  seq: number;
  at_ms: number;
  kind: string;
  credits: number;
  vm_id: string | null;
  grant_id: string | null;
};

/** What the account moves between its own sides when it lacks money or has it again is nothing that an agent did. */
const AGENTS_OWN = "kind <> 'budget' AND from_ <> 'deficit'";

/**
 * A grant's entries, newest first. A page's place is how many of the grant's own entries are older than the last one
 * shown: the account's sequence numbers would tell an agent how busy the others are. `place` left out: the first page.
 */
export function entriesOf(
  sql: SqlStorage,
  ask: { readonly grantId: string; readonly sinceMs: number; readonly place?: number; readonly limit: number },
): { readonly rows: readonly SpendingRow[]; readonly place: number } {
  const rows = sql
    .exec<EntryRow>(
      `SELECT seq, at_ms, kind, credits, vm_id, grant_id FROM entry WHERE grant_id = ?1 AND at_ms >= ?2 AND ${AGENTS_OWN}
       AND (?3 IS NULL OR seq < (SELECT seq FROM entry WHERE grant_id = ?1 AND ${AGENTS_OWN} ORDER BY seq LIMIT 1 OFFSET ?3))
       ORDER BY seq DESC LIMIT ?4`,
      ask.grantId,
      ask.sinceMs,
      ask.place ?? null,
      ask.limit,
    )
    .toArray();
  // a page that is not full is the last one: nothing has to be counted
  const last = rows.length === ask.limit ? rows.at(-1) : undefined;
  return { rows: rows.map(shownEntry), place: last === undefined ? 0 : olderThan(sql, ask.grantId, last.seq) };
}

const shownEntry = (row: EntryRow): SpendingRow => ({
  atMs: row.at_ms,
  kind: row.kind as SpendingRow["kind"],
  credits: row.credits,
  vmId: row.vm_id,
  grantId: row.grant_id,
});

const olderThan = (sql: SqlStorage, grantId: string, seq: number): number =>
  sql
    .exec<{ n: number }>(
      `SELECT count(*) AS n FROM entry WHERE grant_id = ? AND ${AGENTS_OWN} AND seq < ?`,
      grantId,
      seq,
    )
    .one().n;

/** What a grant's VMs hold now; each of them is tended until its last hold is posted or voided. */
export function heldBy(sql: SqlStorage, grantId: string): Credits {
  return sql
    .exec<{ n: number }>(
      `SELECT coalesce(sum(hold.credits), 0) AS n FROM vm JOIN hold ON hold.vm_id = vm.vm_id
       WHERE vm.tended = 1 AND vm.grant_id = ? AND hold.state IN ('held', 'shrunk')`,
      grantId,
    )
    .one().n;
}

/** Holds by when they were made, and what was found later by when that was. The latest forty; `total` counts all. */
export function spendingGroups(
  sql: SqlStorage,
  ask: { readonly grantId: string; readonly by: "vm" | "day"; readonly sinceMs: number },
): { readonly groups: readonly SpendingGroup[]; readonly total: number } {
  const key = ask.by === "vm" ? "vm_id" : "strftime('%Y-%m-%d', at_ms / 1000, 'unixepoch')";
  const rows = sql
    .exec<{ key: string; held: number; spent: number; vms: number; total: number }>(
      `SELECT ${key} AS key, sum(CASE WHEN state IN ('held', 'shrunk') THEN credits ELSE 0 END) AS held,
       sum(CASE WHEN state = 'posted' THEN credits ELSE 0 END) AS spent, count(DISTINCT vm_id) AS vms,
       count(*) OVER () AS total
       FROM (SELECT vm_id, at_ms, state, credits FROM hold WHERE grant_id = ?1 AND at_ms >= ?2
             UNION ALL SELECT vm_id, at_ms, 'posted', credits FROM extra WHERE grant_id = ?1 AND at_ms >= ?2)
       GROUP BY 1 ORDER BY max(at_ms) DESC LIMIT 40`,
      ask.grantId,
      ask.sinceMs,
    )
    .toArray();
  const groups = rows.map((row) => ({ key: row.key, heldCredits: row.held, spentCredits: row.spent, vms: row.vms }));
  return { groups, total: rows[0]?.total ?? 0 };
}

export type AuditRow = {
  readonly atMs: number;
  readonly kind: string;
  readonly factsJson: string;
  readonly chain: string;
};

export function lastLink(sql: SqlStorage): string {
  return sql.exec<{ chain: string }>("SELECT chain FROM audit ORDER BY seq DESC LIMIT 1").toArray()[0]?.chain ?? "";
}

export function appendAudit(sql: SqlStorage, row: AuditRow): void {
  const { atMs, kind, factsJson, chain } = row;
  sql.exec("INSERT INTO audit (at_ms, kind, facts_json, chain) VALUES (?, ?, ?, ?)", atMs, kind, factsJson, chain);
}

/** True when every link of the audit chain follows from the one before. */
export function auditHolds(sql: SqlStorage): boolean {
  let before = "";
  for (const row of sql.exec<{ at_ms: number; kind: string; facts_json: string; chain: string }>(
    "SELECT * FROM audit ORDER BY seq",
  )) {
    if (row.chain !== linkOf(before, { atMs: row.at_ms, kind: row.kind, factsJson: row.facts_json })) return false;
    before = row.chain;
  }
  return true;
}
