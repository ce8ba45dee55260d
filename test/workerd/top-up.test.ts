/** What becomes of an agent's question for credits: its owner is told, nothing moves, and what arrives can be seen. */
import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import { alone, booksOf, coresDown } from "./evidence.ts";
import { type House, value } from "./house.ts";
import { stage } from "./stage.ts";

const FIVE_USD = 5_000_000;

async function ask(house: House, agent: Caller, credits = FIVE_USD): Promise<string> {
  const { quoteId } = value(await house.agents.quoteTopUp(agent, { credits }));
  return quoteId;
}

async function accepted(house: House, agent: Caller, quoteId: string) {
  const view = value(await house.agents.accept(agent, { quoteId, kind: "top_up", waitS: 0 }));
  if (view.kind !== "top_up") throw new Error(view.kind);
  return view;
}

const told = async (house: House) =>
  value(await house.owners.overview(house.session))
    .notices.filter(({ kind }) => kind === "top_up_asked")
    .map(({ facts, seenAtMs }) => ({ ...facts, seenAtMs }));

describe("a top-up", () => {
  it("tells the owner which agent asks for how much, once a quote, and holds nothing", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { grantId } = agent;
    const quoteId = await ask(house, agent);
    expect(await told(house)).toEqual([]);
    for (let times = 0; times < 3; times++)
      expect(await accepted(house, agent, quoteId)).toMatchObject({ creditsAsked: FIVE_USD });
    expect(await told(house)).toEqual([{ grantId, credits: FIVE_USD, seenAtMs: null }]);
    stage.moveTo(stage.nowMs + 1_000);
    await accepted(house, agent, await ask(house, agent, 1));
    expect((await told(house)).map((one) => "credits" in one && one.credits)).toEqual([1, FIVE_USD]);
    expect((await booksOf(house)).holds).toEqual([]);
  });

  it("says how much has arrived since, and that it is not known when it is not", async () => {
    const house = await alone();
    const agent = await house.agent();
    const quoteId = await ask(house, agent);
    const arrived = async () => (await accepted(house, agent, quoteId)).creditsArrived;
    expect(await arrived()).toBe(0);
    expect(await arrived()).toBe(0);
    for (const core of stage.world.cores) core.grantCredits(house.session.owner, 3_000_000, undefined, stage.nowMs);
    expect(await arrived()).toBe(3_000_000);
    coresDown(0, 1);
    expect(await arrived()).toBeNull();
    coresDown();
    expect(await arrived()).toBe(3_000_000);
  });

  it("can be asked for while the network is silent; what arrives is then never known", async () => {
    const house = await alone();
    const agent = await house.agent();
    const quoteId = await ask(house, agent);
    coresDown(0, 1, 2);
    expect((await accepted(house, agent, quoteId)).creditsArrived).toBeNull();
    coresDown();
    expect((await accepted(house, agent, quoteId)).creditsArrived).toBeNull();
    expect(await told(house)).toHaveLength(1);
  });
});
