/** The pace of an agent through the real objects: failures count against its own grant, and against nobody else's. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import first from "../../migrations/0001_account.sql";
import type { AcceptView, Caller, VmAsk } from "../../src/account/contract.ts";
import type { Answer } from "../../src/errors.ts";
import { apart, tryCreate } from "./apart.ts";
import { ASK, code, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { rewind } from "./rewind.ts";
import { stage } from "./stage.ts";

const SLOW = { vcpus: 1, memoryMib: 2_048, diskMib: 20_480 };

const trySlow = (house: House, caller: Caller, change: Partial<VmAsk> = {}): Promise<Answer<AcceptView>> =>
  tryCreate(house, caller, { ...SLOW, ...change });

/** Accepts that the policy refuses, one after the other. */
async function refused(house: House, caller: Caller, times: number): Promise<readonly string[]> {
  const codes: string[] = [];
  for (let at = 0; at < times; at++) codes.push(code(await trySlow(house, caller, { ttlS: 30 * HOUR_S })));
  return codes;
}

async function notices(house: House): Promise<readonly string[]> {
  return value(await house.owners.overview(house.session)).notices.map((one) => one.kind);
}

const EIGHTEEN_MIN_S = 18 * 60;
/** Nothing lives, so nothing is due: time just passes. */
const pass = (seconds: number): void => stage.moveTo(stage.nowMs + seconds * 1_000);

describe("the breaker", () => {
  it("opens for one agent after three refusals of its own, and leaves the other alone", async () => {
    const house = await apart();
    const [rash, calm] = [await house.agent(), await house.agent()];
    expect(await refused(house, rash, 3)).toEqual(["policy.ttl", "policy.ttl", "policy.ttl"]);
    const open = await trySlow(house, rash);
    expect(open).toMatchObject({ refusal: { code: "busy.circuit_open", retry: "after" } });
    const waitS = open.ok ? 0 : (open.refusal.retryAfterS ?? 0);
    expect(waitS).toBeGreaterThanOrEqual(900);
    expect(waitS).toBeLessThanOrEqual(1_080);
    expect(value(await house.agents.quoteVm(calm, ASK)).wouldRefuse).toBeUndefined();
    pass(waitS);
    expect(code(await trySlow(house, rash))).toBe("ok");
  });

  it("quotes never count, and neither do refusals for want of money", async () => {
    const house = await apart(draftPolicy(), 100_000);
    const agent = await house.agent();
    for (let at = 0; at < 5; at++) expect(code(await trySlow(house, agent))).toMatch(/^balance\./);
    for (let at = 0; at < 5; at++) value(await house.agents.quoteVm(agent, { ...ASK, ttlS: 30 * HOUR_S }));
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse?.code).toMatch(/^balance\./);
  });

  it("freezes the grant at the third opening of a day by its own doing, tells the owner, and starts anew after that", async () => {
    const house = await apart();
    const [rash, calm] = [await house.agent(), await house.agent()];
    for (let opening = 0; opening < 2; opening++) {
      await refused(house, rash, 9);
      pass(EIGHTEEN_MIN_S);
    }
    expect(await notices(house)).not.toContain("grant_frozen");
    expect(await refused(house, rash, 3)).toEqual(["policy.ttl", "policy.ttl", "policy.ttl"]);
    expect(code(await trySlow(house, rash))).toBe("auth.frozen");
    const { grants, state } = value(await house.owners.overview(house.session));
    expect(state).toBe("active");
    const frozen = { state: "frozen", frozenFor: ["breaker"] };
    expect(grants.find((grant) => grant.grantId === rash.grantId)).toMatchObject(frozen);
    expect(await notices(house)).toContain("grant_frozen");
    expect(code(await trySlow(house, calm))).toBe("ok");
    const draft = draftPolicy();
    const offer = value(await house.owners.offerPolicy(house.session, { draft, unfreeze: { grantId: rash.grantId } }));
    if (offer.typedData === null) throw new Error("no signature asked for");
    const signature = house.signTyped(offer.typedData);
    value(await house.owners.savePolicy(house.session, { nonce: offer.nonce, signature }));
    expect(code(await trySlow(house, rash))).toBe("ok");
  });

  it("a network that does not answer opens it and never freezes anybody", async () => {
    const house = await apart();
    const agent = await house.agent();
    for (let opening = 0; opening < 4; opening++) {
      const quote = value(await house.agents.quoteVm(agent, ASK));
      stage.accident = ({ host }) => (host.includes("crn") ? undefined : "lose_request");
      const codes: string[] = [];
      for (let at = 0; at < 3; at++)
        codes.push(code(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 })));
      stage.accident = undefined;
      expect(codes).toEqual(["network.unreachable", "network.unreachable", "network.unreachable"]);
      expect(code(await trySlow(house, agent))).toBe("busy.circuit_open");
      pass(EIGHTEEN_MIN_S);
    }
    expect(code(await trySlow(house, agent))).toBe("ok");
    expect(await notices(house)).not.toContain("grant_frozen");
  });

  it("a create that never boots cools its agent down and counts as one failure of the three", async () => {
    const house = await apart();
    const [unlucky, other] = [await house.agent(), await house.agent()];
    for (const node of stage.world.nodes) node.setKnobs({ rejectNotify: 503 });
    // on the node that it named or on none: nothing is tried elsewhere
    const vmId = await house.create(unlucky, { nodeHash: stage.world.nodes[0]?.spec.hash ?? "" });
    const vm = await house.until(unlucky, vmId, ["STOPPING", "TERMINATED"]);
    expect(vm.endReason).toBe("boot_failed");
    const cooling = await trySlow(house, unlucky);
    expect(cooling).toMatchObject({ refusal: { code: "busy.cool_down", facts: { failedCreates: 1 } } });
    expect(value(await house.agents.quoteVm(other, ASK)).wouldRefuse).toBeUndefined();
    const { quoteId } = value(await house.agents.quoteVm(unlucky, ASK));
    stage.accident = ({ host }) => (host.includes("crn") ? undefined : "lose_request");
    for (let at = 0; at < 2; at++) await house.agents.accept(unlucky, { quoteId, kind: "create", waitS: 0 });
    stage.accident = undefined;
    expect(code(await trySlow(house, unlucky))).toBe("busy.circuit_open");
    expect(await notices(house)).not.toContain("grant_frozen");
  });
});

/** Puts the account back to what the first version of the schema and of the policy had stored. */
async function asInSchemaOne(house: House): Promise<void> {
  await runInDurableObject(house.account, async (_object, { storage }) => {
    await rewind(storage, [first]);
    const { sql } = storage;
    sql.exec("DROP TRIGGER policy_is_append_only_u");
    sql.exec(
      "UPDATE policy SET policy_json = json_remove(policy_json, '$.place', '$.on', '$.delegationExpiresAtMs', '$.limits.extendSTotalMax', '$.shape.images')",
    );
    sql.exec(
      "CREATE TRIGGER policy_is_append_only_u BEFORE UPDATE ON policy BEGIN SELECT RAISE(ABORT, 'policy is append-only'); END",
    );
  });
  await runInDurableObject(house.account, (_object, state) => state.abort("new code")).catch(() => undefined);
}

describe("a database of schema 1", () => {
  it("is opened with its live VM, which is then finished, settled and followed by new ones", async () => {
    const house = await apart();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const before = await house.vm(agent, vmId);
    await asInSchemaOne(house);
    const tables = await runInDurableObject(house.account, (_object, state) =>
      state.storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name IN ('grant_pace', 'create_asked')")
        .toArray(),
    );
    expect(tables).toHaveLength(2);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", heldCredits: before.heldCredits });
    const policy = value(await house.owners.overview(house.session)).policy;
    expect(policy).toMatchObject({ place: { scorePctMin: 80 }, on: { vmUnreachable: "destroy" } });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    expect(await house.vm(agent, vmId)).toMatchObject({
      costStatus: "settled",
      heldCredits: 0,
      endReason: "destroyed",
    });
    expect(house.machines()).toEqual([]);
    expect(code(await trySlow(house, agent))).toBe("ok");
  });
});
