import { describe, expect, test } from "vitest";
import { draftFault, type Fault, policyBounds } from "../../src/account/policy-draft.ts";
import type { Policy, PolicyDraft } from "../../src/account/types.ts";
import { DAY, POLICY, T0 } from "./vms.ts";

const faultIn = (draft: PolicyDraft, unattended = false): Fault | null => draftFault(draft, T0, unattended);
const fault = (draft: PolicyDraft, unattended = false): string | null => faultIn(draft, unattended)?.field ?? null;
const limits = (change: Partial<Policy["limits"]>): PolicyDraft => ({
  ...POLICY,
  limits: { ...POLICY.limits, ...change },
});
const shape = (change: Partial<Policy["shape"]>): PolicyDraft => ({ ...POLICY, shape: { ...POLICY.shape, ...change } });
const place = (change: Partial<Policy["place"]>): PolicyDraft => ({ ...POLICY, place: { ...POLICY.place, ...change } });
const on = (change: object): PolicyDraft => ({ ...POLICY, on: { ...POLICY.on, ...change } }) as PolicyDraft;
const approval = (change: object): PolicyDraft =>
  ({ ...POLICY, approval: { ...POLICY.approval, ...change } }) as PolicyDraft;

/** Each number of a draft: the name of its fault, a draft with that value, and the largest value that is allowed. */
const NUMBERS: readonly (readonly [name: string, draft: (value: number) => PolicyDraft, max: number])[] = [
  ["per_vm", (value) => limits({ perVmCreditsMax: value }), 1e12],
  ["burn_per_h", (value) => limits({ burnCreditsPerHMax: value }), 1e12],
  ["lifetime", (value) => limits({ lifetimeCreditsMax: value }), 1e12],
  ["vms_live", (value) => limits({ vmsLiveMax: value }), 100],
  ["creates_per_min", (value) => limits({ createsPerMinMax: value }), 100],
  ["ttl", (value) => limits({ ttlSMax: value }), 30 * 86_400],
  ["extend_total", (value) => limits({ extendSTotalMax: value }), 30 * 86_400],
  ["score_min", (value) => place({ scorePctMin: value }), 100],
  ["vm_unreachable_min", (value) => on({ vmUnreachableMin: value }), 1_440],
  ["vcpus", (value) => shape({ vcpusMax: value }), 256],
  ["memory", (value) => shape({ memoryMibMax: value }), 1_048_576],
  ["disk", (value) => shape({ diskMibMax: value }), 1_953_125],
  ["approval_above", (value) => approval({ aboveCredits: value }), 1e12],
  ["approval_per_day", (value) => approval({ unapprovedPerDayCredits: value }), 1e12],
  ["price_rise", (value) => ({ ...POLICY, priceRisePctMax: value }), 100],
  ["window_3600", (value) => limits({ windows: [{ seconds: 3_600, creditsMax: value }] }), 1e12],
];

describe("draftFault", () => {
  test("a sensible draft has none, and neither has one that allows nothing", () => {
    expect(fault(POLICY)).toBeNull();
    expect(fault(limits({ vmsLiveMax: 0, lifetimeCreditsMax: 0, windows: [] }))).toBeNull();
    expect(fault(shape({ gpus: [] }))).toBeNull();
  });

  test.each(NUMBERS)("%s: whole, not negative and not beyond its bound", (name, draft, max) => {
    expect(fault(draft(max))).toBeNull();
    for (const value of [max + 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(faultIn(draft(value))).toMatchObject({ field: name, min: expect.any(Number), max });
    }
  });

  test("windows are an hour, a day or thirty days, each at most once", () => {
    const spans = (...seconds: readonly number[]): PolicyDraft =>
      limits({ windows: seconds.map((one) => ({ seconds: one, creditsMax: 1 })) });
    expect(fault(spans(3_600, 86_400, 2_592_000))).toBeNull();
    expect(fault(spans(7_200))).toBe("windows");
    expect(fault(spans(3_600, 3_600))).toBe("windows");
    expect(fault(spans(3_600, 86_400, 2_592_000, 3_600))).toBe("windows");
  });

  test("the default life fits the longest one and is at least ten minutes", () => {
    expect(fault(limits({ ttlSDefault: 600, ttlSMax: 600 }))).toBeNull();
    const longest = { field: "ttl_default", min: 600, max: POLICY.limits.ttlSMax };
    for (const ttlSDefault of [599, -1, 1e9, Number.NaN]) expect(faultIn(limits({ ttlSDefault }))).toEqual(longest);
    expect(faultIn(limits({ ttlSDefault: 7_201, ttlSMax: 7_200 }))).toEqual({ ...longest, max: 7_200 });
    expect(faultIn(limits({ ttlSDefault: 0, ttlSMax: 500 }))).toEqual({ field: "ttl", min: 600, max: 30 * 86_400 });
  });

  test("a service on somebody's own machine promises no life beyond four hours", () => {
    expect(fault(limits({ ttlSMax: 4 * 3_600 }), true)).toBeNull();
    expect(faultIn(limits({ ttlSMax: 4 * 3_600 + 1 }), true)).toEqual({ field: "ttl", min: 600, max: 4 * 3_600 });
    expect(policyBounds(T0, true).ttl_default).toEqual([600, 4 * 3_600]);
    expect(fault(limits({ ttlSMax: 4 * 3_600 + 1 }), false)).toBeNull();
  });

  test("GPU models are named, at most twenty and forty characters each", () => {
    expect(fault(shape({ gpus: Array.from({ length: 20 }, (_none, index) => `GPU ${index}`) }))).toBeNull();
    expect(fault(shape({ gpus: Array.from({ length: 21 }, (_none, index) => `GPU ${index}`) }))).toBe("gpus");
    expect(fault(shape({ gpus: [""] }))).toBe("gpus");
    expect(fault(shape({ gpus: ["x".repeat(41)] }))).toBe("gpus");
  });

  test("images are short names or hashes, nodes are hashes", () => {
    const hash = "ab".repeat(32);
    expect(fault(shape({ images: ["debian12", hash] }))).toBeNull();
    for (const bad of ["", "Debian 12", "a".repeat(33), "../x"]) expect(fault(shape({ images: [bad] }))).toBe("images");
    expect(fault(shape({ images: Array.from({ length: 51 }, () => "debian12") }))).toBe("images");
    expect(fault(place({ nodesAllow: [hash], nodesDeny: [hash] }))).toBeNull();
    expect(fault(place({ nodesAllow: ["node-a"] }))).toBe("nodes_allow");
    expect(fault(place({ termsAccepted: [hash] }))).toBeNull();
    expect(fault(place({ termsAccepted: [""] }))).toBe("terms_accepted");
    expect(fault(place({ nodesDeny: [hash.toUpperCase()] }))).toBe("nodes_deny");
    expect(fault(place({ nodesDeny: Array.from({ length: 101 }, () => hash) }))).toBe("nodes_deny");
  });

  test("what is done in trouble is one of what there is, and not before five minutes", () => {
    expect(fault(on({ vmUnreachable: "alert", vmUnreachableMin: 5, payerLine: "alert" }))).toBeNull();
    expect(fault(on({ vmUnreachable: "recreate" }))).toBeNull();
    expect(fault(on({ vmUnreachable: "reboot" }))).toBe("vm_unreachable");
    const range = { field: "vm_unreachable_min", min: 5, max: 1_440 };
    expect(faultIn(on({ vmUnreachableMin: 4 }))).toEqual(range);
    expect(fault(on({ payerLine: "ignore" }))).toBe("payer_line");
  });

  test("the delegation has no end or one in the future", () => {
    const until = (delegationExpiresAtMs: number): string | null => fault({ ...POLICY, delegationExpiresAtMs });
    expect([until(T0), until(T0 + 1), until(Number.NaN)]).toEqual(["delegation_expires", null, "delegation_expires"]);
  });

  test("approval is by signature or by click and by nothing else", () => {
    expect(fault(approval({ by: "click" }))).toBeNull();
    expect(fault(approval({ by: "chat" }))).toBe("approval_by");
  });

  test("a policy ends in the future and within a year", () => {
    const until = (expiresAtMs: number): string | null => fault({ ...POLICY, expiresAtMs });
    expect([until(T0), until(T0 + 1), until(T0 + 366 * DAY), until(T0 + 366 * DAY + 1)]).toEqual([
      "expires",
      null,
      null,
      "expires",
    ]);
    expect(until(Number.NaN)).toBe("expires");
    const late = { field: "expires", min: T0 + 1, max: T0 + 366 * DAY };
    expect(faultIn({ ...POLICY, expiresAtMs: T0 + 400 * DAY })).toEqual(late);
  });

  test("of several faults the first field is named", () => {
    expect(fault({ ...shape({ vcpusMax: -1 }), priceRisePctMax: 500 })).toBe("vcpus");
  });
});
