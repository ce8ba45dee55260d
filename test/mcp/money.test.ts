import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { creditsOf, gbOf, hoursOf, isoOf, mibOf, minutesBetween, msOf, secondsOf, usdOf } from "../../src/mcp/money.ts";

/** The inputs that break a property; null when none was found. */
function counterexample<T>(property: fc.IProperty<T>): T | null {
  return fc.check(property).counterexample;
}

/** Up to a billion dollars: far beyond any limit, and every credit still has its own double. */
const credits = fc.integer({ min: 0, max: 1e15 });

describe("creditsOf", () => {
  it("gives back every whole number of credits that usdOf made dollars of", () => {
    expect(counterexample(fc.property(credits, (amount) => creditsOf(usdOf(amount)) === amount))).toBeNull();
  });
  it("reads dollars as they are written with six decimals", () => {
    expect(
      counterexample(
        fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 999_999 }), (whole, part) => {
          return creditsOf(Number(`${whole}.${String(part).padStart(6, "0")}`)) === whole * 1_000_000 + part;
        }),
      ),
    ).toBeNull();
  });
  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, -0.000_001, 0.000_000_1, 1.000_000_5, 1e12, 0.1 + 0.2])(
    "refuses %s",
    (usd) => {
      expect(creditsOf(usd)).toBeUndefined();
    },
  );
  it("never rounds: what it takes is exactly what was asked", () => {
    expect(
      counterexample(
        fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (usd) => {
          const made = creditsOf(usd);
          return made === undefined || usdOf(made) === usd;
        }),
      ),
    ).toBeNull();
  });
});

describe("usdOf", () => {
  it("says negative corrections too", () => expect(usdOf(-1)).toBe(-0.000_001));
});

describe("secondsOf", () => {
  it("gives back whole seconds that hoursOf rounded to four decimals", () => {
    expect(
      counterexample(
        fc.property(fc.integer({ min: 1, max: 8_760 * 3_600 }), (seconds) => secondsOf(hoursOf(seconds)) === seconds),
      ),
    ).toBeNull();
  });
  it("knows half hours", () => expect(secondsOf(0.5)).toBe(1_800));
});

describe("mibOf", () => {
  it("counts 1024 MiB to a GB", () => expect([mibOf(1), mibOf(0.5), mibOf(20)]).toEqual([1_024, 512, 20_480]));
});

describe("gbOf", () => {
  it("is the way back", () =>
    expect(counterexample(fc.property(fc.integer({ min: 1, max: 4_096 }), (gb) => gbOf(mibOf(gb)) === gb))).toBeNull());
});

describe("isoOf", () => {
  it("says UTC", () => expect(isoOf(0)).toBe("1970-01-01T00:00:00.000Z"));
  it("survives an instant that no date can hold", () => expect(isoOf(1e18)).toBe("+275760-09-13T00:00:00.000Z"));
});

describe("msOf", () => {
  it("reads dates and times", () =>
    expect([msOf("1970-01-02"), msOf("1970-01-01T01:00:00+01:00"), msOf("x")]).toEqual([86_400_000, 0, undefined]));
});

describe("minutesBetween", () => {
  it("counts whole minutes and never backwards", () =>
    expect([minutesBetween(0, 119_999), minutesBetween(60_000, 0)]).toEqual([1, 0]));
});
