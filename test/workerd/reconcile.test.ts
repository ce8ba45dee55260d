/** What the network has and the ledger does not: orphans, liars, the payer's own machines, refused creates, restores. */
import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Copy, copyOf, putBack } from "../../dev/storage.ts";
import { isDelayed } from "../../devnet/wire.ts";
import type { Caller, PolicyOffer } from "../../src/account/contract.ts";
import { attachSignature, type SignedMessage, verificationText } from "../../src/aleph/message.ts";
import { shardOf } from "../../src/directory/watch.ts";
import { publishBeside, signedByOurs, unsignedInstance } from "./beside.ts";
import { alone, booksOf, coreHost, forgetsOf, inAccount, notices } from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MIN_S = 60;
const MIN = 60_000;

afterEach(() => {
  vi.restoreAllMocks();
});

async function open(): Promise<{ house: House; agent: Caller; vmId: string }> {
  const house = await alone();
  const agent = await house.agent();
  const vmId = await house.healthy(agent, { ttlS: 20 * HOUR_S });
  return { house, agent, vmId };
}

async function post(house: House, message: SignedMessage): Promise<string> {
  const itemHash = await publishBeside(house, message);
  stage.sent = [];
  return itemHash;
}

function signedOffer(house: House, { nonce, typedData }: PolicyOffer): { nonce: string; signature: string } {
  if (typedData === null) throw new Error("not asked to sign");
  return { nonce, signature: house.signTyped(typedData) };
}

const overviewOf = async (house: House) => value(await house.owners.overview(house.session));
const found = async (house: House) => (await overviewOf(house)).vms.filter((vm) => vm.orphan === true);
const isAlive = (hash: string): boolean => stage.world.cores.some((core) => core.liveInstances().includes(hash));
const firstForget = (hash: string): number => forgetsOf(hash)[0]?.atMs ?? Number.NaN;

/** One core node's lists, by sender and by owner, with more in them than there is. */
function inventing(index: number, entries: readonly object[]): void {
  const { world } = stage;
  const real = world.handle.bind(world);
  vi.spyOn(world, "handle").mockImplementation((request, nowMs) => {
    const answer = real(request, nowMs);
    const lists = request.host === coreHost(index) && request.path.includes("messages.json?msgTypes=INSTANCE");
    if (!lists || isDelayed(answer)) return answer;
    const body = JSON.parse(answer.body) as { messages: object[] };
    return { ...answer, body: JSON.stringify({ ...body, messages: [...body.messages, ...entries] }) };
  });
}

describe("an instance signed by our key that the ledger does not hold", () => {
  it("is found within the quarter of an hour, freezes the account, is told, counted, and dies at its own time", async () => {
    const { house, agent } = await open();
    const dies = stage.nowMs + 3 * HOUR_S * 1_000;
    const hash = await post(house, await signedByOurs(house, { expiresAtMs: dies }));
    await house.advance(17 * MIN_S);
    const [orphan] = await found(house);
    expect(orphan).toMatchObject({
      vmId: "vm_lost",
      itemHash: hash,
      expiresAtMs: dies,
      heldCredits: 0,
      endedAtMs: null,
    });
    expect(orphan?.shape).toEqual({ vcpus: 1, memoryMib: 2_048, diskMib: 20_480 });
    // A channel is not signed: whoever passes a message on may name another.
    expect(stage.sent.filter((one) => one.path.includes("messages.json") && one.path.includes("channels"))).toEqual([]);
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "orphan" });
    expect(await notices(house)).toContain("orphan");
    // It burns and takes a place among the live ones, though no agent sees it.
    expect((await overviewOf(house)).balance.vmsLive).toBe(2);
    expect(orphan?.rateCreditsPerH).toBeGreaterThan(0);
    expect(code(await house.agents.getVm(agent, { vmId: "vm_lost", waitS: 0 }))).toBe("input.unknown_id");
    await house.advance((dies - stage.nowMs) / 1_000 - 5);
    expect(forgetsOf(hash)).toEqual([]);
    await house.advance(20 * MIN_S);
    expect(firstForget(hash)).toBeGreaterThanOrEqual(dies);
    expect(firstForget(hash)).toBeLessThanOrEqual(dies + 100_000);
    expect(isAlive(hash)).toBe(false);
    const [over] = await found(house);
    expect(over).toMatchObject({ state: "TERMINATED", endReason: "ttl" });
    expect(over?.certificate?.witnesses.filter((one) => one.kind === "core_node").map((one) => one.says)).toEqual([
      "confirmed",
      "confirmed",
      "confirmed",
    ]);
    await house.advance(4 * HOUR_S);
    const [billed] = await found(house);
    expect(billed?.costStatus).toBe("settled");
    const { extras, balanced, audited } = await booksOf(house);
    // nothing was held for it, so all of its bill is an overrun: what was billed while it lived, and the rest
    expect(extras.every(({ kind }) => kind === "overrun")).toBe(true);
    expect(extras.reduce((sum, { credits }) => sum + credits, 0)).toBe(billed?.costCredits);
    expect([balanced, audited]).toEqual([true, true]);
  });

  it.each([
    ["no metadata", null],
    ["metadata that make no sense", { allowance: { vm_id: 5, expires_at: "soon" } }],
  ])("dies one hour after it was found when it has %s", async (_what, metadata) => {
    const { house } = await open();
    const hash = await post(house, await signedByOurs(house, { metadata }));
    const postedMs = stage.nowMs;
    await house.advance(17 * MIN_S);
    const [orphan] = await found(house);
    if (orphan === undefined) throw new Error("not found");
    expect(orphan.expiresAtMs).toBeGreaterThanOrEqual(postedMs + 60 * MIN);
    expect(orphan.expiresAtMs).toBeLessThanOrEqual(stage.nowMs + 60 * MIN);
    await house.advance((orphan.expiresAtMs - stage.nowMs) / 1_000 - 5);
    expect(forgetsOf(hash)).toEqual([]);
    await house.advance(20 * MIN_S);
    expect(firstForget(hash)).toBeGreaterThanOrEqual(orphan.expiresAtMs);
    expect(isAlive(hash)).toBe(false);
  });

  it("that calls itself good for decades is shown with the longest life that the policy allows", async () => {
    const { house } = await open();
    const sentMs = stage.nowMs;
    await post(house, await signedByOurs(house, { expiresAtMs: Date.UTC(2100, 0, 1) }));
    await house.advance(17 * MIN_S);
    const longestMs = draftPolicy().limits.ttlSMax * 1_000;
    expect(await found(house)).toMatchObject([{ vmId: "vm_lost", expiresAtMs: sentMs + longestMs }]);
  });

  it("dies at once by the owner's click, and its certificate says so", async () => {
    const { house } = await open();
    const hash = await post(house, await signedByOurs(house));
    await house.advance(17 * MIN_S);
    const clickedMs = stage.nowMs;
    value(await house.owners.destroyVm(house.session, { vmId: "vm_lost" }));
    await house.advance(MIN_S);
    expect(firstForget(hash) - clickedMs).toBeLessThan(MIN);
    await house.advance(15 * MIN_S);
    expect(isAlive(hash)).toBe(false);
    expect(await found(house)).toMatchObject([{ state: "TERMINATED", endReason: "destroyed" }]);
  });

  it("keeps the account frozen if another one was found while the page that ends the freeze was open", async () => {
    const { house } = await open();
    await post(house, await signedByOurs(house, { expiresAtMs: stage.nowMs + 9 * HOUR_S * 1_000 }));
    await house.advance(17 * MIN_S);
    const until = new Date(stage.nowMs + 8 * HOUR_S * 1_000).toISOString();
    await post(house, await signedByOurs(house, { metadata: { allowance: { vm_id: "vm_other", expires_at: until } } }));
    await house.advance(9 * MIN_S);
    const offered = () => house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" });
    const early = value(await offered());
    await house.advance(8 * MIN_S);
    expect(await found(house)).toHaveLength(2);
    const saved = await house.owners.savePolicy(house.session, signedOffer(house, early));
    expect(saved).toMatchObject({ refusal: { code: "account.frozen_anew", facts: { reason: "orphan" } } });
    expect((await booksOf(house)).account.state).toBe("frozen");
    value(await house.owners.savePolicy(house.session, signedOffer(house, value(await offered()))));
    expect((await booksOf(house)).account.state).toBe("active");
  });

  it("is forgotten even if the signed freeze has ended meanwhile, and is not found twice", async () => {
    const { house, agent } = await open();
    const hash = await post(house, await signedByOurs(house));
    await house.advance(17 * MIN_S);
    await house.setPolicy(draftPolicy(), "account");
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse).toBeUndefined();
    await house.advance(2 * HOUR_S);
    expect(isAlive(hash)).toBe(false);
    expect((await booksOf(house)).account.state).toBe("active");
    expect(await found(house)).toHaveLength(1);
  });
});

describe("what an orphan burns", () => {
  const HOURLY = 14_250;
  const rateOf = async (house: House) => (await found(house))[0]?.rateCreditsPerH;

  /** To us alone: the compute nodes that follow it would stop everything that nobody could pay for. */
  function asking(index: number, cost: string): void {
    const { world } = stage;
    const real = world.handle.bind(world);
    vi.spyOn(world, "handle").mockImplementation((request, nowMs) => {
      const answer = real(request, nowMs);
      const asked = request.host === coreHost(index) && request.path.startsWith("/api/v0/price/");
      return asked && !isDelayed(answer)
        ? { ...answer, body: JSON.stringify({ cost, payment_type: "credit" }) }
        : answer;
    });
  }

  it("is no core node's word alone: of two that differ nothing is taken until the third is back", async () => {
    const { house } = await open();
    asking(1, "1e42");
    // its list came before it fell silent
    stage.accident = ({ host, path }) =>
      host === coreHost(2) && path.includes("/price/") ? "lose_request" : undefined;
    await post(house, await signedByOurs(house, { expiresAtMs: stage.nowMs + 3 * HOUR_S * 1_000 }));
    await house.advance(25 * MIN_S);
    expect(await rateOf(house)).toBe(0);
    stage.accident = undefined;
    await house.advance(2 * MIN_S);
    expect(await rateOf(house)).toBe(HOURLY);
    expect(stage.logged).toEqual([]);
  });

  it("is asked for again where an older version kept one that is beyond belief, and nothing fails on it meanwhile", async () => {
    const { house } = await open();
    const dies = stage.nowMs + 3 * HOUR_S * 1_000;
    const hash = await post(house, await signedByOurs(house, { expiresAtMs: dies }));
    await house.advance(17 * MIN_S);
    await inAccount(house, (sql) =>
      sql.exec("UPDATE vm SET vm_json = json_set(vm_json, '$.rate', ?) WHERE vm_id = 'vm_lost'", `1${"0".repeat(60)}`),
    );
    expect(value(await house.owners.openLeave(house.session)).vmsLive).toBe(2);
    value(await house.owners.stopEverything(house.session));
    value(await house.owners.destroyVm(house.session, { vmId: "vm_lost" }));
    await house.advance(20 * MIN_S);
    expect([isAlive(hash), stage.logged]).toEqual([false, []]);
    await house.advance(4 * HOUR_S);
    expect(await found(house)).toMatchObject([{ state: "TERMINATED", costStatus: "settled" }]);
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
  });

  it("is the real one a minute later, if it still lives then", async () => {
    const { house } = await open();
    await post(house, await signedByOurs(house, { expiresAtMs: stage.nowMs + 3 * HOUR_S * 1_000 }));
    await house.advance(17 * MIN_S);
    await inAccount(house, (sql) =>
      sql.exec("UPDATE vm SET vm_json = json_set(vm_json, '$.rate', ?) WHERE vm_id = 'vm_lost'", `1${"0".repeat(60)}`),
    );
    await house.advance(2 * MIN_S);
    expect([await rateOf(house), stage.logged]).toEqual([HOURLY, []]);
  });
});

describe("what one core node alone lists", () => {
  it("invented, unsigned or really signed: nothing is frozen, adopted, told or refused", async () => {
    const { house, agent } = await open();
    const real = await signedByOurs(house, { expiresAtMs: stage.nowMs + 10 * HOUR_S * 1_000 });
    const other = await signedByOurs(house, { metadata: null });
    inventing(2, [
      real,
      { ...other, signature: real.signature },
      { ...other, item_hash: "ab".repeat(32) },
      7,
      null,
    ] as object[]);
    await house.advance(2 * HOUR_S);
    expect(await found(house)).toEqual([]);
    expect((await booksOf(house)).account.state).toBe("active");
    expect(await notices(house)).not.toContain("orphan");
    expect([...forgetsOf(real.item_hash), ...forgetsOf(other.item_hash)]).toEqual([]);
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse).toBeUndefined();
    const seen = await inAccount(house, (sql) => sql.exec("SELECT item_hash FROM sighting").toArray());
    expect(seen).toEqual([{ item_hash: real.item_hash }]);
  });
});

describe("the payer's own machines", () => {
  it("are counted, shown and never touched", async () => {
    const { house } = await open();
    const { owner } = house.session;
    const message = unsignedInstance(owner, owner, { metadata: { name: "mine" } });
    const signed = attachSignature(message, house.signText(verificationText(message)));
    if (signed === undefined) throw new Error("not signed");
    const hash = await post(house, signed);
    await house.advance(3 * HOUR_S);
    const { compared, state } = await overviewOf(house);
    expect([compared.foreign, state]).toEqual([1, "active"]);
    expect(await found(house)).toEqual([]);
    expect(forgetsOf(hash)).toEqual([]);
    expect(isAlive(hash)).toBe(true);
  });
});

describe("the clock of the lists", () => {
  const readings = (): readonly number[] =>
    stage.sent
      .filter(
        (one) => one.host === coreHost(0) && one.path.includes("messages.json") && one.path.includes("addresses="),
      )
      .map((one) => one.atMs);

  it("every quarter of an hour while anything lives, daily afterwards, and never for an account that had no VM", async () => {
    const idle = await alone();
    await idle.agent();
    stage.sent = [];
    await idle.advance(2 * HOUR_S);
    expect(readings()).toEqual([]);
    const { house, agent, vmId } = await open();
    await house.advance(16 * MIN_S);
    stage.sent = [];
    await house.advance(2 * HOUR_S);
    expect(readings()).toHaveLength(8);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(6 * HOUR_S);
    stage.sent = [];
    await house.advance(48 * HOUR_S);
    expect(readings()).toHaveLength(2);
  });
});

/** Every row of the account, as a point-in-time restore would bring it back. */
const snapshot = (house: House): Promise<Copy> => inAccount(house, copyOf);

async function restore(house: House, copy: Copy): Promise<void> {
  await runInDurableObject(house.account, (_instance, { storage }) => putBack(storage, copy));
  await runInDurableObject(house.account, (_, state) => state.abort("restored")).catch(() => undefined);
  stage.sent = [];
}

describe("the storage was restored to a state before a create", () => {
  async function restored(): Promise<{
    house: House;
    agent: Caller;
    vmId: string;
    itemHash: string;
    expiresAtMs: number;
  }> {
    const house = await alone();
    house.shards = [shardOf(house.name)];
    const agent = await house.agent();
    const before = await snapshot(house);
    const vmId = await house.healthy(agent, { ttlS: 3 * HOUR_S });
    const { itemHash, expiresAtMs } = await house.vm(agent, vmId);
    await restore(house, before);
    return { house, agent, vmId, itemHash: String(itemHash), expiresAtMs };
  }

  it("freezes, finds the VM again under its own id, and ends it at its time", async () => {
    const { house, agent, vmId, itemHash, expiresAtMs } = await restored();
    await house.account.wake();
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "restored" });
    expect((await found(house)).length).toBe(0);
    await house.advance(3 * MIN_S);
    expect(await found(house)).toMatchObject([{ vmId, itemHash, expiresAtMs, endedAtMs: null }]);
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse?.code).toBe("account.restored");
    await house.advance((expiresAtMs - stage.nowMs) / 1_000 - 5);
    expect(forgetsOf(itemHash)).toEqual([]);
    await house.advance(20 * MIN_S);
    expect(house.machines()).toEqual([]);
    await house.advance(4 * HOUR_S);
    const { extras, balanced, audited } = await booksOf(house);
    // What was held for it was forgotten, so the whole bill is beyond any hold.
    expect(extras.length).toBeGreaterThan(0);
    expect(extras.every(({ kind, credits }) => kind === "overrun" && credits > 0)).toBe(true);
    expect([balanced, audited]).toEqual([true, true]);
  });

  it("has a freeze that cannot be ended before it was compared, then only by the owner's signature, and it goes on", async () => {
    const { house, agent, vmId } = await restored();
    await house.account.wake();
    const early = await house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" });
    if (early.ok) throw new Error("offered");
    expect(early.refusal).toMatchObject({ code: "account.restored", retryAfterS: 60 });
    expect((await overviewOf(house)).compared).toMatchObject({ restored: true, reconciledAtMs: null });
    await house.advance(5 * MIN_S);
    const { compared } = await overviewOf(house);
    expect(compared.reconciledAtMs).not.toBeNull();
    expect(await notices(house)).toContain("reconciled");
    const offer = value(await house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" }));
    expect(code(await house.owners.savePolicy(house.session, { nonce: offer.nonce }))).toBe("input.invalid");
    expect((await booksOf(house)).account.state).toBe("frozen");
    await house.setPolicy(draftPolicy(), "account");
    expect((await booksOf(house)).account.state).toBe("active");
    expect((await overviewOf(house)).compared.restored).toBe(false);
    const next = await house.healthy(agent);
    expect(next).not.toBe(vmId);
    value(await house.owners.destroyVm(house.session, { vmId }));
    await house.until(agent, next, ["HEALTHY"]);
    await house.advance(20 * MIN_S);
    expect(house.machines()).toHaveLength(1);
  });

  it("without lists of two core nodes it is not compared, and the freeze stays", async () => {
    const { house } = await restored();
    stage.accident = ({ host, path }) =>
      path.includes("messages.json") && host !== coreHost(0) ? "lose_request" : undefined;
    await house.account.wake();
    await house.advance(30 * MIN_S);
    const offer = await house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" });
    expect(code(offer)).toBe("account.restored");
    expect(offer.ok ? {} : offer.refusal.facts).toMatchObject({ coreNodesRead: 1, coreNodesNeeded: 2 });
    expect(await found(house)).toEqual([]);
  });

  it("quotes and approvals that were open in the forgotten past are not good for anything any more", async () => {
    const house = await alone(draftPolicy({ approval: { by: "click", firstVm: true } }));
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const asked = await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });
    if (asked.ok && asked.value.kind !== "approval_required") throw new Error(asked.value.kind);
    const approvalId = (await overviewOf(house)).approvals[0]?.approvalId ?? "";
    const { nonce } = value(await house.owners.openApproval(house.session, { approvalId }));
    value(await house.owners.decideApproval(house.session, { approvalId, nonce, verdict: "approve" }));
    const open = value(await house.agents.quoteVm(agent, ASK)).quoteId;
    const before = await snapshot(house);
    value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
    await house.advance(MIN_S);
    await restore(house, before);
    await house.account.wake();
    await house.advance(5 * MIN_S);
    await house.setPolicy(draftPolicy({ approval: { by: "click", firstVm: true } }), "account");
    expect(code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("approval.stale");
    expect(code(await house.agents.accept(agent, { quoteId: open, kind: "create", waitS: 0 }))).toBe("quote.expired");
    expect(house.machines()).toHaveLength(1);
  });
});

describe("the storage was restored to between the decision and the first send", () => {
  async function between(): Promise<{ house: House; agent: Caller; vmId: string; before: Copy }> {
    const house = await alone();
    const agent = await house.agent();
    stage.watchAccident = () => "silent";
    const vmId = await house.create(agent);
    const before = await snapshot(house);
    stage.watchAccident = undefined;
    return { house, agent, vmId, before };
  }

  it("a create that the network knows is signed to the same bytes again and lives to its end", async () => {
    const { house, agent, vmId, before } = await between();
    await house.account.wake();
    await house.until(agent, vmId, ["HEALTHY"]);
    const { itemHash, heldCredits } = await house.vm(agent, vmId);
    await restore(house, before);
    await house.account.wake();
    await house.advance(3 * MIN_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ itemHash, heldCredits, endReason: null });
    await house.until(agent, vmId, ["HEALTHY"]);
    expect(house.machines()).toEqual([itemHash]);
    expect(await found(house)).toEqual([]);
    await house.advance(2.5 * HOUR_S);
    expect(house.machines()).toEqual([]);
  });

  it("a create that the network does not know is sent only to be forgotten, and its money is free again", async () => {
    const { house, agent, vmId, before } = await between();
    // It was voided unsent in the past that is forgotten; Watch had heard of that.
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(5);
    await restore(house, before);
    await house.account.wake();
    expect((await house.vm(agent, vmId)).state).toBe("UNKNOWN");
    const early = await house.vm(agent, vmId);
    expect(early.heldCredits).toBeGreaterThan(0);
    const ended = await house.until(agent, vmId, ["TERMINATED"], 1_800);
    expect(ended.endReason).toBe("restored");
    expect(ended.certificate?.witnesses ?? []).not.toContainEqual(expect.objectContaining({ says: "denied" }));
    await house.advance(4 * HOUR_S);
    expect(house.machines()).toEqual([]);
    expect(await house.vm(agent, vmId)).toMatchObject({ costStatus: "settled", heldCredits: 0 });
    expect((await booksOf(house)).balanced).toBe(true);
  });
});
