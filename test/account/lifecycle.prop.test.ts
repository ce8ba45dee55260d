/**
 * One VM against a small model of three core nodes, of which one lies as it likes: whatever the order of words, silences,
 * closes and pauses, no money is set free while two honest core nodes have the hash alive.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { close, isLive, onFrozenRates, onNodeSight, onRound, onSigned, onTime } from "../../src/account/lifecycle.ts";
import { planVm } from "../../src/account/plan.ts";
import { atEnd, settle } from "../../src/account/settlement.ts";
import type { CoreWord, EndReason, VmRecord } from "../../src/account/types.ts";
import { FORGETS, HASH, MIN, only, RATE, requested, S, sight, T0 } from "./vms.ts";

type World = { readonly honest: readonly [CoreWord, CoreWord]; readonly nowMs: number; readonly vm: VmRecord };

/** What an honest core node may say after what it says now; FORGOTTEN and REMOVED are final, REJECTED is not. */
const NEXT: Readonly<Record<CoreWord, readonly CoreWord[]>> = {
  absent: ["pending", "processed", "rejected"],
  pending: ["processed", "rejected"],
  processed: ["forgotten", "removing"],
  rejected: ["pending", "processed"],
  removing: ["removed", "processed", "forgotten"],
  forgotten: [],
  removed: [],
};
const WORDS = Object.keys(NEXT) as CoreWord[];
const DONE = ["rejected", "rejected", "forgotten"] as const;
const REASONS: readonly EndReason[] = ["destroyed", "stopped", "revoked", "payer_line"];

type Event =
  | { readonly does: "wait"; readonly ms: number }
  | { readonly does: "move"; readonly node: 0 | 1; readonly pick: number }
  | {
      readonly does: "round";
      readonly lie: CoreWord | null;
      readonly hears: readonly [boolean, boolean];
      readonly ok: boolean;
    }
  | { readonly does: "close"; readonly reason: EndReason }
  | { readonly does: "sign" | "look" | "price" };

const mostly = fc.constantFrom(true, true, true, false);
/** All heard, as most often; one of the honest silent; or nobody but the liar, for as long as it takes. */
const hearing = fc.oneof(
  { arbitrary: fc.constant([true, true] as const), weight: 4 },
  { arbitrary: fc.constantFrom([true, false] as const, [false, true] as const), weight: 1 },
  { arbitrary: fc.constant([false, false] as const), weight: 2 },
);
const waits = fc.record({
  does: fc.constant("wait" as const),
  ms: fc.constantFrom(S, 30 * S, MIN, 2 * MIN, 5 * MIN, 10 * MIN, 10 * MIN, 60 * MIN),
});
const moves = fc.record({
  does: fc.constant("move" as const),
  node: fc.constantFrom(0 as const, 1 as const),
  pick: fc.nat(),
});
const rounds = fc.record({
  does: fc.constant("round" as const),
  // The words that could free money come more often, and silence less often, or hardly a history would get that far.
  lie: fc.constantFrom(...WORDS, ...DONE, ...DONE, null),
  hears: hearing,
  ok: mostly,
});
const others: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ does: fc.constant("close" as const), reason: fc.constantFrom(...REASONS) }),
  fc.record({ does: fc.constantFrom("sign" as const, "look" as const, "price" as const) }),
);
const histories = fc.array(
  fc.oneof(
    { arbitrary: rounds, weight: 6 },
    { arbitrary: waits, weight: 5 },
    { arbitrary: moves, weight: 3 },
    { arbitrary: others, weight: 1 },
  ),
  { minLength: 20, maxLength: 80, size: "max" },
);
const liars = fc.constantFrom(0, 1, 2);

const isAlive = (word: CoreWord): boolean => word === "processed" || word === "removing";
const wasSent = (vm: VmRecord): boolean => only(vm).firstSendMs !== null;

/** The three words in the order of the core nodes: the liar's wherever it sits, the honest ones' as far as heard. */
function words(world: World, event: Extract<Event, { does: "round" }>, liar: number): VmRound {
  const honest = world.honest.map((word, index) => (event.hears[index] === true ? word : null));
  const all = honest.toSpliced(liar, 0, event.lie);
  const said = [all[0] ?? null, all[1] ?? null, all[2] ?? null] as const;
  return { said, atMs: world.nowMs, delegationInForce: event.ok };
}
type VmRound = Parameters<typeof onRound>[2];

function react(world: World, event: Event, liar: number): VmRecord {
  const { vm, nowMs } = world;
  switch (event.does) {
    case "round":
      return onRound(vm, HASH, words(world, event, liar));
    case "close":
      return close(vm, event.reason, nowMs);
    case "sign":
      return onSigned(vm, { itemHash: HASH, signature: "0x", forgets: FORGETS, atMs: nowMs });
    case "look":
      return onNodeSight(vm, sight({ atMs: nowMs, answered: false }));
    case "price":
      return onFrozenRates(vm, [RATE * 2n, RATE, null], nowMs);
    default:
      return onTime(vm, nowMs, false);
  }
}

function step(world: World, event: Event, liar: number): World {
  if (event.does === "move") return { ...world, honest: moved(world, event.node, event.pick) };
  // Nothing that a core node says, and no change of its mind, takes no time at all.
  const nowMs = world.nowMs + (event.does === "wait" ? event.ms : 1);
  const vm = react({ ...world, nowMs }, event, liar);
  return { ...world, nowMs, vm: isLive(world.vm) && !isLive(vm) ? { ...vm, holds: atEnd(vm) } : vm };
}

/** An honest core node moves on; before the first send there is nothing that it could know. */
function moved(world: World, node: 0 | 1, pick: number): World["honest"] {
  const next = NEXT[world.honest[node]];
  const to = next[pick % Math.max(1, next.length)];
  if (to === undefined || !wasSent(world.vm)) return world.honest;
  return node === 0 ? [to, world.honest[1]] : [world.honest[0], to];
}

const heldNow = (vm: VmRecord): number => vm.holds.reduce((sum, hold) => sum + hold.credits, 0);
const BORN: World = { honest: ["absent", "absent"], nowMs: T0, vm: requested() };
const run = (history: readonly Event[], liar: number, see: (before: World, after: World) => void): World =>
  [{ does: "sign" } as const, ...history].reduce((before: World, event) => {
    const after = step(before, event, liar);
    see(before, after);
    return after;
  }, BORN);

describe("one VM and three core nodes, one of them lying", () => {
  test("no money is set free while two honest core nodes have it alive", () => {
    let freed = 0;
    fc.assert(
      fc.property(histories, liars, (history, liar) => {
        run(history, liar, (before, after) => {
          if (heldNow(after.vm) >= heldNow(before.vm)) return;
          freed += 1;
          expect(after.honest.every(isAlive)).toBe(false);
        });
      }),
      { numRuns: 10_000 },
    );
    expect(freed).toBeGreaterThan(100);
  });

  test("it is set free once, and only by an end, a refusal or the proof that nothing was sent", () => {
    fc.assert(
      fc.property(histories, liars, (history, liar) => {
        const drops: VmRecord[] = [];
        run(history, liar, (before, after) => {
          if (heldNow(after.vm) < heldNow(before.vm)) drops.push(after.vm);
        });
        expect(drops.length).toBeLessThanOrEqual(1);
        for (const vm of drops) {
          const { endedAtMs, rejectedAtMs, firstSendMs } = only(vm);
          expect(endedAtMs !== null || rejectedAtMs !== null || firstSendMs === null).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("the liar alone, with both honest nodes silent, ends, frees and freezes nothing", () => {
    const alone = histories.map((history) =>
      history
        .filter(({ does }) => does === "round" || does === "wait")
        .map((event): Event => (event.does === "round" ? { ...event, hears: [false, false] } : event)),
    );
    fc.assert(
      fc.property(alone, liars, (history, liar) => {
        const { vm } = run(history, liar, () => undefined);
        expect(isLive(vm)).toBe(true);
        expect(heldNow(vm)).toBe(180_000);
        expect(["ttl", "boot_failed", null]).toContain(vm.endReason);
      }),
      { numRuns: 500 },
    );
  });

  test("whatever happens, a live VM always has something due, at its end at the latest or now", () => {
    fc.assert(
      fc.property(histories, liars, (history, liar) => {
        run(history, liar, (_before, { vm, nowMs }) => {
          if (!isLive(vm)) return;
          const dues = planVm(vm, new Map(), nowMs).map(({ dueMs }) => dueMs);
          expect(Math.min(...dues)).toBeLessThanOrEqual(Math.max(vm.expiresAtMs, nowMs + 90 * S));
        });
      }),
      { numRuns: 500 },
    );
  });

  test("once closed, it ends when both honest nodes have forgotten it, whatever the third says for ever", () => {
    fc.assert(
      fc.property(histories, liars, fc.constantFrom(...WORDS), (history, liar, lie) => {
        const past = run(history, liar, () => undefined);
        const over: World = { ...past, honest: ["forgotten", "forgotten"], vm: close(past.vm, "stopped", past.nowMs) };
        const round: Event = { does: "round", lie, hears: [true, true], ok: true };
        const tenMinutes: readonly Event[] = [round, { does: "wait", ms: 10 * MIN }, round];
        const end = tenMinutes.reduce((world, event) => step(world, event, liar), over);
        expect(isLive(end.vm)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  test("settled once, what was posted and what is extra are never less than the bill", () => {
    fc.assert(
      fc.property(histories, liars, fc.nat({ max: 400_000 }), (history, liar, billed) => {
        const { vm } = run(history, liar, () => undefined);
        if (vm.state !== "TERMINATED") return;
        const { holds, extra } = settle(vm, billed);
        const charged = holds.reduce((sum, hold) => sum + hold.credits, 0) + (extra?.credits ?? 0);
        expect(charged).toBeGreaterThanOrEqual(billed);
        expect(holds.every(({ state }) => state === "posted" || state === "voided")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
