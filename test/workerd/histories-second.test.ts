import { describe, expect, it } from "vitest";
import type { ListsState } from "../../src/account/reconcile.ts";
import type { Planted } from "../real/play.ts";
import { play } from "../real/play.ts";
import { ground, histories, hunted } from "../real/suite.ts";

histories(251, 500);

/** As if two core nodes had been read twice as soon as a restore was noticed. */
function compared(lists: ListsState): ListsState {
  const { restoredAtMs, firstFullMs, reconciledAtMs } = lists;
  if (restoredAtMs === null) return lists;
  return { ...lists, firstFullMs: firstFullMs ?? restoredAtMs, reconciledAtMs: reconciledAtMs ?? restoredAtMs };
}

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
    "creates that nobody counts": [() => ({ createdSince: () => [] }), "I2"],
    "a restored account that counts as compared": [(store) => ({ loadLists: () => compared(store.loadLists()) }), "I9"],
  };
  for (const [bug, [planted, invariant]] of Object.entries(bugs))
    it(`find ${bug} within three hundred seeds`, async () => {
      expect(await hunted(bug, planted, 300)).toBe(invariant);
    });
});
