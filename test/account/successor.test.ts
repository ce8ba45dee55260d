import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMoving, timelineOf } from "../../src/account/attempt-views.ts";
import { holdFor } from "../../src/account/credits.ts";
import { close, currentAttempt, isLive, onNodeSight, onRound, onSigned, onTime } from "../../src/account/lifecycle.ts";
import { planVm, stepKey, type StepLog } from "../../src/account/plan.ts";
import { notExtendable } from "../../src/account/requests.ts";
import { atEnd, costSoFar } from "../../src/account/settlement.ts";
import {
  ATTEMPTS_MAX,
  blamed,
  followedOn,
  mayBeFollowed,
  onExcused,
  onNextNode,
  succeeded,
} from "../../src/account/successor.ts";
import type { Attempt, NodeRef, VmRecord } from "../../src/account/types.ts";
import { attempt, FORGETS, forget, H, HASH, healthy, hold, MIN, only, provisioning, RATE } from "./vms.ts";
import { requested, round, S, sent, sight, SSH, T0, TTL_S } from "./vms.ts";

const node = (name: string): NodeRef => ({
  nodeHash: name.repeat(64).slice(0, 64),
  origin: `https://${name}.example`,
  domain: `${name}.example`,
});
const CLOSED_MS = T0 + 16 * MIN;
const hashOf = (number: number): string => String(number).repeat(64);
const nextAttempt = (vm: VmRecord, to: NodeRef): { readonly attempt: Attempt; readonly forgets: typeof FORGETS } => {
  const itemHash = hashOf(vm.attempts.length + 1);
  return {
    attempt: attempt({ itemHash, number: vm.attempts.length + 1, node: to, signature: null, firstSendMs: null }),
    forgets: [1, 2, 3, 4].map((at) => forget(`${itemHash}${at}`, { target: itemHash, signature: null })),
  };
};

/** Closed by its node, a node found; nothing is gone yet. */
const failed = (change: Partial<VmRecord> = {}): VmRecord => {
  const closed = close({ ...provisioning(), ...change }, "boot_failed", CLOSED_MS);
  return onNextNode(closed, node("c"), CLOSED_MS + S);
};
const rounded = (vm: VmRecord, letters: string, atMs: number, itemHash = currentAttempt(vm).itemHash): VmRecord =>
  onRound(vm, itemHash, round(letters, atMs));

/** What the transaction does that records the end. */
function recorded(vm: VmRecord, letters: string, atMs: number): VmRecord {
  const ended = rounded(vm, letters, atMs);
  const to = isLive(ended) ? null : followedOn(vm, ended, atMs);
  return to === null ? ended : succeeded(ended, nextAttempt(ended, to), atMs);
}
const moved = (): VmRecord => recorded(failed(), "FFF", CLOSED_MS + 10 * S);

const signed = (vm: VmRecord, atMs: number): VmRecord => {
  const { itemHash } = currentAttempt(vm);
  const mine = vm.forgets.filter((one) => one.target === itemHash);
  const forgets = mine.map((one) => ({ ...one, signature: "0x" }));
  return onSigned(vm, { itemHash, signature: "0x2", forgets, atMs });
};

describe("an attempt whose node failed is followed by another", () => {
  test("with everything of the VM as it was, and nothing of the attempt", () => {
    const vm = moved();
    expect(vm).toMatchObject({
      state: "REQUESTED",
      stateSinceMs: CLOSED_MS + 10 * S,
      expiresAtMs: requested().expiresAtMs,
      holds: requested().holds,
      endReason: null,
      endedAtMs: null,
      stopAskedAtMs: null,
      ssh: null,
      erased: "no",
      eraseTries: 0,
      priceCheckedAtMs: null,
    });
    expect(vm.attempts.map((one) => [one.number, one.closedFor, one.endedAtMs])).toEqual([
      [1, "boot_failed", CLOSED_MS + 10 * S],
      [2, undefined, null],
    ]);
  });

  test("also when its machine never spoke over SSH: nothing that was seen of it stays, and its node is not blamed", () => {
    const silent = { ready: null, running: true, keyChanged: true };
    const heard = rounded(provisioning(), "PPP", T0 + 5 * MIN);
    const booting = onNodeSight(heard, sight({ ...silent, atMs: T0 + MIN }));
    expect(booting).toMatchObject({ state: "PROVISIONING", runningSinceMs: T0 + MIN, sshFault: "host_key_changed" });
    const closed = onNodeSight(booting, sight({ ...silent, atMs: T0 + 6 * MIN }));
    expect(closed).toMatchObject({ state: "STOPPING", endReason: "ssh_never" });
    const vm = recorded(onNextNode(closed, node("c"), T0 + 6 * MIN), "FFF", T0 + 7 * MIN);
    expect(vm).toMatchObject({ state: "REQUESTED", ssh: null, sshFault: null, runningSinceMs: null });
    expect(vm.attempts.map((one) => [one.closedFor, one.blame])).toEqual([
      ["ssh_never", undefined],
      [undefined, undefined],
    ]);
    // the five minutes of its SSH begin anew
    const later = { ...rounded(signed(vm, T0 + 8 * MIN), "PPP", T0 + 9 * MIN) };
    const again = onNodeSight(later, sight({ ...silent, atMs: T0 + 10 * MIN }));
    expect(again).toMatchObject({ state: "PROVISIONING", runningSinceMs: T0 + 10 * MIN });
  });

  test.each([
    ["two of three call it gone and the third is silent", "FF-"],
    ["the third still has it", "FFP"],
    ["the third refused it, and could take it up again", "FFR"],
    ["the third never heard of it", "FFa"],
  ])("never when %s, however long that lasts", (_why, letters) => {
    let vm = failed();
    for (let after = 0; after <= 11; after++) vm = recorded(vm, letters, CLOSED_MS + after * MIN);
    // the node that was found is too old by then as well, so that is mended
    expect(vm.attempts).toHaveLength(1);
    const fresh = { ...failed(), next: { node: node("c"), atMs: CLOSED_MS + 10 * MIN } };
    const late = rounded(rounded(fresh, letters, CLOSED_MS), letters, CLOSED_MS + 11 * MIN);
    expect(followedOn(fresh, late, CLOSED_MS + 11 * MIN)).toBeNull();
  });

  test("REMOVED is as final as FORGOTTEN", () => {
    expect(recorded(failed(), "FXX", CLOSED_MS + S).attempts).toHaveLength(2);
  });

  test.each<[string, Partial<VmRecord>]>([
    ["its agent had named the node", { spec: { ...requested().spec, nodeAsked: "bb".repeat(32) } }],
    ["it was to end within ten minutes", { expiresAtMs: CLOSED_MS + 10 * MIN - 1 }],
  ])("not when %s", (_why, change) => {
    const vm = failed(change);
    expect([mayBeFollowed(vm), vm.next]).toEqual([false, undefined]);
    expect(recorded(vm, "FFF", CLOSED_MS + S)).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
  });

  test("not when the time ran short while the end was waited for", () => {
    const vm = failed({ expiresAtMs: CLOSED_MS + 11 * MIN });
    expect(recorded(vm, "FFF", CLOSED_MS + MIN).attempts).toHaveLength(2);
    expect(recorded(vm, "FFF", CLOSED_MS + MIN + 1).state).toBe("TERMINATED");
  });

  test("not without a node, with one that was found too long ago, or with one that it has had", () => {
    const at = CLOSED_MS + 12 * MIN;
    const next = (to: NodeRef, atMs: number): VmRecord =>
      recorded({ ...failed(), next: { node: to, atMs } }, "FFF", at);
    expect(recorded({ ...failed(), next: null }, "FFF", at).state).toBe("TERMINATED");
    expect(next(node("c"), at - 10 * MIN).attempts).toHaveLength(2);
    expect(next(node("c"), at - 10 * MIN - 1).state).toBe("TERMINATED");
    expect(next({ ...node("b"), nodeHash: "bb".repeat(32) }, at).state).toBe("TERMINATED");
  });

  test("not beyond what is held", () => {
    const exact = holdFor(RATE, TTL_S);
    expect(recorded({ ...failed(), holds: [hold(exact)] }, "FFF", CLOSED_MS + S).attempts).toHaveLength(2);
    expect(recorded({ ...failed(), holds: [hold(exact - 1)] }, "FFF", CLOSED_MS + S).state).toBe("TERMINATED");
  });

  test.each(["destroyed", "ttl", "stopped", "revoked", "price", "overrun", "payer_line"] as const)(
    "not when it was closed for %s",
    (reason) => {
      const vm = onNextNode(close(provisioning(), reason, CLOSED_MS), node("c"), CLOSED_MS);
      expect(recorded(vm, "FFF", CLOSED_MS + S)).toMatchObject({ state: "TERMINATED", endReason: reason });
    },
  );

  test.each(["destroyed", "stopped", "revoked", "price", "payer_line"] as const)(
    "not when %s came while the failed attempt was ended; why it had failed stays told",
    (reason) => {
      const vm = close(failed(), reason, CLOSED_MS + 2 * S);
      expect(recorded(vm, "FFF", CLOSED_MS + 3 * S)).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
    },
  );

  test("an unreachable one only where the owner's policy said so when it was found", () => {
    const lost = (recreate: boolean): VmRecord => {
      const when = { destroyAfterMs: 5 * MIN, recreate };
      const gone = sight({ answered: false, atMs: T0 + 2 * MIN });
      const vm = onNodeSight(onNodeSight(healthy(), gone, when), { ...gone, atMs: T0 + 7 * MIN }, when);
      return onNextNode(vm, node("c"), T0 + 7 * MIN);
    };
    expect(recorded(lost(true), "FFF", T0 + 8 * MIN).attempts).toHaveLength(2);
    expect(recorded(lost(false), "FFF", T0 + 8 * MIN)).toMatchObject({ state: "TERMINATED", endReason: "unreachable" });
  });
});

describe("while the next attempt is there", () => {
  test("a late word of an earlier one changes nothing", () => {
    const vm = signed(moved(), CLOSED_MS + 11 * S);
    for (const letters of ["FFF", "PPP", "RRR"])
      for (const late of [vm, rounded(vm, "PPP", CLOSED_MS + 12 * S)])
        expect(rounded(late, letters, CLOSED_MS + H, HASH)).toMatchObject({ state: late.state, endReason: null });
  });

  test("its signatures leave those of the earlier one as they are", () => {
    const before = moved();
    const vm = signed(before, CLOSED_MS + 11 * S);
    expect(vm.state).toBe("SENT");
    expect(vm.forgets.filter((one) => one.target === HASH)).toEqual(
      before.forgets.filter((one) => one.target === HASH),
    );
    expect(vm.forgets.filter((one) => one.target !== HASH).every((one) => one.signature !== null)).toBe(true);
  });

  test("unsent for two minutes it ends the VM, which is never voided and costs what it cost", () => {
    const vm = moved();
    const atMs = CLOSED_MS + 10 * S;
    expect(onTime(vm, atMs + 2 * MIN - 1, false)).toBe(vm);
    expect(onTime(vm, atMs + 2 * MIN, true)).toBe(vm);
    const over = onTime(vm, atMs + 2 * MIN, false);
    expect(over).toMatchObject({ state: "TERMINATED", endReason: "boot_failed", endedAtMs: atMs + 2 * MIN });
    expect(atEnd(over)[0]).toMatchObject({ state: "shrunk" });
    expect(atEnd(over)[0]?.credits).toBeGreaterThanOrEqual(costSoFar(over, over.endedAtMs ?? 0));
    expect(close(vm, "destroyed", atMs + S)).toMatchObject({ state: "TERMINATED", endReason: "destroyed" });
    expect(close(vm, "never_sent", atMs + S)).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
  });

  test("refused by two core nodes it is dormant, and the VM ends with what it cost", () => {
    const vm = signed(moved(), CLOSED_MS + 11 * S);
    const refused = rounded(rounded(vm, "RRa", CLOSED_MS + MIN), "RRa", CLOSED_MS + 2 * MIN);
    expect(refused).toMatchObject({ state: "TERMINATED", endReason: "rejected" });
    expect(refused.attempts.map((one) => one.dormant)).toEqual([false, true]);
    expect(atEnd(refused)[0]).toMatchObject({ state: "shrunk" });
    expect(planVm(refused, new Map(), CLOSED_MS + H).map((step) => step.key)).toEqual(
      expect.arrayContaining([stepKey("push", hashOf(2)), stepKey("settle", hashOf(2))]),
    );
  });

  test("it cannot be extended before it runs, and is shown as moving until then", () => {
    const had = { ...failed(), healthyAtMs: T0 + MIN };
    const vm = signed(recorded(had, "FFF", CLOSED_MS + 10 * S), CLOSED_MS + 11 * S);
    const booting = rounded(vm, "PPP", CLOSED_MS + 12 * S);
    const runs = onNodeSight(booting, sight({ ready: SSH, atMs: CLOSED_MS + MIN }));
    expect([had, vm, booting, runs].map(isMoving)).toEqual([true, true, true, false]);
    expect(notExtendable(booting)?.code).toBe("vm.not_ready");
    expect(notExtendable(runs)).toBeNull();
    expect(timelineOf(runs).map((one) => one.event)).toContain(`attempt 2 sent, for node ${node("c").nodeHash}`);
  });
});

describe("the plan of a failing attempt", () => {
  const at = (vm: VmRecord, log: StepLog = new Map()): Readonly<Record<string, number>> =>
    Object.fromEntries(planVm(vm, log, CLOSED_MS).map((step) => [step.kind, step.dueMs]));
  const tried = (tries: number, leaseUntilMs = 0) => ({ lastMs: CLOSED_MS, tries, leaseUntilMs });
  const closed = close(provisioning(), "boot_failed", CLOSED_MS);
  const forgotten = { ...closed, erased: "yes" as const };

  test("looks for a node at once, and the FORGET does not wait for it", () => {
    expect(at({ ...closed, erased: "yes" })).toMatchObject({ next_node: 0, end: 0 });
    expect(at(close(provisioning(), "destroyed", CLOSED_MS))).not.toHaveProperty("next_node");
  });

  test("looks at the end once a node was found, two searches came to nothing, or a minute and a half has passed", () => {
    const key = stepKey("next_node", HASH);
    const end = stepKey("end", HASH);
    const log = (search: ReturnType<typeof tried>): StepLog =>
      new Map([
        [key, search],
        [end, tried(1)],
      ]);
    expect(at(forgotten, log(tried(1)))["end"]).toBe(CLOSED_MS + 90 * S);
    // cut off by a crash: its claim never ended
    expect(at(forgotten, log(tried(2, CLOSED_MS + 50 * S)))["end"]).toBe(CLOSED_MS + 90 * S);
    expect(at(forgotten, log(tried(2)))["end"]).toBe(CLOSED_MS + 5 * S);
    const found = onNextNode(forgotten, node("c"), CLOSED_MS + S);
    expect(at(found, log(tried(1)))["end"]).toBe(CLOSED_MS + 5 * S);
    expect(at(found)["next_node"]).toBe(CLOSED_MS + S + 8 * MIN);
  });

  test("tells the directory of a node that failed us, and only while two core nodes answered us and the one that it follows did", () => {
    expect(at(closed)).not.toHaveProperty("blame");
    const heard = close(rounded(provisioning(), "PPP", CLOSED_MS - MIN), "boot_failed", CLOSED_MS);
    expect(at(heard)).toHaveProperty("blame", 0);
    const ours = { ...only(heard), blame: undefined as never };
    const follows = (followsCore: 0 | 1 | 2, letters: string) => {
      const booting = rounded(rounded(provisioning(), "PPP", T0 + MIN), letters, CLOSED_MS - MIN);
      const following = only({ ...booting, attempts: [{ ...only(booting), node: { ...node("b"), followsCore } }] });
      return blamed({ ...following, closedFor: "boot_failed" }, CLOSED_MS).blame;
    };
    expect([follows(0, "PPP"), follows(0, "PP-"), follows(2, "PP-"), follows(1, "P-P")]).toEqual([
      "due",
      "due",
      undefined,
      undefined,
    ]);
    expect(blamed({ ...ours, closedFor: "destroyed" }, CLOSED_MS).blame).toBeUndefined();
    const excused = only(onExcused(provisioning(), HASH));
    const views = only(heard).views;
    expect(blamed({ ...excused, views, closedFor: "boot_failed" }, CLOSED_MS).blame).toBeUndefined();
    expect(blamed({ ...only(provisioning()), views, closedFor: "boot_failed" }, CLOSED_MS).blame).toBe("due");
  });
});

/** What an unlucky VM would meet next, or something else: any word of any attempt, an end asked for, time. */
type Event =
  | { readonly does: "round"; readonly of: number; readonly letters: string }
  | { readonly does: "unlucky" | "fail" | "find" | "sign" | "look" | "ask" }
  | { readonly does: "wait"; readonly ms: number };

const words = fc.record({
  does: fc.constant("round" as const),
  of: fc.nat(3),
  letters: fc.constantFrom("PPP", "FFF", "FFX", "FF-", "FFR", "RRa", "RRR", "aaa", "PFF"),
});
const single = fc.record({ does: fc.constantFrom("fail" as const, "find", "sign", "look", "look", "ask") });
const waits = fc.record({ does: fc.constant("wait" as const), ms: fc.constantFrom(S, 30 * S, MIN, 5 * MIN) });
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    { arbitrary: fc.constant({ does: "unlucky" as const }), weight: 12 },
    { arbitrary: words, weight: 4 },
    { arbitrary: single, weight: 1 },
    { arbitrary: waits, weight: 2 },
  ),
  { minLength: 20, maxLength: 60, size: "max" },
);

function unlucky(vm: VmRecord, nowMs: number, fresh: number): VmRecord {
  if (vm.state === "REQUESTED") return signed(vm, nowMs);
  if (vm.state === "SENT" || vm.state === "UNKNOWN") return rounded(vm, "PPP", nowMs);
  if (vm.state === "PROVISIONING") return close(vm, "boot_failed", nowMs);
  return mayBeFollowed(vm) && (vm.next ?? null) === null
    ? onNextNode(vm, node(`${fresh}`), nowMs)
    : recorded(vm, "FFF", nowMs);
}

function react(vm: VmRecord, event: Event, nowMs: number, fresh: number): VmRecord {
  switch (event.does) {
    case "unlucky":
      return unlucky(vm, nowMs, fresh);
    case "round": {
      const after = rounded(vm, event.letters, nowMs, vm.attempts[event.of % vm.attempts.length]?.itemHash);
      const to = isLive(vm) && !isLive(after) ? followedOn(vm, after, nowMs) : null;
      return to === null ? after : succeeded(after, nextAttempt(after, to), nowMs);
    }
    case "fail":
      return vm.state === "PROVISIONING" ? close(vm, "boot_failed", nowMs) : vm;
    case "find":
      return onNextNode(vm, node(`${fresh}`), nowMs);
    case "sign":
      return vm.state === "REQUESTED" ? signed(vm, nowMs) : vm;
    case "look":
      return onTime(vm, nowMs, false);
    case "ask":
      return close(vm, "destroyed", nowMs);
    case "wait":
      return vm;
  }
}

/** What must never be seen between two states of a VM; empty when all is well. */
function wrong(before: VmRecord, vm: VmRecord): readonly string[] {
  const more = vm.attempts.length > before.attempts.length;
  const alive = vm.attempts.filter((one) => one.firstSendMs !== null && one.endedAtMs === null);
  const gone = (one: Attempt): boolean =>
    one.views.every((view) => view?.says === "forgotten" || view?.says === "removed");
  const rules = {
    "two attempts may be alive": alive.filter((one) => one.rejectedAtMs === null).length > 1,
    "a fourth attempt": vm.attempts.length > ATTEMPTS_MAX,
    "the end moved": vm.expiresAtMs !== before.expiresAtMs,
    "after its end was asked for": more && before.noSuccessor === true,
    "before the last one was gone everywhere": more && !vm.attempts.slice(0, -1).every(gone),
    "what was sent is void": vm.state === "FAILED" && vm.attempts.length > 1,
    "what was over lives": !isLive(before) && (vm.state !== before.state || more),
  };
  return Object.entries(rules).flatMap(([rule, broken]) => (broken ? [rule] : []));
}

describe("whatever happens in whatever order", () => {
  test("one attempt at most may be alive, never a fourth, the end never moves, and what was sent is never void", () => {
    let most = 0;
    const history = fc.property(events, (all) => {
      let nowMs = T0;
      let vm = sent();
      for (const [at, event] of all.entries()) {
        nowMs += event.does === "wait" ? event.ms : 100;
        const before = vm;
        vm = react(before, event, nowMs, at);
        expect(wrong(before, vm)).toEqual([]);
      }
      most = Math.max(most, vm.attempts.length);
    });
    fc.assert(history, { numRuns: 500 });
    // the histories have to get that far, or they prove nothing
    expect(most).toBe(ATTEMPTS_MAX);
  });
});
