import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PastCreate, shadow } from "../../src/account/shadow.ts";
import type { Policy } from "../../src/account/types.ts";
import { ASK, DAY, H, MIN, POLICY, S, T0 } from "./vms.ts";

const past = (afterMs: number, change: Partial<PastCreate> = {}): PastCreate => {
  const atMs = T0 + afterMs;
  const request = { ...ASK, endsAtMs: atMs + ASK.ttlS * S };
  return { atMs, code: null, request, endedAtMs: atMs + H, creditsCounted: 36_000, ...change };
};
const limits = (change: Partial<Policy["limits"]>): Policy => ({ ...POLICY, limits: { ...POLICY.limits, ...change } });
const WEEK = Array.from({ length: 7 }, (_none, index) => past(index * DAY));

describe("shadow", () => {
  test("without a past there is nothing to say", () => {
    expect(shadow(POLICY, [])).toEqual({ of: 0, refused: 0, refusedThen: 0 });
  });

  test("the policy of the time refuses what it refused then and nothing else", () => {
    const large = past(7 * DAY, {
      code: "policy.shape",
      request: { ...ASK, shape: { ...ASK.shape, vcpus: 32 } },
      endedAtMs: null,
    });
    expect(shadow(POLICY, [...WEEK, large])).toEqual({ of: 8, refused: 1, refusedThen: 1 });
    const roomy = { ...POLICY, shape: { ...POLICY.shape, vcpusMax: 32 } };
    expect(shadow(roomy, [...WEEK, large])).toEqual({ of: 8, refused: 0, refusedThen: 1 });
  });

  test("windows slide over what the tried policy itself would have let through", () => {
    const hourly = Array.from({ length: 6 }, (_none, index) => past(index * 90 * MIN));
    const one = limits({ windows: [{ seconds: 5 * 3_600, creditsMax: 200_000 }] });
    // 180,000 while it runs, 36,000 once it has ended: the second never fits beside the first one's rest.
    expect(shadow(one, hourly).refused).toBe(4);
    expect(shadow(limits({ windows: [{ seconds: 5 * 3_600, creditsMax: 216_000 }] }), hourly).refused).toBe(2);
  });

  test("a VM counts as alive from its create to its end", () => {
    const two = [past(0), past(30 * MIN), past(61 * MIN)];
    expect(shadow(limits({ vmsLiveMax: 1 }), two).refused).toBe(1);
    expect(shadow(limits({ vmsLiveMax: 2 }), two).refused).toBe(0);
    expect(shadow(limits({ burnCreditsPerHMax: 36_000 }), two).refused).toBe(1);
  });

  test("images, places and lives are tried too", () => {
    expect(shadow({ ...POLICY, shape: { ...POLICY.shape, images: ["ubuntu24"] } }, WEEK).refused).toBe(7);
    const place = { ...POLICY.place, nodesDeny: [ASK.node.nodeHash] };
    expect(shadow({ ...POLICY, place }, WEEK).refused).toBe(7);
    expect(shadow(limits({ ttlSMax: 3_600 }), WEEK).refused).toBe(7);
  });

  test("a per-VM limit refuses exactly the creates above it, whatever the past", () => {
    const creates = fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 40 });
    fc.assert(
      fc.property(creates, fc.nat(400_000), (costs, perVmCreditsMax) => {
        const history = costs.map((credits, index) =>
          past(index * DAY, { request: { ...ASK, credits, vmTotal: credits, endsAtMs: T0 + index * DAY + H } }),
        );
        const draft = limits({ perVmCreditsMax, windows: [], lifetimeCreditsMax: 1e12 });
        const above = costs.filter((credits) => credits > perVmCreditsMax).length;
        expect(shadow(draft, history)).toEqual({ of: costs.length, refused: above, refusedThen: 0 });
      }),
    );
  });
});
