/** The operator's pause through the real objects: nothing new starts in any account, and everything else goes on. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { AcceptView, Caller, QuoteView } from "../../src/account/contract.ts";
import { agentFront } from "../../src/account/front-agent.ts";
import { FAILURES_MAX } from "../../src/account/breaker.ts";
import { type Config, parseConfig } from "../../src/env.ts";
import type { Answer } from "../../src/errors.ts";
import { type Bindings, frontOf } from "../../src/wiring.ts";
import { alone, booksOf, instanceHashes } from "./evidence.ts";
import { ASK, code, draftPolicy, everyCall, House, HOUR_S, value } from "./house.ts";
import { stage, stagePorts } from "./stage.ts";

const bindings = env as unknown as Bindings;
const REFUSED = { ok: false, refusal: { code: "service.paused", retry: "after", retryAfterS: 300 } };

/** The setting comes with a deployment, and that starts anew whatever object is awake. */
async function deployed(setting: "on" | "off", house: House): Promise<void> {
  stage.settings = { NEW_SPENDING: setting };
  await runInDurableObject(house.account, (_, state) => state.abort("deployed anew")).catch(() => undefined);
}

function pausedConfig(): Config {
  const parsed = parseConfig({ ...bindings, NEW_SPENDING: "off" });
  if (!parsed.ok) throw new Error(parsed.missing.join());
  return parsed.config;
}

const accept = (
  { agents }: Pick<House, "agents">,
  agent: Caller,
  kind: QuoteView["kind"],
  quoteId: string,
): Promise<Answer<AcceptView>> => agents.accept(agent, { quoteId, kind, waitS: 0 });

/** A quote of each kind; an extension's is for this VM. */
async function quotes({ agents }: House, agent: Caller, vmId: string) {
  return [
    value(await agents.quoteVm(agent, ASK)),
    value(await agents.quoteExtend(agent, { vmId, seconds: HOUR_S })),
    value(await agents.quoteTopUp(agent, { credits: 1_000_000 })),
  ];
}

afterEach(() => {
  stage.settings = {};
});

describe("while the operator has paused everything new", () => {
  it("a create, an extension and a top-up are refused as often as they are tried, and the same quotes hold afterwards", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const before = await quotes(house, agent, vmId);
    const { expiresAtMs } = await house.vm(agent, vmId);
    const { holds } = await booksOf(house);
    await deployed("off", house);
    for (let tried = 0; tried <= FAILURES_MAX; tried++)
      for (const { kind, quoteId } of before) expect(await accept(house, agent, kind, quoteId)).toMatchObject(REFUSED);
    for (const quote of await quotes(house, agent, vmId)) expect(quote.wouldRefuse?.code).toBe("service.paused");
    await house.advance(60);
    expect(instanceHashes()).toHaveLength(1);
    expect((await booksOf(house)).holds).toEqual(holds);
    expect((await house.vm(agent, vmId)).expiresAtMs).toBe(expiresAtMs);
    await deployed("on", house);
    const after: string[] = [];
    for (const { kind, quoteId } of before) after.push(value(await accept(house, agent, kind, quoteId)).kind);
    expect(after).toEqual(["vm", "vm", "top_up"]);
    expect((await house.vm(agent, vmId)).expiresAtMs).toBe(expiresAtMs + HOUR_S * 1_000);
    await house.advance(60);
    expect(instanceHashes()).toHaveLength(2);
  });

  it("the Worker refuses before an object that is awake has heard of it, and burns nothing either", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const worker = { agents: agentFront(frontOf(bindings, pausedConfig(), stagePorts)) };
    const asked = stage.sent.length;
    const offered = await quotes(house, agent, vmId);
    const gathered = stage.sent.length;
    expect(gathered).toBeGreaterThan(asked);
    for (const { kind, quoteId } of offered) expect(await accept(worker, agent, kind, quoteId)).toMatchObject(REFUSED);
    expect(stage.sent.length).toBe(gathered);
    for (const { kind, quoteId } of offered) value(await accept(house, agent, kind, quoteId));
  });

  it("what was accepted before is answered as ever, and what runs is torn down at its time", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ttlS: 1_200 }));
    const accepted = value(await accept(house, agent, "create", quoteId));
    if (accepted.kind !== "vm") throw new Error(accepted.kind);
    const { vmId } = accepted.vm;
    await house.until(agent, vmId, ["HEALTHY"]);
    await deployed("off", house);
    expect(value(await accept(house, agent, "create", quoteId))).toMatchObject({ kind: "vm", vm: { vmId } });
    const { expiresAtMs } = await house.vm(agent, vmId);
    await house.advance((expiresAtMs - stage.nowMs) / 1_000 - 1);
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    const over = await house.until(agent, vmId, ["TERMINATED"], 300);
    expect(over).toMatchObject({ endReason: "ttl", attempts: [{ number: 1 }] });
    expect(house.machines()).toEqual([]);
  });

  it("agents go on to look and to end; owners go on to narrow, to freeze, to stop and to leave", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await deployed("off", house);
    expect(value(await house.owners.overview(house.session))).toMatchObject({ paused: true, state: "active" });
    const { checkBalance, listNodes, getVm, listVms, getSpending, destroyVm } = everyCall(house.agents, agent, {
      vmId,
    });
    for (const call of [checkBalance, listNodes, getVm, listVms, getSpending, destroyVm]) value(await call());
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.setPolicy(draftPolicy({ limits: { vmsLiveMax: 1 } }));
    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    value(await house.owners.stopEverything(house.session));
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    expect(value(await house.owners.openLeave(house.session)).leaving).not.toBeNull();
  });

  it("whoever comes new signs in, sets limits, delegates and connects an agent, which is refused like all others", async () => {
    await deployed("off", await alone());
    const house = await House.join();
    const agent = await house.agent();
    const quote = value(await house.agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse?.code).toBe("service.paused");
    expect(await accept(house, agent, "create", quote.quoteId)).toMatchObject(REFUSED);
  });

  it("owners go on to answer requests: a denied one is over, an approved one is used once the pause is", async () => {
    const house = await alone(draftPolicy({ approval: { aboveCredits: 0 } }));
    const [agent, other] = [await house.agent(), await house.agent()];
    const ask = async (by: Caller) => {
      const { quoteId } = value(await house.agents.quoteVm(by, ASK));
      const asked = value(await accept(house, by, "create", quoteId));
      if (asked.kind !== "approval_required") throw new Error(asked.kind);
      return { quoteId, approvalId: asked.approval.approvalId };
    };
    const [wanted, unwanted] = [await ask(agent), await ask(other)];
    await deployed("off", house);
    expect(await house.decide(unwanted.approvalId, "deny")).toBe("denied");
    expect(await house.decide(wanted.approvalId)).toBe("approved");
    expect(await accept(house, agent, "create", wanted.quoteId)).toMatchObject(REFUSED);
    expect(code(await accept(house, other, "create", unwanted.quoteId))).toBe("approval.denied");
    await deployed("on", house);
    expect(value(await accept(house, agent, "create", wanted.quoteId)).kind).toBe("vm");
  });
});
