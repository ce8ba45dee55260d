/**
 * Keeps what agents called: changes and refusals in the audit chain, reads in a ring beside it. Synchronous, one moment.
 *
 * An agent must not be able to fill the account: equal calls of one grant within an hour are one row of the chain, written
 * at the first of them, and one more with their number, written with the first call of anybody after that hour.
 */
import type { Facts } from "../errors.ts";
import type { Moment } from "./moment.ts";
import { isNearlyFull } from "./room.ts";
import type { Credits } from "./types.ts";

export type AgentCall = {
  readonly tool: string;
  /** False: it only looked, or asked for a price. */
  readonly changes: boolean;
  /** "ok", or the refusal's code. */
  readonly code: string;
  readonly latencyMs: number;
  readonly costCredits: Credits | null;
  /** Numbers, enums, our own ids; the edge has left out everything else. */
  readonly parameters: Facts;
};

export type CallRun = {
  readonly grantId: string;
  readonly tool: string;
  readonly outcome: string;
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly again: number;
};

const RUN_MS = 3_600_000;
const RING_ROWS = 500;
/** Runs that are closed by one call: the rest waits for the next. */
const CLOSED_AT_ONCE = 20;

export function noteCall(moment: Moment, grantId: string, call: AgentCall): void {
  if (isNearlyFull(moment.store)) return;
  closeRuns(moment);
  const { store, nowMs } = moment;
  const { tool, code, latencyMs, costCredits, parameters } = call;
  const facts = { grantId, tool, code, latencyMs, costCredits, ...parameters };
  if (code === "ok" && !call.changes) return store.keepRead({ grantId, atMs: nowMs, facts }, RING_ROWS);
  const outcome = code === "ok" ? `ok ${aboutOf(parameters)}` : code;
  const run = store.loadRun(grantId, tool, outcome);
  if (run !== undefined) return store.saveRun({ ...run, lastMs: nowMs, again: run.again + 1 });
  store.saveRun({ grantId, tool, outcome, sinceMs: nowMs, lastMs: nowMs, again: 0 });
  moment.audit("call.made", facts);
}

const aboutOf = (parameters: Facts): string => String(parameters["quote_id"] ?? parameters["vm_id"] ?? "");

function closeRuns(moment: Moment): void {
  for (const run of moment.store.runsUntil(moment.nowMs - RUN_MS, CLOSED_AT_ONCE)) {
    const { grantId, tool, outcome, sinceMs, lastMs, again } = run;
    const code = outcome.split(" ")[0] ?? outcome;
    if (again > 0) moment.audit("call.repeated", { grantId, tool, code, again, sinceMs, lastMs });
    moment.store.deleteRun(run);
  }
}
