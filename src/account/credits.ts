/**
 * What a VM costs: holds, our own meter and what stays held after the end. Pure; whole credits, rounded up.
 *
 * Rates are atto-credits per second (1e-18 credits/s), as the network computes them to 18 places; everything that is
 * stored or compared with a limit is a safe integer of credits.
 */
import { AllowanceError } from "../errors.ts";
import type { Credits } from "./types.ts";

export const CREDITS_PER_USD = 1_000_000;
export const ATTO = 10n ** 18n;
export const DAY_S = 86_400;
/** Teardown retries, and the three minutes that a node goes on running after a FORGET (crn.md §6.2). */
export const GRACE_S = 3_600;
/** The network publishes bills late; balances trail by up to 85 minutes (credits.md §4), so its books lag by this. */
export const BOOKS_LAG_S = 5_400;
/** Billing that may still follow the end: the node's last three polls and one late hour's rounding. */
const END_MARGIN_S = 900;
/** After this the network's bill is taken to be complete (safety.md a.3). */
export const SETTLE_AFTER_MS = 3 * 3_600_000;

export function assertCredits(value: number): Credits {
  if (!Number.isSafeInteger(value) || value < 0) throw new AllowanceError("internal.not_credits", { value });
  return value;
}

/** ceil(rate × seconds), in credits. */
export function creditsFor(rateAttoPerS: bigint, seconds: number): Credits {
  const exact = rateAttoPerS * BigInt(Math.max(0, Math.ceil(seconds)));
  return assertCredits(Number((exact + ATTO - 1n) / ATTO));
}

export function creditsPerHour(rateAttoPerS: bigint): Credits {
  return creditsFor(rateAttoPerS, 3_600);
}

/** What a create holds: the whole TTL and the grace that teardown may need. */
export function holdFor(rateAttoPerS: bigint, ttlS: number): Credits {
  return creditsFor(rateAttoPerS, ttlS + GRACE_S);
}

/** The ceiling that limits and approvals look at: the hold at a price risen by the owner's bound. */
export function ceilingOf(credits: Credits, risePct: number): Credits {
  return assertCredits(Math.ceil((credits * (100 + risePct)) / 100));
}

/** Our own meter: from the first send, because the network may bill from the moment that it has the bytes. */
export function metered(rateAttoPerS: bigint, firstSendMs: number | null, untilMs: number): Credits {
  if (firstSendMs === null || untilMs <= firstSendMs) return 0;
  return creditsFor(rateAttoPerS, (untilMs - firstSendMs) / 1_000);
}

/** What stays held once a VM has ended: our meter, a margin, and a credit of rounding per started hour. */
export function stillHeld(rateAttoPerS: bigint, firstSendMs: number | null, endedAtMs: number): Credits {
  if (firstSendMs === null) return 0;
  const seconds = (endedAtMs - firstSendMs) / 1_000 + END_MARGIN_S;
  return creditsFor(rateAttoPerS, seconds) + Math.ceil(seconds / 3_600);
}

/** How far a bill may pass the holds and still be called late rather than wrong (safety.md a.4). */
export function lateBound(rateAttoPerS: bigint, endedAtMs: number, expiresAtMs: number): Credits {
  const overS = Math.max(0, (endedAtMs - expiresAtMs) / 1_000 + END_MARGIN_S - GRACE_S);
  return creditsFor(rateAttoPerS, overS) + Math.ceil(overS / 3_600);
}
