import { expect, it } from "vitest";
import { Drive, type DriveHost } from "../../src/account/drive.ts";
import type { Tools } from "../../src/account/tools.ts";
import { close } from "../../src/account/lifecycle.ts";
import { Moment } from "../../src/account/moment.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { AGENT, AGENT_KEY, OWNER } from "../aleph/fakes.ts";
import { provisioning, S, T0 } from "./vms.ts";

const CONFIG = { origin: "https://a.example", network: "twin", unattendedRefused: false, unattended: false } as const;
const HEALTH = { watchHeard: true, schemaKnown: true };

/** A host whose `Watch` never answers; whatever is asked of the network is counted. */
function silentHost(data: MemoryStore) {
  const called: string[] = [];
  const calls = new Proxy({}, { get: (_, name) => () => void called.push(String(name)) });
  const keys = { use: async (_: string, work: (key: Uint8Array) => unknown) => work(AGENT_KEY), isOld: () => false };
  const signers = { owner: OWNER, agent: AGENT, delegationInForce: true };
  const tools = { calls, keys, signers, stored: () => undefined } as unknown as Tools;
  const random = { bytes: (length: number) => new Uint8Array(length) };
  const now = (): Moment => new Moment(data.store, T0 + 10 * S, CONFIG, random, HEALTH);
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

it("signs and stores new FORGETs while Watch is silent, and sends nothing", async () => {
  const data = new MemoryStore();
  data.store.insertAccount({ name: "acc", objectId: "o", owner: OWNER, agentAddress: AGENT, bornAtMs: T0 });
  const vm = close(provisioning(), "destroyed", T0);
  data.store.saveVm({ ...vm, forgets: [] }, true);
  const { host, called } = silentHost(data);
  await new Drive(host).run();
  const forgets = data.store.loadVm(vm.vmId)?.forgets ?? [];
  expect(forgets.filter((one) => one.sender === AGENT && one.signature !== null)).toHaveLength(4);
  expect(called).toEqual([]);
});
