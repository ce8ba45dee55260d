import { describe, expect, it, vi } from "vitest";
import type { Caller, LeaveView, Session } from "../../src/account/contract.ts";
import { aggregateContent } from "../../src/aleph/contents.ts";
import { buildMessage, verificationText } from "../../src/aleph/message.ts";
import { SECURITY_CHANNEL } from "../../src/aleph/network.ts";
import { ourEntries } from "../../src/aleph/permissions.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import type { Answer } from "../../src/errors.ts";
import { publishBeside, signedByOurs } from "./beside.ts";
import {
  alone,
  coreHost,
  coresDown,
  forgetsOf,
  inAccount,
  isMessagePost,
  notices,
  posted,
  running,
} from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const FRIEND = { address: "0x1111111111111111111111111111111111111111", types: ["POST"], post_types: ["chat"] };
const ALL = { tickedEverything: true, tickedDoubtful: true, tickedRunning: false };

const facts = (answer: Answer<unknown>) => (answer.ok ? "ok" : answer.refusal.facts);
const seen = async (house: House): Promise<LeaveView> => value(await house.owners.openLeave(house.session));
const listOn = (house: House): readonly unknown[] =>
  stage.world.cores.map((core) => core.aggregateOf(house.session.owner, "security")?.["authorizations"]);

const isListPost = (asked: { readonly method: string; readonly body: string }): boolean =>
  asked.method === "POST" && asked.body.includes('"type":"AGGREGATE"');

type Signable = { readonly itemHash: string; readonly text: string } | null | undefined;

function sign(
  house: House,
  what: Signable,
  more: Partial<typeof ALL> = {},
  signer = house,
): Promise<Answer<LeaveView>> {
  if (what === null || what === undefined) throw new Error("nothing to sign");
  const ask = { itemHash: what.itemHash, signature: signer.signText(what.text), ...ALL, ...more };
  return house.owners.signLeave(house.session, ask);
}

async function created(house: House, agent: Caller): Promise<string> {
  const quote = await house.agents.quoteVm(agent, ASK);
  if (!quote.ok) return quote.refusal.code;
  return code(await house.agents.accept(agent, { quoteId: quote.value.quoteId, kind: "create", waitS: 0 }));
}

/** Prepared, and the new key's FORGETs stored. */
async function prepared(house: House): Promise<LeaveView> {
  value(await house.owners.beginRotation(house.session));
  await house.advance(2);
  return seen(house);
}

async function rotated(house: House): Promise<string> {
  const before = await prepared(house);
  value(await sign(house, before.rotation?.list.toSign));
  await house.advance(30);
  const after = await seen(house);
  expect(after).toMatchObject({ rotation: null, delegation: "ok", agentAddress: before.rotation?.nextAddress });
  return after.agentAddress;
}

async function ended(house: House, agent: Caller, vmId: string, limitS = 3_600) {
  const vm = await house.until(agent, vmId, ["TERMINATED"], limitS);
  expect(house.machines()).toEqual([]);
  return vm;
}

/** The owner writes the whole list elsewhere, as on the network's own console. */
async function ownList(house: House, authorizations: readonly object[], aheadS = 0): Promise<void> {
  const timeS = stage.nowMs / 1_000 + aheadS;
  const { owner } = house.session;
  const content = aggregateContent({ owner, timeS, key: "security", content: { authorizations } });
  const message = buildMessage({ sender: owner, type: "AGGREGATE", channel: SECURITY_CHANNEL, timeS, content });
  const signed = { ...message, signature: house.signText(verificationText(message)) };
  const body = JSON.stringify({ sync: false, message: signed });
  await stage.net(new Request("https://api.aleph.im/api/v0/messages", { method: "POST", body }));
  await house.advance(5);
}

const senderOf = (forget: { readonly message: unknown }): string => (forget.message as { sender: string }).sender;

/** A create whose payer is emptied between the accept and the verdict; the bytes that anybody may send again. */
async function refusedCreate(house: House, agent: Caller): Promise<unknown> {
  let emptied = false;
  stage.accident = (asked) => {
    if (emptied || !isMessagePost(asked, "INSTANCE")) return;
    emptied = true;
    for (const one of stage.world.cores) one.removeCredits(house.session.owner, 50_000_000, stage.nowMs);
  };
  const vmId = await house.create(agent);
  await house.until(agent, vmId, ["FAILED"]);
  stage.accident = undefined;
  for (const one of stage.world.cores) one.grantCredits(house.session.owner, 50_000_000, undefined, stage.nowMs);
  return posted("INSTANCE").find((one) => one.content.metadata?.allowance?.vm_id === vmId)?.message;
}

/** Somebody sends those bytes again to core nodes that have forgotten that they refused them. */
function resend(messages: readonly unknown[]): void {
  for (const one of stage.world.cores) one.restart();
  for (const host of [coreHost(0), coreHost(1), coreHost(2)])
    for (const message of messages) {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ sync: false, message });
      stage.world.handle({ host, method: "POST", path: "/api/v0/messages", headers, body }, stage.nowMs);
    }
}

describe("an owner who leaves", () => {
  it("sees every VM torn down and certified first, then signs the list without us, and everybody else stays in it", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const own = (await seen(house)).agentAddress as Address;
    await ownList(house, [FRIEND, ...ourEntries(own)]);
    expect((await seen(house)).revocation).toBeNull();
    const begun = value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    expect(begun).toMatchObject({ leaving: { kind: "revoke", revokedAtMs: null }, vmsLive: 1 });
    expect(await created(house, agent)).toBe("account.frozen");
    // while it runs, the list may be signed only with a tick that says so
    expect(facts(await sign(house, begun.revocation?.toSign))).toEqual({ field: "tick" });
    const vm = await ended(house, agent, vmId);
    expect(vm.endReason).toBe("revoked");
    await house.advance(700);
    const quiet = await seen(house);
    expect(quiet.vms.map((one) => [one.vmId, one.certificate !== null])).toEqual([[vmId, true]]);
    expect(quiet.revocation).toMatchObject({
      kept: [{ words: expect.stringContaining("POST of the kind chat") }],
      added: [],
      doubtful: [],
    });
    expect(quiet.revocation?.ended.map((one) => one.words)).toEqual([
      expect.stringContaining(own),
      expect.stringContaining(own),
    ]);
    const sent = value(await sign(house, quiet.revocation?.toSign));
    expect(sent.revocation).toMatchObject({ toSign: null, sent: { coreNodesDone: 0 } });
    await house.advance(30);
    expect(listOn(house)).toEqual([[FRIEND], [FRIEND], [FRIEND]]);
    const gone = await seen(house);
    expect(gone.leaving?.revokedAtMs).not.toBeNull();
    expect(gone).toMatchObject({ delegation: "missing", revocation: { sent: null } });
    expect(await notices(house)).toContain("access_revoked");
  });

  it("may come back: a new delegation ends the leaving", async () => {
    const house = await alone();
    const agent = await house.agent();
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    value(await sign(house, (await seen(house)).revocation?.toSign));
    await house.advance(30);
    await house.delegate();
    expect(await seen(house)).toMatchObject({ leaving: null, delegation: "ok", revocation: null });
    expect(await created(house, agent)).toBe("account.frozen");
    await house.setPolicy(draftPolicy(), "account");
    expect(await created(house, agent)).toBe("ok");
  });

  it("too early ends what still runs by an own FORGET for each, over the words of the network", async () => {
    const house = await alone();
    const agent = await house.agent();
    const [vmId, other] = [await house.healthy(agent), await house.healthy(agent)];
    // the nodes hang at the erase, so nothing ends before the list is gone
    stage.accident = (asked) => (asked.path.includes("/erase") ? "lose_request" : undefined);
    const begun = value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    expect(begun.forgets.toSign).toEqual([]);
    value(await sign(house, begun.revocation?.toSign, { tickedRunning: true }));
    await house.advance(80);
    const waiting = await seen(house);
    expect(waiting).toMatchObject({ delegation: "missing", vmsLive: 2 });
    expect(await notices(house)).toContain("delegation_gone");
    await house.advance(1_200);
    expect(running()).toHaveLength(2);
    const { forgets } = await seen(house);
    expect(new Set(forgets.toSign.map((one) => one.vmId))).toEqual(new Set([vmId, other]));
    for (const one of forgets.toSign) value(await sign(house, one));
    expect((await seen(house)).forgets).toMatchObject({ toSign: [], sent: [{}, {}] });
    for (const id of [vmId, other]) {
      const vm = await house.until(agent, id, ["TERMINATED"]);
      expect(vm.endReason).toBe("revoked");
      expect(forgetsOf(vm.itemHash ?? "").every((one) => senderOf(one) === house.session.owner)).toBe(true);
    }
    await house.advance(600);
    expect((await seen(house)).forgets).toEqual({ alive: 0, toSign: [], sent: [] });
    expect(house.machines()).toEqual([]);
  });

  it("is not held up by a third core node: the owner's FORGET is offered to it as ours would be", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await ownList(house, []);
    await house.advance(300);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(120);
    coresDown(2);
    const [forget] = (await seen(house)).forgets.toSign;
    value(await sign(house, forget));
    const vm = await house.until(agent, vmId, ["TERMINATED"], 1_500);
    expect(vm.endReason).toBe("destroyed");
    coresDown();
    await house.advance(900);
    expect(house.machines()).toEqual([]);
  });

  it("may sign the end of what no core node shows any more, so that nothing is held for ever for a silent third", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    coresDown(2);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(180);
    await ownList(house, []);
    await house.advance(3_000);
    // two are done; without a delegation the third one's ten minutes do not run
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "STOPPING" });
    const [forget] = (await seen(house)).forgets.toSign;
    expect(forget?.vmId).toBe(vmId);
    value(await sign(house, forget));
    await house.until(agent, vmId, ["TERMINATED"], 1_800);
  });

  it("drops entries that the core nodes do not agree on, says whose access ends, and is never stopped by them", async () => {
    const house = await alone();
    const own = (await seen(house)).agentAddress as Address;
    await ownList(house, [FRIEND, ...ourEntries(own)]);
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    coresDown(1, 2);
    const { revocation } = await seen(house);
    expect(revocation).toMatchObject({ kept: [], doubtful: [{ words: expect.stringContaining("chat") }] });
    expect(revocation?.ended.map((one) => one.words)).toContainEqual(expect.stringContaining("chat"));
    value(await sign(house, revocation?.toSign));
    coresDown();
    await house.advance(120);
    expect(listOn(house)).toEqual([[], [], []]);
  });
});

describe("what the owner signs", () => {
  it("counts only as the owner's signature over the bytes of that session's page", async () => {
    const house = await alone();
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    expect(facts(await sign(house, (await seen(house)).revocation?.toSign, {}, House.stranger()))).toEqual({
      field: "signature",
    });
    await house.advance(1);
    const toSign = (await seen(house)).revocation?.toSign;
    const other = { itemHash: "ab".repeat(32), text: toSign?.text ?? "" };
    expect(facts(await sign(house, other))).toEqual({ field: "item_hash" });
    const altered = { itemHash: toSign?.itemHash ?? "", text: `${toSign?.text}.` };
    expect(facts(await sign(house, altered))).toEqual({ field: "signature" });
    await house.advance(1);
    const fresh = (await seen(house)).revocation?.toSign;
    const elsewhere: Session = { ...house.session, sessionId: "browser-2" };
    const ask = { itemHash: fresh?.itemHash ?? "", signature: house.signText(fresh?.text ?? ""), ...ALL };
    expect(facts(await house.owners.signLeave(elsewhere, ask))).toEqual({ field: "item_hash" });
    expect((await house.owners.signLeave(house.session, ask)).ok).toBe(true);
    expect(facts(await house.owners.signLeave(house.session, ask))).toEqual({ field: "item_hash" });
  });

  it("may be signed from a page that was opened again, also where the owner's own list is dated hours ahead of us", async () => {
    const house = await alone();
    const own = (await seen(house)).agentAddress as Address;
    await ownList(house, [FRIEND, ...ourEntries(own)], 2 * HOUR_S);
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    const { itemHash } = (await seen(house)).revocation?.toSign ?? {};
    await house.advance(660);
    // what was shown too long ago counts no more; shown again they are the same bytes, since they follow the owner's list
    const stale = (await seen(house)).revocation?.toSign;
    expect(stale?.itemHash).toBe(itemHash);
    await house.advance(660);
    expect(facts(await sign(house, stale))).toEqual({ field: "item_hash" });
    expect((await seen(house)).revocation?.toSign?.itemHash).toBe(itemHash);
    value(await sign(house, stale));
    await house.advance(30);
    expect((await seen(house)).leaving?.revokedAtMs).not.toBeNull();
    expect(listOn(house)).toEqual([[FRIEND], [FRIEND], [FRIEND]]);
  });

  it("is sent again after a lost reply, and no second signature is asked for until its effect was read back", async () => {
    const house = await alone();
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    const { revocation } = await seen(house);
    stage.accident = (asked) => (isListPost(asked) ? "lose_reply" : undefined);
    value(await sign(house, revocation?.toSign));
    const hash = revocation?.toSign?.itemHash;
    expect((await seen(house)).revocation).toMatchObject({ toSign: null, sent: { itemHash: hash } });
    coresDown(1, 2);
    await house.advance(300);
    // one core node has it and shows it; that is not enough to believe it
    expect((await seen(house)).revocation).toMatchObject({ toSign: null, sent: { itemHash: hash, coreNodesDone: 1 } });
    expect((await seen(house)).leaving?.revokedAtMs).toBeNull();
    coresDown();
    stage.accident = undefined;
    await house.advance(120);
    const { revocation: after, leaving } = await seen(house);
    expect([after?.sent, leaving?.revokedAtMs === null]).toEqual([null, false]);
    const sent = await inAccount(house, (sql) =>
      sql.exec("SELECT 1 FROM owner_message WHERE kind = 'security'").toArray(),
    );
    expect(sent).toHaveLength(2);
  });

  it("is not believed because two core nodes took it: a later list of the owner's decides, and it may be signed again", async () => {
    const house = await alone();
    const own = (await seen(house)).agentAddress as Address;
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    stage.accident = (asked) => (isListPost(asked) ? "lose_request" : undefined);
    value(await sign(house, (await seen(house)).revocation?.toSign));
    await house.advance(10);
    stage.accident = undefined;
    await ownList(house, ourEntries(own));
    await house.advance(300);
    expect(await seen(house)).toMatchObject({
      delegation: "ok",
      leaving: { revokedAtMs: null },
      revocation: { toSign: null, sent: { coreNodesDone: 3 } },
    });
    await house.advance(600);
    const { revocation } = await seen(house);
    expect(revocation?.sent).toBeNull();
    value(await sign(house, revocation?.toSign));
    await house.advance(30);
    expect((await seen(house)).leaving?.revokedAtMs).not.toBeNull();
    expect(listOn(house)).toEqual([[], [], []]);
  });

  it("gives way to a newer list: a revocation waits for no delegation that is still on its way", async () => {
    await alone();
    const house = await House.join(draftPolicy(), 50_000_000, false);
    stage.accident = (asked) => (isListPost(asked) ? "lose_request" : undefined);
    const { toSign } = value(await house.owners.openDelegation(house.session));
    const delegation = { itemHash: toSign?.itemHash ?? "", signature: house.signText(toSign?.text ?? ""), ...ALL };
    value(await house.owners.submitDelegation(house.session, delegation));
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    const { revocation } = await seen(house);
    value(await sign(house, revocation?.toSign));
    stage.accident = undefined;
    await house.advance(60);
    expect(listOn(house)).toEqual([[], [], []]);
    const rows = await inAccount(house, (sql) =>
      sql
        .exec<{ dropped: number }>("SELECT dropped_at_ms IS NOT NULL AS dropped FROM owner_message ORDER BY rowid")
        .toArray(),
    );
    expect(rows.map((row) => row.dropped)).toEqual([1, 0]);
  });
});

describe("a key in strange hands", () => {
  it("is locked out first, then what it signed is forgotten one by one, also what the ledger has lost", async () => {
    const house = await alone();
    const agent = await house.agent();
    const [vmId, other] = [await house.healthy(agent), await house.healthy(agent)];
    // a machine of our key that the ledger knows nothing of any more
    const lost = "UPDATE vm SET state = 'TERMINATED', live = 0, tended = 0 WHERE vm_id = ?";
    await inAccount(house, (sql) => void sql.exec(lost, other));
    stage.accident = (asked) => (asked.path.includes("/erase") ? "lose_request" : undefined);
    const begun = value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    expect(begun.forgets.toSign).toEqual([]);
    expect(value(await house.owners.overview(house.session))).toMatchObject({
      state: "frozen",
      frozenReason: "key_compromised",
    });
    // no teardown is waited for, and no tick asked: the lock comes first
    const locked = value(await sign(house, begun.revocation?.toSign));
    expect(locked.forgets.toSign).toHaveLength(2);
    for (const one of locked.forgets.toSign) value(await sign(house, one));
    await house.advance(300);
    expect(await seen(house)).toMatchObject({ forgets: { toSign: [], sent: [] }, delegation: "missing" });
    expect(house.machines()).toEqual([]);
    await house.until(agent, vmId, ["TERMINATED"]);
  });

  const FAR = { expiresAtMs: Date.UTC(2100, 0, 1) };
  const alive = (hash: string): boolean => stage.world.cores.some((core) => core.liveInstances().includes(hash));
  const targets = async (house: House) => (await seen(house)).forgets.toSign.map(({ target }) => target);

  /** The owner signs every end that the page offers, as long as it offers any. */
  async function signEnds(house: House): Promise<void> {
    for (const one of (await seen(house)).forgets.toSign) value(await sign(house, one));
    await house.advance(300);
  }

  it.each([
    ["before the ledger has found it", 0],
    ["after", 4 * 60],
  ])("leaves nothing alive that its thief signed a moment before: its end is signed %s", async (_when, waitS) => {
    const house = await alone();
    const agent = await house.agent();
    await house.healthy(agent);
    const stolen = await publishBeside(house, await signedByOurs(house, FAR));
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    value(await sign(house, (await seen(house)).revocation?.toSign));
    await house.advance(30 + waitS);
    expect(await targets(house)).toContain(stolen);
    const known = await inAccount(house, (sql) =>
      sql.exec("SELECT 1 FROM attempt WHERE item_hash = ?", stolen).toArray(),
    );
    expect(known).toHaveLength(waitS === 0 ? 0 : 1);
    await signEnds(house);
    // found meanwhile: offered until it is over
    await house.advance(1_800);
    await signEnds(house);
    expect([alive(stolen), house.machines()]).toEqual([false, []]);
    expect(await seen(house)).toMatchObject({ vmsLive: 0, forgets: { alive: 0, toSign: [], sent: [] } });
  });

  it("goes on offering the end of what its thief signed for as long as its owner does not sign it", async () => {
    const house = await alone();
    await house.healthy(await house.agent());
    // a node hangs, so one of ours is alive with it, and the lists are read every quarter of an hour
    stage.accident = (asked) => (asked.path.includes("/erase") ? "lose_request" : undefined);
    const stolen = await publishBeside(house, await signedByOurs(house, FAR));
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    value(await sign(house, (await seen(house)).revocation?.toSign));
    for (const waitS of [30, 900, 2 * HOUR_S]) {
      await house.advance(waitS);
      expect([alive(stolen), await targets(house)]).toEqual([true, expect.arrayContaining([stolen])]);
    }
    await signEnds(house);
    expect(alive(stolen)).toBe(false);
  });

  it("ends by itself what its thief signed, while it is still let in", async () => {
    const house = await alone();
    await house.healthy(await house.agent());
    const before = await publishBeside(house, await signedByOurs(house, FAR));
    await house.advance(17 * 60);
    const after = await publishBeside(house, await signedByOurs(house, FAR));
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    await house.advance(600);
    expect([alive(before), alive(after), house.machines()]).toEqual([false, false, []]);
  });

  it("has the ends of its machines signed as well where its access was taken away before its owner knew why", async () => {
    const house = await alone();
    await house.healthy(await house.agent());
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    const stolen = await publishBeside(house, await signedByOurs(house, FAR));
    value(await sign(house, (await seen(house)).revocation?.toSign));
    await house.advance(30);
    const taken = (await seen(house)).leaving?.revokedAtMs;
    const begun = value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    expect([typeof taken, begun.leaving]).toEqual(["number", expect.objectContaining({ revokedAtMs: taken })]);
    await signEnds(house);
    expect([alive(stolen), house.machines()]).toEqual([false, []]);
  });

  it("leaves nothing alive either where it is changed at once: the new key ends what its thief signed", async () => {
    const house = await alone();
    await house.agent();
    const stolen = await publishBeside(house, await signedByOurs(house, FAR));
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    const fresh = await rotated(house);
    await house.advance(900);
    expect(alive(stolen)).toBe(false);
    expect([...new Set(forgetsOf(stolen).map(senderOf))]).toContain(fresh);
  });

  it("is told as having left nothing alive only by two core nodes", async () => {
    const house = await alone();
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    value(await sign(house, (await seen(house)).revocation?.toSign));
    await house.advance(30);
    expect((await seen(house)).forgets).toEqual({ alive: 0, toSign: [], sent: [] });
    coresDown(1, 2);
    expect((await seen(house)).forgets.alive).toBeNull();
  });

  it("is let in never again, by no click, no end of the freeze and no funding page; a new one is", async () => {
    const house = await alone();
    const agent = await house.agent();
    value(await house.owners.beginLeaving(house.session, { kind: "compromised" }));
    value(await house.owners.beginLeaving(house.session, { kind: "revoke" }));
    expect((await seen(house)).leaving?.kind).toBe("compromised");
    value(await sign(house, (await seen(house)).revocation?.toSign));
    await house.advance(30);
    expect(value(await house.owners.openDelegation(house.session))).toMatchObject({ state: "missing", toSign: null });
    await house.setPolicy(draftPolicy(), "account");
    expect(await created(house, agent)).toBe("account.frozen");
    const old = (await seen(house)).agentAddress;
    const fresh = await rotated(house);
    expect(fresh).not.toBe(old);
    expect((await seen(house)).leaving).toBeNull();
    expect(listOn(house)).toEqual(Array(3).fill(ourEntries(fresh as Address)));
    expect(await created(house, agent)).toBe("ok");
  });
});

describe("a new agent key", () => {
  it("ends on time what the old one started, with FORGETs that were stored before the owner signed", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: HOUR_S });
    const old = (await seen(house)).agentAddress;
    const ready = await prepared(house);
    expect(ready.rotation).toMatchObject({ attemptsLacking: 0, list: { kept: [], doubtful: [] } });
    const next = ready.rotation?.nextAddress ?? "";
    const stored = await inAccount(house, (sql) =>
      sql.exec<{ j: string; s: string | null }>("SELECT forget_json AS j, signature AS s FROM forget").toArray(),
    );
    const ofNext = stored.filter((row) => (JSON.parse(row.j) as { sender: string }).sender === next && row.s !== null);
    expect(ofNext).toHaveLength(4);
    value(await sign(house, ready.rotation?.list.toSign));
    await house.advance(30);
    expect(await seen(house)).toMatchObject({ agentAddress: next, rotation: null, delegation: "ok" });
    expect(listOn(house)).toEqual(Array(3).fill(ourEntries(next as Address)));
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    await house.advance(HOUR_S);
    const vm = await ended(house, agent, vmId, 600);
    expect(vm.endReason).toBe("ttl");
    expect([...new Set(forgetsOf(vm.itemHash ?? "").map(senderOf))]).toEqual([next]);
    expect(await inAccount(house, (sql) => sql.exec("SELECT 1 FROM agent_key").toArray())).toHaveLength(2);
    const later = await house.healthy(agent);
    const { itemHash } = await house.vm(agent, later);
    const senders = stage.world.cores.map((core) => core.liveInstances().includes(itemHash ?? ""));
    expect([old === next, senders]).toEqual([false, [true, true, true]]);
  });

  it("ends what the old one started on a node that fails, and signs the attempt that follows", async () => {
    const house = await alone();
    const agent = await house.agent();
    for (const node of stage.world.nodes) node.setKnobs({ failBoot: "start" });
    const vmId = await house.create(agent, { ttlS: 3 * HOUR_S });
    const { crnId } = await house.until(agent, vmId, ["PROVISIONING"]);
    const next = await rotated(house);
    for (const node of stage.world.nodes) if (node.spec.hash !== crnId) node.setKnobs({ failBoot: "none" });
    const vm = await house.until(agent, vmId, ["HEALTHY"]);
    const [first, second] = vm.attempts.map(({ itemHash }) => itemHash);
    expect(vm.attempts).toMatchObject([{ endReason: "boot_failed" }, { state: "alive" }]);
    expect([...new Set(forgetsOf(first ?? "").map(senderOf))]).toEqual([next]);
    const senders = posted("INSTANCE").map((one) => [one.itemHash, senderOf(one)] as const);
    expect(new Map(senders).get(second ?? "")).toBe(next);
    expect(new Map(senders).get(first ?? "")).not.toBe(next);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    const over = await ended(house, agent, vmId);
    expect([over.endReason, over.certificate?.itemHashes]).toEqual(["destroyed", [first, second]]);
  });

  it("starts no further attempt between the owner's signature and two core nodes that show it", async () => {
    const house = await alone();
    const agent = await house.agent();
    for (const node of stage.world.nodes) node.setKnobs({ full: true });
    const ready = await prepared(house);
    const vmId = await house.create(agent, { ttlS: 3 * HOUR_S });
    const { crnId } = await house.until(agent, vmId, ["PROVISIONING"]);
    await house.advance(2);
    stage.accident = (asked) => (isListPost(asked) ? "lose_request" : undefined);
    value(await sign(house, (await seen(house)).rotation?.list.toSign));
    for (const node of stage.world.nodes) if (node.spec.hash !== crnId) node.setKnobs({ full: false });
    const over = await ended(house, agent, vmId);
    expect(over).toMatchObject({ endReason: "boot_failed", attempts: [{ state: "ended" }] });
    expect(new Set(posted("INSTANCE").map((one) => one.itemHash)).size).toBe(1);
    stage.accident = undefined;
    await house.advance(120);
    expect((await seen(house)).agentAddress).toBe(ready.rotation?.nextAddress);
    expect(await created(house, agent)).toBe("ok");
  });

  it("is signed for only when its FORGETs are stored, and nothing new starts until two core nodes show it", async () => {
    const house = await alone();
    const agent = await house.agent();
    await house.healthy(agent);
    const ready = await prepared(house);
    // a VM that came in between has no FORGETs of the new key yet
    const late = await house.create(agent);
    await inAccount(house, (sql) => sql.exec("DELETE FROM forget WHERE vm_id = ? AND signature IS NOT NULL", late));
    await inAccount(house, (sql) => sql.exec("UPDATE agent_key SET ciphertext = x'00' WHERE rowid = 2"));
    expect(code(await sign(house, ready.rotation?.list.toSign))).toBe("account.rotating");
    await house.advance(60);
    // a new key that does not open is given up, and the owner begins again
    expect((await seen(house)).rotation).toBeNull();
    await house.advance(60);
    expect(await rotated(house)).not.toBe(ready.rotation?.nextAddress);
  });

  it("takes over only when two core nodes show it; until then nothing starts", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const ready = await prepared(house);
    coresDown(1, 2);
    value(await sign(house, ready.rotation?.list.toSign));
    await house.advance(120);
    expect(await seen(house)).toMatchObject({ agentAddress: ready.agentAddress, rotation: { list: { toSign: null } } });
    coresDown();
    stage.accident = (asked) => (isListPost(asked) ? "lose_request" : undefined);
    stage.world.state.gossip = [];
    expect(await created(house, agent)).toBe("account.rotating");
    stage.accident = undefined;
    await house.advance(120);
    expect(await seen(house)).toMatchObject({ agentAddress: ready.rotation?.nextAddress, rotation: null });
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    expect(await created(house, agent)).toBe("ok");
  });

  it("reaches a core node that slept through the change: there too the new key ends what the old one started", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const ready = await prepared(house);
    coresDown(2);
    // it hears nothing of the others either
    const third = stage.world.core(2);
    const hearing = vi.spyOn(third, "receive").mockImplementation(() => undefined);
    value(await sign(house, ready.rotation?.list.toSign));
    await house.advance(60);
    expect((await seen(house)).agentAddress).toBe(ready.rotation?.nextAddress);
    coresDown();
    hearing.mockRestore();
    expect(listOn(house)[2]).toEqual(ourEntries(ready.agentAddress as Address));
    await house.advance(400);
    expect(listOn(house)).toEqual(Array(3).fill(ourEntries(ready.rotation?.nextAddress as Address)));
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await ended(house, agent, vmId);
  });

  it("helps when the old one does not open any more: what runs still ends, and new VMs start", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: HOUR_S });
    await inAccount(house, (sql) => sql.exec("UPDATE agent_key SET kek_version = 99"));
    expect(await created(house, agent)).toBe("ok");
    await house.advance(180);
    expect(await created(house, agent)).toBe("account.key_lost");
    expect(await seen(house)).toMatchObject({ keyLost: true });
    const fresh = await rotated(house);
    expect((await seen(house)).keyLost).toBe(false);
    const second = await house.healthy(agent);
    await house.advance(HOUR_S);
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect([...new Set(forgetsOf(vm.itemHash ?? "").map(senderOf))]).toEqual([fresh]);
    value(await house.agents.destroyVm(agent, { vmId: second, dryRun: false, waitS: 0 }));
    await house.until(agent, second, ["TERMINATED"]);
    expect(house.machines()).toEqual([]);
  });

  it("leaves them alive without it: the same bytes come back under the key that signed them", async () => {
    const house = await alone();
    const agent = await house.agent();
    const dormant = await refusedCreate(house, agent);
    resend([dormant]);
    await house.advance(2);
    expect(house.machines()).toHaveLength(1);
  });

  it("kills the dormant creates of the old one, and they stop counting", async () => {
    const house = await alone(draftPolicy(), 50_000_000);
    const agent = await house.agent();
    const first = await refusedCreate(house, agent);
    await house.advance(60);
    const dormant = [first, await refusedCreate(house, agent)];
    await house.advance(120);
    expect(await created(house, agent)).toBe("account.dormant");
    await rotated(house);
    expect(await created(house, agent)).toBe("ok");
    resend(dormant);
    await house.advance(5);
    expect(house.machines()).toHaveLength(1);
    await house.advance(600);
    // all three refused them again, and nobody had to be told to forget them
    expect(house.machines()).toHaveLength(1);
    expect(posted("FORGET")).toEqual([]);
  });
});
