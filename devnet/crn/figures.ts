/**
 * Decimal texts and Python's way of writing times, so that figures come out digit for digit as aleph-vm prints them.
 * Pure.
 */

const ATTO_DIGITS = 18;

/** `"3.96"` × 3600 = `"14256.00"`: Python's Decimal keeps the scale of the factor. */
export function decimalTimes(decimal: string, factor: number): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  const product = (BigInt(whole + fraction) * BigInt(factor)).toString().padStart(fraction.length + 1, "0");
  if (fraction === "") return product;
  return `${product.slice(0, -fraction.length)}.${product.slice(-fraction.length)}`;
}

/** Atto-units; digits beyond the eighteenth are dropped. */
export function atto(decimal: string): bigint {
  const [whole = "0", fraction = ""] = decimal.split(".");
  return BigInt(whole + fraction.slice(0, ATTO_DIGITS).padEnd(ATTO_DIGITS, "0"));
}

export function attoOf(credits: number): bigint {
  return BigInt(Math.floor(credits)) * 10n ** BigInt(ATTO_DIGITS);
}

/** `str(datetime)`: a space, microseconds unless they are 0, and the zone. */
export function pythonTime(ms: number): string {
  const iso = new Date(ms).toISOString();
  const fraction = iso.slice(20, 23);
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction === "000" ? "" : `.${fraction}000`}+00:00`;
}

export type IsoTime = { readonly ms: number; readonly zoned: boolean };

const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/;

/** ISO 8601 with or without a zone; a naive time is read as UTC and marked. */
export function parseIso(value: string): IsoTime | undefined {
  const match = ISO.exec(value);
  if (match === null) return undefined;
  const [, day, time, fraction = "", zone] = match;
  const millis = fraction.slice(0, 3).padEnd(3, "0");
  const offset = zone === undefined || zone === "Z" ? "Z" : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const ms = Date.parse(`${day}T${time}.${millis}${offset}`);
  return Number.isNaN(ms) ? undefined : { ms, zoned: zone !== undefined };
}
