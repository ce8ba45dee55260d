/**
 * The largest rates and amounts of credits that anybody is believed. Pure.
 *
 * Of two core nodes the one that shows more trouble counts, so one that tells an absurd figure while another is silent
 * would decide alone. A figure beyond these bounds is none: whatever it stands in is unreadable, and within them no
 * arithmetic leaves the safe integers.
 */
import { type AttoPerS, floorToAtto, parseAtto, parseDecimal } from "./decimal.ts";
import { countOf } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

const ATTO_PER_CREDIT = 10n ** 18n;
/**
 * Credits an hour for one resource: ten thousand dollars. The dearest that can be ordered here costs $22 (256 vCPUs beside a
 * premium GPU); a century of the bound is a safe integer, and so is a day of it for each resource that is counted.
 */
const PER_HOUR_MAX = 10n ** 10n * ATTO_PER_CREDIT;
export const RATE_MAX: AttoPerS = PER_HOUR_MAX / 3_600n;
/** A hundred million dollars: ninety times as much is still a safe integer. */
export const CREDITS_MAX = 10 ** 14;

/**
 * Resources of one payer that are counted: a line keeps 290 bytes, so 9 MB of an isolate's 128 for three core nodes; and ten
 * pages of a second each are a sixth of the minute after which facts are too old.
 */
export const RESOURCES_MAX = 10_000;

/** A rate in credits a second, as core nodes write it. */
export function believedRate(value: JsonValue | undefined): AttoPerS | undefined {
  const rate = parseAtto(value);
  return rate === undefined || rate > RATE_MAX ? undefined : rate;
}

/** Whether this is a price in credits an hour, of one unit of whatever is sold. */
export function isPrice(value: JsonValue | undefined): boolean {
  const price = parseDecimal(value);
  return price !== undefined && price.coefficient >= 0n && floorToAtto(price) <= PER_HOUR_MAX;
}

export function believedCredits(value: JsonValue | undefined): number | undefined {
  const credits = countOf(value);
  return credits === undefined || credits > CREDITS_MAX ? undefined : credits;
}
