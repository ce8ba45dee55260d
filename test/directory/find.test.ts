import { afterEach, describe, expect, it, vi } from "vitest";
import { findNode } from "../../src/directory/find.ts";
import type { Found } from "../../src/directory/find.ts";
import type { Wanted } from "../../src/directory/choice.ts";
import type { NodeEntry } from "../../src/aleph/nodes.ts";
import type { Answer } from "../../src/errors.ts";
import type { Net } from "../../src/ports.ts";
import { entry, fixedClock, GPU, hashOf, networkOf, nodesNet, sameBytes, SHAPE, usage, wanted } from "./nodes.ts";

const NOW = 1_790_000_000_000;
/** Ranked a, b, c, …: every next one has a little less free memory. */
const LETTERS = ["a", "b", "c", "d", "e", "f", "1", "2"];
const RANKED = LETTERS.map((letter, place) => entry(letter, { memoryMibFree: 49_152 - place }));

const GPU_WANTED = { shape: { ...SHAPE, gpu: GPU.model }, gpuDevices: new Set([GPU.spec.device_id]) };

function find(
  net: Net,
  ask: Partial<Wanted> = {},
  nodes: readonly NodeEntry[] = RANKED,
  byte = 0,
  clock = fixedClock(NOW),
): Promise<Answer<Found>> {
  return findNode({
    network: networkOf(net),
    clock,
    random: sameBytes(byte),
    snapshot: { nodes, asOfMs: NOW },
    wanted: wanted(ask),
  });
}

const silent = { fails: () => Promise.reject(new Error("refused")) };

describe("findNode", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("gives the best drawn node that answers, with the figures of now and the name that it signs for", async () => {
    const { net, asked } = nodesNet({ a: { config: { DOMAIN_NAME: "CRN-a.example.org" }, usage: usage(20_000) } });
    const found = await find(net);
    expect(found).toMatchObject({
      ok: true,
      value: {
        node: { nodeHash: hashOf("a"), origin: "https://crn-a.example.org", domain: "CRN-a.example.org" },
        entry: { nodeHash: hashOf("a"), memoryMibFree: 20_000 },
        latencyMs: 0,
      },
    });
    expect(asked.toSorted()).toEqual(["a", "b", "c"]);
  });

  it("lets chance choose whom it probes, by weight, among the best few", async () => {
    const { net, asked } = nodesNet();
    const found = await find(net, {}, RANKED, 255); // 0xffffffff mod 36 = 3: still the first; then mod 28, mod 21
    expect(found.ok).toBe(true);
    expect(asked).toHaveLength(3);
    expect(asked.every((letter) => LETTERS.includes(letter))).toBe(true);
  });

  it("passes over a node whose own hash is another than the list says", async () => {
    const { net } = nodesNet({ a: { config: { node_hash: hashOf("9") } } });
    expect(await find(net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("b") } } });
  });

  it("passes over a node that signs for another domain", async () => {
    const { net } = nodesNet({ a: { config: { DOMAIN_NAME: "crn-b.example.org" } } });
    expect(await find(net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("b") } } });
  });

  it("lets a node before 1.11 leave its hash out, and no later one", async () => {
    const old = nodesNet({ a: { config: { node_hash: undefined, version: "1.10.4" } } });
    expect(await find(old.net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("a") } } });
    const young = nodesNet({ a: { config: { node_hash: undefined, version: "1.11.0" } } });
    expect(await find(young.net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("b") } } });
  });

  it("passes over a node that never answers", async () => {
    vi.spyOn(AbortSignal, "timeout").mockImplementation(() => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 20);
      return controller.signal;
    });
    const { net } = nodesNet({ a: { fails: () => new Promise<Response>(() => undefined) } });
    expect(await find(net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("b") } } });
  });

  it("passes over a node that has filled up, grown old or sold its GPU since the list was made", async () => {
    const full = nodesNet({ a: { usage: usage(9_000) }, b: { config: { version: "1.9.0" } } });
    expect(await find(full.net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("c") } } });
    const gpuNodes = ["a", "b"].map((letter) => entry(letter, { gpus: [GPU], gpusFree: [GPU] }));
    const device = { model: GPU.model, ...GPU.spec };
    const sold = nodesNet({
      b: { usage: { ...usage(49_152), gpu: { devices: [device], available_devices: [device] } } },
    });
    const found = await find(sold.net, GPU_WANTED, gpuNodes);
    expect(found).toMatchObject({ ok: true, value: { entry: { nodeHash: hashOf("b"), gpusFree: [GPU] } } });
  });

  it("takes no GPU from a probe that the list does not know", async () => {
    const nodes = [entry("a", { gpus: [GPU], gpusFree: [GPU] })];
    const other = { model: GPU.model, ...GPU.spec, device_id: "10de:ffff" };
    const { net } = nodesNet({ a: { usage: { ...usage(49_152), gpu: { available_devices: [other] } } } });
    const found = await find(net, GPU_WANTED, nodes);
    expect(found).toMatchObject({ ok: false, refusal: { code: "node.no_capacity", facts: { gpu_not_free: 1 } } });
  });

  it("goes on to the next three when the first three fail, and then no further", async () => {
    const first = nodesNet({ a: silent, b: silent, c: silent });
    expect(await find(first.net)).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("d") } } });
    const all = nodesNet(Object.fromEntries(LETTERS.map((letter) => [letter, silent])));
    expect(await find(all.net)).toEqual({
      ok: false,
      refusal: { code: "node.no_capacity", facts: { nodes: 8, unreachable: 6 }, retry: "after", retryAfterS: 300 },
    });
    expect(all.asked).toHaveLength(6);
  });

  describe("while a core node is silent", () => {
    const follows = (core: number) => ({ config: { references: { API_SERVER: `https://core-${core}.example.org/` } } });
    /** Node by node: the number of the core node that it follows. */
    const following = (...cores: readonly number[]) =>
      Object.fromEntries(LETTERS.map((letter, place) => [letter, follows(cores[place] ?? cores.at(-1) ?? 1)]));

    it("passes over the nodes that follow it, as far as the twelfth", async () => {
      const { net, asked } = nodesNet(following(1, 1, 1, 1, 1, 1, 1, 2), ["core-1.example.org"]);
      const found = await find(net);
      expect(found).toMatchObject({
        ok: true,
        value: { node: { nodeHash: hashOf("2"), followsCore: 1 }, coreSilent: false },
      });
      expect(asked.filter((one) => LETTERS.includes(one))).toHaveLength(8);
    });

    it("takes the first of them when nobody follows another one", async () => {
      const { net } = nodesNet(following(1), ["core-1.example.org"]);
      const found = await find(net);
      expect(found).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("a") }, coreSilent: true } });
    });

    it("takes the node that was asked for all the same", async () => {
      const { net } = nodesNet(following(1, 2), ["core-1.example.org"]);
      expect(await find(net, { nodeHash: hashOf("a") })).toMatchObject({
        ok: true,
        value: { node: { nodeHash: hashOf("a") }, coreSilent: true },
      });
    });

    it("looks no further once ten seconds have passed", async () => {
      const { net, asked } = nodesNet(following(1), ["core-1.example.org"]);
      const clock = fixedClock(NOW);
      const slow: Net = (request) => {
        clock.set(clock.nowMs() + 1_000);
        return net(request);
      };
      const found = await find(slow, {}, RANKED, 0, clock);
      expect(found).toMatchObject({ ok: true, value: { node: { nodeHash: hashOf("a") } } });
      expect(asked.filter((one) => LETTERS.includes(one))).toHaveLength(6);
    });
  });

  it("says how many nodes each filter took away when none fits, and probes nobody", async () => {
    const { net, asked } = nodesNet();
    const answer = await find(net, { shape: { ...SHAPE, vcpus: 64 } }, [...RANKED, entry("0", { qemu: false })]);
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code: "node.no_capacity", facts: { nodes: 9, vcpus_too_few: 8, qemu_missing: 1 } },
    });
    expect(asked).toEqual([]);
  });

  it("probes only the node that was asked for", async () => {
    const { net, asked } = nodesNet();
    expect(await find(net, { nodeHash: hashOf("e") })).toMatchObject({
      ok: true,
      value: { node: { nodeHash: hashOf("e") } },
    });
    expect(asked).toEqual(["e"]);
  });

  const asked: readonly [string, string, Parameters<typeof nodesNet>[0]][] = [
    ["node.unreachable", "unreachable", { a: silent }],
    ["node.unreachable", "unreachable", { a: { fails: async () => new Response("<html>", { status: 502 }) } }],
    ["node.bad_answer", "bad_answer", { a: { fails: async () => new Response("<html>") } }],
    ["node.bad_answer", "bad_answer", { a: { fails: async () => new Response(null, { status: 302 }) } }],
    ["node.bad_answer", "other_node_hash", { a: { config: { node_hash: hashOf("9") } } }],
    ["node.bad_answer", "other_domain", { a: { config: { DOMAIN_NAME: "elsewhere.example.org" } } }],
    ["node.no_capacity", "memory_too_small", { a: { usage: usage(1_000) } }],
  ];
  it.each(asked)("refuses an asked node with %s when its flaw is %s", async (code, reason, differs) => {
    const answer = await find(nodesNet(differs).net, { nodeHash: hashOf("a") });
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code, facts: { nodes: 8, other_node: 7, reason, [reason]: 1 } },
    });
  });

  it("refuses an asked node that no list knows", async () => {
    const answer = await find(nodesNet().net, { nodeHash: hashOf("8") });
    expect(answer).toMatchObject({
      ok: false,
      refusal: { code: "node.no_capacity", facts: { nodes: 8, other_node: 8 } },
    });
  });
});
