/** The gates of a successor, on the real records over memory: whatever stops this agent's creates stops it too. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Health } from "../../src/account/checks.ts";
import type { Moment } from "../../src/account/moment.ts";
import { close, onRound } from "../../src/account/lifecycle.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import { UNWATCHED } from "../../src/account/payer-watch.ts";
import { learn, saveChange } from "../../src/account/record.ts";
import { onNextNode } from "../../src/account/successor.ts";
import type { Policy, VmRecord } from "../../src/account/types.ts";
import { aggregateContent } from "../../src/aleph/contents.ts";
import { buildMessage } from "../../src/aleph/message.ts";
import { SECURITY_CHANNEL } from "../../src/aleph/network.ts";
import type { MemoryStore } from "../sim/memory-store.ts";
import { born, momentOf } from "./moments.ts";
import { DAY, GRANT, H, HASH, hold, MIN, only, POLICY, provisioning, round, S, T0 } from "./vms.ts";

const NOW = T0 + 16 * MIN;
const NODE = { nodeHash: "cc".repeat(32), origin: "https://c.example", domain: "c.example", scorePct: 90 };
const OWNER = "0x00000000000000000000000000000000000000aA" as const;
const AGENT = "0x00000000000000000000000000000000000000bB" as const;
const payer = (credits: number, asOfMs = NOW): PayerFacts => {
  const reading = { credits, lots: [], lines: [], delegation: "ok" as const };
  return { perCore: [reading, reading, reading], asOfMs };
};

let data: MemoryStore;

const moment = (health: Partial<Health> = {}, paused = false): Moment =>
  momentOf(data.store, NOW, { health, config: { paused } });

/** Closed by its node, a node found, FORGETs obeyed on two; the third's word ends it. */
function stored(change: Partial<VmRecord> = {}): VmRecord {
  const closed = close({ ...provisioning(), ...change }, "boot_failed", NOW - MIN);
  const vm = onRound(onNextNode(closed, NODE, NOW - MIN), HASH, round("FF-", NOW - 30 * S));
  data.store.saveVm(vm, true);
  data.store.insertHold(hold(180_000));
  return data.store.loadVm("vm_a") as VmRecord;
}

/** What the drive records when the third core node has called it gone too. */
function end(at = moment()): VmRecord {
  const learned = { kind: "round" as const, itemHash: HASH, said: round("FFF", NOW).said };
  learn(at, { vmId: "vm_a", itemHash: HASH }, [learned], true);
  return data.store.loadVm("vm_a") as VmRecord;
}

beforeEach(() => {
  data = born(OWNER, AGENT);
  const { store } = data;
  store.savePayer("ok", payer(50_000_000));
  store.insertPolicy(POLICY, null, T0);
  store.saveGrant(GRANT);
  store.saveBalance({ granted: 1_000_000, deficit: 0, available: 820_000, held: 180_000, posted: 0 });
  stored();
});

const REMOVING = { ...UNWATCHED, removingSinceMs: NOW - MIN };
const COMPROMISED = { kind: "compromised", sinceMs: NOW - MIN, revokedAtMs: null } as const;

/** The owner has signed the list that lets the next key in; no core node has judged it yet. */
function keepRotation(): void {
  const content = aggregateContent({ owner: OWNER, timeS: NOW / 1_000, key: "security", content: {} });
  const list = buildMessage({
    sender: OWNER,
    type: "AGGREGATE",
    channel: SECURITY_CHANNEL,
    timeS: NOW / 1_000,
    content,
  });
  data.store.storeOwnerMessage("security", { ...list, signature: "0x" }, NOW, { purpose: "rotate", about: AGENT });
}

const policy = (change: Partial<Policy>) => (): void =>
  data.store.insertPolicy({ ...POLICY, ...change, version: 2 }, null, NOW);

describe("a successor", () => {
  test("is decided in the transaction that records the end, with bytes, FORGETs and the same end, and told", () => {
    const vm = end();
    const [, next] = vm.attempts;
    expect(vm).toMatchObject({ state: "REQUESTED", endReason: null, holds: [{ state: "held", credits: 180_000 }] });
    expect(next).toMatchObject({ number: 2, node: NODE, sender: AGENT, signature: null, firstSendMs: null });
    const content = JSON.parse(next?.itemContent ?? "") as { metadata: { allowance: unknown } };
    expect(content.metadata.allowance).toEqual({ vm_id: "vm_a", expires_at: new Date(vm.expiresAtMs).toISOString() });
    const forgets = vm.forgets.filter((one) => one.target === next?.itemHash);
    expect(new Set(forgets.map((one) => one.itemHash)).size).toBe(4);
    expect(data.store.loadNotices().map((one) => one.kind)).toEqual(["vm_moved"]);
    expect([...data.audits.values()].map((one) => one.kind)).toEqual(["vm.successor", "vm.requested"]);
  });

  test.each<[string, () => void]>([
    ["the account is frozen", () => data.store.setFrozen("owner")],
    ["its storage was restored", () => data.store.setRestored(true)],
    ["its key is lost", () => data.store.setKeyLost(true)],
    ["the delegation is gone", () => data.store.savePayer("missing", payer(50_000_000))],
    ["the delegation can do too much", () => data.store.savePayer("too_wide", payer(50_000_000))],
    ["the payer was not read lately", () => data.store.savePayer("ok", payer(50_000_000, NOW - 16 * MIN))],
    ["the payer stands below one day of burn", () => data.store.savePayer("ok", payer(600_000))],
    ["the agent is frozen", () => data.store.saveGrant({ ...GRANT, state: "frozen" })],
    ["the agent was disconnected", () => data.store.saveGrant({ ...GRANT, state: "revoked" })],
    ["the agent's time is over", () => data.store.saveGrant({ ...GRANT, expiresAtMs: NOW })],
    ["the policy has run out", policy({ expiresAtMs: NOW })],
    ["the policy denies the node now", policy({ place: { ...POLICY.place, nodesDeny: [NODE.nodeHash] } })],
    ["the policy allows only others now", policy({ place: { ...POLICY.place, nodesAllow: ["dd".repeat(32)] } })],
    ["the policy asks for a better node now", policy({ place: { ...POLICY.place, scorePctMin: 95 } })],
    ["the policy asks for smaller machines now", policy({ shape: { ...POLICY.shape, memoryMibMax: 1_024 } })],
    ["the policy allows other images only now", policy({ shape: { ...POLICY.shape, images: ["ubuntu24"] } })],
    ["the policy allows no such life now", policy({ limits: { ...POLICY.limits, ttlSMax: 3_600 } })],
    ["the delegation is to end before it", policy({ delegationExpiresAtMs: T0 + 4 * H })],
    ["the network removes another VM of the payer", () => saveOther(round("MMM", NOW - S).said, false)],
    ["the network removes anything of the payer's", () => data.store.saveWatched(REMOVING)],
    ["its key is in strange hands, though the freeze is over", () => data.store.saveLeaving(COMPROMISED)],
    ["the owner's list for the next key is on its way", keepRotation],
    ["the storage is nearly full", () => void (data.store.databaseBytes = () => 9_000_000_000)],
    ["two refused creates are watched", () => ["vm_b", "vm_c"].forEach((id) => saveOther(null, true, id))],
    [
      "two refused creates could come back, though nobody watches them any more",
      () => ["vm_b", "vm_c"].forEach(unwatched),
    ],
  ])("does not follow while %s: the VM ends as it would have", (_why, change) => {
    change();
    expect(end()).toMatchObject({ state: "TERMINATED", endReason: "boot_failed", holds: [{ state: "shrunk" }] });
  });

  test("follows beside refused creates of an older key, which nobody can revive", () => {
    for (const id of ["vm_b", "vm_c"]) saveOther(null, true, id, OWNER);
    expect(end()).toMatchObject({ state: "REQUESTED", endReason: null });
  });

  test("does not follow with a GPU that the policy allows no more", () => {
    const { spec } = data.store.loadVm("vm_a") as VmRecord;
    stored({ spec: { ...spec, shape: { ...spec.shape, gpu: "RTX 4000 ADA" } } });
    policy({ shape: { ...POLICY.shape, gpus: [] } })();
    expect(end()).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
  });

  test("follows in a policy that has narrowed to just what it is, and where no extension is allowed any more", () => {
    const { vmId, spec, expiresAtMs } = data.store.loadVm("vm_a") as VmRecord;
    const { vcpus: vcpusMax, memoryMib: memoryMibMax, diskMib: diskMibMax } = spec.shape;
    const shape = { vcpusMax, memoryMibMax, diskMibMax, gpus: [], images: [spec.imageSlug] };
    const limits = { ...POLICY.limits, ttlSMax: (expiresAtMs - T0) / S, extendSTotalMax: 0 };
    policy({ shape, limits })();
    expect(end()).toMatchObject({ vmId, state: "REQUESTED", endReason: null });
  });

  test.each<[string, Partial<Health>]>([
    ["before Watch was heard", { watchHeard: false }],
    ["in tables that a newer version made", { schemaKnown: false }],
  ])("does not follow %s", (_when, health) => {
    expect(end(moment(health))).toMatchObject({ state: "TERMINATED" });
  });

  test("does not follow while the operator has paused everything new: the VM ends as it would have", () => {
    expect(end(moment({}, true))).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
  });

  test.each([
    ["destroy", "TERMINATED"],
    ["alert", "TERMINATED"],
    ["recreate", "REQUESTED"],
  ] as const)("of an unreachable VM is up to the policy of now: %s", (vmUnreachable, state) => {
    const before = data.store.loadVm("vm_a") as VmRecord;
    data.store.saveVm({ ...before, endReason: "unreachable", recreate: true }, true);
    policy({ on: { ...POLICY.on, vmUnreachable } })();
    expect(end().state).toBe(state);
  });

  test("that is not signed yet does not leave once the account is frozen; its VM costs what the first attempt cost", () => {
    const vm = end();
    const itemHash = vm.attempts[1]?.itemHash ?? "";
    data.store.setFrozen("overrun");
    const forgets = vm.forgets.map((one) => ({ ...one, signature: "0x" }));
    learn(moment(), { vmId: "vm_a", itemHash }, [{ kind: "signed", itemHash, signature: "0x1", forgets }], true);
    const after = data.store.loadVm("vm_a") as VmRecord;
    expect(after).toMatchObject({ state: "TERMINATED", endReason: "boot_failed", holds: [{ state: "shrunk" }] });
    expect(after.attempts[1]?.signature).toBeNull();
    expect(after.holds[0]?.credits).toBeGreaterThan(16 * 60 * 10);
  });
});

test("what was asked of an earlier attempt's node says nothing of the one that followed", () => {
  const before = end();
  const late = [
    { kind: "node", sight: { ready: null, running: false, keyChanged: false, answered: true, othersAnswered: true } },
    { kind: "node_refused" },
    { kind: "rates", rates: [10n ** 30n, 10n ** 30n, 10n ** 30n] },
    { kind: "erase", outcome: "failed" },
    { kind: "next_node", node: NODE },
  ] as const;
  learn(moment(), { vmId: "vm_a", itemHash: HASH }, late, true);
  expect(data.store.loadVm("vm_a")).toEqual(before);
});

function unwatched(vmId: string): void {
  saveOther(null, true, vmId);
  data.store.saveVm(data.store.loadVm(vmId) as VmRecord, false);
}

/** Another VM of the same agent, as its core nodes show it. */
function saveOther(
  said: ReturnType<typeof round>["said"] | null,
  dormant: boolean,
  vmId = "vm_b",
  sender: string = AGENT,
): void {
  const other = { ...provisioning(), vmId, quoteId: `q_${vmId}` };
  const itemHash = vmId.padEnd(64, "0");
  const attempts = [{ ...only(other), vmId, itemHash, dormant, sender }];
  const vm = { ...other, attempts, holds: [] };
  const seen = said === null ? vm : onRound(vm, itemHash, { said, atMs: NOW, delegationInForce: true });
  saveChange(moment(), vm, { ...seen, admittedAtMs: T0 - DAY });
}
