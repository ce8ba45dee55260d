/**
 * How fast one agent may go on after failures and after the owner's no: its breaker, its cool-down, its pause. Pure.
 *
 * Everything here belongs to one grant, so no agent slows another down. What counts as a failure is safety.md b.3.5:
 * accepts only; what a node or the network did may open the breaker, but only the agent's own doing freezes its grant.
 */
import { sha256Hex } from "../crypto/hash.ts";
import { type Code, type Refusal, refusal } from "../errors.ts";
import { backoff } from "./plan.ts";
import type { EndReason } from "./types.ts";

/** `own`: what the agent did itself; `outside`: what a node or the network did to it. */
export type Cause = "own" | "outside";
export type Failure = { readonly cause: Cause; readonly atMs: number };

export type Pace = {
  readonly grantId: string;
  /** Failures without a success between them, oldest first; emptied when they open the breaker. */
  readonly run: readonly Failure[];
  readonly openUntilMs: number | null;
  /** When the breaker opened by the agent's own doing alone, within the last day. */
  readonly ownOpeningsMs: readonly number[];
  /** Creates that were admitted and failed, one after the other. */
  readonly failedCreates: number;
  readonly failedAtMs: number | null;
  /** The owner's denials without a yes between them. */
  readonly denials: number;
  readonly deniedAtMs: number | null;
  /** When the agent last took a request back; absent: never yet. */
  readonly withdrawnAtMs?: number;
};

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
export const FAILURES_MAX = 3;
export const OPEN_MS = 15 * MINUTE_MS;
/** Spread over three minutes more, so that agents that failed together do not come back together. */
export const JITTER_MS = 3 * MINUTE_MS;
export const OWN_OPENINGS_MAX = 3;
export const COOL_DOWN_MS = 30_000;
/** A third failed create opens the breaker, so the cool-down doubles at most once before that takes over. */
const COOL_DOWN_MS_MAX = 2 * MINUTE_MS;
export const PAUSE_MS = 10 * MINUTE_MS;
/** Asking and taking back must not ring at the owner's door as fast as an agent can call. */
const WITHDRAWN_PAUSE_MS = MINUTE_MS;

export const unpaced = (grantId: string): Pace => ({
  grantId,
  run: [],
  openUntilMs: null,
  ownOpeningsMs: [],
  failedCreates: 0,
  failedAtMs: null,
  denials: 0,
  deniedAtMs: null,
});

/** Whose failure a refused accept is; null: it counts nowhere, like everything about money, the account or waiting. */
export function causeOf(code: Code): Cause | null {
  if (code === "policy.expired") return null;
  if (code.startsWith("policy.") || code.startsWith("input.")) return "own";
  return code.startsWith("node.") || code.startsWith("network.") || code === "outcome.unknown" ? "outside" : null;
}

const FAILED_CREATE: ReadonlySet<EndReason> = new Set([
  "boot_failed",
  "ssh_never",
  "rejected",
  "unreachable",
  "price",
  "ended_by_network",
]);

/** A create that ended before it ever ran, by a node's or the network's doing. */
export const isFailedCreate = (healthyAtMs: number | null, reason: EndReason | null): boolean =>
  healthyAtMs === null && reason !== null && FAILED_CREATE.has(reason);

export type Failed = { readonly pace: Pace; readonly opened: boolean; readonly freezes: boolean };

/** While the breaker is open nothing is counted: it cannot open twice at once, however often an agent knocks. */
export function onFailure(pace: Pace, cause: Cause, nowMs: number): Failed {
  if (isOpen(pace, nowMs)) return { pace, opened: false, freezes: false };
  const run = [...pace.run, { cause, atMs: nowMs }];
  if (run.length < FAILURES_MAX) return { pace: { ...pace, run }, opened: false, freezes: false };
  const own = run.every((one) => one.cause === "own");
  const recent = pace.ownOpeningsMs.filter((atMs) => nowMs - atMs < DAY_MS);
  const ownOpeningsMs = own ? [...recent, nowMs] : recent;
  const openUntilMs = nowMs + OPEN_MS + jitterMs(pace.grantId, nowMs);
  const opened = { ...pace, run: [], openUntilMs, ownOpeningsMs };
  return { pace: opened, opened: true, freezes: own && ownOpeningsMs.length >= OWN_OPENINGS_MAX };
}

/** From the ids alone, so that a repeat of the same history gives the same moment. */
export function jitterMs(grantId: string, atMs: number): number {
  return Number.parseInt(sha256Hex(`breaker|${grantId}|${atMs}`).slice(0, 12), 16) % JITTER_MS;
}

/** `counted`: its unknown outcome has been counted already, so that one VM is one failure. */
export function onFailedCreate(pace: Pace, counted: boolean, nowMs: number): Failed {
  const failed = counted ? { pace, opened: false, freezes: false } : onFailure(pace, "outside", nowMs);
  return { ...failed, pace: { ...failed.pace, failedCreates: pace.failedCreates + 1, failedAtMs: nowMs } };
}

/** An admitted request shows that the agent keeps within its limits; whether nodes keep theirs is not yet known. */
export const onAdmitted = (pace: Pace): Pace =>
  pace.run.some((one) => one.cause === "own")
    ? { ...pace, run: pace.run.filter((one) => one.cause === "outside") }
    : pace;

/** A VM that runs ends every row of failures. */
export const onHealthy = (pace: Pace): Pace =>
  pace.run.length === 0 && pace.failedCreates === 0 ? pace : { ...pace, run: [], failedCreates: 0, failedAtMs: null };

/** The owner's no: a failure of the agent's own, and a pause before it may ask again. */
export function onDenied(pace: Pace, nowMs: number): Failed {
  const denials = pauseForgotten(pace, nowMs) ? 1 : pace.denials + 1;
  const failed = onFailure(pace, "own", nowMs);
  return { ...failed, pace: { ...failed.pace, denials, deniedAtMs: nowMs } };
}

/** No failure and nothing that grows: a changed mind only waits a little before the next question. */
export const onWithdrawn = (pace: Pace, nowMs: number): Pace => ({ ...pace, withdrawnAtMs: nowMs });

export const onApproved = (pace: Pace): Pace =>
  pace.deniedAtMs === null ? pace : { ...pace, denials: 0, deniedAtMs: null };

/** Ten minutes, doubling with each denial, a day at most (safety.md b.3.6). */
export const pauseMs = (denials: number): number => (denials === 0 ? 0 : backoff(denials, PAUSE_MS, DAY_MS));

/** A day without a denial after the pause: the next one starts from the beginning. */
const pauseForgotten = (pace: Pace, nowMs: number): boolean =>
  pace.deniedAtMs !== null && nowMs - pace.deniedAtMs >= pauseMs(pace.denials) + DAY_MS;

export const isOpen = (pace: Pace, nowMs: number): boolean => pace.openUntilMs !== null && nowMs < pace.openUntilMs;

const until = (code: Code, untilMs: number, nowMs: number, facts: Refusal["facts"]): Refusal | null =>
  nowMs < untilMs ? refusal(code, facts, Math.ceil((untilMs - nowMs) / 1_000)) : null;

/** Whether a create has to wait; an extension never does, since what runs has not failed. */
export function mayCreate(pace: Pace, nowMs: number): Refusal | null {
  const { openUntilMs, failedAtMs, failedCreates } = pace;
  const open = until("busy.circuit_open", openUntilMs ?? 0, nowMs, { failures: FAILURES_MAX });
  if (open !== null || failedAtMs === null) return open;
  const coolMs = backoff(failedCreates, COOL_DOWN_MS, COOL_DOWN_MS_MAX);
  return until("busy.cool_down", failedAtMs + coolMs, nowMs, { failedCreates });
}

/** Whether the owner may be asked; nothing about the request matters, or changing 1 GiB would be a new question. */
export function mayAsk(pace: Pace, nowMs: number): Refusal | null {
  const { denials, deniedAtMs, withdrawnAtMs } = pace;
  const deniedMs = deniedAtMs === null ? 0 : deniedAtMs + pauseMs(denials);
  const withdrawnMs = withdrawnAtMs === undefined ? 0 : withdrawnAtMs + WITHDRAWN_PAUSE_MS;
  return until("busy.cool_down", Math.max(deniedMs, withdrawnMs), nowMs, { denials });
}
