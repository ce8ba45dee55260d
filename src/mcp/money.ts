/**
 * Turns what agents write (dollars, hours, gigabytes, ISO times) into what the rules count in (credits, seconds, MiB,
 * milliseconds), and back. Pure.
 */
import type { Credits } from "../account/types.ts";

const CREDITS_PER_USD = 1_000_000;
const MIB_PER_GB = 1_024;
const S_PER_H = 3_600;
/** The last instant that a Date can hold (ECMA-262, time values). */
const MS_MAX = 8.64e15;

/** Whole credits, or undefined for anything that is not a number of dollars with at most six decimals, zero included. */
export function creditsOf(usd: number): Credits | undefined {
  if (!Number.isFinite(usd) || usd < 0) return undefined;
  const credits = Math.round(usd * CREDITS_PER_USD);
  // a number with more decimals is not the nearest double to any whole number of credits
  if (!Number.isSafeInteger(credits) || credits / CREDITS_PER_USD !== usd) return undefined;
  return credits === 0 ? 0 : credits;
}

/** Dollars, exact to the credit; corrections may be negative. */
export function usdOf(credits: Credits): number {
  return credits / CREDITS_PER_USD;
}

/** Whole seconds; the schemas bound what is asked for. */
export function secondsOf(hours: number): number {
  return Math.round(hours * S_PER_H);
}

/** Hours with at most four decimals, which is finer than a second. */
export function hoursOf(seconds: number): number {
  return Math.round((seconds / S_PER_H) * 10_000) / 10_000;
}

/** Agents say GB and mean GiB, as `free` and `df` do: 1 GB = 1024 MiB. */
export function mibOf(gb: number): number {
  return Math.round(gb * MIB_PER_GB);
}

export function gbOf(mib: number): number {
  return Math.round((mib / MIB_PER_GB) * 1_000) / 1_000;
}

/** UTC with milliseconds, as `2026-01-01T00:00:00.000Z`. */
export function isoOf(ms: number): string {
  return new Date(Math.min(Math.max(Math.trunc(ms), -MS_MAX), MS_MAX)).toISOString();
}

export function msOf(iso: string): number | undefined {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whole minutes between two instants, never negative. */
export function minutesBetween(fromMs: number, toMs: number): number {
  return Math.max(0, Math.floor((toMs - fromMs) / 60_000));
}
