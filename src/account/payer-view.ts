/**
 * The payer as owners and agents are shown it: what must be there, what is still to come, what is protected. Pure.
 *
 * The payer's other machines are counted and their rate told, never their names. Where core nodes differ, it is said how
 * many of them do on which figure.
 */
import { medianOrWorse } from "../aleph/numbers.ts";
import { creditsPerHour } from "./credits.ts";
import {
  answering,
  delegationOf,
  hoursAboveLine,
  linePerCore,
  type Ours,
  type PayerFacts,
  payerLine,
  type PayerReading,
  readings,
} from "./payer.ts";
import type { Credits } from "./types.ts";

/** The payer as two core nodes agree on it; null: unknown. "Needed now", "will cost" and "protected" are told apart. */
export type PayerView = {
  /** Without credits that run out before our last VM can end. */
  readonly payerCredits: Credits | null;
  /** All resources of the payer, ours or not. */
  readonly payerBurnCreditsPerH: Credits | null;
  /** Hours until the one-day line at the payer's present burn, not until zero; null when nothing burns or it is unknown. */
  readonly runwayH: number | null;
  /** Protected: one day of everything that burns. Below it the network removes machines. */
  readonly oneDayLineCredits: Credits | null;
  /** What the payer has to own for what runs: the line, what ours may still cost, what the others burn meanwhile. */
  readonly neededNowCredits: Credits | null;
  /** What our VMs may still cost beyond what was billed. */
  readonly willCostCredits: Credits | null;
  /** Owned beyond what is needed; negative: so much has to be added. */
  readonly marginCredits: number | null;
  readonly otherMachines: number | null;
  readonly otherBurnCreditsPerH: Credits | null;
  readonly coreNodesAnswering: number | null;
  /** How many core nodes tell another figure than most do. */
  readonly coreNodesDiffer: {
    readonly balance: number;
    readonly otherBurn: number;
    readonly billed: number;
    readonly delegation: number;
  } | null;
};

const UNKNOWN: PayerView = {
  payerCredits: null,
  payerBurnCreditsPerH: null,
  runwayH: null,
  oneDayLineCredits: null,
  neededNowCredits: null,
  willCostCredits: null,
  marginCredits: null,
  otherMachines: null,
  otherBurnCreditsPerH: null,
  coreNodesAnswering: null,
  coreNodesDiffer: null,
};

export function payerView(facts: PayerFacts | null, ours: Ours, nowMs: number): PayerView {
  if (facts === null) return UNKNOWN;
  const coreNodesAnswering = answering(facts);
  const line = payerLine(facts, ours, nowMs);
  if (line === undefined) return { ...UNKNOWN, coreNodesAnswering };
  const hours = hoursAboveLine(line);
  return {
    payerCredits: line.credits,
    payerBurnCreditsPerH: creditsPerHour(line.burnAttoPerS),
    runwayH: hours === null ? null : Math.max(0, hours),
    oneDayLineCredits: line.oneDayCredits,
    neededNowCredits: line.credits - line.marginCredits,
    willCostCredits: line.unbilled,
    marginCredits: line.marginCredits,
    otherMachines: othersIn(facts, ours),
    otherBurnCreditsPerH: creditsPerHour(line.foreignAttoPerS),
    coreNodesAnswering,
    coreNodesDiffer: differ(facts, ours, nowMs),
  };
}

function othersIn(facts: PayerFacts, ours: Ours): number | null {
  const counts = readings(facts).map((one) => othersOn(one, ours));
  return medianOrWorse(counts, "larger") ?? null;
}

const othersOn = ({ lines, others }: PayerReading, ours: Ours): number =>
  lines.filter((line) => !ours.hashes.has(line.itemHash)).length + (others?.count ?? 0);

/** How many core nodes are not of the figure that most of them tell. */
function differ(facts: PayerFacts, ours: Ours, nowMs: number): PayerView["coreNodesDiffer"] {
  const lines = linePerCore(facts, ours, nowMs);
  const apart = (values: readonly (number | bigint | string)[]): number => {
    const most = Math.max(...values.map((value) => values.filter((one) => one === value).length));
    return values.length - most;
  };
  return {
    balance: apart(lines.map((line) => line.credits)),
    otherBurn: apart(lines.map((line) => line.foreignAttoPerS)),
    billed: apart(lines.map((line) => line.unbilled)),
    delegation: delegationOf(facts) === "unknown" ? lines.length : apart(readings(facts).map((one) => one.delegation)),
  };
}
