/**
 * The account's state, told again by its audit rows alone (I17): a row of the chain for each change, none left out.
 *
 * Pure. Kinds that change no state are passed over, so that what is added to the chain later needs nothing here. The
 * money is booked anew by the rules of `ledger.ts`, so a balance that the rows do not explain shows.
 */
import { AllowanceError, type Fact, type Facts } from "../errors.ts";
import {
  apply,
  type Balance,
  budgetEntries,
  changeEntries,
  EMPTY_BALANCE,
  type Entry,
  extraEntries,
  holdEntries,
  repay,
} from "./ledger.ts";
import type { ApprovalState, Credits, GrantState, Hold, HoldState, VmState } from "./types.ts";

export type Told = { readonly atMs: number; readonly kind: string; readonly facts: Facts };

export type FoldedVm = { readonly grantId: string; readonly state: VmState; readonly expiresAtMs: number };

export type Folded = {
  readonly account: {
    readonly state: "active" | "frozen";
    readonly reason: string | null;
    readonly restored: boolean;
    readonly keyLost: boolean;
  };
  readonly policyVersion: number;
  readonly grants: ReadonlyMap<string, { readonly state: GrantState; readonly creditsMax: Credits }>;
  readonly approvals: ReadonlyMap<string, ApprovalState>;
  readonly vms: ReadonlyMap<string, FoldedVm>;
  readonly holds: ReadonlyMap<string, Hold>;
  /** Corrections and overruns, by VM. */
  readonly extras: ReadonlyMap<string, Credits>;
  readonly balance: Balance;
  /** False for an account that is older than the chain's memory: what had ended before is not in it. */
  readonly sinceBirth: boolean;
};

type State = {
  -readonly [K in keyof Folded]: Folded[K] extends ReadonlyMap<infer Id, infer V> ? Map<Id, V> : Folded[K];
};

const VM_STATES: ReadonlySet<string> = new Set<VmState>([
  "REQUESTED",
  "SENT",
  "UNKNOWN",
  "PROVISIONING",
  "HEALTHY",
  "UNHEALTHY",
  "STOPPING",
  "TERMINATED",
  "FAILED",
]);

/** Rows oldest first; they may come from a stream, however long. */
export function fold(rows: Iterable<Told>): Folded {
  const state: State = {
    account: { state: "active", reason: null, restored: false, keyLost: false },
    policyVersion: 0,
    grants: new Map(),
    approvals: new Map(),
    vms: new Map(),
    holds: new Map(),
    extras: new Map(),
    balance: EMPTY_BALANCE,
    sinceBirth: true,
  };
  for (const row of rows) tell(state, row);
  return state;
}

function tell(state: State, row: Told): void {
  const change = CHANGES[row.kind];
  if (change !== undefined) return change(state, row);
  const name = row.kind.startsWith("vm.") ? row.kind.slice(3).toUpperCase() : "";
  if (VM_STATES.has(name)) changeVm(state, row.facts, { state: name as VmState });
}

const fact = <T extends Fact>(facts: Facts, name: string, is: "string" | "number" | "boolean"): T => {
  const value = facts[name];
  if (typeof value !== is) throw new AllowanceError("internal.invariant", { missing: name });
  return value as T;
};
const text = (facts: Facts, name: string): string => fact(facts, name, "string");
const whole = (facts: Facts, name: string): number => fact(facts, name, "number");
const flag = (facts: Facts, name: string): boolean => fact(facts, name, "boolean");

function changeVm(state: State, facts: Facts, change: Partial<FoldedVm>): void {
  const vmId = text(facts, "vmId");
  const vm = state.vms.get(vmId);
  if (vm !== undefined) return void state.vms.set(vmId, { ...vm, ...change });
  // What ended before the chain told everything, and is looked at again.
  if (state.sinceBirth) throw new AllowanceError("internal.invariant", { unknown: vmId });
}

const bornVm = ({ vms }: State, { facts }: Told, vmState: VmState): void =>
  void vms.set(text(facts, "vmId"), {
    grantId: text(facts, "grantId"),
    state: vmState,
    expiresAtMs: whole(facts, "expiresAtMs"),
  });

/** A VM that enters the books in whatever state it is in. */
const foundVm = (state: State, row: Told): void => bornVm(state, row, text(row.facts, "state") as VmState);

function book(state: State, entries: readonly Entry[]): void {
  const booked = entries.reduce(apply, state.balance);
  state.balance = repay(booked).reduce(apply, booked);
}

const holdFrom = ({ atMs, facts }: Told): Hold => ({
  holdId: text(facts, "holdId"),
  vmId: text(facts, "vmId"),
  grantId: text(facts, "grantId"),
  kind: text(facts, "kind") as Hold["kind"],
  state: "held",
  credits: whole(facts, "credits"),
  creditsOriginal: whole(facts, "credits"),
  atMs,
  approved: flag(facts, "approved"),
});

function changeHold(state: State, { facts }: Told): void {
  const before = state.holds.get(text(facts, "holdId"));
  if (before === undefined) throw new AllowanceError("internal.invariant", { unknown: text(facts, "holdId") });
  const after = { ...before, state: text(facts, "state") as HoldState, credits: whole(facts, "credits") };
  state.holds.set(before.holdId, after);
  book(state, changeEntries(before, after));
}

const CHANGES: Readonly<Record<string, ((state: State, row: Told) => void) | undefined>> = {
  "account.state": (state, { facts }) => {
    const reason = facts["reason"];
    state.account = {
      state: text(facts, "state") as Folded["account"]["state"],
      reason: typeof reason === "string" ? reason : null,
      restored: flag(facts, "restored"),
      keyLost: flag(facts, "keyLost"),
    };
  },
  "policy.saved": (state, { facts }) => {
    state.policyVersion = whole(facts, "version");
  },
  "grant.state": (state, { facts }) => {
    const grant = { state: text(facts, "state") as GrantState, creditsMax: whole(facts, "credits") };
    state.grants.set(text(facts, "grantId"), grant);
  },
  "approval.state": (state, { facts }) => {
    state.approvals.set(text(facts, "approvalId"), text(facts, "state") as ApprovalState);
  },
  "budget.set": (state, { facts }) => book(state, budgetEntries(state.balance, whole(facts, "credits"))),
  "hold.placed": (state, row) => {
    const hold = holdFrom(row);
    state.holds.set(hold.holdId, hold);
    book(state, holdEntries(state.balance, hold));
  },
  "hold.changed": changeHold,
  "extra.booked": (state, { facts }) => {
    const [vmId, credits] = [text(facts, "vmId"), whole(facts, "credits")];
    const kind = text(facts, "kind") as "correction" | "overrun";
    state.extras.set(vmId, (state.extras.get(vmId) ?? 0) + credits);
    book(state, extraEntries(state.balance, kind, credits));
  },
  "vm.admitted": (state, row) => bornVm(state, row, "REQUESTED"),
  "orphan.adopted": foundVm,
  "orphan.watched": foundVm,
  "vm.extended": (state, { facts }) => changeVm(state, facts, { expiresAtMs: whole(facts, "expiresAtMs") }),
  ...carried(),
};

/** How an account of an earlier schema stood when its chain began to tell everything (`carried.ts`). */
function carried(): typeof CHANGES {
  return {
    "carried.books": (state, { facts }) => {
      const side = (name: keyof Balance): number => whole(facts, name);
      const [granted, deficit, available] = [side("granted"), side("deficit"), side("available")];
      state.balance = { granted, deficit, available, held: side("held"), posted: side("posted") };
      state.policyVersion = whole(facts, "policyVersion");
      state.sinceBirth = false;
    },
    "carried.vm": foundVm,
    "carried.hold": (state, row) => {
      const { facts } = row;
      const [holdState, creditsOriginal] = [text(facts, "state") as HoldState, whole(facts, "creditsOriginal")];
      const hold = { ...holdFrom(row), state: holdState, creditsOriginal, atMs: whole(facts, "heldAtMs") };
      state.holds.set(hold.holdId, hold);
    },
  };
}
