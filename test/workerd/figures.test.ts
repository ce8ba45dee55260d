/** Figures that no network could ask, told by one core node while another is silent: nobody is shut out by them, nothing is rolled back. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { DEFAULT_PRICING } from "../../devnet/core/price-tables.ts";
import { CORE_HOSTS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import type { Caller } from "../../src/account/contract.ts";
import type { AccountObject } from "../../src/account/object.ts";
import type { Store } from "../../src/account/store.ts";
import { alone, booksOf, core, coresDown, inAccount, notices } from "./evidence.ts";
import { ASK, code, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const LIAR = 1;
const SILENT = 2;

const grantState = (house: House): Promise<string> =>
  inAccount(house, (sql) => sql.exec<{ state: string }>("SELECT state FROM agent_grant").one().state);

const vmStates = (house: House): Promise<readonly string[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ state: string }>("SELECT state FROM vm")
      .toArray()
      .map((row) => row.state),
  );

/** One core node lists a machine of the payer's that costs so much a second, as long as the work lasts. */
async function whileListing<T>(costCredit: string, work: () => Promise<T>): Promise<T> {
  const real = stage.net.bind(stage);
  stage.net = async (request) => {
    const { host, pathname } = new URL(request.url);
    const answer = await real(request);
    if (host !== CORE_HOSTS[LIAR] || pathname !== "/api/v0/costs") return answer;
    const body = (await answer.json()) as { readonly summary: JsonObject; readonly resources: readonly JsonObject[] };
    const invented = { item_hash: "ab".repeat(32), cost_credit: costCredit, consumed_credits: 0 };
    const resources = [...body.resources, invented];
    return Response.json({ resources, summary: { ...body.summary, resource_count: resources.length } });
  };
  try {
    return await work();
  } finally {
    stage.net = real;
  }
}

async function running(): Promise<{ readonly house: House; readonly agent: Caller; readonly vmId: string }> {
  const house = await alone();
  const agent = await house.agent();
  const vmId = await house.healthy(agent);
  coresDown(SILENT);
  stage.logged = [];
  return { house, agent, vmId };
}

const ABSURD = "1000000000000000";

describe("a rate in the payer's list of resources", () => {
  it("keeps neither owner nor agent from what they may see, and stops no brake", async () => {
    const { house, agent, vmId } = await running();
    await whileListing(ABSURD, async () => {
      value(await house.owners.overview(house.session));
      value(await house.agents.checkBalance(agent));
      value(await house.owners.freeze(house.session));
      expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "owner" });
      value(await house.owners.stopEverything(house.session));
      expect((await house.vm(agent, vmId)).state).toBe("STOPPING");
      await house.advance(HOUR_S / 2);
      // two are needed, and what one says beyond belief is nothing
      const { coreNodesAnswering, payerCredits } = value(await house.owners.overview(house.session)).balance;
      expect([coreNodesAnswering, payerCredits]).toEqual([1, null]);
    });
    expect(stage.logged).toEqual([]);
    expect((await house.vm(agent, vmId)).state).toBe("TERMINATED");
  });

  it("that an older version stored lasts no longer than until somebody looks", async () => {
    const { house } = await running();
    const line = `{"itemHash":"${"ab".repeat(32)}","rate":"${ABSURD}${"0".repeat(18)}","consumedCredits":0}`;
    await inAccount(house, (sql) =>
      sql.exec(
        "UPDATE account SET payer_json = json_insert(payer_json, '$.perCore[0].lines[#]', json(?1), '$.perCore[1].lines[#]', json(?1))",
        line,
      ),
    );
    const shown = await house.account.overview(null);
    expect(value(shown).balance.payerCredits).toBeNull();
    value(await house.owners.freeze(house.session));
    value(await house.owners.stopEverything(house.session));
    expect(stage.logged).toEqual([]);
  });
});

/** A slip that no input can cause, planted in the memory of the living object. */
const planted = (house: House, part: Partial<Store>): Promise<void> =>
  runInDurableObject(house.account, (object) => {
    Object.assign((object as unknown as { readonly store: Store }).store, part);
  });

const slip = (): never => {
  throw new TypeError("planted");
};

describe("an error of ours", () => {
  it("that a call met which judged facts of the network freezes nobody, since it may be a figure's doing", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const topUp = value(await house.agents.quoteTopUp(agent, { credits: 5 }));
    await planted(house, { insertQuote: slip, burnQuote: slip });
    const refused = [
      await house.agents.quoteVm(agent, ASK),
      await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }),
      // what the payer had is read for it too
      await house.agents.accept(agent, { quoteId: topUp.quoteId, kind: "top_up", waitS: 0 }),
    ];
    expect(refused.map((one) => code<unknown>(one))).toEqual(Array(3).fill("internal.invariant"));
    expect([await grantState(house), await notices(house)]).toEqual(["active", []]);
    expect(stage.logged).toMatchObject(Array(3).fill({ event: "account.internal" }));
  });

  it("that an agent met by its own words alone freezes it, and its owner is told", async () => {
    const house = await alone();
    const agent = await house.agent();
    await planted(house, { insertQuote: slip });
    expect(code(await house.agents.quoteTopUp(agent, { credits: 5 }))).toBe("internal.invariant");
    expect([await grantState(house), await notices(house)]).toEqual(["frozen", ["internal"]]);
  });
});

/** Its teardown needs no word of what was ordered; every view of it does. */
const unshowable = (house: House) =>
  inAccount(house, (sql) => void sql.exec("UPDATE vm SET vm_json = json_remove(vm_json, '$.spec')"));

describe("a brake", () => {
  it("holds although nothing of the account can be shown", async () => {
    const { house, agent, vmId } = await running();
    await planted(house, { loadNotices: slip, heldBy: slip });
    await unshowable(house);
    const { grantId } = agent;
    expect(value(await house.owners.destroyVm(house.session, { vmId }))).toEqual({ vmId });
    expect(value(await house.owners.freezeGrant(house.session, { grantId })).state).toBe("frozen");
    expect(value(await house.owners.revokeGrant(house.session, { grantId, keepVms: true })).state).toBe("revoked");
    expect(value(await house.owners.freeze(house.session))).toEqual({ state: "frozen", frozenReason: "owner" });
    expect(value(await house.owners.stopEverything(house.session)).frozenReason).toBe("owner_stop");
    expect([await vmStates(house), await grantState(house)]).toEqual([["STOPPING"], "revoked"]);
  });

  it("that an agent pulls holds although no VM of its can be shown", async () => {
    const { house, agent, vmId } = await running();
    await unshowable(house);
    expect(value(await house.account.destroy(agent, vmId, false, stage.nowMs))).toEqual({ vmId });
    expect(await vmStates(house)).toEqual(["STOPPING"]);
    await runInDurableObject(house.account, (object) => {
      const stop = () => (object as unknown as AccountObject).emergencyStop(agent, stage.nowMs);
      expect(stop).toThrow(TypeError);
    });
    expect(await grantState(house)).toBe("frozen");
  });
});

describe("a rate in the price list", () => {
  it("is no price: the agent that asked is told that too few core nodes answer, and stays as it was", async () => {
    const house = await alone();
    const agent = await house.agent();
    const text = JSON.stringify(DEFAULT_PRICING).replaceAll('"14250"', `"1${"0".repeat(20)}"`);
    core(LIAR).setPricing(JSON.parse(text) as JsonObject, stage.nowMs);
    coresDown(SILENT);
    expect(code(await house.agents.quoteVm(agent, ASK))).toBe("network.unreachable");
    expect([await grantState(house), stage.logged]).toEqual(["active", []]);
    coresDown();
    expect((await house.agents.quoteVm(agent, ASK)).ok).toBe(true);
  });
});
