/**
 * Decides whether one spending request fits the owner's policy and the agent's grant.
 *
 * Pure. The caller passes the usage that it has just read, in the same transaction that will record the answer, so
 * nothing can change in between. The order of checks is the order in which refusals are reported (safety.md a.3).
 */
import { type Code, type Refusal, refusal } from "../errors.ts";
import type { Committed } from "./committed.ts";
import { creditsPerHour, GRACE_S } from "./credits.ts";
import { SCORE_PCT_FLOOR } from "./policy-stored.ts";
import type { Credits, Grant, Hash, NodeRef, Place, Policy, PolicyDraft, Shape, Window } from "./types.ts";

/** What has been committed, read in the deciding transaction. */
export type Usage = {
  /** What was committed by time: holds as they stand now, and what was found later. */
  readonly recent: Committed;
  /** The part of it that this grant committed. */
  readonly grantRecent: Committed;
  readonly lifetime: Credits;
  readonly grantSpent: Credits;
  readonly burnAttoPerS: bigint;
  readonly vmsLive: number;
  readonly grantVmsLive: number;
  /** When the first of the live VMs runs out; null: none lives. */
  readonly endsAtMs: number | null;
  readonly grantEndsAtMs: number | null;
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
  readonly image: { readonly slug: string; readonly hash: Hash };
  readonly node: Pick<NodeRef, "nodeHash" | "scorePct" | "termsHash">;
  /** The VM's whole life, extensions included, from its admission on. */
  readonly ttlS: number;
  /** All its extensions together, this one included; 0 for a create. */
  readonly extendS: number;
  readonly endsAtMs: number;
};

type Check = (policy: Policy, grant: Grant, usage: Usage, ask: Request, nowMs: number) => Refusal | null;
/** What a machine is and where and until when it runs; the rest of a request says how many there are and what they cost. */
export type Machine = Pick<Request, "kind" | "shape" | "image" | "node" | "ttlS" | "extendS" | "endsAtMs">;
type MachineCheck = (policy: Policy, grant: unknown, usage: unknown, ask: Machine) => Refusal | null;
const MINUTE_MS = 60_000;
/** Sizes are told as they are asked for. */
const MIB_PER_GB = 1_024;

/** Null when it fits. Of several broken limits the first in the list is the answer, always. */
export function decide(policy: Policy, grant: Grant, usage: Usage, ask: Request, nowMs: number): Refusal | null {
  for (const check of CHECKS) {
    const no = check(policy, grant, usage, ask, nowMs);
    if (no !== null) return no;
  }
  return null;
}

/** The same of a machine for which nothing new is committed: it is counted and paid for already. */
export function decideMachine(policy: Policy, ask: Machine): Refusal | null {
  for (const check of MACHINE_CHECKS) {
    const no = check(policy, null, null, ask);
    if (no !== null) return no;
  }
  return null;
}

const over = (code: Code, asked: number, left: number, max: number, afterMs?: number): Refusal => {
  const facts = { limit: max, asked, left: Math.max(0, left) };
  const no = refusal(code, facts);
  // beyond the whole limit no waiting helps: less has to be asked for, if anything fits at all
  if (asked > max && no.retry === "after") return { ...no, retry: max === 0 ? "never" : "new_key" };
  return afterMs === undefined ? no : refusal(code, facts, Math.max(1, Math.ceil(afterMs / 1_000)));
};

/** Room comes with the end of a VM: to ask each minute until then would only open the breaker. */
const untilEnd = (endsAtMs: number | null, nowMs: number): number =>
  endsAtMs === null ? MINUTE_MS : Math.max(MINUTE_MS, endsAtMs - nowMs);

/** An extension meets every check too, so that a machine outside a narrowed policy is not prolonged (design.md §8). */
const shape: MachineCheck = ({ shape: limits }, _grant, _usage, { shape: asked }) => {
  const above = (parameter: string, size: number, max: number): Refusal | null =>
    size > max ? refusal("policy.shape", { parameter, limit: max, asked: size, left: max }) : null;
  const size =
    above("cpu", asked.vcpus, limits.vcpusMax) ??
    above("ram_gb", asked.memoryMib / MIB_PER_GB, limits.memoryMibMax / MIB_PER_GB) ??
    above("disk_gb", asked.diskMib / MIB_PER_GB, limits.diskMibMax / MIB_PER_GB);
  if (size !== null) return size;
  if (asked.gpu === undefined || limits.gpus.includes(asked.gpu)) return null;
  return refusal("policy.shape", { parameter: "gpu", gpu: asked.gpu });
};

const image: MachineCheck = ({ shape: { images } }, _grant, _usage, { image: asked }) =>
  images.length === 0 || images.includes(asked.hash) || images.includes(asked.slug)
    ? null
    : refusal("policy.image", { image: asked.slug, allowed: images.length });

const place: MachineCheck = ({ place: limits }, _grant, _usage, { kind, node }) => {
  if (isDenied(limits, node.nodeHash)) return refusal("policy.node_denied", { crnId: node.nodeHash });
  if (kind === "create" && !acceptsTerms(limits, node))
    return refusal("policy.terms", { crnId: node.nodeHash, termsHash: node.termsHash ?? "" });
  // A running VM's score may have fallen since; that is no reason to refuse it time on a node that is still allowed.
  const scorePct = node.scorePct ?? SCORE_PCT_FLOOR;
  return kind === "create" && scorePct < limits.scorePctMin
    ? refusal("policy.node_denied", { crnId: node.nodeHash, scorePct, scorePctMin: limits.scorePctMin })
    : null;
};

/** Denied beats allowed; an empty list of allowed ones allows every other node. */
const isDenied = (place: Place, nodeHash: Hash): boolean =>
  place.nodesDeny.includes(nodeHash) || (place.nodesAllow.length > 0 && !place.nodesAllow.includes(nodeHash));

/** Only the owner can accept an operator's terms, and only the very text that was named. */
const acceptsTerms = ({ termsAccepted }: Place, { termsHash }: Pick<NodeRef, "termsHash">): boolean =>
  termsHash === undefined || termsAccepted.includes(termsHash);

const ttl: MachineCheck = ({ limits, delegationExpiresAtMs: untilMs }, _grant, _usage, ask) => {
  if (ask.ttlS > limits.ttlSMax) return over("policy.ttl", ask.ttlS, limits.ttlSMax, limits.ttlSMax);
  const { extendSTotalMax: extendMax } = limits;
  if (ask.extendS > extendMax) return named("extensions", over("policy.ttl", ask.extendS, extendMax, extendMax));
  // Teardown needs the delegation too, so the grace has to lie within it (safety.md a.4).
  const lastMs = ask.endsAtMs + GRACE_S * 1_000;
  return untilMs !== null && lastMs > untilMs
    ? refusal("policy.ttl", { of: "delegation", delegationExpiresAtMs: untilMs, neededUntilMs: lastMs })
    : null;
};

/** Says which of two like limits a refusal speaks of. */
const named = (of: string, no: Refusal): Refusal => ({ ...no, facts: { of, ...no.facts } });
const ofGrant = (no: Refusal | null): Refusal | null => (no === null ? null : named("grant", no));

const live: Check = ({ limits }, grant, usage, { kind }, nowMs) => {
  // A machine to be extended is among the live ones already.
  const more = kind === "create" ? 1 : 0;
  const full = (alive: number, max: number, endsAtMs: number | null): Refusal | null =>
    alive + more > max ? over("policy.vms_live", more, max - alive, max, untilEnd(endsAtMs, nowMs)) : null;
  const ofAll = full(usage.vmsLive, limits.vmsLiveMax, usage.endsAtMs);
  return ofAll ?? ofGrant(full(usage.grantVmsLive, grant.vmsLiveMax, usage.grantEndsAtMs));
};

const rate: Check = ({ limits }, grant, usage, { kind }, nowMs) => {
  if (kind === "extend") return null;
  const full = (times: readonly number[], max: number): Refusal | null => {
    if (times.length < max) return null;
    return over("policy.rate", 1, 0, max, (times[times.length - max] ?? nowMs) + MINUTE_MS - nowMs);
  };
  return full(usage.createdMs, limits.createsPerMinMax) ?? ofGrant(full(usage.grantCreatedMs, grant.createsPerMinMax));
};

const perVm: Check = ({ limits }, _grant, _usage, { vmTotal }) =>
  vmTotal > limits.perVmCreditsMax
    ? over("policy.per_vm", vmTotal, limits.perVmCreditsMax, limits.perVmCreditsMax)
    : null;

const burn: Check = ({ limits }, _grant, usage, { kind, rateAttoPerS }, nowMs) => {
  const used = creditsPerHour(usage.burnAttoPerS);
  const asked = creditsPerHour(usage.burnAttoPerS + (kind === "create" ? rateAttoPerS : 0n)) - used;
  const left = limits.burnCreditsPerHMax - used;
  const { burnCreditsPerHMax: max } = limits;
  return asked > left ? over("policy.burn", asked, left, max, untilEnd(usage.endsAtMs, nowMs)) : null;
};

/** The account's windows and the grant's own, the shortest first; of two of one length the account's is told first. */
const windows: Check = ({ limits }, grant, usage, { credits }, nowMs) => {
  const all = [
    ...limits.windows.map((window) => ({ window, recent: usage.recent, own: false })),
    ...(grant.windows ?? []).map((window) => ({ window, recent: usage.grantRecent, own: true })),
  ].toSorted((a, b) => a.window.seconds - b.window.seconds);
  for (const { window, recent, own } of all) {
    const no = windowFull(window, recent, credits, nowMs);
    if (no !== null) return own ? ofGrant(no) : no;
  }
  return null;
};

function windowFull(window: Window, recent: Committed, credits: Credits, nowMs: number): Refusal | null {
  const left = window.creditsMax - usedIn({ recent }, window.seconds, nowMs);
  if (credits <= left) return null;
  const frees = freesAtMs({ recent }, window, credits, nowMs);
  const afterMs = frees === null ? undefined : frees - nowMs;
  return over(`policy.window_${window.seconds}s`, credits, left, window.creditsMax, afterMs);
}

const lifetime: Check = ({ limits }, _grant, usage, { credits }) => {
  const left = limits.lifetimeCreditsMax - usage.lifetime;
  return credits > left ? over("policy.lifetime", credits, left, limits.lifetimeCreditsMax) : null;
};

const grantBudget: Check = (_policy, grant, usage, { credits }) => {
  const left = grant.creditsMax - usage.grantSpent;
  return credits > left ? over("policy.grant", credits, left, grant.creditsMax) : null;
};

const MACHINE_CHECKS: readonly MachineCheck[] = [shape, image, place, ttl];
const CHECKS: readonly Check[] = [shape, image, place, ttl, live, rate, perVm, burn, windows, lifetime, grantBudget];

/** A hold counts from the moment it was made until `seconds` later, that moment excluded. */
export function usedIn(usage: Pick<Usage, "recent">, seconds: number, nowMs: number): Credits {
  const since = nowMs - seconds * 1_000;
  return usage.recent.after(since);
}

/** When enough old holds have left the window for `credits` to fit; null: never, it is larger than the window. */
export function freesAtMs(
  usage: Pick<Usage, "recent">,
  window: Window,
  credits: Credits,
  nowMs: number,
): number | null {
  const tooMuch = usedIn(usage, window.seconds, nowMs) + credits - window.creditsMax;
  const lengthMs = window.seconds * 1_000;
  const leaves = usage.recent.reaches(nowMs - lengthMs, tooMuch);
  return leaves === null ? null : leaves + lengthMs;
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
