/** What the operator's pause is said before, on the real records over memory. */
import { beforeEach, describe, expect, test } from "vitest";
import { accountGate, type Health } from "../../src/account/checks.ts";
import { born, momentOf } from "./moments.ts";
import { GRANT, T0 } from "./vms.ts";

let data = born();
beforeEach(() => {
  data = born();
});

function said(paused: boolean, health: Partial<Health> = {}): string | undefined {
  return accountGate(momentOf(data.store, T0, { health, config: { paused } }), GRANT, "ok")?.code;
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
