import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SignedMessage } from "../../src/aleph/message.ts";
import type { JsonObject } from "../../src/aleph/wire.ts";
import {
  agreedOn,
  inventoryContent,
  isBehind,
  keptFor,
  type Kept,
  type Live,
  liveOf,
  movedTo,
  nextEntries,
  nextTimeMs,
  type Written,
} from "../../src/account/inventory.ts";
import { close } from "../../src/account/lifecycle.ts";
import { H, HASH, provisioning, requested, S, sent, T0, TTL_S } from "./vms.ts";

const KEY = "0x0000000000000000000000000000000000000001";
const OTHER_KEY = "0x0000000000000000000000000000000000000002";
const kept = (change: Partial<Kept> = {}): Kept => ({
  expiresAtMs: T0 + H,
  itemHash: HASH,
  grantId: "gr_a",
  rateAttoPerS: "10",
  ...change,
});
const live = (...ids: readonly string[]): Live => new Map(ids.map((vmId) => [vmId, kept()]));
const written = (change: Partial<Written> = {}): Written => ({
  sender: KEY,
  timeMs: T0,
  entries: { vm_a: kept() },
  message: {} as SignedMessage,
  doneAtMs: T0 + S,
  refused: false,
  ...change,
});
const shown = (entries: Parameters<typeof inventoryContent>[2]): JsonObject =>
  (inventoryContent(KEY, T0, entries) as { content: JsonObject }).content;

describe("what the inventory says", () => {
  test("a line for each VM that may be on the network, and none for what never left or is over", () => {
    const one = { ...provisioning(), expiresAtMs: T0 + 2 * TTL_S * S };
    expect([...liveOf([one])]).toEqual([
      [
        "vm_a",
        { expiresAtMs: one.expiresAtMs, itemHash: HASH, grantId: "gr_a", rateAttoPerS: String(one.rateAttoPerS) },
      ],
    ]);
    expect(liveOf([requested(), { ...sent(), state: "TERMINATED" }, { ...sent(), state: "FAILED" }]).size).toBe(0);
    expect(liveOf([close(sent(), "destroyed", T0 + H)]).size).toBe(1);
  });

  test("nothing about the owner: ids, times, hashes and a rate", () => {
    expect(inventoryContent(KEY, T0 + 1, { vm_a: kept(), vm_b: null })).toEqual({
      address: KEY,
      key: "allowance-inventory",
      time: (T0 + 1) / 1_000,
      content: {
        vm_a: {
          expires_at: new Date(T0 + H).toISOString(),
          item_hash: HASH,
          grant_id: "gr_a",
          rate_atto_credits_per_s: "10",
        },
        vm_b: null,
      },
    });
  });

  test("is later than the last message, whatever the clock says", () => {
    expect(nextTimeMs(written({ timeMs: T0 + 5 }), T0)).toBe(T0 + 6);
    expect(nextTimeMs(written(), T0 + H)).toBe(T0 + H);
  });
});

describe("the inventory is behind", () => {
  test.each([
    ["a VM was sent", live("vm_a", "vm_b")],
    ["a VM is over", live()],
    ["a VM was extended", new Map([["vm_a", kept({ expiresAtMs: T0 + 2 * H })]])],
    ["a VM goes on elsewhere", new Map([["vm_a", kept({ itemHash: "cd".repeat(32) })]])],
    ["another VM took its place", live("vm_b")],
  ])("when %s", (_why, now) => {
    expect(isBehind(written(), now, KEY)).toBe(true);
  });

  test("when another key has to say it, as long as anything lives", () => {
    expect(isBehind(written(), live("vm_a"), OTHER_KEY)).toBe(true);
    expect(isBehind(written({ entries: { vm_a: null } }), live(), OTHER_KEY)).toBe(false);
  });

  test("when two core nodes refused those bytes", () => {
    expect(isBehind(written({ refused: true }), live("vm_a"), KEY)).toBe(true);
  });

  test("and not when it says just this, or there is nothing to say", () => {
    expect(isBehind(written({ entries: { vm_a: kept(), vm_b: null } }), live("vm_a"), KEY)).toBe(false);
    expect(isBehind(null, live(), KEY)).toBe(false);
  });
});

describe("a VM that is over", () => {
  test("leaves a null once, and again as long as the message with it is not known to have arrived", () => {
    expect(nextEntries(written(), live("vm_b"), KEY)).toEqual({ vm_a: null, vm_b: kept() });
    const over = { vm_a: null, vm_b: kept() };
    expect(nextEntries(written({ entries: over }), live("vm_b"), KEY)).toEqual({ vm_b: kept() });
    expect(nextEntries(written({ entries: over, doneAtMs: null }), live("vm_b"), KEY)).toEqual(over);
  });

  test("whatever arrives and whatever is lost, the network ends up saying what lives", () => {
    const step = fc.record({ ids: fc.subarray(["vm_a", "vm_b", "vm_c"]), arrives: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), fc.subarray(["vm_a", "vm_b", "vm_c"]), (steps, last) => {
        let now: Written | null = null;
        let network: JsonObject = {};
        for (const { ids, arrives } of [...steps, { ids: last, arrives: true }]) {
          if (!isBehind(now, live(...ids), KEY) && now?.doneAtMs !== null) continue;
          const entries = nextEntries(now, live(...ids), KEY);
          if (arrives) network = { ...network, ...shown(entries) };
          now = written({ entries, doneAtMs: arrives ? T0 : null });
        }
        expect([...agreedOn([[network], [network], null]).keys()].toSorted()).toEqual([...last].toSorted());
      }),
    );
  });
});

describe("what is read back", () => {
  const one = shown({ vm_a: kept() });
  const moved = shown({ vm_a: kept({ expiresAtMs: T0 + 9 * H }) });

  test("counts where two core nodes show the same, to the letter", () => {
    expect(agreedOn([[one], [one], [moved]]).get("vm_a")).toEqual(kept());
    expect(agreedOn([[one], [moved], null]).size).toBe(0);
    expect(agreedOn([[moved], null, null]).size).toBe(0);
  });

  test("takes the newest key's word", () => {
    expect(agreedOn([[one, moved], [one, moved], null]).get("vm_a")?.expiresAtMs).toBe(T0 + 9 * H);
    expect(agreedOn([[one, { vm_a: null }], [one, { vm_a: null }], null]).size).toBe(0);
  });

  test.each([
    ["no object", 5],
    ["a time that makes no sense", { ...(one["vm_a"] as JsonObject), expires_at: "soon" }],
    ["a hash of another length", { ...(one["vm_a"] as JsonObject), item_hash: "ab" }],
    ["text where a grant belongs", { ...(one["vm_a"] as JsonObject), grant_id: "do as I say" }],
    ["a rate beyond belief", { ...(one["vm_a"] as JsonObject), rate_atto_credits_per_s: "9".repeat(30) }],
    ["a rate below zero", { ...(one["vm_a"] as JsonObject), rate_atto_credits_per_s: "-1" }],
  ])("is left out where it is %s", (_what, line) => {
    const strange = { vm_a: line } as JsonObject;
    expect(agreedOn([[strange], [strange], [strange]]).size).toBe(0);
  });

  test("never makes a machine die sooner than it says itself", () => {
    expect(movedTo(T0 + 5 * H, kept())).toBe(T0 + 5 * H);
    expect(movedTo(T0, kept())).toBe(T0 + H);
    expect(movedTo(null, kept())).toBe(T0 + H);
    expect(movedTo(T0, undefined)).toBe(T0);
  });

  test("is found by the machine's hash, or by the id that its content carries", () => {
    const all = new Map([["vm_a", kept()]]);
    expect(keptFor(all, { itemHash: HASH, vmId: null })).toEqual(kept());
    expect(keptFor(all, { itemHash: "cd".repeat(32), vmId: "vm_a" })).toEqual(kept());
    expect(keptFor(all, { itemHash: "cd".repeat(32), vmId: "vm_b" })).toBeUndefined();
  });
});
