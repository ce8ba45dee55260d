import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { figuresOf, leagueOf, type SampleRow, type Start } from "../../src/directory/figures.ts";

const row = (account: string, start: Start | null, change: Partial<SampleRow> = {}): SampleRow => ({
  account,
  nodeHash: "a",
  start,
  toSshMs: start === "ready" ? 30_000 : null,
  erased: null,
  ...change,
});
const NONE = { value: null, samples: 0, accounts: 0 };

describe("figuresOf", () => {
  it("has no figure without three accounts behind it, however many samples there are", () => {
    expect(figuresOf([]).startPct).toEqual(NONE);
    const two = Array.from({ length: 40 }, (_, index) => row(index % 2 === 0 ? "alice" : "bob", "never_ran"));
    expect(figuresOf(two).startPct).toEqual({ value: null, samples: 40, accounts: 2 });
    expect(figuresOf([...two, row("carol", "ready")]).startPct).toEqual({ value: 2, samples: 41, accounts: 3 });
  });

  it("leaves out a silent SSH that one account alone reports, and counts it from the second on", () => {
    const good = ["a", "b", "c"].map((account) => row(account, "ready"));
    const spoilt = [...good, ...Array.from({ length: 20 }, () => row("mallory", "no_ssh"))];
    expect(figuresOf(spoilt).startPct).toEqual({ value: 100, samples: 3, accounts: 3 });
    expect(figuresOf([...good, row("mallory", "no_ssh"), row("d", "no_ssh")]).startPct.value).toBe(60);
    // two tenants on two nodes are each alone
    const apart = [...good, row("mallory", "no_ssh"), row("d", "no_ssh", { nodeHash: "b" })];
    expect(figuresOf(apart).startPct.value).toBe(100);
  });

  it("gives times that were seen: the median and the 95th of a hundred", () => {
    const rows = Array.from({ length: 100 }, (_, index) => row(`a${index}`, "ready", { toSshMs: (index + 1) * 1_000 }));
    expect([figuresOf(rows).toSshMsP50.value, figuresOf(rows).toSshMsP95.value]).toEqual([50_000, 95_000]);
  });

  it("tells refusals and erases apart", () => {
    const rows = [
      row("a", "refused"),
      row("b", "ready", { erased: true }),
      row("c", "ready", { erased: true }),
      row("d", "ready", { erased: false }),
    ];
    const { refusedPct, erasedPct } = figuresOf(rows);
    expect([refusedPct.value, erasedPct.value, erasedPct.samples]).toEqual([25, 67, 3]);
  });

  it("is public exactly from three accounts on, and always between 0 and 100", () => {
    const anyRow = fc.record({
      account: fc.constantFrom("a", "b", "c", "d"),
      nodeHash: fc.constant("a"),
      start: fc.constantFrom<Start>("ready", "refused", "never_ran"),
      toSshMs: fc.constant(null),
      erased: fc.constant(null),
    });
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 30 }), (rows) => {
        const { value, accounts } = figuresOf(rows).startPct;
        expect(value === null).toBe(accounts < 3);
        expect((value ?? 0) >= 0 && (value ?? 0) <= 100).toBe(true);
      }),
    );
  });
});

describe("leagueOf", () => {
  it("has a row for each node that was sampled, and one for all", () => {
    const league = leagueOf([row("a", "ready"), row("b", "ready"), row("c", "never_ran", { nodeHash: "b" })]);
    expect(league.whole.startPct).toEqual({ value: 67, samples: 3, accounts: 3 });
    expect([...league.byNode].map(([hash, { startPct }]) => [hash, startPct.samples, startPct.value])).toEqual([
      ["a", 2, null],
      ["b", 1, null],
    ]);
  });
});
