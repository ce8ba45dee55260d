/** What an agent reads of its own money: pages, totals and sums, on an account that others use as well. */
import { describe, expect, it } from "vitest";
import type { Caller, SpendingGroup, SpendingRow, SpendingView } from "../../src/account/contract.ts";
import { bookBudget, bookExtra } from "../../src/account/books.ts";
import { sqlStore } from "../../src/account/store.ts";
import { age } from "./aged.ts";
import { alone, booksOf, inAccount } from "./evidence.ts";
import { draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const DAY_MS = 86_400_000;
const HOLD = 3 * 14_250;
/** Nodes are leased to an account for so long, three at once. */
const LEASE_S = 600;
const MANY = draftPolicy({ limits: { vmsLiveMax: 20 } });

async function page(house: House, agent: Caller, limit: number, cursor: string | null = null): Promise<SpendingView> {
  const from = cursor === null ? {} : { cursor };
  return value(await house.agents.getSpending(agent, { limit, ...from }));
}

describe("the rows of a grant", () => {
  it("come by pages whose cursors count its own rows only, whatever the others do", async () => {
    const house = await alone(MANY);
    const [agent, other] = [await house.agent(), await house.agent()];
    const made: string[] = [];
    for (let round = 0; round < 3; round++) {
      await house.create(other);
      made.unshift(await house.create(agent));
      await house.advance(LEASE_S);
    }
    const seen: SpendingRow[] = [];
    const cursors: (string | null)[] = [];
    for (let cursor: string | null = null; cursors.at(-1) !== null; cursor = cursors.at(-1) ?? null) {
      const { rows, cursor: next } = await page(house, agent, 1, cursor);
      seen.push(...rows);
      cursors.push(next);
      // what is newer than a page does not move the next one
      await house.create(agent);
    }
    expect(cursors).toEqual(["2", "1", null]);
    expect(seen.map((row) => row.vmId)).toEqual(made);
  });

  it("are none behind a cursor that was never given", async () => {
    const house = await alone();
    const agent = await house.agent();
    await house.create(agent);
    for (const cursor of ["0", "99", "-1", "1.5", "x"])
      expect(await page(house, agent, 5, cursor)).toMatchObject({ rows: [], cursor: null });
  });
});

describe("the totals of a grant", () => {
  it("are those of its whole life, whatever time the rows are asked for since", async () => {
    const house = await alone();
    const agent = await house.agent();
    await house.create(agent);
    await age(house, agent.grantId, 120, DAY_MS);
    const later = { limit: 5, sinceMs: stage.nowMs + 1 };
    const { heldCredits, spentCredits, rows } = value(await house.agents.getSpending(agent, later));
    expect({ heldCredits, spentCredits, rows }).toEqual({ heldCredits: HOLD, spentCredits: 120, rows: [] });
  });

  it("are what its sums add up to, with what was found after a VM had been settled", async () => {
    const house = await alone();
    const agent = await house.agent();
    await house.create(agent);
    await age(house, agent.grantId, 5, DAY_MS);
    await inAccount(house, (sql) =>
      sql.exec(
        "INSERT INTO extra (vm_id, grant_id, kind, credits, at_ms) VALUES ('vm_2', ?, 'overrun', 7, ?)",
        agent.grantId,
        stage.nowMs,
      ),
    );
    for (const groupBy of ["vm", "day"] as const) {
      const { heldCredits, spentCredits, groups } = value(await house.agents.getSpending(agent, { groupBy, limit: 5 }));
      const sum = (of: (group: SpendingGroup) => number) => groups.reduce((all, group) => all + of(group), 0);
      expect([heldCredits, spentCredits]).toEqual([HOLD, 12]);
      expect([sum((group) => group.heldCredits), sum((group) => group.spentCredits)]).toEqual([HOLD, 12]);
    }
  });

  it("by VM are the latest forty, and say how many there are", async () => {
    const house = await alone();
    const agent = await house.agent();
    await age(house, agent.grantId, 45, DAY_MS);
    const by = async (sinceMs: number) =>
      value(await house.agents.getSpending(agent, { groupBy: "vm", limit: 5, sinceMs }));
    const all = await by(0);
    expect([all.groups.length, all.groupsTotal]).toEqual([40, 45]);
    expect((await by(stage.nowMs - DAY_MS / 3)).groupsTotal).toBe(15);
    expect((await by(stage.nowMs)).groupsTotal).toBe(0);
  });
});

/** The owner leaves room for what is held and no more; then this VM is billed beyond its hold. */
const overrun = (house: House, vmId: string, credits: number): Promise<void> =>
  inAccount(house, (sql) => {
    const store = sqlStore(sql);
    const vm = store.loadVm(vmId);
    if (vm === undefined) throw new Error("no such VM");
    bookBudget(store, store.balanceOf().held, stage.nowMs);
    bookExtra(store, vm, { kind: "overrun", credits, late: true }, stage.nowMs);
  });

describe("what an agent has spent", () => {
  it("shows an overrun once and nothing of how the account covers and repays it; groups add up to the total", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await overrun(house, vmId, 7);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    const repaid = await inAccount(house, (sql) =>
      sql.exec("SELECT credits FROM entry WHERE kind = 'budget' AND grant_id = ?", agent.grantId).toArray(),
    );
    expect(repaid).toEqual([{ credits: 7 }]);

    const spent = value(await house.agents.getSpending(agent, { groupBy: "vm", limit: 40 }));
    expect(spent.rows.map(({ kind }) => kind)).toEqual(["post", "shrink", "shrink", "overrun", "hold"]);
    expect(spent.rows.find(({ kind }) => kind === "overrun")).toMatchObject({ credits: 7, vmId });
    const { holds } = await booksOf(house);
    const spentCredits = holds.reduce((sum, hold) => sum + hold.credits, 7);
    expect(spent).toMatchObject({ heldCredits: 0, spentCredits });
    expect(spent.groups).toEqual([{ key: vmId, heldCredits: 0, spentCredits, vms: 1 }]);
    const days = value(await house.agents.getSpending(agent, { groupBy: "day", limit: 40 })).groups;
    expect(days.reduce((sum, day) => sum + day.spentCredits, 0)).toBe(spentCredits);
  });

  it("leaves out what a VM still holds, though a hundred others came after it", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await age(house, agent.grantId, 120, 60_000);
    const { heldCredits } = await house.vm(agent, vmId);
    expect(value(await house.agents.getSpending(agent, { limit: 1 }))).toMatchObject({
      heldCredits,
      spentCredits: 120,
    });
  });
});
