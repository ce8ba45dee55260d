import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bounded, draftFault, policyBounds } from "../../src/account/policy-draft.ts";
import { refusal } from "../../src/errors.ts";
import { AGENT_FIELDS } from "../../src/web/agent-form.ts";
import { endsOf, inForm, POLICY_FIELDS } from "../../src/web/policy-fields.ts";
import { defaultValues, readPolicy, valuesOf } from "../../src/web/policy-form.ts";
import { hintOf } from "../../src/web/refusal-hint.ts";
import { BOUNDS, NOW_MS, policy } from "./account.ts";
import { alice, body, Browser, house } from "./browser.ts";

const BOUNDED = POLICY_FIELDS.filter(({ of }) => of !== undefined);

/** What the account says of the default form with this one change. */
function verdict(change: Readonly<Record<string, string>>): string | null {
  const read = readPolicy({ ...valuesOf(policy), ...change });
  return read.ok ? (draftFault(read.value, NOW_MS, false)?.field ?? null) : "not read";
}

describe("the fields", () => {
  test("cover every number that the account bounds, each once", () => {
    const names = BOUNDED.map(({ of = "" }): string => of);
    expect(names).toHaveLength(new Set(names).size);
    expect(new Set(names)).toEqual(new Set([...Object.keys(BOUNDS), "delegation_expires"]));
  });

  // the longest life has to leave room for the default one, and the other way round
  const ROOM: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    ttl_h_default: { ttl_h_max: "720" },
    ttl_h_max: { ttl_h_default: "0.1667" },
  };

  test.each(BOUNDED)("$name is accepted at either end of what the form allows, and named beyond it", (spec) => {
    const { name, of, step, type } = spec;
    const { min, max } = endsOf(spec, BOUNDS);
    const room = ROOM[name] ?? {};
    const at = [min, max].flatMap((end) => (end === undefined ? [] : [verdict({ ...room, [name]: end })]));
    expect(at.filter((fault) => fault !== null)).toEqual([]);
    const late = max === undefined ? "2020-01-01" : "2099-01-01";
    const beyond = type === "date" ? late : String(Number(max) + Number(step ?? "0.1"));
    expect(verdict({ ...room, [name]: beyond })).toBe(of);
  });

  test("hold in four decimals what the account counts in seconds and MiB", () => {
    const seconds = fc.integer({ min: 600, max: 2_592_000 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 1_953_125 }), (ttlSMax, diskMibMax) => {
        const limits = { ...policy.limits, ttlSMax };
        const read = readPolicy(valuesOf({ ...policy, limits, shape: { ...policy.shape, diskMibMax } }));
        expect(read.ok && [read.value.limits.ttlSMax, read.value.shape.diskMibMax]).toEqual([ttlSMax, diskMibMax]);
      }),
    );
  });
});

describe("a refused draft", () => {
  const says = (facts: Readonly<Record<string, string | number>>): string | undefined =>
    hintOf(inForm(refusal("input.invalid", facts), BOUNDS));

  test.each([
    [{ field: "vms_live", min: 0, max: 100 }, "VMs alive at once: between 0 and 100."],
    [{ field: "ttl_default", min: 600, max: 7_200 }, "A VM lives, if nothing is said: between 0.1667 and 2 hours."],
    [{ field: "expires", ...span("expires") }, "These limits end on (UTC): between 2026-11-24 and 2027-11-24."],
    [{ field: "memory", ...span("memory") }, "Largest VM: memory: between 0 and 1024 GB."],
    [{ field: "per_vm_usd" }, "One VM may cost in all: between 0 and 1000000 USD."],
    [
      { field: "delegation_expires", min: NOW_MS + 1 },
      "No VM may outlive this day (UTC; empty: my delegation has no end): 2026-11-24 at the earliest.",
    ],
    [{ field: "nodes_deny" }, "Nodes never to be used, by hash: this cannot be."],
  ] as const)("%j is told by the words on the page: %s", (facts, words) => {
    expect(says(facts)).toBe(words);
  });

  test("that no field is to blame for stays as it was", () => {
    for (const facts of [{ field: "windows" }, { field: "approval_by" }, {}])
      expect(inForm(refusal("input.invalid", facts), BOUNDS)).toEqual(refusal("input.invalid", facts));
    const other = refusal("account.restored", { field: "ttl" });
    expect(inForm(other, BOUNDS)).toBe(other);
  });

  test.each([
    ["on the twin", "twin", BOUNDS],
    ["on one's own machine", "aleph", policyBounds(NOW_MS, true)],
  ] as const)("is told so %s, and the form is drawn with the same bounds", async (_where, NETWORK, bounds) => {
    const browser = new Browser(house({ config: { NETWORK } }));
    await browser.signIn(alice);
    const draft = { ...defaultValues(NOW_MS, BOUNDS), vms_live_max: "500" };
    expect(await body(await browser.post("/dashboard/policy/offer", { draft }))).toMatchObject({
      code: "input.invalid",
      facts: { field: "vms_live_max", min: "0", max: "100" },
      hint: "VMs alive at once: between 0 and 100.",
    });
    const page = (await (await browser.get("/dashboard/policy")).text()).replace(/\s+/g, " ");
    for (const spec of BOUNDED) {
      const [input = ""] = new RegExp(`<input[^>]*name="${spec.name}"[^>]*>`).exec(page) ?? [];
      const drawn = Object.fromEntries(
        [...input.matchAll(/ (min|max)="([^"]*)"/g)].map(([, end, value]) => [end, value]),
      );
      expect(drawn).toEqual(endsOf(spec, bounds));
    }
  });

  function span(name: Bounded): { readonly min: number; readonly max: number } {
    const [min, max] = BOUNDS[name];
    return { min, max };
  }
});

describe("a field of one agent", () => {
  test("is told by its words too", () => {
    const say = (field: string): string | undefined => hintOf(refusal("input.invalid", { field }));
    expect(Object.values(AGENT_FIELDS).map(({ name }) => say(name))).toEqual([
      "It may spend in all, what it has spent included: between 0 and 999999999 USD.",
      "Its access ends on (UTC): this cannot be.",
      "It may spend within any 24 hours (empty: no such limit): between 0 and 999999999 USD.",
      "Its VMs alive at once: between 0 and 999.",
      "Its new VMs per minute: between 0 and 999.",
    ]);
  });
});
