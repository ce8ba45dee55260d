/**
 * Decimal numbers as the core node's prices use them: 28 significant digits, half to even, then floored to 18 places.
 * Pure and exact; `Atto` is a count of 1e-18.
 */
export type Atto = bigint;

export type Decimal = { readonly digits: bigint; readonly exponent: number };

const PRECISION = 28;
export const PLACES = 18;
const ONE: Atto = 10n ** BigInt(PLACES);

/** Takes plain decimal texts such as `0.17967489030626108`. Anything else is zero. */
export function decimal(text: string): Decimal {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text.trim());
  if (match === null) return { digits: 0n, exponent: 0 };
  const fraction = match[3] ?? "";
  const digits = BigInt((match[2] ?? "0") + fraction);
  return { digits: match[1] === "-" ? -digits : digits, exponent: -fraction.length };
}

export function times(a: Decimal, b: Decimal): Decimal {
  return rounded(a.digits * b.digits, a.exponent + b.exponent);
}

/** `by` is positive. */
export function dividedBy(a: Decimal, by: bigint): Decimal {
  const extra = 2 * PRECISION;
  const scaled = a.digits * 10n ** BigInt(extra);
  const quotient = scaled / by;
  // a digit that stands for everything cut off, so that a half is not mistaken for exact
  const sticky = scaled % by === 0n ? 0n : 1n;
  return rounded(quotient * 10n + (a.digits < 0n ? -sticky : sticky), a.exponent - extra - 1);
}

function rounded(digits: bigint, exponent: number): Decimal {
  const length = digits.toString().replace("-", "").length;
  if (length <= PRECISION) return { digits, exponent };
  const cut = 10n ** BigInt(length - PRECISION);
  const kept = digits / cut;
  const rest = digits % cut;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const up = twice > cut || (twice === cut && kept % 2n !== 0n);
  const away = digits < 0n ? -1n : 1n;
  return { digits: up ? kept + away : kept, exponent: exponent + length - PRECISION };
}

/** Towards minus infinity, so negative amounts go away from zero. */
export function floorToAtto(value: Decimal): Atto {
  const shift = value.exponent + PLACES;
  if (shift >= 0) return value.digits * 10n ** BigInt(shift);
  const by = 10n ** BigInt(-shift);
  const quotient = value.digits / by;
  return value.digits < 0n && value.digits % by !== 0n ? quotient - 1n : quotient;
}

export function negated(value: Decimal): Decimal {
  return { digits: -value.digits, exponent: value.exponent };
}

export function ofAtto(value: Atto): Decimal {
  return { digits: value, exponent: -PLACES };
}

/** -1, 0 or 1. */
export function compare(a: Decimal, b: Decimal): number {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.digits * 10n ** BigInt(a.exponent - exponent);
  const right = b.digits * 10n ** BigInt(b.exponent - exponent);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Always with 18 places: `3.958333333333333333`. */
export function formatAtto(value: Atto): string {
  const size = value < 0n ? -value : value;
  const fraction = (size % ONE).toString().padStart(PLACES, "0");
  return `${value < 0n ? "-" : ""}${size / ONE}.${fraction}`;
}

export function parseAtto(text: string): Atto {
  return floorToAtto(decimal(text));
}
