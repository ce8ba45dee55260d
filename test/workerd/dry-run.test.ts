/** A dry run with a quote's id says what accepting that quote would come to now, and leaves no trace of having asked. */
import { describe, expect, it } from "vitest";
import type { Caller, QuoteView, VmAsk } from "../../src/account/contract.ts";
import type { QuoteKind } from "../../src/account/types.ts";
import { alone, dumpOf, inAccount, posted } from "./evidence.ts";
import { ASK, code, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const dry = (house: House, agent: Caller, quoteId: string, kind: QuoteKind = "create", same: Partial<VmAsk> = {}) =>
  house.agents.accept(agent, { quoteId, kind, same, waitS: 0, dryRun: true });

/** Every row of the account before and after, and what left the house meanwhile. */
async function seen(house: House, agent: Caller, quoteId: string, kind?: QuoteKind): Promise<QuoteView> {
  const before = await inAccount(house, dumpOf);
  const view = value(await dry(house, agent, quoteId, kind));
  expect(await inAccount(house, dumpOf)).toBe(before);
  if (view.kind !== "quote") throw new Error(view.kind);
  expect(view.quote.quoteId).toBe(quoteId);
  return view.quote;
}

const quoted = async (house: House, agent: Caller): Promise<string> =>
  value(await house.agents.quoteVm(agent, ASK)).quoteId;

const accept = (house: House, agent: Caller, quoteId: string) =>
  house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });

describe("a dry run with a quote's id", () => {
  it("of what would pass says so, orders nothing and leaves the quote to be accepted", async () => {
    const house = await alone();
    const agent = await house.agent();
    const quoteId = await quoted(house, agent);
    const quote = await seen(house, agent, quoteId);
    expect([quote.approval, quote.wouldRefuse]).toEqual(["not_required", undefined]);
    expect([posted("INSTANCE"), house.machines()]).toEqual([[], []]);
    const made = value(await accept(house, agent, quoteId));
    expect(made.kind).toBe("vm");
    expect(value(await dry(house, agent, quoteId))).toMatchObject({ kind: "vm" });
    expect(code(await dry(house, agent, quoteId, "create", { vcpus: 2 }))).toBe("input.key_reused_differently");
  });

  it("of what the owner has to approve says so, and asks nobody", async () => {
    const house = await alone(draftPolicy({ approval: { firstVm: true } }));
    const agent = await house.agent();
    expect((await seen(house, agent, await quoted(house, agent))).approval).toBe("required");
    expect(value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals).toEqual([]);
    expect(value(await house.owners.overview(house.session)).notices).toEqual([]);
  });

  it("names what has come in its way since it was made, as often as it is asked, and counts against nobody", async () => {
    const house = await alone(draftPolicy({ limits: { vmsLiveMax: 1 } }));
    const agent = await house.agent();
    const [late, first] = [await quoted(house, agent), await quoted(house, agent)];
    value(await accept(house, agent, first));
    for (let times = 0; times < 5; times++)
      expect(await seen(house, agent, late)).toMatchObject({
        approval: "unknown",
        wouldRefuse: { code: "policy.vms_live" },
      });
    expect(code(await accept(house, agent, late))).toBe("policy.vms_live");
  });

  it("does not use up a quote that has run out, whose acceptance does", async () => {
    const house = await alone();
    const agent = await house.agent();
    const quoteId = await quoted(house, agent);
    stage.moveTo(stage.nowMs + 600_000);
    expect((await seen(house, agent, quoteId)).wouldRefuse?.code).toBe("quote.expired");
    expect(code(await accept(house, agent, quoteId))).toBe("quote.expired");
    expect(code(await dry(house, agent, quoteId))).toBe("quote.expired");
  });

  it("takes no node's lease, so that others can go on", async () => {
    const house = await alone();
    const agent = await house.agent();
    const ids = [];
    for (let open = 0; open < 4; open++) ids.push(await quoted(house, agent));
    for (const id of ids) expect((await seen(house, agent, id)).wouldRefuse).toBeUndefined();
  });

  it("is there for extensions and top-ups too", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const { expiresAtMs } = await house.vm(agent, vmId);
    const longer = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
    expect(await seen(house, agent, longer.quoteId, "extend")).toMatchObject({ approval: "not_required", vmId });
    expect((await house.vm(agent, vmId)).expiresAtMs).toBe(expiresAtMs);
    const more = value(await house.agents.quoteTopUp(agent, { credits: 5_000_000 }));
    expect((await seen(house, agent, more.quoteId, "top_up")).costCreditsMax).toBe(5_000_000);
    expect(value(await house.owners.overview(house.session)).notices).toEqual([]);
  });
});
