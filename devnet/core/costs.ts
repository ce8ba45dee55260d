/**
 * What a message costs per second, line by line, in the arithmetic of the real node. Pure.
 * `undefined` is an exception there: a GPU that nobody has priced, or a price table without the entity.
 */
import { compare, decimal, dividedBy, floorToAtto, formatAtto, negated, ofAtto, parseAtto, times } from "./decimal.ts";
import type { Atto, Decimal } from "./decimal.ts";
import { isList, isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { CostRow } from "./state.ts";

export type PriceBook = {
  readonly pricing: JsonObject;
  readonly settings: JsonObject;
  /** Bytes of the file that a STORE message pins. */
  readonly imageBytes: (ref: string) => number | undefined;
};

export type Kind = "hold" | "stream" | "credit";
type Triple = { readonly [kind in Kind]: Decimal };
type AttoTriple = { readonly [kind in Kind]: Atto };

const KINDS: readonly Kind[] = ["hold", "stream", "credit"];
const KEY_OF: { readonly [kind in Kind]: string } = { hold: "holding", stream: "payg", credit: "credit" };
const HOUR_S = 3600n;
/** One credit per hour at least for every line that is paid in credits. */
const LEAST_CREDIT: Atto = floorToAtto(dividedBy(decimal("1"), HOUR_S));
const ZERO = decimal("0");
const MIB = 1_048_576n;
/** A STORE message is billed as 25 MiB at least. */
const STORE_MIB_MIN = 25;

/** The lines of an INSTANCE, in the order of the answers. */
export function instanceCosts(content: JsonObject, book: PriceBook): readonly CostRow[] | undefined {
  const gpus = listAt(content, "requirements", "gpu");
  if (gpus.length > 0) return gpuCosts(content, gpus, book);
  const confidential = isObject(at(content, "environment", "trusted_execution"));
  const entity = confidential ? "instance_confidential" : "instance";
  const table = tableOf(book, entity);
  if (table === undefined) return undefined;
  const units = unitsOf(content, table);
  return [execution(entity, units, table), ...storageCosts(content, units, table, book)];
}

function gpuCosts(content: JsonObject, gpus: readonly Json[], book: PriceBook): readonly CostRow[] | undefined {
  const premium = tableOf(book, "instance_gpu_premium");
  const standard = tableOf(book, "instance_gpu_standard");
  if (premium === undefined || standard === undefined) return undefined;
  const tiers = new Map<string, number>();
  for (const gpu of gpus) {
    const tier = tierOf(gpu, book, premium, standard);
    if (tier === undefined) return undefined;
    tiers.set(tier.entity, (tiers.get(tier.entity) ?? 0) + tier.units);
  }
  const dominant = tiers.has("instance_gpu_premium") ? "instance_gpu_premium" : "instance_gpu_standard";
  const tables: { readonly [entity: string]: JsonObject } = {
    instance_gpu_premium: premium,
    instance_gpu_standard: standard,
  };
  const asked = unitsOf(content, tables[dominant] ?? premium);
  const priced = [...tiers.values()].reduce((sum, units) => sum + units, 0);
  if (asked > priced) tiers.set(dominant, (tiers.get(dominant) ?? 0) + asked - priced);
  const lines = [...tiers].map(([entity, units]) => execution(entity, units, tables[entity] ?? premium));
  return [...lines, ...storageCosts(content, unitsOf(content, premium), premium, book)];
}

function tierOf(
  gpu: Json,
  book: PriceBook,
  premium: JsonObject,
  standard: JsonObject,
): { readonly entity: string; readonly units: number } | undefined {
  const deviceId = isObject(gpu) ? gpu["device_id"] : undefined;
  const known = listAt(book.settings, "compatible_gpus").find((one) => isObject(one) && one["device_id"] === deviceId);
  const model = isObject(known) ? known["model"] : undefined;
  if (model === undefined) return undefined;
  for (const [entity, table] of [
    ["instance_gpu_premium", premium],
    ["instance_gpu_standard", standard],
  ] as const) {
    const tier = listAt(table, "tiers").find((one) => isObject(one) && one["model"] === model);
    if (isObject(tier) && typeof tier["compute_units"] === "number") return { entity, units: tier["compute_units"] };
  }
  return undefined;
}

function execution(entity: string, units: number, table: JsonObject): CostRow {
  const perUnit = pricesOf(table, "compute_unit");
  const costs = ofEach((kind) => floorToAtto(times(decimal(String(units)), perUnit[kind])));
  return row("EXECUTION", entity, { ...costs, credit: atLeast(costs.credit) });
}

function storageCosts(content: JsonObject, units: number, table: JsonObject, book: PriceBook): readonly CostRow[] {
  const perMib = pricesOf(table, "storage");
  const lines = volumesOf(content, book).map(({ type, name, mib }) => {
    const exact = ofEach((kind) => floorToAtto(times(mib, perMib[kind])));
    const costs = { ...exact, credit: atLeast(exact.credit) };
    return { row: row(type, name, costs), costs };
  });
  const free = decimal(String(numberAt(table, "compute_unit", "disk_mib") * units));
  const discount = ofEach((kind) => {
    const spent = ofAtto(lines.reduce((sum, line) => sum + line.costs[kind], 0n));
    const most = times(free, perMib[kind]);
    return floorToAtto(negated(compare(spent, most) < 0 ? spent : most));
  });
  return [...lines.map((line) => line.row), row("EXECUTION_VOLUME_DISCOUNT", "EXECUTION_VOLUME_DISCOUNT", discount)];
}

type Volume = { readonly type: string; readonly name: string; readonly mib: Decimal };

function volumesOf(content: JsonObject, book: PriceBook): readonly Volume[] {
  const type = "EXECUTION_INSTANCE_VOLUME_ROOTFS";
  const root: Volume = { type, name: type, mib: decimal(String(numberAt(content, "rootfs", "size_mib"))) };
  const others = listAt(content, "volumes").map((one, at) => volumeOf(one, at, book));
  return [root, ...others.filter((one) => one !== undefined)];
}

function volumeOf(volume: Json, index: number, book: PriceBook): Volume | undefined {
  if (!isObject(volume)) return undefined;
  const ref = volume["ref"];
  const type = typeof ref === "string" ? "EXECUTION_VOLUME_INMUTABLE" : "EXECUTION_VOLUME_PERSISTENT";
  const mount = typeof volume["mount"] === "string" && volume["mount"] !== "" ? volume["mount"] : type;
  const name = `#${index}:${mount}`;
  if (typeof ref !== "string") return { type, name, mib: decimal(String(numberAt(volume, "size_mib"))) };
  const bytes = book.imageBytes(ref);
  return bytes === undefined ? undefined : { type, name, mib: mibOf(bytes) };
}

/** The one line of a STORE message. */
export function storeCosts(sizeBytes: number, book: PriceBook): readonly CostRow[] {
  const table = tableOf(book, "storage") ?? {};
  const perMib = pricesOf(table, "storage");
  const mib = BigInt(sizeBytes) > BigInt(STORE_MIB_MIN) * MIB ? mibOf(sizeBytes) : decimal(String(STORE_MIB_MIN));
  const holding = floorToAtto(times(mib, perMib.hold));
  const credit = atLeast(floorToAtto(times(mib, perMib.credit)));
  return [row("STORAGE", "STORAGE", { hold: holding, stream: floorToAtto(times(mib, perMib.stream)), credit })];
}

/** Sum of one column, in 1e-18 of its unit. */
export function totalOf(rows: readonly CostRow[], kind: Kind): Atto {
  return rows.reduce((sum, one) => sum + parseAtto(one[`cost_${kind}`]), 0n);
}

function atLeast(credit: Atto): Atto {
  return credit < LEAST_CREDIT ? LEAST_CREDIT : credit;
}

/** size / 2^20 is an exact decimal. */
function mibOf(bytes: number): Decimal {
  return { digits: BigInt(bytes) * 5n ** 20n, exponent: -20 };
}

function unitsOf(content: JsonObject, table: JsonObject): number {
  const vcpus = at(content, "resources", "vcpus") ?? 1;
  const memory = at(content, "resources", "memory") ?? 128;
  const perUnit = numberAt(table, "compute_unit", "memory_mib") || 2048;
  return Math.max(Number(vcpus), Math.ceil(Number(memory) / perUnit));
}

/** `holding` is a sum to hold, the others are per second. */
function pricesOf(table: JsonObject, of: string): Triple {
  const prices = at(table, "price", of);
  return ofEach((kind) => {
    const price = isObject(prices) ? prices[KEY_OF[kind]] : undefined;
    const perHour = typeof price === "string" || typeof price === "number" ? decimal(String(price)) : ZERO;
    return kind === "hold" ? perHour : dividedBy(perHour, HOUR_S);
  });
}

function tableOf(book: PriceBook, entity: string): JsonObject | undefined {
  const table = book.pricing[entity];
  return isObject(table) ? table : undefined;
}

function ofEach<T>(make: (kind: Kind) => T): { readonly [kind in Kind]: T } {
  return Object.fromEntries(KINDS.map((kind) => [kind, make(kind)])) as { readonly [kind in Kind]: T };
}

function row(type: string, name: string, costs: AttoTriple): CostRow {
  const [cost_hold, cost_stream, cost_credit] = [
    formatAtto(costs.hold),
    formatAtto(costs.stream),
    formatAtto(costs.credit),
  ];
  return { type, name, cost_hold, cost_stream, cost_credit };
}

function at(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  return keys.reduce<Json | undefined>((held, key) => (isObject(held) ? held[key] : undefined), value);
}

function listAt(value: Json, ...keys: readonly string[]): readonly Json[] {
  const found = at(value, ...keys);
  return isList(found) ? found : [];
}

function numberAt(value: Json, ...keys: readonly string[]): number {
  const found = at(value, ...keys);
  return typeof found === "number" ? found : 0;
}
