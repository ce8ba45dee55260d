import { expect, it } from "vitest";
import type { Health } from "../../src/account/checks.ts";
import { Drive, type DriveHost } from "../../src/account/drive.ts";
import { CHARGES_AFTER_MS } from "../../src/account/charges.ts";
import type { Tools } from "../../src/account/tools.ts";
import { close, UNSENT_VOID_MS } from "../../src/account/lifecycle.ts";
import { stepKey } from "../../src/account/plan.ts";
import { CORES, known, type Outcome, unknown } from "../../src/aleph/network.ts";
import type { Moment } from "../../src/account/moment.ts";
import type { VmRecord } from "../../src/account/types.ts";
import type { MemoryStore } from "../sim/memory-store.ts";
import { born, momentOf } from "./moments.ts";
import { AGENT, AGENT_KEY, OWNER } from "../aleph/fakes.ts";
import { DAY, HASH, hearing, hold, MIN, provisioning, requested, S, sent, T0 } from "./vms.ts";

/** A host whose `Watch` never answers; whatever is asked of the network is counted. */
function silentHost(data: MemoryStore, health: Partial<Health> = {}, answers: Record<string, Outcome<unknown>> = {}) {
  const called: string[] = [];
  const asked = async (name: string) => {
    called.push(name);
    return answers[name] ?? unknown("timeout");
  };
  const calls = new Proxy({}, { get: (_, name) => () => asked(String(name)) });
  const keys = { use: async (_: string, work: (key: Uint8Array) => unknown) => work(AGENT_KEY), isOld: () => false };
  const signers = { owner: OWNER, agent: AGENT, delegationInForce: true };
  const tools = { calls, keys, signers, stored: () => undefined } as unknown as Tools;
  const now = (): Moment => momentOf(data.store, T0 + 10 * S, { health });
  const host = {
    commit: (work: (moment: Moment) => unknown) => work(now()),
    read: (work: (moment: Moment) => unknown) => work(now()),
    tools: () => tools,
    readPayer: async () => void called.push("readPayer"),
    report: async () => false,
    hear: async () => undefined,
    arm: () => undefined,
    changed: () => undefined,
    reached: () => undefined,
    log: (event: string) => void called.push(event),
  } as unknown as DriveHost;
  return { host, called };
}

it("signs and stores new FORGETs while Watch is silent, and only asks how it stands", async () => {
  const data = born(OWNER, AGENT);
  const vm = close(provisioning(), "destroyed", T0);
  data.store.saveVm({ ...vm, erased: "yes", forgets: [] }, true);
  const { host, called } = silentHost(data);
  await new Drive(host).run();
  const forgets = data.store.loadVm(vm.vmId)?.forgets ?? [];
  expect(forgets.filter((one) => one.sender === AGENT && one.signature !== null)).toHaveLength(4);
  expect(new Set(called)).toEqual(new Set(["messageStatus", "schedulerView"]));
});

/** What a closed VM, unknown to all core nodes, lets out in a run: it is offered so that it can be forgotten. */
async function letOut(vm: VmRecord, heard: boolean): Promise<readonly string[]> {
  const data = born(OWNER, AGENT);
  data.store.saveVm(vm, true);
  const { host, called } = silentHost(data, {}, { messageStatus: known({ status: "absent" }) });
  await new Drive({ ...host, report: async () => heard }).run();
  return [...new Set(called)];
}

it("offers nothing while Watch is silent: what was stored and never left would begin to live", async () => {
  const vm = close(sent(), "destroyed", T0);
  expect(await letOut(vm, false)).not.toContain("publish");
  expect(await letOut(vm, true)).toContain("publish");
});

it("starts nothing and tells nobody of anything while Watch is silent", async () => {
  expect(await letOut(requested(), false)).toEqual([]);
  expect(await letOut(sent(), false)).toEqual([]);
  expect(await letOut(provisioning(), false)).toEqual([]);
});

it("is due at once for a deadline that passed, unless it has looked and nothing came of it", async () => {
  const data = born(OWNER, AGENT);
  const vm = requested({ stateSinceMs: T0 - UNSENT_VOID_MS });
  data.store.saveVm(vm, true);
  data.store.saveTried(stepKey("sign", HASH), vm.vmId, { lastMs: T0, tries: 1, leaseUntilMs: T0 + 60 * S });
  const { host } = silentHost(data, { watchHeard: false });
  const drive = new Drive(host);
  await drive.run();
  expect(data.store.loadVm(vm.vmId)?.state).toBe("REQUESTED");
  expect([drive.nextDueMs(), new Drive(host).nextDueMs()]).toEqual([T0 + 15 * S, T0]);
});

it("logs of a step that threw its kind, its class and its place, and tries it again", async () => {
  const data = born(OWNER, AGENT);
  data.store.saveVm(provisioning(), true);
  const logged: unknown[] = [];
  const readPayer = async (): Promise<never> => {
    throw new TypeError("secret\n    at stolen (y:1:1)");
  };
  const { host } = silentHost(data);
  const log = (event: string, facts: unknown) => void logged.push([event, facts]);
  await new Drive({ ...host, report: async () => true, readPayer, log }).run();
  expect(logged).toContainEqual([
    "drive.step_failed",
    { step: "payer", error: "TypeError", at: expect.stringMatching(/readPayer \d+:\d+ < readPayer \d+:\d+/) },
  ]);
  expect(JSON.stringify(logged)).not.toMatch(/secret|stolen/);
  expect(data.store.loadLog("account").get("payer")).toMatchObject({ tries: 1, leaseUntilMs: 0 });
});

const SETTLED: VmRecord = {
  ...close(provisioning(), "destroyed", T0 - 10 * S),
  state: "TERMINATED",
  endedAtMs: T0,
  settledAtMs: T0 - CHARGES_AFTER_MS,
  settledCredits: 100,
  billedCredits: 100,
  holds: [{ ...hold(180_000), credits: 100, state: "posted" }],
};

/** Runs the drive until two minutes later nothing is due, over core nodes whose histories show these sums. */
async function afterHistories(...perCore: readonly Outcome<number>[]) {
  const data = born(OWNER, AGENT);
  data.store.saveVm(SETTLED, true);
  for (const one of SETTLED.holds) data.store.insertHold(one);
  const asked: unknown[] = [];
  const { host } = silentHost(data);
  const historyCharges = async (core: 0 | 1 | 2, payer: string, hash: string) => {
    asked.push([core, payer, hash]);
    return perCore[core] ?? unknown("timeout");
  };
  let nowMs = T0;
  const now = (): Moment => momentOf(data.store, nowMs);
  const calls = new Proxy(
    { historyCharges },
    { get: (has, name) => Reflect.get(has, name) ?? (async () => unknown("timeout")) },
  );
  const tools = { ...host.tools({} as never), calls } as Tools;
  const heard: DriveHost = {
    ...host,
    commit: (work) => work(now()),
    read: (work) => work(now()),
    tools: () => tools,
    readPayer: async () => ({ perCore: [null, null, null], asOfMs: nowMs }),
    report: async () => true,
  };
  for (; nowMs <= T0 + 120 * S; nowMs += 61 * S) await new Drive(heard).run();
  const kinds = data.store.loadNotices().map((one) => one.kind);
  return { vm: data.store.loadVm(SETTLED.vmId), asked, kinds };
}

it("asks each core node for the credit history of what was settled, and books what two show twice", async () => {
  const { vm, asked, kinds } = await afterHistories(known(150), known(150), known(900_000));
  expect(asked).toEqual([...CORES, ...CORES].map((core) => [core, OWNER, HASH]));
  expect(vm).toMatchObject({ settledCredits: 150, charges: { says: "more", sure: true, postedCredits: 100 } });
  expect(kinds).toEqual(expect.arrayContaining(["correction", "history_drift"]));
});

it("books nothing on one core node's history", async () => {
  const { vm, kinds } = await afterHistories(known(900_000), unknown("timeout"), known(100));
  expect(vm).toMatchObject({ settledCredits: 100 });
  expect([vm?.charges, kinds]).toEqual([undefined, []]);
});

const REFUSED: VmRecord = { ...hearing(sent(), ["RRa", S], ["RRa", S + MIN]), admittedAtMs: T0 };
const WATCHED_UNTIL_MS = (REFUSED.endedAtMs ?? 0) + 30 * DAY;

/** A host over core nodes that say nothing, with a clock to be set. */
function mutedHost(data: MemoryStore) {
  const clock = { nowMs: T0 };
  const { host } = silentHost(data);
  const now = (): Moment => momentOf(data.store, clock.nowMs);
  const calls = new Proxy({}, { get: () => async () => unknown("timeout") });
  const tools = { ...host.tools({} as never), calls } as Tools;
  const muted: DriveHost = {
    ...host,
    commit: (work) => work(now()),
    read: (work) => work(now()),
    tools: () => tools,
    readPayer: async () => ({ perCore: [null, null, null], asOfMs: clock.nowMs }),
    report: async () => true,
  };
  return { clock, drive: new Drive(muted) };
}

it("lets go of a refused create when its watch has run out, and then only the lists are still read", async () => {
  const data = born(OWNER, AGENT);
  data.store.saveVm(REFUSED, true);
  const { clock, drive } = mutedHost(data);
  clock.nowMs = WATCHED_UNTIL_MS - 1;
  await drive.run();
  expect(data.store.loadTended()).toHaveLength(1);
  expect(drive.nextDueMs()).toBeLessThanOrEqual(WATCHED_UNTIL_MS + 5 * MIN);
  clock.nowMs = WATCHED_UNTIL_MS;
  await drive.run();
  expect([data.store.loadTended(), data.store.loadLog(REFUSED.vmId).size]).toEqual([[], 0]);
  expect(drive.nextDueMs()).toBe(WATCHED_UNTIL_MS - 1 + 60 * MIN);
});
