import { describe, expect, test } from "vitest";
import { believedCredits, believedRate, CREDITS_MAX, isPrice, RATE_MAX } from "../../src/aleph/amounts.ts";
import { DEFAULT_PRICING, perHourCredits, rateOf } from "../../src/aleph/prices.ts";

const CENTURY_S = 36_525n * 86_400n;

describe("the bounds", () => {
  test("are four hundred times what the dearest machine costs that can be ordered", () => {
    const dearest = { vcpus: 256, memoryMib: 1_048_576, diskMib: 1_953_125, gpuModel: "H200" };
    const hourly = perHourCredits(rateOf(DEFAULT_PRICING, dearest) ?? 0n);
    expect(hourly).toBeGreaterThan(22_000_000);
    expect(perHourCredits(RATE_MAX) / hourly).toBeGreaterThan(400);
  });

  test("keep a century of one resource, and a day of ten thousand, within safe integers", () => {
    const credits = (seconds: bigint) => Number((RATE_MAX * seconds) / 10n ** 18n);
    expect(Number.isSafeInteger(credits(CENTURY_S))).toBe(true);
    expect(Number.isSafeInteger(10_000 * credits(2n * 86_400n) + CREDITS_MAX)).toBe(true);
  });
});

describe("what is beyond a bound, below zero or no number", () => {
  const beyond = ["2777777.777777777777777778", "1e42", "9".repeat(30), "-1", "1e-x", "", null, undefined, {}];

  test.each(beyond)("%j is no rate", (value) => expect(believedRate(value)).toBeUndefined());

  test.each(["10000000000.000000000000000001", ...beyond.slice(1)])("%j is no price", (value) =>
    expect(isPrice(value)).toBe(false),
  );

  test.each([CREDITS_MAX + 1, Number.MAX_SAFE_INTEGER, 1e300, -1, 1.5, "5", null])("%j is no amount", (value) =>
    expect(believedCredits(value)).toBeUndefined(),
  );

  test("and what is at the bound is one", () => {
    expect(believedRate("2777777.777777777777777777")).toBe(RATE_MAX);
    expect([isPrice("1e10"), isPrice("0"), believedCredits(CREDITS_MAX), believedCredits(0)]).toEqual([
      true,
      true,
      CREDITS_MAX,
      0,
    ]);
  });
});
