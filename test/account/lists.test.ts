import { beforeEach, describe, expect, it } from "vitest";
import type { ListedInstance } from "../../src/aleph/core-lists.ts";
import type { Health } from "../../src/account/checks.ts";
import { close } from "../../src/account/lifecycle.ts";
import type { Live } from "../../src/account/inventory.ts";
import { listsDueMs, noteCredits, takeLists } from "../../src/account/lists.ts";
import type { Moment } from "../../src/account/moment.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import { planVm } from "../../src/account/plan.ts";
import type { Lists } from "../../src/account/reconcile.ts";
import { endFreeze, notReconciled, noteRestored } from "../../src/account/restored.ts";
import { mayBeFollowed } from "../../src/account/successor.ts";
import type { Attempt, VmRecord } from "../../src/account/types.ts";
import { type Asking, witnesses } from "../../src/account/witnesses.ts";
import type { Calls } from "../../src/aleph/calls.ts";
import { unknown } from "../../src/aleph/network.ts";
import { born, momentOf } from "./moments.ts";
import { attempt, DAY, H, HASH, MIN, POLICY, provisioning, requested, S, T0 } from "./vms.ts";

const LOST = "c3".repeat(32);
const someVm = (change: Partial<VmRecord> = {}): VmRecord => ({ ...provisioning(), ...change });

let data = born();
const at = (nowMs: number, health: Partial<Health> = {}): Moment => momentOf(data.store, nowMs, { health });

beforeEach(() => {
  data = born();
  data.store.insertPolicy(POLICY, null, T0);
});

function listed(itemHash: string, vmId: string, expiresAtMs: number): ListedInstance {
  const itemContent = JSON.stringify({ resources: { vcpus: 2, memory: 4_096 }, rootfs: { size_mib: 10 } });
  const signed = { itemHash, sender: "0xkey", itemContent, signature: "0xsig", timeS: T0 / S } as const;
  return { itemHash, sender: "0xkey", owner: "0xowner", timeS: T0 / S, signed, allowance: { vmId, expiresAtMs } };
}

const show = (nowMs: number, ours: Lists, foreign: readonly number[] = [0, 0, 0], kept: Live = new Map()): void =>
  takeLists(at(nowMs), { ours, foreign }, kept);

const payer = (credits: number): PayerFacts => ({
  perCore: [0, 1, 2].map(() => ({ credits, lots: [], lines: [], delegation: "ok" as const })),
  asOfMs: T0,
});

const noticesOf = (): readonly string[] => data.store.loadNotices().map((notice) => notice.kind);
const one = [listed(LOST, "vm_lost", T0 + 2 * H)];

describe("an orphan", () => {
  it("becomes a VM without a hold under its own id, freezes the account and is told once", () => {
    show(T0, [one, one, []]);
    show(T0 + MIN, [one, one, []]);
    show(T0 + 2 * MIN, [one, one, one]);
    expect(data.store.loadLive()).toMatchObject([
      {
        vmId: "vm_lost",
        grantId: "",
        state: "UNHEALTHY",
        expiresAtMs: T0 + 2 * H,
        orphan: { foundAtMs: T0 + MIN },
        spec: { shape: { vcpus: 2, memoryMib: 4_096, diskMib: 10 } },
        attempts: [{ itemHash: LOST, signature: "0xsig", sender: "0xkey", seenAliveMs: T0 + MIN }],
        holds: [],
      },
    ]);
    expect(data.store.loadAccount()).toMatchObject({ state: "frozen", frozenReason: "orphan" });
    expect(noticesOf().filter((kind) => kind === "orphan")).toHaveLength(1);
    expect(data.store.loadSightings()).toEqual([]);
  });

  it("is kept apart from a VM that has its id already, with the same agent", () => {
    data.store.saveVm(someVm({ vmId: "vm_lost" }), true);
    show(T0, [one, one, []]);
    show(T0 + MIN, [one, one, []]);
    const found = data.store.loadLive().find((vm) => vm.orphan !== undefined);
    expect(found?.vmId).not.toBe("vm_lost");
    expect(found?.grantId).toBe(someVm().grantId);
    expect(found?.attempts[0]?.vmId).toBe(found?.vmId);
  });

  it.each(["destroyed", "ttl", "unreachable", "boot_failed", "ssh_never", "overrun", "payer_line"] as const)(
    "has no node of its own to be told, looked at, wiped or replaced, and ends by FORGET when it is %s",
    (reason) => {
      show(T0, [one, one, one]);
      show(T0 + MIN, [one, one, one]);
      const [found] = data.store.loadLive();
      if (found === undefined) throw new Error("not found");
      const closed = close(found, reason, T0 + 10 * MIN);
      const ended = { ...closed, state: "TERMINATED", endedAtMs: T0 + 11 * MIN } as const;
      const kinds = (vm: VmRecord): readonly string[] => planVm(vm, new Map(), T0 + 12 * MIN).map(({ kind }) => kind);
      expect(kinds(found)).toEqual(["deadline", "status", "price", "replenish"]);
      expect(kinds(closed)).toEqual(["copies", "end", "replenish"]);
      expect(kinds(ended)).toEqual(["witness", "settle", "push", "replenish"]);
      expect(mayBeFollowed(closed)).toBe(false);
    },
  );

  it("is certified by core nodes and the scheduler; a node without an address is not asked", async () => {
    show(T0, [one, one, one]);
    show(T0 + MIN, [one, one, one]);
    const [found] = data.store.loadLive();
    if (found === undefined) throw new Error("not found");
    const silent = async () => unknown("timeout");
    const calls = { messageStatus: silent, schedulerView: silent } as unknown as Calls;
    const asking = { calls, clock: { nowMs: () => T0 + H }, nodes: { known: async () => null } };
    const kinds = (await witnesses(asking as unknown as Asking, found, 1)).witnesses.map(({ kind }) => kind);
    expect(kinds).toEqual(["core_node", "core_node", "core_node", "scheduler"]);
  });

  it("shown by one alone past its time is watched like a refused create: not counted, nothing frozen", () => {
    show(T0 + 2 * H - MIN, [one, [], []]);
    show(T0 + 2 * H, [one, [], []]);
    expect(data.store.loadLive()).toEqual([]);
    expect(data.store.loadTended()).toMatchObject([{ vmId: "vm_lost", state: "FAILED", endReason: "ttl" }]);
    expect(data.store.loadAccount()?.state).toBe("active");
    expect(noticesOf()).toEqual([]);
  });
});

const over = (change: Partial<Attempt>): VmRecord => {
  const ended = { ...attempt(change), closedAtMs: T0 };
  return { ...someVm({ state: "FAILED", endReason: "never_sent", endedAtMs: T0 }), attempts: [ended] };
};

describe("a create that the ledger calls over", () => {
  it("voided as never sent and alive all the same is pushed, and freezes when two show it twice", () => {
    data.store.saveVm(over({ firstSendMs: null, signature: null }), false);
    const back = [listed(HASH, "vm_a", T0 + H)];
    show(T0 + H, [back, null, null]);
    expect(data.store.loadTended()[0]?.attempts[0]).toMatchObject({ signature: "0xsig", dormant: true });
    expect(data.store.loadAccount()?.state).toBe("active");
    show(T0 + H + MIN, [back, back, null]);
    show(T0 + H + 2 * MIN, [back, back, null]);
    expect(data.store.loadAccount()).toMatchObject({ state: "frozen", frozenReason: "dormant_alive" });
    expect(data.store.loadLive()).toEqual([]);
  });

  it("has the lists read at once when credits come in, and only then", () => {
    data.store.saveVm(over({ dormant: true }), true);
    show(T0, [[], [], []]);
    expect(listsDueMs(at(T0 + MIN), true)).toBe(T0 + 5 * MIN);
    noteCredits(at(T0 + MIN), payer(10), payer(10));
    noteCredits(at(T0 + MIN), payer(10), payer(9));
    expect(listsDueMs(at(T0 + MIN), true)).toBe(T0 + 5 * MIN);
    noteCredits(at(T0 + MIN), payer(10), payer(11));
    expect(listsDueMs(at(T0 + MIN), true)).toBeLessThanOrEqual(T0 + MIN);
  });
});

describe("what is over and not gone on all three core nodes", () => {
  it("is looked for in the lists every five minutes, whether it was refused or one of them was silent", () => {
    const says = (word: "forgotten" | "processed") => ({ says: word, atMs: T0, sinceMs: T0 }) as const;
    const due = (change: Partial<Attempt>): number | undefined => {
      data.store.saveVm(over(change), true);
      show(T0, [[], [], []]);
      return listsDueMs(at(T0 + MIN), true);
    };
    expect(due({ dormant: true })).toBe(T0 + 5 * MIN);
    expect(due({ views: [says("forgotten"), says("forgotten"), null] })).toBe(T0 + 5 * MIN);
    expect(due({ views: [says("forgotten"), says("forgotten"), says("forgotten")] })).toBe(T0 + DAY);
  });
});

describe("when the lists are due", () => {
  it("never, as long as there was no VM and no restore", () => {
    expect(listsDueMs(at(T0), false)).toBeUndefined();
    noteRestored(at(T0), 7);
    endFreeze(at(T0));
    expect(listsDueMs(at(T0), true)).toBeDefined();
  });

  it("at start, but not again within five minutes", () => {
    data.store.saveVm(someVm(), true);
    expect(listsDueMs(at(T0), false)).toBeLessThanOrEqual(T0);
    show(T0, [[], [], []]);
    expect(listsDueMs(at(T0 + MIN), true)).toBe(T0 + 15 * MIN);
    expect(listsDueMs(at(T0 + MIN), false)).toBe(T0 + 5 * MIN);
  });
});

describe("a restore", () => {
  it("freezes, makes what was not sent yet unknown, and lets nobody end the freeze before two readings", () => {
    data.store.saveVm(requested(), true);
    noteRestored(at(T0), 41);
    expect(data.store.loadAccount()).toMatchObject({ state: "frozen", restored: true, commitSeq: 41 });
    expect(data.store.loadLive()).toMatchObject([{ state: "UNKNOWN" }]);
    expect(notReconciled(at(T0))).toMatchObject({ code: "account.restored", facts: { coreNodesRead: 0 } });
    show(T0 + S, [[], [], null]);
    expect(notReconciled(at(T0 + S))).toMatchObject({ facts: { coreNodesRead: 2 } });
    show(T0 + 62 * S, [[], null, null]);
    expect(notReconciled(at(T0 + 62 * S))).not.toBeNull();
    show(T0 + 2 * MIN, [[], null, []]);
    expect(notReconciled(at(T0 + 2 * MIN))).toBeNull();
    expect(noticesOf()).toContain("reconciled");
  });

  it("a second one starts the comparison anew", () => {
    noteRestored(at(T0), 41);
    show(T0 + S, [[], [], []]);
    show(T0 + 2 * MIN, [[], [], []]);
    noteRestored(at(T0 + H), 90);
    expect(notReconciled(at(T0 + H))).not.toBeNull();
  });

  it("no freeze is ended before Watch was heard: there may have been another restore since it was compared", () => {
    noteRestored(at(T0), 41);
    show(T0 + S, [[], [], []]);
    show(T0 + 2 * MIN, [[], [], []]);
    const unheard = at(T0 + H, { watchHeard: false });
    expect(notReconciled(unheard)).toMatchObject({ code: "account.watch_silent" });
    expect(notReconciled(at(T0 + H))).toBeNull();
  });

  it("keeps its freeze while something found is not adopted yet", () => {
    noteRestored(at(T0), 41);
    show(T0 + S, [[], [], []]);
    show(T0 + 2 * MIN, [one, one, []]);
    expect(notReconciled(at(T0 + 2 * MIN))).toMatchObject({ facts: { findingsOpen: 1 } });
    show(T0 + 3 * MIN, [one, one, []]);
    expect(notReconciled(at(T0 + 3 * MIN))).toBeNull();
    expect(data.store.loadLive()).toHaveLength(1);
  });
});
