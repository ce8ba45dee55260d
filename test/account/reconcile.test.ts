import { describe, expect, it } from "vitest";
import type { ListedInstance } from "../../src/aleph/core-lists.ts";
import {
  type Bound,
  type CoreList,
  diesAtMs,
  type Lists,
  listsEveryMs,
  NEVER_READ,
  onRead,
  ORPHAN_MS,
  reconcile,
  type Sighting,
} from "../../src/account/reconcile.ts";
import { DAY, H, MIN, S, T0 } from "./vms.ts";

const HASHES = ["a1".repeat(32), "b2".repeat(32)] as const;
const DIES = T0 + 2 * H;

function listed(itemHash: string, expiresAtMs: number | null = DIES): ListedInstance {
  const signed = { itemHash, sender: "0xkey", itemContent: "{}", signature: "0xsig", timeS: T0 / S } as const;
  const allowance = expiresAtMs === null ? {} : { allowance: { vmId: "vm_x", expiresAtMs } };
  return { itemHash, sender: "0xkey", owner: "0xowner", timeS: T0 / S, signed, ...allowance };
}

const one = [listed(HASHES[0])];
const nothing: CoreList = [];
const unknown = () => false;
const UNBOUND: Bound = { lifeMs: Infinity, untilMs: Infinity };

/** Reads one after another, each with what was seen before. */
function read(
  reads: readonly (readonly [number, Lists])[],
  isKnown: (hash: string) => boolean = unknown,
  bound: Bound = UNBOUND,
) {
  let sightings: readonly Sighting[] = [];
  return reads.map(([atMs, lists]) => {
    const found = reconcile(isKnown, lists, sightings, atMs, bound);
    sightings = found.watched;
    return found;
  });
}

const hashesOf = (found: readonly Sighting[]): readonly string[] => found.map((sighting) => sighting.itemHash);

describe("an instance that one of our keys signed and the ledger does not hold", () => {
  it("is an orphan once two core nodes show it twice, a minute apart", () => {
    const both: Lists = [one, one, nothing];
    const [first, early, late] = read([
      [T0, both],
      [T0 + 59 * S, both],
      [T0 + 60 * S, both],
    ]);
    expect([first, early].map((found) => hashesOf(found?.orphans ?? []))).toEqual([[], []]);
    expect(hashesOf(first?.watched ?? [])).toEqual([HASHES[0]]);
    expect(hashesOf(late?.orphans ?? [])).toEqual([HASHES[0]]);
    expect(late?.gone).toEqual([HASHES[0]]);
  });

  it("is only watched while one core node alone shows it, however often", () => {
    const alone: Lists = [one, nothing, nothing];
    for (const found of read([0, 1, 2, 60].map((min) => [T0 + min * MIN, alone] as const))) {
      expect([found.orphans, found.strays]).toEqual([[], []]);
      expect(hashesOf(found.watched)).toEqual([HASHES[0]]);
    }
  });

  it("is forgotten where one core node alone shows it once its time is over, and not after a single look", () => {
    const alone: Lists = [one, nothing, nothing];
    const [early] = read([[DIES + S, alone]]);
    expect(early?.strays).toEqual([]);
    const [, later] = read([
      [DIES - MIN, alone],
      [DIES, alone],
    ]);
    expect(hashesOf(later?.strays ?? [])).toEqual([HASHES[0]]);
    expect(later?.orphans).toEqual([]);
  });

  it("two core nodes in turn are not two at once", () => {
    const reads = read([
      [T0, [one, nothing, nothing]],
      [T0 + 2 * MIN, [nothing, one, nothing]],
      [T0 + 4 * MIN, [one, nothing, nothing]],
      [T0 + 6 * MIN, [nothing, one, nothing]],
    ]);
    expect(reads.flatMap((found) => found.orphans)).toEqual([]);
  });

  it("is dropped when nobody shows it any more, and kept while the one that did is silent", () => {
    const [, silent, gone] = read([
      [T0, [one, nothing, nothing]],
      [T0 + MIN, [null, nothing, nothing]],
      [T0 + 2 * MIN, [nothing, nothing, nothing]],
    ]);
    expect(hashesOf(silent?.watched ?? [])).toEqual([HASHES[0]]);
    expect([gone?.watched, gone?.gone]).toEqual([[], [HASHES[0]]]);
  });

  it("is nothing to us without its signed bytes", () => {
    const { signed: _signed, ...bare } = listed(HASHES[0]);
    const lists: Lists = [[bare], [bare], [bare]];
    expect(
      read([
        [T0, lists],
        [T0 + MIN, lists],
      ]).flatMap((found) => [...found.orphans, ...found.watched]),
    ).toEqual([]);
  });

  it("dies at its own time, or one hour after two had found it", () => {
    const both = (expiresAtMs: number | null): Lists => [
      [listed(HASHES[0], expiresAtMs)],
      [listed(HASHES[0], expiresAtMs)],
      null,
    ];
    const foundWith = (expiresAtMs: number | null): Sighting | undefined =>
      read([
        [T0 - H, [[listed(HASHES[0], expiresAtMs)], nothing, nothing]],
        [T0, both(expiresAtMs)],
        [T0 + MIN, both(expiresAtMs)],
      ])[2]?.orphans[0];
    expect(diesAtMs(foundWith(DIES) as Sighting, UNBOUND)).toBe(DIES);
    expect(diesAtMs(foundWith(null) as Sighting, UNBOUND)).toBe(T0 + ORPHAN_MS);
  });
});

describe("what may live so long at most", () => {
  const FAR = Date.UTC(2100, 0, 1);
  const sighting = (change: Partial<Sighting>): Sighting => {
    const { vmId, expiresAtMs } = { vmId: "vm_x", expiresAtMs: FAR };
    const seen = { foundAtMs: T0 + H, by: [true, true, false], twoSinceMs: T0 + H } as const;
    const signed = {
      itemHash: HASHES[0],
      sender: "0xkey",
      itemContent: "{}",
      signature: "0xsig",
      timeS: T0 / S,
    } as const;
    return { ...signed, vmId, expiresAtMs, ...seen, ...change };
  };
  const day = { lifeMs: DAY, untilMs: Infinity };

  it("dies then, whatever it says itself: from when it says that it was signed, and no later than from the first sight", () => {
    expect(diesAtMs(sighting({}), day)).toBe(T0 + DAY);
    expect(diesAtMs(sighting({ timeS: FAR / S }), day)).toBe(T0 + H + DAY);
    expect(diesAtMs(sighting({ expiresAtMs: DIES }), day)).toBe(DIES);
    expect(diesAtMs(sighting({ expiresAtMs: null }), day)).toBe(T0 + H + ORPHAN_MS);
  });

  it("dies before the time beyond which nothing of ours may live", () => {
    expect(diesAtMs(sighting({}), { lifeMs: Infinity, untilMs: DIES })).toBe(DIES);
    expect(diesAtMs(sighting({ expiresAtMs: null }), { lifeMs: Infinity, untilMs: T0 })).toBe(T0);
  });

  it("is forgotten then also where one core node alone shows it", () => {
    const alone: Lists = [[listed(HASHES[0], FAR)], nothing, nothing];
    const reads = [T0, T0 + DAY - S, T0 + DAY].map((atMs) => [atMs, alone] as const);
    expect(read(reads, unknown, day).map(({ strays }) => hashesOf(strays))).toEqual([[], [], [HASHES[0]]]);
  });
});

describe("what the ledger knows", () => {
  it("is told with the word of each core node that lists it, and is never an orphan", () => {
    const lists: Lists = [one, null, one];
    const found = reconcile((hash) => hash === HASHES[0], lists, [], T0, UNBOUND);
    expect(found.alive.map(({ said }) => said)).toEqual([["processed", null, "processed"]]);
    expect([found.orphans, found.watched, found.complete]).toEqual([[], [], 2]);
  });
});

describe("when the lists are read", () => {
  const idle = { restored: false, live: false, leavingMs: null, revivable: false, hunting: false };
  const read2 = { ...NEVER_READ, readAtMs: T0, complete: 2 };

  it.each([
    ["something revivable", 5 * MIN, { revivable: true, live: true }, read2],
    ["something alive", 15 * MIN, { live: true }, read2],
    ["a restore within a day", 15 * MIN, {}, { ...read2, restoredAtMs: T0 - 23 * H, reconciledAtMs: T0 - 22 * H }],
    ["a restore not yet compared", MIN, { restored: true }, { ...read2, restoredAtMs: T0 - DAY }],
    ["something that two have shown once", MIN, { hunting: true }, read2],
    ["an incomplete reading", 5 * MIN, { live: true }, { ...read2, complete: 1 }],
    ["nothing", DAY, {}, read2],
  ] as const)("with %s", (_what, everyMs, standing, state) => {
    expect(listsEveryMs(state, { ...idle, ...standing }, T0)).toBe(everyMs);
  });
});

describe("a restored account", () => {
  const full = { complete: 2, foreign: 0, restored: true, hunting: false };
  const restored = { ...NEVER_READ, restoredAtMs: T0 };

  it("is compared once two whole lists were read twice, a minute apart", () => {
    const first = onRead(restored, full, T0 + S);
    const early = onRead(first, full, T0 + 60 * S);
    expect([first.reconciledAtMs, early.reconciledAtMs]).toEqual([null, null]);
    expect(onRead(early, full, T0 + 61 * S).reconciledAtMs).toBe(T0 + 61 * S);
  });

  it("is not compared by fewer than two lists, nor while a finding is open", () => {
    const first = onRead(restored, full, T0 + S);
    expect(onRead(first, { ...full, complete: 1 }, T0 + H).reconciledAtMs).toBeNull();
    expect(onRead(first, { ...full, hunting: true }, T0 + H).reconciledAtMs).toBeNull();
    expect(onRead(restored, { ...full, complete: 1 }, T0 + H).firstFullMs).toBeNull();
  });

  it("keeps the last count of other machines through a silence", () => {
    const counted = onRead(restored, { ...full, foreign: 3 }, T0);
    expect(onRead(counted, { ...full, complete: 0, foreign: null }, T0 + MIN).foreign).toBe(3);
  });
});
