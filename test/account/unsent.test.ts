import { describe, expect, it } from "vitest";
import { close, forgetSending, onFrozenRates, onSigned, onTime, waitsForWord } from "../../src/account/lifecycle.ts";
import { RATE_MAX } from "../../src/aleph/amounts.ts";
import { planVm } from "../../src/account/plan.ts";
import { settle } from "../../src/account/settlement.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { FORGETS, H, HASH, healthy, hearing, MIN, only, RATE, requested, S, sent, T0, TTL_S } from "./vms.ts";

const DIES = T0 + TTL_S * S;
/** Admitted, and then a restore took back what is known of its sending. */
const forgotten = (): VmRecord => forgetSending(requested(), T0 + H);
const steps = (vm: VmRecord, nowMs: number) => planVm(vm, new Map(), nowMs).map((step) => step.kind);
const signedAgain = (vm: VmRecord, afterMs: number): VmRecord =>
  onSigned(vm, { itemHash: HASH, signature: "0x", forgets: FORGETS, atMs: T0 + afterMs });

describe("a create whose sending a restore forgot", () => {
  it("is unknown, and whatever was sent stays what it is", () => {
    expect(forgotten().state).toBe("UNKNOWN");
    expect(forgetSending(sent(), T0 + H)).toEqual(sent());
    expect(forgetSending(healthy(), T0 + H)).toEqual(healthy());
  });

  it("is asked about and neither signed nor sent, until somebody says a word", () => {
    expect(steps(forgotten(), T0 + H)).toEqual(["status", "deadline"]);
    for (const letters of ["p--", "-P-", "--F", "R--"]) {
      const heard = hearing(forgotten(), [letters, H]);
      expect(waitsForWord(heard)).toBe(false);
      expect(steps(heard, T0 + H)).toEqual(["sign", "deadline"]);
    }
  });

  it("is never voided: not by time, nor by an order to end it", () => {
    for (const mayHaveLeft of [true, false]) {
      expect(onTime(forgotten(), T0 + 2 * H, mayHaveLeft)).toEqual(forgotten());
      const late = onTime(forgotten(), DIES, mayHaveLeft);
      expect([late.state, late.endReason]).toEqual(["UNKNOWN", "ttl"]);
      const ordered = close(forgotten(), "destroyed", T0 + H, mayHaveLeft);
      expect([ordered.state, ordered.endReason]).toEqual(["UNKNOWN", "destroyed"]);
      expect(steps(ordered, T0 + H)).toEqual(["sign", "deadline"]);
    }
  });

  it("is closed when two call it absent, twice, a minute apart; one that says so ends nothing", () => {
    expect(hearing(forgotten(), ["aa-", H], ["aa-", H + 59 * S]).endReason).toBeNull();
    expect(hearing(forgotten(), ["a--", H], ["a--", H + MIN], ["a--", H + 2 * MIN]).endReason).toBeNull();
    const absent = hearing(forgotten(), ["aa-", H], ["aa-", H + MIN]);
    expect([absent.state, absent.endReason]).toEqual(["UNKNOWN", "restored"]);
  });

  it("signed again it was sent at its admission at the earliest, and what was closed is sent only to be forgotten", () => {
    const living = signedAgain(hearing(forgotten(), ["P--", H]), H);
    expect([living.state, only(living).firstSendMs, only(living).closedAtMs]).toEqual(["SENT", T0, null]);
    const closed = signedAgain(hearing(forgotten(), ["aaa", H], ["aaa", H + MIN]), H + 2 * MIN);
    expect([closed.state, only(closed).closedAtMs]).toEqual(["STOPPING", T0 + H + 2 * MIN]);
    const ended = hearing(closed, ["PPP", H + 3 * MIN], ["FFF", H + 4 * MIN]);
    expect([ended.state, ended.endReason]).toEqual(["TERMINATED", "restored"]);
  });
});

describe("an orphan", () => {
  const orphan = (): VmRecord => ({
    ...healthy(),
    state: "UNHEALTHY",
    holds: [],
    orphan: { foundAtMs: T0 },
    rateAttoPerS: 0n,
  });

  it("is watched and kept undoable; its node is not asked, and its time closes it", () => {
    expect(steps(orphan(), T0 + H)).toEqual(["deadline", "status", "price"]);
    expect(steps({ ...orphan(), forgets: [] }, T0 + H)).toEqual(["deadline", "status", "price", "replenish"]);
    expect(onTime(orphan(), DIES - 1, false)).toEqual(orphan());
    expect(onTime(orphan(), DIES, false)).toMatchObject({ state: "STOPPING", endReason: "ttl" });
  });

  it("burns what two core nodes froze for it, and is not ended for its price", () => {
    expect(onFrozenRates(orphan(), [RATE, null, null], T0)).toEqual(orphan());
    const priced = onFrozenRates(orphan(), [RATE, RATE, null], T0 + H);
    expect([priced.state, priced.rateAttoPerS, priced.priceCheckedAtMs]).toEqual(["UNHEALTHY", RATE, T0 + H]);
    expect(onFrozenRates(orphan(), [9n * RATE, RATE, 2n * RATE], T0).rateAttoPerS).toBe(2n * RATE);
  });

  it("burns what no core node says alone: two that differ by more than rounding are asked again", () => {
    expect(onFrozenRates(orphan(), [RATE, RATE + 3n, null], T0)).toEqual(orphan());
    expect(onFrozenRates(orphan(), [RATE, RATE + 2n, null], T0).rateAttoPerS).toBe(RATE + 2n);
    expect(onFrozenRates(orphan(), [RATE_MAX, RATE, null], T0)).toEqual(orphan());
    expect(onFrozenRates(orphan(), [RATE_MAX, RATE, RATE], T0).rateAttoPerS).toBe(RATE);
  });

  it("costs an overrun of all that is billed, and that freezes nobody again", () => {
    const over = { ...onTime(orphan(), DIES, false), state: "TERMINATED", endedAtMs: DIES } as const;
    expect(settle(over, 77)).toEqual({ holds: [], extra: { kind: "overrun", credits: 77, late: true } });
    expect(settle(over, 0)).toEqual({ holds: [], extra: null });
  });
});
