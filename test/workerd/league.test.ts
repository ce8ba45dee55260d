/** What accounts saw of nodes becomes the public figures, and the choice of the next node. */
import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import { publicFront } from "../../src/account/front-public.ts";
import { versionAtLeast } from "../../src/aleph/nodes.ts";
import { VERSION_PREFERRED } from "../../src/directory/choice.ts";
import { alone, coresDown } from "./evidence.ts";
import { ASK, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MIN_S = 60;

/** The front keeps the table for a minute. */
async function league(house: House) {
  await house.advance(2 * MIN_S);
  return value(await publicFront(house.setting).network());
}

async function shortLife(house: House, agent: Caller, crnId?: string): Promise<string> {
  const vmId = await house.healthy(agent, crnId === undefined ? {} : { nodeHash: crnId });
  await house.advance(10);
  value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
  const { crnId: used } = await house.until(agent, vmId, ["TERMINATED"]);
  return String(used);
}

async function ranked(house: House, agent: Caller) {
  return value(await house.agents.listNodes(agent, { limit: 10 })).nodes;
}

/** A node that others outrank, of the versions that go before all others whatever was measured. */
async function lastOfTheBest(house: House, agent: Caller): Promise<string> {
  const best = (await ranked(house, agent)).filter((one) => versionAtLeast(one.version, VERSION_PREFERRED));
  expect(best.length).toBeGreaterThan(1);
  return best.at(-1)?.crnId ?? "";
}

async function quoted(house: House, agent: Caller): Promise<string> {
  return String(value(await house.agents.quoteVm(agent, ASK)).crnId);
}

describe("what accounts saw of a node", () => {
  it("of one account alone is no figure", async () => {
    const house = await alone();
    const used = await shortLife(house, await house.agent());
    const { whole, rows } = await league(house);
    expect(whole.startPct).toEqual({ value: null, samples: 1, accounts: 1 });
    expect(rows.find((row) => row.nodeHash === used)?.figures).toMatchObject({
      startPct: { value: null, samples: 1 },
      toSshMsP50: { value: null, samples: 1 },
      erasedPct: { value: null, samples: 1 },
    });
  });

  it("of three accounts is public with its sample sizes, and the proven node ranks first", async () => {
    const house = await alone();
    const agent = await house.agent();
    const used = await lastOfTheBest(house, agent);
    await shortLife(house, agent, used);
    for (let number = 2; number <= 3; number++) {
      const other = await House.join();
      await shortLife(other, await other.agent(), used);
    }
    const { whole, rows } = await league(house);
    const seen = { samples: 3, accounts: 3 };
    expect(rows[0]?.nodeHash).toBe(used);
    expect(rows[0]?.figures).toMatchObject({
      startPct: { value: 100, ...seen },
      erasedPct: { value: 100, ...seen },
      refusedPct: { value: 0, ...seen },
    });
    expect(rows[0]?.figures?.toSshMsP50).toEqual({ value: expect.any(Number) as number, ...seen });
    expect(rows[0]?.figures?.toSshMsP50.value).toBeGreaterThan(1_000);
    expect(whole.startPct).toEqual({ value: 100, ...seen });
    expect((await ranked(house, agent))[0]?.crnId).toBe(used);
  });

  it("counts a refusal and a machine that never ran, and nothing of our own outage", async () => {
    const house = await alone();
    const agent = await house.agent();
    const crnId = await quoted(house, agent);
    for (const node of stage.world.nodes) node.setKnobs({ failBoot: "start" });
    const vmId = await house.create(agent, { nodeHash: crnId, ttlS: 3 * HOUR_S });
    await house.until(agent, vmId, ["PROVISIONING"]);
    coresDown(0, 1, 2);
    await house.advance(16 * MIN_S);
    coresDown();
    await house.until(agent, vmId, ["TERMINATED"]);
    expect((await house.vm(agent, vmId)).endReason).toBe("boot_failed");
    expect((await league(house)).whole.startPct.samples).toBe(0);
    const again = await house.create(agent, { nodeHash: crnId, ttlS: 3 * HOUR_S });
    await house.until(agent, again, ["TERMINATED"]);
    const { whole } = await league(house);
    expect(whole.startPct).toEqual({ value: null, samples: 1, accounts: 1 });
  });
});
