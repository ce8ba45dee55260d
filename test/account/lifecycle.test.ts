import { describe, expect, test } from "vitest";
import { close, isLive, onNodeSight, onRound, onSigned, onTime, resurrected } from "../../src/account/lifecycle.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { DAY, FORGETS, H, HASH, healthy, hearing, MIN, only, provisioning, requested, round, S, sent } from "./vms.ts";
import { sight, stopping, T0, TTL_S } from "./vms.ts";

const signedAt = (vm: VmRecord, afterMs: number, signature = "0x1"): VmRecord =>
  onSigned(vm, { itemHash: HASH, signature, forgets: FORGETS, atMs: T0 + afterMs });

describe("onSigned", () => {
  test("INSTANCE and FORGETs arrive together, and the charge clock starts", () => {
    const vm = signedAt(requested(), 5 * S);
    expect([vm.state, vm.stateSinceMs, only(vm).firstSendMs]).toEqual(["SENT", T0 + 5 * S, T0 + 5 * S]);
    expect(vm.forgets).toHaveLength(4);
  });

  test("of two drives that both signed only the first one counts", () => {
    const first = signedAt(requested(), 5 * S, "0x1");
    expect(signedAt(first, 6 * S, "0x2")).toBe(first);
    expect(only(first).signature).toBe("0x1");
  });

  test("what was closed before its first send is never sent", () => {
    const closed = close(requested(), "destroyed", T0 + S);
    expect(signedAt(closed, 2 * S)).toBe(closed);
    expect(onSigned(requested(), { itemHash: "dd", signature: "0x", forgets: [], atMs: T0 })).toEqual(requested());
  });
});

describe("onRound", () => {
  test("a core node that says processed makes it PROVISIONING; one word is enough to go on and look", () => {
    expect(hearing(sent(), ["aap", S]).state).toBe("SENT");
    expect(hearing(sent(), ["aaP", S]).state).toBe("PROVISIONING");
    expect(hearing({ ...sent(), state: "UNKNOWN" }, ["PPP", S]).state).toBe("PROVISIONING");
  });

  test("a create that two refuse, twice, fails and is watched as dormant", () => {
    const vm = hearing(sent(), ["RRa", S], ["RRa", S + MIN]);
    expect([vm.state, vm.endReason, vm.endedAtMs]).toEqual(["FAILED", "rejected", T0 + S + MIN]);
    expect(only(vm)).toMatchObject({ dormant: true, rejectedAtMs: T0 + S + MIN, closedAtMs: T0 + S + MIN });
  });

  test("a refusal after a close keeps the owner's reason", () => {
    const vm = hearing(close(sent(), "destroyed", T0 + S), ["RRa", 2 * S], ["RRa", 3 * S + MIN]);
    expect([vm.state, vm.endReason]).toEqual(["FAILED", "destroyed"]);
  });

  test("one core node that alone says FORGOTTEN, REMOVED or REJECTED changes nothing", () => {
    for (const word of ["F", "X", "R"]) {
      const vm = hearing(provisioning(), [`${word}PP`, MIN], [`${word}--`, 5 * MIN], [`${word}PP`, 14 * MIN]);
      expect([vm.state, vm.endReason, only(vm).closedAtMs]).toEqual(["PROVISIONING", null, null]);
      const early = hearing(sent(), [`${word}aa`, MIN], [`${word}aa`, 14 * MIN]);
      expect([early.state, only(early).closedAtMs]).toEqual(["SENT", null]);
    }
  });

  test("once any core node showed it alive a refusal voids nothing: it ends by FORGET, and money may be due", () => {
    const vm = hearing(sent(), ["PRR", S], ["aRR", MIN], ["aRR", 3 * MIN]);
    expect([vm.state, isLive(vm)]).toEqual(["PROVISIONING", true]);
  });

  test("a closed one ends when all three are done, at that moment", () => {
    const vm = hearing(stopping(), ["FFP", H + MIN], ["FFF", H + 2 * MIN]);
    expect([vm.state, vm.endedAtMs, only(vm).dormant]).toEqual(["TERMINATED", T0 + H + 2 * MIN, false]);
    expect(only(vm).endedAtMs).toBe(T0 + H + 2 * MIN);
  });

  test("a core node that never stops saying PROCESSED still lets it end, ten minutes later", () => {
    const waiting = hearing(stopping(), ["FFP", H + MIN], ["FFP", H + 11 * MIN - 1]);
    expect(waiting.state).toBe("STOPPING");
    expect(hearing(waiting, ["FFP", H + 11 * MIN]).state).toBe("TERMINATED");
  });

  test("while our delegation is gone it does not end, and goes on from there once it is back", () => {
    const gone = [2, 7, 20, 60].reduce(
      (vm, minute) => onRound(vm, HASH, round("FFP", T0 + H + minute * MIN, false)),
      stopping(),
    );
    expect(gone.state).toBe("STOPPING");
    expect(hearing(gone, ["FFP", H + 61 * MIN], ["FFP", H + 71 * MIN]).state).toBe("TERMINATED");
  });

  test("what ended while one said REJECTED is dormant as well", () => {
    expect(only(hearing(stopping(), ["FFR", H + MIN])).dormant).toBe(true);
  });

  test("ended by somebody else: closed after a minute, with the network or the owner as the reason", () => {
    const elsewhere = hearing(provisioning(), ["FFP", MIN], ["FFP", 2 * MIN]);
    expect([elsewhere.state, elsewhere.endReason]).toEqual(["STOPPING", "ended_by_owner_elsewhere"]);
    const network = hearing(provisioning(), ["XXM", MIN], ["XXM", 2 * MIN]);
    expect([network.state, network.endReason]).toEqual(["STOPPING", "ended_by_network"]);
    expect(hearing(elsewhere, ["FFF", 3 * MIN]).state).toBe("TERMINATED");
  });

  test("an attempt that was never sent, or is not known, hears nothing", () => {
    expect(hearing(requested(), ["FFF", S])).toEqual(requested());
    expect(onRound(sent(), "dd", round("FFF", T0))).toEqual(sent());
  });

  test("after the end words are taken in and change no state", () => {
    const ended = hearing(stopping(), ["FFF", H + MIN]);
    const later = hearing(ended, ["FFP", H + 6 * MIN]);
    expect([later.state, later.endedAtMs, only(later).views[2]?.says]).toEqual([
      "TERMINATED",
      ended.endedAtMs,
      "processed",
    ]);
  });
});

describe("close", () => {
  test("what never left is voided on the spot, with its own word for a life that ran out unsent", () => {
    const vm = close(requested(), "destroyed", T0 + S);
    expect([vm.state, vm.endReason, vm.endedAtMs, only(vm).closedAtMs]).toEqual([
      "FAILED",
      "destroyed",
      T0 + S,
      T0 + S,
    ]);
    expect(close(requested(), "ttl", T0 + S).endReason).toBe("never_sent");
    expect(only(vm).dormant).toBe(false);
  });

  test("what was sent must not live from now on, and frees nothing", () => {
    const vm = close(sent(), "stopped", T0 + S);
    expect([vm.state, vm.endReason, vm.stopAskedAtMs, only(vm).closedAtMs, vm.endedAtMs]).toEqual([
      "STOPPING",
      "stopped",
      T0 + S,
      T0 + S,
      null,
    ]);
    expect(vm.holds).toEqual(sent().holds);
  });

  test("the first reason stays, and what has ended stays ended", () => {
    const vm = close(sent(), "destroyed", T0 + S);
    expect(close(vm, "revoked", T0 + MIN)).toBe(vm);
    const failed = close(requested(), "stopped", T0);
    expect(close(failed, "destroyed", T0 + S)).toBe(failed);
  });
});

describe("onTime", () => {
  const atTime = (vm: VmRecord, afterMs: number): VmRecord => onTime(vm, T0 + afterMs, false);

  test("without a first send it is voided after two minutes, or at its end if that is sooner", () => {
    expect(atTime(requested(), 2 * MIN - 1)).toEqual(requested());
    const vm = atTime(requested(), 2 * MIN);
    expect([vm.state, vm.endReason]).toEqual(["FAILED", "never_sent"]);
    expect(atTime(requested({ expiresAtMs: T0 + MIN }), MIN).state).toBe("FAILED");
  });

  test("a restored account voids nothing: what it forgot may have been sent", () => {
    expect(onTime(requested(), T0 + DAY, true)).toEqual(requested());
  });

  test("an unconfirmed create is UNKNOWN after two minutes and stays held until its end", () => {
    expect(atTime(sent(), 2 * MIN - 1).state).toBe("SENT");
    const unknown = atTime(sent(), 2 * MIN);
    expect(unknown.state).toBe("UNKNOWN");
    expect(atTime(unknown, TTL_S * S - 1)).toBe(unknown);
    expect(unknown.holds).toEqual(sent().holds);
  });

  test("at the end of its life every sent one is closed, whatever its state", () => {
    for (const vm of [sent(), { ...sent(), state: "UNKNOWN" as const }, provisioning(), healthy()]) {
      const closed = onTime({ ...vm, stateSinceMs: T0 + TTL_S * S }, T0 + TTL_S * S, true);
      expect([closed.state, closed.endReason]).toEqual(["STOPPING", "ttl"]);
    }
    expect(atTime(healthy(), TTL_S * S - 1).state).toBe("HEALTHY");
  });

  test("a machine that does not run fifteen minutes after it was processed has failed to boot", () => {
    const since = provisioning().stateSinceMs - T0;
    expect(atTime(provisioning(), since + 15 * MIN - 1).state).toBe("PROVISIONING");
    expect(atTime(provisioning(), since + 15 * MIN).endReason).toBe("boot_failed");
  });

  test("a machine that is being stopped, or is gone, is left alone for ever", () => {
    const failed = close(requested(), "stopped", T0);
    for (const vm of [stopping(), failed, hearing(stopping(), ["FFF", H])]) expect(atTime(vm, 400 * DAY)).toBe(vm);
  });

  test("time alone never makes a machine unreachable: nobody may have looked in the meantime", () => {
    const vm = onNodeSight(healthy(), sight({ atMs: T0 + 2 * MIN }));
    expect(atTime(vm, 2 * H).state).toBe("UNHEALTHY");
  });
});

describe("resurrected", () => {
  const failed = hearing(sent(), ["RRa", S], ["RRa", S + MIN]);

  test("a refused create that two show alive, twice, is named; one liar names none", () => {
    const seen = hearing(failed, ["PPR", 10 * MIN], ["PPR", 15 * MIN]);
    expect(resurrected(seen, T0 + 15 * MIN)).toHaveLength(1);
    const liar = hearing(failed, ["PRR", 10 * MIN], ["PRR", 15 * MIN]);
    expect(resurrected(liar, T0 + 15 * MIN)).toEqual([]);
  });
});
