import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draftFault, policyBounds } from "../../src/account/policy-draft.ts";
import type { Policy } from "../../src/account/types.ts";
import { defaultValues, readPolicy, valuesOf } from "../../src/web/policy-form.ts";
import { BOUNDS, NOW_MS, policy } from "./account.ts";

const credits = fc.integer({ min: 0, max: 999_999_999_000_000 });
const count = fc.integer({ min: 0, max: 1_000 });

const lastSecond = fc.integer({ min: 20_000, max: 40_000 }).map((days) => days * 86_400_000 + 86_399_000);

const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  version: fc.constant(1),
  limits: fc.record({
    perVmCreditsMax: credits,
    burnCreditsPerHMax: credits,
    windows: fc
      .uniqueArray(fc.record({ seconds: fc.integer({ min: 60, max: 2_592_000 }), creditsMax: credits }), {
        selector: (one) => one.seconds,
        maxLength: 8,
      })
      .map((all) => all.toSorted((a, b) => a.seconds - b.seconds)),
    lifetimeCreditsMax: credits,
    vmsLiveMax: count,
    createsPerMinMax: count,
    ttlSDefault: fc.integer({ min: 60, max: 7_200 }),
    ttlSMax: fc.integer({ min: 7_200, max: 1_209_600 }),
    extendSTotalMax: fc.integer({ min: 0, max: 1_209_600 }),
  }),
  shape: fc.record({
    vcpusMax: fc.integer({ min: 1, max: 1_000 }),
    memoryMibMax: fc.integer({ min: 1, max: 1_000_000 }),
    diskMibMax: fc.integer({ min: 1, max: 100_000_000 }),
    gpus: fc.uniqueArray(fc.constantFrom("RTX 4000 ADA", "H100", "L40S"), { maxLength: 3 }),
    images: fc.uniqueArray(fc.constantFrom("debian12", "ubuntu24", "ab".repeat(32)), { maxLength: 3 }),
  }),
  place: fc.record({
    nodesAllow: fc.uniqueArray(fc.constantFrom("cd".repeat(32), "ef".repeat(32)), { maxLength: 2 }),
    termsAccepted: fc.uniqueArray(fc.constantFrom("12".repeat(32), "34".repeat(32)), { maxLength: 2 }),
    nodesDeny: fc.uniqueArray(fc.constantFrom("cd".repeat(32), "ef".repeat(32)), { maxLength: 2 }),
    scorePctMin: fc.integer({ min: 0, max: 100 }),
  }),
  approval: fc.record({
    by: fc.constantFrom("signature" as const, "click" as const),
    firstVm: fc.boolean(),
    gpu: fc.boolean(),
    aboveCredits: credits,
    unapprovedPerDayCredits: credits,
  }),
  on: fc.record({
    vmUnreachable: fc.constantFrom("destroy" as const, "recreate" as const, "alert" as const),
    vmUnreachableMin: fc.integer({ min: 1, max: 1_000 }),
    payerLine: fc.constantFrom("stop_ours" as const, "alert" as const),
  }),
  priceRisePctMax: fc.integer({ min: 0, max: 100 }),
  expiresAtMs: lastSecond,
  delegationExpiresAtMs: fc.option(lastSecond),
});

describe("readPolicy", () => {
  test("reads back exactly what valuesOf shows, for any policy", () => {
    fc.assert(
      fc.property(anyPolicy, (given) => {
        const { version: _version, ...draft } = given;
        expect(readPolicy(valuesOf(given))).toEqual({ ok: true, value: draft });
      }),
    );
  });

  test("the defaults are the limits that a newcomer is offered", () => {
    const { version: _version, ...draft } = policy;
    expect(readPolicy(defaultValues(NOW_MS, BOUNDS))).toEqual({ ok: true, value: draft });
  });

  test.each([true, false])("the defaults are limits that the account takes, unattended: %s", (unattended) => {
    const read = readPolicy(defaultValues(NOW_MS, policyBounds(NOW_MS, unattended)));
    expect(read.ok && draftFault(read.value, NOW_MS, unattended)).toBeNull();
  });

  test.each([
    ["per_vm_usd", ""],
    ["lifetime_usd", "-3"],
    ["window_86400_usd", "5 dollars"],
    ["vms_live_max", "2.5"],
    ["creates_per_min_max", "9999999999"],
    ["memory_gb_max", "1e9"],
    ["approval_by", "model"],
    ["approval_first_vm", "maybe"],
    ["approval_gpu", ""],
    ["price_rise_pct_max", "10.5"],
    ["gpus", "A\u202e100"],
    ["expires_on", "tomorrow"],
    ["extend_h_total_max", ""],
    ["images", "debian12, \u200bubuntu24"],
    ["nodes_allow", "a".repeat(65)],
    ["score_pct_min", "80.5"],
    ["vm_unreachable", "reboot"],
    ["vm_unreachable_min", "-5"],
    ["payer_line", ""],
    ["delegation_expires_on", "never"],
  ])("names %s when it is %j", (name, value) => {
    const read = readPolicy({ ...defaultValues(NOW_MS, BOUNDS), [name]: value });
    expect(read).toMatchObject({ ok: false, refusal: { code: "input.invalid", facts: { field: name } } });
  });

  test("an amount and a number of hours may leave out the nought before the point", () => {
    const short = readPolicy({ ...defaultValues(NOW_MS, BOUNDS), per_vm_usd: ".25", ttl_h_default: ".5" });
    const full = readPolicy({ ...defaultValues(NOW_MS, BOUNDS), per_vm_usd: "0.25", ttl_h_default: "0.5" });
    expect([short.ok, short]).toEqual([true, full]);
  });

  test("an empty window is no limit", () => {
    const none = readPolicy({ ...defaultValues(NOW_MS, BOUNDS), window_86400_usd: "" });
    expect(none.ok && none.value.limits.windows).toEqual([]);
  });

  test("a missing field is refused, never filled with a default", () => {
    const { approval_first_vm: _left, ...values } = defaultValues(NOW_MS, BOUNDS);
    expect(readPolicy(values)).toMatchObject({ ok: false, refusal: { facts: { field: "approval_first_vm" } } });
  });
});
