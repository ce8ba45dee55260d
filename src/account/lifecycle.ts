/**
 * What becomes of a VM when something is learnt: pure transitions `(vm, what was seen) → vm`.
 *
 * Nothing in here frees money by a timer: a VM leaves the ledger's live part only when its attempt *ended*, was
 * *rejected*, or was provably never sent (safety.md a.4). Money follows in `settlement.ts`.
 */
import type { Forwards } from "../aleph/forwards.ts";
import {
  cameBack,
  endedByOthers,
  hear,
  isAbsent,
  isEnded,
  isRejected,
  type Round,
  saidAlive,
  saidRejected,
} from "./attempts.ts";
import { UNREACHABLE_MIN } from "./policy-stored.ts";
import { blamed, mayBeFollowed } from "./successor.ts";
import type { Attempt, EndReason, Forget, Policy, Ssh, VmRecord } from "./types.ts";

/** Without a first send after this, nothing ever left and nothing ever will. */
export const UNSENT_VOID_MS = 120_000;
/** The node has this long to run it, image download included (design.md §9). */
export const BOOT_MS = 15 * 60_000;
/** And from then on SSH this long to answer. */
export const SSH_MS = 5 * 60_000;
/** A boot's time is up only if somebody looked within this long before; while it boots, a node is looked at every 15 s. */
const BOOT_LOOK_MS = 60_000;
/** Looks are made every minute; two that are further apart than this say nothing of the time between: nobody looked. */
const LOOKS_APART_MS = 5 * 60_000;
/** A create that no core node confirmed for this long is called UNKNOWN; it stays held and is re-sent. */
export const UNKNOWN_AFTER_MS = 120_000;
/** What the owner wants done with a VM that cannot be reached; null: told only. */
export type WhenUnreachable = { readonly destroyAfterMs: number | null; readonly recreate: boolean };
export const UNREACHABLE: WhenUnreachable = { destroyAfterMs: UNREACHABLE_MIN * 60_000, recreate: false };

export function whenUnreachable(policy: Policy | null): WhenUnreachable {
  if (policy === null) return UNREACHABLE;
  const { vmUnreachable, vmUnreachableMin } = policy.on;
  const destroyAfterMs = vmUnreachable === "alert" ? null : vmUnreachableMin * 60_000;
  return { destroyAfterMs, recreate: vmUnreachable === "recreate" };
}

export const isLive = (vm: VmRecord): boolean => vm.state !== "TERMINATED" && vm.state !== "FAILED";
export const currentAttempt = (vm: VmRecord): Attempt => vm.attempts[vm.attempts.length - 1] as Attempt;
/** Of the whole VM, so of its first attempt: from then on the network may bill. */
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
  const unsent = vm.state === "REQUESTED" || vm.state === "UNKNOWN";
  if (!unsent || attempt === undefined || attempt.firstSendMs !== null) return vm;
  // What a restore forgot may have been sent, and billed, at once.
  const firstSend = vm.state === "UNKNOWN" ? vm.admittedAtMs : signed.atMs;
  const sent = { ...attempt, signature: signed.signature, firstSendMs: firstSend };
  // those of an earlier attempt stay, and so do those that a rotation added while these were being signed
  const known = new Set(signed.forgets.map((forget) => forget.itemHash));
  const forgets = [...signed.forgets, ...vm.forgets.filter((forget) => !known.has(forget.itemHash))];
  const out = into({ ...replaceAttempt(vm, sent), forgets }, "SENT", signed.atMs);
  return vm.endReason === null ? out : close(out, vm.endReason, signed.atMs);
}

/** One round of words from the core nodes about one attempt. */
export function onRound(vm: VmRecord, itemHash: string, round: Round): VmRecord {
  const before = vm.attempts.find((one) => one.itemHash === itemHash);
  if (before === undefined) return vm;
  const attempt = hear(before, round);
  const heard = replaceAttempt(vm, attempt);
  if (before.firstSendMs === null) return vm.state === "UNKNOWN" ? onWordOfForgotten(heard, round.atMs) : vm;
  // An earlier attempt is over for good: a late word of it says nothing about the one that lives now.
  if (!isLive(vm) || itemHash !== currentAttempt(vm).itemHash) return heard;
  // A hash that any node ever showed alive ends by FORGET, never by a refusal: money may be due for it.
  if (attempt.seenAliveMs === null && isRejected(attempt, round)) return onRejected(heard, attempt, round.atMs);
  if (attempt.closedAtMs !== null) return isEnded(attempt, round.atMs) ? onEnded(heard, attempt, round.atMs) : heard;
  if (endedByOthers(attempt, round.atMs)) return close(heard, whoEnded(attempt), round.atMs);
  const unconfirmed = vm.state === "SENT" || vm.state === "UNKNOWN";
  return unconfirmed && saidAlive(attempt) ? into(heard, "PROVISIONING", round.atMs) : heard;
}

/** A VM that had lived in an earlier attempt costs what it cost, whatever became of this one. */
function onRejected(vm: VmRecord, attempt: Attempt, nowMs: number): VmRecord {
  const endReason = vm.endReason ?? "rejected";
  const closed = { closedAtMs: attempt.closedAtMs ?? nowMs, closedFor: endReason };
  const rejected = { ...attempt, ...closed, rejectedAtMs: nowMs, dormant: true };
  const state = vm.attempts.length > 1 ? "TERMINATED" : "FAILED";
  return into({ ...replaceAttempt(vm, rejected), endReason, endedAtMs: nowMs }, state, nowMs);
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
  if (!isLive(vm)) return vm;
  // Ending already, perhaps to be followed by another attempt: whoever asks for the end now forbids that.
  if (vm.state === "STOPPING") return mayBeFollowed(vm) ? { ...vm, noSuccessor: true } : vm;
  const attempt = currentAttempt(vm);
  const asked = { ...vm, endReason: reason, stopAskedAtMs: nowMs };
  if (attempt.firstSendMs === null) return mayHaveLeft || vm.state === "UNKNOWN" ? asked : neverSent(asked, nowMs);
  const closed = { ...attempt, closedAtMs: attempt.closedAtMs ?? nowMs, closedFor: reason };
  return into(replaceAttempt(asked, blamed(closed, nowMs)), "STOPPING", nowMs);
}

/** What never left cost nothing; after an earlier attempt the VM ends with what that one cost, for its reason. */
function neverSent(vm: VmRecord, nowMs: number): VmRecord {
  const attempt = { ...currentAttempt(vm), closedAtMs: nowMs };
  const unsent = { ...replaceAttempt(vm, attempt), endedAtMs: nowMs };
  const asked = vm.endReason === "ttl" ? "never_sent" : (vm.endReason ?? "never_sent");
  const before = vm.attempts.at(-2);
  if (before === undefined) return into({ ...unsent, endReason: asked }, "FAILED", nowMs);
  const endReason = asked === "never_sent" ? (before.closedFor ?? "boot_failed") : asked;
  return into({ ...unsent, endReason }, "TERMINATED", nowMs);
}

/** A restore took back what is known of a create that was not sent yet: from now on it is neither voided nor new. */
export function forgetSending(vm: VmRecord, nowMs: number): VmRecord {
  return vm.state === "REQUESTED" && currentAttempt(vm).firstSendMs === null ? into(vm, "UNKNOWN", nowMs) : vm;
}

/** It is signed again, to the same bytes, once it has to be undone or a core node knows anything of it. */
export function waitsForWord(vm: VmRecord): boolean {
  const { firstSendMs: sentMs, views } = currentAttempt(vm);
  const unknown = vm.state === "UNKNOWN" && sentMs === null && vm.endReason === null;
  return unknown && views.every((view) => view === null || view.says === "absent");
}

/** Absent on two, now and a minute ago: it is signed and sent only to be forgotten. */
function onWordOfForgotten(vm: VmRecord, nowMs: number): VmRecord {
  return waitsForWord(vm) && isAbsent(currentAttempt(vm), nowMs) ? close(vm, "restored", nowMs, true) : vm;
}

/**
 * What the mere passing of time decides. What `mayHaveLeft` is never voided; and a boot fails only once its node was looked
 * at when its time was up (`lookedAtMs`), for a machine may have come up while nothing of ours ran.
 */
export function onTime(vm: VmRecord, nowMs: number, mayHaveLeft: boolean, lookedAtMs = nowMs): VmRecord {
  if (!isLive(vm) || vm.state === "STOPPING") return vm;
  const attempt = currentAttempt(vm);
  if (attempt.firstSendMs === null && vm.state === "UNKNOWN")
    return nowMs >= vm.expiresAtMs && vm.endReason === null ? close(vm, "ttl", nowMs) : vm;
  if (attempt.firstSendMs === null) {
    // since the admission, or since it was decided that another attempt follows
    const tooOld = nowMs - vm.stateSinceMs >= UNSENT_VOID_MS || nowMs >= vm.expiresAtMs;
    return (tooOld || vm.endReason !== null) && !mayHaveLeft ? neverSent(vm, nowMs) : vm;
  }
  if (nowMs >= vm.expiresAtMs) return close(vm, "ttl", nowMs);
  if (vm.state === "SENT" && nowMs - attempt.firstSendMs >= UNKNOWN_AFTER_MS) return into(vm, "UNKNOWN", nowMs);
  if (vm.state !== "PROVISIONING" || nowMs < bootDeadlineMs(vm)) return vm;
  return lookedAtMs >= bootDeadlineMs(vm) - BOOT_LOOK_MS ? close(vm, bootFault(vm), nowMs) : vm;
}

/** While it boots: the node's time, and SSH's on top once the node has listed it as running. */
export const bootDeadlineMs = (vm: VmRecord): number =>
  vm.stateSinceMs + BOOT_MS + ((vm.runningSinceMs ?? null) === null ? 0 : SSH_MS);

const bootFault = (vm: VmRecord): EndReason => ((vm.runningSinceMs ?? null) === null ? "boot_failed" : "ssh_never");

/** What the node's own list said; `null` is silence, which colours nothing but the time since when. */
export type NodeSight = {
  readonly atMs: number;
  /** Reached a moment ago, with its host key. */
  readonly ready: Ssh | null;
  /** Absent: its node said nothing of ports. */
  readonly forwards?: Forwards;
  readonly running: boolean;
  readonly keyChanged: boolean;
  readonly answered: boolean;
  /** Core nodes and other nodes answered us meanwhile: our own outage never makes a VM unreachable. */
  readonly othersAnswered: boolean;
};

export function onNodeSight(before: VmRecord, sight: NodeSight, when = UNREACHABLE): VmRecord {
  if (before.state !== "PROVISIONING" && before.state !== "HEALTHY" && before.state !== "UNHEALTHY") return before;
  const vm = sight.forwards === undefined ? before : { ...before, forwards: sight.forwards };
  if (sight.ready !== null) {
    const healthyAtMs = vm.healthyAtMs ?? sight.atMs;
    const well = { ...vm, ssh: sight.ready, healthyAtMs, unreachableSinceMs: null, sshFault: null };
    return into(well, "HEALTHY", sight.atMs);
  }
  if (vm.state === "PROVISIONING") return sight.running ? booting(vm, sight) : vm;
  return sight.running ? withoutSsh(vm, sight) : notSeen(vm, sight, when);
}

/** Its node runs it: SSH has five minutes, ended by a sight rather than by time, so that our own outage ends nothing. */
function booting(vm: VmRecord, { atMs, keyChanged }: NodeSight): VmRecord {
  const runningSinceMs = vm.runningSinceMs ?? atMs;
  const sshFault = keyChanged ? "host_key_changed" : "silent";
  const seen = { ...vm, runningSinceMs, sshFault } as const;
  return atMs - runningSinceMs >= SSH_MS ? close(seen, "ssh_never", atMs) : seen;
}

/** A sign of life without SSH: its user may have closed the port. That is told, and ends nothing. */
const withoutSsh = (vm: VmRecord, { atMs, keyChanged }: NodeSight): VmRecord =>
  into({ ...vm, unreachableSinceMs: null, sshFault: keyChanged ? "host_key_changed" : "silent" }, "UNHEALTHY", atMs);

/**
 * Only a sight ends an unreachable VM, never the passing of time, and only while others answered us: after an outage of
 * our own, whether we could reach nobody or did not run at all, or of the network, the half hour starts anew.
 */
function notSeen(before: VmRecord, sight: NodeSight, when: WhenUnreachable): VmRecord {
  const { atMs, answered, othersAnswered } = sight;
  const vm: VmRecord = sight.keyChanged ? { ...before, sshFault: "host_key_changed" } : before;
  if (!answered && !othersAnswered) return vm.unreachableSinceMs === null ? vm : { ...vm, unreachableSinceMs: null };
  const lookedOn = atMs - (vm.unseenAtMs ?? 0) <= LOOKS_APART_MS;
  const sinceMs = lookedOn ? (vm.unreachableSinceMs ?? atMs) : atMs;
  const unhealthy = into({ ...vm, unreachableSinceMs: sinceMs, unseenAtMs: atMs }, "UNHEALTHY", atMs);
  const { destroyAfterMs, recreate } = when;
  return destroyAfterMs !== null && atMs - sinceMs >= destroyAfterMs
    ? { ...close(unhealthy, "unreachable", atMs), recreate }
    : unhealthy;
}

/** The price that two core nodes froze for it is above what was held: it must not run (design.md §5). */
export function onFrozenRates(vm: VmRecord, rates: readonly (bigint | null)[], nowMs: number): VmRecord {
  const read = rates.filter((rate) => rate !== null);
  if (vm.orphan !== undefined) return withRate(vm, read, nowMs);
  const above = read.filter((rate) => rate > vm.rateAttoPerS + FLOOR_SLACK_ATTO).length;
  if (above >= 2) return close({ ...vm, priceCheckedAtMs: nowMs }, "price", nowMs);
  // One against one decides nothing: it is read again until two agree.
  return read.length - above >= 2 ? { ...vm, priceCheckedAtMs: nowMs } : vm;
}

/**
 * Nobody ever quoted an orphan: what two core nodes froze for it is what it burns, or the middle of three. Of two that
 * differ one may lie, so they are asked again.
 */
function withRate(vm: VmRecord, read: readonly bigint[], nowMs: number): VmRecord {
  const [low, middle] = read.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (low === undefined || middle === undefined) return vm;
  const agreed = read.length === 3 || middle - low <= FLOOR_SLACK_ATTO;
  return agreed ? { ...vm, rateAttoPerS: middle, priceCheckedAtMs: nowMs } : vm;
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
