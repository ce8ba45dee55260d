import { describe, expect, test } from "vitest";
import { divide, floorToAtto, integer, multiply, parseAtto, parseDecimal } from "../../src/aleph/decimal.ts";

describe("parseAtto", () => {
  test("reads the strings of a core node exactly", () => {
    expect(parseAtto("3.958333333333333333")).toBe(3_958_333_333_333_333_333n);
    expect(parseAtto("0.000000000000000000")).toBe(0n);
    expect(parseAtto("0E-18")).toBe(0n);
    expect(parseAtto(14_250)).toBe(14_250n * 10n ** 18n);
    expect(parseAtto(1e-7)).toBe(10n ** 11n);
  });

  test("anything below an atto-credit is floored", () => {
    expect(parseAtto("0.0000000000000000019")).toBe(1n);
  });

  test("negative numbers, words and numbers longer than any price are no rates", () => {
    for (const value of ["-1", "abc", "", " 1", "1e999", "9".repeat(31), null, {}, Number.NaN]) {
      expect(parseAtto(value)).toBeUndefined();
    }
  });
});

describe("divide and multiply", () => {
  const price = parseDecimal("14250");

  test("keep 28 digits and round halves to even, as a core node does", () => {
    const perSecond = divide(price ?? integer(0), 3_600);
    expect(perSecond).toEqual({ coefficient: 3_958_333_333_333_333_333_333_333_333n, exponent: -27 });
    // the 29th digit rounds the product up to the exact 47.5
    expect(floorToAtto(multiply(integer(12), perSecond))).toBe(47_500_000_000_000_000_000n);
  });

  test("the floor of a negative number goes away from zero", () => {
    expect(floorToAtto({ coefficient: -15n, exponent: -19 })).toBe(-2n);
    expect(floorToAtto({ coefficient: -10n, exponent: -19 })).toBe(-1n);
  });
});
