/**
 * How amounts, times and foreign names are put into words for the owner. Pure.
 *
 * Names that a client or an agent chose lose everything that could reorder, hide or break a line: control, bidi and
 * zero-width characters (safety.md b.3.3). Escaping is not done here; html.ts does it for every value.
 */
import type { Credits } from "../account/types.ts";

const CREDITS_PER_USD = 1_000_000;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]+/gu;

/** A foreign name on one line, at most `charsMax` characters, never empty. */
export function plain(text: string, charsMax = 60): string {
  const line = text.replace(INVISIBLE, " ").replace(/\s+/g, " ").trim();
  const chars = Array.from(line);
  const cut = chars.length > charsMax ? `${chars.slice(0, charsMax - 1).join("")}…` : line;
  return cut === "" ? "(no name)" : cut;
}

export function usdNumber(credits: Credits): number {
  return credits / CREDITS_PER_USD;
}

/** Cents, or as many places as a small amount needs to not read as zero. */
export function usd(credits: Credits | null): string {
  if (credits === null) return "unknown";
  const dollars = usdNumber(Math.abs(credits));
  const places = dollars !== 0 && dollars < 1 ? 4 : 2;
  const text = dollars !== 0 && dollars < 0.0001 ? dollars.toFixed(6) : dollars.toFixed(places);
  return `${credits < 0 ? "−" : ""}$${text}`;
}

/** The exact decimal that a form field shows and reads back without loss. */
export function usdField(credits: Credits): string {
  const whole = Math.floor(credits / CREDITS_PER_USD);
  const rest = String(credits % CREDITS_PER_USD)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return rest === "" ? String(whole) : `${whole}.${rest}`;
}

/** A number in a field, with at most four decimals: enough for whole seconds in hours, and for whole MiB in GB. */
export const decimal = (value: number): string => String(Math.round(value * 10_000) / 10_000);

/** Dollars as typed in, with at most six decimals, as whole credits; undefined for anything else. */
export function creditsOf(dollars: string): Credits | undefined {
  const parts = /^(?=.)([0-9]{0,9})(?:\.([0-9]{1,6}))?$/.exec(dollars.trim());
  if (parts === null) return undefined;
  return Number(parts[1]) * CREDITS_PER_USD + Number((parts[2] ?? "").padEnd(6, "0"));
}

export const vmCount = (count: number): string => `${count} ${count === 1 ? "VM" : "VMs"}`;

export function time(atMs: number | null): string {
  return atMs === null ? "–" : `${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3_600;
  return hours < 48 ? `${trimmed(hours)} h` : `${trimmed(hours / 24)} days`;
}

export function gib(mib: number): string {
  return `${trimmed(mib / 1_024)} GB`;
}

function trimmed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
