import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { close, onForgetSent } from "../../src/account/lifecycle.ts";
import { atEnd, costSoFar, heldFor, settle } from "../../src/account/settlement.ts";
import type { Hold, VmRecord } from "../../src/account/types.ts";
import { H, HASH, hearing, hold, MIN, requested, S, sent, stopping, T0, TTL_S } from "./vms.ts";

const CREATE = hold(180_000);
const EXTENSION = hold(36_000, { holdId: "h_b", kind: "extend", atMs: T0 + H });

/** Ended after this long; our meter is 10 credits per second. */
function ended(afterMs: number, holds: readonly Hold[] = [CREATE], change: Partial<VmRecord> = {}): VmRecord {
  const forgotten = onForgetSent(stopping(afterMs - MIN), HASH, T0 + afterMs - MIN);
  const vm = hearing({ ...forgotten, holds }, ["FFF", afterMs]);
  return { ...vm, holds: atEnd(vm), ...change };
}
const amounts = (holds: readonly Hold[]): unknown => holds.map(({ credits, state }) => [credits, state]);

describe("atEnd", () => {
  test("a VM that ended keeps our meter, fifteen minutes and a credit per started hour; the rest is free", () => {
    expect(amounts(ended(H).holds)).toEqual([[36_000 + 9_000 + 2, "shrunk"]]);
  });

  test("never more than was held, however late it ended", () => {
    expect(amounts(ended(9 * H).holds)).toEqual([[180_000, "shrunk"]]);
  });

  test("several holds are filled oldest first, and an empty one is voided", () => {
    expect(amounts(ended(H, [CREATE, EXTENSION]).holds)).toEqual([
      [45_002, "shrunk"],
      [0, "voided"],
    ]);
    expect(amounts(ended(5 * H, [CREATE, EXTENSION]).holds)).toEqual([
      [180_000, "shrunk"],
      [9_006, "shrunk"],
    ]);
  });

  test("what was refused or never sent frees everything", () => {
    const failed = hearing(sent(), ["RRa", S], ["RRa", S + MIN]);
    expect(amounts(atEnd(failed))).toEqual([[0, "voided"]]);
    expect(amounts(atEnd(close(requested(), "destroyed", T0)))).toEqual([[0, "voided"]]);
  });

  test("what has not ended frees nothing, and what was freed is not freed again", () => {
    expect(atEnd(stopping())).toEqual(stopping().holds);
    const vm = ended(H);
    expect(atEnd(vm)).toEqual(vm.holds);
  });
});

describe("settle", () => {
  test("posts the larger of our meter and the bill, and frees the rest", () => {
    expect(settle(ended(H), 0)).toEqual({ holds: [{ ...CREATE, credits: 36_000, state: "posted" }], extra: null });
    expect(amounts(settle(ended(H), 40_000).holds)).toEqual([[40_000, "posted"]]);
  });

  test("fills the holds oldest first", () => {
    const vm = ended(5 * H, [CREATE, EXTENSION]);
    expect(amounts(settle(vm, 182_000).holds)).toEqual([
      [180_000, "posted"],
      [2_000, "posted"],
    ]);
    expect(amounts(settle(vm, 0).holds)).toEqual([
      [180_000, "posted"],
      [0, "voided"],
    ]);
  });

  test("beyond what was still held, but within the original hold, is a correction and freezes nobody", () => {
    const { holds, extra } = settle(ended(H), 60_000);
    expect(amounts(holds)).toEqual([[45_002, "posted"]]);
    expect(extra).toEqual({ kind: "correction", credits: 60_000 - 45_002, late: true });
    expect(settle(ended(H), 180_000).extra?.kind).toBe("correction");
    expect(settle(ended(H), 45_002).extra).toBeNull();
  });

  test("beyond the original hold is an overrun", () => {
    const { holds, extra } = settle(ended(H), 180_001);
    expect(amounts(holds)).toEqual([[45_002, "posted"]]);
    expect(extra).toEqual({ kind: "overrun", credits: 180_001 - 45_002, late: false });
  });

  test("an overrun is only late when the network went on billing past the grace, within its bound", () => {
    // Closed at its end and its FORGET tried, but the network had three hours of silence: 1:15 past grace and margin.
    const endMs = TTL_S * S + 2 * H;
    const late = ended(endMs, [CREATE]);
    const bound = 10 * (2 * 3_600 + 900 - 3_600) + 2;
    expect(settle(late, 180_000 + bound).extra).toMatchObject({ kind: "overrun", late: true });
    expect(settle(late, 180_000 + bound + 1).extra).toMatchObject({ kind: "overrun", late: false });
  });

  test("without a FORGET that was tried it is never only late", () => {
    const endMs = TTL_S * S + 2 * H;
    const vm = ended(endMs);
    const untried = { ...vm, attempts: vm.attempts.map((one) => ({ ...one, firstForgetMs: null })) };
    expect(settle(untried, 180_001).extra).toMatchObject({ kind: "overrun", late: false });
  });

  test("happens once: a second bill changes nothing", () => {
    const vm = ended(H);
    const done = { ...vm, holds: settle(vm, 200_000).holds, settledAtMs: T0 + 4 * H };
    expect(settle(done, 200_000)).toEqual({ holds: done.holds, extra: null });
    expect(settle(stopping(), 5)).toEqual({ holds: stopping().holds, extra: null });
  });

  test("posted and extra together are what the network charged, or our meter if that is more", () => {
    const spans = fc.integer({ min: 2 * MIN, max: 10 * H });
    fc.assert(
      fc.property(spans, fc.nat({ max: 500_000 }), fc.boolean(), (spanMs, billed, extended) => {
        const vm = ended(spanMs, extended ? [CREATE, EXTENSION] : [CREATE]);
        const { holds, extra } = settle(vm, billed);
        const posted = holds.reduce((sum, { credits }) => sum + credits, 0);
        const meter = Math.min(extended ? 216_000 : 180_000, 10 * Math.ceil(spanMs / S));
        expect(posted + (extra?.credits ?? 0)).toBe(Math.max(billed, meter));
        for (const [index, one] of holds.entries())
          expect(one.credits).toBeLessThanOrEqual(vm.holds[index]?.credits ?? 0);
      }),
    );
  });
});

describe("costSoFar", () => {
  test("is our meter while it lives, never more than its holds, and what was posted afterwards", () => {
    expect(costSoFar(requested(), T0 + H)).toBe(0);
    expect(costSoFar(sent(), T0 + H)).toBe(36_000);
    expect(costSoFar(sent(), T0 + 90 * H)).toBe(180_000);
    const vm = ended(H);
    expect(costSoFar(vm, T0 + 3 * H)).toBe(36_000);
    expect(
      costSoFar(
        { ...vm, holds: settle(vm, 40_000).holds, settledAtMs: T0 + 4 * H, settledCredits: 40_000 },
        T0 + 5 * H,
      ),
    ).toBe(40_000);
  });

  test("a create that failed cost nothing", () => {
    const failed = hearing(sent(), ["RRa", S], ["RRa", S + MIN]);
    expect(costSoFar({ ...failed, holds: atEnd(failed) }, T0 + H)).toBe(0);
  });
});

describe("heldFor", () => {
  test("counts what is held or shrunk, not what was posted or voided", () => {
    const holds = [hold(5), hold(7, { state: "shrunk" }), hold(11, { state: "posted" }), hold(0, { state: "voided" })];
    expect(heldFor(requested({ holds }))).toBe(12);
  });
});
