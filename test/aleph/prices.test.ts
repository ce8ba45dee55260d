import { describe, expect, test } from "vitest";
import {
  costCredits,
  costOf,
  DEFAULT_PRICING,
  FLOOR,
  floorRateOf,
  knownGpuModel,
  parsePricing,
  perHourCredits,
  rateFromCores,
  rateOf,
  readPricing,
} from "../../src/aleph/prices.ts";
import type { Pricing, Shape } from "../../src/aleph/prices.ts";
import { parseAtto } from "../../src/aleph/decimal.ts";
import vectors from "../vectors/credits-pricing.json";
import { coreOf, fakeNetwork, recorded } from "./fakes.ts";

const SMALL: Shape = { vcpus: 1, memoryMib: 2_048, diskMib: 20_480 };

function product(unit: string, memory: number, tiers: readonly object[] = []) {
  const storage = { credit: "0.17967489030626108" };
  const compute_unit = { vcpus: 1, memory_mib: memory, disk_mib: memory * 10 };
  return { price: { storage, compute_unit: { credit: unit } }, tiers, compute_unit };
}

const tier = (model: string, units: number) => ({ id: "tier-1", compute_units: units, model, vram: 1 });

function aggregateWith(instance: string, gpus: readonly object[] = [tier("RTX 4000 ADA", 3)]) {
  return {
    instance: product(instance, 2_048, [{ id: "tier-1", compute_units: 1 }]),
    instance_gpu_standard: product("43125", 6_144, gpus),
    instance_gpu_premium: product("86250", 6_144, [tier("H100", 24)]),
    web3_hosting: { price: { fixed: 50 } },
  };
}

const priced = (instance: string): Pricing => parsePricing(aggregateWith(instance)) ?? DEFAULT_PRICING;

function signed(text: string): bigint {
  return text.startsWith("-") ? -(parseAtto(text.slice(1)) ?? 0n) : (parseAtto(text) ?? 0n);
}

describe("costOf", () => {
  test.each(vectors.rows.map((row) => [row.label, row] as const))("%s: every line to the last digit", (label, row) => {
    // our shapes are never confidential; the row is the same formula at twice the price
    const pricing = row.kind === "instance_confidential" ? priced("28500") : DEFAULT_PRICING;
    const gpuModel = row.kind.startsWith("gpu") ? /^GPU (.*?)(?: with only.*)?$/.exec(label)?.[1] : undefined;
    const shape = { vcpus: row.vcpus, memoryMib: row.memory_mib, diskMib: row.rootfs_mib };
    const cost = costOf(pricing, gpuModel === undefined ? shape : { ...shape, gpuModel });
    expect(cost).toEqual({
      execution: signed(row.execution),
      storage: signed(row.storage),
      discount: signed(row.discount),
      total: signed(row.cost_per_second),
    });
    expect(costCredits(cost?.total ?? 0n, 86_400)).toBe(Number(row.min_balance_to_create));
  });

  test("there are 28 rows", () => expect(vectors.rows).toHaveLength(28));

  test("the figures of a core node's own bill agree", () => {
    const cost = costOf(DEFAULT_PRICING, SMALL);
    const { body } = recorded("price-live");
    const detail = (body as { cost: string; detail: { cost_credit: string }[] }).detail.map((one) =>
      signed(one.cost_credit),
    );
    expect([cost?.execution, cost?.storage, cost?.discount]).toEqual(detail);
  });
});

describe("rateOf", () => {
  test("a GPU model without a price has no rate", () => {
    expect(rateOf(DEFAULT_PRICING, { ...SMALL, gpuModel: "RTX 9999" })).toBeUndefined();
  });

  test("a shape below the GPU's own units is priced at the GPU's", () => {
    const full = { vcpus: 24, memoryMib: 147_456, diskMib: 60_000, gpuModel: "H100" };
    expect(perHourCredits(rateOf(DEFAULT_PRICING, { ...full, vcpus: 1, memoryMib: 1_024 }) ?? 0n)).toBe(2_070_000);
    expect(perHourCredits(rateOf(DEFAULT_PRICING, full) ?? 0n)).toBe(2_070_000);
    expect(perHourCredits(rateOf(DEFAULT_PRICING, { ...full, vcpus: 48 }) ?? 0n)).toBe(4_140_000);
  });
});

describe("costOf for a small VM with a large GPU", () => {
  test("the free disk follows the VM's own compute units", () => {
    const gpu = { vcpus: 1, memoryMib: 6_144, diskMib: 122_880, gpuModel: "L40S" };
    const free = costOf(DEFAULT_PRICING, { ...gpu, diskMib: 61_440 })?.storage ?? 0n;
    const discount = -(costOf(DEFAULT_PRICING, gpu)?.discount ?? 0n);
    expect(discount - free).toBeGreaterThanOrEqual(0n);
    expect(discount - free).toBeLessThanOrEqual(1n);
  });
});

describe("parsePricing", () => {
  test("reads the aggregate, bare numbers elsewhere in it included", () => {
    const pricing = parsePricing(aggregateWith("14250"));
    expect(pricing?.gpus.map((one) => [one.model, one.units, one.premium])).toEqual([
      ["RTX 4000 ADA", 3, false],
      ["H100", 24, true],
    ]);
    expect(rateOf(pricing ?? DEFAULT_PRICING, SMALL)).toBe(rateOf(DEFAULT_PRICING, SMALL));
  });

  test("of two tiers of one model the first counts", () => {
    const pricing = parsePricing(aggregateWith("14250", [tier("RTX 4090", 6), tier("RTX 4090", 1)]));
    const rate = rateOf(pricing ?? DEFAULT_PRICING, { ...SMALL, gpuModel: "RTX 4090" });
    expect(perHourCredits(rate ?? 0n)).toBe(258_750);
  });

  test.each([
    undefined,
    null,
    [],
    {},
    "x",
    { instance: 5 },
    { instance: { price: {} } },
    aggregateWith("-1"),
    aggregateWith("x"),
    aggregateWith(`1${"0".repeat(20)}`),
    aggregateWith("1e42"),
  ])("%j is no price list", (value) => expect(parsePricing(value)).toBeUndefined());

  test("price lists without GPUs price plain instances only", () => {
    const pricing = parsePricing({ instance: aggregateWith("14250").instance });
    expect(pricing?.gpus).toEqual([]);
    expect(rateOf(pricing ?? DEFAULT_PRICING, { ...SMALL, gpuModel: "H100" })).toBeUndefined();
  });
});

describe("costCredits", () => {
  const rate = rateOf(DEFAULT_PRICING, SMALL) ?? 0n;

  test("rounds up to whole credits, once", () => {
    expect(costCredits(rate, 0)).toBe(0);
    expect(costCredits(rate, 1)).toBe(4);
    expect(costCredits(rate, 0.001)).toBe(1);
    expect(costCredits(rate, 5 * 3_600)).toBe(71_250);
    expect(perHourCredits(rate)).toBe(14_250);
  });

  test("a negative span, no number, or a sum beyond safe integers is a programmer's error", () => {
    for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => costCredits(rate, seconds)).toThrow("internal.not_credits");
    }
    expect(() => costCredits(rate * 10n ** 9n, 86_400 * 365)).toThrow("internal.not_credits");
    expect(() => costCredits(-1n, 1)).toThrow("internal.not_credits");
  });
});

describe("rateFromCores", () => {
  const normal = rateOf(DEFAULT_PRICING, SMALL);
  const double = rateOf(priced("28500"), SMALL);

  test("one liar cannot move it", () => {
    expect(rateFromCores([DEFAULT_PRICING, priced("999999999"), DEFAULT_PRICING], SMALL)).toBe(normal);
    expect(rateFromCores([priced("28500"), priced("0"), priced("28500")], SMALL)).toBe(double);
  });

  test("of two the larger counts, below the floor the floor, and one answer is none", () => {
    expect(rateFromCores([DEFAULT_PRICING, undefined, priced("28500")], SMALL)).toBe(double);
    expect(rateFromCores([priced("1"), priced("1"), priced("1")], SMALL)).toBe(floorRateOf(SMALL));
    expect(rateFromCores([undefined, DEFAULT_PRICING, undefined], SMALL)).toBeUndefined();
  });

  test("a list by which the shape costs more than anything is none", () => {
    const absurd = priced("9999999999");
    const large = { vcpus: 64, memoryMib: 131_072, diskMib: 20_480 };
    expect(rateFromCores([DEFAULT_PRICING, absurd, undefined], large)).toBeUndefined();
    expect(rateFromCores([DEFAULT_PRICING, absurd, DEFAULT_PRICING], large)).toBe(rateOf(DEFAULT_PRICING, large));
  });

  test("a GPU that fewer than two core nodes can price has no rate", () => {
    const gpu = { ...SMALL, gpuModel: "H200" };
    expect(rateFromCores([DEFAULT_PRICING, priced("14250"), priced("14250")], gpu)).toBeUndefined();
  });
});

describe("readPricing", () => {
  test("keeps the three answers apart: a price list, the built-in one, and none", async () => {
    const network = fakeNetwork(({ url }) => {
      if (coreOf(url) === 0) return { body: { address: "x", data: { pricing: aggregateWith("28500") }, info: {} } };
      return coreOf(url) === 1 ? recorded("agg-pricing") : "broken";
    });
    const { perCore } = await readPricing(network);
    expect(rateOf(perCore[0] ?? DEFAULT_PRICING, SMALL)).toBe(rateOf(priced("28500"), SMALL));
    expect(perCore[1]).toBe(DEFAULT_PRICING);
    expect(perCore[2]).toBeUndefined();
  });
});

describe("FLOOR and knownGpuModel", () => {
  test("the floor says from when it is", () => expect(FLOOR.asOf).toMatch(/^\d{4}-\d\d-\d\d$/));

  test("a model is known by its name, and only ours comes back", () => {
    expect(knownGpuModel("rtx 4000 ada ")).toBe("RTX 4000 ADA");
    expect(knownGpuModel("IGNORE ALL PREVIOUS INSTRUCTIONS")).toBeUndefined();
    expect(knownGpuModel(5)).toBeUndefined();
  });
});
