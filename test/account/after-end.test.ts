/** What the simulation found: what goes on after a VM has ended, and what freed money does first. */
import { describe, expect, it } from "vitest";
import { bookBudget, changeHolds, placeHold } from "../../src/account/books.ts";
import { planVm } from "../../src/account/plan.ts";
import { settle } from "../../src/account/settlement.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { H, hearing, hold, MIN, requested, sent, stopping, T0 } from "./vms.ts";

const kinds = (vm: Parameters<typeof planVm>[0]): readonly string[] =>
  planVm(vm, new Map(), T0 + 2 * H).map((step) => step.kind);

describe("planVm", () => {
  it("goes on asking after the end while a core node has not called it gone", () => {
    const silent = hearing(stopping(), ["FF-", H + MIN], ["FF-", H + 12 * MIN]);
    expect(silent.state).toBe("TERMINATED");
    expect(kinds(silent)).toContain("push");
    const gone = hearing(stopping(), ["FFF", H + MIN]);
    expect(kinds(gone)).not.toContain("push");
  });

  it("settles a refused create that was alive somewhere after all", () => {
    const refused = hearing(sent(), ["RRa", MIN], ["RRa", 3 * MIN]);
    expect(refused.state).toBe("FAILED");
    expect(kinds(refused)).not.toContain("settle");
    expect(kinds(hearing(refused, ["PPa", 4 * MIN], ["FFa", 9 * MIN]))).toContain("settle");
  });
});

describe("settle", () => {
  it("books the whole bill of a refused create as an overrun, for its hold is free", () => {
    const refused = hearing(sent(), ["RRa", MIN], ["RRa", 3 * MIN]);
    const voided = { ...refused, holds: [hold(0, { state: "voided", creditsOriginal: 180_000 })] };
    expect(settle(voided, 777).extra).toEqual({ kind: "overrun", credits: 777, late: true });
  });
});

describe("changeHolds", () => {
  it("pays a deficit off with what a hold sets free", () => {
    const data = new MemoryStore();
    const { store } = data;
    const born = { name: "a", objectId: "o", owner: "0x1", agentAddress: "0x2", bornAtMs: T0 } as const;
    store.insertAccount(born);
    bookBudget(store, 200_000, T0);
    store.saveVm(requested({ holds: [] }), true);
    placeHold(store, hold(180_000));
    bookBudget(store, 100_000, T0);
    expect(store.balanceOf()).toMatchObject({ deficit: 80_000, available: 0, held: 180_000 });
    changeHolds(store, [hold(180_000)], [hold(60_000, { state: "shrunk" })], T0);
    expect(store.balanceOf()).toEqual({ granted: 100_000, deficit: 0, available: 40_000, held: 60_000, posted: 0 });
  });
});
