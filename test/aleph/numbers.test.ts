import { describe, expect, test } from "vitest";
import { medianOrWorse } from "../../src/aleph/numbers.ts";

describe("medianOrWorse", () => {
  test("of three it is the median, whichever side is worse", () => {
    expect(medianOrWorse([9, 1, 5], "smaller")).toBe(5);
    expect(medianOrWorse([9n, 1n, 5n], "larger")).toBe(5n);
    expect(medianOrWorse([2, 10, 100_000], "larger")).toBe(10);
  });

  test("of two it is the worse", () => {
    expect(medianOrWorse([9, 1], "smaller")).toBe(1);
    expect(medianOrWorse([9, 1], "larger")).toBe(9);
    expect(medianOrWorse([1n, 9n], "larger")).toBe(9n);
  });

  test("of one or none there is no number", () => {
    expect(medianOrWorse([9], "smaller")).toBeUndefined();
    expect(medianOrWorse([], "larger")).toBeUndefined();
  });
});
