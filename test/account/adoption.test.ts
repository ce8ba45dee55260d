/** What becomes of an instance that our key signed and the ledger does not hold, by what the owner lets live and is about to do. */
import { beforeEach, describe, expect, it } from "vitest";
import { adoptOrphan } from "../../src/account/adoption.ts";
import { beginLeaving } from "../../src/account/leave.ts";
import type { Leaving } from "../../src/account/leave-store.ts";
import { listsDueMs, takeLists } from "../../src/account/lists.ts";
import type { Moment } from "../../src/account/moment.ts";
import { NEVER_READ, type Sighting } from "../../src/account/reconcile.ts";
import type { Policy, VmRecord } from "../../src/account/types.ts";
import { forgetContent } from "../../src/aleph/contents.ts";
import { buildMessage } from "../../src/aleph/message.ts";
import { CHANNEL } from "../../src/aleph/network.ts";
import { born, momentOf } from "./moments.ts";
import { DAY, H, MIN, POLICY, S, T0 } from "./vms.ts";

const HASH = "c3".repeat(32);
const FAR = Date.UTC(2100, 0, 1);
const OWNER = "0x00000000000000000000000000000000000000aA";
const KEY = "0x00000000000000000000000000000000000000bB";
const LEAVING: Leaving = { kind: "revoke", sinceMs: T0, revokedAtMs: null };

let data = born();
const at = (nowMs = T0): Moment => momentOf(data.store, nowMs);

beforeEach(() => {
  data = born(OWNER, KEY);
  data.store.insertPolicy(POLICY, null, T0);
});

function sighting(sender: Sighting["sender"] = KEY): Sighting {
  const signed = { itemHash: HASH, sender, itemContent: "{}", signature: "0xsig", timeS: T0 / S - 3_600 } as const;
  const seen = { foundAtMs: T0 - MIN, by: [true, true, false], twoSinceMs: T0 - MIN } as const;
  return { ...signed, ...seen, vmId: "vm_lost", expiresAtMs: FAR };
}

function adopted(one: Sighting = sighting()): VmRecord {
  adoptOrphan(at(), one);
  const vm = data.store.loadVm("vm_lost");
  if (vm === undefined) throw new Error("not adopted");
  return vm;
}

const policy = (change: Partial<Policy>): void =>
  data.store.insertPolicy({ ...POLICY, ...change, version: 2 }, null, T0);
const kinds = (): readonly string[] => [...data.audits.values()].map(({ kind }) => kind);

describe("an orphan that calls itself good for decades", () => {
  it("lives no longer than the policy lets a VM live", () => {
    expect(adopted()).toMatchObject({ state: "UNHEALTHY", expiresAtMs: T0 - H + DAY });
  });

  it("is over before the owner's own end of the delegation, without which nothing could end it", () => {
    policy({ delegationExpiresAtMs: T0 + 4 * H });
    expect(adopted().expiresAtMs).toBe(T0 + 3 * H);
  });

  it("is not cut short by a policy that is older than it, as after a restore: no policy allows thirty days", () => {
    policy({ delegationExpiresAtMs: T0 + 4 * H });
    data.store.setRestored(true);
    expect(adopted().expiresAtMs).toBe(T0 - H + 30 * DAY);
  });

  it("has no life at all where no policy ever allowed any", () => {
    data = born(OWNER, KEY);
    expect(adopted().expiresAtMs).toBe(T0 - H);
  });
});

describe("an orphan that must not live", () => {
  const closed = { state: "STOPPING", endReason: "revoked", stopAskedAtMs: T0, attempts: [{ closedAtMs: T0 }] };

  it.each(["revoke", "compromised"] as const)("is closed as it is found while its owner leaves (%s)", (kind) => {
    data.store.saveLeaving({ ...LEAVING, kind });
    expect(adopted()).toMatchObject(closed);
    expect(kinds()).toEqual(["orphan.adopted", "account.state", "account.frozen", "vm.stopping"]);
    expect(data.store.loadNotices().find((one) => one.kind === "orphan")?.facts).toMatchObject({
      expiresAt: new Date(T0).toISOString(),
    });
  });

  it("is closed when a key signed it that was changed since, unless a restore may have forgotten it", () => {
    const old = "0x00000000000000000000000000000000000000cC";
    expect(adopted(sighting(old))).toMatchObject(closed);
    data = born(OWNER, KEY);
    data.store.insertPolicy(POLICY, null, T0);
    data.store.saveLists({ ...NEVER_READ, restoredAtMs: T0 - DAY });
    expect(adopted(sighting(old))).toMatchObject({ state: "UNHEALTHY", endReason: null });
  });

  it("has the FORGET that its owner signed before the ledger knew it", () => {
    data.store.saveLeaving({ ...LEAVING, kind: "compromised" });
    const keep = (target: string): string => {
      const content = forgetContent({ owner: OWNER, timeS: T0 / S, hashes: [target] });
      const forget = buildMessage({ sender: OWNER, type: "FORGET", channel: CHANNEL, timeS: T0 / S, content });
      const about = { purpose: "forget", about: target } as const;
      data.store.storeOwnerMessage("forget", { ...forget, signature: "0xowner" }, T0, about);
      return forget.item_hash;
    };
    keep("dd".repeat(32));
    const itemHash = keep(HASH);
    expect(adopted().forgets).toMatchObject([{ itemHash, target: HASH, sender: OWNER, signature: "0xowner" }]);
  });
});

describe("while the owner leaves the lists are read", () => {
  const read = (nowMs: number): void => takeLists(at(nowMs), { ours: [[], [], []], foreign: [0, 0, 0] }, new Map());

  it("at once, also where there was never a VM, then every quarter of an hour for a day", () => {
    expect(listsDueMs(at(), true)).toBeUndefined();
    beginLeaving(at(), "compromised");
    expect(listsDueMs(at(), true)).toBeLessThanOrEqual(T0);
    read(T0);
    expect(listsDueMs(at(T0), true)).toBe(T0 + 15 * MIN);
    read(T0 + DAY);
    expect(listsDueMs(at(T0 + DAY), true)).toBe(T0 + 2 * DAY);
  });

  it("at once again for whoever begins anew, however lately they were read", () => {
    beginLeaving(at(), "revoke");
    read(T0);
    beginLeaving(at(T0 + MIN), "compromised");
    expect(listsDueMs(at(T0 + MIN), true)).toBeLessThanOrEqual(T0 + MIN);
  });
});
