import { beforeEach, describe, expect, it } from "vitest";
import {
  anythingToWatch,
  countByKek,
  createWatchTables,
  earliestDueMs,
  keepNameCheck,
  keepReport,
  lastSeqOf,
  SILENCE_MS_MAX,
  takeOtherKeks,
  takeOverdue,
  WAKES_PER_RUN_MAX,
} from "../../src/directory/watch-rows.ts";
import type { WatchReport } from "../../src/directory/watch-rows.ts";
import { memorySql } from "./sqlite.ts";

const NOW = 1_790_000_000_000;
const THRESHOLD = 300_000;
let sql = memorySql();

beforeEach(() => {
  sql = memorySql();
  createWatchTables(sql);
});

function report(name: string, differs: Partial<WatchReport> = {}, nowMs = NOW): number {
  const full = { name, objectId: `id-${name}`, nextDueMs: NOW, commitSeq: 1, kekVersion: 1, live: 0, ...differs };
  return keepReport(sql, full, nowMs).commitSeqBefore;
}

const names = (nowMs: number, thresholdMs: number): string[] =>
  takeOverdue(sql, nowMs, thresholdMs).map((one) => one.name);

describe("keepReport", () => {
  it("answers the largest number seen before, 0 at first", () => {
    expect(report("a", { commitSeq: 3 })).toBe(0);
    expect(report("a", { commitSeq: 7 })).toBe(3);
    expect(report("a", { commitSeq: 5 })).toBe(7);
    expect(report("a", { commitSeq: 8 })).toBe(7);
    expect(report("b", { commitSeq: 1 })).toBe(0);
  });

  it("lets a late report change nothing, not even when it was last heard", () => {
    report("a", { commitSeq: 7, nextDueMs: NOW + 1_000, live: 1, kekVersion: 2 });
    report("a", { commitSeq: 6, nextDueMs: null, live: 0, kekVersion: 1 }, NOW + SILENCE_MS_MAX);
    expect(lastSeqOf(sql, "a")).toBe(7);
    expect(earliestDueMs(sql)).toBe(NOW + 1_000);
    expect(countByKek(sql)).toEqual([{ kekVersion: 2, accounts: 1 }]);
    expect(names(NOW + SILENCE_MS_MAX, NOW)).toEqual(["a"]); // by its silence: a threshold that large forgives being due
  });

  it("takes the same number again as a word from the account", () => {
    report("a", { commitSeq: 7, nextDueMs: NOW + 1_000, live: 1 });
    expect(report("a", { commitSeq: 7, nextDueMs: NOW + 2_000, live: 1 }, NOW + SILENCE_MS_MAX)).toBe(7);
    expect(earliestDueMs(sql)).toBe(NOW + 2_000);
    expect(names(NOW + SILENCE_MS_MAX, NOW)).toEqual([]);
  });
});

describe("lastSeqOf", () => {
  it("is 0 for an account that was never heard of", () => {
    expect(lastSeqOf(sql, "nobody")).toBe(0);
  });
});

describe("keepNameCheck", () => {
  it("keeps the first value and knows it again", () => {
    expect(keepNameCheck(sql, "one")).toBe(true);
    expect(keepNameCheck(sql, "one")).toBe(true);
    expect(keepNameCheck(sql, "two")).toBe(false);
    expect(keepNameCheck(sql, "one")).toBe(true);
  });
});

describe("takeOverdue", () => {
  it("takes what is overdue by the threshold, with the id to wake it by", () => {
    report("a", { nextDueMs: NOW });
    report("b", { nextDueMs: NOW + 1 });
    report("c", { nextDueMs: null });
    expect(takeOverdue(sql, NOW + THRESHOLD - 1, THRESHOLD)).toEqual([]);
    expect(takeOverdue(sql, NOW + THRESHOLD, THRESHOLD)).toEqual([{ name: "a", objectId: "id-a" }]);
  });

  it("takes what is due to the millisecond when the threshold is 0, so that a stepping clock moves on", () => {
    report("a", { nextDueMs: NOW });
    expect(names(NOW - 1, 0)).toEqual([]);
    expect(names(NOW, 0)).toEqual(["a"]);
  });

  it("takes accounts with live VMs after fifteen minutes without a word, but not with threshold 0", () => {
    report("a", { nextDueMs: NOW + 86_400_000, live: 1 });
    report("b", { nextDueMs: NOW + 86_400_000, live: 0 });
    report("c", { nextDueMs: null, live: 2 });
    expect(names(NOW + SILENCE_MS_MAX - 1, THRESHOLD)).toEqual([]);
    expect(names(NOW + SILENCE_MS_MAX, 0)).toEqual([]);
    expect(names(NOW + SILENCE_MS_MAX, THRESHOLD)).toEqual(["a", "c"]);
  });

  it("takes a bounded number, longest due first, and lets those who never wake not keep the rest asleep", () => {
    const all = Array.from({ length: WAKES_PER_RUN_MAX + 20 }, (_, n) => `account-${String(n).padStart(3, "0")}`);
    all.toReversed().forEach((name) => report(name, { nextDueMs: NOW + all.indexOf(name) }));
    expect(names(NOW + 1_000, 0)).toEqual(all.slice(0, WAKES_PER_RUN_MAX));
    expect(names(NOW + 2_000, 0).slice(0, 20)).toEqual(all.slice(WAKES_PER_RUN_MAX));
  });
});

describe("earliestDueMs", () => {
  it("is the smallest due time, and null when nobody is due", () => {
    expect(earliestDueMs(sql)).toBeNull();
    report("a", { nextDueMs: null });
    expect(earliestDueMs(sql)).toBeNull();
    report("b", { nextDueMs: NOW + 5 });
    report("c", { nextDueMs: NOW + 3 });
    expect(earliestDueMs(sql)).toBe(NOW + 3);
  });
});

describe("anythingToWatch", () => {
  it("is true while anybody is due or has a VM that may live", () => {
    expect(anythingToWatch(sql)).toBe(false);
    report("a", { nextDueMs: null, live: 0 });
    expect(anythingToWatch(sql)).toBe(false);
    report("a", { nextDueMs: null, live: 1, commitSeq: 2 });
    expect(anythingToWatch(sql)).toBe(true);
    report("a", { nextDueMs: NOW, live: 0, commitSeq: 3 });
    expect(anythingToWatch(sql)).toBe(true);
  });
});

describe("countByKek", () => {
  it("counts sleeping accounts as well, by the version that seals their key", () => {
    report("a", { kekVersion: 1 });
    report("b", { kekVersion: 2 });
    report("c", { kekVersion: 2 });
    expect(countByKek(sql)).toEqual([
      { kekVersion: 1, accounts: 1 },
      { kekVersion: 2, accounts: 2 },
    ]);
  });
});

describe("takeOtherKeks", () => {
  const taken = (nowMs: number, version: number, limit = 10): readonly string[] =>
    takeOtherKeks(sql, nowMs, version, limit).map((sleeper) => sleeper.name);

  it("finds whoever is sealed with another version, older or newer, and nobody without a key", () => {
    report("a", { kekVersion: 1 });
    report("b", { kekVersion: 2 });
    report("c", { kekVersion: 3 });
    report("d", { kekVersion: 0 });
    expect(taken(NOW, 2)).toEqual(["a", "c"]);
  });

  it("takes no more than there is room for, and nobody twice within an hour", () => {
    for (const name of ["a", "b", "c"]) report(name, { kekVersion: 1 });
    expect(taken(NOW, 2, 2)).toEqual(["a", "b"]);
    expect(taken(NOW + 1_000, 2, 2)).toEqual(["c"]);
    expect(taken(NOW + 3_599_999, 2, 2)).toEqual([]);
    expect(taken(NOW + 3_600_000, 2, 2)).toEqual(["a", "b"]);
  });
});
