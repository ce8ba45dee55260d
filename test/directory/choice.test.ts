import { describe, expect, it } from "vitest";
import { BEST_FEW, eligible, freeGpu, nodeView, pickWeighted, rank, type Wanted } from "../../src/directory/choice.ts";
import type { Place } from "../../src/account/types.ts";
import type { NodeEntry } from "../../src/aleph/nodes.ts";
import type { Figures } from "../../src/directory/figures.ts";
import { entry, GPU, hashOf, ROOM, SHAPE, wanted } from "./nodes.ts";

describe("eligible", () => {
  it("lets a node pass that meets every rule exactly", () => {
    const node = entry("a", { ...ROOM, score: 0.8, version: "1.10.0" });
    expect(eligible([node], wanted())).toEqual({ fit: [node], leftOut: {} });
  });

  const flaws: readonly [string, Partial<NodeEntry>][] = [
    ["inactive", { inactive: true }],
    ["not_linked", { linked: false }],
    ["score_too_low", { score: 0.799 }],
    ["score_too_low", { score: Number.NaN }],
    ["version_too_old", { version: "1.9.9" }],
    ["version_too_old", { version: null }],
    ["ipv6_broken", { ipv6Ok: false }],
    ["qemu_missing", { qemu: false }],
    ["terms_not_accepted", { termsHash: hashOf("7") }],
    ["capacity_unknown", { vcpus: null }],
    ["capacity_unknown", { memoryMibFree: null }],
    ["capacity_unknown", { diskMibFree: null }],
    ["vcpus_too_few", { vcpus: ROOM.vcpus - 1 }],
    ["memory_too_small", { memoryMibFree: ROOM.memoryMibFree - 1 }],
    ["disk_too_small", { diskMibFree: ROOM.diskMibFree - 1 }],
  ];
  it.each(flaws)("leaves a node out as %s when it has %o", (filter, flaw) => {
    expect(eligible([entry("a", { ...ROOM, ...flaw })], wanted())).toEqual({ fit: [], leftOut: { [filter]: 1 } });
  });

  it("counts a node once, under the first filter that refuses it", () => {
    const { leftOut } = eligible([entry("a", { inactive: true, score: 0, vcpus: 1 })], wanted());
    expect(leftOut).toEqual({ inactive: 1 });
  });

  it("accounts for every node: the fit ones and the counts add up to the list", () => {
    const nodes = [entry("a"), entry("b", { qemu: false }), entry("c", { qemu: false }), entry("d", { vcpus: 1 })];
    const { fit, leftOut } = eligible(nodes, wanted());
    expect(fit).toEqual([nodes[0]]);
    expect(leftOut).toEqual({ qemu_missing: 2, vcpus_too_few: 1 });
  });

  it("asks for a free device of the GPU model, however it is spelled, and not just for one that exists", () => {
    const nodes = [entry("a"), entry("b", { gpus: [GPU] }), entry("c", { gpus: [GPU], gpusFree: [GPU] })];
    const gpuDevices = new Set([GPU.spec.device_id]);
    const choice = eligible(nodes, wanted({ shape: { ...SHAPE, gpu: "rtx 4000 Ada" }, gpuDevices }));
    expect(choice.fit).toEqual([nodes[2]]);
    expect(choice.leftOut).toEqual({ gpu_not_free: 2 });
    expect(eligible(nodes, wanted({ shape: { ...SHAPE, gpu: "H100" }, gpuDevices })).leftOut).toEqual({
      gpu_not_free: 3,
    });
  });

  it("takes no device for a model on its node's word alone", () => {
    const lying = { ...GPU, deviceId: "10de:2331", spec: { ...GPU.spec, device_id: "10de:2331" } };
    const asked = wanted({ shape: { ...SHAPE, gpu: GPU.model }, gpuDevices: new Set([GPU.spec.device_id]) });
    expect(eligible([entry("a", { gpusFree: [lying] })], asked).leftOut).toEqual({ gpu_not_free: 1 });
    const unheard = wanted({ shape: { ...SHAPE, gpu: GPU.model } });
    expect(eligible([entry("a", { gpusFree: [GPU] })], unheard).leftOut).toEqual({ gpu_not_free: 1 });
  });

  it("leaves out nodes whose terms the owner has not accepted, but not the one that was asked for by name", () => {
    const [terms, other] = [hashOf("7"), hashOf("8")];
    const nodes = [entry("a"), entry("b", { termsHash: terms })];
    const place = { nodesAllow: [], nodesDeny: [], termsAccepted: [other], scorePctMin: 80 };
    const fits = (change: Partial<Wanted>): string =>
      eligible(nodes, wanted(change))
        .fit.map((node) => node.nodeHash[0])
        .join("");
    expect(fits({})).toBe("a");
    expect(fits({ place })).toBe("a");
    expect(fits({ place: { ...place, termsAccepted: [other, terms] } })).toBe("ab");
    expect(fits({ nodeHash: hashOf("b") })).toBe("b");
    // the node that a quote named is looked for under the owner's rules
    expect(fits({ nodeHash: hashOf("b"), place })).toBe("");
  });

  it("leaves out what the owner's policy rules out: denied, not among the allowed, below the owner's score", () => {
    const nodes = [entry("a"), entry("b"), entry("c", { score: 0.89 })];
    const left = (place: Partial<Place>): string =>
      eligible(
        nodes,
        wanted({ place: { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: 80, ...place } }),
      )
        .fit.map((node) => node.nodeHash[0])
        .join("");
    expect(left({})).toBe("abc");
    expect(left({ nodesDeny: [hashOf("a")] })).toBe("bc");
    expect(left({ nodesAllow: [hashOf("a"), hashOf("b")] })).toBe("ab");
    expect(left({ nodesAllow: [hashOf("a")], nodesDeny: [hashOf("a")] })).toBe("");
    expect(left({ scorePctMin: 89 })).toBe("abc");
    expect(left({ scorePctMin: 90 })).toBe("ab");
  });

  it("leaves out nodes that just failed and nodes that this VM has tried", () => {
    const ask = wanted({ cooling: new Set([hashOf("a")]), tried: new Set([hashOf("a"), hashOf("b")]) });
    expect(eligible([entry("a"), entry("b"), entry("c")], ask)).toEqual({
      fit: [entry("c")],
      leftOut: { failed_recently: 1, tried_already: 1 },
    });
  });

  it("looks at the node that was asked for only, and does not forgive it anything", () => {
    const nodes = [entry("a"), entry("b", { score: 0.5 })];
    expect(eligible(nodes, wanted({ nodeHash: hashOf("a") }))).toEqual({ fit: [nodes[0]], leftOut: { other_node: 1 } });
    expect(eligible(nodes, wanted({ nodeHash: hashOf("b") }))).toEqual({
      fit: [],
      leftOut: { other_node: 1, score_too_low: 1 },
    });
  });
});

describe("rank", () => {
  const order = (nodes: readonly NodeEntry[]): string =>
    rank(nodes)
      .map((node) => node.nodeHash[0])
      .join("");

  it("puts the preferred version before a better score", () => {
    expect(order([entry("a", { version: "1.11.2", score: 1 }), entry("b", { version: "1.11.3", score: 0.8 })])).toBe(
      "ba",
    );
  });

  it("puts nodes that started machines for several accounts before a better score, and those that did not behind", () => {
    const measured = (startPct: number | null, erasedPct: number | null = null): Figures => {
      const figure = (value: number | null) => ({ value, samples: 9, accounts: 3 });
      const rest = { toSshMsP50: figure(1), toSshMsP95: figure(1), refusedPct: figure(0) };
      return { startPct: figure(startPct), erasedPct: figure(erasedPct), ...rest };
    };
    const nodes = ["a", "b", "c", "d", "e"].map((name, at) => entry(name, { score: 0.99 - at * 0.02 }));
    const known = new Map([
      [hashOf("b"), measured(60)],
      [hashOf("c"), measured(99, 40)],
      [hashOf("d"), measured(99)],
      [hashOf("e"), measured(null)],
    ]);
    expect(rank(nodes, known).map((node) => node.nodeHash[0])).toEqual(["d", "a", "e", "b", "c"]);
  });

  it("puts the better score first, and more free memory where scores differ by less than a hundredth", () => {
    const nodes = [
      entry("a", { score: 0.9 }),
      entry("b", { score: 0.951, memoryMibFree: 20_000 }),
      entry("c", { score: 0.949, memoryMibFree: 40_000 }),
    ];
    expect(order(nodes)).toBe("cba");
  });

  it("gives equals one order, whatever order they come in, and leaves its input alone", () => {
    const nodes = [entry("c"), entry("a"), entry("b")];
    expect(order(nodes)).toBe("abc");
    expect(order(nodes.toReversed())).toBe("abc");
    expect(nodes[0]?.nodeHash).toBe(hashOf("c"));
  });
});

describe("pickWeighted", () => {
  const bytes = (number: number): Uint8Array => Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);

  it("weighs three nodes 3 to 2 to 1", () => {
    const ranked = [entry("a"), entry("b"), entry("c")];
    const picks = Array.from({ length: 6 }, (_, ticket) => pickWeighted(ranked, bytes(ticket))?.nodeHash[0]);
    expect(picks.join("")).toBe("aaabbc");
    expect(pickWeighted(ranked, bytes(6))).toBe(ranked[0]);
  });

  it("never picks beyond the best few", () => {
    const ranked = Array.from({ length: 20 }, (_, place) => entry("a", { nodeHash: String(place) }));
    const seen = new Set(Array.from({ length: 200 }, (_, ticket) => pickWeighted(ranked, bytes(ticket))?.nodeHash));
    expect([...seen].map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: BEST_FEW }, (_, n) => n));
  });

  it("uses the high bytes as well, without a negative number", () => {
    expect(pickWeighted([entry("a"), entry("b")], Uint8Array.of(255, 255, 255, 255))).toEqual(entry("a"));
  });

  it("picks nothing from nothing", () => {
    expect(pickWeighted([], bytes(1))).toBeUndefined();
  });
});

describe("freeGpu", () => {
  it("gives the device with the exact words that a VM has to ask for", () => {
    const asked = wanted({ shape: { ...SHAPE, gpu: GPU.model }, gpuDevices: new Set([GPU.spec.device_id]) });
    expect(freeGpu(entry("a", { gpusFree: [GPU] }), asked)?.spec).toEqual(GPU.spec);
    expect(freeGpu(entry("a", { gpus: [GPU] }), asked)).toBeUndefined();
  });
});

describe("nodeView", () => {
  it("shows what is free now, and neither address nor anything an operator could write", () => {
    expect(nodeView(entry("a", { gpus: [GPU, GPU], gpusFree: [GPU] }), 14_250, "africa")).toEqual({
      crnId: hashOf("a"),
      vcpus: 16,
      memoryMib: 49_152,
      diskMib: 500_000,
      gpus: ["RTX 4000 ADA"],
      version: "1.14.0",
      score: 0.95,
      hourlyCredits: 14_250,
      regionEstimated: "africa",
    });
  });

  it("says null where nothing is known", () => {
    const view = nodeView(entry("a", { version: null, vcpus: null }), null, null);
    expect(view).toMatchObject({
      version: null,
      vcpus: null,
      hourlyCredits: null,
      regionEstimated: null,
    });
  });
});
