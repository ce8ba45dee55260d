import { describe, expect, test } from "vitest";
import { SETTLE_AFTER_MS } from "../../src/account/credits.ts";
import { close, onErase, onForgetSpent, onNodeSight } from "../../src/account/lifecycle.ts";
import { backoff, planVm, type Step, type StepKind, stepKey, type StepLog } from "../../src/account/plan.ts";
import type { EndReason, VmRecord } from "../../src/account/types.ts";
import { DAY, FORGETS, H, HASH, healthy, hearing, MIN, only, provisioning, requested, S, sent, sight } from "./vms.ts";
import { stopping, T0, TTL_S } from "./vms.ts";

const NONE: StepLog = new Map();
/** A step that was tried so often, last at `lastMs`, and is not claimed by anybody now. */
const tried = (kind: StepKind, tries: number, lastMs: number): StepLog =>
  new Map([[stepKey(kind, HASH), { lastMs, tries, leaseUntilMs: 0 }]]);
const plan = (vm: VmRecord, log: StepLog = NONE, nowMs = T0): readonly Step[] => planVm(vm, log, nowMs);
const kinds = (vm: VmRecord, nowMs = T0): readonly string[] => plan(vm, NONE, nowMs).map(({ kind }) => kind);
const due = (vm: VmRecord, kind: StepKind, log: StepLog = NONE, nowMs = T0): number | undefined =>
  plan(vm, log, nowMs).find((step) => step.kind === kind)?.dueMs;
/** Pauses between the first tries of a step, in seconds. */
const paces = (vm: VmRecord, kind: StepKind, tries: readonly number[], nowMs = T0): readonly number[] =>
  tries.map((many) => ((due(vm, kind, tried(kind, many, T0 + 10 * H), nowMs) ?? 0) - T0 - 10 * H) / S);

const ended = (): VmRecord => hearing(stopping(), ["FFF", H + MIN]);
const failed = (): VmRecord => hearing(sent(), ["RRa", S], ["RRa", S + MIN]);
const certified = (vm: VmRecord): VmRecord => ({ ...vm, certificate: {} as NonNullable<VmRecord["certificate"]> });
const settled = (vm: VmRecord): VmRecord => ({ ...vm, settledAtMs: T0 + 5 * H });
const compared = (vm: VmRecord): VmRecord => ({
  ...settled(vm),
  charges: { says: "agrees", sure: true, historyCredits: 0, postedCredits: 0, sinceMs: T0 },
});

describe("backoff", () => {
  test("doubles from the first pause and stops at the cap, also after very many tries", () => {
    expect([0, 1, 2, 3, 7, 8, 5_000].map((tries) => backoff(tries, S, 60 * S) / S)).toEqual([1, 1, 2, 4, 60, 60, 60]);
  });
});

describe("planVm before the first send", () => {
  test("signs, and no later than two minutes looks whether it was ever sent", () => {
    expect(kinds(requested())).toEqual(["sign", "deadline"]);
    expect(due(requested(), "deadline")).toBe(T0 + 2 * MIN);
    expect(due(requested({ expiresAtMs: T0 + MIN }), "deadline")).toBe(T0 + MIN);
    expect(paces(requested(), "sign", [1, 2, 3, 20])).toEqual([1, 2, 4, 30]);
  });

  test("a claim holds a step back until it runs out", () => {
    const log: StepLog = new Map([[stepKey("sign", HASH), { lastMs: T0, tries: 1, leaseUntilMs: T0 + 50 * S }]]);
    expect(due(requested(), "sign", log)).toBe(T0 + 50 * S);
  });
});

describe("planVm while it may live", () => {
  test("SENT and UNKNOWN: the same bytes again, from one second to sixty, until the end of its life", () => {
    expect(kinds(sent())).toEqual(["deadline", "send"]);
    expect(due(sent(), "send")).toBeLessThanOrEqual(T0);
    expect(paces(sent(), "send", [1, 2, 3, 6, 7, 50])).toEqual([1, 2, 4, 32, 60, 60]);
    expect(due(sent(), "deadline")).toBe(T0 + 2 * MIN);
    const unknown = { ...sent(), state: "UNKNOWN" as const };
    expect(kinds(unknown)).toEqual(["deadline", "send"]);
    expect(due(unknown, "deadline")).toBe(T0 + TTL_S * S);
  });

  test("PROVISIONING: status every minute, the node every 5 s for two minutes and then every 15 s", () => {
    expect(kinds(provisioning())).toEqual(["deadline", "status", "price", "deadline", "node", "dispatch"]);
    expect(paces(provisioning(), "status", [1, 2, 30])).toEqual([60, 60, 60]);
    expect(paces(provisioning(), "node", [1, 24, 25, 60])).toEqual([5, 5, 15, 15]);
    const deadlines = plan(provisioning()).filter(({ kind }) => kind === "deadline");
    expect(deadlines.map(({ dueMs }) => dueMs)).toEqual([T0 + TTL_S * S, provisioning().stateSinceMs + 15 * MIN]);
  });

  test("the node is told a few times within its first three minutes, and then no more", () => {
    expect(paces(provisioning(), "dispatch", [1, 2, 3, 9, 10])).toEqual([5, 10, 20, 20, 900]);
  });

  test("the frozen price is read until two agree, and then no more", () => {
    expect(paces(provisioning(), "price", [1, 2, 9])).toEqual([2, 4, 60]);
    expect(kinds({ ...healthy(), priceCheckedAtMs: T0 })).toEqual(["deadline", "status", "node", "copies"]);
  });

  test("HEALTHY and UNHEALTHY: status and node every minute, and the end of its life as the deadline", () => {
    const ill = onNodeSight(healthy(), sight({ atMs: T0 + 2 * MIN }));
    for (const vm of [healthy(), ill]) {
      expect(kinds(vm)).toEqual(["deadline", "status", "price", "node", "copies"]);
      expect([paces(vm, "status", [1, 9]), paces(vm, "node", [1, 99])]).toEqual([
        [60, 60],
        [60, 60],
      ]);
      expect(due(vm, "deadline")).toBe(T0 + TTL_S * S);
    }
  });

  test("whatever lives has something due at its end at the latest", () => {
    for (const vm of [requested(), sent(), { ...sent(), state: "UNKNOWN" as const }, provisioning(), healthy()]) {
      expect(Math.min(...plan(vm).map(({ dueMs }) => dueMs))).toBeLessThanOrEqual(vm.expiresAtMs);
      expect(due(vm, "deadline")).toBeLessThanOrEqual(vm.expiresAtMs);
    }
  });
});

describe("planVm while it is being stopped", () => {
  const asked = T0 + H;

  test("erases first, and the FORGET is due ninety seconds later whatever the erase does", () => {
    expect(kinds(stopping())).toEqual(["erase", "copies", "end"]);
    expect(due(stopping(), "end")).toBe(asked + 90 * S);
    const hangs: StepLog = new Map([
      [stepKey("erase", HASH), { lastMs: asked, tries: 1, leaseUntilMs: asked + 10 * MIN }],
    ]);
    expect(due(stopping(), "end", hangs)).toBe(asked + 90 * S);
    expect(due(onErase(stopping(), "failed"), "end")).toBe(asked + 90 * S);
  });

  test("once erased, or given up after two tries, the FORGET is due at once", () => {
    const erased = onErase(stopping(), "erased");
    const gaveUp = onErase(onErase(stopping(), "failed"), "failed");
    for (const vm of [erased, gaveUp]) {
      expect(kinds(vm)).toEqual(["copies", "end"]);
      expect(due(vm, "end")).toBeLessThanOrEqual(asked);
    }
  });

  test("what was never seen alive has nothing to erase", () => {
    const vm = close(sent(), "destroyed", T0 + S);
    expect(kinds(vm)).toEqual(["copies", "end"]);
    expect(due(vm, "end")).toBeLessThanOrEqual(T0 + S);
  });

  test("an unreachable node and a broken limit go straight to FORGET, and the erase is tried beside it", () => {
    const straight: readonly EndReason[] = ["unreachable", "overrun", "price", "payer_line"];
    for (const reason of straight) {
      const vm = close(provisioning(), reason, asked);
      expect(kinds(vm)).toEqual(["erase", "copies", "end"]);
      expect(due(vm, "end")).toBeLessThanOrEqual(asked);
    }
    const others: readonly EndReason[] = ["destroyed", "ttl", "stopped", "revoked", "boot_failed"];
    for (const reason of others) expect(due(close(provisioning(), reason, asked), "end")).toBe(asked + 90 * S);
  });

  test("is tried for ever, from five seconds to three hundred", () => {
    const erased = onErase(stopping(), "erased");
    expect(paces(erased, "end", [1, 2, 3, 7, 8, 10_000])).toEqual([5, 10, 20, 300, 300, 300]);
  });

  test("a FORGET is signed anew when a core node has fewer than two left", () => {
    const spend = (vm: VmRecord, ...names: readonly string[]): VmRecord =>
      names.reduce((now, name) => onForgetSpent(now, name, 1), vm);
    expect(kinds(spend(stopping(), "f1", "f2"))).not.toContain("replenish");
    expect(kinds(spend(stopping(), "f1", "f2", "f3"))).toContain("replenish");
  });
});

describe("planVm after the end", () => {
  test("asks witnesses every half minute, later every five, until the certificate is there", () => {
    expect(kinds(ended())).toEqual(["witness", "settle"]);
    expect(paces(ended(), "witness", [1, 25, 26])).toEqual([30, 30, 300]);
    expect(kinds(certified(ended()))).toEqual(["settle"]);
  });

  test("settles three hours after the end, and asks again until there is a bill", () => {
    expect(due(ended(), "settle")).toBe((ended().endedAtMs ?? 0) + SETTLE_AFTER_MS);
    expect(SETTLE_AFTER_MS).toBe(3 * H);
    expect(paces(ended(), "settle", [1, 2, 30])).toEqual([60, 120, 900]);
  });

  test("compares the credit history an hour and a half after that, and rarely again until it is sure", () => {
    const vm = settled(certified(ended()));
    expect(kinds(vm)).toEqual(["charges"]);
    expect(due(vm, "charges")).toBe(T0 + 5 * H + 90 * MIN);
    expect(paces(vm, "charges", [1, 2, 5, 30])).toEqual([61, 122, 976, 14_400]);
  });

  test("is done with once settled, compared and certified, and tended until then", () => {
    expect(kinds(compared(certified(ended())))).toEqual([]);
    expect(kinds(compared(ended()))).toEqual(["witness"]);
  });

  test("FORGETs go on every five minutes while any node still says alive, however long that is", () => {
    const lagging = compared(certified(hearing(stopping(), ["FFP", H + MIN], ["FFP", H + 11 * MIN])));
    expect(lagging.state).toBe("TERMINATED");
    expect(kinds(lagging, T0 + 400 * DAY)).toEqual(["push"]);
    expect(paces(lagging, "push", [1, 99])).toEqual([300, 300]);
    expect(kinds(hearing(lagging, ["FFF", H + 20 * MIN]), T0 + DAY)).toEqual([]);
  });

  test("the FORGET with which it ended counts: none goes out before new ones can have been signed", () => {
    const lagging = hearing(stopping(), ["FFP", H + MIN], ["FFP", H + 11 * MIN]);
    const endedMs = T0 + H + 11 * MIN;
    expect(due(lagging, "push", tried("end", 7, endedMs), endedMs)).toBe(endedMs + 300 * S);
  });

  test("a refused create is watched for thirty days, every five minutes while somebody shows it, and billed only if it ever lived", () => {
    const endedMs = failed().endedAtMs ?? 0;
    expect(kinds(failed(), endedMs)).toEqual(["push"]);
    expect(paces(failed(), "push", [1, 2, 99], endedMs)).toEqual([300, 600, 21_600]);
    expect(paces(hearing(failed(), ["PRa", DAY]), "push", [1, 99], endedMs)).toEqual([300, 300]);
    expect(kinds(failed(), endedMs + 30 * DAY - 1)).toEqual(["push"]);
    expect(kinds(failed(), endedMs + 30 * DAY)).toEqual([]);
    expect(kinds(hearing(failed(), ["PRa", DAY]), endedMs + 31 * DAY)).toEqual(["settle", "push"]);
  });

  test("two unspent FORGETs are kept for a dormant hash too", () => {
    const spent = { ...failed(), forgets: FORGETS.slice(0, 1) };
    expect(kinds(spent, T0 + H)).toEqual(["push", "replenish"]);
  });

  test("what was never sent leaves nothing to do", () => {
    const voided = close(requested(), "destroyed", T0);
    expect([kinds(voided), only(voided).firstSendMs]).toEqual([[], null]);
  });
});
