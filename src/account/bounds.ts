/**
 * What can be asked for at all, before any policy is looked at, and what a refusal says of it: the parameter by the
 * agent's name for it, the problem, and the bound in the agent's own unit. Pure.
 */
import { GPU_MODELS } from "../aleph/prices.ts";
import { type Facts, refusal, type Refusal } from "../errors.ts";
import { CREDITS_PER_USD } from "./credits.ts";
import type { VmAsk } from "./contract.ts";

/** Whole numbers as the rules count them; `unit` of them are one of what the agent counts in. */
export type Bound = { readonly min: number; readonly max: number; readonly unit: number };

const GB = 1_024;
const HOUR_S = 3_600;
const YEAR_S = 366 * 86_400;
const USD_MAX = 1_000_000;

export const BOUNDS = {
  cpu: { min: 1, max: 256, unit: 1 },
  ram_gb: { min: 512, max: 1_048_576, unit: GB },
  disk_gb: { min: 1_024, max: 1_953_125, unit: GB },
  ttl_hours: { min: 600, max: YEAR_S, unit: HOUR_S },
  additional_hours: { min: 60, max: YEAR_S, unit: HOUR_S },
  max_hourly_cost_usd: { min: 1, max: USD_MAX * CREDITS_PER_USD, unit: CREDITS_PER_USD },
  amount_usd: { min: 1, max: USD_MAX * CREDITS_PER_USD, unit: CREDITS_PER_USD },
} as const satisfies Readonly<Record<string, Bound>>;
/** What nodes are looked for where no size is named: the smallest VM that an image fits into. */
export const SIZE = { vcpus: 1, memoryMib: 2_048, diskMib: 20_480 } as const;

type Bounded = keyof typeof BOUNDS;

const NAME = /^[a-z0-9-]{1,32}$/;
const HASH = /^[0-9a-f]{64}$/;

export const invalid = (parameter: string, problem: string, more: Facts = {}): Refusal =>
  refusal("input.invalid", { parameter, problem, ...more });

/** What the schemas of `mcp/` say too, with the same words: whoever calls past them is refused alike. */
export function outside(parameter: Bounded, value: number | undefined): Refusal | null {
  if (value === undefined) return null;
  const { min, max, unit }: Bound = BOUNDS[parameter];
  if (value < min) return invalid(parameter, "too_small", { min: min / unit });
  if (value > max) return invalid(parameter, "too_big", { max: Math.floor(max / unit) });
  return Number.isSafeInteger(value) ? null : invalid(parameter, "invalid_type");
}

/** The first parameter that no network could serve; limits of the owner's policy come later and say so themselves. */
export function outOfBounds(ask: VmAsk): Refusal | null {
  return (
    outside("cpu", ask.vcpus) ??
    outside("ram_gb", ask.memoryMib) ??
    outside("disk_gb", ask.diskMib) ??
    outside("ttl_hours", ask.ttlS) ??
    malformed("name", ask.name, NAME) ??
    malformed("crn_id", ask.nodeHash, HASH) ??
    unpriced(ask.gpu) ??
    outside("max_hourly_cost_usd", ask.hourlyCreditsMax)
  );
}

const malformed = (parameter: string, text: string | undefined, form: RegExp): Refusal | null =>
  text === undefined || form.test(text) ? null : invalid(parameter, "invalid_format");

/** A model without a price never gets free by waiting, so it is not left to the nodes to lack it. */
const unpriced = (gpu: string | undefined): Refusal | null =>
  gpu === undefined || GPU_MODELS.includes(gpu)
    ? null
    : invalid("gpu", "invalid_value", { known: GPU_MODELS.join(", ") });
