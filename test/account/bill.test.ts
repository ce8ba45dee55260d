import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bill, compareBill, type Compared, isSuspect, lastBill, NO_BILL } from "../../src/account/bill.ts";
import { ATTO } from "../../src/account/credits.ts";
import { close, onForgetSent } from "../../src/account/lifecycle.ts";
import type { PayerFacts, PayerReading } from "../../src/account/payer.ts";
import { settle } from "../../src/account/settlement.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { H, HASH, hearing, MIN, provisioning, RATE, requested, S, sent, stopping, T0, TTL_S } from "./vms.ts";

/** Holds 180,000 credits: five hours at ten a second. */
const VM: VmRecord = { ...provisioning(), healthyAtMs: T0 + 10 * S };
const HOLD = 180_000;

/** What each core node shows as taken for the VM; null: it lists no such line, undefined: it does not answer. */
const took = (...perCore: readonly (number | null | undefined)[]): PayerFacts => ({
  asOfMs: T0,
  perCore: perCore.map((consumedCredits): PayerReading | null =>
    consumedCredits === undefined
      ? null
      : {
          credits: 0,
          lots: [],
          delegation: "ok",
          lines: consumedCredits === null ? [] : [{ itemHash: HASH, rate: RATE, consumedCredits }],
        },
  ),
});

/** Readings one after the other: `[facts, milliseconds after T0]`. */
function comparing(vm: VmRecord, ...seen: readonly (readonly [PayerFacts, number])[]): Compared & { booked: number } {
  let last: Compared = { keep: NO_BILL, overrun: null, drift: null };
  let booked = 0;
  for (const [facts, afterMs] of seen) {
    last = compareBill(vm, facts, last.keep, T0 + afterMs);
    booked += last.overrun?.credits ?? 0;
  }
  return { ...last, booked };
}

describe("an overrun while the VM is alive", () => {
  const OVER = took(HOLD + 50, HOLD + 50, HOLD + 50);

  test("is booked when two core nodes show it in two readings a minute apart", () => {
    expect(comparing(VM, [OVER, H]).booked).toBe(0);
    expect(comparing(VM, [OVER, H], [OVER, H + MIN - 1]).booked).toBe(0);
    expect(comparing(VM, [OVER, H], [OVER, H + MIN]).overrun).toEqual({ kind: "overrun", credits: 50, late: false });
  });

  test("is nothing on one core node's word, whether the others deny it, list nothing or are silent", () => {
    for (const liar of [
      took(1e9, 5, 5),
      took(1e9, null, null),
      took(1e9, undefined, undefined),
      took(1e9, 5, undefined),
      took(1e9, null, 5),
    ])
      expect(comparing(VM, [liar, H], [liar, 2 * H], [liar, 3 * H]).booked).toBe(0);
  });

  test("books what two stand behind, not what the third would like", () => {
    const seen = took(HOLD + 50, 1e9, HOLD + 40);
    expect(comparing(VM, [seen, H], [seen, H + MIN]).booked).toBe(50);
    const two = took(HOLD + 50, 1e9, undefined);
    expect(comparing(VM, [two, H], [two, H + MIN]).booked).toBe(50);
  });

  test("books growth later and the same part never twice", () => {
    const more = took(HOLD + 90, HOLD + 90, HOLD + 90);
    const seen = comparing(VM, [OVER, H], [OVER, H + MIN], [OVER, 2 * H], [more, 3 * H], [more, 4 * H], [OVER, 5 * H]);
    expect(seen.booked).toBe(90);
    expect(seen.keep.bookedCredits).toBe(90);
  });

  test("starts anew after two core nodes denied it, and goes on over a reading of one against one", () => {
    const denied = took(5, 5, HOLD + 50);
    expect(comparing(VM, [OVER, H], [denied, H + 30 * S], [OVER, H + MIN]).booked).toBe(0);
    const split = took(5, HOLD + 50, undefined);
    expect(comparing(VM, [OVER, H], [split, H + 30 * S], [OVER, H + MIN]).booked).toBe(50);
  });

  test("is late, and freezes nobody, while a closed VM cannot be undone within the time that this takes", () => {
    const expired = close(VM, "ttl", T0 + TTL_S * S);
    const threeHours = TTL_S * S + 3 * H;
    // 3 h + 900 s − the hour of grace at ten a second, and a credit for each started hour
    const bound = 10 * (2 * 3_600 + 900) + 3;
    const at = (beyond: number): Compared => {
      const seen = took(HOLD + beyond, HOLD + beyond, HOLD + beyond);
      return comparing(expired, [seen, threeHours - MIN], [seen, threeHours]);
    };
    expect(at(bound).overrun).toEqual({ kind: "overrun", credits: bound, late: true });
    expect(at(bound + 1).overrun?.late).toBe(false);
  });

  test("of a refused create that came back is all of its bill; the sight freezes, not the sum", () => {
    const refused = hearing(sent(), ["RRa", S], ["RRa", S + MIN]);
    const seen = took(30, 30, 30);
    expect(comparing(refused, [seen, H], [seen, 2 * H]).overrun).toEqual({ kind: "overrun", credits: 30, late: true });
  });

  test("is looked at again soon until it is booked", () => {
    const once = comparing(VM, [OVER, H]).keep;
    const twice = comparing(VM, [OVER, H], [OVER, H + MIN]).keep;
    expect([isSuspect(NO_BILL, VM), isSuspect(once, VM), isSuspect(twice, VM)]).toEqual([false, true, false]);
  });

  test("adds what an attempt took that has left the lists", () => {
    const second = { ...VM.attempts[0], itemHash: "bb".repeat(32), number: 2 } as VmRecord["attempts"][number];
    const first = comparing(VM, [took(HOLD, HOLD, HOLD), H]).keep;
    const moved = { ...VM, attempts: [...VM.attempts, second] };
    const now = JSON.parse(JSON.stringify({ f: [7, 7, 7] })) as { f: number[] };
    const facts: PayerFacts = {
      asOfMs: T0,
      perCore: now.f.map((consumedCredits) => ({
        credits: 0,
        lots: [],
        delegation: "ok" as const,
        lines: [{ itemHash: "bb".repeat(32), rate: RATE, consumedCredits }],
      })),
    };
    const once = compareBill(moved, facts, first, T0 + 2 * H);
    const twice = compareBill(moved, facts, once.keep, T0 + 3 * H);
    expect(twice.overrun?.credits).toBe(7);
  });
});

describe("a bill that drifts from our own meter", () => {
  // after three hours our meter says 108,000; rounding explains 3, the books' lag 54,000, booting 100
  const AT = 3 * H;
  const drift = (...figures: readonly (number | undefined)[]) =>
    comparing(VM, [took(...figures), AT - MIN], [took(...figures), AT]).drift;

  test("within rounding and the lag of the books is no news", () => {
    for (const figure of [108_000, 108_000 + 54_003 - 600, 108_000 - 54_003, 54_000 - 100])
      expect(drift(figure, figure, figure)).toBeNull();
  });

  test("beyond them is told once, with both figures", () => {
    expect(drift(162_004, 162_004, 162_004)).toEqual({ billedCredits: 162_004, meterCredits: 108_000 });
    expect(drift(5, 5, 5)).toEqual({ billedCredits: 5, meterCredits: 108_000 });
    const seen = took(5, 5, 5);
    const later = comparing(VM, [seen, AT - MIN], [seen, AT], [seen, AT + H], [seen, AT + 2 * H]);
    expect([later.drift, later.keep.driftTold]).toEqual([null, true]);
  });

  test("is told on two core nodes' word in two readings, never on one's", () => {
    expect(drift(5, 108_000, 108_000)).toBeNull();
    expect(drift(5, undefined, 108_000)).toBeNull();
    expect(comparing(VM, [took(5, 5, 5), AT]).drift).toBeNull();
  });

  test("is measured at the price that the network froze, where that is below the one held", () => {
    const cheap = (consumedCredits: number): PayerFacts => {
      const { asOfMs, perCore } = took(consumedCredits, consumedCredits, consumedCredits);
      const half = (one: PayerReading | null): PayerReading | null =>
        one && { ...one, lines: one.lines.map((line) => ({ ...line, rate: 5n * ATTO })) };
      return { asOfMs, perCore: perCore.map(half) };
    };
    // two days at half the price
    expect(comparing(VM, [cheap(864_000), 48 * H - MIN], [cheap(864_000), 48 * H]).drift).toBeNull();
  });
});

describe("the last bill", () => {
  const ended = hearing(onForgetSent(stopping(), HASH, T0 + H), ["FFF", H]);

  test("within the holds is the median, or the larger of two; with one answer it waits", () => {
    const due = (...perCore: readonly (number | null)[]) => lastBill(ended, perCore, NO_BILL, T0 + 4 * H).credits;
    expect([due(1, 2, 9), due(1, null, 9), due(null, null, 9), due(null, null, null)]).toEqual([2, 9, null, null]);
    expect(due(5, 1e9, 7)).toBe(7);
  });

  test("beyond the holds takes two core nodes and two looks; of two that differ one may lie, so the third is waited for", () => {
    const look = (bill: Bill, afterMs: number, ...perCore: readonly (number | null)[]) =>
      lastBill(ended, perCore, bill, T0 + 4 * H + afterMs);
    const once = look(NO_BILL, 0, HOLD + 9, HOLD + 9, 5);
    expect(once.credits).toBeNull();
    expect(look(once.keep, MIN - 1, HOLD + 9, HOLD + 9, 5).credits).toBeNull();
    expect(look(once.keep, MIN, HOLD + 9, HOLD + 9, 5).credits).toBe(HOLD + 9);
    expect(look(once.keep, MIN, HOLD + 9, null, HOLD + 9).credits).toBe(HOLD + 9);
    expect(look(once.keep, MIN, 1e9, null, HOLD + 9).credits).toBeNull();
    expect(look(NO_BILL, 0, 1e9, null, 5)).toEqual({ keep: NO_BILL, credits: null });
  });

  test("does not book again what was booked while it was alive", () => {
    const billed = HOLD + 130;
    expect(settle(ended, billed, 50).extra?.credits).toBe(billed - HOLD - 50);
    expect(settle(ended, HOLD + 50, 50).extra).toBeNull();
    expect(settle(ended, HOLD + 50, 90).extra).toBeNull();
  });
});

describe("whatever the readings say", () => {
  const honest = fc.array(fc.nat({ max: 400_000 }), { minLength: 1, maxLength: 12 });
  const lies = fc.array(fc.option(fc.nat({ max: 10_000_000 }), { nil: undefined }), { minLength: 12, maxLength: 12 });

  test("what is booked never exceeds what an honest core node showed beyond the holds, and is never taken back", () => {
    fc.assert(
      fc.property(honest, lies, fc.nat({ max: 2 }), (steps, told, liar) => {
        const truth = steps.toSorted((a, b) => a - b);
        let bill = NO_BILL;
        let booked = 0;
        for (const [at, figure] of truth.entries()) {
          const perCore = [0, 1, 2].map((core) => (core === liar ? told[at] : figure));
          const seen = compareBill(VM, took(...perCore), bill, T0 + at * 5 * MIN);
          expect(seen.keep.bookedCredits).toBeGreaterThanOrEqual(bill.bookedCredits);
          expect(seen.keep.bookedCredits).toBeLessThanOrEqual(Math.max(0, figure - HOLD));
          booked += seen.overrun?.credits ?? 0;
          bill = seen.keep;
        }
        expect(booked).toBe(bill.bookedCredits);
        // and settlement makes it whole, each credit once
        const last = truth.at(-1) ?? 0;
        const done = { ...requested(), ...hearing(stopping(), ["FFF", H]) };
        const { holds, extra } = settle(done, last, booked);
        const posted = holds.reduce((sum, one) => sum + one.credits, 0);
        expect(posted + booked + (extra?.credits ?? 0)).toBeGreaterThanOrEqual(last);
      }),
      { numRuns: 300 },
    );
  });
});
