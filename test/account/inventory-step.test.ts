import { beforeEach, describe, expect, test } from "vitest";
import type { SignedMessage } from "../../src/aleph/message.ts";
import { inventoryDueMs } from "../../src/account/inventory-step.ts";
import { liveOf, type Written } from "../../src/account/inventory.ts";
import { born, momentOf } from "./moments.ts";
import { MIN, provisioning, S, T0 } from "./vms.ts";

let data = born();
beforeEach(() => {
  data = born();
});

const due = (nowMs: number, lastMs?: number): number | undefined =>
  inventoryDueMs(momentOf(data.store, nowMs), lastMs === undefined ? undefined : { lastMs, tries: 9, leaseUntilMs: 0 });

/** Says just what lives. */
const written = (change: Partial<Written> = {}): void =>
  data.store.saveInventory({
    sender: "0xkey",
    timeMs: T0,
    entries: Object.fromEntries(liveOf(data.store.loadTended())),
    message: {} as SignedMessage,
    doneAtMs: T0 + S,
    refused: false,
    ...change,
  });

describe("the inventory is due", () => {
  test("never for an account without a VM, and at once for its first", () => {
    expect(due(T0)).toBeUndefined();
    data.store.saveVm(provisioning(), true);
    expect(due(T0 + MIN)).toBeLessThanOrEqual(T0 + MIN);
    written();
    expect(due(T0 + MIN)).toBeUndefined();
  });

  test("a minute after the last one, however soon something changes", () => {
    data.store.saveVm(provisioning(), true);
    written({ entries: {} });
    expect(due(T0 + 5 * S)).toBe(T0 + MIN);
  });

  test("again after five seconds, then more and more rarely, until two core nodes have it", () => {
    data.store.saveVm(provisioning(), true);
    written({ doneAtMs: null });
    expect(due(T0)).toBeLessThanOrEqual(T0);
    expect(due(T0 + S, T0 + S)).toBe(T0 + 6 * S);
    expect(due(T0 + MIN, T0 + MIN)).toBe(T0 + 2 * MIN);
    expect(due(T0 + 60 * MIN, T0 + 60 * MIN)).toBe(T0 + 65 * MIN);
  });

  test("no sooner than in a minute when the key did not open, and not at all once it is called lost", () => {
    data.store.saveVm(provisioning(), true);
    expect(due(T0 + 5 * MIN, T0 + 5 * MIN)).toBe(T0 + 6 * MIN);
    data.store.setKeyLost(true);
    expect(due(T0 + 5 * MIN)).toBeUndefined();
  });
});
