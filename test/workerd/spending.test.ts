/** An agent's history of money: its own rows, groups that add up to the totals, and what is held however old it is. */
import { describe, expect, it } from "vitest";
import { bookBudget, bookExtra } from "../../src/account/books.ts";
import { sqlStore } from "../../src/account/store.ts";
import { age } from "./aged.ts";
import { alone, booksOf, inAccount } from "./evidence.ts";
import { type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

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
