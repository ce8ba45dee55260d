import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fixedClock, hashOf } from "./nodes.ts";
import { memorySql } from "./sqlite.ts";

vi.mock("cloudflare:workers", () => ({
  DurableObject: class {
    readonly ctx: unknown;
    readonly env: unknown;
    constructor(ctx: unknown, env: unknown) {
      this.ctx = ctx;
      this.env = env;
    }
  },
}));
const { DirectoryObject } = await import("../../src/directory/object.ts");
const { SHARDS, shardOf, WatchObject } = await import("../../src/directory/watch.ts");

const NOW = 1_790_000_000_000;
const MINUTE = 60_000;

function fakeState(): { ctx: DurableObjectState; alarms: number[] } {
  const alarms: number[] = [];
  const storage = {
    sql: memorySql(),
    setAlarm: async (atMs: number) => {
      alarms.push(atMs);
    },
  };
  return { ctx: { storage } as unknown as DurableObjectState, alarms };
}

type Wake = () => Promise<void>;

function newWatch(wakes: Readonly<Record<string, Wake>> = {}, offsetMs = 0) {
  const { ctx, alarms } = fakeState();
  const fixed = fixedClock(NOW);
  const clock = { ...fixed, alarmAtMs: (dueMs: number) => dueMs - offsetMs };
  const woken: string[] = [];
  const idFromString = (text: string): DurableObjectId => {
    if (text === "id-bad") throw new TypeError("not an id of this namespace");
    return text as unknown as DurableObjectId;
  };
  const get = (id: DurableObjectId): { wake: Wake } => ({
    wake: async () => {
      const name = String(id).slice("id-".length);
      await wakes[name]?.();
      woken.push(name);
    },
  });
  const watch = new WatchObject(ctx, { ACCOUNT: { idFromString, get } }, clock);
  const report = (name: string, nextDueMs: number | null, commitSeq = 1, live = 0): number =>
    watch.report({ name, objectId: `id-${name}`, nextDueMs, commitSeq, kekVersion: 1, live }, fixed.nowMs())
      .commitSeqBefore;
  return { watch, report, woken, alarms, set: fixed.set };
}

describe("DirectoryObject", () => {
  it("keeps what was seen of nodes, and counts it anew once a minute", () => {
    const directory = new DirectoryObject(fakeState().ctx, {});
    const note = (account: string): void =>
      directory.noteSample({ account, nodeHash: hashOf("a"), atMs: NOW, start: "ready", toSshMs: 20_000 });
    for (const account of ["alice", "bob"]) note(account);
    expect(directory.league(NOW).whole.startPct).toEqual({ value: null, samples: 2, accounts: 2 });
    note("carol");
    expect(directory.league(NOW + MINUTE - 1).whole.startPct.samples).toBe(2);
    const { whole, nodes } = directory.league(NOW + MINUTE);
    expect(whole.startPct).toEqual({ value: 100, samples: 3, accounts: 3 });
    expect(nodes).toMatchObject([{ nodeHash: hashOf("a"), figures: { toSshMsP50: { value: 20_000 } } }]);
  });

  it("leases, gives back, and remembers failures for everybody", () => {
    const directory = new DirectoryObject(fakeState().ctx, {});
    const lease = (key: string): boolean =>
      directory.lease({ account: "alice", key, nodeHash: hashOf("a"), nowMs: NOW });
    expect(["q1", "q2", "q3", "q4"].map(lease)).toEqual([true, true, true, false]);
    directory.release({ account: "alice", key: "q2" });
    expect(lease("q4")).toBe(true);
    directory.noteFailure(hashOf("b"), NOW, "alice");
    expect(directory.cooling(NOW + 14 * MINUTE)).toEqual([hashOf("b")]);
    expect(directory.cooling(NOW + 15 * MINUTE)).toEqual([]);
  });
});

describe("shardOf", () => {
  it("spreads names over all sixteen shards, always the same way", () => {
    const shards = Array.from({ length: 500 }, (_, n) => shardOf(`account-${n}`));
    expect(new Set(shards)).toEqual(new Set(SHARDS));
    expect(SHARDS).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]);
    expect(shardOf("account-1")).toBe(shards[1]);
  });
});

describe("WatchObject", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("keeps what is reported and answers by it", () => {
    const { watch, report } = newWatch();
    expect(report("a", NOW + 5, 4)).toBe(0);
    expect(report("a", NOW + 5, 2)).toBe(4);
    expect(watch.lastSeq("a")).toBe(4);
    expect(watch.lastSeq("b")).toBe(0);
    expect(watch.nextDueMs()).toBe(NOW + 5);
    expect(watch.checkName("check")).toBe(true);
    expect(watch.checkName("other")).toBe(false);
    expect(watch.kekVersions()).toEqual([{ kekVersion: 1, accounts: 1 }]);
  });

  it("counts the accounts that another version of the sealing key still seals", async () => {
    const { watch, report } = newWatch();
    for (const name of ["a", "b"]) report(name, null);
    expect((await watch.sweep(NOW, 5 * MINUTE, 2)).otherKeks).toBe(2);
    expect((await watch.sweep(NOW, 5 * MINUTE, 1)).otherKeks).toBe(0);
  });

  it("wakes who is overdue and says who is due next", async () => {
    const { watch, report, woken } = newWatch({ a: async () => void report("a", NOW + 60 * MINUTE, 2) });
    report("a", NOW - 5 * MINUTE);
    report("b", NOW - 4 * MINUTE);
    expect(await watch.sweep(NOW, 5 * MINUTE)).toEqual({
      tried: 1,
      woken: 1,
      otherKeks: 0,
      earliestMs: NOW - 4 * MINUTE,
    });
    expect(woken).toEqual(["a"]);
  });

  it("goes on when an account throws, has an id that cannot be, or hangs", async () => {
    const { watch, report, woken } = newWatch({
      throws: () => Promise.reject(new Error("broken")),
      hangs: () => new Promise<void>(() => undefined),
    });
    for (const name of ["throws", "bad", "hangs", "fine"]) report(name, NOW);
    const sweeping = watch.sweep(NOW, 0);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await sweeping).toEqual({ tried: 4, woken: 1, otherKeks: 0, earliestMs: NOW });
    expect(woken).toEqual(["fine"]);
  });

  it("arms its own alarm at the first report that needs one, on the machine's clock, and does not push it away", () => {
    const { report, alarms, set } = newWatch({}, 1_000_000);
    report("a", null);
    expect(alarms).toEqual([]);
    report("a", NOW + 60 * MINUTE, 2);
    set(NOW + MINUTE);
    report("a", NOW + 60 * MINUTE, 3);
    expect(alarms).toEqual([NOW + 5 * MINUTE - 1_000_000]);
  });

  it("arms again when the last alarm has passed without ringing, or when the clock went back", () => {
    const { report, alarms, set } = newWatch();
    report("a", NOW);
    set(NOW + 10 * MINUTE);
    report("a", NOW, 2);
    set(NOW - 60 * MINUTE);
    report("a", NOW, 3);
    expect(alarms).toEqual([NOW + 5 * MINUTE, NOW + 15 * MINUTE, NOW - 55 * MINUTE]);
  });

  it("sweeps by itself every five minutes while anything is due or may live", async () => {
    const { watch, report, woken, alarms, set } = newWatch();
    report("a", NOW);
    set(NOW + 5 * MINUTE);
    await watch.alarm();
    expect(woken).toEqual(["a"]);
    expect(alarms).toEqual([NOW + 5 * MINUTE, NOW + 10 * MINUTE]);
    report("a", null, 2);
    set(NOW + 10 * MINUTE);
    await watch.alarm();
    expect(alarms).toHaveLength(2);
    report("a", null, 3, 1);
    expect(alarms).toHaveLength(3);
  });

  it("comes back within seconds when a run reached its bound", async () => {
    const { watch, report, woken, alarms, set } = newWatch();
    for (let n = 0; n < 60; n += 1) report(`account-${n}`, NOW);
    set(NOW + 5 * MINUTE);
    await watch.alarm();
    expect(woken).toHaveLength(50);
    expect(alarms.at(-1)).toBe(NOW + 5 * MINUTE + 10_000);
    set(NOW + 5 * MINUTE + 10_000);
    await watch.alarm();
    expect(new Set(woken).size).toBe(60);
  });
});
