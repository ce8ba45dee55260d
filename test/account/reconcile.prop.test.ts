import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type CoreList, type Lists, reconcile, type Sighting } from "../../src/account/reconcile.ts";
import { S, T0 } from "./vms.ts";

const HASH = "a1".repeat(32);
const signed = { itemHash: HASH, sender: "0xkey", itemContent: "{}", signature: "0xsig", timeS: 1 } as const;
const LISTED = { itemHash: HASH, sender: "0xkey", owner: "0xowner", timeS: 1, signed };

const says = fc.constantFrom<CoreList>([LISTED], [], null);
const reads = fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), says, says, says), { minLength: 1, maxLength: 20 });

function play(
  steps: readonly (readonly [number, CoreList, CoreList, CoreList])[],
  look: (found: ReturnType<typeof reconcile>, lists: Lists, nowMs: number) => boolean,
): void {
  let sightings: readonly Sighting[] = [];
  let nowMs = T0;
  for (const [seconds, ...lists] of steps) {
    nowMs += seconds * S;
    const found = reconcile(() => false, lists, sightings, nowMs, { lifeMs: Infinity, untilMs: Infinity });
    if (!look(found, lists, nowMs)) return;
    sightings = found.watched;
  }
}

const showing = (lists: Lists): number => lists.filter((list) => list !== null && list.length > 0).length;

it("an orphan was shown by two at once, now and at least a minute before, whatever a third says", () => {
  fc.assert(
    fc.property(reads, (steps) => {
      const twoAt: number[] = [];
      play(steps, (found, lists, nowMs) => {
        if (showing(lists) >= 2) twoAt.push(nowMs);
        if (found.orphans.length === 0) return true;
        expect(showing(lists)).toBeGreaterThanOrEqual(2);
        expect(twoAt.some((atMs) => nowMs - atMs >= 60 * S)).toBe(true);
        return false;
      });
    }),
  );
});

it("one core node alone never makes an orphan, whatever it shows and however the others fall silent", () => {
  const alone = fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), says), { maxLength: 30 });
  fc.assert(
    fc.property(
      alone,
      fc.array(fc.constantFrom<CoreList>([], null), { minLength: 60, maxLength: 60 }),
      (liar, rest) => {
        const steps = liar.map(([seconds, list], at) => {
          return [seconds, list, rest[2 * at] ?? null, rest[2 * at + 1] ?? null] as const;
        });
        play(steps, (found) => {
          expect(found.orphans).toEqual([]);
          return true;
        });
      },
    ),
  );
});
