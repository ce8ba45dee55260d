/**
 * What a VM costs, by the network's own formula, and which price to believe when core nodes disagree.
 *
 * Pure but for `readPricing`. Prices are strings of credits per hour on the wire and whole atto-credits per second here.
 */
import { AllowanceError } from "../errors.ts";
import { isPrice, RATE_MAX } from "./amounts.ts";
import { aggregate } from "./core-nodes.ts";
import * as decimal from "./decimal.ts";
import type { AttoPerS, Decimal } from "./decimal.ts";
import { CORES, PRICING_ADDRESS } from "./network.ts";
import type { Network } from "./network.ts";
import { medianOrWorse } from "./numbers.ts";
import { countOf, field, listOf } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

export type { AttoPerS } from "./decimal.ts";

/** One priced product: credits per compute unit and hour, credits per MiB and hour, and how large a unit is. */
export type Product = {
  readonly unitPerHour: string;
  readonly storagePerMibHour: string;
  readonly memoryMib: number;
  readonly diskMib: number;
};

export type GpuTier = { readonly model: string; readonly units: number; readonly premium: boolean };

export type Pricing = {
  readonly instance: Product;
  readonly gpuStandard?: Product;
  readonly gpuPremium?: Product;
  /** In the network's order: of two tiers of one model the first counts. */
  readonly gpus: readonly GpuTier[];
};

export type Shape = {
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly gpuModel?: string;
};

/** The lines of a bill, atto-credits per second; the discount is negative. */
export type Cost = {
  readonly execution: AttoPerS;
  readonly storage: AttoPerS;
  readonly discount: AttoPerS;
  readonly total: AttoPerS;
};

const STORAGE_PER_MIB_HOUR = "0.17967489030626108";
const ATTO_PER_CREDIT = 10n ** 18n;
/** Every line of a bill is at least one credit per hour. */
const LINE_MIN = decimal.divide(decimal.integer(1), 3600);

const tiers = (premium: boolean, units: Readonly<Record<string, number>>): readonly GpuTier[] =>
  Object.entries(units).map(([model, count]) => ({ model, units: count, premium }));

/** The network's built-in prices, with the GPUs of its published list; what a core node uses that has no aggregate. */
export const DEFAULT_PRICING: Pricing = {
  instance: { unitPerHour: "14250", storagePerMibHour: STORAGE_PER_MIB_HOUR, memoryMib: 2_048, diskMib: 20_480 },
  gpuStandard: { unitPerHour: "43125", storagePerMibHour: STORAGE_PER_MIB_HOUR, memoryMib: 6_144, diskMib: 61_440 },
  gpuPremium: { unitPerHour: "86250", storagePerMibHour: STORAGE_PER_MIB_HOUR, memoryMib: 6_144, diskMib: 61_440 },
  gpus: [
    ...tiers(false, { "RTX 4000 ADA": 3, "RTX A5000": 3, "RTX 3090": 4, "RTX A6000": 4, "RTX 4090": 6 }),
    ...tiers(false, { "RTX 5090": 8, "RTX 6000 ADA": 11, L40S: 12 }),
    ...tiers(true, { "RTX PRO 6000": 14, A100: 16, H100: 24, H200: 32 }),
  ],
};

/** No price below it is believed, so that one liar cannot empty the holds. Only a deployment can lower it. */
export const FLOOR: { readonly asOf: string; readonly pricing: Pricing } = {
  asOf: "2026-07-20",
  pricing: DEFAULT_PRICING,
};

/** The value of a `pricing` aggregate; `undefined` unless plain instances have a price in it. */
export function parsePricing(value: unknown): Pricing | undefined {
  const json = value as JsonValue | undefined;
  const instance = productOf(field(json, "instance"));
  if (instance === undefined) return undefined;
  const gpuStandard = productOf(field(json, "instance_gpu_standard"));
  const gpuPremium = productOf(field(json, "instance_gpu_premium"));
  return {
    instance,
    ...(gpuStandard === undefined ? {} : { gpuStandard }),
    ...(gpuPremium === undefined ? {} : { gpuPremium }),
    gpus: [
      ...(gpuStandard === undefined ? [] : gpuTiersOf(field(json, "instance_gpu_standard", "tiers"), false)),
      ...(gpuPremium === undefined ? [] : gpuTiersOf(field(json, "instance_gpu_premium", "tiers"), true)),
    ],
  };
}

function productOf(value: JsonValue | undefined): Product | undefined {
  const unitPerHour = priceText(field(value, "price", "compute_unit", "credit"));
  const storagePerMibHour = priceText(field(value, "price", "storage", "credit"));
  const memoryMib = countOf(field(value, "compute_unit", "memory_mib"));
  const diskMib = countOf(field(value, "compute_unit", "disk_mib"));
  if (unitPerHour === undefined || storagePerMibHour === undefined || !memoryMib || diskMib === undefined)
    return undefined;
  return { unitPerHour, storagePerMibHour, memoryMib, diskMib };
}

const priceText = (value: JsonValue | undefined): string | undefined => (isPrice(value) ? String(value) : undefined);

function gpuTiersOf(value: JsonValue | undefined, premium: boolean): readonly GpuTier[] {
  return (listOf(value) ?? []).flatMap((tier) => {
    const model = field(tier, "model");
    const units = countOf(field(tier, "compute_units"));
    return typeof model === "string" && units ? [{ model, units, premium }] : [];
  });
}

/**
 * Every line of the bill. A GPU brings its own number of compute units, which more vCPUs or memory can only raise;
 * `undefined` for a GPU model without a price.
 */
export function costOf(pricing: Pricing, shape: Shape): Cost | undefined {
  const gpu = gpuOf(pricing, shape.gpuModel);
  if (gpu === undefined) return undefined;
  const ownUnits = Math.max(shape.vcpus, Math.ceil(shape.memoryMib / gpu.product.memoryMib));
  const units = Math.max(ownUnits, gpu.unitsMin);
  const execution = perSecond(units, gpu.product.unitPerHour);
  const storage = perSecond(shape.diskMib, gpu.storage.storagePerMibHour);
  if (execution === undefined || storage === undefined) return undefined;
  const executionRate = decimal.floorToAtto(decimal.greater(execution, LINE_MIN));
  const storageRate = decimal.floorToAtto(decimal.greater(storage, LINE_MIN));
  // the free disk follows the VM's own units, not the GPU's
  const free = perSecond(ownUnits * gpu.storage.diskMib, gpu.storage.storagePerMibHour) ?? storage;
  const discount = decimal.floorToAtto(decimal.negate(decimal.lesser(decimal.atto(storageRate), free)));
  return { execution: executionRate, storage: storageRate, discount, total: executionRate + storageRate + discount };
}

type Priced = { readonly product: Product; readonly storage: Product; readonly unitsMin: number };

function gpuOf(pricing: Pricing, model: string | undefined): Priced | undefined {
  if (model === undefined) return { product: pricing.instance, storage: pricing.instance, unitsMin: 0 };
  const tier = pricing.gpus.find((one) => one.model === model);
  const product = tier?.premium ? pricing.gpuPremium : pricing.gpuStandard;
  if (tier === undefined || product === undefined) return undefined;
  return { product, storage: pricing.gpuPremium ?? product, unitsMin: tier.units };
}

function perSecond(count: number, creditsPerHour: string): Decimal | undefined {
  const price = decimal.parseDecimal(creditsPerHour);
  return price === undefined ? undefined : decimal.multiply(decimal.integer(count), decimal.divide(price, 3600));
}

export function rateOf(pricing: Pricing, shape: Shape): AttoPerS | undefined {
  return costOf(pricing, shape)?.total;
}

export function floorRateOf(shape: Shape): AttoPerS | undefined {
  return rateOf(FLOOR.pricing, shape);
}

/** Whole credits for a span of time, rounded up; part seconds count to the millisecond. */
export function costCredits(rate: AttoPerS, seconds: number): number {
  if (rate < 0n || !Number.isFinite(seconds) || seconds < 0) throw new AllowanceError("internal.not_credits");
  const per1000 = rate * BigInt(Math.ceil(seconds * 1000));
  const divisor = ATTO_PER_CREDIT * 1000n;
  const credits = Number((per1000 + divisor - 1n) / divisor);
  if (!Number.isSafeInteger(credits)) throw new AllowanceError("internal.not_credits");
  return credits;
}

export function perHourCredits(rate: AttoPerS): number {
  return costCredits(rate, 3600);
}

/** Asks all three core nodes at once; one without an answer, or with one that is no price list, is `undefined`. */
export async function readPricing(network: Network): Promise<{ readonly perCore: readonly (Pricing | undefined)[] }> {
  const answers = await Promise.all(CORES.map((core) => aggregate(network, core, PRICING_ADDRESS, "pricing")));
  const perCore = answers.map((answer) => {
    if (!answer.ok) return undefined;
    return answer.value === "absent" ? DEFAULT_PRICING : parsePricing(answer.value);
  });
  return { perCore };
}

/**
 * The larger of what the core nodes say (median of three, larger of two) and the floor; `undefined` below two answers. A list
 * by which this shape costs more than anything is not one of them.
 */
export function rateFromCores(perCore: readonly (Pricing | undefined)[], shape: Shape): AttoPerS | undefined {
  const priced = perCore.flatMap((pricing) => (pricing === undefined ? [] : (rateOf(pricing, shape) ?? [])));
  const rates = priced.filter((rate) => rate <= RATE_MAX);
  const said = medianOrWorse(rates, "larger");
  const floor = floorRateOf(shape) ?? 0n;
  return said === undefined ? undefined : said > floor ? said : floor;
}

/** Every model that has a price here, in our own spelling. */
export const GPU_MODELS: readonly string[] = FLOOR.pricing.gpus.map(({ model }) => model);

/** Our own spelling of a GPU model that has a price here; a stranger's text never becomes a name of ours. */
export function knownGpuModel(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  return GPU_MODELS.find((model) => model.toLowerCase() === text.trim().toLowerCase());
}
