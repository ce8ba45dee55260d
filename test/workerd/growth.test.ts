/** How an account grows: sums over time are exact, and what an admission reads does not depend on the account's age. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import first from "../../migrations/0001_account.sql";
import pace from "../../migrations/0002_pace.sql";
import { loadNotices } from "../../src/account/notice-store.ts";
import { committedBy, committedInAll } from "../../src/account/committed-store.ts";
import { listed, type Scope } from "../../src/account/committed.ts";
import { admissions, age } from "./aged.ts";
import { alone, booksOf, inAccount } from "./evidence.ts";
import { ASK, draftPolicy, HOUR_S, value } from "./house.ts";
import { rewind } from "./rewind.ts";
import { told } from "./told.ts";
import { stage } from "./stage.ts";

const DAY_MS = 86_400_000;
const MONTH_MS = 30 * DAY_MS;
const SCOPES: readonly Scope[] = ["account", "unapproved", "gr_a", "gr_b", "gr_none"];

/** A small generator with a seed: the histories are the same in every run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Holds and extras in clumps: some share a millisecond, some a slot, some lie weeks apart. */
function randomBooks(sql: SqlStorage, seed: number): void {
  const roll = dice(seed);
  let atMs = stage.nowMs - 70 * DAY_MS;
  for (let index = 0; index < 300; index++) {
    atMs += [0, roll(3), roll(70_000), roll(3_600_000), roll(2 * DAY_MS)][roll(5)] ?? 0;
    if (atMs > stage.nowMs) atMs = stage.nowMs - roll(60_000);
    const grant = roll(3) === 0 ? "gr_b" : "gr_a";
    if (roll(5) === 0) {
      sql.exec(
        `INSERT INTO extra (vm_id, grant_id, kind, credits, at_ms) VALUES ('v', ?, 'overrun', ?, ?)`,
        grant,
        1 + roll(90),
        atMs,
      );
      continue;
    }
    const [vm, hold] = [`vm_${seed}_${index}`, `h_${seed}_${index}`];
    sql.exec(`INSERT INTO vm VALUES (?1, ?2, ?1, 'SENT', 1, 0, ?3, ?3, '{}')`, vm, grant, atMs);
    sql.exec(
      `INSERT INTO hold VALUES (?, ?, ?, 'create', 'held', ?5, ?5, ?4, ?6)`,
      hold,
      vm,
      grant,
      atMs,
      1 + roll(90),
      roll(2),
    );
    if (roll(3) === 0) sql.exec("UPDATE hold SET state = 'shrunk', credits = credits / 2 WHERE hold_id = ?", hold);
    if (roll(4) === 0) sql.exec("UPDATE hold SET state = 'voided', credits = 0 WHERE hold_id = ?", hold);
  }
}

/** The same sums from the rows themselves. */
function fromRows(sql: SqlStorage, scope: Scope) {
  const all = sql
    .exec<{ atMs: number; credits: number; grant_id: string; approved: number }>(
      `SELECT at_ms AS atMs, credits, grant_id, approved FROM hold WHERE credits > 0
       UNION ALL SELECT at_ms, credits, grant_id, 1 FROM extra ORDER BY 1`,
    )
    .toArray();
  const of = scope === "unapproved" ? "approved" : "grant_id";
  return all.filter((row) => scope === "account" || row[of] === (scope === "unapproved" ? 0 : scope));
}

describe("sums over time", () => {
  it("are those of the rows, at every edge and to the millisecond", async () => {
    const house = await alone();
    await inAccount(house, (sql) => {
      for (const seed of [1, 2, 3]) {
        randomBooks(sql, seed);
        for (const scope of SCOPES) {
          const rows = fromRows(sql, scope);
          const [tree, list] = [committedBy(sql, scope), listed(rows)];
          const roll = dice(seed + 10);
          const edges = rows.flatMap(({ atMs }) => [atMs - 1, atMs, atMs + 1]).filter(() => roll(6) === 0);
          for (const sinceMs of [...edges, stage.nowMs, stage.nowMs - MONTH_MS, stage.nowMs - 400 * DAY_MS]) {
            const sum = list.after(sinceMs);
            expect(tree.after(sinceMs)).toBe(sum);
            for (const credits of [1, 1 + roll(500), Math.max(1, sum), sum + 1])
              expect(tree.reaches(sinceMs, credits)).toBe(list.reaches(sinceMs, credits));
          }
          expect(committedInAll(sql, scope)).toBe(list.after(0));
        }
      }
    });
  });

  it("cannot be kept wrong: what a hold loses leaves every slot that it was counted in", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: HOUR_S });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    const books = await booksOf(house);
    const held = books.holds.reduce((sum, hold) => sum + hold.credits, 0);
    expect(books.holds.map((hold) => hold.state)).toEqual(["posted"]);
    const levels = await inAccount(house, (sql) =>
      sql
        .exec("SELECT level, sum(credits) AS credits FROM committed WHERE scope = ? GROUP BY 1", agent.grantId)
        .toArray(),
    );
    expect(levels).toEqual([16, 19, 22, 25, 28, 62].map((level) => ({ level, credits: held })));
  });
});

const roomy = draftPolicy({
  limits: {
    windows: [3_600, 86_400, 2_592_000].map((seconds) => ({ seconds, creditsMax: 10_000_000 })),
    lifetimeCreditsMax: 900_000_000,
  },
  approval: { unapprovedPerDayCredits: 900_000_000 },
});

describe("an admission", () => {
  it.each([
    ["spread over two years", 730 * DAY_MS],
    ["packed into thirty days", MONTH_MS],
  ])("reads as many rows after 20,000 entries as after 100, %s", async (_name, spanMs) => {
    const read = async (vms: number): Promise<number> => {
      const house = await alone(roomy);
      const agent = await house.agent({ windows: [{ seconds: 86_400, creditsMax: 10_000_000 }] });
      await age(house, agent.grantId, vms, spanMs);
      const { answer, rowsRead } = await (await admissions(house, agent)).sample(1);
      expect(value(answer).kind).toBe("vm");
      return rowsRead;
    };
    const [young, old] = [await read(34), await read(6_667)];
    // seven sums of at most seven slots on each of five levels; from the rows themselves it would be thousands
    expect(old - young).toBeLessThan(60);
    expect(old).toBeLessThan(150);
  });
});

describe("the notices of an account of any age", () => {
  it("begin with what its owner has to act on, and no more of them are read than are shown", async () => {
    const house = await alone();
    const shown = await inAccount(house, (sql) => {
      const add = (kind: string, count: number, agoMs: number): void =>
        void sql.exec(
          `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) INSERT INTO notice
           SELECT ?1 || i, ?1, i, '{}', ?3, NULL FROM n`,
          kind,
          count,
          stage.nowMs - agoMs,
        );
      add("overrun", 2, DAY_MS);
      add("vm_ended", 3_000, 1_000);
      add("top_up_asked", 3_000, 500);
      add("approval_waiting", 3_000, 0);
      return { kinds: loadNotices(sql).map((one) => one.kind), plan: planOf(sql, loadNotices) };
    });
    expect(shown.kinds).toEqual(["overrun", "overrun", ...Array<string>(48).fill("approval_waiting")]);
    expect(shown.plan).toEqual(["SCAN notice USING INDEX notice_shown"]);
  });
});

/** How SQLite goes about the one query of this function. */
function planOf(sql: SqlStorage, work: (sql: SqlStorage) => unknown): readonly string[] {
  let plan: readonly string[] = [];
  const exec = (query: string, ...values: SqlStorageValue[]) => {
    plan = sql
      .exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...values)
      .toArray()
      .map((row) => row.detail);
    return sql.exec(query, ...values);
  };
  work({ exec } as unknown as SqlStorage);
  return plan;
}

describe("an account of the previous schema", () => {
  it("is migrated with its live holds, goes on admitting by the same limits, and finishes them", async () => {
    const hold = 3 * 14_250;
    const house = await alone(
      draftPolicy({ limits: { windows: [{ seconds: 86_400, creditsMax: 2 * hold + 6_000 }] } }),
    );
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await runInDurableObject(house.account, async (_object, { storage }) => {
      await rewind(storage, [first, pace]);
    });
    expect(
      await inAccount(house, (sql) => sql.exec("SELECT name FROM sqlite_master WHERE name = 'committed'").toArray()),
    ).toEqual([]);
    // a new version is deployed
    await runInDurableObject(house.account, (_object, ctx) => ctx.abort("restart")).catch(() => null);
    expect(await inAccount(house, (sql) => committedInAll(sql, "account"))).toBe(hold);
    const carried = await told(house);
    expect(carried.chain).toEqual({ ...carried.tables, sinceBirth: false });
    const second = await house.create(agent);
    const quote = value(await house.agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse?.code).toBe("policy.window_86400s");
    await house.until(agent, second, ["HEALTHY"]);
    for (const id of [vmId, second]) value(await house.agents.destroyVm(agent, { vmId: id, dryRun: false, waitS: 0 }));
    for (const id of [vmId, second]) await house.until(agent, id, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    const books = await booksOf(house);
    expect(books.holds.map((one) => one.state)).toEqual(["posted", "posted"]);
    expect(books.balanced && books.audited).toBe(true);
    expect(await inAccount(house, (sql) => committedInAll(sql, agent.grantId))).toBe(
      books.holds.reduce((sum, one) => sum + one.credits, 0),
    );
  });
});
