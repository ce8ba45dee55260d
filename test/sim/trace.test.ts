import { describe, expect, it } from "vitest";
import { PINNED, tracePlayed } from "./pinned.ts";

describe("a seed decides everything (T7)", () => {
  it.each(PINNED)("seed %i has its pinned trace in this runtime", async (seed, traceHash) => {
    expect(await tracePlayed(seed)).toBe(traceHash);
  });

  it("played twice, a seed leaves the same trace", async () => {
    expect(await tracePlayed(7)).toBe(await tracePlayed(7));
  });

  it("another seed leaves another trace", async () => {
    expect(await tracePlayed(7)).not.toBe(await tracePlayed(27));
  });
});
