import { describe, expect, test } from "vitest";
import { awaitsCharges, CHARGES_AFTER_MS, type Charges, compareCharges, isDrift } from "../../src/account/charges.ts";
import { settleLate } from "../../src/account/settlement.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { attempt, DAY, H, hold, MIN, requested, S, T0 } from "./vms.ts";

/** Ran an hour and a half: two credits of rounding. Posted at our meter, the network's bill was somewhat less. */
const ENDED = T0 + 90 * MIN;
const SETTLED = ENDED + 3 * H;
const LATER = SETTLED + CHARGES_AFTER_MS;
const VM: VmRecord = requested({
  state: "TERMINATED",
  endedAtMs: ENDED,
  settledAtMs: SETTLED,
  settledCredits: 54_000,
  billedCredits: 50_000,
  holds: [{ ...hold(54_000), creditsOriginal: 180_000, state: "posted" }],
  attempts: [attempt({ closedAtMs: ENDED - MIN, firstForgetMs: ENDED - MIN, endedAtMs: ENDED })],
});

type PerCore = readonly (number | null)[];
/** One reading, and the same again a minute later. */
function twice(perCore: PerCore, again: PerCore = perCore, apartMs = MIN): Charges | null {
  const charges = compareCharges(VM, perCore, LATER);
  return compareCharges(charges === null ? VM : { ...VM, charges }, again, LATER + apartMs);
}

describe("a history between the bill and what was posted", () => {
  test.each([50_000, 52_000, 54_000, 49_998])("of %i agrees, at the first look", (sum) => {
    const says = { says: "agrees", sure: true, historyCredits: sum, postedCredits: 54_000 };
    expect(compareCharges(VM, [sum, sum, sum], LATER)).toMatchObject(says);
    expect(compareCharges(VM, [sum, null, sum], LATER)).toMatchObject(says);
  });

  test("agrees whatever one core node of three says", () => {
    for (const lie of [0, 900_000]) expect(twice([lie, 52_000, 52_000])).toMatchObject({ says: "agrees", sure: true });
  });
});

describe("a history beyond what was posted", () => {
  test("takes two core nodes, in two readings a minute apart, and counts as far as both go", () => {
    expect(compareCharges(VM, [60_000, 60_000, 54_000], LATER)).toMatchObject({ says: "more", sure: false });
    expect(twice([60_000, 70_000, 54_000])).toMatchObject({ says: "more", sure: true, historyCredits: 60_000 });
    expect(twice([60_000, 60_000, null], undefined, MIN - 1)).toMatchObject({ says: "more", sure: false });
  });

  test("on one core node's word alone is nothing: the third is waited for", () => {
    expect(twice([900_000, 52_000, null])).toBeNull();
    expect(twice([900_000, null, null])).toBeNull();
  });

  test("that is taken back before the second look is forgotten", () => {
    expect(twice([60_000, 60_000, 60_000], [52_000, 52_000, 52_000])).toMatchObject({ says: "agrees" });
    expect(twice([60_000, 60_000, 60_000], [9, 9, 9])).toMatchObject({ says: "less", sure: false });
  });

  test("is booked to the credit, and told where rounding does not explain it", () => {
    const byTwo = twice([54_002, 54_002, 54_002]) as Charges;
    expect([isDrift(VM, byTwo), isDrift(VM, twice([54_003, 54_003, 54_003]) as Charges)]).toEqual([false, true]);
    expect(settleLate(VM, 54_001)).toEqual({ kind: "correction", credits: 1, late: true });
    expect(settleLate(VM, 180_001)).toEqual({ kind: "overrun", credits: 126_001, late: false });
    expect(settleLate(VM, 54_000)).toBeNull();
  });
});

describe("a history that does not reach the bill", () => {
  test("is told where two core nodes show it twice, and gives nothing back", () => {
    const less = twice([49_997, 10_000, 54_000]) as Charges;
    expect(less).toMatchObject({ says: "less", sure: true, historyCredits: 49_997 });
    expect([isDrift(VM, less), settleLate(VM, 49_997)]).toEqual([true, null]);
  });

  test("on one core node's word alone is nothing", () => {
    expect(twice([0, 52_000, null])).toBeNull();
    expect(twice([0, null, null])).toBeNull();
  });

  test("of a VM that was settled before bills were kept says nothing", () => {
    const { billedCredits: _, ...older } = VM;
    expect(compareCharges(older, [0, 0, 0], LATER)).toMatchObject({ says: "agrees" });
  });
});

describe("a history that nobody tells", () => {
  test("is asked for a day long and then called unknown", () => {
    expect(compareCharges(VM, [null, null, null], LATER + DAY - S)).toBeNull();
    const given = compareCharges(VM, [null, 52_000, null], LATER + DAY);
    expect(given).toMatchObject({ says: "unknown", sure: true, historyCredits: null });
    expect(isDrift(VM, given as Charges)).toBe(false);
  });

  test("is compared once: what is sure is not asked for again", () => {
    expect(awaitsCharges(VM)).toBe(true);
    expect(awaitsCharges({ ...VM, charges: twice([9, 9, 9]) as Charges })).toBe(false);
    expect(awaitsCharges({ ...VM, settledAtMs: null })).toBe(false);
  });
});
