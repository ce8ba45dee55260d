import { beforeEach, describe, expect, it } from "vitest";
import { freeze } from "../../src/account/freeze.ts";
import { born, momentOf } from "./moments.ts";
import { MIN, T0 } from "./vms.ts";

let data = born();
beforeEach(() => {
  data = born();
});

/** Freezes for one reason after the other, a minute apart; tells the reason that stands, and those that were noted. */
function frozenFor(...reasons: readonly string[]) {
  for (const [index, reason] of reasons.entries()) freeze(momentOf(data.store, T0 + index * MIN), reason);
  const audited = [...data.audits.values()].filter(({ kind }) => kind === "account.frozen");
  const told = data.store.loadNotices().filter(({ kind }) => kind === "account_frozen");
  expect(told.map(({ facts }) => facts["reason"])).toEqual(audited.map((row) => JSON.parse(row.factsJson).reason));
  return { reason: data.store.loadAccount()?.frozenReason, noted: audited.length };
}

describe("a frozen account", () => {
  it.each([
    ["owner", "overrun"],
    ["owner", "owner_stop"],
    ["owner_stop", "orphan"],
    ["owner_revoke", "dormant_alive"],
    ["overrun", "orphan"],
    ["orphan", "dormant_alive"],
    ["overrun", "restored"],
    ["restored", "key_compromised"],
  ])("for %s is shown as one for %s once that came, noted and told", (first, then) => {
    expect(frozenFor(first, then)).toEqual({ reason: then, noted: 2 });
  });

  it.each([
    ["overrun", "owner"],
    ["owner_stop", "owner"],
    ["dormant_alive", "owner_stop"],
    ["restored", "orphan"],
    ["key_compromised", "overrun"],
    ["orphan", "overrun"],
    ["overrun", "overrun"],
  ])("for %s stays so whatever weighs less, like %s, and nothing is noted twice", (first, then) => {
    expect(frozenFor(first, then)).toEqual({ reason: first, noted: 1 });
  });
});
