/**
 * Decides whether one spending request fits the owner's policy and the agent's grant, and whether a policy is wider
 * than another.
 *
 * Pure. The caller passes the usage that it has just read, in the same transaction that will record the answer, so
 * nothing can change in between. The order of checks is the order in which refusals are reported (style.md §3).
 */
import { type Code, type Refusal, refusal } from "../errors.ts";
import { creditsPerHour } from "./credits.ts";
import type { Credits, Grant, Policy, PolicyDraft, Shape, Window } from "./types.ts";

/** What has been committed, read in the deciding transaction. */
export type Usage = {
  /** Hold times and amounts that still lie inside the longest window, oldest first. */
  readonly recent: readonly { readonly atMs: number; readonly credits: Credits }[];
  readonly lifetime: Credits;
  readonly grantSpent: Credits;
  readonly burnAttoPerS: bigint;
  readonly vmsLive: number;
  readonly grantVmsLive: number;
  /** Times of the creates admitted in the last minute, oldest first. */
  readonly createdMs: readonly number[];
  readonly grantCreatedMs: readonly number[];
  readonly unapprovedDay: Credits;
  readonly anyVmBefore: boolean;
};

export type Request = {
  readonly kind: "create" | "extend";
  /** The ceiling of this request alone; windows, lifetime and grant look at it. */
  readonly credits: Credits;
  /** The VM's total with this request, extensions included. */
  readonly vmTotal: Credits;
  readonly rateAttoPerS: bigint;
  readonly shape: Shape;
  readonly ttlS: number;
};

type Check = (policy: Policy, grant: Grant, usage: Usage, ask: Request, nowMs: number) => Refusal | null;
const MINUTE_MS = 60_000;

/** Null when it fits. Of several broken limits the first in the list is the answer, always. */
export function decide(policy: Policy, grant: Grant, usage: Usage, ask: Request, nowMs: number): Refusal | null {
  for (const check of CHECKS) {
    const no = check(policy, grant, usage, ask, nowMs);
    if (no !== null) return no;
  }
  return null;
}

const over = (code: Code, asked: number, left: number, max: number, afterMs?: number | null): Refusal => {
  const facts = { limit: max, asked, left: Math.max(0, left) };
  return afterMs === undefined || afterMs === null
    ? refusal(code, facts)
    : refusal(code, facts, Math.max(1, Math.ceil(afterMs / 1_000)));
};

/** An extension meets every check too, so that a machine outside a narrowed policy is not prolonged (design.md §8). */
const shape: Check = ({ shape: limits }, _grant, _usage, { shape: asked }) => {
  const above = (field: string, size: number, max: number): Refusal | null =>
    size > max ? refusal("policy.shape", { field, limit: max, asked: size, left: max }) : null;
  const size =
    above("vcpus", asked.vcpus, limits.vcpusMax) ??
    above("memory_mib", asked.memoryMib, limits.memoryMibMax) ??
    above("disk_mib", asked.diskMib, limits.diskMibMax);
  if (size !== null) return size;
  if (asked.gpu !== undefined && !limits.gpus.includes(asked.gpu)) return refusal("policy.shape", { gpu: asked.gpu });
  return null;
};

const ttl: Check = ({ limits }, _grant, _usage, { ttlS }) =>
  ttlS > limits.ttlSMax ? over("policy.ttl", ttlS, limits.ttlSMax, limits.ttlSMax) : null;

const live: Check = ({ limits }, grant, usage, { kind }) => {
  // A machine to be extended is among the live ones already.
  const more = kind === "create" ? 1 : 0;
  const full = (alive: number, max: number): Refusal | null =>
    alive + more > max ? over("policy.vms_live", more, max - alive, max, MINUTE_MS) : null;
  return full(usage.vmsLive, limits.vmsLiveMax) ?? full(usage.grantVmsLive, grant.vmsLiveMax);
};

const rate: Check = ({ limits }, grant, usage, { kind }, nowMs) => {
  if (kind === "extend") return null;
  const full = (times: readonly number[], max: number): Refusal | null => {
    if (times.length < max) return null;
    return over("policy.rate", 1, 0, max, (times[times.length - max] ?? nowMs) + MINUTE_MS - nowMs);
  };
  return full(usage.createdMs, limits.createsPerMinMax) ?? full(usage.grantCreatedMs, grant.createsPerMinMax);
};

const perVm: Check = ({ limits }, _grant, _usage, { vmTotal }) =>
  vmTotal > limits.perVmCreditsMax
    ? over("policy.per_vm", vmTotal, limits.perVmCreditsMax, limits.perVmCreditsMax)
    : null;

const burn: Check = ({ limits }, _grant, usage, { kind, rateAttoPerS }) => {
  const used = creditsPerHour(usage.burnAttoPerS);
  const asked = creditsPerHour(usage.burnAttoPerS + (kind === "create" ? rateAttoPerS : 0n)) - used;
  const left = limits.burnCreditsPerHMax - used;
  return asked > left ? over("policy.burn", asked, left, limits.burnCreditsPerHMax, MINUTE_MS) : null;
};

const windows: Check = ({ limits }, _grant, usage, { credits }, nowMs) => {
  for (const window of shortestFirst(limits.windows)) {
    const left = window.creditsMax - usedIn(usage, window.seconds, nowMs);
    if (credits <= left) continue;
    const frees = freesAtMs(usage, window, credits, nowMs);
    return over(
      `policy.window_${window.seconds}s`,
      credits,
      left,
      window.creditsMax,
      frees === null ? null : frees - nowMs,
    );
  }
  return null;
};

const lifetime: Check = ({ limits }, _grant, usage, { credits }) => {
  const left = limits.lifetimeCreditsMax - usage.lifetime;
  return credits > left ? over("policy.lifetime", credits, left, limits.lifetimeCreditsMax) : null;
};

const grantBudget: Check = (_policy, grant, usage, { credits }) => {
  const left = grant.creditsMax - usage.grantSpent;
  return credits > left ? over("policy.grant", credits, left, grant.creditsMax) : null;
};

const CHECKS: readonly Check[] = [shape, ttl, live, rate, perVm, burn, windows, lifetime, grantBudget];

const shortestFirst = (all: readonly Window[]): readonly Window[] => all.toSorted((a, b) => a.seconds - b.seconds);

/** A hold counts from the moment it was made until `seconds` later, that moment excluded. */
export function usedIn(usage: Usage, seconds: number, nowMs: number): Credits {
  const since = nowMs - seconds * 1_000;
  return usage.recent.reduce((sum, hold) => (hold.atMs > since ? sum + hold.credits : sum), 0);
}

/** When enough old holds have left the window for `credits` to fit; null: never, it is larger than the window. */
export function freesAtMs(usage: Usage, window: Window, credits: Credits, nowMs: number): number | null {
  let used = usedIn(usage, window.seconds, nowMs);
  const since = nowMs - window.seconds * 1_000;
  for (const hold of usage.recent) {
    if (hold.atMs <= since) continue;
    used -= hold.credits;
    if (used + credits <= window.creditsMax) return hold.atMs + window.seconds * 1_000;
  }
  return null;
}

/** Why this request needs the owner, or null (safety.md b.3.6: totals and daily sums, so that slicing does not help). */
export function needsApproval(
  policy: Policy,
  usage: Usage,
  ask: Request,
): "first_vm" | "gpu" | "amount" | "daily_sum" | null {
  const { approval } = policy;
  if (approval.firstVm && !usage.anyVmBefore) return "first_vm";
  if (approval.gpu && ask.kind === "create" && ask.shape.gpu !== undefined) return "gpu";
  if (ask.vmTotal > approval.aboveCredits) return "amount";
  return usage.unapprovedDay + ask.credits > approval.unapprovedPerDayCredits ? "daily_sum" : null;
}

/** The most that can still be spent before the limits that never refill stop everything. */
export function worstCase(policy: PolicyDraft, spentLifetime: Credits, untilMs: number, nowMs: number): Credits {
  const life = Math.max(0, policy.limits.lifetimeCreditsMax - spentLifetime);
  const days = Math.max(1, Math.ceil((untilMs - nowMs) / 86_400_000));
  const daily = policy.limits.windows
    .filter((window) => window.seconds === 86_400)
    .map((window) => window.creditsMax * days);
  return Math.min(life, ...daily);
}

/** True when `next` lets anything happen that `now` does not: then the owner has to sign it. */
export function isWider(now: Policy | null, next: PolicyDraft): boolean {
  if (now === null) return true;
  const numbers = WIDENING.some((read) => read(next) > read(now));
  const windowsWider = now.limits.windows.some(
    (window) =>
      !next.limits.windows.some((one) => one.seconds === window.seconds && one.creditsMax <= window.creditsMax),
  );
  const gpus = next.shape.gpus.some((gpu) => !now.shape.gpus.includes(gpu));
  const asksLess = (now.approval.firstVm && !next.approval.firstVm) || (now.approval.gpu && !next.approval.gpu);
  const weakerYes = now.approval.by === "signature" && next.approval.by === "click";
  return numbers || windowsWider || gpus || asksLess || weakerYes;
}

const WIDENING: readonly ((policy: PolicyDraft) => number)[] = [
  ({ limits }) => limits.perVmCreditsMax,
  ({ limits }) => limits.burnCreditsPerHMax,
  ({ limits }) => limits.lifetimeCreditsMax,
  ({ limits }) => limits.vmsLiveMax,
  ({ limits }) => limits.createsPerMinMax,
  ({ limits }) => limits.ttlSDefault,
  ({ limits }) => limits.ttlSMax,
  ({ shape: { vcpusMax } }) => vcpusMax,
  ({ shape: { memoryMibMax } }) => memoryMibMax,
  ({ shape: { diskMibMax } }) => diskMibMax,
  ({ approval }) => approval.aboveCredits,
  ({ approval }) => approval.unapprovedPerDayCredits,
  ({ priceRisePctMax }) => priceRisePctMax,
  ({ expiresAtMs }) => expiresAtMs,
];
