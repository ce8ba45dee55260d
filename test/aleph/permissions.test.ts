import { describe, expect, test } from "vitest";
import {
  delegationState,
  inWords,
  ourEntries,
  withDelegation,
  withoutDelegation,
} from "../../src/aleph/permissions.ts";
import type { Authorization } from "../../src/aleph/permissions.ts";
import type { JsonObject } from "../../src/aleph/wire.ts";
import aggregateRevoke from "../vectors/ccn-aggregate-security-revoke.json";
import aggregateSecurity from "../vectors/ccn-aggregate-security.json";
import { AGENT, OWNER } from "./fakes.ts";

const STRANGER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const [run, inventory] = ourEntries(AGENT) as [Authorization, Authorization];

function withEntries(...authorizations: readonly unknown[]): JsonObject {
  return { authorizations } as unknown as JsonObject;
}

function without(entry: Authorization, key: string): Authorization {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => name !== key));
}

describe("delegationState", () => {
  test("the recorded grant is ok, the recorded revocation is missing", () => {
    expect(delegationState(aggregateSecurity.content.content as unknown as JsonObject, AGENT)).toBe("ok");
    expect(delegationState(aggregateRevoke.content.content as unknown as JsonObject, AGENT)).toBe("missing");
  });

  test("no aggregate, none read, an odd one, and one for somebody else are missing", () => {
    for (const security of ["absent", undefined, {}, withEntries(), { authorizations: "x" }] as const) {
      expect(delegationState(security as JsonObject, AGENT)).toBe("missing");
    }
    expect(delegationState(withEntries(...ourEntries(OWNER)), AGENT)).toBe("missing");
  });

  test("the address may be spelt in any case, and neighbours do not matter", () => {
    const lower = ourEntries(AGENT).map((entry) => ({ ...entry, address: AGENT.toLowerCase(), alias: "mine" }));
    expect(delegationState(withEntries({ address: STRANGER }, ...lower), AGENT)).toBe("ok");
  });

  test("either entry alone is missing, both in one entry are ok", () => {
    expect(delegationState(withEntries(run), AGENT)).toBe("missing");
    expect(delegationState(withEntries(inventory), AGENT)).toBe("missing");
    expect(delegationState(withEntries({ ...run, types: ["INSTANCE"] }, inventory), AGENT)).toBe("missing");
    const joined = { ...inventory, types: ["INSTANCE", "FORGET", "AGGREGATE"] };
    expect(delegationState(withEntries(joined), AGENT)).toBe("ok");
  });

  test("an entry of anybody without a readable address breaks every delegation on core nodes", () => {
    expect(delegationState(withEntries(...ourEntries(AGENT), { address: null }), AGENT)).toBe("missing");
    expect(delegationState(withEntries(...ourEntries(AGENT), { types: ["POST"] }), AGENT)).toBe("missing");
  });

  const wide: readonly (readonly [string, Authorization])[] = [
    ["nothing but an address", { address: AGENT }],
    ["types missing", without(run, "types")],
    ["types empty", { ...run, types: [] }],
    ["types null", { ...run, types: null }],
    ["types a word", { ...run, types: "INSTANCE" }],
    ["POST", { ...run, types: ["INSTANCE", "FORGET", "POST"] }],
    ["POST of one kind", { ...run, types: ["POST"], post_types: ["note"] }],
    ["STORE", { ...run, types: ["STORE"] }],
    ["PROGRAM", { ...run, types: ["PROGRAM"] }],
    ["an unknown type", { ...run, types: ["INSTANCE", "V-PROGRAM"] }],
    ["a type that is no word", { ...run, types: ["INSTANCE", 5] as never }],
    ["channels missing", without(run, "channels")],
    ["channels empty", { ...run, channels: [] }],
    ["channels null", { ...run, channels: null }],
    ["another channel", { ...run, channels: ["ALLOWANCE", "ALEPH_CREDIT"] }],
    ["aggregate keys missing", without(inventory, "aggregate_keys")],
    ["aggregate keys empty", { ...inventory, aggregate_keys: [] }],
    ["aggregate keys null", { ...inventory, aggregate_keys: null }],
    ["the key security", { ...inventory, aggregate_keys: ["allowance", "security"] }],
    ["another key", { ...inventory, aggregate_keys: ["port-forwarding"] }],
    ["post types null", { ...run, post_types: null }],
    ["chain missing", without(run, "chain")],
    ["chain null", { ...run, chain: null }],
    ["another chain", { ...run, chain: "BASE" }],
  ];

  test.each(wide)("%s beside the right entries is too wide", (_name, entry) => {
    expect(delegationState(withEntries(...ourEntries(AGENT), entry), AGENT)).toBe("too_wide");
    expect(delegationState(withEntries(entry, ...ourEntries(AGENT)), AGENT)).toBe("too_wide");
  });
});

describe("withDelegation and withoutDelegation", () => {
  const foreign = { address: STRANGER, types: ["POST"], alias: "kept", future_key: { a: 1 } };

  test("our two entries replace all that we had, former keys included, and nobody else's change", () => {
    const existing = [{ address: AGENT.toLowerCase() }, foreign, { address: OWNER, types: ["STORE"] }];
    expect(withDelegation(existing, AGENT, [OWNER])).toEqual([foreign, ...ourEntries(AGENT)]);
    expect(withDelegation(withDelegation([], AGENT), AGENT)).toEqual(ourEntries(AGENT));
  });

  test("taking away leaves the others untouched", () => {
    expect(withoutDelegation([...ourEntries(AGENT), foreign], [AGENT])).toEqual([foreign]);
  });
});

describe("inWords", () => {
  test("says what our entries allow", () => {
    expect(ourEntries(AGENT).map(inWords)).toEqual([
      {
        words: `${AGENT} may send INSTANCE, FORGET, on the channel ALLOWANCE, signed on ETH.`,
        canTakeEverything: false,
      },
      {
        words: `${AGENT} may send AGGREGATE of the kind allowance, on the channel ALLOWANCE, signed on ETH.`,
        canTakeEverything: false,
      },
    ]);
  });

  test.each([
    { address: STRANGER },
    { address: STRANGER, types: [] },
    { address: STRANGER, types: null },
    { address: STRANGER, types: ["POST"] },
    { address: STRANGER, types: ["POST"], post_types: ["aleph_credit_transfer"] },
    { address: STRANGER, types: ["AGGREGATE"], channels: ["X"] },
    { address: STRANGER, types: ["AGGREGATE"], aggregate_keys: ["a", "security"] },
  ])("%j can take everything", (entry) => expect(inWords(entry).canTakeEverything).toBe(true));

  test.each([
    { address: STRANGER, types: ["INSTANCE"] },
    { address: STRANGER, types: ["POST"], post_types: ["note"] },
    { address: STRANGER, types: ["AGGREGATE"], aggregate_keys: ["a"] },
  ])("%j cannot", (entry) => expect(inWords(entry).canTakeEverything).toBe(false));

  test("words of strangers come out as short visible ASCII", () => {
    const { words } = inWords({ address: "evil", types: ["INSTANCE"], channels: [`\u202e<b>\n${"x".repeat(500)}`] });
    expect(words).toMatch(/^An unreadable address may send INSTANCE, on the channel \?<b>\?x{35}\.$/);
  });
});
