import { describe, expect, test } from "vitest";
import { instanceCosts, totalOf } from "../../../devnet/core/costs.ts";
import type { PriceBook } from "../../../devnet/core/costs.ts";
import {
  compare,
  decimal,
  dividedBy,
  floorToAtto,
  formatAtto,
  negated,
  parseAtto,
} from "../../../devnet/core/decimal.ts";
import { isList, isObject } from "../../../devnet/core/json.ts";
import type { JsonObject } from "../../../devnet/core/json.ts";
import { DEFAULT_PRICING, DEFAULT_SETTINGS } from "../../../devnet/core/price-tables.ts";
import pricing from "../../vectors/credits-pricing.json";
import { instance, OWNER } from "./actors.ts";

const BOOK: PriceBook = { pricing: DEFAULT_PRICING, settings: DEFAULT_SETTINGS, imageBytes: () => undefined };
const DAY_S = 86_400n;

type Row = (typeof pricing.rows)[number] & { readonly gpu_cu?: number };

/** A GPU of the row's class with the row's number of compute units, put into the settings under an id of its own. */
function priced(row: Row): readonly [JsonObject, PriceBook] {
  const disk = { rootfs: { parent: { ref: "b".repeat(64) }, persistence: "host", size_mib: row.rootfs_mib } };
  const resources = { vcpus: row.vcpus, memory: row.memory_mib, seconds: 1 };
  const content = instance(OWNER.address, { ...disk, resources });
  if (row.kind === "instance_confidential") {
    return [{ ...content, environment: { hypervisor: "qemu", trusted_execution: { policy: 1 } } }, BOOK];
  }
  if (!row.kind.startsWith("gpu_")) return [content, BOOK];
  const settings = {
    compatible_gpus: [{ device_id: "10de:test", model: modelWith(`instance_${row.kind}`, row.gpu_cu ?? 0) }],
  };
  const gpu = [{ vendor: "NVIDIA", device_name: "x", device_class: "0300", device_id: "10de:test" }];
  return [
    { ...content, requirements: { gpu } },
    { ...BOOK, settings },
  ];
}

function modelWith(entity: string, units: number): string {
  const table = DEFAULT_PRICING[entity];
  const tiers = isObject(table) && isList(table["tiers"]) ? table["tiers"].filter(isObject) : [];
  return String(tiers.find((tier) => tier["compute_units"] === units)?.["model"]);
}

describe("instanceCosts", () => {
  test.each(pricing.rows as readonly Row[])("prices $label to the last digit", (row) => {
    const [content, book] = priced(row);
    const rows = instanceCosts(content, book) ?? [];
    const credits = (type: string) => rows.find((one) => one.type === type)?.cost_credit;
    expect(credits("EXECUTION")).toBe(row.execution);
    expect(credits("EXECUTION_INSTANCE_VOLUME_ROOTFS")).toBe(row.storage);
    expect(credits("EXECUTION_VOLUME_DISCOUNT")).toBe(row.discount);
    const total = totalOf(rows, "credit");
    expect(formatAtto(total)).toBe(row.cost_per_second);
    const day = (total * DAY_S + 10n ** 18n - 1n) / 10n ** 18n;
    expect(String(day)).toBe(row.min_balance_to_create);
  });

  test("names further volumes by place and mount, and prices files by their size", () => {
    const volumes = [{ ref: "c".repeat(64), mount: "/data" }, { ephemeral: true, size_mib: 100 }, { size_mib: 2048 }];
    const book: PriceBook = { ...BOOK, imageBytes: () => 3 * 1024 ** 2 };
    const rows = instanceCosts(instance(OWNER.address, { volumes }), book) ?? [];
    const names = rows.map((row) => row.name);
    expect(names.slice(2, 5)).toEqual(["#0:/data", "#1:EXECUTION_VOLUME_PERSISTENT", "#2:EXECUTION_VOLUME_PERSISTENT"]);
    // 3 MiB cost less than one credit per hour, the least that a line costs
    expect(rows[2]?.cost_credit).toBe("0.000277777777777777");
  });

  test("mixes GPUs of both classes and gives the surplus to the dearer one", () => {
    const gpu = ["10de:27b0", "10de:2331"].map((device_id) => ({ device_id }));
    const resources = { vcpus: 30, memory: 6144, seconds: 1 };
    const rows = instanceCosts(instance(OWNER.address, { resources, requirements: { gpu } }), BOOK) ?? [];
    const execution = rows.filter((row) => row.type === "EXECUTION");
    // 3 CU standard, 24 CU premium, and 3 CU that the 30 vCPUs need beyond both
    expect(execution.map((row) => [row.name, row.cost_credit])).toEqual([
      ["instance_gpu_standard", "35.937500000000000000"],
      ["instance_gpu_premium", "646.874999999999999999"],
    ]);
  });

  test("has no price for a GPU that is not listed", () => {
    const requirements = { gpu: [{ device_id: "10de:ffff" }] };
    expect(instanceCosts(instance(OWNER.address, { requirements }), BOOK)).toBeUndefined();
  });
});

describe("dividedBy", () => {
  test("keeps 28 digits, half to even", () => {
    expect(dividedBy(decimal("14250"), 3600n)).toEqual({
      digits: 3_958_333_333_333_333_333_333_333_333n,
      exponent: -27,
    });
    expect(compare(dividedBy(decimal("-1"), 3n), decimal("-0.3333333333333333333333333333"))).toBe(0);
  });
});

describe("floorToAtto", () => {
  test("goes down, also below zero", () => {
    const third = dividedBy(decimal("1"), 3n);
    expect(formatAtto(floorToAtto(third))).toBe("0.333333333333333333");
    expect(formatAtto(floorToAtto(negated(third)))).toBe("-0.333333333333333334");
    expect(parseAtto("-1.5")).toBe(-1_500_000_000_000_000_000n);
  });
});
