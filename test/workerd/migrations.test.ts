/** Every earlier schema is opened with live holds in it, brought to the present one, and its VMs are finished. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { committedInAll } from "../../src/account/committed-store.ts";
import type { Caller } from "../../src/account/contract.ts";
import { MIGRATIONS } from "../../src/account/migrate.ts";
import { alone, type Books, booksOf, coresDown, inAccount } from "./evidence.ts";
import { ASK, code, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { rewind } from "./rewind.ts";
import { told } from "./told.ts";

const EARLIER = MIGRATIONS.slice(1).map((_, index) => index + 1);
/** A node is leased for ten minutes, and an account has three leases at most. */
const LEASE_S = 600;
/** What VMs and attempts have been given since the first schema. */
const LATER_OF_VM = ["runningSinceMs", "sshFault", "next", "recreate", "noSuccessor", "orphan"];
const LATER_OF_ATTEMPT = ["closedFor", "blame"];

/** The account as it was under an earlier schema; then a new version of the code starts. */
async function reopenedFrom(house: House, version: number): Promise<void> {
  await runInDurableObject(house.account, async (_object, { storage }) => {
    await rewind(storage, MIGRATIONS.slice(0, version));
    const without = (names: readonly string[]): string => names.map((name) => `'$.${name}'`).join();
    storage.sql.exec(`UPDATE vm SET vm_json = json_remove(vm_json, ${without(LATER_OF_VM)})`);
    storage.sql.exec(`UPDATE attempt SET attempt_json = json_remove(attempt_json, ${without(LATER_OF_ATTEMPT)})`);
  });
  await runInDurableObject(house.account, (_object, state) => state.abort("a new version")).catch(() => undefined);
}

/** One VM that runs and was extended, one whose end no core node has heard of yet, one that is over and not billed yet. */
async function threeVms(house: House, agent: Caller): Promise<Readonly<Record<"runs" | "ends" | "over", string>>> {
  const over = await house.healthy(agent);
  value(await house.agents.destroyVm(agent, { vmId: over, dryRun: false, waitS: 0 }));
  await house.until(agent, over, ["TERMINATED"]);
  const runs = await house.healthy(agent);
  const { quoteId } = value(await house.agents.quoteExtend(agent, { vmId: runs, seconds: HOUR_S }));
  value(await house.agents.accept(agent, { quoteId, kind: "extend", waitS: 0 }));
  const ends = await house.healthy(agent);
  coresDown(0, 1, 2);
  value(await house.agents.destroyVm(agent, { vmId: ends, dryRun: false, waitS: 0 }));
  await house.advance(120);
  expect((await house.vm(agent, ends)).state).toBe("STOPPING");
  return { runs, ends, over };
}

const versionOf = (house: House): Promise<unknown> =>
  inAccount(house, (sql) => sql.exec("SELECT max(version) AS version FROM _schema").one()["version"]);
const sumOf = ({ holds }: Books): number => holds.reduce((sum, hold) => sum + hold.credits, 0);

describe.each(EARLIER)("an account of schema %i", (version) => {
  it("is opened with its live holds as they were, admits again, and ends, bills and settles every VM", async () => {
    const house = await alone(draftPolicy({ limits: { vmsLiveMax: 3 } }));
    const agent = await house.agent();
    const { runs, ends, over } = await threeVms(house, agent);
    const before = await booksOf(house);
    expect(before.holds.map(({ state }) => state).toSorted()).toEqual(["held", "held", "held", "shrunk"]);

    await reopenedFrom(house, version);
    const opened = await booksOf(house);
    expect(await versionOf(house)).toBe(MIGRATIONS.length);
    expect(opened).toMatchObject({ holds: before.holds, balanced: true, audited: true, account: before.account });
    expect(await inAccount(house, (sql) => committedInAll(sql, "account"))).toBe(sumOf(before));
    expect(await house.vm(agent, runs)).toMatchObject({ state: "HEALTHY", endReason: null });
    expect(await house.vm(agent, ends)).toMatchObject({ state: "STOPPING", endReason: "destroyed" });
    const carried = await told(house);
    expect(carried.chain).toEqual({ ...carried.tables, sinceBirth: false });

    coresDown();
    await house.advance(LEASE_S);
    const third = await house.healthy(agent);
    const quote = value(await house.agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse).toBeUndefined();
    for (const vmId of [runs, third]) value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    for (const vmId of [runs, ends, third]) {
      const vm = await house.until(agent, vmId, ["TERMINATED"]);
      expect(vm.certificate?.itemHashes).toHaveLength(1);
    }
    await house.advance(4 * HOUR_S);
    for (const vmId of [runs, ends, over, third])
      expect(await house.vm(agent, vmId)).toMatchObject({ costStatus: "settled", heldCredits: 0 });
    const after = await booksOf(house);
    expect(after.holds.every(({ state }) => state === "posted" || state === "voided")).toBe(true);
    expect(after).toMatchObject({ balanced: true, audited: true, extras: [], account: { state: "active" } });
    expect(await inAccount(house, (sql) => committedInAll(sql, agent.grantId))).toBe(sumOf(after));
    const settled = await told(house);
    expect(settled.chain).toEqual({ ...settled.tables, sinceBirth: false });
    expect(house.machines()).toEqual([]);
    expect(code(await house.agents.quoteVm(agent, ASK))).toBe("ok");
  });
});
