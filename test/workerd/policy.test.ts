/** The owner's policy through the real objects: images, places, lives, grants' own windows, the shadow run, approvals. */
import { describe, expect, it } from "vitest";
import type { AcceptView, Caller, QuoteView, VmAsk } from "../../src/account/contract.ts";
import type { Answer } from "../../src/errors.ts";
import { apart, tryCreate } from "./apart.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { nodeOf, posted } from "./evidence.ts";
import { stage } from "./stage.ts";

const DAY_MS = 86_400_000;
const quote = async (house: House, caller: Caller, change: Partial<VmAsk> = {}): Promise<QuoteView> =>
  value(await house.agents.quoteVm(caller, { ...ASK, ...change }));
const accept = (house: House, caller: Caller, quoteId: string): Promise<Answer<AcceptView>> =>
  house.agents.accept(caller, { quoteId, kind: "create", waitS: 0 });

/** The id of the approval that this create waits for. */
async function ask(house: House, caller: Caller, change: Partial<VmAsk> = {}): Promise<string> {
  const asked = value(await tryCreate(house, caller, change));
  if (asked.kind !== "approval_required") throw new Error(asked.kind);
  return asked.approval.approvalId;
}

async function decide(house: House, approvalId: string, verdict: "approve" | "deny"): Promise<void> {
  const page = value(await house.owners.openApproval(house.session, { approvalId }));
  const signature = verdict === "approve" ? { signature: house.signTyped(page.typedData) } : {};
  value(await house.owners.decideApproval(house.session, { approvalId, nonce: page.nonce, verdict, ...signature }));
}

describe("image and place", () => {
  it("an image that the owner did not name is refused, one of the list boots", async () => {
    const house = await apart(draftPolicy({ shape: { images: ["debian12"] } }));
    const agent = await house.agent();
    expect(code(await tryCreate(house, agent))).toBe("policy.image");
    expect(code(await tryCreate(house, agent, { image: "debian12" }))).toBe("ok");
  });

  it("a denied node is neither chosen nor shown, and asking for it by name is refused", async () => {
    const open = await apart();
    const { crnId } = await quote(open, await open.agent());
    if (crnId === null) throw new Error("no node");
    const house = await apart(draftPolicy({ place: { nodesDeny: [crnId] } }));
    const agent = await house.agent();
    const shown = value(await house.agents.listNodes(agent, { limit: 50 }));
    expect(shown.nodes.map((node) => node.crnId)).not.toContain(crnId);
    expect(shown.left_out["not_allowed"]).toBe(1);
    for (let tries = 0; tries < 10; tries++) expect((await quote(house, agent)).crnId).not.toBe(crnId);
    expect(code(await tryCreate(house, agent, { nodeHash: crnId }))).toBe("policy.node_denied");
  });

  it("a node that asks for terms takes a VM once the owner has accepted these, and the VM says so in its own content", async () => {
    const [node] = stage.world.roster.filter(({ terms }) => terms !== "");
    if (node === undefined) throw new Error("no node asks for terms");
    const crnId = node.spec.hash;
    const strict = await apart();
    const refused = await tryCreate(strict, await strict.agent(), { nodeHash: crnId });
    expect(code(refused)).toBe("policy.terms");
    const house = await apart(draftPolicy({ place: { termsAccepted: [node.terms] } }));
    const agent = await house.agent();
    expect(value(await house.agents.listNodes(agent, { limit: 50 })).nodes.map((one) => one.crnId)).toContain(crnId);
    const { itemHash } = await house.vm(agent, await house.create(agent, { nodeHash: crnId }));
    const [sent] = posted("INSTANCE").filter((one) => one.itemHash === itemHash);
    expect(sent?.content).toMatchObject({
      requirements: { node: { node_hash: crnId, terms_and_conditions: node.terms } },
    });
  });

  it("with one allowed node every VM goes there", async () => {
    const open = await apart();
    const { crnId } = await quote(open, await open.agent());
    const house = await apart(draftPolicy({ place: { nodesAllow: [crnId ?? ""] } }));
    const agent = await house.agent();
    const vmId = await house.create(agent);
    expect((await house.vm(agent, vmId)).crnId).toBe(crnId);
  });

  it("a score that no node reaches leaves none", async () => {
    const house = await apart(draftPolicy({ place: { scorePctMin: 100 } }));
    const none = await house.agents.quoteVm(await house.agent(), ASK);
    expect(code(none)).toBe("node.no_capacity");
  });
});

describe("lives", () => {
  it("all extensions of one VM together stay below the owner's limit", async () => {
    const house = await apart(draftPolicy({ limits: { extendSTotalMax: 2 * HOUR_S } }));
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const extend = async (): Promise<string> => {
      const quoted = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
      return code(await house.agents.accept(agent, { quoteId: quoted.quoteId, kind: "extend", waitS: 0 }));
    };
    expect([await extend(), await extend(), await extend()]).toEqual(["ok", "ok", "policy.ttl"]);
  });

  it("no VM may outlive the owner's own end of the delegation, grace included", async () => {
    const delegationExpiresAtMs = stage.nowMs + 4 * HOUR_S * 1_000;
    const house = await apart(draftPolicy({ delegationExpiresAtMs }));
    const agent = await house.agent();
    expect(code(await tryCreate(house, agent, { ttlS: 4 * HOUR_S }))).toBe("policy.ttl");
    expect(code(await tryCreate(house, agent, { ttlS: 2 * HOUR_S }))).toBe("ok");
  });

  it("an owner who wants to be told only keeps an unreachable VM to its end", async () => {
    const house = await apart(draftPolicy({ on: { vmUnreachable: "alert", vmUnreachableMin: 5 } }));
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 2 * HOUR_S });
    // neither the node's list nor the machine's SSH answers any more
    nodeOf((await house.vm(agent, vmId)).crnId).setKnobs({ down: true });
    await house.advance(600);
    const vm = await house.vm(agent, vmId);
    expect(vm).toMatchObject({ state: "UNHEALTHY", endReason: null, destroyAtMs: null });
    expect(vm.unreachableSinceMs).not.toBeNull();
  });
});

describe("a VM of which nobody said how long it lives", () => {
  const { ttlS: _ttlS, ...open } = ASK;

  it("lives as long as the owner's policy says, and its quote says so", async () => {
    const house = await apart(draftPolicy({ limits: { ttlSDefault: HOUR_S, ttlSMax: 2 * HOUR_S } }));
    const agent = await house.agent();
    const { quoteId, ...offer } = value(await house.agents.quoteVm(agent, open));
    const said = await quote(house, agent, { ttlS: HOUR_S });
    expect(offer).toMatchObject({ ttlS: HOUR_S, costCreditsMax: said.costCreditsMax });
    const tried = (ttlS: number) =>
      house.agents.accept(agent, { quoteId, kind: "create", same: { ...open, ttlS }, waitS: 0 });
    expect(code(await tried(4 * HOUR_S))).toBe("input.key_reused_differently");
    const made = value(await house.agents.accept(agent, { quoteId, kind: "create", same: open, waitS: 0 }));
    const vm = made.kind === "vm" ? made.vm : null;
    expect((vm?.expiresAtMs ?? 0) - (vm?.createdAtMs ?? 0)).toBe(HOUR_S * 1_000);
    expect(value(await tried(HOUR_S)).kind).toBe("vm");
  });

  it("is priced for four hours where no policy is set", async () => {
    stage.reset();
    const house = House.stranger();
    value(await house.owners.arrive(house.session));
    expect(value(await house.agents.quoteVm(await house.agent(), open)).ttlS).toBe(4 * HOUR_S);
  });
});

describe("a grant's own window", () => {
  it("bites before the account's and leaves other agents alone", async () => {
    const house = await apart();
    const first = await quote(house, await house.agent());
    const windows = [{ seconds: 86_400, creditsMax: first.costCreditsMax + 1 }];
    const small = await house.agent({ windows });
    const other = await house.agent();
    expect(code(await tryCreate(house, small))).toBe("ok");
    const refused = await tryCreate(house, small);
    expect(refused).toMatchObject({ refusal: { code: "policy.window_86400s", facts: { of: "grant" } } });
    expect(code(await tryCreate(house, other))).toBe("ok");
    const { limits } = value(await house.agents.checkBalance(small));
    expect(limits.find((limit) => limit.name === "grant_window_86400s")?.max).toBe(first.costCreditsMax + 1);
  });
});

describe("a grant's own count of VMs and rate", () => {
  it("are among its limits, with what is left, and of no other agent's or the owner's", async () => {
    const house = await apart();
    const small = await house.agent({ vmsLiveMax: 2, createsPerMinMax: 1 });
    const other = await house.agent({ vmsLiveMax: 3, createsPerMinMax: 5 });
    await house.create(small);
    const own = async (caller: Caller) =>
      value(await house.agents.checkBalance(caller))
        .limits.filter(({ name }) => name === "grant_vms_live" || name === "grant_creates_per_min")
        .map(({ name, max, used, left }) => [name, max, used, left]);
    expect(await own(small)).toEqual([
      ["grant_vms_live", 2, 1, 1],
      ["grant_creates_per_min", 1, 1, 0],
    ]);
    expect(await own(other)).toEqual([
      ["grant_vms_live", 3, 0, 3],
      ["grant_creates_per_min", 5, 0, 5],
    ]);
    const { balance } = value(await house.owners.overview(house.session));
    expect(balance.limits.filter(({ name }) => name.startsWith("grant"))).toEqual([]);
  });
});

describe("the shadow run", () => {
  it("leaves out what an agent's own limits refused", async () => {
    const house = await apart();
    const agent = await house.agent({ vmsLiveMax: 1 });
    await house.create(agent);
    expect(code(await tryCreate(house, agent))).toBe("policy.vms_live");
    const { shadow } = value(await house.owners.offerPolicy(house.session, { draft: draftPolicy() }));
    expect(shadow).toEqual({ of: 1, refused: 0, refusedThen: 0 });
  });

  it("tells the owner what new limits would have refused, before anything is saved", async () => {
    const house = await apart();
    const agent = await house.agent();
    const offer = async (draft = draftPolicy()) =>
      value(await house.owners.offerPolicy(house.session, { draft })).shadow;
    expect(await offer()).toEqual({ of: 0, refused: 0, refusedThen: 0 });
    await house.create(agent);
    await house.create(agent);
    expect(code(await tryCreate(house, agent, { vcpus: 16, memoryMib: 32_768 }))).toMatch(/^(policy\.shape|node\.)/);
    const repeated = await quote(house, agent, { ttlS: 30 * HOUR_S });
    for (let tries = 0; tries < 2; tries++)
      expect(code(await accept(house, agent, repeated.quoteId))).toBe("policy.ttl");
    const now = await offer();
    expect(now.of - now.refusedThen).toBe(2);
    expect(now.refused).toBe(now.refusedThen);
    const narrow = await offer(draftPolicy({ limits: { vmsLiveMax: 1 } }));
    expect(narrow.refused).toBe(now.refused + 1);
    const roomy = await offer(draftPolicy({ limits: { ttlSMax: 40 * HOUR_S, perVmCreditsMax: 9_000_000 } }));
    expect(roomy.refused).toBeLessThan(now.refused);
    expect(value(await house.owners.overview(house.session)).policy?.version).toBe(1);
  });
});

describe("approvals", () => {
  const asking = draftPolicy({ approval: { aboveCredits: 0 } });

  it("the same question under another quote is the same approval, and either quote may use it once", async () => {
    const house = await apart(asking);
    const agent = await house.agent();
    const first = await ask(house, agent);
    const second = await quote(house, agent);
    const waits = value(await accept(house, agent, second.quoteId));
    expect(waits).toMatchObject({ kind: "approval_required", approval: { approvalId: first } });
    expect(value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals).toHaveLength(1);
    expect(code(await tryCreate(house, agent, { memoryMib: 4_096 }))).toBe("approval.pending");
    await decide(house, first, "approve");
    expect(value(await accept(house, agent, second.quoteId)).kind).toBe("vm");
    const again = value(await tryCreate(house, agent));
    expect(again.kind).toBe("approval_required");
  });

  it("after a no the agent waits ten minutes, then twenty, whatever it asks for", async () => {
    const house = await apart(asking);
    const agent = await house.agent();
    const other = await house.agent();
    await decide(house, await ask(house, agent), "deny");
    for (const change of [{}, { memoryMib: 3_072 }]) {
      const no = await tryCreate(house, agent, change);
      expect(no).toMatchObject({ refusal: { code: "busy.cool_down", retry: "after", retryAfterS: 600 } });
    }
    expect((await quote(house, agent)).wouldRefuse?.code).toBe("busy.cool_down");
    expect(await ask(house, other)).toMatch(/^ap_/);
    stage.moveTo(stage.nowMs + 600_000);
    await decide(house, await ask(house, agent), "deny");
    expect(await tryCreate(house, agent)).toMatchObject({ refusal: { code: "busy.cool_down", retryAfterS: 1_200 } });
    stage.moveTo(stage.nowMs + 1_200_000);
    await decide(house, await ask(house, agent), "approve");
    expect(code(await tryCreate(house, agent))).toBe("ok");
    await decide(house, await ask(house, agent), "deny");
    expect(await tryCreate(house, agent)).toMatchObject({ refusal: { retryAfterS: 600 } });
  });

  // the wait that the sibling asks for is longer than this test may take
  it("a sibling agent is told at once that there is none of that id, and is not made to wait for it", async () => {
    const house = await apart(asking);
    const approvalId = await ask(house, await house.agent());
    const sibling = await house.agent();
    const told = await house.agents.getApproval(sibling, { approvalId, withdraw: false, waitS: 25 });
    expect(told).toMatchObject({ refusal: { code: "input.unknown_id", facts: { id: "approval" } } });
  }, 15_000);

  it("slicing a day into small VMs meets the daily sum, and one VM into extensions its total", async () => {
    const open = await apart();
    const { costCreditsMax } = await quote(open, await open.agent());
    const house = await apart(
      draftPolicy({ approval: { aboveCredits: 2 * costCreditsMax, unapprovedPerDayCredits: 3 * costCreditsMax } }),
    );
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const long = value(await house.agents.quoteExtend(agent, { vmId, seconds: 6 * HOUR_S }));
    expect(long.approval).toBe("required");
    await house.create(agent);
    await house.create(agent);
    expect((await quote(house, agent)).approval).toBe("required");
  });

  it("an agent that was restarted finds what is open and what was given, and nothing that time has closed", async () => {
    const house = await apart(asking);
    const agent = await house.agent();
    const approvalId = await ask(house, agent);
    const mine = async () => value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals;
    expect(await mine()).toMatchObject([{ approvalId, state: "pending" }]);
    await decide(house, approvalId, "approve");
    expect(await mine()).toMatchObject([{ approvalId, state: "approved" }]);
    stage.moveTo(stage.nowMs + DAY_MS);
    expect(await mine()).toEqual([]);
  });
});
