/** What needs the owner, how long a request and a yes are good for, and that nobody else can say yes. */
import { describe, expect, it } from "vitest";
import type { AcceptView, ApprovalView, Caller, QuoteView, Session, VmAsk } from "../../src/account/contract.ts";
import type { ApprovalState, PolicyDraft } from "../../src/account/types.ts";
import type { TypedData } from "../../src/crypto/typed-data.ts";
import type { Answer } from "../../src/errors.ts";
import { alone, booksOf, inAccount, instanceHashes, notices } from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const HOURLY = 14_250;
const CEILING = 47_025;
const DAY_S = 24 * HOUR_S;
/** Longer than the cool-down after a failed create (`breaker.ts`). */
const COOLED_DOWN_S = 120;

const policy = (approval: Partial<PolicyDraft["approval"]>, limits: Partial<PolicyDraft["limits"]> = {}): PolicyDraft =>
  draftPolicy({ approval, limits });
/** Whatever is asked for needs the owner. */
const ALWAYS = policy({ aboveCredits: 0 });

const accept = (
  house: House,
  agent: Caller,
  quoteId: string,
  kind: "create" | "extend" = "create",
): Promise<Answer<AcceptView>> => house.agents.accept(agent, { quoteId, kind, waitS: 0 });

const kindOf = async (house: House, agent: Caller, quoteId: string): Promise<string> => {
  const accepted = await accept(house, agent, quoteId);
  return accepted.ok ? accepted.value.kind : accepted.refusal.code;
};

/** Quotes, accepts and says what came of it; the quote has said beforehand whether the owner is needed. */
async function tried(house: House, agent: Caller, change: Partial<VmAsk> = {}): Promise<string> {
  return triedQuote(house, agent, value(await house.agents.quoteVm(agent, { ...ASK, ...change })));
}

async function triedQuote(house: House, agent: Caller, quote: QuoteView): Promise<string> {
  const kind = quote.kind === "extend" ? "extend" : "create";
  const view = value(await accept(house, agent, quote.quoteId, kind));
  expect(view.kind).toBe(quote.approval === "required" ? "approval_required" : "vm");
  return view.kind;
}

type Asked = { readonly quoteId: string; readonly approvalId: string; readonly approval: ApprovalView };

async function asked(house: House, agent: Caller, change: Partial<VmAsk> = {}): Promise<Asked> {
  const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ...change }));
  return waiting(house, agent, quoteId);
}

async function waiting(
  house: House,
  agent: Caller,
  quoteId: string,
  kind: "create" | "extend" = "create",
): Promise<Asked> {
  const view = value(await accept(house, agent, quoteId, kind));
  if (view.kind !== "approval_required") throw new Error(view.kind);
  return { quoteId, approvalId: view.approval.approvalId, approval: view.approval };
}

const page = async (house: House, approvalId: string, session: Session = house.session) =>
  value(await house.owners.openApproval(session, { approvalId }));

/** The owner opens the page and says yes with the wallet, or no. */
async function decided(
  house: House,
  approvalId: string,
  verdict: "approve" | "deny" = "approve",
): Promise<ApprovalState> {
  const { nonce, typedData } = await page(house, approvalId);
  const signature = verdict === "approve" ? { signature: house.signTyped(typedData) } : {};
  const ask = { approvalId, nonce, verdict, ...signature };
  return value(await house.owners.decideApproval(house.session, ask)).state;
}

const stateOf = async (house: House, agent: Caller, approvalId: string): Promise<string | undefined> =>
  value(await house.agents.getApproval(agent, { approvalId, withdraw: false, waitS: 0 })).approvals[0]?.state;

describe("the owner is needed", () => {
  it("for an agent's first VM, and for every agent's", async () => {
    const house = await alone(policy({ firstVm: true }));
    const agent = await house.agent();
    const first = await asked(house, agent);
    expect(await decided(house, first.approvalId)).toBe("approved");
    expect(await kindOf(house, agent, first.quoteId)).toBe("vm");
    expect(await tried(house, agent)).toBe("vm");
    expect(await tried(house, await house.agent())).toBe("approval_required");
  });

  it("for a VM whose ceiling is above the threshold", async () => {
    const house = await alone(policy({ aboveCredits: CEILING }));
    const agent = await house.agent();
    expect(await tried(house, agent)).toBe("vm");
    expect(await tried(house, agent, { ttlS: ASK.ttlS + 60 })).toBe("approval_required");
  });

  it("for a GPU, whatever it costs", async () => {
    const draft = policy({ aboveCredits: 10_000_000 }, { perVmCreditsMax: 10_000_000 });
    const house = await alone({ ...draft, shape: { ...draft.shape, gpus: ["RTX 4000 ADA"] } });
    const quote = value(await house.agents.quoteVm(await house.agent(), { ...ASK, gpu: "RTX 4000 ADA" }));
    expect(quote.approval).toBe("required");
  });

  it("for an extension that takes the VM's total above the threshold, so that slicing does not help", async () => {
    const house = await alone(policy({ aboveCredits: 60_000 }));
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const longer = async (): Promise<QuoteView> =>
      value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
    expect(await triedQuote(house, agent, await longer())).toBe("vm");
    const { quoteId } = await longer();
    const before = await house.vm(agent, vmId);
    const { approvalId, approval } = await waiting(house, agent, quoteId, "extend");
    expect(approval.facts).toMatchObject({ kind: "extend", vmId, costCreditsMax: HOURLY, ttlS: 4 * HOUR_S });
    expect((await house.vm(agent, vmId)).expiresAtMs).toBe(before.expiresAtMs);
    expect(await decided(house, approvalId)).toBe("approved");
    expect(value(await accept(house, agent, quoteId, "extend")).kind).toBe("vm");
    expect((await house.vm(agent, vmId)).expiresAtMs - before.expiresAtMs).toBe(HOUR_S * 1_000);
  });

  it("or not: that is unknown while something refuses the VM before the policy is looked at", async () => {
    const house = await alone({ ...ALWAYS, expiresAtMs: stage.nowMs + 60_000 });
    const agent = await house.agent();
    const said = async () => {
      const { approval, wouldRefuse } = value(await house.agents.quoteVm(agent, ASK));
      return [approval, wouldRefuse?.code];
    };
    expect(await said()).toEqual(["required", undefined]);
    await house.advance(60);
    expect(await said()).toEqual(["unknown", "policy.expired"]);
    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    expect(await said()).toEqual(["unknown", "auth.frozen"]);
    value(await house.owners.freeze(house.session));
    expect(await said()).toEqual(["unknown", "account.frozen"]);
  });

  it("for everything beyond a day's sum of what was not approved, until that day is over", async () => {
    const house = await alone(policy({ unapprovedPerDayCredits: 20_000, aboveCredits: 20_000 }));
    const agent = await house.agent();
    const big = await asked(house, agent);
    expect(await decided(house, big.approvalId)).toBe("approved");
    const made = value(await accept(house, agent, big.quoteId));
    if (made.kind !== "vm") throw new Error(made.kind);
    // what the owner approved counts nothing here
    const small = { ttlS: 600 };
    const vmId = await house.create(agent, small);
    await house.advance(60);
    const { quoteId, approvalId } = await asked(house, agent, small);
    value(await house.agents.destroyVm(agent, { vmId: made.vm.vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, made.vm.vmId, ["TERMINATED"]);
    const heldAtMs = (await house.vm(agent, vmId)).createdAtMs;
    await house.advance((heldAtMs + DAY_S * 1_000 - stage.nowMs) / 1_000 - 1);
    expect((await house.vm(agent, vmId)).state).toBe("TERMINATED");
    expect(await kindOf(house, agent, quoteId)).toBe("approval_required");
    await house.advance(1);
    expect(await kindOf(house, agent, quoteId)).toBe("vm");
    // nobody is asked for what has happened by itself
    expect(await stateOf(house, agent, approvalId)).toBe("withdrawn");
  });
});

describe("a request for approval", () => {
  it("says what would happen, in facts that we computed", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent({ clientName: "Builder" });
    const { approvalId, approval } = await asked(house, agent, { name: "ci", ttlS: 90 * 60 });
    expect(approval).toMatchObject({ state: "pending", clientName: "Builder", path: `/approve/${approvalId}` });
    const { facts, typedData, by } = await page(house, approvalId);
    expect(by).toBe("signature");
    expect(facts).toEqual(approval.facts);
    expect(facts).toMatchObject({
      account: house.session.owner,
      grant: "Builder",
      kind: "create",
      vmId: "",
      vcpus: 1,
      memoryMib: 2_048,
      diskGib: 20,
      gpu: "none",
      image: "ubuntu24",
      nodeOrAny: "any node the policy allows",
      costCreditsMax: 39_188,
      ttlS: 5_400,
      policyVersion: 1,
    });
    expect(facts.sshKeyFingerprint).toMatch(/^SHA256:/);
    expect(typedData.message).toMatchObject({ approval_id: approvalId, cost_credits_max: "39188", ttl_s: "5400" });
    expect(await notices(house)).toContain("approval_waiting");
    expect(instanceHashes()).toEqual([]);
    expect((await booksOf(house)).holds).toEqual([]);
  });

  it("is no news any more once it is decided", async () => {
    const house = await alone(ALWAYS);
    const { approvalId } = await asked(house, await house.agent());
    const unseen = async () =>
      value(await house.owners.overview(house.session)).notices.filter((one) => one.seenAtMs === null);
    expect((await unseen()).map((one) => one.kind)).toEqual(["approval_waiting"]);
    expect(await decided(house, approvalId)).toBe("approved");
    expect(await unseen()).toEqual([]);
  });

  it("is no news either once it was taken back, overtaken by a policy, stopped, or has run out and its agent asks anew", async () => {
    const house = await alone(ALWAYS);
    const [fickle, slow, late] = [await house.agent(), await house.agent(), await house.agent()];
    const unseen = async () =>
      value(await house.owners.overview(house.session))
        .notices.filter((one) => one.seenAtMs === null && one.kind === "approval_waiting")
        .map((one) => one.facts["approvalId"]);
    const { approvalId } = await asked(house, fickle);
    value(await house.agents.getApproval(fickle, { approvalId, withdraw: true, waitS: 0 }));
    expect(await unseen()).toEqual([]);
    await asked(house, slow);
    await house.setPolicy(policy({ aboveCredits: 0 }, { vmsLiveMax: 2 }));
    expect(await unseen()).toEqual([]);
    await asked(house, slow);
    value(await house.agents.emergencyStop(slow));
    expect(await unseen()).toEqual([]);
    await asked(house, late);
    await house.advance(DAY_S);
    const anew = await asked(house, late);
    expect(await unseen()).toEqual([anew.approvalId]);
  });

  it("is one per agent: another quote is told which one waits, another agent may ask", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { approvalId, quoteId } = await asked(house, agent);
    const second = value(await house.agents.quoteVm(agent, { ...ASK, vcpus: 2 }));
    const refused = await accept(house, agent, second.quoteId);
    expect(!refused.ok && refused.refusal).toEqual({
      code: "approval.pending",
      facts: { approvalId, quoteId },
      retry: "same_key",
    });
    expect(await tried(house, await house.agent())).toBe("approval_required");
    expect(await decided(house, approvalId)).toBe("approved");
    expect(await kindOf(house, agent, second.quoteId)).toBe("approval_required");
  });

  it("is the same one however often its quote is accepted, at once or later", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const atOnce = await Promise.all([1, 2, 3].map(() => waiting(house, agent, quoteId)));
    await house.advance(3 * HOUR_S);
    const later = await waiting(house, agent, quoteId);
    expect(new Set([...atOnce, later].map((one) => one.approvalId)).size).toBe(1);
    expect((await notices(house)).filter((kind) => kind === "approval_waiting")).toHaveLength(1);
    const found = value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals;
    expect(found.map((one) => [one.approvalId, one.quoteId])).toEqual([[later.approvalId, quoteId]]);
  });

  it("that is denied burns its quote for ever", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { quoteId, approvalId } = await asked(house, agent);
    expect(await decided(house, approvalId, "deny")).toBe("denied");
    const refused = await accept(house, agent, quoteId);
    expect(code(refused)).toBe("approval.denied");
    expect(await decided(house, approvalId)).toBe("denied");
    await house.setPolicy(policy({ aboveCredits: 1_000_000 }));
    await house.advance(DAY_S);
    expect(await accept(house, agent, quoteId)).toEqual(refused);
    expect(await stateOf(house, agent, approvalId)).toBe("denied");
  });

  it("waits for a day, to the second", async () => {
    const house = await alone(ALWAYS);
    const [agent, late] = [await house.agent(), await house.agent()];
    const inTime = await asked(house, agent);
    const tooLate = await asked(house, late);
    await house.advance(DAY_S - 1);
    expect(await decided(house, inTime.approvalId)).toBe("approved");
    expect(await stateOf(house, late, tooLate.approvalId)).toBe("pending");
    await house.advance(1);
    expect(await stateOf(house, late, tooLate.approvalId)).toBe("expired");
    expect(await decided(house, tooLate.approvalId)).toBe("expired");
    expect(await kindOf(house, late, tooLate.quoteId)).toBe("quote.expired");
    expect((await asked(house, late)).approvalId).not.toBe(tooLate.approvalId);
    expect(await kindOf(house, agent, inTime.quoteId)).toBe("vm");
  });

  it("is withdrawn by its agent, who may then ask for something else a minute later", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { quoteId, approvalId } = await asked(house, agent);
    const withdrawn = await house.agents.getApproval(agent, { approvalId, withdraw: true, waitS: 0 });
    expect(value(withdrawn).approvals[0]?.state).toBe("withdrawn");
    expect(await decided(house, approvalId)).toBe("withdrawn");
    expect(await kindOf(house, agent, quoteId)).toBe("approval.expired");
    const soon = await accept(house, agent, value(await house.agents.quoteVm(agent, ASK)).quoteId);
    expect(!soon.ok && soon.refusal).toMatchObject({ code: "busy.cool_down", retryAfterS: 60 });
    await house.advance(60);
    const next = await asked(house, agent);
    expect(await decided(house, next.approvalId)).toBe("approved");
    value(await house.agents.getApproval(agent, { approvalId: next.approvalId, withdraw: true, waitS: 0 }));
    expect(await kindOf(house, agent, next.quoteId)).toBe("vm");
  });

  it("is stale once the policy has changed, asked or given, and burns its quote", async () => {
    const house = await alone(ALWAYS);
    const [agent, other] = [await house.agent(), await house.agent()];
    const open = await asked(house, agent);
    const given = await asked(house, other);
    expect(await decided(house, given.approvalId)).toBe("approved");
    await house.setPolicy(policy({ aboveCredits: 0 }, { vmsLiveMax: 2 }));
    for (const [one, caller] of [
      [open, agent],
      [given, other],
    ] as const) {
      expect(await stateOf(house, caller, one.approvalId)).toBe("stale");
      expect(await decided(house, one.approvalId)).toBe("stale");
      const refused = await accept(house, caller, one.quoteId);
      expect(code(refused)).toBe("approval.stale");
      expect(await accept(house, caller, one.quoteId)).toEqual(refused);
      expect((await asked(house, caller)).approval.facts.policyVersion).toBe(2);
    }
  });
});

describe("a given approval", () => {
  it("is good for twelve hours, to the second, and keeps its quote alive so long", async () => {
    const house = await alone(ALWAYS);
    const [agent, late] = [await house.agent(), await house.agent()];
    const [inTime, tooLate] = [await asked(house, agent), await asked(house, late)];
    await house.advance(3 * HOUR_S);
    for (const one of [inTime, tooLate]) expect(await decided(house, one.approvalId)).toBe("approved");
    const untilMs = stage.nowMs + 12 * HOUR_S * 1_000;
    await house.advance(12 * HOUR_S - 60);
    expect(await kindOf(house, agent, inTime.quoteId)).toBe("vm");
    // the create's own calls take some of this minute
    await house.advance(30);
    await house.advance((untilMs - stage.nowMs) / 1_000 - 1);
    expect(await stateOf(house, late, tooLate.approvalId)).toBe("approved");
    await house.advance(1);
    expect(await stateOf(house, late, tooLate.approvalId)).toBe("expired");
    expect(await kindOf(house, late, tooLate.quoteId)).toBe("quote.expired");
    expect((await booksOf(house)).holds).toHaveLength(1);
  });

  it("is good for its agent also when that came back under another name; the page shows the name of then", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent({ clientName: "Builder" });
    const { quoteId, approvalId } = await asked(house, agent);
    expect(await decided(house, approvalId)).toBe("approved");
    await house.agent({ clientName: "Builder 2", existingGrantId: agent.grantId });
    expect((await page(house, approvalId)).facts.grant).toBe("Builder");
    expect(await kindOf(house, agent, quoteId)).toBe("vm");
  });

  it("is priced and placed anew under the ceiling that was signed", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { quoteId, approvalId, approval } = await asked(house, agent);
    expect(approval.facts.costCreditsMax).toBe(CEILING);
    expect(await decided(house, approvalId)).toBe("approved");
    // the node that the quote named is gone by now
    const named = await inAccount(house, (sql) => offeredNode(sql, quoteId));
    stage.world.nodes.find((node) => node.spec.hash === named)?.setKnobs({ down: true });
    await house.reprice(15_390);
    const made = value(await accept(house, agent, quoteId));
    expect(made.kind === "vm" && made.vm.crnId).not.toBe(named);
    expect((await booksOf(house)).holds.map((hold) => hold.credits)).toEqual([3 * 15_390]);
  });

  it("covers no price above that ceiling, and is not used up by the refusal of a limit", async () => {
    const house = await alone(policy({ aboveCredits: 0 }, { vmsLiveMax: 1 }));
    const [agent, other] = [await house.agent(), await house.agent()];
    const [mine, dear] = [await asked(house, agent), await asked(house, other)];
    for (const one of [mine, dear]) expect(await decided(house, one.approvalId)).toBe("approved");
    await house.reprice(17_100);
    const refused = await accept(house, other, dear.quoteId);
    expect(!refused.ok && refused.refusal).toEqual({
      code: "quote.price_moved",
      facts: { holdCredits: 3 * 17_100, ceilingCredits: CEILING },
      retry: "new_key",
    });
    await house.reprice(HOURLY);
    expect(await accept(house, other, dear.quoteId)).toEqual(refused);
    // what was approved still stands: a newer quote of the same facts, back under the ceiling, passes with it
    const { quoteId } = value(await house.agents.quoteVm(other, ASK));
    const made = value(await accept(house, other, quoteId));
    expect(await stateOf(house, other, dear.approvalId)).toBe("used");
    expect(await kindOf(house, agent, mine.quoteId)).toBe("policy.vms_live");
    if (made.kind !== "vm") throw new Error(made.kind);
    value(await house.agents.destroyVm(other, { vmId: made.vm.vmId, dryRun: false, waitS: 0 }));
    await house.until(other, made.vm.vmId, ["TERMINATED", "FAILED"]);
    expect(await kindOf(house, agent, mine.quoteId)).toBe("vm");
  });

  it("is used by one VM: its quote then answers with that one, and the same facts ask anew", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { quoteId, approvalId } = await asked(house, agent);
    expect(await decided(house, approvalId)).toBe("approved");
    const made = await Promise.all([1, 2, 3].map(() => accept(house, agent, quoteId)));
    await house.advance(20);
    const again = [...made, await accept(house, agent, quoteId)].map(value);
    expect(new Set(again.map((view) => view.kind === "vm" && view.vm.vmId)).size).toBe(1);
    expect(instanceHashes()).toHaveLength(1);
    expect(await stateOf(house, agent, approvalId)).toBe("used");
    expect(await decided(house, approvalId)).toBe("used");
    expect((await asked(house, agent)).approvalId).not.toBe(approvalId);
  });

  it("returns once when the VM never came up, with a lower ceiling, and a new quote of the same facts uses it", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    // three nodes fail one after the other: what that costs has to fit into the slack of the ceiling, a tenth of the price
    const ask = { ttlS: 20 * HOUR_S };
    const first = await asked(house, agent, ask);
    const ceiling = first.approval.facts.costCreditsMax;
    expect(await decided(house, first.approvalId)).toBe("approved");
    for (const node of stage.world.nodes) node.setKnobs({ rejectNotify: 503 });
    const made = value(await accept(house, agent, first.quoteId));
    if (made.kind !== "vm") throw new Error(made.kind);
    const dead = await house.until(agent, made.vm.vmId, ["TERMINATED"]);
    expect(dead.endReason).toBe("boot_failed");
    expect(dead.attempts).toHaveLength(3);

    const cost = (await booksOf(house)).holds[0]?.credits ?? 0;
    expect(cost).toBeGreaterThan(0);
    const found = value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals;
    expect(found).toMatchObject([
      { approvalId: first.approvalId, state: "approved", facts: { costCreditsMax: ceiling - cost } },
    ]);
    // other facts do not pass with it
    expect(await tried(house, await house.agent(), ask)).toBe("approval_required");
    await house.advance(COOLED_DOWN_S);
    const other = await asked(house, agent, { ...ask, vcpus: 2 });
    value(await house.agents.getApproval(agent, { approvalId: other.approvalId, withdraw: true, waitS: 0 }));

    const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ...ask }));
    const second = value(await accept(house, agent, quoteId));
    if (second.kind !== "vm") throw new Error(second.kind);
    expect(await stateOf(house, agent, first.approvalId)).toBe("used");
    expect((await house.until(agent, second.vm.vmId, ["TERMINATED"])).endReason).toBe("boot_failed");
    expect(await stateOf(house, agent, first.approvalId)).toBe("used");
    await house.advance(COOLED_DOWN_S);
    expect((await asked(house, agent, ask)).approvalId).not.toBe(first.approvalId);
  });

  it("does not return when the agent itself ended the VM before it came up", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const first = await asked(house, agent);
    expect(await decided(house, first.approvalId)).toBe("approved");
    for (const node of stage.world.nodes) node.setKnobs({ failBoot: "start" });
    const made = value(await accept(house, agent, first.quoteId));
    if (made.kind !== "vm") throw new Error(made.kind);
    await house.advance(10);
    value(await house.agents.destroyVm(agent, { vmId: made.vm.vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, made.vm.vmId, ["TERMINATED"]);
    expect(await stateOf(house, agent, first.approvalId)).toBe("used");
  });
});

describe("saying yes", () => {
  const refusedBy = (answer: Answer<unknown>): unknown => (answer.ok ? answer.value : answer.refusal.facts);

  it("needs the owner's own signature", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { approvalId } = await asked(house, agent);
    const thief = House.stranger();
    const signed: readonly ((data: TypedData) => { readonly signature?: string })[] = [
      () => ({}),
      () => ({ signature: "" }),
      () => ({ signature: `0x${"11".repeat(65)}` }),
      (data) => ({ signature: thief.signTyped(data) }),
      () => ({ signature: house.signText("yes") }),
    ];
    for (const sign of signed) {
      const { nonce, typedData } = await page(house, approvalId);
      const ask = { approvalId, nonce, verdict: "approve" as const, ...sign(typedData) };
      expect(refusedBy(await house.owners.decideApproval(house.session, ask))).toEqual({ field: "signature" });
    }
    expect(await stateOf(house, agent, approvalId)).toBe("pending");
    expect(await decided(house, approvalId)).toBe("approved");
  });

  it("is still possible on a page whose first signature was refused, once and by one of two at the same moment", async () => {
    const house = await alone(ALWAYS);
    const { approvalId } = await asked(house, await house.agent());
    const { nonce, typedData } = await page(house, approvalId);
    const decide = (signature: string) =>
      house.owners.decideApproval(house.session, { approvalId, nonce, verdict: "approve", signature });
    expect(refusedBy(await decide(House.stranger().signTyped(typedData)))).toEqual({ field: "signature" });
    const right = house.signTyped(typedData);
    const both = await Promise.all([decide(right), decide(right)]);
    expect(both.map(refusedBy)).toEqual([{ state: "approved" }, { field: "nonce" }]);
  });

  it("counts only over the facts of that very page", async () => {
    const house = await alone(ALWAYS);
    const [agent, other] = [await house.agent(), await house.agent()];
    const { approvalId } = await asked(house, agent);
    const cheap = await asked(house, other, { ttlS: 600 });
    const changed: readonly Record<string, string>[] = [
      { cost_credits_max: "1" },
      { vcpus: "8" },
      { ttl_s: "600" },
      { approval_id: cheap.approvalId },
      { nonce: "n_other" },
    ];
    for (const change of changed) {
      const { nonce, typedData } = await page(house, approvalId);
      const signature = house.signTyped({ ...typedData, message: { ...typedData.message, ...change } });
      const ask = { approvalId, nonce, verdict: "approve" as const, signature };
      expect(refusedBy(await house.owners.decideApproval(house.session, ask))).toEqual({ field: "signature" });
    }
    const [mine, theirs] = [await page(house, approvalId), await page(house, cheap.approvalId)];
    const signature = house.signTyped(theirs.typedData);
    const decide = (nonce: string) =>
      house.owners.decideApproval(house.session, { approvalId, nonce, verdict: "approve", signature });
    expect(refusedBy(await decide(theirs.nonce))).toEqual({ field: "nonce" });
    expect(refusedBy(await decide(mine.nonce))).toEqual({ field: "signature" });
    expect(await stateOf(house, agent, approvalId)).toBe("pending");
  });

  it("counts only in the browser session that opened the page, once, and for ten minutes", async () => {
    const house = await alone(ALWAYS);
    const agent = await house.agent();
    const { approvalId } = await asked(house, agent);
    const { nonce, typedData } = await page(house, approvalId);
    const yes = { approvalId, nonce, verdict: "approve" as const, signature: house.signTyped(typedData) };
    const elsewhere: Session = { ...house.session, sessionId: "browser-2" };
    expect(refusedBy(await house.owners.decideApproval(elsewhere, yes))).toEqual({ field: "nonce" });
    expect(refusedBy(await house.owners.decideApproval(house.session, { ...yes, nonce: "n_made_up" }))).toEqual({
      field: "nonce",
    });
    await house.advance(600);
    expect(refusedBy(await house.owners.decideApproval(house.session, yes))).toEqual({ field: "nonce" });
    expect(await stateOf(house, agent, approvalId)).toBe("pending");

    const fresh = await page(house, approvalId, elsewhere);
    const signed = { ...yes, nonce: fresh.nonce, signature: house.signTyped(fresh.typedData) };
    await house.advance(599);
    expect(value(await house.owners.decideApproval(elsewhere, signed)).state).toBe("approved");
    expect(refusedBy(await house.owners.decideApproval(elsewhere, signed))).toEqual({ field: "nonce" });
  });

  it("is nothing that another owner can do, who is told what an unknown id gets", async () => {
    const house = await alone(ALWAYS);
    const neighbour = await House.join(ALWAYS);
    const { approvalId } = await asked(house, await house.agent());
    const { session, owners } = neighbour;
    const opened = await owners.openApproval(session, { approvalId });
    expect(code(opened)).toBe("input.unknown_id");
    expect(await owners.openApproval(session, { approvalId: "ap_none" })).toEqual(opened);
    const { nonce, typedData } = await page(house, approvalId);
    const ask = { approvalId, nonce, verdict: "approve" as const, signature: house.signTyped(typedData) };
    expect(refusedBy(await owners.decideApproval(session, ask))).toEqual({ field: "nonce" });
    expect(value(await house.owners.decideApproval(house.session, ask)).state).toBe("approved");
  });

  it("is a click where the owner's policy says so, in the owner's session and once", async () => {
    const house = await alone(policy({ aboveCredits: 0, by: "click" }));
    const agent = await house.agent();
    const { quoteId, approvalId } = await asked(house, agent);
    const { nonce, by } = await page(house, approvalId);
    expect(by).toBe("click");
    const yes = { approvalId, nonce, verdict: "approve" as const };
    const elsewhere: Session = { ...house.session, sessionId: "browser-2" };
    expect(refusedBy(await house.owners.decideApproval(elsewhere, yes))).toEqual({ field: "nonce" });
    expect(value(await house.owners.decideApproval(house.session, yes)).state).toBe("approved");
    expect(refusedBy(await house.owners.decideApproval(house.session, yes))).toEqual({ field: "nonce" });
    expect(await kindOf(house, agent, quoteId)).toBe("vm");
  });

  it("is kept with its signature, so that it can be shown later who said it", async () => {
    const house = await alone(ALWAYS);
    const { approvalId } = await asked(house, await house.agent());
    const { nonce, typedData } = await page(house, approvalId);
    const signature = house.signTyped(typedData);
    const ask = { approvalId, nonce, verdict: "approve" as const, signature };
    expect(value(await house.owners.decideApproval(house.session, ask)).state).toBe("approved");
    const kept = await inAccount(house, (sql) =>
      sql.exec<{ signature: string }>("SELECT signature FROM approval WHERE approval_id = ?", approvalId).one(),
    );
    expect(kept.signature).toBe(signature);
    expect((await booksOf(house)).audited).toBe(true);
  });
});

function offeredNode(sql: SqlStorage, quoteId: string): string {
  return sql
    .exec<{ node: string }>(
      "SELECT json_extract(offer_json, '$.node.nodeHash') AS node FROM quote WHERE quote_id = ?",
      quoteId,
    )
    .one().node;
}
