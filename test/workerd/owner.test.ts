/** What only the owner can do, what ends what, and that the account's own books cannot be rewritten. */
import { listDurableObjectIds, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { CORECHANNEL_ADDRESS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { aggregateContent } from "../../src/aleph/contents.ts";
import { buildMessage, verificationText } from "../../src/aleph/message.ts";
import { CHANNEL, SECURITY_CHANNEL } from "../../src/aleph/network.ts";
import { ourEntries } from "../../src/aleph/permissions.ts";
import type {
  AcceptView,
  Caller,
  DelegationView,
  PolicyOffer,
  QuoteView,
  Session,
} from "../../src/account/contract.ts";
import { ownerFront } from "../../src/account/front-owner.ts";
import { auditHolds } from "../../src/account/ledger-store.ts";
import type { PolicyDraft } from "../../src/account/types.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import type { Answer } from "../../src/errors.ts";
import { accountClass, type Bindings } from "../../src/wiring.ts";
import { alone, booksOf, inAccount, instanceHashes, notices } from "./evidence.ts";
import { ASK, code, draftPolicy, everyCall, House, HOUR_S, value } from "./house.ts";
import { stage, stagePorts } from "./stage.ts";

const bindings = env as unknown as Bindings;

const create = (house: House, agent: Caller, quoteId: string): Promise<Answer<AcceptView>> =>
  house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });

const quoted = async (house: House, agent: Caller): Promise<QuoteView> =>
  value(await house.agents.quoteVm(agent, { ...ASK }));

/** Quotes and accepts; the quote has said beforehand what it would be refused for. */
async function created(house: House, agent: Caller): Promise<string> {
  const quote = await quoted(house, agent);
  const said = code(await create(house, agent, quote.quoteId));
  expect(said).toBe(quote.wouldRefuse?.code ?? "ok");
  return said;
}

async function extended(house: House, agent: Caller, vmId: string): Promise<string> {
  const quote = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
  const said = code(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "extend", waitS: 0 }));
  expect(said).toBe(quote.wouldRefuse?.code ?? "ok");
  return said;
}

const facts = (answer: Answer<unknown>): unknown => (answer.ok ? answer.value : answer.refusal.facts);

const seen = async (house: House, vmId: string) => value(await house.owners.getVm(house.session, { vmId }));

async function gone(house: House, vmId: string, reason: string): Promise<void> {
  for (let tries = 0; tries < 60 && (await seen(house, vmId)).state !== "TERMINATED"; tries++) await house.advance(10);
  expect(await seen(house, vmId)).toMatchObject({ state: "TERMINATED", endReason: reason });
}

describe("signing in", () => {
  it("is refused to strangers, and to everybody while OWNERS is unset, with nothing stored", async () => {
    await reset();
    stage.reset();
    const house = House.stranger();
    const { owner } = house.session;
    for (const owners of ["", " ", "0x", CORECHANNEL_ADDRESS, `${owner}0`]) {
      const front = ownerFront({ ...house.setting, owners });
      const refusal = { code: "auth.stranger", facts: { address: owner }, retry: "never" };
      expect(await front.arrive(house.session)).toEqual({ ok: false, refusal });
      await front.consumeNonce(owner, "n", stage.nowMs + 60_000);
      expect(front.mayOwn(owner)).toBe(false);
    }
    expect(await listDurableObjectIds(bindings.ACCOUNT as DurableObjectNamespace<undefined>)).toEqual([]);
    expect(await listDurableObjectIds(bindings.WATCH as DurableObjectNamespace<undefined>)).toEqual([]);
    expect(stage.sent).toEqual([]);

    const listed = ownerFront({ ...house.setting, owners: `${CORECHANNEL_ADDRESS}, ${owner.toLowerCase()}` });
    expect(value(await listed.arrive(house.session))).toMatchObject({ owner, state: "active", policy: null });
    expect(listed.mayOwn(owner)).toBe(true);
  });
});

describe("a grant", () => {
  it("that is revoked is refused everything from then on, and its VMs are torn down", async () => {
    const house = await alone();
    const [agent, other] = [await house.agent(), await house.agent()];
    const [vmId, kept] = [await house.healthy(agent), await house.healthy(other)];
    const quote = await quoted(house, agent);
    const view = value(await house.owners.revokeGrant(house.session, { grantId: agent.grantId, keepVms: false }));
    expect(view.state).toBe("revoked");
    for (const [name, call] of Object.entries(everyCall(house.agents, agent, { vmId, quoteId: quote.quoteId })))
      expect([name, code(await call())]).toEqual([name, "auth.revoked"]);
    await gone(house, vmId, "revoked");
    expect((await house.vm(other, kept)).state).toBe("HEALTHY");
    expect(await house.owners.grantStanding(house.name, agent.grantId)).toMatchObject({ state: "revoked" });
    const back = { ...DRAFT, expiresAtMs: stage.nowMs + 1_000, existingGrantId: agent.grantId };
    expect(code(await house.owners.addGrant(house.session, back))).toBe("input.unknown_id");
  });

  const DRAFT = {
    clientId: "c",
    clientName: "Agent",
    redirectHost: "localhost",
    scopes: ["vm:read"],
    creditsMax: 1,
    vmsLiveMax: 1,
    createsPerMinMax: 1,
  } as const;

  it("that is revoked may leave its VMs to their end", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 600 });
    value(await house.owners.revokeGrant(house.session, { grantId: agent.grantId, keepVms: true }));
    await house.advance(400);
    expect(await seen(house, vmId)).toMatchObject({ state: "HEALTHY", endReason: null });
    expect(code(await house.agents.getVm(agent, { vmId, waitS: 0 }))).toBe("auth.revoked");
    await house.advance(200);
    await gone(house, vmId, "ttl");
  });

  it("that is frozen starts and prolongs nothing, but sees and ends its own", async () => {
    const house = await alone();
    const agent = await house.agent();
    const [vmId, second] = [await house.healthy(agent, { ttlS: 600 }), await house.healthy(agent)];
    const before = await quoted(house, agent);
    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    expect(code(await create(house, agent, before.quoteId))).toBe("auth.frozen");
    expect(await created(house, agent)).toBe("auth.frozen");
    expect(await extended(house, agent, vmId)).toBe("auth.frozen");
    expect(await created(house, await house.agent())).toBe("ok");
    value(await house.agents.destroyVm(agent, { vmId: second, dryRun: false, waitS: 0 }));
    await gone(house, second, "destroyed");
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    await house.advance(600);
    await gone(house, vmId, "ttl");
    expect(value(await house.agents.checkBalance(agent))).toMatchObject({ grantState: "frozen" });
  });

  it("that has run out is refused everything, and its VM lives to its end", async () => {
    const house = await alone();
    const agent = await house.agent({ expiresAtMs: stage.nowMs + 400_000 });
    const vmId = await house.healthy(agent, { ttlS: 600 });
    await house.advance(400);
    for (const [name, call] of Object.entries(everyCall(house.agents, agent, { vmId })))
      expect([name, code(await call())]).toEqual([name, "auth.expired"]);
    expect((await seen(house, vmId)).state).toBe("HEALTHY");
    await house.advance(200);
    await gone(house, vmId, "ttl");
  });

  it("that has run out comes back with the budget and the end that the owner sets, to its own VM and what it has spent", async () => {
    const house = await alone();
    const agent = await house.agent({ expiresAtMs: stage.nowMs + 400_000 });
    const vmId = await house.healthy(agent, { ttlS: 3_600 });
    const used = async () =>
      value(await house.agents.checkBalance(agent)).limits.find(({ name }) => name === "grant")?.used;
    const before = await used();
    await house.advance(400);
    expect(code(await house.agents.quoteVm(agent, { ...ASK }))).toBe("auth.expired");
    const returned = { existingGrantId: agent.grantId, creditsMax: 12_000_000, expiresAtMs: stage.nowMs + 86_400_000 };
    expect((await house.agent(returned)).grantId).toBe(agent.grantId);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", endReason: null });
    expect(await used()).toBe(before);
    const grant = value(await house.owners.overview(house.session)).grants.find((one) => one.grantId === agent.grantId);
    expect(grant).toMatchObject({ creditsMax: 12_000_000, expiresAtMs: returned.expiresAtMs, vmsLive: 1 });
    expect(await created(house, agent)).toBe("ok");
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await gone(house, vmId, "destroyed");
  });

  it("that stops in an emergency freezes itself and ends its own VMs, and touches nobody else's", async () => {
    const house = await alone(draftPolicy({ approval: { aboveCredits: 50_000 } }));
    const [agent, other] = [await house.agent(), await house.agent()];
    const [vmId, kept] = [await house.healthy(agent), await house.healthy(other)];
    const waiting = [await waits(house, agent), await waits(house, other)] as const;
    const stopped = value(await house.agents.emergencyStop(agent));
    expect(stopped.vms.map((vm) => [vm.vmId, vm.state])).toEqual([[vmId, "STOPPING"]]);
    expect(await created(house, agent)).toBe("auth.frozen");
    await gone(house, vmId, "stopped");
    expect(await house.vm(other, kept)).toMatchObject({ state: "HEALTHY", endReason: null });
    expect(code(await create(house, agent, waiting[0]))).toBe("approval.stale");
    expect(value(await create(house, other, waiting[1])).kind).toBe("approval_required");
    const { state, grants } = value(await house.owners.overview(house.session));
    expect(state).toBe("active");
    expect(grants.map((one) => [one.grantId, one.state, one.frozenFor])).toEqual([
      [other.grantId, "active", []],
      [agent.grantId, "frozen", ["stop"]],
    ]);
    expect(await created(house, other)).toBe("ok");
  });

  it("has every reason of its freeze kept and told once, until the owner ends it", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { grantId } = agent;
    const of = async () => value(await house.owners.overview(house.session)).grants[0]?.frozenFor;
    const stops = async () =>
      value(await house.owners.overview(house.session)).notices.filter(({ kind }) => kind === "grant_stopped");
    const stop = async () => value(await house.agents.emergencyStop(agent));
    value(await house.owners.freezeGrant(house.session, { grantId }));
    await stop();
    await house.advance(60);
    await stop();
    expect(await of()).toEqual(["owner", "stop"]);
    expect((await stops()).map((notice) => notice.facts)).toEqual([{ grantId, vmsEnded: 0 }]);
    // coming back ends no freeze
    await house.agent({ existingGrantId: grantId });
    expect(await of()).toEqual(["owner", "stop"]);
    const draft = draftPolicy();
    const offer = value(await house.owners.offerPolicy(house.session, { draft, unfreeze: { grantId } }));
    if (offer.typedData === null) throw new Error("not asked to sign");
    const signed = { nonce: offer.nonce, signature: house.signTyped(offer.typedData) };
    value(await house.owners.savePolicy(house.session, signed));
    expect(await of()).toEqual([]);
    await stop();
    expect([await of(), (await stops()).length]).toEqual([["stop"], 2]);
  });
});

/** What the chain holds of this agent's and its owner's wishes. */
const wishes = (house: House): Promise<readonly unknown[]> =>
  inAccount(house, (sql) =>
    sql
      .exec(
        "SELECT kind FROM audit WHERE kind IN ('vm.destroy_asked', 'grant.stop_asked', 'grant.frozen') ORDER BY seq",
      )
      .toArray()
      .map((row) => row["kind"]),
  );

describe("asking for an end", () => {
  it("again is answered as before, and noted only where it changed anything", async () => {
    const house = await alone();
    const agent = await house.agent();
    const [vmId, second] = [await house.healthy(agent), await house.healthy(agent)];
    const destroy = async () => value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    expect([(await destroy()).state, (await destroy()).state]).toEqual(["STOPPING", "STOPPING"]);
    await gone(house, vmId, "destroyed");
    expect((await destroy()).state).toBe("TERMINATED");
    value(await house.owners.destroyVm(house.session, { vmId }));
    expect(await wishes(house)).toEqual(["vm.destroy_asked"]);

    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    expect(value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId })).state).toBe("frozen");
    const stop = async () => value(await house.agents.emergencyStop(agent)).vms.map((vm) => [vm.vmId, vm.state]);
    expect([await stop(), await stop()]).toEqual([[[second, "STOPPING"]], [[second, "STOPPING"]]]);
    await gone(house, second, "stopped");
    expect(await stop()).toEqual([]);
    expect(await wishes(house)).toEqual(["vm.destroy_asked", "grant.frozen", "grant.stop_asked"]);
  });
});

/** A quote that waits for the owner. */
async function waits(house: House, agent: Caller): Promise<string> {
  const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ttlS: 4 * HOUR_S }));
  expect(value(await create(house, agent, quoteId)).kind).toBe("approval_required");
  return quoteId;
}

describe("a frozen account", () => {
  it("starts and prolongs nothing; what runs lives to its TTL, and teardown goes on", async () => {
    const house = await alone();
    const agent = await house.agent();
    const used = await quoted(house, agent);
    expect(value(await create(house, agent, used.quoteId)).kind).toBe("vm");
    const [vmId, second] = [await house.healthy(agent, { ttlS: 600 }), await house.healthy(agent)];
    expect(value(await house.owners.freeze(house.session))).toMatchObject({ state: "frozen", frozenReason: "owner" });
    // a quote that was accepted before answers the same for ever
    expect(value(await create(house, agent, used.quoteId)).kind).toBe("vm");
    const refused = await create(house, agent, (await quoted(house, agent)).quoteId);
    expect(!refused.ok && refused.refusal).toEqual({
      code: "account.frozen",
      facts: { reason: "owner" },
      retry: "never",
    });
    expect(await created(house, await house.agent())).toBe("account.frozen");
    expect(await extended(house, agent, vmId)).toBe("account.frozen");
    value(await house.agents.destroyVm(agent, { vmId: second, dryRun: false, waitS: 0 }));
    await gone(house, second, "destroyed");
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    await house.advance(600);
    await gone(house, vmId, "ttl");
    expect(value(await house.agents.checkBalance(agent)).accountState).toBe("frozen");
  });

  it("and a frozen grant are unfrozen by the owner's signature only", async () => {
    const house = await alone();
    const agent = await house.agent();
    value(await house.owners.freeze(house.session));
    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    const thief = House.stranger();
    const policy = value(await house.owners.overview(house.session)).policy ?? draftPolicy();
    const draft: PolicyDraft = policy;
    const unfreeze = async (
      what: "account" | { readonly grantId: string },
      sign: (offer: PolicyOffer) => { readonly signature?: string },
    ): Promise<Answer<unknown>> => {
      const offer = value(await house.owners.offerPolicy(house.session, { draft, unfreeze: what }));
      expect(offer.typedData?.message["unfreezes"]).toBe(
        what === "account" ? "the account, frozen: owner" : agent.grantId,
      );
      return house.owners.savePolicy(house.session, { nonce: offer.nonce, ...sign(offer) });
    };
    const byOwner = ({ typedData }: PolicyOffer) =>
      typedData === null ? {} : { signature: house.signTyped(typedData) };
    for (const what of ["account", { grantId: agent.grantId }] as const) {
      const expected = what === "account" ? "account.frozen" : "auth.frozen";
      expect(await created(house, agent)).toBe(expected);
      expect(facts(await unfreeze(what, () => ({})))).toEqual({ field: "signature" });
      const stolen = ({ typedData }: PolicyOffer) =>
        typedData === null ? {} : { signature: thief.signTyped(typedData) };
      expect(facts(await unfreeze(what, stolen))).toEqual({ field: "signature" });
      // a policy that only narrows is saved by a click, and unfreezes nothing
      const narrow = value(await house.owners.offerPolicy(house.session, { draft }));
      expect(narrow.typedData).toBeNull();
      value(await house.owners.savePolicy(house.session, { nonce: narrow.nonce }));
      expect(await created(house, agent)).toBe(expected);
      expect((await unfreeze(what, byOwner)).ok).toBe(true);
    }
    expect(await created(house, agent)).toBe("ok");
  });

  it("is not unfrozen by a signature that was asked for before a weightier reason came", async () => {
    const house = await alone();
    const offered = async () => {
      const offer = value(await house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" }));
      if (offer.typedData === null) throw new Error("not asked to sign");
      const signed = { nonce: offer.nonce, signature: house.signTyped(offer.typedData) };
      return {
        shown: offer.typedData.message["unfreezes"],
        why: offer.frozenFor,
        save: () => house.owners.savePolicy(house.session, signed),
      };
    };
    value(await house.owners.freeze(house.session));
    const before = await offered();
    value(await house.owners.stopEverything(house.session));
    const refused = await before.save();
    expect([code(refused), facts(refused)]).toEqual(["account.frozen_anew", { reason: "owner_stop" }]);
    const after = await offered();
    expect([before.shown, after.shown]).toEqual(["the account, frozen: owner", "the account, frozen: owner_stop"]);
    expect([before.why, after.why]).toEqual([["owner"], ["owner_stop"]]);
    value(await after.save());
    expect(value(await house.owners.overview(house.session)).state).toBe("active");
  });

  it("is what stopping everything leaves: all VMs end, what was never sent is void, every approval is stale", async () => {
    const house = await alone(draftPolicy({ approval: { aboveCredits: 50_000 } }));
    const [agent, other] = [await house.agent(), await house.agent()];
    const [first, second] = [await house.healthy(agent), await house.healthy(other)];
    const waiting = await waits(house, agent);
    const given = await waits(house, other);
    await approved(house, other);
    stage.watchAccident = () => "silent";
    const unsent = await house.create(agent);
    expect((await seen(house, unsent)).state).toBe("REQUESTED");
    const stopped = value(await house.owners.stopEverything(house.session));
    stage.watchAccident = undefined;
    expect(stopped).toEqual({ state: "frozen", frozenReason: "owner_stop" });
    expect(value(await house.owners.overview(house.session)).approvals).toEqual([]);
    expect(await seen(house, unsent)).toMatchObject({ state: "FAILED", heldCredits: 0, costCredits: 0 });
    for (const vmId of [first, second]) await gone(house, vmId, "stopped");
    expect(instanceHashes(unsent)).toEqual([]);
    expect(house.machines()).toEqual([]);
    expect(code(await create(house, agent, waiting))).toBe("approval.stale");
    expect(code(await create(house, other, given))).toBe("approval.stale");
    // three leases of nodes, which nobody asked about again, run out by themselves
    await house.advance(600);
    expect(await created(house, other)).toBe("account.frozen");
    expect(await notices(house)).toContain("account_frozen");
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
  });
});

/** The owner says yes to the one request of this agent. */
async function approved(house: House, agent: Caller): Promise<void> {
  const [open] = value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals;
  const approvalId = open?.approvalId ?? "";
  const { nonce, typedData } = value(await house.owners.openApproval(house.session, { approvalId }));
  const signature = house.signTyped(typedData);
  const ask = { approvalId, nonce, verdict: "approve" as const, signature };
  expect(value(await house.owners.decideApproval(house.session, ask)).state).toBe("approved");
}

describe("a policy", () => {
  const NOW = draftPolicy({ approval: { firstVm: true } });
  const offer = async (house: House, draft: PolicyDraft, session: Session = house.session): Promise<PolicyOffer> =>
    value(await house.owners.offerPolicy(session, { draft }));
  const versionOf = async (house: House): Promise<number | undefined> =>
    value(await house.owners.overview(house.session)).policy?.version;

  it("that is narrower is saved by a click, one that is wider in anything needs the owner's signature", async () => {
    const house = await alone(draftPolicy({ approval: { firstVm: true } }));
    const now = value(await house.owners.overview(house.session)).policy ?? NOW;
    const narrower: readonly PolicyDraft[] = [
      { ...now, limits: { ...now.limits, lifetimeCreditsMax: 0 } },
      { ...now, limits: { ...now.limits, windows: [...now.limits.windows, { seconds: 3_600, creditsMax: 1 }] } },
      { ...now, approval: { ...now.approval, aboveCredits: 0 } },
      { ...now, expiresAtMs: now.expiresAtMs - 1 },
    ];
    const wider: readonly PolicyDraft[] = [
      { ...now, limits: { ...now.limits, lifetimeCreditsMax: now.limits.lifetimeCreditsMax + 1 } },
      { ...now, limits: { ...now.limits, windows: [] } },
      { ...now, limits: { ...now.limits, vmsLiveMax: 0, ttlSMax: now.limits.ttlSMax + 1 } },
      { ...now, shape: { ...now.shape, gpus: ["H100"] } },
      { ...now, approval: { ...now.approval, by: "click" } },
      { ...now, approval: { ...now.approval, firstVm: false } },
      { ...now, priceRisePctMax: now.priceRisePctMax + 1 },
      { ...now, expiresAtMs: now.expiresAtMs + 1 },
    ];
    for (const draft of narrower) expect((await offer(house, draft)).typedData).toBeNull();
    const thief = House.stranger();
    for (const draft of wider) {
      const bare = await offer(house, draft);
      expect(facts(await house.owners.savePolicy(house.session, bare))).toEqual({ field: "signature" });
      const stolen = await offer(house, draft);
      if (stolen.typedData === null) throw new Error("not asked to sign");
      const signed = { nonce: stolen.nonce, signature: thief.signTyped(stolen.typedData) };
      expect(facts(await house.owners.savePolicy(house.session, signed))).toEqual({ field: "signature" });
    }
    expect(await versionOf(house)).toBe(1);
    const [first] = wider;
    await house.setPolicy(first ?? now);
    expect(await versionOf(house)).toBe(2);
    const second = await offer(house, narrower[0] ?? now);
    value(await house.owners.savePolicy(house.session, { nonce: second.nonce }));
    expect(await versionOf(house)).toBe(3);
  });

  it("is saved by the right signature after a wrong one on the same page, once", async () => {
    const house = await alone(NOW);
    const { nonce, typedData } = await offer(house, { ...NOW, limits: { ...NOW.limits, vmsLiveMax: 50 } });
    if (typedData === null) throw new Error("not asked to sign");
    const save = (signer: House) =>
      house.owners.savePolicy(house.session, { nonce, signature: signer.signTyped(typedData) });
    expect(facts(await save(House.stranger()))).toEqual({ field: "signature" });
    expect((await save(house)).ok).toBe(true);
    expect(facts(await save(house))).toEqual({ field: "nonce" });
    expect(await versionOf(house)).toBe(2);
  });

  it("is saved over the one that was shown: the later of two pages is refused, a wider one too", async () => {
    const house = await alone(NOW);
    const narrow = { ...NOW, limits: { ...NOW.limits, vmsLiveMax: 1 } };
    const wide = { ...NOW, limits: { ...NOW.limits, vmsLiveMax: 50 } };
    const [late, wider, first] = [await offer(house, narrow), await offer(house, wide), await offer(house, narrow)];
    expect([late.version, wider.version, first.version]).toEqual([2, 2, 2]);
    value(await house.owners.savePolicy(house.session, { nonce: first.nonce }));
    expect(facts(await house.owners.savePolicy(house.session, { nonce: late.nonce }))).toEqual({ field: "version" });
    if (wider.typedData === null) throw new Error("not asked to sign");
    const signed = { nonce: wider.nonce, signature: house.signTyped(wider.typedData) };
    expect(facts(await house.owners.savePolicy(house.session, signed))).toEqual({ field: "version" });
    const both = [await offer(house, narrow), await offer(house, narrow)];
    const saved = await Promise.all(both.map(({ nonce }) => house.owners.savePolicy(house.session, { nonce })));
    expect(saved.filter((one) => one.ok)).toHaveLength(1);
    expect(await versionOf(house)).toBe(3);
  });

  it("is saved by the page that it was shown on only: in its session, once, within ten minutes", async () => {
    const house = await alone(NOW);
    const elsewhere: Session = { ...house.session, sessionId: "browser-2" };
    const { nonce } = await offer(house, NOW);
    expect(facts(await house.owners.savePolicy(elsewhere, { nonce }))).toEqual({ field: "nonce" });
    value(await house.owners.savePolicy(house.session, { nonce }));
    expect(facts(await house.owners.savePolicy(house.session, { nonce }))).toEqual({ field: "nonce" });
    const old = await offer(house, NOW);
    await house.advance(600);
    expect(facts(await house.owners.savePolicy(house.session, { nonce: old.nonce }))).toEqual({ field: "nonce" });
  });

  it("that cannot be is refused by its field", async () => {
    const house = await alone(NOW);
    const bad: readonly (readonly [PolicyDraft, string])[] = [
      [{ ...NOW, limits: { ...NOW.limits, perVmCreditsMax: -1 } }, "per_vm"],
      [{ ...NOW, limits: { ...NOW.limits, lifetimeCreditsMax: 0.5 } }, "lifetime"],
      [{ ...NOW, limits: { ...NOW.limits, windows: [{ seconds: 7, creditsMax: 1 }] } }, "windows"],
      [{ ...NOW, limits: { ...NOW.limits, ttlSDefault: 2 * HOUR_S, ttlSMax: HOUR_S } }, "ttl_default"],
      [{ ...NOW, expiresAtMs: stage.nowMs }, "expires"],
    ];
    for (const [draft, field] of bad)
      expect(facts(await house.owners.offerPolicy(house.session, { draft }))).toMatchObject({ field });
    const many = { ...NOW, limits: { ...NOW.limits, vmsLiveMax: 500 } };
    const refused = await house.owners.offerPolicy(house.session, { draft: many });
    expect(facts(refused)).toEqual({ field: "vms_live", min: 0, max: 100 });
  });

  it("that allows less than is already spent is saved all the same, and the books still balance", async () => {
    const house = await alone();
    const agent = await house.agent();
    await house.healthy(agent);
    await house.setPolicy(draftPolicy({ limits: { lifetimeCreditsMax: 1_000 } }));
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
    expect(await created(house, agent)).toBe("policy.lifetime");
    await house.setPolicy(draftPolicy());
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
    expect(await created(house, agent)).toBe("ok");
  });

  it("that has run out admits nothing, and what lives goes on", async () => {
    const house = await alone({ ...draftPolicy(), expiresAtMs: stage.nowMs + 300_000 });
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await house.advance(300);
    expect(await created(house, agent)).toBe("policy.expired");
    expect(await extended(house, agent, vmId)).toBe("policy.expired");
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
  });
});

describe("the delegation", () => {
  const FRIEND = "0x1111111111111111111111111111111111111111";
  const HEIR = "0x2222222222222222222222222222222222222222";
  const NARROW = { address: FRIEND, types: ["POST"], post_types: ["chat"], channels: ["TALK"], note: "kept as it is" };
  const WIDE = { address: HEIR };

  /** The owner writes the whole list elsewhere, as on the network's own console. */
  async function ownList(house: House, authorizations: readonly object[], spread = true): Promise<void> {
    const timeS = stage.nowMs / 1_000;
    const { owner } = house.session;
    const content = aggregateContent({ owner, timeS, key: "security", content: { authorizations } });
    const message = buildMessage({ sender: owner, type: "AGGREGATE", channel: SECURITY_CHANNEL, timeS, content });
    const signed = { ...message, signature: house.signText(verificationText(message)) };
    const body = JSON.stringify({ sync: false, message: signed });
    await stage.net(new Request("https://api.aleph.im/api/v0/messages", { method: "POST", body }));
    if (!spread) stage.world.state.gossip = [];
    await house.advance(5);
  }

  const opened = async (house: House): Promise<DelegationView> =>
    value(await house.owners.openDelegation(house.session));

  type Ticks = { readonly tickedEverything: boolean; readonly tickedDoubtful: boolean };
  const ALL: Ticks = { tickedEverything: true, tickedDoubtful: true };

  async function submitted(house: House, ticks: Ticks, signer: House = house): Promise<Answer<DelegationView>> {
    await house.advance(1);
    const { toSign } = await opened(house);
    if (toSign === null) throw new Error("nothing to sign");
    const signature = signer.signText(toSign.text);
    return house.owners.submitDelegation(house.session, { itemHash: toSign.itemHash, signature, ...ticks });
  }

  const listOn = (house: House): readonly unknown[] =>
    stage.world.cores.map((core) => core.aggregateOf(house.session.owner, "security")?.["authorizations"]);

  it("that is missing admits nothing, and says where to give it", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    const agent = await house.agent();
    expect(await created(house, agent)).toBe("account.not_delegated");
    expect(await opened(house)).toMatchObject({ state: "missing", kept: [], doubtful: [], sent: null });
    await house.delegate();
    expect(await opened(house)).toMatchObject({ state: "ok", toSign: null });
    expect(await created(house, agent)).toBe("ok");
  });

  it("is given by the right signature after a wrong one on the same page", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    const { toSign } = await opened(house);
    if (toSign === null) throw new Error("nothing to sign");
    const give = (signer: House) =>
      house.owners.submitDelegation(house.session, {
        itemHash: toSign.itemHash,
        signature: signer.signText(toSign.text),
        ...ALL,
      });
    expect(facts(await give(House.stranger()))).toEqual({ field: "signature" });
    expect((await give(house)).ok).toBe(true);
    expect(facts(await give(house))).toEqual({ field: "item_hash" });
  });

  it("that is gone again admits nothing and prolongs nothing", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await ownList(house, []);
    expect(await created(house, agent)).toBe("account.not_delegated");
    expect(await extended(house, agent, vmId)).toBe("account.not_delegated");
  });

  it("that allows more than it must admits nothing until the owner has narrowed it", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { agentAddress } = await opened(house);
    const narrow = ourEntries(agentAddress as Address);
    const tooWide: readonly object[] = [
      { address: agentAddress },
      { address: agentAddress.toLowerCase(), types: ["INSTANCE", "FORGET", "AGGREGATE"], channels: [CHANNEL] },
      { address: agentAddress, types: ["POST"], channels: [CHANNEL], chain: "ETH" },
      { address: agentAddress, types: ["AGGREGATE"], channels: [CHANNEL], chain: "ETH" },
      { address: agentAddress, types: ["INSTANCE"], channels: [], chain: "ETH" },
    ];
    for (const entry of tooWide) {
      await ownList(house, [...narrow, entry]);
      expect([entry, await created(house, agent)]).toEqual([entry, "account.delegation_too_wide"]);
      expect((await opened(house)).state).toBe("too_wide");
    }
    expect((await submitted(house, ALL)).ok).toBe(true);
    await house.advance(10);
    expect(listOn(house)).toEqual(Array(3).fill(narrow));
    expect(await created(house, agent)).toBe("ok");
  });

  it("keeps every other entry as it is, shows it in words, and wants a tick for what can take everything", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    await ownList(house, [NARROW, WIDE]);
    const { kept, added, agentAddress } = await opened(house);
    expect(kept.map((entry) => entry.canTakeEverything)).toEqual([false, true]);
    expect(kept[0]?.words).toContain("POST of the kind chat, on the channel TALK");
    expect(kept[1]?.words).toMatch(/0x2{40} may send anything, on any channel/);
    expect(added).toHaveLength(2);
    const unticked = await submitted(house, { tickedEverything: false, tickedDoubtful: true });
    expect(facts(unticked)).toEqual({ field: "tick" });
    await house.advance(60);
    expect(listOn(house)).toEqual(Array(3).fill([NARROW, WIDE]));
    const sent = value(await submitted(house, { tickedEverything: true, tickedDoubtful: false }));
    // no second signature is asked for while the first is on its way
    expect(sent).toMatchObject({ toSign: null, sent: { coreNodesDone: 0 } });
    await house.advance(10);
    expect(await opened(house)).toMatchObject({ state: "ok", sent: null });
    expect(listOn(house)).toEqual(Array(3).fill([NARROW, WIDE, ...ourEntries(agentAddress as Address)]));
  });

  it("wants a tick for what only one core node has heard of", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    await ownList(house, [NARROW], false);
    expect(listOn(house)).toEqual([[NARROW], undefined, undefined]);
    expect((await opened(house)).doubtful.map((entry) => entry.words)).toEqual([
      expect.stringContaining("POST of the kind chat"),
    ]);
    const unticked = await submitted(house, { tickedEverything: true, tickedDoubtful: false });
    expect(facts(unticked)).toEqual({ field: "tick" });
    expect((await submitted(house, { tickedEverything: false, tickedDoubtful: true })).ok).toBe(true);
  });

  it("shows no entry that the owner never signed, whatever one core node tells", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    await ownList(house, [NARROW]);
    const entry: JsonObject = { address: HEIR };
    const lie = { entries: [{ address: house.session.owner, key: "security", list: "authorizations", entry }] };
    stage.world.core(0).setLie(lie);
    expect(await opened(house)).toMatchObject({ kept: [{ canTakeEverything: false }], doubtful: [] });
  });

  it("is taken only as the owner's signature over the bytes of that session's page", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    expect(facts(await submitted(house, ALL, House.stranger()))).toEqual({ field: "signature" });
    await house.advance(1);
    const { toSign } = await opened(house);
    if (toSign === null) throw new Error("nothing to sign");
    const signature = house.signText(toSign.text);
    const ask = { itemHash: toSign.itemHash, signature, ...ALL };
    const elsewhere: Session = { ...house.session, sessionId: "browser-2" };
    expect(facts(await house.owners.submitDelegation(elsewhere, ask))).toEqual({ field: "item_hash" });
    const other = { ...ask, itemHash: "ab".repeat(32) };
    expect(facts(await house.owners.submitDelegation(house.session, other))).toEqual({ field: "item_hash" });
    expect((await house.owners.submitDelegation(house.session, ask)).ok).toBe(true);
    expect(facts(await house.owners.submitDelegation(house.session, ask))).toEqual({ field: "item_hash" });
  });
});

describe("the account's books", () => {
  it("resolve each hold once, balance after every step, and keep an audit chain that holds", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    expect(await extended(house, agent, vmId)).toBe("ok");
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await gone(house, vmId, "destroyed");
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
    await house.advance(4 * HOUR_S);
    const settled = await booksOf(house);
    expect(settled.holds.map((hold) => hold.state)).toEqual(["posted", "voided"]);
    await house.advance(24 * HOUR_S);
    const later = await booksOf(house);
    expect(later.holds).toEqual(settled.holds);
    expect(later.resolutions).toEqual(new Map([[vmId, 1]]));
    expect(later).toMatchObject({ balanced: true, audited: true, extras: [] });
  });

  it("refuse in SQL what would rewrite them", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    expect(await extended(house, agent, vmId)).toBe("ok");
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await gone(house, vmId, "destroyed");
    await house.advance(4 * HOUR_S);
    const refused = await inAccount(house, (sql) => {
      sql.exec("INSERT INTO extra (vm_id, grant_id, kind, credits, at_ms) VALUES ('vm', 'gr', 'overrun', 1, 1)");
      return FORBIDDEN.map((statement) => [statement, messageOf(() => sql.exec(statement).toArray())] as const);
    });
    const allowed = refused.filter(([, message]) => !STOPPED.test(message));
    expect(refused).toHaveLength(FORBIDDEN.length);
    expect(allowed).toEqual([]);
  });

  const STOPPED =
    /append-only|resolves once|never grows|are kept|never change|stays burnt|CHECK constraint|UNIQUE constraint/;
  const FORBIDDEN = [
    "UPDATE audit SET kind = 'nothing'",
    "DELETE FROM audit",
    "UPDATE entry SET credits = 1",
    "DELETE FROM entry",
    "UPDATE extra SET credits = 2",
    "DELETE FROM extra",
    "UPDATE policy SET policy_json = '{}'",
    "UPDATE hold SET state = 'voided', credits = 0 WHERE state = 'posted'",
    "UPDATE hold SET credits = credits - 1 WHERE state = 'posted'",
    "UPDATE hold SET state = 'held' WHERE state = 'voided'",
    "UPDATE hold SET credits = credits + 1 WHERE state = 'posted'",
    "DELETE FROM hold",
    "UPDATE attempt SET item_content = '{}'",
    "UPDATE attempt SET signature = '0x'",
    "UPDATE quote SET burnt_json = NULL WHERE burnt_json IS NOT NULL",
    "UPDATE balance SET available = available + 1",
    "UPDATE balance SET granted = granted - 1",
    "UPDATE balance SET held = -1, available = available + held + 1",
    "INSERT INTO vm SELECT 'vm_2', grant_id, quote_id, state, live, tended, admitted_at_ms, expires_at_ms, vm_json FROM vm",
  ];

  it("notice a row that was changed behind their back", async () => {
    const house = await alone();
    const holds = await inAccount(house, (sql) => {
      sql.exec("DROP TRIGGER audit_is_append_only_u");
      sql.exec("UPDATE audit SET facts_json = json_set(facts_json, '$.version', 9) WHERE kind = 'policy.saved'");
      return auditHolds(sql);
    });
    expect(holds).toBe(false);
  });
});

const messageOf = (work: () => unknown): string => {
  try {
    work();
    return "nothing stopped it";
  } catch (error) {
    return error instanceof Error ? error.message : "?";
  }
};

describe("a service on a machine that may sleep", () => {
  const Account = accountClass<Bindings>({ ports: () => stagePorts, pageScripts: [] });
  const REAL = { NETWORK: "aleph", PUBLIC_ORIGIN: "http://localhost:8787" };

  /** What the account says when it runs under these settings. */
  async function saidUnder(house: House, agent: Caller, setting: Readonly<Record<string, string>>): Promise<string> {
    const { gather } = house.setting;
    const addresses = await house.setting.doors.account(house.name).addresses();
    const spec = value(await gather.spec(ASK));
    if (addresses === null) throw new Error("not born");
    const payer = await gather.payer(addresses.owner, addresses.agentAddress);
    const rateAttoPerS = await gather.rate(spec.shape);
    const node = value(await gather.place(spec, { cooling: [], place: null }));
    if (payer === undefined || rateAttoPerS === undefined) throw new Error("no facts");
    const given = { payer, rateAttoPerS, node };
    return runInDurableObject(house.account, async (_instance, state) => {
      const object = new Account(state, { ...bindings, ...setting });
      const quote = value(await object.quoteCreate(agent, spec, given, stage.nowMs));
      const accepted = await object.accept(agent, quote.quoteId, { kind: "create", facts: given }, stage.nowMs);
      expect(code(accepted)).toBe(quote.wouldRefuse?.code ?? "ok");
      return code(accepted);
    });
  }

  it("rents nothing on the real network unless ALLOW_UNATTENDED says that this is wanted", async () => {
    const house = await alone(draftPolicy({ limits: { ttlSMax: 4 * HOUR_S } }));
    const agent = await house.agent();
    for (const origin of ["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"])
      expect(await saidUnder(house, agent, { ...REAL, PUBLIC_ORIGIN: origin })).toBe("account.unattended");
    expect(await saidUnder(house, agent, { ...REAL, ALLOW_UNATTENDED: "0" })).toBe("account.unattended");
    expect(await saidUnder(house, agent, { ...REAL, ALLOW_UNATTENDED: "1" })).toBe("ok");
    expect(await saidUnder(house, agent, { ...REAL, PUBLIC_ORIGIN: "https://allowance.example" })).toBe("ok");
    expect(await saidUnder(house, agent, { ...REAL, NETWORK: "twin" })).toBe("ok");
  });
});
