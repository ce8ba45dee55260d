/**
 * The payer's line while VMs run: when the owner is told, and which of our own VMs are stopped, newest first (G5).
 *
 * Pure. Nothing happens on one core node's word: each is evaluated by its own figures, two have to show the same, and
 * stopping takes two readings at least a minute apart. Silence changes nothing.
 */
import { TWICE_APART_MS } from "./bill.ts";
import type { Facts } from "../errors.ts";
import { ourPart, type OurVm } from "./our-part.ts";
import { hoursAboveLine, isUnderAnHour, linePerCore, type PayerFacts, type PayerLine } from "./payer.ts";
import type { Policy } from "./types.ts";

/** What is remembered between readings. */
export type Watched = {
  /** Since when the inequality has failed for what runs, and when the owner was last told. */
  readonly lineSinceMs: number | null;
  readonly toldAtMs: number | null;
  /** Since when it has failed with less than an hour of margin, what is stopping already taken for gone. */
  readonly belowSinceMs: number | null;
  /** Since when two core nodes have been removing resources of the payer. */
  readonly removingSinceMs: number | null;
  /** The next reading comes after a minute instead of five. */
  readonly lookAgain: boolean;
};
export const UNWATCHED: Watched = {
  lineSinceMs: null,
  toldAtMs: null,
  belowSinceMs: null,
  removingSinceMs: null,
  lookAgain: false,
};

export type Sight = { readonly facts: PayerFacts; readonly ours: readonly OurVm[]; readonly oursRemoving: boolean };
export type Verdict = {
  readonly keep: Watched;
  readonly stop: readonly string[];
  /** Facts for the owner; null: nothing new. */
  readonly line: Facts | null;
  readonly removing: Facts | null;
};

/** A line that is passed again and again is told once an hour. */
const TOLD_AGAIN_MS = 3_600_000;

export function watchPayer(sight: Sight, rule: Policy["on"]["payerLine"], before: Watched, nowMs: number): Verdict {
  const lines = linePerCore(sight.facts, ourPart(sight.ours, nowMs), nowMs);
  const removingSinceMs = removingSince(sight, before, nowMs);
  const removing = removingSinceMs !== null && before.removingSinceMs === null ? removingFacts(sight) : null;
  if (lines.length < 2) return { keep: { ...before, removingSinceMs }, stop: [], line: null, removing };
  const lineSinceMs = sinceWhen(
    before.lineSinceMs,
    lines.map((line) => line.marginCredits < 0),
    nowMs,
  );
  const belowSinceMs = sinceWhen(before.belowSinceMs, isShort(sight, stoppingOf(sight.ours), nowMs), nowMs);
  const candidates = rule === "stop_ours" && belowSinceMs !== null ? whomToStop(sight, nowMs) : [];
  const stop = belowSinceMs !== null && nowMs - belowSinceMs >= TWICE_APART_MS ? candidates : [];
  const tells = lineSinceMs !== null && isNews(before.toldAtMs, lineSinceMs, nowMs);
  const toldAtMs = tells ? nowMs : before.toldAtMs;
  const lookAgain = candidates.length > stop.length;
  return {
    keep: { lineSinceMs, toldAtMs, belowSinceMs, removingSinceMs, lookAgain },
    stop,
    line: tells || stop.length > 0 ? lineFacts(lines, rule, stop.length) : null,
    removing,
  };
}

/** Two say so: since then. Two deny it: over. One against one, as it was. */
function sinceWhen(before: number | null, perCore: readonly boolean[], nowMs: number): number | null {
  const yes = perCore.filter(Boolean).length;
  if (yes >= 2) return before ?? nowMs;
  return perCore.length - yes >= 2 ? null : before;
}

const isNews = (toldAtMs: number | null, lineSinceMs: number, nowMs: number): boolean =>
  toldAtMs === null || (toldAtMs < lineSinceMs && nowMs - toldAtMs >= TOLD_AGAIN_MS);

const stoppingOf = (ours: readonly OurVm[]): ReadonlySet<string> =>
  new Set(ours.filter((vm) => vm.live && vm.stopping).map((vm) => vm.vmId));

/**
 * By core node: the inequality fails and the margin is under an hour. Both, so that what was admitted on the line is not
 * stopped by the very figures that admitted it.
 */
const isShort = (sight: Sight, gone: ReadonlySet<string>, nowMs: number): readonly boolean[] =>
  linePerCore(sight.facts, ourPart(sight.ours, nowMs, gone), nowMs).map(
    (line) => line.marginCredits < 0 && isUnderAnHour(line),
  );

/** Newest first, as the network would remove them, until two core nodes no longer show it too short. */
function whomToStop(sight: Sight, nowMs: number): readonly string[] {
  const gone = new Set(stoppingOf(sight.ours));
  const newestFirst = sight.ours
    .filter((vm) => vm.live && !vm.stopping)
    .toReversed()
    .toSorted((a, b) => b.admittedAtMs - a.admittedAtMs);
  const stop: string[] = [];
  for (const { vmId } of newestFirst) {
    if (isShort(sight, gone, nowMs).filter(Boolean).length < 2) break;
    gone.add(vmId);
    stop.push(vmId);
  }
  return stop;
}

/** The figures of the core node in the middle; of two, of the one that shows less trouble. */
function lineFacts(lines: readonly PayerLine[], rule: Policy["on"]["payerLine"], vmsStopped: number): Facts {
  const agreed = lines.toSorted((a, b) => a.marginCredits - b.marginCredits)[1] as PayerLine;
  const hours = hoursAboveLine(agreed);
  return {
    marginH: hours === null ? null : Math.round(hours * 10) / 10,
    oneDayCredits: agreed.oneDayCredits,
    addCredits: Math.max(0, -agreed.marginCredits),
    rule,
    vmsStopped,
  };
}

/** On one of our own VMs two core nodes' words, or two core nodes' lists of the payer's instances. */
function removingSince({ facts, oursRemoving }: Sight, before: Watched, nowMs: number): number | null {
  const said = (facts.removingPerCore ?? []).filter((count) => count !== null);
  const many = said.filter((count) => count > 0).length;
  if (oursRemoving || many >= 2) return before.removingSinceMs ?? nowMs;
  return said.length - many >= 2 ? null : before.removingSinceMs;
}

/** How many at least: the second largest count is one that an honest node stands behind. */
function removingFacts({ facts, oursRemoving }: Sight): Facts {
  const counts = (facts.removingPerCore ?? []).map((count) => count ?? 0).toSorted((a, b) => b - a);
  return { machines: Math.max(counts[1] ?? 0, oursRemoving ? 1 : 0) };
}
