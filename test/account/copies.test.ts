import { describe, expect, test } from "vitest";
import { known, unknown } from "../../src/aleph/network.ts";
import { certify, type Witness } from "../../src/account/certificate.ts";
import { copiesOf, copiesToErase, COPIES_MAX, onCopyErased, toAsk, withSightings } from "../../src/account/copies.ts";
import { perform } from "../../src/account/effects.ts";
import type { Tools } from "../../src/account/tools.ts";
import type { FrontSetting } from "../../src/account/doors.ts";
import { nodesOver } from "../../src/account/next-node.ts";
import { planVm, type Step, stepKey, type StepLog } from "../../src/account/plan.ts";
import type { Copy, NodeRef, VmRecord } from "../../src/account/types.ts";
import { witnesses } from "../../src/account/witnesses.ts";
import { AGENT, AGENT_KEY } from "../aleph/fakes.ts";
import { DAY, H, HASH, healthy, hearing, MIN, only, provisioning, S, stopping, T0 } from "./vms.ts";

const OWN = only(provisioning()).node.nodeHash;
const name = (letter: string): string => letter.repeat(64);
const node = (letter: string): NodeRef => ({
  nodeHash: name(letter),
  origin: `https://${letter}.example`,
  domain: `${letter}.example`,
});
const saw = (vm: VmRecord, letters: string, says: Copy["says"], atMs = T0): VmRecord => {
  const seen = letters.split("").map((letter) => ({ itemHash: HASH, node: node(letter), says }));
  return withSightings(vm, seen, atMs);
};
const erased = (vm: VmRecord, letter: string): VmRecord => onCopyErased(vm, HASH, name(letter));
const copies = (vm: VmRecord): readonly string[] =>
  copiesOf(only(vm)).map((copy) => `${copy.node.domain[0]} ${copy.says}${copy.erased ? " erased" : ""}`);
const due = (vm: VmRecord): readonly string[] => copiesToErase(only(vm)).map(({ node: one }) => one.domain[0] ?? "");

describe("a copy", () => {
  test("is a node that says it runs the instance, or one that was named and is silent; not one that denies it", () => {
    const vm = saw(saw(saw(healthy(), "a", "denied"), "c", "silent"), "d", "confirmed");
    expect(copies(vm)).toEqual(["a denied", "c silent"]);
  });

  test("is erased once the VM must not live, and again when it is seen running after it obeyed", () => {
    expect(due(saw(healthy(), "a", "denied"))).toEqual([]);
    const vm = saw(stopping(), "ac", "denied");
    expect(due(vm)).toEqual(["a", "c"]);
    expect(due(erased(vm, "a"))).toEqual(["c"]);
    expect(due(saw(erased(vm, "a"), "a", "confirmed"))).toEqual(["c"]);
    expect(due(saw(erased(vm, "a"), "a", "silent"))).toEqual(["c"]);
    expect(due(saw(erased(vm, "a"), "a", "denied"))).toEqual(["a", "c"]);
  });

  test("that stopped by itself still has disks to wipe", () => {
    expect(due(saw(saw(stopping(), "a", "denied"), "a", "confirmed"))).toEqual(["a"]);
  });

  test("is one of a few, whoever names how many; silent ones make room for those that say it themselves", () => {
    const crowded = saw(stopping(), "acde2345678", "silent");
    expect(copiesOf(only(crowded))).toHaveLength(COPIES_MAX);
    expect(copies(saw(crowded, "9", "denied"))).toEqual(["c silent", "d silent", "e silent", "9 denied"]);
    const liars = saw(stopping(), "acde", "denied");
    expect(copies(saw(liars, "9", "denied"))).toEqual(copies(liars));
    expect(copies(saw(saw(erased(liars, "c"), "c", "confirmed"), "9", "silent"))).toContain("9 silent");
  });
});

describe("a look", () => {
  const ask = (vm: VmRecord, named: string, turn: number): string =>
    toAsk(only(vm), named.split("").map(name), turn)
      .map((hash) => hash[0])
      .join("");

  test("asks two at a time, everybody in turn, and never the VM's own node", () => {
    const own = OWN[0] ?? "";
    expect([0, 1, 2].map((turn) => ask(stopping(), `${own}23456`, turn))).toEqual(["23", "45", "62"]);
    expect(ask(stopping(), own, 3)).toBe("");
  });

  test("asks known copies again until they are gone", () => {
    const vm = saw(stopping(), "a", "denied");
    expect(ask(vm, "2", 0)).toBe("a2");
    expect(ask(saw(erased(vm, "a"), "a", "confirmed"), "2", 0)).toBe("2");
  });
});

describe("the plan of a VM with copies", () => {
  const steps = (vm: VmRecord, log: StepLog = new Map(), nowMs = T0 + H): readonly Step[] => planVm(vm, log, nowMs);
  const of = (vm: VmRecord, kind: string, log?: StepLog): Step | undefined =>
    steps(vm, log).find((step) => step.kind === kind);
  const tried = (letter: string, tries: number, lastMs: number): StepLog =>
    new Map([[stepKey("erase_copy", HASH, name(letter)), { tries, lastMs, leaseUntilMs: 0 }]]);
  const own = { ...stopping(), erased: "yes" } as const;

  test("erases each, and the FORGET waits for two tries of each or a minute and a half", () => {
    const vm = saw(own, "ac", "denied");
    expect(steps(vm).flatMap(({ kind, nodeHash }) => (kind === "erase_copy" ? [nodeHash] : []))).toEqual([
      name("a"),
      name("c"),
    ]);
    expect(of(vm, "end")?.dueMs).toBe(T0 + H + 90 * S);
    expect(of(erased(vm, "a"), "end", tried("c", 1, T0 + H))?.dueMs).toBe(T0 + H + 90 * S);
    expect(of(erased(vm, "a"), "end", tried("c", 2, T0 + H))?.dueMs).toBe(0);
    expect(of(erased(erased(vm, "a"), "c"), "end")?.dueMs).toBe(0);
    expect(of({ ...vm, endReason: "overrun" }, "end")?.dueMs).toBe(0);
  });

  test("tells one that never obeys ever more rarely, for thirty days", () => {
    const vm = saw(own, "a", "denied");
    const pause = (one: VmRecord, tries: number): number =>
      ((of(one, "erase_copy", tried("a", tries, T0))?.dueMs ?? 0) - T0) / S;
    expect([1, 2, 9, 10, 99].map((tries) => pause(vm, tries))).toEqual([1, 2, 256, 300, 300]);
    const over = { ...hearing(vm, ["FFF", H + MIN]), certificate: {} as NonNullable<VmRecord["certificate"]> };
    expect(pause(over, 99)).toBe(3_600);
    const kinds = (nowMs: number): readonly string[] => steps(over, new Map(), nowMs).map(({ kind }) => kind);
    expect(kinds(T0 + 29 * DAY)).toContain("erase_copy");
    expect(kinds(T0 + 31 * DAY)).not.toContain("erase_copy");
  });

  test("settles when it would without any: a liar holds no money", () => {
    const over = hearing(saw(own, "acde", "denied"), ["FFF", H + MIN]);
    expect(over.state).toBe("TERMINATED");
    expect(of(over, "settle")).toEqual(of(hearing(own, ["FFF", H + MIN]), "settle"));
  });
});

describe("the certificate", () => {
  const over = hearing(saw(stopping(), "a", "denied"), ["FFF", H + MIN]);
  const said = (says: Witness["says"]): readonly Witness[] => [{ kind: "node", id: name("a"), says, atMs: T0 }];
  const given = (vm: VmRecord, says: Witness["says"], afterMs: number): boolean =>
    certify(vm, said(says), (vm.endedAtMs ?? 0) + afterMs).certificate !== null;

  test("waits while a copy says that it runs, for half a day at most", () => {
    expect(given(over, "denied", H)).toBe(false);
    expect(given(over, "denied", 12 * H - S)).toBe(false);
    expect(given(over, "denied", 12 * H)).toBe(true);
  });

  test("names a silent copy after ten minutes, and comes at once when all confirm", () => {
    const silent = saw(over, "a", "silent");
    expect(given(silent, "silent", 9 * MIN)).toBe(false);
    expect(given(silent, "silent", 10 * MIN)).toBe(true);
    expect(given(saw(over, "a", "confirmed"), "confirmed", S)).toBe(true);
  });
});

/** A network on which `running` says so, the nodes of `dead` are silent, and the scheduler names what it is told to. */
function network(set: { readonly named: string; readonly running: string; readonly dead?: string }) {
  const asked: string[] = [];
  const told: string[] = [];
  const letterOf = (origin: string): string => new URL(origin).hostname[0] ?? "";
  const calls = {
    messageStatus: async () => known({ status: "forgotten" }),
    schedulerView: async () =>
      known({ allocatedNode: null, observedNodes: set.named.split("").map(name), status: "duplicated" }),
    execution: async (origin: string) => {
      asked.push(letterOf(origin));
      if (set.dead?.includes(letterOf(origin)) === true) return unknown("timeout");
      return known(set.running.includes(letterOf(origin)) ? { running: true } : "absent");
    },
    erase: async (origin: string, hash: string, headers: Record<string, string>) => {
      told.push(`${letterOf(origin)} ${hash.slice(0, 2)} ${signedFor(headers)}`);
      return known("erased");
    },
  };
  const keys = { use: async (_: string, work: (key: Uint8Array) => unknown) => work(AGENT_KEY) };
  const nodes = { known: async (hash: string) => (hash === name("9") ? null : node(hash[0] ?? "")) };
  const random = { bytes: (length: number) => new Uint8Array(length).fill(7) };
  const clock = { nowMs: () => T0 + H };
  const tools = { calls, keys, nodes, random, clock, signers: { agent: AGENT } } as unknown as Tools;
  return { tools, asked, told };
}

function signedFor(headers: Record<string, string>): string {
  const operation = JSON.parse(headers["X-SignedOperation"] ?? "{}") as { payload: string };
  const payload = JSON.parse(Buffer.from(operation.payload, "hex").toString()) as { domain: string };
  return payload.domain;
}

const step = (kind: Step["kind"], nodeHash?: string): Step => ({
  key: kind,
  kind,
  vmId: "vm_a",
  itemHash: HASH,
  dueMs: 0,
  ...(nodeHash === undefined ? {} : { nodeHash }),
});
const tried = (tries: number) => ({ lastMs: 0, tries, leaseUntilMs: 0, heard: true });

describe("what the network is asked", () => {
  test("a look records who runs it; a name that no two core nodes know is asked nothing", async () => {
    const { tools, asked } = network({ named: "92", running: "2" });
    expect(await perform(tools, stopping(), step("copies"), tried(2))).toEqual([
      { kind: "copies", seen: [{ itemHash: HASH, node: node("2"), says: "denied" }] },
    ]);
    expect(asked).toEqual(["2"]);
  });

  test("an erase of a copy is signed for that node alone", async () => {
    const { tools, told } = network({ named: "", running: "" });
    const vm = saw(stopping(), "a", "denied");
    expect(await perform(tools, vm, step("erase_copy", name("a")), tried(1))).toEqual([
      { kind: "copy_erased", itemHash: HASH, nodeHash: name("a") },
    ]);
    expect(told).toEqual(["a aa a.example"]);
    expect(await perform(tools, vm, step("erase_copy", name("c")), tried(1))).toEqual([]);
  });

  test("the witnesses are the own node, the copies with what each said, and whom the scheduler names", async () => {
    const { tools } = network({ named: "2", running: "a", dead: "2" });
    const vm = hearing(saw(stopping(), "acd", "silent", T0 + S), ["FFF", H + MIN]);
    const { witnesses: all, copies: seen } = await witnesses(tools, vm, 0);
    const nodes = all
      .filter(({ kind }) => kind === "node")
      .map(({ id, says, atMs }) => `${id[0]} ${says} ${atMs - T0}`);
    expect(nodes).toEqual([`${OWN[0]} confirmed ${H}`, `a denied ${H}`, `c confirmed ${H}`, `d silent ${S}`]);
    expect(seen.map(({ node: one, says }) => `${one.domain[0]} ${says}`)).toEqual(["a denied", "c confirmed"]);
    expect(all.at(-2)).toMatchObject({ kind: "scheduler", says: "denied" });
    const next = (await witnesses(tools, vm, 1)).copies;
    expect(next.map(({ node: one, says }) => `${one.domain[0]} ${says}`)).toEqual(["d confirmed", "2 silent"]);
  });
});

describe("a node by its hash", () => {
  const over = (snapshot: () => Promise<unknown>) =>
    nodesOver(() => ({ gather: { snapshot } }) as unknown as FrontSetting)("acc", null);

  test("has the address of the list that two core nodes agree on, and its host as the name to sign for", async () => {
    const { nodeHash, origin } = node("a");
    const nodes = over(async () => ({ nodes: [{ nodeHash, origin }], asOfMs: T0 }));
    expect(await nodes.known(nodeHash)).toEqual(node("a"));
    expect(await nodes.known(name("c"))).toBeNull();
  });

  test("is unknown while the list cannot be had", async () => {
    expect(await over(async () => undefined).known(name("a"))).toBeNull();
    expect(await over(() => Promise.reject(new Error("gone"))).known(name("a"))).toBeNull();
  });
});
