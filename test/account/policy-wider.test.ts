import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { worstCase } from "../../src/account/policy.ts";
import { isWider } from "../../src/account/policy-wider.ts";
import type { Policy } from "../../src/account/types.ts";
import { DAY, POLICY, T0 } from "./vms.ts";

type Path = readonly string[];

/** Every number of a policy that is a limit or a threshold, found by walking it, so that a new field cannot be missed. */
const NUMBERS: readonly Path[] = walk(POLICY, []).filter(
  ([first, second]) => first !== "version" && second !== "windows",
);
/** Of these a larger one is the narrower one. */
const FLOORS = new Set(["place.scorePctMin"]);

function walk(value: unknown, path: Path): readonly Path[] {
  if (typeof value === "number") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => walk(inner, [...path, key]));
}

function moved(policy: Policy, path: Path, by: number): Policy {
  const copy = structuredClone(policy) as unknown as Record<string, unknown>;
  let inner = copy;
  for (const key of path.slice(0, -1)) inner = inner[key] as Record<string, unknown>;
  const last = path.at(-1) as string;
  const towards = FLOORS.has(path.join(".")) ? -by : by;
  inner[last] = Math.max(0, (inner[last] as number) + towards);
  return copy as unknown as Policy;
}

const withWindows = (windows: Policy["limits"]["windows"]): Policy => ({
  ...POLICY,
  limits: { ...POLICY.limits, windows },
});
const withApproval = (change: Partial<Policy["approval"]>): Policy => ({
  ...POLICY,
  approval: { ...POLICY.approval, ...change },
});
const withGpus = (gpus: readonly string[]): Policy => ({ ...POLICY, shape: { ...POLICY.shape, gpus } });

describe("isWider", () => {
  test("the first policy is wider than none, and the same one is not wider", () => {
    expect(isWider(null, POLICY)).toBe(true);
    expect(isWider(POLICY, POLICY)).toBe(false);
    expect(isWider(POLICY, { ...POLICY, version: 7 } as Policy)).toBe(false);
  });

  test("the walk finds all seventeen numbers of a policy", () => {
    expect(NUMBERS).toHaveLength(17);
  });

  test.each(NUMBERS.map((path) => [path.join("."), path] as const))("%s: more is wider, less is not", (_name, path) => {
    expect(isWider(POLICY, moved(POLICY, path, 1))).toBe(true);
    expect(isWider(POLICY, moved(POLICY, path, -1))).toBe(false);
  });

  test("a window that grows or goes away is wider, one that shrinks or is added is not", () => {
    const [hour, day] = POLICY.limits.windows;
    if (hour === undefined || day === undefined) throw new Error("the policy has two windows");
    expect(isWider(POLICY, withWindows([hour, { ...day, creditsMax: day.creditsMax + 1 }]))).toBe(true);
    expect(isWider(POLICY, withWindows([hour]))).toBe(true);
    expect(isWider(POLICY, withWindows([]))).toBe(true);
    expect(isWider(POLICY, withWindows([hour, { ...day, seconds: 3_601 }]))).toBe(true);
    expect(isWider(POLICY, withWindows([day, hour]))).toBe(false);
    expect(isWider(POLICY, withWindows([hour, { ...day, creditsMax: 0 }]))).toBe(false);
    expect(isWider(POLICY, withWindows([hour, day, { seconds: 2_592_000, creditsMax: 1 }]))).toBe(false);
  });

  test("a GPU more is wider, fewer are not", () => {
    expect(isWider(POLICY, withGpus(["RTX 4000 ADA", "H100"]))).toBe(true);
    expect(isWider(POLICY, withGpus(["H100"]))).toBe(true);
    expect(isWider(POLICY, withGpus([]))).toBe(false);
  });

  test("an image more is wider, fewer are not; no list at all is the widest", () => {
    const withImages = (...images: readonly string[]): Policy => ({ ...POLICY, shape: { ...POLICY.shape, images } });
    expect(isWider(withImages(), withImages("debian12"))).toBe(false);
    expect(isWider(withImages("debian12"), withImages())).toBe(true);
    expect(isWider(withImages("debian12"), withImages("debian12", "ubuntu24"))).toBe(true);
    expect(isWider(withImages("debian12", "ubuntu24"), withImages("ubuntu24"))).toBe(false);
  });

  test("a node allowed that was not, or denied no more, is wider; the other way round is not", () => {
    const at = (place: Partial<Policy["place"]>): Policy => ({ ...POLICY, place: { ...POLICY.place, ...place } });
    expect(isWider(at({ nodesAllow: ["a"] }), at({ nodesAllow: [] }))).toBe(true);
    expect(isWider(at({ nodesAllow: ["a"] }), at({ nodesAllow: ["a", "b"] }))).toBe(true);
    expect(isWider(at({ nodesAllow: ["a", "b"] }), at({ nodesAllow: ["b"] }))).toBe(false);
    expect(isWider(at({}), at({ nodesAllow: ["a"] }))).toBe(false);
    expect(isWider(at({ nodesDeny: ["a"] }), at({ nodesDeny: ["b"] }))).toBe(true);
    expect(isWider(at({ nodesDeny: ["a"] }), at({ nodesDeny: ["a", "b"] }))).toBe(false);
    expect(isWider(at({}), at({ termsAccepted: ["a"] }))).toBe(true);
    expect(isWider(at({ termsAccepted: ["a"] }), at({ termsAccepted: ["b"] }))).toBe(true);
    expect(isWider(at({ termsAccepted: ["a", "b"] }), at({ termsAccepted: ["b"] }))).toBe(false);
  });

  test("leaving a VM alone that would have been stopped is wider", () => {
    const on = (change: Partial<Policy["on"]>): Policy => ({ ...POLICY, on: { ...POLICY.on, ...change } });
    expect(isWider(POLICY, on({ vmUnreachable: "alert" }))).toBe(true);
    expect(isWider(POLICY, on({ payerLine: "alert" }))).toBe(true);
    expect(isWider(on({ vmUnreachable: "alert", payerLine: "alert" }), POLICY)).toBe(false);
  });

  test("creating a VM again where it would have been destroyed, or left alone, is wider", () => {
    const on = (vmUnreachable: Policy["on"]["vmUnreachable"]): Policy => ({
      ...POLICY,
      on: { ...POLICY.on, vmUnreachable },
    });
    expect(isWider(on("destroy"), on("recreate"))).toBe(true);
    expect(isWider(on("alert"), on("recreate"))).toBe(true);
    expect(isWider(on("recreate"), on("alert"))).toBe(true);
    expect(isWider(on("recreate"), on("destroy"))).toBe(false);
    expect(isWider(on("recreate"), on("recreate"))).toBe(false);
  });

  test("a delegation that ends later, or never, is wider; one that gets an end is not", () => {
    const until = (delegationExpiresAtMs: number | null): Policy => ({ ...POLICY, delegationExpiresAtMs });
    expect(isWider(until(T0 + DAY), until(null))).toBe(true);
    expect(isWider(until(T0 + DAY), until(T0 + DAY + 1))).toBe(true);
    expect(isWider(until(T0 + DAY), until(T0 + DAY - 1))).toBe(false);
    expect(isWider(until(null), until(T0 + DAY))).toBe(false);
  });

  test("asking the owner less often, or for less than a signature, is wider; the other way round is not", () => {
    expect(isWider(POLICY, withApproval({ firstVm: false }))).toBe(true);
    expect(isWider(POLICY, withApproval({ gpu: false }))).toBe(true);
    expect(isWider(POLICY, withApproval({ by: "click" }))).toBe(true);
    const lax = withApproval({ firstVm: false, gpu: false, by: "click" });
    expect(isWider(lax, POLICY)).toBe(false);
  });

  test("narrowing any set of fields is never wider, and widening one among them always is", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...NUMBERS), fc.integer({ min: 1, max: 1_000 })), { maxLength: 6 });
    fc.assert(
      fc.property(steps, fc.constantFrom(...NUMBERS), (narrowings, widened) => {
        const narrow = narrowings.reduce((policy, [path, by]) => moved(policy, path, -by), POLICY);
        expect(isWider(POLICY, narrow)).toBe(false);
        const others = narrowings.filter(([path]) => path !== widened);
        const mixed = others.reduce((policy, [path, by]) => moved(policy, path, -by), moved(POLICY, widened, 1));
        expect(isWider(POLICY, mixed)).toBe(true);
      }),
    );
  });
});

describe("worstCase", () => {
  test("is what lifetime leaves, or what the daily window lets through until the end, whichever is less", () => {
    expect(worstCase(POLICY, 0, T0 + DAY, T0)).toBe(2_000_000);
    expect(worstCase(POLICY, 0, T0 + 2 * DAY + 1, T0)).toBe(5_000_000);
    expect(worstCase(POLICY, 4_500_000, T0 + DAY, T0)).toBe(500_000);
  });

  test("is never below nothing, and at least one day while there is any time", () => {
    expect(worstCase(POLICY, 6_000_000, T0 + DAY, T0)).toBe(0);
    expect(worstCase(POLICY, 0, T0 + 1, T0)).toBe(2_000_000);
    expect(worstCase(withWindows([]), 0, T0 + DAY, T0)).toBe(5_000_000);
  });
});
