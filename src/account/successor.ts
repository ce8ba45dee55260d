/**
 * Whether a VM whose node failed goes on with another attempt, and what it then is. Pure; the gates of the account and its
 * agent are in `failover.ts`.
 *
 * The next attempt is decided in the transaction that records the end of the last one, and only when all three core nodes
 * call that one FORGOTTEN or REMOVED: then nothing can bring it back, so at most one attempt is ever alive (safety.md
 * a.4). It lives inside the same hold and ends at the same time.
 */
import { isGoneEverywhere } from "./attempts.ts";
import { creditsFor, GRACE_S } from "./credits.ts";
import type { Attempt, Credits, EndReason, Forget, NodeRef, VmRecord } from "./types.ts";

/** design.md §11: after three nodes the agent is better served by an answer. */
export const ATTEMPTS_MAX = 3;
/** A boot takes minutes; with less left than this there would be nothing to use. */
export const ROOM_MS_MIN = 10 * 60_000;
/** A node that was probed longer ago is no longer known to have room. */
export const NODE_AGE_MS_MAX = 10 * 60_000;
/** We were not cut off ourselves if two core nodes answered this shortly before; they are asked every minute. */
const HEARD_MS = 150_000;

const NODES_DOING: ReadonlySet<EndReason> = new Set(["boot_failed", "unreachable"]);

/**
 * Whether this VM is of the kind that may go on elsewhere; what the account, its agent and the clock say comes at the end.
 * An agent that named its node gets that node or none.
 */
export function mayBeFollowed(vm: VmRecord): boolean {
  const { endReason, stopAskedAtMs } = vm;
  const neverCame = endReason === "boot_failed" || endReason === "ssh_never";
  const failed = neverCame || (endReason === "unreachable" && vm.recreate === true);
  if (!failed || vm.state !== "STOPPING" || vm.noSuccessor === true || vm.spec.nodeAsked !== undefined) return false;
  // an orphan is nobody's create: it is ended, never made anew
  return vm.orphan === undefined && vm.attempts.length < ATTEMPTS_MAX && hasRoom(vm, stopAskedAtMs ?? vm.stateSinceMs);
}

const hasRoom = (vm: VmRecord, nowMs: number): boolean => vm.expiresAtMs - nowMs >= ROOM_MS_MIN;

/**
 * The node on which the VM goes on, now that its last attempt has ended; null: it ends. `ended` is the VM as it would be
 * stored if it ended, `stopping` as it was before.
 */
export function followedOn(stopping: VmRecord, ended: VmRecord, nowMs: number): NodeRef | null {
  const next = stopping.next ?? null;
  const last = ended.attempts.at(-1);
  if (ended.state !== "TERMINATED" || !mayBeFollowed(stopping) || next === null || last === undefined) return null;
  if (!ended.attempts.every(isGoneEverywhere) || last.rejectedAtMs !== null) return null;
  if (nowMs - next.atMs > NODE_AGE_MS_MAX || !hasRoom(ended, nowMs) || !isCovered(ended)) return null;
  // Never again a node that has just failed for this VM.
  return ended.attempts.some((one) => one.node.nodeHash === next.node.nodeHash) ? null : next.node;
}

/** From the first byte that left to the end and its grace: the hold was made for no more than that. */
function isCovered(vm: VmRecord): boolean {
  const sinceMs = vm.attempts[0]?.firstSendMs ?? vm.admittedAtMs;
  const held = vm.holds.reduce((sum, hold): Credits => (hold.state === "held" ? sum + hold.credits : sum), 0);
  return creditsFor(vm.rateAttoPerS, (vm.expiresAtMs - sinceMs) / 1_000 + GRACE_S) <= held;
}

/** The VM with its next attempt: what was learnt of the last one is not true of this one. */
export function succeeded(
  ended: VmRecord,
  { attempt, forgets }: { readonly attempt: Attempt; readonly forgets: readonly Forget[] },
  nowMs: number,
): VmRecord {
  const nothingAsked = { endReason: null, stopAskedAtMs: null, endedAtMs: null, next: null, recreate: false } as const;
  const nothingSeen = {
    ssh: null,
    forwards: null,
    sshFault: null,
    runningSinceMs: null,
    unreachableSinceMs: null,
    priceCheckedAtMs: null,
    eraseTries: 0,
    erased: "no",
  } as const;
  return {
    ...ended,
    ...nothingAsked,
    ...nothingSeen,
    state: "REQUESTED",
    stateSinceMs: nowMs,
    attempts: [...ended.attempts, attempt],
    forgets: [...ended.forgets, ...forgets],
  };
}

/** A node that was found while the VM is ended; what comes late, or for a VM that is no longer to go on, is dropped. */
export function onNextNode(vm: VmRecord, node: NodeRef, nowMs: number): VmRecord {
  return mayBeFollowed(vm) ? { ...vm, next: { node, atMs: nowMs } } : vm;
}

/**
 * Two core nodes answered a moment ago, so our own line was not the cause; and so did the one that the node follows: while
 * that is silent a node can neither start a machine nor ask who may erase one, and it is no fault of the node's.
 */
export function mayBlame({ views, node, excused }: Attempt, nowMs: number): boolean {
  if (excused === true) return false;
  const heard = views.map((view) => view !== null && nowMs - view.atMs <= HEARD_MS);
  const { followsCore } = node;
  return heard.filter(Boolean).length >= 2 && (followsCore === undefined || heard[followsCore] === true);
}

/**
 * Notes on a closed attempt that its node has to answer for it. Only what we saw ourselves counts, and only while whatever
 * it needs besides itself was there.
 */
export function blamed(attempt: Attempt, nowMs: number): Attempt {
  const nodes = attempt.closedFor !== undefined && NODES_DOING.has(attempt.closedFor);
  return nodes && mayBlame(attempt, nowMs) ? { ...attempt, blame: "due" } : attempt;
}

export const onExcused = (vm: VmRecord, itemHash: string): VmRecord => note(vm, itemHash, { excused: true });
export const onBlamed = (vm: VmRecord, itemHash: string): VmRecord => note(vm, itemHash, { blame: "told" });

function note(vm: VmRecord, itemHash: string, what: Partial<Attempt>): VmRecord {
  return { ...vm, attempts: vm.attempts.map((one) => (one.itemHash === itemHash ? { ...one, ...what } : one)) };
}
