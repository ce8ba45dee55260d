import { describe, expect, test } from "vitest";
import {
  cameBack,
  doneCount,
  endedByOthers,
  forgetsFor,
  hear,
  isEnded,
  isRejected,
  saidAlive,
  saidRejected,
  canUndo,
  storedBy,
  unspentForgets,
  usableForgets,
} from "../../src/account/attempts.ts";
import type { Attempt } from "../../src/account/types.ts";
import { attempt, forget, HASH, MIN, requested, round, S, T0 } from "./vms.ts";

type Step = readonly [letters: string, afterMs: number, delegationInForce?: boolean];

/** What an attempt has become after a few rounds, and the last of them. */
function after(from: Attempt, ...steps: readonly Step[]): { readonly one: Attempt; readonly last: number } {
  const one = steps.reduce((now, [letters, ms, ok]) => hear(now, round(letters, T0 + ms, ok ?? true)), from);
  return { one, last: T0 + (steps.at(-1)?.[1] ?? 0) };
}
const OPEN = attempt();
const CLOSED = attempt({ closedAtMs: T0, seenAliveMs: T0 });
const DORMANT = attempt({ closedAtMs: T0, rejectedAtMs: T0, dormant: true });

function rejected(...steps: readonly Step[]): boolean {
  const { one } = after(OPEN, ...steps);
  const [letters, ms] = steps.at(-1) ?? ["---", 0];
  return isRejected(one, round(letters, T0 + ms));
}
const ended = (...steps: readonly Step[]): boolean => {
  const { one, last } = after(CLOSED, ...steps);
  return isEnded(one, last);
};
const byOthers = (...steps: readonly Step[]): boolean => {
  const { one, last } = after(OPEN, ...steps);
  return endedByOthers(one, last);
};
const back = (from: Attempt, ...steps: readonly Step[]): boolean => {
  const { one, last } = after(from, ...steps);
  return cameBack(one, last);
};

describe("hear", () => {
  test("keeps what each core node said last, since when, and when it was heard", () => {
    const { one } = after(OPEN, ["p--", 0], ["pP-", 5 * S], ["PP-", 9 * S]);
    expect(one.views).toEqual([
      { says: "processed", atMs: T0 + 9 * S, sinceMs: T0 + 9 * S },
      { says: "processed", atMs: T0 + 9 * S, sinceMs: T0 + 5 * S },
      null,
    ]);
  });

  test("silence leaves what a node said before", () => {
    const { one } = after(OPEN, ["FPR", 0], ["---", MIN]);
    expect(one.views.map((view) => view?.says)).toEqual(["forgotten", "processed", "rejected"]);
    expect(one.views.map((view) => view?.atMs)).toEqual([T0, T0, T0]);
  });

  test("remembers for good when any node first showed it alive", () => {
    expect(after(OPEN, ["aaa", 0], ["pR-", S]).one.seenAliveMs).toBeNull();
    expect(after(OPEN, ["aaa", 0], ["aMa", S], ["aaa", 2 * S]).one.seenAliveMs).toBe(T0 + S);
  });
});

describe("isRejected", () => {
  test("needs two core nodes, twice, a minute apart", () => {
    expect(rejected(["RRa", 0])).toBe(false);
    expect(rejected(["RRa", 0], ["RRa", MIN - 1])).toBe(false);
    expect(rejected(["RRa", 0], ["RRa", MIN])).toBe(true);
    expect(rejected(["RRR", 0], ["-RR", MIN])).toBe(true);
    expect(rejected(["R--", 0], ["R--", 5 * MIN], ["R--", 10 * MIN])).toBe(false);
  });

  test("the second reading must be a reading: two that fell silent have not said it twice", () => {
    expect(rejected(["RR-", 0], ["---", MIN])).toBe(false);
    expect(rejected(["RR-", 0], ["R--", MIN])).toBe(false);
  });

  test("any other word at a reading starts the minute anew, whoever says it", () => {
    for (const word of ["p", "P", "F", "M", "X"]) {
      expect(rejected(["RRa", 0], [`RR${word}`, MIN])).toBe(false);
      expect(rejected(["RRa", 0], [`RR${word}`, 30 * S], ["RRa", MIN])).toBe(false);
      expect(rejected(["RRa", 0], [`RR${word}`, 30 * S], ["RRa", MIN], ["RRa", 2 * MIN])).toBe(true);
    }
  });

  test("404 is put aside, silence in between does not start anew, and an earlier PENDING does not count", () => {
    expect(rejected(["RRa", 0], ["aaa", 20 * S], ["---", 40 * S], ["RR-", MIN])).toBe(true);
    expect(rejected(["pp-", 0], ["Rp-", S], ["RR-", 2 * S], ["RR-", 62 * S])).toBe(true);
  });
});

describe("isEnded", () => {
  test("at once when all three are done, in whatever words", () => {
    for (const letters of ["FFF", "XXX", "FXR", "RRR"]) expect(ended([letters, S])).toBe(true);
  });

  test("two that are done, and the third ten minutes later", () => {
    expect(ended(["FFP", 0])).toBe(false);
    expect(ended(["FFP", 0], ["FFP", 10 * MIN - 1])).toBe(false);
    for (const third of ["P", "M", "p", "a", "-"]) {
      expect(ended([`FF${third}`, 0], [`FF${third}`, 10 * MIN])).toBe(true);
    }
  });

  test("no core node has a veto, whichever of the three it is", () => {
    for (const letters of ["PFF", "FPF", "FFP"]) expect(ended([letters, 0], [letters, 10 * MIN])).toBe(true);
  });

  test("one alone ends nothing, however long it says so", () => {
    for (const letters of ["FPP", "F--", "Raa", "X-P"]) expect(ended([letters, 0], [letters, 600 * MIN])).toBe(false);
  });

  test("the ten minutes run only while our delegation is in force", () => {
    expect(ended(["FFP", 0, false], ["FFP", 10 * MIN, false])).toBe(false);
    expect(ended(["FFP", 0], ["FFP", 5 * MIN, false], ["FFP", 10 * MIN])).toBe(false);
    expect(ended(["FFP", 0], ["FFP", 5 * MIN, false], ["FFP", 6 * MIN], ["FFP", 16 * MIN])).toBe(true);
  });

  test("without our delegation it still ends when all three are done", () => {
    expect(ended(["FFP", 0, false], ["FFX", MIN, false])).toBe(true);
  });

  test("the ten minutes run only from the close: before it nobody offered the third node a FORGET", () => {
    const { one } = after(OPEN, ["RRP", 0], ["RRP", 60 * MIN]);
    const closed = { ...one, closedAtMs: T0 + 61 * MIN };
    expect(isEnded(hear(closed, round("RRP", T0 + 61 * MIN)), T0 + 61 * MIN)).toBe(false);
    const { one: later } = after(closed, ["RRP", 61 * MIN], ["RRP", 71 * MIN]);
    expect(isEnded(later, T0 + 71 * MIN)).toBe(true);
  });

  test("a clock that stepped back behind the close and caught up again does not shorten the ten minutes", () => {
    expect(ended(["FFP", -10 * MIN], ["FFP", 5 * S])).toBe(false);
    expect(ended(["FFP", -10 * MIN], ["FFP", 10 * MIN - 1])).toBe(false);
    expect(ended(["FFP", -10 * MIN], ["FFP", 10 * MIN])).toBe(true);
  });

  test("one of the two that comes back starts the ten minutes anew", () => {
    expect(ended(["RFP", 0], ["PFP", 5 * MIN], ["RFP", 6 * MIN], ["RFP", 10 * MIN])).toBe(false);
    expect(ended(["RFP", 0], ["PFP", 5 * MIN], ["RFP", 6 * MIN], ["RFP", 16 * MIN])).toBe(true);
  });

  test("silence does not start them anew, but a REJECTED must be heard at the end, for it may have been revived", () => {
    expect(ended(["RFP", 0], ["-FP", 5 * MIN], ["RFP", 10 * MIN])).toBe(true);
    expect(ended(["RFP", 0], ["-FP", 10 * MIN])).toBe(false);
    expect(ended(["RFF", 0], ["R--", MIN])).toBe(true);
    expect(ended(["RPF", 0], ["-FF", MIN])).toBe(false);
    expect(ended(["RPP", 0], ["-FP", MIN], ["RFP", 11 * MIN])).toBe(false);
    expect(ended(["RPP", 0], ["-FP", MIN], ["RFP", 11 * MIN], ["RFP", 21 * MIN])).toBe(true);
  });

  test("FORGOTTEN and REMOVED are final: they count while their core node is silent", () => {
    expect(ended(["FX-", 0], ["---", 10 * MIN])).toBe(true);
    expect(ended(["FX-", 0], ["--F", MIN])).toBe(true);
  });
});

describe("endedByOthers", () => {
  test("two call it gone, twice, a minute apart", () => {
    expect(byOthers(["FFP", 0])).toBe(false);
    expect(byOthers(["FFP", 0], ["FFP", MIN - 1])).toBe(false);
    expect(byOthers(["FXP", 0], ["XXP", MIN])).toBe(true);
  });

  test("one liar cannot, nor two of whom only one says it again, nor a refusal", () => {
    expect(byOthers(["FPP", 0], ["FPP", 60 * MIN])).toBe(false);
    expect(byOthers(["FF-", 0], ["F--", MIN])).toBe(false);
    expect(byOthers(["FF-", 0], ["FP-", 30 * S], ["FF-", MIN])).toBe(false);
    expect(byOthers(["RRR", 0], ["RRR", 60 * MIN])).toBe(false);
  });
});

describe("cameBack", () => {
  test("two show a dormant hash alive, twice, a minute apart", () => {
    expect(back(DORMANT, ["PPR", 0])).toBe(false);
    expect(back(DORMANT, ["PPR", 0], ["PPR", MIN - 1])).toBe(false);
    expect(back(DORMANT, ["PPR", 0], ["PMR", MIN])).toBe(true);
    expect(back(attempt(), ["PPP", 0], ["PPP", MIN])).toBe(false);
  });

  test("one liar alone never makes a hash come back", () => {
    expect(back(DORMANT, ["PRR", 0], ["PRR", 60 * MIN])).toBe(false);
    expect(back(DORMANT, ["PaR", 0], ["P--", MIN], ["PRR", 2 * MIN])).toBe(false);
  });

  test("silence is no second reading, but keeps the first", () => {
    expect(back(DORMANT, ["PPR", 0], ["---", MIN])).toBe(false);
    expect(back(DORMANT, ["PPR", 0], ["P--", MIN])).toBe(false);
    expect(back(DORMANT, ["PPR", 0], ["P--", MIN], ["PPR", 5 * MIN])).toBe(true);
    expect(back(DORMANT, ["PPR", 0], ["PFR", MIN], ["PPR", 2 * MIN])).toBe(false);
  });
});

describe("doneCount, saidAlive, saidRejected", () => {
  test("count what the core nodes said last", () => {
    const { one } = after(OPEN, ["FRP", 0]);
    expect([doneCount(one), saidAlive(one), saidRejected(one)]).toEqual([2, true, true]);
    const { one: none } = after(OPEN, ["aap", 0]);
    expect([doneCount(none), saidAlive(none), saidRejected(none)]).toEqual([0, false, false]);
  });
});

describe("forgetsFor", () => {
  const spentOnSecond = forget("f1", { spent: [false, true, false] });
  const fresh = forget("f2");
  const names = (...ask: Parameters<typeof forgetsFor>): readonly string[] =>
    forgetsFor(...ask).map(({ itemHash }) => itemHash);

  test("are those that this core node has not refused, in their order", () => {
    expect(names([spentOnSecond, fresh], HASH, 0, 5)).toEqual(["f1", "f2"]);
    expect(names([spentOnSecond, fresh], HASH, 1, 5)).toEqual(["f2"]);
  });

  test("when all are spent they take turns", () => {
    const all = ["f1", "f2", "f3"].map((name) => forget(name, { spent: [true, true, true] }));
    const turns = [0, 1, 2, 3, 4].map((turn) => names(all, HASH, 2, turn));
    expect(turns).toEqual([["f1"], ["f2"], ["f3"], ["f1"], ["f2"]]);
  });

  test("an unsigned one, and one of another hash, is never taken", () => {
    expect(names([forget("f1", { signature: null }), forget("f2", { target: "dd" })], HASH, 0, 0)).toEqual([]);
    expect(names([], HASH, 0, 3)).toEqual([]);
  });
});

describe("unspentForgets", () => {
  test("is the fewest that any core node has left", () => {
    const forgets = [forget("f1", { spent: [true, false, false] }), forget("f2"), forget("f3", { signature: null })];
    expect(unspentForgets(forgets, HASH)).toBe(1);
    expect(unspentForgets([...forgets, forget("f4")], HASH)).toBe(2);
    expect(unspentForgets(forgets, "dd")).toBe(0);
  });
});

describe("FORGETs of several signers", () => {
  const [OWNER, AGENT, FORMER] = ["0xowner", "0xagent", "0xformer"];
  const all = [
    forget("old", { sender: FORMER }),
    forget("new", { sender: AGENT }),
    forget("own", { sender: OWNER }),
    forget("new2", { sender: AGENT }),
  ];
  const by = (delegationInForce: boolean) => ({ owner: OWNER, agent: AGENT, delegationInForce });
  const names = (forgets: typeof all | readonly (typeof all)[number][]) => forgets.map((one) => one.itemHash);

  test("are tried the owner's first, then the present key's, an older key's last", () => {
    expect(names(usableForgets(all, by(true)))).toEqual(["own", "new", "new2", "old"]);
  });

  test("without our delegation are the owner's alone: each of ours would be refused and spent", () => {
    expect(names(usableForgets(all, by(false)))).toEqual(["own"]);
  });

  test("make an attempt undoable while ours count, or once the owner has signed one of that very attempt", () => {
    expect(canUndo([], HASH, by(true))).toBe(true);
    expect(canUndo(all, HASH, by(false))).toBe(true);
    expect(canUndo(all, "dd", by(false))).toBe(false);
    expect(canUndo([forget("own", { sender: OWNER, signature: null })], HASH, by(false))).toBe(false);
    expect(canUndo([forget("new", { sender: AGENT })], HASH, by(false))).toBe(false);
  });

  test("are kept in store by the present key: another's do not count, and a VM with none of them is itself", () => {
    const vm = requested({ forgets: all });
    expect(names(storedBy(vm, AGENT).forgets)).toEqual(["new", "new2"]);
    expect(storedBy(vm, "0xnobody").forgets).toEqual([]);
    const plain = requested({ forgets: [forget("new", { sender: AGENT })] });
    expect(storedBy(plain, AGENT)).toBe(plain);
  });
});
