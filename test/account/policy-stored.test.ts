import { describe, expect, test } from "vitest";
import { revivePolicy } from "../../src/account/policy-stored.ts";
import { isWider } from "../../src/account/policy-wider.ts";
import type { Policy } from "../../src/account/types.ts";
import { POLICY } from "./vms.ts";

/** As the first version of the schema stored it, before the later fields existed. */
function old(policy: Policy): string {
  const { place: _place, on: _on, delegationExpiresAtMs: _until, ...rest } = policy;
  const { extendSTotalMax: _extend, ...limits } = rest.limits;
  const { images: _images, ...shape } = rest.shape;
  return JSON.stringify({ ...rest, limits, shape });
}

describe("revivePolicy", () => {
  test("gives back exactly what was stored", () => {
    expect(revivePolicy(JSON.stringify(POLICY))).toEqual(POLICY);
  });

  test("an old policy says of each later field what it allowed anyway", () => {
    expect(revivePolicy(old(POLICY))).toEqual({
      ...POLICY,
      limits: { ...POLICY.limits, extendSTotalMax: POLICY.limits.ttlSMax },
      place: { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: 80 },
      on: { vmUnreachable: "destroy", vmUnreachableMin: 30, payerLine: "stop_ours" },
      delegationExpiresAtMs: null,
    });
  });

  test("one from before terms could be accepted accepts none", () => {
    const { termsAccepted: _none, ...place } = { ...POLICY.place, nodesDeny: ["ab".repeat(32)] };
    expect(revivePolicy(JSON.stringify({ ...POLICY, place })).place).toEqual({ ...place, termsAccepted: [] });
  });

  test("saving an old policy as it is read needs no signature, and any of the new fields can be narrowed by a click", () => {
    const read = revivePolicy(old(POLICY));
    expect(isWider(read, read)).toBe(false);
    expect(isWider(read, POLICY)).toBe(false);
  });
});
