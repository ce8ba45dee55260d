/**
 * Tries a policy on the past before it is saved: how many of the latest creates would it have refused? Pure.
 *
 * The past is replayed in order, each create judged by the very `decide` that judges real ones, against what the policy
 * would have let through before it. Agents' own budgets and rates are left out: the owner is not changing those here.
 */
import { listed } from "./committed.ts";
import { decide, type Request, type Usage } from "./policy.ts";
import type { Credits, Grant, PolicyDraft } from "./types.ts";

export type PastCreate = {
  readonly atMs: number;
  /** What refused it then; null: it was admitted. */
  readonly code: string | null;
  readonly request: Request;
  readonly endedAtMs: number | null;
  /** What its VM counts against the limits today: held, shrunk or posted. */
  readonly creditsCounted: Credits;
};

export type Shadow = {
  /** Of so many creates, so many would have been refused … */
  readonly of: number;
  readonly refused: number;
  /** … and so many were, by the limits of their time. */
  readonly refusedThen: number;
};

const MINUTE_MS = 60_000;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** An agent without limits of its own. */
const ANYBODY: Grant = {
  grantId: "",
  clientId: "",
  clientName: "",
  redirectHost: "",
  scopes: [],
  state: "active",
  creditsMax: UNLIMITED,
  vmsLiveMax: UNLIMITED,
  createsPerMinMax: UNLIMITED,
  createdAtMs: 0,
  expiresAtMs: UNLIMITED,
};

/** `past` is oldest first. A VM that is still alive, or never was, counts in full until its planned end. */
export function shadow(draft: PolicyDraft, past: readonly PastCreate[]): Shadow {
  const policy = { ...draft, version: 0 };
  const passed: PastCreate[] = [];
  for (const one of past) {
    const no = decide(policy, ANYBODY, usageAt(passed, one.atMs), one.request, one.atMs);
    if (no === null) passed.push(one);
  }
  return {
    of: past.length,
    refused: past.length - passed.length,
    refusedThen: past.filter((one) => one.code !== null).length,
  };
}

function usageAt(passed: readonly PastCreate[], nowMs: number): Usage {
  const live = passed.filter((one) => endOf(one) > nowMs);
  const counted = passed.map((one) => ({ atMs: one.atMs, credits: countedAt(one, nowMs) }));
  return {
    recent: listed(counted),
    grantRecent: listed([]),
    lifetime: counted.reduce((sum, one) => sum + one.credits, 0),
    grantSpent: 0,
    burnAttoPerS: live.reduce((sum, one) => sum + one.request.rateAttoPerS, 0n),
    vmsLive: live.length,
    grantVmsLive: 0,
    endsAtMs: null,
    grantEndsAtMs: null,
    createdMs: passed.map((one) => one.atMs).filter((atMs) => atMs > nowMs - MINUTE_MS),
    grantCreatedMs: [],
    unapprovedDay: 0,
    anyVmBefore: true,
  };
}

const endOf = (one: PastCreate): number => one.endedAtMs ?? one.request.endsAtMs;

/** Once a VM had ended its hold was shrunk; before that it counted in full, as in the real account. */
function countedAt(one: PastCreate, nowMs: number): Credits {
  return one.code === null && one.endedAtMs !== null && one.endedAtMs <= nowMs
    ? Math.min(one.creditsCounted, one.request.credits)
    : one.request.credits;
}
