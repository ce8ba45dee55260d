import { beforeEach, describe, expect, it } from "vitest";
import { freeze, type FreezeReason, reasonsToShow } from "../../src/account/freeze.ts";
import type { Moment } from "../../src/account/moment.ts";
import { emergencyStop, freezeByBreaker, freezeByFault, freezeGrant } from "../../src/account/owner-desk.ts";
import { born, momentOf } from "./moments.ts";
import { GRANT, MIN, T0 } from "./vms.ts";

let data = born();
beforeEach(() => {
  data = born();
});

const at = (minute: number): Moment => momentOf(data.store, T0 + minute * MIN);

/** Freezes for one reason after the other, a minute apart; tells the reason that stands, and those that were noted. */
function frozenFor(...reasons: readonly FreezeReason[]) {
  for (const [index, reason] of reasons.entries()) freeze(at(index), reason);
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
  ] as const)("for %s is shown as one for %s once that came, noted and told", (first, then) => {
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
  ] as const)("for %s stays so whatever weighs less, like %s, and nothing is noted twice", (first, then) => {
    expect(frozenFor(first, then)).toEqual({ reason: first, noted: 1 });
  });
});

describe("reasonsToShow", () => {
  const shown = ({ restored = false, seen = "" } = {}) => {
    const notices = data.store.loadNotices().map((one) => (one.kind === seen ? { ...one, seenAtMs: T0 } : one));
    return reasonsToShow({ frozenReason: data.store.loadAccount()?.frozenReason ?? null, restored }, notices);
  };
  const finds = (kind: "overrun" | "orphan" | "dormant_alive", facts = {}): void => {
    freeze(at(1), kind);
    at(1).tellOwner(kind, "vm_1", facts);
  };

  it("has the reason that stands first, and each lighter find until its notice was seen", () => {
    freeze(at(0), "owner_stop");
    for (const kind of ["dormant_alive", "overrun", "orphan"] as const) finds(kind);
    expect(shown()[0]).toBe("dormant_alive");
    expect(shown().slice(1).toSorted()).toEqual(["orphan", "overrun"]);
    expect(shown({ seen: "orphan" })).toEqual(["dormant_alive", "overrun"]);
  });

  it("has a restore behind a key in strange hands", () => {
    freeze(at(0), "key_compromised");
    expect(shown({ restored: true })).toEqual(["key_compromised", "restored"]);
  });

  it("has nothing of an account that is not frozen, and no bill that was only late", () => {
    at(1).tellOwner("overrun", "vm_1", { late: true });
    expect(shown()).toEqual([]);
    freeze(at(0), "owner");
    expect(shown()).toEqual(["owner"]);
  });
});

describe("a frozen agent", () => {
  const { grantId } = GRANT;
  const told = () => data.store.loadNotices().map(({ kind, facts }) => [kind, facts["grantId"]]);

  beforeEach(() => data.store.saveGrant(GRANT));

  it.each([
    ["its owner", freezeGrant, "owner", []],
    ["its breaker", freezeByBreaker, "breaker", [["grant_frozen", grantId]]],
    ["itself", emergencyStop, "stop", [["grant_stopped", grantId]]],
    ["a fault that it met", freezeByFault, "internal", [["internal", grantId]]],
  ] as const)("by %s has that reason, and its owner hears of it once", (_who, freezes, why, notices) => {
    for (const minute of [0, 1]) freezes(at(minute), grantId);
    expect(data.store.loadGrant(grantId)).toMatchObject({ state: "frozen", frozenFor: [why] });
    expect(told()).toEqual(notices);
  });

  it("keeps every further reason, in their order", () => {
    freezeByFault(at(0), grantId);
    emergencyStop(at(1), grantId);
    freezeByFault(at(2), grantId);
    expect(data.store.loadGrant(grantId)?.frozenFor).toEqual(["internal", "stop"]);
    expect(told()).toHaveLength(2);
  });

  it("that was disconnected is told of no more", () => {
    data.store.saveGrant({ ...GRANT, state: "revoked" });
    freezeByFault(at(0), grantId);
    expect([data.store.loadGrant(grantId)?.state, told()]).toEqual(["revoked", []]);
  });
});
