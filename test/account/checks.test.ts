/** What the operator's pause is said before, on the real records over memory. */
import { beforeEach, describe, expect, test } from "vitest";
import { accountGate, type Health } from "../../src/account/checks.ts";
import { Moment } from "../../src/account/moment.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { GRANT, T0 } from "./vms.ts";

const WELL: Health = { watchHeard: true, schemaKnown: true };
const CONFIG = { origin: "https://a.example", network: "twin", unattendedRefused: false, unattended: false } as const;
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

let data = new MemoryStore();
beforeEach(() => {
  data = new MemoryStore();
  data.store.insertAccount({ name: "acc", objectId: "o", owner: "0xowner", agentAddress: "0xkey", bornAtMs: T0 });
});

function said(paused: boolean, health: Partial<Health> = {}): string | undefined {
  const known = { ...WELL, ...health };
  return accountGate(new Moment(data.store, T0, { ...CONFIG, paused }, random, known), known, GRANT, "ok")?.code;
}

describe("the operator's pause", () => {
  test("is all that refuses an account that is well, for as long as it lasts", () => {
    expect([said(true), said(false)]).toEqual(["service.paused", undefined]);
  });

  test.each<readonly [string, () => void]>([
    ["account.restored", () => data.store.setRestored(true)],
    ["account.storage", () => void (data.store.databaseBytes = () => 9_000_000_000)],
    ["account.frozen", () => data.store.setFrozen("owner")],
    ["account.key_lost", () => data.store.setKeyLost(true)],
  ])("is said before %s: nobody is to mend that meanwhile", (code, change) => {
    change();
    expect([said(true), said(false)]).toEqual(["service.paused", code]);
  });

  test.each<readonly [string, Partial<Health>]>([
    ["account.watch_silent", { watchHeard: false }],
    ["account.schema", { schemaKnown: false }],
  ])("is said before %s too", (code, health) => {
    expect([said(true, health), said(false, health)]).toEqual(["service.paused", code]);
  });
});
