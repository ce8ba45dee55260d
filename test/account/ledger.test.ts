import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
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
} from "../../src/account/ledger.ts";
import type { Hold } from "../../src/account/types.ts";
import { hold } from "./vms.ts";

const booked = (balance: Balance, entries: readonly Entry[]): Balance => entries.reduce(apply, balance);
/** As the books do it: what a change sets free pays off a deficit before anything else. */
const changed = (balance: Balance, before: Hold, after: Hold): Balance => {
  const next = booked(balance, changeEntries(before, after));
  return booked(next, repay(next));
};
const GRANTED = booked(EMPTY_BALANCE, budgetEntries(EMPTY_BALANCE, 1_000));
const HELD = booked(GRANTED, holdEntries(GRANTED, hold(600)));
const balance = (change: Partial<Balance>): Balance => ({ ...EMPTY_BALANCE, ...change });

describe("apply", () => {
  test("an entry that would make a side negative is a programmer's error", () => {
    const entry: Entry = { kind: "hold", from: "available", to: "held", credits: 1 };
    expect(() => apply(EMPTY_BALANCE, entry)).toThrow("internal.invariant");
    expect(apply(balance({ granted: 1, available: 1 }), entry)).toEqual(balance({ granted: 1, held: 1 }));
  });
});

describe("budgetEntries", () => {
  test("a larger budget becomes available, the same one moves nothing", () => {
    expect(GRANTED).toEqual(balance({ granted: 1_000, available: 1_000 }));
    expect(budgetEntries(GRANTED, 1_000)).toEqual([]);
  });

  test("a smaller one takes what is free and leaves the rest as a deficit; it never fails", () => {
    expect(booked(GRANTED, budgetEntries(GRANTED, 300))).toEqual(balance({ granted: 300, available: 300 }));
    expect(booked(HELD, budgetEntries(HELD, 100))).toEqual(balance({ granted: 100, held: 600, deficit: 500 }));
    expect(booked(HELD, budgetEntries(HELD, 0))).toEqual(balance({ granted: 0, held: 600, deficit: 600 }));
  });

  test("a larger one pays the deficit off first", () => {
    const short = booked(HELD, budgetEntries(HELD, 100));
    expect(booked(short, budgetEntries(short, 400))).toEqual(balance({ granted: 400, held: 600, deficit: 200 }));
    expect(booked(short, budgetEntries(short, 700))).toEqual(balance({ granted: 700, held: 600, available: 100 }));
  });
});

describe("holdEntries", () => {
  test("moves what is available to held, under the name of its kind", () => {
    expect(HELD).toEqual(balance({ granted: 1_000, available: 400, held: 600 }));
    expect(holdEntries(GRANTED, hold(5, { kind: "extend" })).map(({ kind }) => kind)).toEqual(["extend"]);
    expect(holdEntries(GRANTED, hold(0))).toEqual([]);
  });

  test("a hold beyond what is available shows as a deficit instead of failing", () => {
    expect(booked(HELD, holdEntries(HELD, hold(500)))).toEqual(balance({ granted: 1_000, held: 1_100, deficit: 100 }));
  });
});

describe("changeEntries", () => {
  const HOLD = hold(600);

  test("shrinking and voiding free the difference, posting spends what is left", () => {
    expect(changed(HELD, HOLD, { ...HOLD, credits: 100, state: "shrunk" })).toEqual(
      balance({ granted: 1_000, available: 900, held: 100 }),
    );
    expect(changed(HELD, HOLD, { ...HOLD, credits: 0, state: "voided" })).toEqual(GRANTED);
    expect(changed(HELD, HOLD, { ...HOLD, credits: 250, state: "posted" })).toEqual(
      balance({ granted: 1_000, available: 750, posted: 250 }),
    );
  });

  test("shrunk to the full hold, and posted a second time, move nothing", () => {
    expect(changeEntries(HOLD, { ...HOLD, state: "shrunk" })).toEqual([]);
    const posted = { ...HOLD, credits: 250, state: "posted" as const };
    expect(changeEntries(posted, posted)).toEqual([]);
  });

  test("what is set free while there is a deficit has to be repaid with it, or both sides stand open", () => {
    const short = booked(HELD, budgetEntries(HELD, 100));
    const freed = booked(short, changeEntries(HOLD, { ...HOLD, credits: 0, state: "voided" }));
    expect(freed).toEqual(balance({ granted: 100, available: 600, deficit: 500 }));
    expect(booked(freed, repay(freed))).toEqual(balance({ granted: 100, available: 100 }));
  });
});

describe("extraEntries", () => {
  test("is posted at once, from what is available and beyond it from the deficit", () => {
    expect(booked(HELD, extraEntries(HELD, "correction", 400))).toEqual(
      balance({ granted: 1_000, held: 600, posted: 400 }),
    );
    expect(booked(HELD, extraEntries(HELD, "overrun", 900))).toEqual(
      balance({ granted: 1_000, held: 600, posted: 900, deficit: 500 }),
    );
  });
});

describe("repay", () => {
  test("moves nothing unless both sides stand open", () => {
    expect(repay(GRANTED)).toEqual([]);
    expect(repay(balance({ deficit: 5, held: 5 }))).toEqual([]);
  });
});

describe("the books under any sequence of events", () => {
  type Event =
    | { readonly does: "budget" | "hold" | "extra"; readonly credits: number }
    | { readonly does: Resolving; readonly pick: number; readonly part: number };
  type Resolving = "shrink" | "post" | "void";
  const amount = fc.nat({ max: 1_000_000 });
  const events: fc.Arbitrary<Event> = fc.oneof(
    fc.record({ does: fc.constantFrom("budget" as const, "hold" as const, "extra" as const), credits: amount }),
    fc.record({
      does: fc.constantFrom("shrink" as const, "post" as const, "void" as const),
      pick: fc.nat(),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  );

  /** One event on the books and on the holds that they stand for. */
  function step(books: { readonly balance: Balance; readonly holds: readonly Hold[] }, event: Event): typeof books {
    const { balance: now, holds } = books;
    if ("credits" in event) {
      const fresh = hold(event.credits);
      if (event.does === "hold") return { balance: booked(now, holdEntries(now, fresh)), holds: [...holds, fresh] };
      const budget = event.does === "budget";
      const entries = budget ? budgetEntries(now, event.credits) : extraEntries(now, "overrun", event.credits + 1);
      return { balance: booked(now, entries), holds };
    }
    const index = holds.length === 0 ? -1 : event.pick % holds.length;
    const before = holds[index];
    if (before === undefined || before.state === "posted" || before.state === "voided") return books;
    const after = resolved(before, event.does, Math.floor(before.credits * event.part));
    return { balance: changed(now, before, after), holds: holds.with(index, after) };
  }

  function resolved(before: Hold, does: Resolving, credits: number): Hold {
    if (does === "void" || credits === 0) return { ...before, credits: 0, state: "voided" };
    return { ...before, credits, state: does === "shrink" ? "shrunk" : "posted" };
  }

  test("they add up, nothing is negative, and never are both available and deficit open", () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 40 }), (history) => {
        let books = { balance: EMPTY_BALANCE, holds: [] as readonly Hold[] };
        for (const event of history) {
          books = step(books, event);
          const { granted, deficit, available, held, posted } = books.balance;
          expect(granted + deficit).toBe(available + held + posted);
          expect(Object.values(books.balance).every((value) => Number.isSafeInteger(value) && value >= 0)).toBe(true);
          expect(Math.min(available, deficit)).toBe(0);
          const open = books.holds.filter(({ state }) => state === "held" || state === "shrunk");
          expect(held).toBe(open.reduce((sum, { credits }) => sum + credits, 0));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("every row has a side that it leaves and another that it reaches, and moves something", () => {
    const rows = [
      ...budgetEntries(HELD, 0),
      ...budgetEntries(GRANTED, 2_000),
      ...holdEntries(HELD, hold(500)),
      ...extraEntries(HELD, "overrun", 900),
      ...changeEntries(hold(600), hold(5, { state: "posted" })),
    ];
    expect(rows.every(({ from, to, credits }) => from !== to && credits > 0)).toBe(true);
  });
});
