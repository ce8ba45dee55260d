import { describe, expect, test } from "vitest";
import { type AgentCall, noteCall } from "../../src/account/call-log.ts";
import type { Facts } from "../../src/errors.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { momentOf } from "./moments.ts";
import { H, MIN, T0 } from "./vms.ts";

const READ: AgentCall = {
  tool: "aleph_get_vm",
  changes: false,
  code: "ok",
  latencyMs: 3,
  costCredits: null,
  parameters: {},
};
const NO: AgentCall = { ...READ, tool: "aleph_create_vm", code: "policy.burn", parameters: { cpu: 4 } };

function log() {
  const memory = new MemoryStore();
  const call = (atMs: number, one: AgentCall, grantId = "gr_a"): boolean => {
    const moment = momentOf(memory.store, atMs);
    noteCall(moment, grantId, one);
    return moment.touched;
  };
  const rows = (): readonly Facts[] =>
    [...memory.audits.values()].map(({ kind, factsJson }) => ({ kind, ...(JSON.parse(factsJson) as Facts) }));
  return { memory, call, rows };
}

describe("noteCall", () => {
  test("a read leaves the chain and the account's commits alone", () => {
    const { call, rows } = log();
    expect(call(T0, READ)).toBe(false);
    expect(rows()).toEqual([]);
  });

  test("a refusal is written at once, with its parameters; its equals within the hour are a number", () => {
    const { call, rows } = log();
    expect(call(T0, NO)).toBe(true);
    const first = { kind: "call.made", grantId: "gr_a", tool: "aleph_create_vm", code: "policy.burn", latencyMs: 3 };
    expect(rows()).toEqual([{ ...first, costCredits: null, cpu: 4 }]);
    for (let minute = 1; minute < 60; minute++) expect(call(T0 + minute * MIN, NO)).toBe(false);
    expect(rows()).toHaveLength(1);
    call(T0 + H, READ);
    expect(rows()[1]).toEqual({
      kind: "call.repeated",
      grantId: "gr_a",
      tool: "aleph_create_vm",
      code: "policy.burn",
      again: 59,
      sinceMs: T0,
      lastMs: T0 + 59 * MIN,
    });
    call(T0 + H, NO);
    expect(rows()).toHaveLength(3);
  });

  test("another code, tool or agent is another row; taking turns does not fill the chain", () => {
    const { call, rows } = log();
    const other = { ...NO, code: "policy.per_vm" };
    for (let minute = 0; minute < 30; minute++) for (const one of [NO, other]) call(T0 + minute * MIN, one);
    call(T0 + MIN, NO, "gr_b");
    expect(rows().map((row) => row["kind"])).toEqual(["call.made", "call.made", "call.made"]);
    call(T0 + 2 * H, READ);
    expect(
      rows()
        .slice(3)
        .map((row) => row["again"]),
    ).toEqual([29, 29]);
  });

  test("a repeated accept of one quote is one row, that of another quote a second", () => {
    const { call, rows } = log();
    const made = (quote_id: string): AgentCall => ({ ...NO, changes: true, code: "ok", parameters: { quote_id } });
    for (const id of ["q_a", "q_a", "q_b", "q_a"]) call(T0, made(id));
    expect(rows().map((row) => row["quote_id"])).toEqual(["q_a", "q_b"]);
  });

  test("while the storage is nearly full nothing is written", () => {
    const { memory, call, rows } = log();
    memory.store.databaseBytes = () => 8_000_000_001;
    expect(call(T0, NO)).toBe(false);
    expect(rows()).toEqual([]);
  });
});
