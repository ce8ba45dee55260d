/**
 * What becomes of a VM when something is learnt: pure transitions `(vm, what was seen) → vm`.
 *
 * Nothing in here frees money by a timer: a VM leaves the ledger's live part only when its attempt *ended*, was
 * *rejected*, or was provably never sent (safety.md a.4). Money follows in `settlement.ts`.
 */
import { cameBack, endedByOthers, hear, isEnded, isRejected, type Round, saidAlive, saidRejected } from "./attempts.ts";
import { UNREACHABLE_MIN } from "./policy-stored.ts";
import type { Attempt, EndReason, Forget, Policy, Ssh, VmRecord } from "./types.ts";

/** Without a first send after this, nothing ever left and nothing ever will. */
export const UNSENT_VOID_MS = 120_000;
/** The node has this long to run it, image download included (design.md §9). */
export const BOOT_MS = 15 * 60_000;
/** A create that no core node confirmed for this long is called UNKNOWN; it stays held and is re-sent. */
export const UNKNOWN_AFTER_MS = 120_000;
/** What the owner wants done with a VM that cannot be reached; null: told only. */
export type WhenUnreachable = { readonly destroyAfterMs: number | null };
export const UNREACHABLE: WhenUnreachable = { destroyAfterMs: UNREACHABLE_MIN * 60_000 };

export function whenUnreachable(policy: Policy | null): WhenUnreachable {
  if (policy === null) return UNREACHABLE;
  const { vmUnreachable, vmUnreachableMin } = policy.on;
  return { destroyAfterMs: vmUnreachable === "alert" ? null : vmUnreachableMin * 60_000 };
}

export const isLive = (vm: VmRecord): boolean => vm.state !== "TERMINATED" && vm.state !== "FAILED";
export const currentAttempt = (vm: VmRecord): Attempt => vm.attempts[vm.attempts.length - 1] as Attempt;
export const firstSendMs = (vm: VmRecord): number | null => vm.attempts[0]?.firstSendMs ?? null;

const into = (vm: VmRecord, state: VmRecord["state"], nowMs: number): VmRecord =>
  vm.state === state ? vm : { ...vm, state, stateSinceMs: nowMs };

function replaceAttempt(vm: VmRecord, attempt: Attempt): VmRecord {
  return { ...vm, attempts: vm.attempts.map((one) => (one.itemHash === attempt.itemHash ? attempt : one)) };
}

/** Records the signatures; only the first to arrive counts, for two drives may both have signed. */
export function onSigned(
  vm: VmRecord,
  signed: {
    readonly itemHash: string;
    readonly signature: string;
    readonly forgets: readonly Forget[];
    readonly atMs: number;
  },
): VmRecord {
  const attempt = vm.attempts.find((one) => one.itemHash === signed.itemHash);
  if (vm.state !== "REQUESTED" || attempt === undefined || attempt.firstSendMs !== null) return vm;
  const sent = { ...attempt, signature: signed.signature, firstSendMs: signed.atMs };
  // a rotation may have added FORGETs of its new key while these were being signed
  const known = new Set(signed.forgets.map((forget) => forget.itemHash));
  const forgets = [...signed.forgets, ...vm.forgets.filter((forget) => !known.has(forget.itemHash))];
  const out = into({ ...replaceAttempt(vm, sent), forgets }, "SENT", signed.atMs);
  return vm.endReason === null ? out : close(out, vm.endReason, signed.atMs);
}

/** One round of words from the core nodes about one attempt. */
export function onRound(vm: VmRecord, itemHash: string, round: Round): VmRecord {
  const before = vm.attempts.find((one) => one.itemHash === itemHash);
  if (before === undefined || before.firstSendMs === null) return vm;
  const attempt = hear(before, round);
  const heard = replaceAttempt(vm, attempt);
  if (!isLive(vm)) return heard;
  // A hash that any node ever showed alive ends by FORGET, never by a refusal: money may be due for it.
  if (attempt.seenAliveMs === null && isRejected(attempt, round)) return onRejected(heard, attempt, round.atMs);
  if (attempt.closedAtMs !== null) return isEnded(attempt, round.atMs) ? onEnded(heard, attempt, round.atMs) : heard;
  if (endedByOthers(attempt, round.atMs)) return close(heard, whoEnded(attempt), round.atMs);
  const unconfirmed = vm.state === "SENT" || vm.state === "UNKNOWN";
  return unconfirmed && saidAlive(attempt) ? into(heard, "PROVISIONING", round.atMs) : heard;
}

function onRejected(vm: VmRecord, attempt: Attempt, nowMs: number): VmRecord {
  const rejected = { ...attempt, rejectedAtMs: nowMs, dormant: true, closedAtMs: attempt.closedAtMs ?? nowMs };
  return into(
    { ...replaceAttempt(vm, rejected), endReason: vm.endReason ?? "rejected", endedAtMs: nowMs },
    "FAILED",
    nowMs,
  );
}

function onEnded(vm: VmRecord, attempt: Attempt, nowMs: number): VmRecord {
  const ended = { ...attempt, endedAtMs: nowMs, dormant: saidRejected(attempt) };
  return into({ ...replaceAttempt(vm, ended), endedAtMs: nowMs }, "TERMINATED", nowMs);
}

function whoEnded(attempt: Attempt): EndReason {
  const removed = attempt.views.filter((view) => view?.says === "removed").length;
  return removed >= 2 ? "ended_by_network" : "ended_by_owner_elsewhere";
}

/**
 * From now on the attempt must not live. What never left is voided on the spot, unless it `mayHaveLeft` (the account was
 * restored to an older state, or cannot know yet): then it waits for that answer, to be voided or sent to be forgotten.
 */
export function close(vm: VmRecord, reason: EndReason, nowMs: number, mayHaveLeft = false): VmRecord {
  if (!isLive(vm) || vm.state === "STOPPING") return vm;
  const attempt = currentAttempt(vm);
  const asked = { ...vm, endReason: reason, stopAskedAtMs: nowMs };
  if (attempt.firstSendMs === null) return mayHaveLeft ? asked : neverSent(asked, nowMs);
  return into(replaceAttempt(asked, { ...attempt, closedAtMs: attempt.closedAtMs ?? nowMs }), "STOPPING", nowMs);
}

function neverSent(vm: VmRecord, nowMs: number): VmRecord {
  const attempt = { ...currentAttempt(vm), closedAtMs: nowMs };
  const reason = vm.endReason === "ttl" ? "never_sent" : (vm.endReason ?? "never_sent");
  return into({ ...replaceAttempt(vm, attempt), endReason: reason, endedAtMs: nowMs }, "FAILED", nowMs);
}

/** What the mere passing of time decides. What `mayHaveLeft` is never voided. */
export function onTime(vm: VmRecord, nowMs: number, mayHaveLeft: boolean): VmRecord {
  if (!isLive(vm) || vm.state === "STOPPING") return vm;
  const attempt = currentAttempt(vm);
  if (attempt.firstSendMs === null) {
    const tooOld = nowMs - vm.admittedAtMs >= UNSENT_VOID_MS || nowMs >= vm.expiresAtMs;
    return (tooOld || vm.endReason !== null) && !mayHaveLeft ? neverSent(vm, nowMs) : vm;
  }
  if (nowMs >= vm.expiresAtMs) return close(vm, "ttl", nowMs);
  if (vm.state === "SENT" && nowMs - attempt.firstSendMs >= UNKNOWN_AFTER_MS) return into(vm, "UNKNOWN", nowMs);
  return vm.state === "PROVISIONING" && nowMs - vm.stateSinceMs >= BOOT_MS ? close(vm, "boot_failed", nowMs) : vm;
}

/** What the node's own list said; `null` is silence, which colours nothing but the time since when. */
export type NodeSight = {
  readonly atMs: number;
  readonly ready: Ssh | null;
  readonly answered: boolean;
  /** Core nodes and other nodes answered us meanwhile: our own outage never makes a VM unreachable. */
  readonly othersAnswered: boolean;
};

export function onNodeSight(vm: VmRecord, sight: NodeSight, when = UNREACHABLE): VmRecord {
  if (vm.state !== "PROVISIONING" && vm.state !== "HEALTHY" && vm.state !== "UNHEALTHY") return vm;
  if (sight.ready !== null) {
    const healthyAtMs = vm.healthyAtMs ?? sight.atMs;
    return into({ ...vm, ssh: sight.ready, healthyAtMs, unreachableSinceMs: null }, "HEALTHY", sight.atMs);
  }
  return vm.state === "PROVISIONING" ? vm : notSeen(vm, sight, when);
}

/**
 * Only a sight ends an unreachable VM, never the passing of time, and only while others answered us: after an outage of
 * our own, or of the network, the half hour starts anew.
 */
function notSeen(vm: VmRecord, { atMs, answered, othersAnswered }: NodeSight, when: WhenUnreachable): VmRecord {
  if (!answered && !othersAnswered) return vm.unreachableSinceMs === null ? vm : { ...vm, unreachableSinceMs: null };
  const sinceMs = vm.unreachableSinceMs ?? atMs;
  const unhealthy = into({ ...vm, unreachableSinceMs: sinceMs }, "UNHEALTHY", atMs);
  const { destroyAfterMs } = when;
  return destroyAfterMs !== null && atMs - sinceMs >= destroyAfterMs
    ? close(unhealthy, "unreachable", atMs)
    : unhealthy;
}

/** The price that two core nodes froze for it is above what was held: it must not run (design.md §5). */
export function onFrozenRates(vm: VmRecord, rates: readonly (bigint | null)[], nowMs: number): VmRecord {
  const read = rates.filter((rate) => rate !== null);
  const above = read.filter((rate) => rate > vm.rateAttoPerS + FLOOR_SLACK_ATTO).length;
  if (above >= 2) return close({ ...vm, priceCheckedAtMs: nowMs }, "price", nowMs);
  // One against one decides nothing: it is read again until two agree.
  return read.length - above >= 2 ? { ...vm, priceCheckedAtMs: nowMs } : vm;
}

/** Core nodes may differ from our formula by 2e-18 credits per second (ccn.md §5.5). */
const FLOOR_SLACK_ATTO = 2n;

export function onErase(vm: VmRecord, outcome: "erased" | "failed"): VmRecord {
  const eraseTries = vm.eraseTries + 1;
  if (outcome === "erased") return { ...vm, eraseTries, erased: "yes" };
  return { ...vm, eraseTries, erased: eraseTries >= 2 && vm.erased === "no" ? "gave_up" : vm.erased };
}

export function onForgetSent(vm: VmRecord, itemHash: string, nowMs: number): VmRecord {
  const attempt = vm.attempts.find((one) => one.itemHash === itemHash);
  if (attempt === undefined || attempt.firstForgetMs !== null) return vm;
  return replaceAttempt(vm, { ...attempt, firstForgetMs: nowMs });
}

export function onForgetSpent(vm: VmRecord, forgetHash: string, core: 0 | 1 | 2): VmRecord {
  const mark = (forget: Forget): Forget =>
    forget.itemHash === forgetHash
      ? { ...forget, spent: forget.spent.map((was, index) => was || index === core) as never }
      : forget;
  return { ...vm, forgets: vm.forgets.map(mark) };
}

/** A refused create that two core nodes show alive: it is ours, it bills, and the account has to know. */
export function resurrected(vm: VmRecord, nowMs: number): readonly Attempt[] {
  return vm.attempts.filter((attempt) => cameBack(attempt, nowMs));
}
