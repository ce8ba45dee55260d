/**
 * What may go wrong in a history, drawn per history: each kind is on in some histories and off in others (swarm), so that
 * no kind hides another. Pure but for the dice that it is handed.
 */
import type { Dice } from "./dice.ts";

/** Chances per call, per command or per alarm, as the name says; 0: this kind is off. */
export type Faults = Readonly<Record<FaultKind, number>>;
export type FaultKind = (typeof FAULT_KINDS)[number][0];

/** name, how often it is on, strongest chance when on */
export const FAULT_KINDS = [
  ["requestLost", 0.6, 0.45],
  ["replyLost", 0.6, 0.45],
  ["duplicate", 0.4, 0.3],
  ["slow", 0.3, 0.5],
  ["gossipLost", 0.5, 0.9],
  ["outage", 0.25, 0.08],
  ["nodeLineDown", 0.3, 0.05],
  ["crashAtCall", 0.5, 0.02],
  ["crashAtCommand", 0.4, 0.08],
  ["alarmLost", 0.4, 0.3],
  ["alarmTwice", 0.3, 0.3],
  ["alarmLate", 0.3, 0.3],
  ["asleep", 0.2, 0.03],
  ["watchSilent", 0.3, 0.25],
  ["clockBack", 0.3, 0.06],
  ["restore", 0.25, 0.05],
  ["rejects", 0.45, 0.12],
  ["rejectsOnOne", 0.4, 0.12],
  ["revival", 0.4, 0.1],
  ["createSwallowed", 0.15, 0.2],
  ["removal", 0.25, 0.04],
  ["forgottenElsewhere", 0.25, 0.04],
  ["delegationGone", 0.25, 0.04],
  ["keyGone", 0.15, 0.02],
  ["priceUp", 0.35, 0.06],
  ["neverBoots", 0.35, 0.5],
  ["nodeRefuses", 0.45, 0.9],
  ["nodeDown", 0.3, 0.06],
  ["runsElsewhere", 0.35, 0.15],
  ["nodeClaims", 0.2, 0.05],
  ["schedulerLies", 0.3, 0.6],
  ["lateExpense", 0.4, 0.4],
] as const;

const NAMES = FAULT_KINDS.map(([name]) => name);

export function drawFaults(dice: Dice): Faults {
  // one history in eight is calm: there the clocks are held to the second
  const calm = dice.yes(0.125);
  const rates = FAULT_KINDS.map(([name, on, most]) => {
    const drawn = dice.yes(on) ? most * (0.2 + 0.8 * dice.next()) : 0;
    return [name, calm ? 0 : drawn] as const;
  });
  return Object.fromEntries(rates) as Faults;
}

export const NO_FAULTS = Object.fromEntries(NAMES.map((name) => [name, 0])) as Faults;

/** Eight ways in which the one bad core node may lie about a message; it also swallows most of what it is sent. */
export const LIES = [
  "processed",
  "rejected",
  "forgotten",
  "absent",
  "removing",
  "random",
  "about_forgets",
  "dormant_alive",
] as const;
export type Lie = (typeof LIES)[number];
/** At most one core node is bad, the same one for the whole history. */
export type Bad = { readonly core: 0 | 1 | 2; readonly kind: "liar" | "down_for_ever"; readonly lie: Lie } | null;

export function drawBad(dice: Dice, faults: Faults): Bad {
  const calm = NAMES.every((name) => faults[name] === 0);
  const draw = dice.next();
  const core = dice.below(3) as 0 | 1 | 2;
  const lie = dice.pick(LIES);
  if (calm || draw < 0.45) return null;
  return { core, kind: draw < 0.93 ? "liar" : "down_for_ever", lie };
}
