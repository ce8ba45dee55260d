import { describe, expect, test } from "vitest";
import { CREDITS_MAX, RATE_MAX } from "../../src/aleph/amounts.ts";
import { ATTO, CREDITS_PER_USD, holdFor } from "../../src/account/credits.ts";
import {
  delegationOf,
  guardPayer,
  hoursAboveLine,
  isUnderAnHour,
  linePerCore,
  type Ours,
  type PayerFacts,
  type PayerLine,
  payerLine,
  type PayerReading,
  readings,
} from "../../src/account/payer.ts";
import { DAY, H, MIN, S, T0 } from "./vms.ts";

const USD = CREDITS_PER_USD;
/** Atto-credits per second of so many dollars an hour. */
const perHour = (usd: number): bigint => (BigInt(Math.round(usd * USD)) * ATTO) / 3_600n;
const foreign = (usd: number): PayerReading["lines"] => [
  { itemHash: "f0", rate: perHour(usd), consumedCredits: 9_999 },
];
const reading = (change: Partial<PayerReading> = {}): PayerReading => ({
  credits: 40 * USD,
  lots: [],
  lines: foreign(1),
  delegation: "ok",
  ...change,
});
const facts = (...perCore: readonly (PayerReading | null)[]): PayerFacts => ({ perCore, asOfMs: T0 });
const same = (change: Partial<PayerReading> = {}): PayerFacts =>
  facts(reading(change), reading(change), reading(change));
const ours = (change: Partial<Ours> = {}): Ours => ({
  hashes: new Set(),
  holds: [],
  burnAttoPerS: 0n,
  lastEndMs: T0,
  ...change,
});
/** A create of $0.05 an hour for four hours and the grace. */
const CREATE = ours({
  holds: [{ hashes: [], credits: holdFor(perHour(0.05), 4 * 3_600) }],
  burnAttoPerS: perHour(0.05),
  lastEndMs: T0 + 5 * H,
});

function line(read: PayerFacts, mine: Ours): PayerLine {
  const found = payerLine(read, mine, T0);
  if (found === undefined) throw new Error("no line");
  return found;
}
/** Both sides of the inequality, in dollars to the cent. */
function sides(read: PayerFacts, mine: Ours): readonly [left: string, right: string] {
  const { marginCredits, oneDayCredits } = line(read, mine);
  return [((marginCredits + oneDayCredits) / USD).toFixed(2), (oneDayCredits / USD).toFixed(2)];
}

describe("payerLine: the worked examples", () => {
  test("owner burns $1/h and has $40, a VM of $0.05/h for 4+1 h: 33.25 ≥ 25.20, admitted", () => {
    expect(sides(same(), CREATE)).toEqual(["33.25", "25.20"]);
    expect(guardPayer(line(same(), CREATE), 250_000)).toBeNull();
  });

  test("an envelope of $5 that expires in 24 h, the same VM: 4.75 ≥ 1.20, admitted", () => {
    const envelope = same({
      credits: 5 * USD,
      lots: [{ credits: 5 * USD, expiresAtMs: T0 + DAY }],
      lines: [],
    });
    expect(sides(envelope, CREATE)).toEqual(["4.75", "1.20"]);
    expect(guardPayer(line(envelope, CREATE), 250_000)).toBeNull();
  });

  test("a 14-day VM of ours at $0.02/h lives, owner burns $2/h and has $500: 442 ≥ 49, admitted", () => {
    const mine = ours({
      hashes: new Set(["aa"]),
      holds: [{ hashes: ["aa"], credits: holdFor(perHour(0.02), 14 * 86_400) }],
      burnAttoPerS: perHour(0.02),
      lastEndMs: T0 + 14 * DAY + H,
    });
    const rich = same({ credits: 500 * USD, lines: foreign(2) });
    const [left, right] = sides(rich, mine);
    expect([Math.round(Number(left)), Math.ceil(Number(right))]).toEqual([442, 49]);
    expect(guardPayer(line(rich, mine), 1)).toBeNull();
  });
});

describe("payerLine", () => {
  test("three readings count as their median, so that one liar moves nothing", () => {
    for (const liar of [reading({ credits: 0, lines: foreign(900) }), reading({ credits: 9_999 * USD, lines: [] })]) {
      expect(line(facts(reading(), liar, reading()), CREATE)).toEqual(line(same(), CREATE));
    }
  });

  test("two readings count as the worse: fewer credits, more burn, less billed", () => {
    const mine = ours({ hashes: new Set(["aa"]), holds: [{ hashes: ["aa"], credits: 100 }], lastEndMs: T0 });
    const own = (consumedCredits: number): PayerReading["lines"][number] => ({
      itemHash: "aa",
      rate: 7n,
      consumedCredits,
    });
    const low = reading({ credits: 30 * USD, lines: [...foreign(1), own(60)] });
    const high = reading({ credits: 50 * USD, lines: [...foreign(2), own(40)] });
    const found = line(facts(low, null, high), mine);
    expect([found.credits, found.foreignAttoPerS, found.unbilled]).toEqual([30 * USD, perHour(2), 60]);
  });

  test("one reading, or none, gives nothing", () => {
    expect(payerLine(facts(reading(), null, null), CREATE, T0)).toBeUndefined();
    expect(payerLine(facts(null, null, null), CREATE, T0)).toBeUndefined();
  });

  test("a lot that expires before our last VM can end does not count; one that lasts until then does", () => {
    const lots = (expiresAtMs: number | null): PayerFacts => same({ lots: [{ credits: 10 * USD, expiresAtMs }] });
    expect(line(lots(T0 + 5 * H - 1), CREATE).credits).toBe(30 * USD);
    expect(line(lots(T0 + 5 * H), CREATE).credits).toBe(40 * USD);
    expect(line(lots(null), CREATE).credits).toBe(40 * USD);
  });

  test("a lot that expired since the reading, or by a clock that is two minutes off, is still in that balance", () => {
    const lots = (expiresAtMs: number): PayerFacts => same({ lots: [{ credits: 10 * USD, expiresAtMs }] });
    const later = (read: PayerFacts): number | undefined => payerLine(read, CREATE, T0 + MIN)?.credits;
    expect(later(lots(T0 + 30 * S))).toBe(30 * USD);
    expect(later(lots(T0 - MIN))).toBe(30 * USD);
    // that one the node itself had left out
    expect(later(lots(T0 - 2 * MIN))).toBe(40 * USD);
  });

  test("of several lots only those that last until our last end count", () => {
    const read = same({
      credits: 60 * USD,
      lots: [
        { credits: 10 * USD, expiresAtMs: T0 + H },
        { credits: 20 * USD, expiresAtMs: T0 + 6 * H },
        { credits: 30 * USD, expiresAtMs: null },
      ],
    });
    expect(line(read, CREATE).credits).toBe(50 * USD);
    expect(line(read, { ...CREATE, lastEndMs: T0 + 7 * H }).credits).toBe(30 * USD);
    expect(line(read, { ...CREATE, lastEndMs: T0 }).credits).toBe(60 * USD);
  });

  test("a balance is already without what was consumed: the same bill is not taken off twice", () => {
    const mine = ours({ hashes: new Set(["aa"]), holds: [{ hashes: ["aa"], credits: 10 * USD }] });
    const own = (consumedCredits: number): PayerReading["lines"] => [{ itemHash: "aa", rate: 0n, consumedCredits }];
    const before = line(same({ credits: 40 * USD, lines: own(0) }), mine);
    const after = line(same({ credits: 36 * USD, lines: own(4 * USD) }), mine);
    expect(after.marginCredits).toBe(before.marginCredits);
  });

  test("the line of a VM that has ended is gone from the lists; what was seen of it still counts as billed", () => {
    const hold = { hashes: ["aa"], credits: 100 };
    expect(line(same(), ours({ holds: [hold] })).unbilled).toBe(100);
    expect(line(same(), ours({ holds: [{ ...hold, billedCredits: 70 }] })).unbilled).toBe(30);
  });

  test("lines that are ours are counted by our own rates, never twice", () => {
    const read = same({ lines: [...foreign(1), { itemHash: "aa", rate: perHour(5), consumedCredits: 0 }] });
    expect(line(read, { ...CREATE, hashes: new Set(["aa"]) })).toEqual(line(same(), CREATE));
    expect(line(read, CREATE).foreignAttoPerS).toBe(perHour(1) + perHour(5));
  });

  test("what the network took already is not set aside again, and never more than the hold", () => {
    const mine = ours({ hashes: new Set(["aa", "ab"]), holds: [{ hashes: ["aa", "ab"], credits: 100 }] });
    const billed = (first: number, second: number): PayerFacts =>
      same({
        lines: [
          { itemHash: "aa", rate: 0n, consumedCredits: first },
          { itemHash: "ab", rate: 0n, consumedCredits: second },
        ],
      });
    expect(line(billed(20, 30), mine).unbilled).toBe(50);
    expect(line(billed(200, 30), mine).unbilled).toBe(0);
  });

  test("an excess in one VM's bill does not pay for another VM's hold", () => {
    const mine = ours({
      hashes: new Set(["aa", "ab"]),
      holds: [
        { hashes: ["aa"], credits: 100 },
        { hashes: ["ab"], credits: 100 },
      ],
    });
    const read = same({ lines: [{ itemHash: "aa", rate: 0n, consumedCredits: 500 }] });
    expect(line(read, mine).unbilled).toBe(100);
  });

  test("beyond a day the owner's own burn is the owner's to fund", () => {
    const until = (lastEndMs: number): number => line(same(), ours({ lastEndMs })).marginCredits;
    expect(until(T0 + DAY)).toBe(until(T0 + 30 * DAY));
    expect(until(T0 + DAY - MIN)).toBeGreaterThan(until(T0 + DAY));
    expect(until(T0 - H)).toBe(until(T0));
  });

  test("two creates on one snapshot count each other: the second set of holds only lowers the margin", () => {
    const [first] = CREATE.holds;
    if (first === undefined) throw new Error("the create has a hold");
    const both = { ...CREATE, holds: [first, first], burnAttoPerS: 2n * CREATE.burnAttoPerS };
    const less = line(same(), CREATE).marginCredits - line(same(), both).marginCredits;
    expect(less / USD).toBeCloseTo(0.25 + 1.2, 5);
  });
});

describe("guardPayer", () => {
  const LINE: PayerLine = {
    credits: 500,
    foreignAttoPerS: 0n,
    burnAttoPerS: 0n,
    unbilled: 0,
    oneDayCredits: 100,
    marginCredits: 0,
  };

  test("at the line itself it is admitted, a credit below it is refused with what to add", () => {
    expect(guardPayer(LINE, 500)).toBeNull();
    expect(guardPayer({ ...LINE, marginCredits: -7 }, 500)).toEqual({
      code: "balance.below_one_day",
      facts: { hasCredits: 500, addCredits: 7, oneDayCredits: 100 },
      retry: "same_key",
    });
  });

  test("too little for the VM alone is said first", () => {
    expect(guardPayer({ ...LINE, marginCredits: -7 }, 501)).toMatchObject({
      code: "balance.too_low",
      facts: { hasCredits: 500, needsCredits: 501, addCredits: 7 },
    });
  });

  test("what to add is always enough for both: the VM itself and the line", () => {
    const addOf = (marginCredits: number, asked: number): unknown =>
      guardPayer({ ...LINE, marginCredits }, asked)?.facts["addCredits"];
    expect([addOf(-7, 600), addOf(-700, 600), addOf(5, 600), addOf(-7, 1)]).toEqual([100, 700, 100, 7]);
  });
});

describe("the margin", () => {
  /** (C − unbilled − 86,400·(F + O)) / (F + O), in hours. */
  const hours = (credits: number): number | null =>
    hoursAboveLine(line(same({ credits: credits * USD }), ours({ burnAttoPerS: perHour(1) })));

  test("is told in hours above the line of one day, not above zero", () => {
    expect(hours(50)).toBeCloseTo(1, 5);
    expect(hours(48)).toBeCloseTo(0, 5);
    expect(hours(40)).toBeCloseTo(-4, 5);
    expect(hoursAboveLine(line(same({ lines: [] }), ours()))).toBeNull();
  });

  test("is under an hour exactly below it", () => {
    const under = (credits: number): boolean =>
      isUnderAnHour(line(same({ credits, lines: [] }), ours({ burnAttoPerS: 10n * ATTO })));
    const hour = 25 * 36_000;
    expect([under(hour), under(hour - 1), under(0)]).toEqual([false, true, true]);
    expect(isUnderAnHour(line(same({ credits: 0, lines: [] }), ours()))).toBe(false);
  });

  test("by core node is each one's own, so that one's word stays one's word", () => {
    const read = facts(reading(), null, reading({ credits: 0 }));
    expect(linePerCore(read, CREATE, T0).map((one) => one.credits)).toEqual([40 * USD, 0]);
    expect(linePerCore(same(), CREATE, T0)[2]).toEqual(line(same(), CREATE));
  });
});

describe("delegationOf", () => {
  type State = PayerReading["delegation"];
  const said = (...states: readonly (State | null)[]): string =>
    delegationOf(facts(...states.map((delegation) => (delegation === null ? null : reading({ delegation })))));

  test("is what two core nodes agree on", () => {
    expect(said("ok", "ok", "missing")).toBe("ok");
    expect(said("missing", null, "missing")).toBe("missing");
    expect(said("too_wide", "ok", "too_wide")).toBe("too_wide");
  });

  test("is unknown when no two do: one alone neither gives nor takes it", () => {
    expect(said("ok", "missing", "too_wide")).toBe("unknown");
    expect(said("ok", "missing", null)).toBe("unknown");
    expect(said("ok", null, null)).toBe("unknown");
    expect(said(null, null, null)).toBe("unknown");
  });
});

describe("readings", () => {
  test("leaves out the core nodes that did not answer", () => {
    expect(readings(facts(null, reading(), null))).toEqual([reading()]);
  });

  test.each<[string, Partial<PayerReading>]>([
    ["credits", { credits: CREDITS_MAX + 1 }],
    ["a lot", { lots: [{ credits: CREDITS_MAX + 1, expiresAtMs: null }] }],
    ["a rate", { lines: [{ itemHash: "f0", rate: RATE_MAX + 1n, consumedCredits: 0 }] }],
    ["a charge", { lines: [{ itemHash: "f0", rate: 1n, consumedCredits: CREDITS_MAX + 1 }] }],
  ])("leaves out one with %s beyond belief, as an older version may have stored it", (_what, absurd) => {
    expect(readings(facts(reading(absurd), reading(), null))).toEqual([reading()]);
  });
});
