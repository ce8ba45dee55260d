import { describe, expect, it } from "vitest";
import type { Planted } from "../real/play.ts";
import { play } from "../real/play.ts";
import { ground, histories, hunted } from "../real/suite.ts";

histories(251, 500);

describe("the histories themselves", () => {
  it("are the same for the same seed", async () => {
    for (const seed of [3, 8]) {
      const [once, again] = [await play(ground("once"), seed), await play(ground("again"), seed)];
      expect(again).toEqual(once);
    }
  });

  const bugs: Readonly<Record<string, readonly [Planted, string]>> = {
    "a hold of one credit less than is booked": [
      (store) => ({ insertHold: (hold) => store.insertHold({ ...hold, credits: hold.credits - 1 }) }),
      "I3",
    ],
    "a first VM that is taken for a second": [() => ({ hadVm: () => true }), "I13"],
    "a quote that is never burnt": [() => ({ burnQuote: () => undefined }), "I19"],
  };
  for (const [bug, [planted, invariant]] of Object.entries(bugs))
    it(`find ${bug} within sixty seeds`, async () => {
      expect(await hunted(bug, planted, 60)).toBe(invariant);
    });
});
