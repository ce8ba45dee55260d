import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ATTO } from "../../src/account/credits.ts";
import { NO_BILL } from "../../src/account/bill.ts";
import { type OurVm, ourPart, ourVm } from "../../src/account/our-part.ts";
import type { PayerFacts, PayerReading } from "../../src/account/payer.ts";
import { UNWATCHED, type Verdict, type Watched, watchPayer } from "../../src/account/payer-watch.ts";
import { H, HASH, hold, MIN, provisioning, RATE, S, stopping, T0 } from "./vms.ts";

const DAY_S = 86_400;
/** Ten credits a second, an hour to go, its whole hold billed: it takes part by its rate alone. */
const vm = (name: string, change: Partial<OurVm> = {}): OurVm => ({
  vmId: name,
  hashes: [name],
  admittedAtMs: T0,
  rateAttoPerS: RATE,
  live: true,
  stopping: false,
  endsAtMs: T0 + H,
  openCredits: 0,
  goneCredits: 0,
  seenCredits: 0,
  ...change,
});
const OLD = vm("old", { admittedAtMs: T0 - 3 * H });
const MIDDLE = vm("middle", { admittedAtMs: T0 - 2 * H });
const NEW = vm("new", { admittedAtMs: T0 - H });
const OURS = [OLD, MIDDLE, NEW];

const reading = (credits: number, foreignPerS = 0): PayerReading => ({
  credits,
  lots: [],
  delegation: "ok",
  lines: [{ itemHash: "theirs", rate: BigInt(foreignPerS) * ATTO, consumedCredits: 0 }],
});
const read = (...perCore: readonly (PayerReading | null)[]): PayerFacts => ({ perCore, asOfMs: T0 });
const all = (credits: number, foreignPerS = 0): PayerFacts => {
  const one = reading(credits, foreignPerS);
  return read(one, one, one);
};
/** The owner's own machines burn a thousand a second here, so that the hour is stricter than the line itself. */
const THEIRS = 1_000;
/** What a payer needs for an hour above one day with so many of ours running. */
const hourAbove = (vms: number): number => (DAY_S + 3_600) * (THEIRS + 10 * vms);

type Seen = readonly [facts: PayerFacts, afterMs: number];
function watching(ours: readonly OurVm[], rule: "stop_ours" | "alert", ...seen: readonly Seen[]): readonly Verdict[] {
  let keep: Watched = UNWATCHED;
  return seen.map(([facts, afterMs]) => {
    const verdict = watchPayer({ facts, ours, oursRemoving: false }, rule, keep, T0 + afterMs);
    keep = verdict.keep;
    return verdict;
  });
}
const stopped = (verdicts: readonly Verdict[]): readonly (readonly string[])[] => verdicts.map((one) => one.stop);

describe("the line while VMs run", () => {
  test("is told once when the inequality fails, with what to add", () => {
    // three of ours and 70 a second of the owner's: a day of 100 a second, and 9,000 s of theirs on top
    const needs = 100 * DAY_S + 70 * (3_600 + 5_400);
    const [fine] = watching(OURS, "alert", [all(needs, 70), 0]);
    expect([fine?.line, fine?.keep.lineSinceMs]).toEqual([null, null]);
    const [first, second] = watching(OURS, "alert", [all(needs - 7, 70), 0], [all(needs - 50_000, 70), 5 * MIN]);
    expect(first?.line).toEqual({
      marginH: 1.7,
      oneDayCredits: 100 * DAY_S,
      addCredits: 7,
      rule: "alert",
      vmsStopped: 0,
    });
    expect([second?.line, second?.keep.lineSinceMs]).toEqual([null, T0]);
  });

  test("that is passed again is told again, but not more than once an hour", () => {
    const bad = all(0, 70);
    const good = all(1e9, 70);
    const told = watching(
      OURS,
      "alert",
      [bad, 0],
      [good, 5 * MIN],
      [bad, 10 * MIN],
      [bad, 59 * MIN],
      [bad, 60 * MIN],
      [bad, 200 * MIN],
    ).map((one) => one.line !== null);
    expect(told).toEqual([true, false, false, false, true, false]);
  });

  test("is no news on one core node's word, with the others well or one of them silent", () => {
    for (const facts of [
      read(reading(0), reading(1e9), reading(1e9)),
      read(reading(0), reading(1e9), null),
      read(reading(0), null, null),
      read(reading(1e9, 1e6), reading(1e9), null),
    ]) {
      const verdicts = watching(OURS, "stop_ours", [facts, 0], [facts, H], [facts, 2 * H]);
      expect(stopped(verdicts)).toEqual([[], [], []]);
      expect(verdicts.map((one) => one.line)).toEqual([null, null, null]);
    }
  });
});

describe("under an hour of margin", () => {
  test("our newest VM stops after the second reading, a minute later, and no more than must", () => {
    // enough for an hour above the line with two of ours, not with three
    const facts = all(hourAbove(2) + 5, THEIRS);
    const verdicts = watching(OURS, "stop_ours", [facts, 0], [facts, MIN - 1], [facts, MIN]);
    expect(stopped(verdicts)).toEqual([[], [], ["new"]]);
    expect(verdicts.map((one) => one.keep.lookAgain)).toEqual([true, true, false]);
    expect(verdicts[2]?.line).toMatchObject({ vmsStopped: 1 });
  });

  test("exactly an hour is enough", () => {
    const facts = all(hourAbove(3), THEIRS);
    expect(stopped(watching(OURS, "stop_ours", [facts, 0], [facts, MIN]))).toEqual([[], []]);
  });

  test("all of ours stop, newest first, when nothing less helps", () => {
    const facts = all(5, 70);
    expect(stopped(watching(OURS, "stop_ours", [facts, 0], [facts, MIN]))[1]).toEqual(["new", "middle", "old"]);
    expect(stopped(watching(OURS.toReversed(), "stop_ours", [facts, 0], [facts, MIN]))[1]).toEqual([
      "new",
      "middle",
      "old",
    ]);
  });

  test("is no reason to stop what was admitted on the line itself", () => {
    // nobody else burns: the line holds to the credit, with no hour above it
    const facts = all(30 * DAY_S);
    expect(stopped(watching(OURS, "stop_ours", [facts, 0], [facts, MIN]))).toEqual([[], []]);
    const below = all(30 * DAY_S - 1);
    expect(stopped(watching(OURS, "stop_ours", [below, 0], [below, MIN]))[1]).toEqual(["new"]);
  });

  test("what is stopping already counts as gone, so nothing is stopped in its place", () => {
    const facts = all(hourAbove(2) + 5, THEIRS);
    const ours = [OLD, MIDDLE, { ...NEW, stopping: true }];
    expect(stopped(watching(ours, "stop_ours", [facts, 0], [facts, MIN]))).toEqual([[], []]);
  });

  test("a VM that stops still costs what it took until now, and no more", () => {
    const held = vm("held", { openCredits: 500_000, goneCredits: 9_000 });
    const facts = all(9_000 + hourAbove(2), THEIRS);
    expect(stopped(watching([OLD, MIDDLE, held], "stop_ours", [facts, 0], [facts, MIN]))[1]).toEqual(["held"]);
    const poorer = all(8_999 + hourAbove(2), THEIRS);
    expect(stopped(watching([OLD, MIDDLE, held], "stop_ours", [poorer, 0], [poorer, MIN]))[1]).toEqual([
      "held",
      "middle",
    ]);
  });

  test("an owner who wants to be told only is told, and nothing stops", () => {
    const facts = all(5, 70);
    const verdicts = watching(OURS, "alert", [facts, 0], [facts, MIN], [facts, H]);
    expect(stopped(verdicts)).toEqual([[], [], []]);
    expect(verdicts[0]?.line).toMatchObject({ rule: "alert" });
    expect(verdicts[1]?.keep.lookAgain).toBe(false);
  });

  test("a recovery in between starts the minute anew; silence and one against one do not", () => {
    const low = all(5, 70);
    const between = (facts: PayerFacts): unknown =>
      stopped(watching(OURS, "stop_ours", [low, 0], [facts, 30 * S], [low, MIN]))[2];
    expect(between(all(1e9))).toEqual([]);
    expect(between(read(null, null, null))).toHaveLength(3);
    expect(between(read(reading(5, 70), reading(1e9), null))).toHaveLength(3);
  });

  test("the owner's other machines are why, or lots that run out: both count", () => {
    const rich = all(hourAbove(3), THEIRS);
    const burning = all(hourAbove(3), THEIRS + 1);
    expect(stopped(watching(OURS, "stop_ours", [rich, 0], [rich, MIN]))[1]).toEqual([]);
    expect(stopped(watching(OURS, "stop_ours", [burning, 0], [burning, MIN]))[1]).toEqual(["new"]);
    const lot = { ...reading(hourAbove(3), THEIRS), lots: [{ credits: 1, expiresAtMs: T0 + 30 * MIN }] };
    const expiring = read(lot, lot, lot);
    expect(stopped(watching(OURS, "stop_ours", [expiring, 0], [expiring, MIN]))[1]).toEqual(["new"]);
  });
});

describe("removals", () => {
  const removing = (before: Watched, oursRemoving: boolean, ...removingPerCore: readonly (number | null)[]): Verdict =>
    watchPayer({ facts: { ...all(1e9), removingPerCore }, ours: OURS, oursRemoving }, "alert", before, T0);

  test("are told once, when two core nodes list one, or two call a VM of ours so", () => {
    const first = removing(UNWATCHED, false, 2, 3, 0);
    expect([first.removing, first.keep.removingSinceMs]).toEqual([{ machines: 2 }, T0]);
    expect(removing(first.keep, false, 2, 3, 0).removing).toBeNull();
    expect(removing(UNWATCHED, true).removing).toEqual({ machines: 1 });
  });

  test("are nothing on one core node's word, and are over when two no longer list any", () => {
    for (const said of [
      [5, 0, 0],
      [5, null, null],
      [5, 0, null],
    ] as const)
      expect(removing(UNWATCHED, false, ...said).keep.removingSinceMs).toBeNull();
    const known = removing(UNWATCHED, false, 1, 1, 0).keep;
    expect(removing(known, false, 1, 0, null).keep.removingSinceMs).toBe(T0);
    expect(removing(known, false, null, null, null).keep.removingSinceMs).toBe(T0);
    expect(removing(known, false, 1, 0, 0).keep.removingSinceMs).toBeNull();
  });
});

describe("our part", () => {
  const mine = (change = {}): OurVm => ourVm({ ...provisioning(), holds: [hold(180_000)], ...change }, NO_BILL, T0 + H);

  test("of a VM taken for gone is what it took until now; it burns no more", () => {
    const one = mine();
    expect(ourPart([one], T0 + H).holds).toEqual([{ hashes: [HASH], credits: 180_000 }]);
    const gone = ourPart([one], T0 + H, new Set([one.vmId]));
    expect(gone.holds).toEqual([{ hashes: [HASH], credits: 36_000 + 9_000 + 2 }]);
    expect([gone.burnAttoPerS, gone.lastEndMs]).toEqual([0n, T0 + H]);
    expect(gone.hashes.has(HASH)).toBe(true);
  });

  test("knows what is stopping", () => {
    expect([mine().stopping, ourVm(stopping(), NO_BILL, T0).stopping]).toEqual([false, true]);
  });

  test("of what has ended burns nothing, and a line that it still has is a stranger's", () => {
    const over = ourPart([vm("over", { live: false, openCredits: 50, seenCredits: 20 })], T0);
    expect(over).toEqual({
      hashes: new Set(),
      holds: [{ hashes: ["over"], credits: 50, billedCredits: 20 }],
      burnAttoPerS: 0n,
      lastEndMs: T0,
    });
  });
});

describe("whatever a liar says", () => {
  const anything = fc.option(
    fc
      .record({ credits: fc.nat({ max: 1e9 }), perS: fc.nat({ max: 1_000 }) })
      .map((one) => reading(one.credits, one.perS)),
    { nil: null },
  );

  test("two core nodes that show an hour of margin, or one that does and a silent one, keep everything alive", () => {
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 6 }), fc.boolean(), (lies, silent) => {
        const good = reading(hourAbove(3), THEIRS);
        const seen = lies.map((lie, at): Seen => [read(good, lie, silent ? null : good), at * 5 * MIN]);
        expect(stopped(watching(OURS, "stop_ours", ...seen))).toEqual(lies.map(() => []));
      }),
    );
  });

  test("two honest core nodes under an hour stop ours by the second reading, newest first, whatever the third says", () => {
    fc.assert(
      fc.property(
        fc.array(anything, { minLength: 2, maxLength: 2 }),
        fc.integer({ min: 0, max: hourAbove(3) - 1 }),
        (lies, credits) => {
          const low = reading(credits, THEIRS);
          const [, stop] = watching(
            OURS,
            "stop_ours",
            ...lies.map((lie, at): Seen => [read(low, low, lie), at * 61 * S]),
          ).map((one) => one.stop);
          expect(stop?.length).toBeGreaterThan(0);
          expect(["new", "middle", "old"].slice(0, stop?.length)).toEqual(stop);
        },
      ),
    );
  });
});
