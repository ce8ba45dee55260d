import { readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { audit, bookBudget, bookExtra, changeHolds, placeHold } from "../../src/account/books.ts";
import { fold, type Told } from "../../src/account/fold.ts";
import { recorded } from "../../src/account/recorded.ts";
import type { Approval, Hold } from "../../src/account/types.ts";
import type { Facts } from "../../src/errors.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { GRANT, hold, requested, T0 } from "./vms.ts";

function opened() {
  const memory = new MemoryStore();
  const owner = "0x0000000000000000000000000000000000000001" as const;
  memory.store.insertAccount({ name: "a", objectId: "o", owner, agentAddress: owner, bornAtMs: T0 });
  const store = recorded(memory.store, (kind, facts) => audit(memory.store, T0, kind, facts));
  const told = (): Told[] =>
    [...memory.audits.values()].map(({ atMs, kind, factsJson }) => ({
      atMs,
      kind,
      facts: JSON.parse(factsJson) as Facts,
    }));
  return { memory, store, told };
}

const APPROVAL: Approval = {
  approvalId: "ap_a",
  grantId: "gr_a",
  quoteId: "q_a",
  state: "pending",
  facts: { costCreditsMax: 7 } as Approval["facts"],
  askedAtMs: T0,
  requestExpiresAtMs: T0 + 1,
  decidedAtMs: null,
  validUntilMs: null,
};

describe("fold", () => {
  test("nothing told is an account at its birth", () => {
    expect(fold([])).toMatchObject({ account: { state: "active" }, policyVersion: 0, sinceBirth: true });
  });

  test("kinds that change no state, and those of a later version, are passed over", () => {
    const other: Told[] = ["breaker.opened", "agent.call", "vm.settled", "vm.sighted", "later.kind"].map((kind) => ({
      atMs: T0,
      kind,
      facts: {},
    }));
    expect(fold(other)).toEqual(fold([]));
  });

  test("a VM is told from its admission to its end, extensions included", () => {
    const vm = (kind: string, facts: Facts = {}): Told => ({ atMs: T0, kind, facts: { vmId: "vm_a", ...facts } });
    const born = vm("vm.admitted", { grantId: "gr_a", quoteId: "q_a", expiresAtMs: T0 + 5 });
    expect(
      fold([born, vm("vm.sent"), vm("vm.extended", { expiresAtMs: T0 + 9 }), vm("vm.stopping")]).vms.get("vm_a"),
    ).toEqual({
      grantId: "gr_a",
      state: "STOPPING",
      expiresAtMs: T0 + 9,
    });
  });

  test("a row about a VM that was never admitted is an error, not a guess", () => {
    expect(() => fold([{ atMs: T0, kind: "vm.sent", facts: { vmId: "vm_x" } }])).toThrow("internal.invariant");
    expect(() => fold([{ atMs: T0, kind: "hold.changed", facts: { holdId: "h_x" } }])).toThrow("internal.invariant");
  });

  test("what an older account carried over is where its balance starts", () => {
    const books = { granted: 100, deficit: 0, available: 60, held: 40, posted: 0, policyVersion: 3 };
    const one = { holdId: "h_a", vmId: "vm_a", grantId: "gr_a", kind: "create", approved: false };
    const folded = fold([
      { atMs: T0, kind: "carried.books", facts: books },
      { atMs: T0, kind: "carried.vm", facts: { vmId: "vm_a", grantId: "gr_a", state: "HEALTHY", expiresAtMs: T0 } },
      {
        atMs: T0,
        kind: "carried.hold",
        facts: { ...one, state: "held", credits: 40, creditsOriginal: 40, heldAtMs: 5 },
      },
      { atMs: T0, kind: "hold.changed", facts: { holdId: "h_a", vmId: "vm_a", state: "shrunk", credits: 10 } },
    ]);
    expect(folded.balance).toEqual({ granted: 100, deficit: 0, available: 90, held: 10, posted: 0 });
    expect(folded).toMatchObject({ policyVersion: 3, sinceBirth: false });
    expect(folded.holds.get("h_a")?.atMs).toBe(5);
  });

  test("the account, its grants and its approvals are told by whoever changes them", () => {
    const { store, memory, told } = opened();
    store.saveGrant(GRANT);
    store.saveGrant({ ...GRANT, clientName: "renamed" });
    store.saveGrant({ ...GRANT, state: "frozen" });
    store.saveApproval(APPROVAL);
    store.saveApproval({ ...APPROVAL, state: "approved" });
    store.setFrozen("overrun");
    store.setKeyLost(true);
    const folded = fold(told());
    expect(folded.grants.get("gr_a")).toEqual({ state: "frozen", creditsMax: GRANT.creditsMax });
    expect(folded.approvals.get("ap_a")).toBe("approved");
    expect(folded.account).toEqual({ state: "frozen", reason: "overrun", restored: false, keyLost: true });
    expect(memory.audits.size).toBe(6);
    expect(memory.store.auditHolds()).toBe(true);
  });

  /** Budgets, holds, shrinking, posting, voiding and extras, in any order that the rules allow. */
  const step = fc.record({ what: fc.nat(5), credits: fc.integer({ min: 1, max: 5_000 }), which: fc.nat(20) });

  test("the books folded from the rows are the books, after any history", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { memory, store, told } = opened();
        memory.store.saveVm(requested({ holds: [] }), true);
        for (const [index, { what, credits, which }] of steps.entries()) {
          const all = [...memory.holds.values()];
          const one = all[which % Math.max(1, all.length)];
          if (what === 0) bookBudget(store, credits * 4, T0 + index);
          else if (what === 1) bookExtra(store, requested(), { kind: "overrun", credits, late: false }, T0 + index);
          else if (what === 2 || one === undefined)
            placeHold(store, hold(credits, { holdId: `h_${index}`, atMs: T0 + index }));
          else changeHolds(store, [one], [after(one, what, credits)], T0 + index);
        }
        const folded = fold(told());
        expect(folded.balance).toEqual(memory.store.balanceOf());
        expect([...folded.holds.values()]).toEqual([...memory.holds.values()]);
        const extras = [...memory.extras.values()].reduce((sum, extra) => sum + extra.credits, 0);
        expect(folded.extras.get("vm_a") ?? 0).toBe(extras);
      }),
    );
  });
});

function after(one: Hold, what: number, credits: number): Hold {
  if (one.state === "posted" || one.state === "voided") return one;
  if (what === 3) return { ...one, state: "voided", credits: 0 };
  return { ...one, state: what === 4 ? "shrunk" : "posted", credits: Math.min(one.credits, credits) };
}

describe("the kinds of the chain", () => {
  test("are those that docs/audit.md explains, each of them", () => {
    const folder = `${import.meta.dirname}/../../src/account`;
    const source = readdirSync(folder)
      .map((name) => readFileSync(`${folder}/${name}`, "utf8"))
      .join("\n");
    const named = [
      ...source.matchAll(
        /(?:audit\((?:store, [a-zA-Z.]+, )?|note\()(?:before === undefined \? |additionalCredits === null \? )?"([a-z_]+\.[a-z_]+)"/g,
      ),
    ];
    const kinds = new Set(named.map(([, kind]) => kind));
    expect(kinds.size).toBeGreaterThan(15);
    const doc = readFileSync(`${folder}/../../docs/audit.md`, "utf8");
    expect([...kinds].filter((kind) => !doc.includes(`\`${kind}\``))).toEqual([]);
  });
});
