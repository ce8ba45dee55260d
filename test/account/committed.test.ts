import { describe, expect, test } from "vitest";
import { listed } from "../../src/account/committed.ts";
import { T0 } from "./vms.ts";

const spent = listed([
  { atMs: T0, credits: 5 },
  { atMs: T0, credits: 7 },
  { atMs: T0 + 10, credits: 20 },
]);

describe("listed", () => {
  test("what was committed at the very moment is not after it", () => {
    expect(spent.after(T0 - 1)).toBe(32);
    expect(spent.after(T0)).toBe(20);
    expect(spent.after(T0 + 10)).toBe(0);
  });

  test("an amount is reached by the first entry with which the sum is as large", () => {
    expect(spent.reaches(T0 - 1, 12)).toBe(T0);
    expect(spent.reaches(T0 - 1, 13)).toBe(T0 + 10);
    expect(spent.reaches(T0, 20)).toBe(T0 + 10);
  });

  test("more than there is is never reached", () => {
    expect(spent.reaches(T0 - 1, 33)).toBeNull();
    expect(spent.reaches(T0 + 10, 1)).toBeNull();
  });
});
