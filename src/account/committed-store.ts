/**
 * Sums over time in a bounded number of rows: the tree of `migrations/0006_growth.sql`, whose triggers keep it.
 *
 * A window's end is now and nothing is later, so its sum is what lies after its start: to the millisecond from the rows
 * that share the start's smallest slot (66 s), then from whole slots that grow with their distance from it, at most
 * seven of a size. Thirty days are some twenty rows, whether the account made ten holds in them or a hundred thousand.
 */
import type { Committed, Scope, Spent } from "./committed.ts";
import type { Credits } from "./types.ts";

/** A slot spans 2^level ms: 66 s, 9 min, 70 min, 9 h, 3 days. The migration names the same levels. */
const LEVELS = [16, 19, 22, 25, 28] as const;
const FANOUT = 8;
/** The level whose one slot is everything. */
const ALL = 62;

const slotOf = (atMs: number, level: number): number => Math.floor(atMs / 2 ** level);
const startOf = (slot: number, level: number): number => slot * 2 ** level;

export function committedBy(sql: SqlStorage, scope: Scope): Committed {
  return {
    after: (sinceMs) => sumAfter(sql, scope, sinceMs),
    reaches: (sinceMs, credits) => reaches(sql, scope, sinceMs, credits),
  };
}

/** Everything that was ever committed. */
export function committedInAll(sql: SqlStorage, scope: Scope): Credits {
  const row = sql
    .exec<{ credits: number }>("SELECT credits FROM committed WHERE scope = ? AND level = ? AND slot = 0", scope, ALL)
    .toArray()[0];
  return row?.credits ?? 0;
}

/** The rows themselves between two moments, both excluded. */
function rowsOf(scope: Scope): string {
  const between = "at_ms > ?2 AND at_ms < ?3";
  if (scope === "unapproved") return `SELECT at_ms, credits FROM hold WHERE approved = 0 AND ?1 <> '' AND ${between}`;
  const whose = scope === "account" ? "?1 = 'account'" : "grant_id = ?1";
  return ["hold", "extra"]
    .map((table) => `SELECT at_ms, credits FROM ${table} WHERE ${whose} AND ${between}`)
    .join(" UNION ALL ");
}

/** The whole slots of one level that follow the start's own and share its parent; of the highest level all that follow. */
function slotsAfter(
  sinceMs: number,
  at: number,
): { readonly level: number; readonly from: number; readonly to: number } {
  const level = LEVELS[at] as number;
  const above = LEVELS[at + 1];
  const to = above === undefined ? Number.MAX_SAFE_INTEGER : (slotOf(sinceMs, above) + 1) * FANOUT;
  return { level, from: slotOf(sinceMs, level) + 1, to };
}

const SLOTS = LEVELS.map(
  (level, at) =>
    `FROM committed WHERE scope = ?1 AND level = ${level} AND slot >= ?${4 + 2 * at} AND slot < ?${5 + 2 * at}`,
);

function sumAfter(sql: SqlStorage, scope: Scope, sinceMs: number): Credits {
  const [lowest] = LEVELS;
  const edgeMs = startOf(slotOf(sinceMs, lowest) + 1, lowest);
  const bounds = LEVELS.flatMap((_level, at) => {
    const { from, to } = slotsAfter(sinceMs, at);
    return [from, to];
  });
  // Sums of their own, since the platform allows five terms in one UNION.
  const sums = [`FROM (${rowsOf(scope)})`, ...SLOTS].map((from) => `(SELECT coalesce(sum(credits), 0) ${from})`);
  return sql.exec<{ n: number }>(`SELECT ${sums.join(" + ")} AS n`, scope, sinceMs, edgeMs, ...bounds).one().n;
}

/** Adds up from the window's start on; the slot in which the sum is reached is opened down to its rows. */
function reaches(sql: SqlStorage, scope: Scope, sinceMs: number, credits: Credits): number | null {
  const [lowest] = LEVELS;
  const edge = pass(edgeRows(sql, scope, sinceMs, startOf(slotOf(sinceMs, lowest) + 1, lowest)), credits);
  if (edge.reached !== undefined) return edge.reached.atMs;
  let { left } = edge;
  for (const at of LEVELS.keys()) {
    const { level, from, to } = slotsAfter(sinceMs, at);
    const passed = pass(slots(sql, scope, level, from, to), left);
    if (passed.reached !== undefined) return within(sql, scope, at, passed.reached.slot, passed.left);
    left = passed.left;
  }
  return null;
}

/** The moment in this slot at which `credits` are reached, which lie in it. */
function within(sql: SqlStorage, scope: Scope, at: number, slot: number, credits: Credits): number | null {
  const level = LEVELS[at] as number;
  if (at === 0) {
    const rows = edgeRows(sql, scope, startOf(slot, level) - 1, startOf(slot + 1, level));
    return pass(rows, credits).reached?.atMs ?? null;
  }
  const below = LEVELS[at - 1] as number;
  const passed = pass(slots(sql, scope, below, slot * FANOUT, (slot + 1) * FANOUT), credits);
  return passed.reached === undefined ? null : within(sql, scope, at - 1, passed.reached.slot, passed.left);
}

/** The first row with which `credits` are reached and what it had to give; or what is still missing after all of them. */
function pass<R extends { readonly credits: Credits }>(
  rows: readonly R[],
  credits: Credits,
): { readonly left: Credits; readonly reached?: R } {
  let left = credits;
  for (const row of rows) {
    if (row.credits >= left) return { left, reached: row };
    left -= row.credits;
  }
  return { left };
}

function edgeRows(sql: SqlStorage, scope: Scope, sinceMs: number, beforeMs: number): readonly Spent[] {
  return sql
    .exec<{ at_ms: number; credits: number }>(`${rowsOf(scope)} ORDER BY at_ms`, scope, sinceMs, beforeMs)
    .toArray()
    .map((row) => ({ atMs: row.at_ms, credits: row.credits }));
}

const slots = (sql: SqlStorage, scope: Scope, level: number, from: number, to: number) =>
  sql
    .exec<{ slot: number; credits: number }>(
      "SELECT slot, credits FROM committed WHERE scope = ? AND level = ? AND slot >= ? AND slot < ? ORDER BY slot",
      scope,
      level,
      from,
      to,
    )
    .toArray();
