import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { creditsOf, duration, gib, time, usd, usdField } from "../../src/web/text.ts";

describe("usd", () => {
  test.each([
    [0, "$0.00"],
    [1, "$0.000001"],
    [1_000, "$0.0010"],
    [12_345, "$0.0123"],
    [1_500_000, "$1.50"],
    [-2_000_000, "−$2.00"],
    [null, "unknown"],
  ])("%s credits read %s", (credits, words) => {
    expect(usd(credits)).toBe(words);
  });
});

describe("creditsOf and usdField", () => {
  test("are each other's inverse for every amount", () => {
    const amounts = fc.integer({ min: 0, max: 999_999_999_999_999 });
    fc.assert(
      fc.property(amounts, (credits) => {
        expect(creditsOf(usdField(credits))).toBe(credits);
      }),
    );
    expect([creditsOf("0.000001"), creditsOf(".5")]).toEqual([1, 500_000]);
  });

  test.each(["", "-1", "1e3", "1.1234567", ".", "5.", "1,5", "NaN", "0x10", "1 000", "9999999999"])(
    "%s is no amount",
    (text) => {
      expect(creditsOf(text)).toBeUndefined();
    },
  );

  test("spaces around an amount do no harm", () => {
    expect(creditsOf(" 1.5 ")).toBe(1_500_000);
  });
});

describe("words for times and sizes", () => {
  test("are short and in UTC", () => {
    expect([duration(30), duration(90), duration(14_400), duration(172_800)]).toEqual([
      "30 s",
      "2 min",
      "4 h",
      "2 days",
    ]);
    expect([gib(4_096), gib(1_536)]).toEqual(["4 GB", "1.5 GB"]);
    expect([time(0), time(null)]).toEqual(["1970-01-01 00:00 UTC", "–"]);
  });
});
