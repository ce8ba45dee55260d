import { beforeEach, describe, expect, it } from "vitest";
import {
  COOLING_MS,
  coolingNodes,
  createLeaseTables,
  dropLease,
  keepFailure,
  LEASE_MS_MAX,
  takeLease,
} from "../../src/directory/leases.ts";
import { hashOf } from "./nodes.ts";
import { memorySql } from "./sqlite.ts";

const NOW = 1_790_000_000_000;
let sql = memorySql();

beforeEach(() => {
  sql = memorySql();
  createLeaseTables(sql);
});

function take(key: string, nowMs = NOW, account = "alice", letter = "a"): boolean {
  return takeLease(sql, { account, key, nodeHash: hashOf(letter), nowMs });
}

describe("takeLease", () => {
  it("gives an account three leases and refuses the fourth", () => {
    expect([take("q1"), take("q2"), take("q3"), take("q4")]).toEqual([true, true, true, false]);
  });

  it("takes the same key again as the same lease, also on another node", () => {
    take("q1");
    take("q2");
    take("q3");
    expect(take("q3", NOW, "alice", "b")).toBe(true);
    expect(take("q4")).toBe(false);
  });

  it("ends a lease after ten minutes by itself", () => {
    take("q1");
    take("q2");
    take("q3");
    expect(take("q4", NOW + LEASE_MS_MAX - 1)).toBe(false);
    expect(take("q4", NOW + LEASE_MS_MAX)).toBe(true);
  });

  it("counts ten minutes from the last time that a key was asked for", () => {
    take("q1");
    take("q1", NOW + 300_000);
    take("q2", NOW + 300_000);
    take("q3", NOW + 300_000);
    expect(take("q4", NOW + LEASE_MS_MAX)).toBe(false);
    expect(take("q4", NOW + 300_000 + LEASE_MS_MAX)).toBe(true);
  });

  it("counts each account alone", () => {
    ["q1", "q2", "q3"].forEach((key) => take(key));
    expect(take("q1", NOW, "bob")).toBe(true);
    expect(take("q4")).toBe(false);
  });
});

describe("dropLease", () => {
  it("makes room, and only for the account that gave its lease back", () => {
    ["q1", "q2", "q3"].forEach((key) => take(key));
    dropLease(sql, { account: "bob", key: "q1" });
    expect(take("q4")).toBe(false);
    dropLease(sql, { account: "alice", key: "q1" });
    dropLease(sql, { account: "alice", key: "q1" });
    expect(take("q4")).toBe(true);
  });
});

const DAY_MS = 86_400_000;
const failed = (name: string, failedAtMs: number, account = "alice") => ({
  nodeHash: hashOf(name),
  failedAtMs,
  account,
});

describe("coolingNodes", () => {
  it("names the nodes that failed within fifteen minutes", () => {
    keepFailure(sql, failed("b", NOW));
    keepFailure(sql, failed("a", NOW + 1));
    expect(coolingNodes(sql, NOW + 1)).toEqual([hashOf("a"), hashOf("b")]);
    expect(coolingNodes(sql, NOW + COOLING_MS)).toEqual([hashOf("a")]);
    expect(coolingNodes(sql, NOW + COOLING_MS + 1)).toEqual([]);
  });
});

describe("keepFailure", () => {
  it("counts from the latest failure, in whatever order they are told", () => {
    keepFailure(sql, failed("a", NOW + 60_000));
    keepFailure(sql, failed("a", NOW, "bob"));
    expect(coolingNodes(sql, NOW + COOLING_MS + 59_999)).toEqual([hashOf("a")]);
  });

  it("counts one failure of an account on a node in a day, so that nobody keeps a node from the others", () => {
    const later = NOW + COOLING_MS;
    keepFailure(sql, failed("a", NOW));
    keepFailure(sql, failed("a", later));
    expect(coolingNodes(sql, later)).toEqual([]);
    keepFailure(sql, failed("b", later));
    keepFailure(sql, failed("a", later + 1, "bob"));
    expect(coolingNodes(sql, later + 1)).toEqual([hashOf("a"), hashOf("b")]);
    keepFailure(sql, failed("a", NOW + DAY_MS));
    expect(coolingNodes(sql, NOW + DAY_MS)).toEqual([hashOf("a")]);
  });
});
