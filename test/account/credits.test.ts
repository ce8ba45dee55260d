import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  assertCredits,
  ATTO,
  ceilingOf,
  creditsFor,
  creditsPerHour,
  GRACE_S,
  holdFor,
  lateBound,
  metered,
  stillHeld,
} from "../../src/account/credits.ts";
import { H, MIN, RATE, S, T0, TTL_S } from "./vms.ts";

const rates = fc.bigInt({ min: 0n, max: 10_000n * ATTO });
const seconds = fc.integer({ min: 0, max: 40 * 86_400 });

describe("assertCredits", () => {
  test("only safe integers from zero up are money", () => {
    expect(assertCredits(0)).toBe(0);
    expect(assertCredits(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => assertCredits(value)).toThrow("internal.not_credits");
    }
  });
});

describe("creditsFor", () => {
  test("a whole number of credits is not rounded, an atto more is one credit more", () => {
    expect(creditsFor(RATE, 60)).toBe(600);
    expect(creditsFor(RATE + 1n, 60)).toBe(601);
    expect(creditsFor(1n, 1)).toBe(1);
    expect(creditsFor(0n, 1_000)).toBe(0);
  });

  test("a started second counts, and no time, or less than none, costs nothing", () => {
    expect(creditsFor(RATE, 0.001)).toBe(10);
    expect(creditsFor(RATE, 0)).toBe(0);
    expect(creditsFor(RATE, -5)).toBe(0);
  });

  test("it is the smallest whole amount that is not below rate times seconds", () => {
    fc.assert(
      fc.property(rates, seconds, (rate, span) => {
        const credits = BigInt(creditsFor(rate, span));
        expect(credits * ATTO >= rate * BigInt(span) && (credits - 1n) * ATTO < rate * BigInt(span)).toBe(true);
      }),
    );
  });

  test("an amount that is no safe integer is refused, never rounded", () => {
    expect(() => creditsFor(2n ** 53n * ATTO, 1)).toThrow("internal.not_credits");
  });
});

describe("creditsPerHour", () => {
  test("is what 3,600 seconds cost", () => {
    expect(creditsPerHour(RATE)).toBe(36_000);
  });
});

describe("holdFor", () => {
  test("holds the life and the grace that teardown may need, one hour", () => {
    expect(GRACE_S).toBe(3_600);
    expect(holdFor(RATE, TTL_S)).toBe(180_000);
    expect(holdFor(1n, TTL_S)).toBe(1);
  });
});

describe("ceilingOf", () => {
  test("is the hold at the risen price, rounded up", () => {
    expect(ceilingOf(180_000, 10)).toBe(198_000);
    expect(ceilingOf(101, 10)).toBe(112);
    expect(ceilingOf(7, 0)).toBe(7);
    expect(ceilingOf(0, 100)).toBe(0);
  });

  test("agrees with whole-number arithmetic for every amount that a policy may allow", () => {
    const whole = (credits: number, pct: number): bigint => (BigInt(credits) * BigInt(100 + pct) + 99n) / 100n;
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000_000_000 }), fc.nat({ max: 100 }), (credits, pct) => {
        expect(BigInt(ceilingOf(credits, pct))).toBe(whole(credits, pct));
      }),
    );
  });
});

describe("metered", () => {
  test("runs from the first send, started seconds included", () => {
    expect(metered(RATE, T0, T0 + H)).toBe(36_000);
    expect(metered(RATE, T0, T0 + H + 1)).toBe(36_010);
  });

  test("what was never sent costs nothing, nor does a moment before the first send", () => {
    expect(metered(RATE, null, T0 + H)).toBe(0);
    expect(metered(RATE, T0, T0)).toBe(0);
    expect(metered(RATE, T0, T0 - 1)).toBe(0);
  });
});

describe("stillHeld", () => {
  test("is the meter, fifteen minutes more, and a credit for every started hour", () => {
    expect(stillHeld(RATE, T0, T0 + 45 * MIN)).toBe(36_000 + 1);
    expect(stillHeld(RATE, T0, T0 + 45 * MIN + S)).toBe(36_010 + 2);
    expect(stillHeld(RATE, null, T0 + H)).toBe(0);
  });

  test("never falls below our own meter", () => {
    fc.assert(
      fc.property(rates, seconds, (rate, span) => {
        expect(stillHeld(rate, T0, T0 + span * S)).toBeGreaterThanOrEqual(metered(rate, T0, T0 + span * S));
      }),
    );
  });
});

describe("lateBound", () => {
  test("is nothing while end and margin lie inside the grace", () => {
    expect(lateBound(RATE, T0 + GRACE_S * S - 900 * S, T0)).toBe(0);
    expect(lateBound(RATE, T0 - H, T0)).toBe(0);
  });

  test("grows with the time beyond the grace, and by a credit for every started hour", () => {
    expect(lateBound(RATE, T0 + GRACE_S * S - 900 * S + S, T0)).toBe(10 + 1);
    expect(lateBound(RATE, T0 + GRACE_S * S - 900 * S + 3 * H, T0)).toBe(108_000 + 3);
  });
});
