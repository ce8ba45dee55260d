/**
 * What a core node does by the clock, and what of it comes next: judging, confirmations, and the two jobs that remove
 * what nobody can pay for. Works on the state it is given; the time is that at which something is due.
 */
import { confirm, nextPending } from "./intake.ts";
import { runGarbageCollection, runRemovalJob } from "./jobs.ts";
import type { MessageRecord, State } from "./state.ts";

const MINUTE_MS = 60_000;

export type JobTimes = {
  /** How often the removal job may run, and how often somebody looks whether it may. */
  readonly removalIntervalMs?: number;
  readonly removalRunnerMs?: number;
  readonly collectionIntervalMs?: number;
};

export type Due = { readonly dueMs: number; readonly run: () => void };

export function startJobs(state: State, times: JobTimes, nowMs: number): void {
  state.nextRemovalMs ??= nowMs + (times.removalRunnerMs ?? 30 * MINUTE_MS);
  state.nextCollectionMs ??= nowMs + (times.collectionIntervalMs ?? 24 * 60 * MINUTE_MS);
}

/** Of several things due at once: messages first, then confirmations, then the jobs. */
export function nextDue(state: State, times: JobTimes, judge: (record: MessageRecord) => void): Due | undefined {
  const { nextRemovalMs, nextCollectionMs, records } = state;
  const due: Due[] = [];
  const pending = nextPending(state);
  if (pending?.pending !== undefined) due.push({ dueMs: pending.pending.dueMs, run: () => judge(pending) });
  for (const record of records.values()) {
    if (record.confirmDueMs !== undefined) due.push({ dueMs: record.confirmDueMs, run: () => confirm(record) });
  }
  if (nextRemovalMs !== null) due.push({ dueMs: nextRemovalMs, run: () => lookAtRemoval(state, times, nextRemovalMs) });
  if (nextCollectionMs !== null)
    due.push({ dueMs: nextCollectionMs, run: () => collect(state, times, nextCollectionMs) });
  return due.reduce<Due | undefined>(
    (best, one) => (best === undefined || one.dueMs < best.dueMs ? one : best),
    undefined,
  );
}

function lookAtRemoval(state: State, times: JobTimes, dueMs: number): void {
  const { removalRunnerMs = 30 * MINUTE_MS, removalIntervalMs = 60 * MINUTE_MS } = times;
  state.nextRemovalMs = dueMs + removalRunnerMs;
  if (dueMs - state.lastRemovalMs >= removalIntervalMs) runRemovalJob(state, state.lastRemovalMs, dueMs);
}

function collect(state: State, times: JobTimes, dueMs: number): void {
  state.nextCollectionMs = dueMs + (times.collectionIntervalMs ?? 24 * 60 * MINUTE_MS);
  runGarbageCollection(state, dueMs);
}
