/** The books in SQLite: holds, entries, balance, extras, the audit chain, and the usage that a decision reads. */
import { sha256Hex } from "../crypto/hash.ts";
import type { Facts } from "../errors.ts";
import { apply, type Balance, budgetEntries, changeEntries, type Entry, extraEntries, holdEntries } from "./ledger.ts";
import type { Usage } from "./policy.ts";
import type { Extra } from "./settlement.ts";
import type { Credits, Hold, VmRecord } from "./types.ts";
import { loadLive } from "./vm-store.ts";

const LONGEST_WINDOW_MS = 30 * 86_400_000;
type About = { readonly atMs: number; readonly vmId: string | null; readonly grantId: string | null };

export function balanceOf(sql: SqlStorage): Balance {
  return sql
    .exec<{ granted: number; deficit: number; available: number; held: number; posted: number }>(
      "SELECT granted, deficit, available, held, posted FROM balance",
    )
    .one();
}

/** Entries and the balance that they lead to, together or not at all. */
function book(sql: SqlStorage, about: About, entries: readonly Entry[]): void {
  let balance = balanceOf(sql);
  for (const entry of entries) {
    balance = apply(balance, entry);
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

export function bookBudget(sql: SqlStorage, lifetimeMax: Credits, atMs: number): void {
  book(sql, { atMs, vmId: null, grantId: null }, budgetEntries(balanceOf(sql), lifetimeMax));
}

export function placeHold(sql: SqlStorage, hold: Hold): void {
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
  book(sql, hold, holdEntries(balanceOf(sql), hold));
}

export function changeHolds(sql: SqlStorage, before: readonly Hold[], after: readonly Hold[], atMs: number): void {
  for (const [index, hold] of after.entries()) {
    const was = before[index];
    if (was === undefined) continue;
    const entries = changeEntries(was, hold);
    if (entries.length === 0 && was.state === hold.state) continue;
    sql.exec("UPDATE hold SET state = ?, credits = ? WHERE hold_id = ?", hold.state, hold.credits, hold.holdId);
    book(sql, { atMs, vmId: hold.vmId, grantId: hold.grantId }, entries);
  }
}

export function bookExtra(sql: SqlStorage, vm: VmRecord, extra: Extra, atMs: number): void {
  sql.exec(
    "INSERT INTO extra (vm_id, grant_id, kind, credits, at_ms) VALUES (?, ?, ?, ?, ?)",
    vm.vmId,
    vm.grantId,
    extra.kind,
    extra.credits,
    atMs,
  );
  book(sql, { atMs, vmId: vm.vmId, grantId: vm.grantId }, extraEntries(balanceOf(sql), extra.kind, extra.credits));
}

const SPENT = "SELECT coalesce(sum(credits), 0) AS n FROM";
const one = (sql: SqlStorage, query: string, ...values: SqlStorageValue[]): number =>
  sql.exec<{ n: number }>(query, ...values).one().n;

/** Everything that counts against a grant or, with null, the account: holds as they stand and what was found later. */
export function spentBy(sql: SqlStorage, grantId: string | null): Credits {
  const holds = one(sql, `${SPENT} hold WHERE state <> 'voided' AND (?1 IS NULL OR grant_id = ?1)`, grantId);
  return holds + one(sql, `${SPENT} extra WHERE (?1 IS NULL OR grant_id = ?1)`, grantId);
}

/** The figures that one decision looks at, all read in its own transaction. */
export function readUsage(sql: SqlStorage, grantId: string, nowMs: number): Usage {
  const live = loadLive(sql);
  const created = (grant: string | null): readonly number[] =>
    sql
      .exec<{ t: number }>(
        "SELECT admitted_at_ms AS t FROM vm WHERE admitted_at_ms > ?1 AND (?2 IS NULL OR grant_id = ?2) ORDER BY 1",
        nowMs - 60_000,
        grant,
      )
      .toArray()
      .map((row) => row.t);
  return {
    recent: recentSpending(sql, nowMs),
    lifetime: spentBy(sql, null),
    grantSpent: spentBy(sql, grantId),
    burnAttoPerS: live.reduce((sum, vm) => sum + vm.rateAttoPerS, 0n),
    vmsLive: live.length,
    grantVmsLive: live.filter((vm) => vm.grantId === grantId).length,
    createdMs: created(null),
    grantCreatedMs: created(grantId),
    unapprovedDay: one(sql, `${SPENT} hold WHERE approved = 0 AND state <> 'voided' AND at_ms > ?`, nowMs - 86_400_000),
    anyVmBefore: one(sql, "SELECT count(*) AS n FROM vm WHERE state <> 'FAILED' AND grant_id = ?", grantId) > 0,
  };
}

function recentSpending(sql: SqlStorage, nowMs: number): Usage["recent"] {
  return sql
    .exec<{ at_ms: number; credits: number }>(
      `SELECT at_ms, credits FROM hold WHERE at_ms > ?1 AND credits > 0
       UNION ALL SELECT at_ms, credits FROM extra WHERE at_ms > ?1 ORDER BY at_ms`,
      nowMs - LONGEST_WINDOW_MS,
    )
    .toArray()
    .map((row) => ({ atMs: row.at_ms, credits: row.credits }));
}

/** Appends one link to the audit chain. Facts hold ids, codes and amounts only. */
export function audit(sql: SqlStorage, atMs: number, kind: string, facts: Facts): void {
  const last = sql.exec<{ chain: string }>("SELECT chain FROM audit ORDER BY seq DESC LIMIT 1").toArray()[0];
  const factsJson = JSON.stringify(facts);
  const chain = sha256Hex(`${last?.chain ?? ""}\n${atMs}\n${kind}\n${factsJson}`);
  sql.exec("INSERT INTO audit (at_ms, kind, facts_json, chain) VALUES (?, ?, ?, ?)", atMs, kind, factsJson, chain);
}

/** True when every link of the audit chain follows from the one before. */
export function auditHolds(sql: SqlStorage): boolean {
  let before = "";
  for (const row of sql.exec<{ at_ms: number; kind: string; facts_json: string; chain: string }>(
    "SELECT * FROM audit ORDER BY seq",
  )) {
    if (row.chain !== sha256Hex(`${before}\n${row.at_ms}\n${row.kind}\n${row.facts_json}`)) return false;
    before = row.chain;
  }
  return true;
}
