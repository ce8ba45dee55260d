/**
 * Decimal arithmetic as core nodes do it: 28 significant digits, half to even, results floored to 18 places.
 *
 * Pure. Prices come as decimal strings and end as whole atto-credits per second (1e-18 credits/s); a binary fraction in
 * between would differ from the network's own figure in its last digits.
 */

/** Rates and prices in atto-credits per second: 1e-18 credits/s. */
export type AttoPerS = bigint;

export type Decimal = { readonly coefficient: bigint; readonly exponent: number };

const PRECISION = 28;
const PLACES = 18;
const FORM = /^(-?)(\d{1,30})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,2}))?$/;

/** A decimal out of JSON, string or number; `undefined` for anything else or longer than any price. */
export function parseDecimal(value: unknown): Decimal | undefined {
  const text = typeof value === "number" ? String(value) : value;
  const parts = typeof text === "string" ? FORM.exec(text) : null;
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", power = "0"] = parts;
  const digits = BigInt(whole + fraction);
  return { coefficient: sign === "-" ? -digits : digits, exponent: Number(power) - fraction.length };
}

/** Whole atto units, anything smaller floored; `undefined` for what is no decimal or is negative. */
export function parseAtto(value: unknown): bigint | undefined {
  const decimal = parseDecimal(value);
  return decimal === undefined || decimal.coefficient < 0n ? undefined : floorToAtto(decimal);
}

export function integer(value: number): Decimal {
  return { coefficient: BigInt(value), exponent: 0 };
}

export function atto(value: bigint): Decimal {
  return { coefficient: value, exponent: -PLACES };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return rounded(a.coefficient * b.coefficient, a.exponent + b.exponent);
}

/** The divisor is a constant of ours, never zero. */
export function divide(a: Decimal, divisor: number): Decimal {
  // 40 further digits than the dividend has: more than the precision needs to round correctly
  const scaled = a.coefficient * 10n ** 40n;
  const quotient = scaled / BigInt(divisor);
  const inexact = quotient * BigInt(divisor) !== scaled;
  // a sticky digit keeps a half from being taken for exact
  return rounded(quotient * 10n + (inexact ? 1n : 0n), a.exponent - 41);
}

/** Floors towards minus infinity, as the network does: a negative discount grows by its last digit. */
export function floorToAtto(value: Decimal): bigint {
  const shift = value.exponent + PLACES;
  if (shift >= 0) return value.coefficient * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  const quotient = value.coefficient / divisor;
  return value.coefficient < 0n && quotient * divisor !== value.coefficient ? quotient - 1n : quotient;
}

export function negate(value: Decimal): Decimal {
  return { coefficient: -value.coefficient, exponent: value.exponent };
}

export function lesser(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return at(a, exponent) <= at(b, exponent) ? a : b;
}

export function greater(a: Decimal, b: Decimal): Decimal {
  return lesser(a, b) === a ? b : a;
}

function at(value: Decimal, exponent: number): bigint {
  return value.coefficient * 10n ** BigInt(value.exponent - exponent);
}

function rounded(coefficient: bigint, exponent: number): Decimal {
  const negative = coefficient < 0n;
  const digits = negative ? -coefficient : coefficient;
  const excess = digits.toString().length - PRECISION;
  if (excess <= 0) return { coefficient, exponent };
  const unit = 10n ** BigInt(excess);
  const rest = digits % unit;
  const down = digits / unit;
  const up = rest * 2n > unit || (rest * 2n === unit && down % 2n === 1n);
  const kept = up ? down + 1n : down;
  return { coefficient: negative ? -kept : kept, exponent: exponent + excess };
}
