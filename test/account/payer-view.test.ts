import { describe, expect, test } from "vitest";
import { CREDITS_MAX, RATE_MAX } from "../../src/aleph/amounts.ts";
import { ATTO } from "../../src/account/credits.ts";
import { folded, type Ours, type PayerFacts, type PayerReading } from "../../src/account/payer.ts";
import { payerView } from "../../src/account/payer-view.ts";
import { H, T0 } from "./vms.ts";

/** One VM of ours at 10 a second for another hour, 50,000 of its hold still to be billed. */
const OURS: Ours = {
  hashes: new Set(["aa"]),
  holds: [{ hashes: ["aa"], credits: 60_000 }],
  burnAttoPerS: 10n * ATTO,
  lastEndMs: T0 + H,
};
const READING: PayerReading = {
  credits: 5_000_000,
  lots: [],
  delegation: "ok",
  lines: [
    { itemHash: "aa", rate: 10n * ATTO, consumedCredits: 10_000 },
    { itemHash: "their-database", rate: 30n * ATTO, consumedCredits: 5 },
    { itemHash: "their-site", rate: 10n * ATTO, consumedCredits: 5 },
  ],
};
const facts = (...perCore: readonly (PayerReading | null)[]): PayerFacts => ({ perCore, asOfMs: T0 });

describe("payerView", () => {
  const view = payerView(facts(READING, READING, READING), OURS, T0);

  test("tells apart what is needed now, what will be spent, and what is protected", () => {
    // one day of 50 a second, 50,000 of ours, and 9,000 s of the 40 a second that are not
    expect(view).toMatchObject({
      oneDayLineCredits: 4_320_000,
      willCostCredits: 50_000,
      neededNowCredits: 4_320_000 + 50_000 + 360_000,
      marginCredits: 5_000_000 - 4_730_000,
      payerBurnCreditsPerH: 180_000,
    });
  });

  test("counts the runway in hours to the line of one day, never to zero", () => {
    expect(view.runwayH).toBeCloseTo(630_000 / 180_000, 9);
    const poor = payerView(facts({ ...READING, credits: 9 }, { ...READING, credits: 9 }, null), OURS, T0);
    expect([poor.runwayH, Math.sign(poor.marginCredits ?? 0)]).toEqual([0, -1]);
  });

  test("counts the payer's other machines and tells their rate, and nothing of what they are called", () => {
    expect([view.otherMachines, view.otherBurnCreditsPerH]).toEqual([2, 144_000]);
    expect(JSON.stringify(view)).not.toContain("their");
  });

  test("says on which figures how many core nodes differ", () => {
    const other = { ...READING, credits: 1, delegation: "missing" as const };
    expect(payerView(facts(READING, other, READING), OURS, T0).coreNodesDiffer).toEqual({
      balance: 1,
      otherBurn: 0,
      billed: 0,
      delegation: 1,
    });
    expect(view.coreNodesDiffer).toEqual({ balance: 0, otherBurn: 0, billed: 0, delegation: 0 });
  });

  test("is told whatever two core nodes say that may be believed", () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => ({
      itemHash: `${at}`,
      rate: RATE_MAX,
      consumedCredits: CREDITS_MAX,
    }));
    const lots = Array.from({ length: 101 }, () => ({ credits: CREDITS_MAX, expiresAtMs: T0 + 1 }));
    const most: PayerReading = { credits: CREDITS_MAX, lots, lines, delegation: "ok" };
    const figures = Object.values(payerView(facts(most, most, null), OURS, T0)).filter(
      (one) => typeof one === "number",
    );
    expect(figures).toHaveLength(10);
    expect(figures.every((one) => Math.abs(one) <= Number.MAX_SAFE_INTEGER)).toBe(true);
  });

  test("is the same of a reading as it is kept, in which what is not ours is a sum", () => {
    const kept = folded(facts(READING, null, { ...READING, lines: READING.lines.slice(0, 2) }), OURS.hashes);
    expect(kept.perCore.map((one) => one?.lines.length)).toEqual([1, undefined, 1]);
    expect(JSON.stringify(payerView(kept, OURS, T0))).toBe(
      JSON.stringify(payerView(facts(READING, null, { ...READING, lines: READING.lines.slice(0, 2) }), OURS, T0)),
    );
    // its VM has ended since: what still burns of it burns like a stranger's
    const over = { ...OURS, hashes: new Set<string>() };
    expect(payerView(kept, over, T0)).toMatchObject({ otherMachines: 3, otherBurnCreditsPerH: 180_000 });
  });

  test("knows nothing on the word of one core node, or of none", () => {
    const one = payerView(facts(READING, null, null), OURS, T0);
    expect([one.payerCredits, one.marginCredits, one.coreNodesAnswering]).toEqual([null, null, 1]);
    expect(payerView(null, OURS, T0).coreNodesAnswering).toBeNull();
  });
});
