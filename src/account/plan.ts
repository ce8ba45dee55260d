/**
 * What has to be done for a VM, and when: `plan(vm, log, now) → steps`. Pure.
 *
 * The plan is recomputed from the ledger each time and never remembered, so a crash anywhere loses nothing. The log
 * only says when a step was last tried and how often; it paces the steps and decides nothing else. The clocks are those
 * of safety.md a.4.
 */
import { isAliveWord, isGoneEverywhere, saidAlive, saidGone, unspentForgets } from "./attempts.ts";
import { awaitsCharges, CHARGES_AFTER_MS } from "./charges.ts";
import { copiesToErase } from "./copies.ts";
import { SETTLE_AFTER_MS } from "./credits.ts";
import {
  BOOT_MS,
  bootDeadlineMs,
  currentAttempt,
  isLive,
  UNKNOWN_AFTER_MS,
  UNSENT_VOID_MS,
  waitsForWord,
} from "./lifecycle.ts";
import { mayBeFollowed } from "./successor.ts";
import type { Attempt, EndReason, VmRecord } from "./types.ts";

export type StepKind =
  | "sign"
  | "send"
  | "status"
  | "dispatch"
  | "node"
  | "price"
  | "erase"
  | "copies"
  | "erase_copy"
  | "end"
  | "push"
  | "replenish"
  | "next_node"
  | "blame"
  | "witness"
  | "settle"
  | "charges"
  | "deadline";

export type Step = {
  readonly key: string;
  readonly kind: StepKind;
  readonly vmId: string;
  readonly itemHash: string;
  /** The node that the step is for, where it is not the attempt's own. */
  readonly nodeHash?: string;
  readonly dueMs: number;
};
export type Tried = { readonly lastMs: number; readonly tries: number; readonly leaseUntilMs: number };
export type StepLog = ReadonlyMap<string, Tried>;

const S = 1_000;
/** Erase goes first, two tries within this; then the FORGET leaves whatever the node does (crn.md §6.4). */
export const ERASE_WINDOW_MS = 90 * S;
/** A limit is broken, or the node does not answer: stopping the burn outranks wiping data (safety.md a.4). */
const STRAIGHT_TO_FORGET: ReadonlySet<EndReason> = new Set(["unreachable", "overrun", "price", "payer_line"]);
const WATCH_MS = 30 * 86_400 * S;
const DISPATCH_WINDOW_MS = 180 * S;
/** Two searches (the list, then two rounds of probes) fit; no FORGET may be later than this after it was due. */
const SEARCH_MS = 90 * S;
/** What ended a moment ago was sent a FORGET with that: a second at once could use up the last, before new ones are signed. */
const PUSH_EVERY_MS = 300 * S;
/** Of what no core node shows alive: the lists, read every five minutes for all of them at once, tell of it first. */
const LOOK_MS_MAX = 6 * 3_600 * S;
const REPLENISH_MS_MAX = 6 * 3_600 * S;
/** A node that was found is good for ten minutes (`successor.ts`). */
const REFRESH_MS = 480 * S;

/** Pause before the next try after `tries`: doubling from `firstMs`, never above `capMs`. */
export function backoff(tries: number, firstMs: number, capMs: number): number {
  return Math.min(capMs, firstMs * 2 ** Math.min(20, Math.max(0, tries - 1)));
}

export const stepKey = (kind: StepKind, itemHash: string, nodeHash?: string): string =>
  nodeHash === undefined ? `${kind}:${itemHash}` : `${kind}:${itemHash}:${nodeHash}`;

export function planVm(vm: VmRecord, log: StepLog, nowMs: number): readonly Step[] {
  const draft = new Drafting(vm, log);
  const attempt = currentAttempt(vm);
  if (isLive(vm)) planLive(draft, vm, attempt);
  else planAfter(draft, vm, attempt, nowMs);
  for (const one of vm.attempts) {
    if (one.blame === "due") draft.add("blame", one.itemHash, (tries) => backoff(tries, 5 * S, 300 * S));
    planCopies(draft, vm, one, nowMs);
  }
  return draft.steps;
}

/** Collects steps of one VM; each is paced by its own row of the log. */
class Drafting {
  readonly steps: Step[] = [];
  private readonly vm: VmRecord;
  private readonly log: StepLog;

  constructor(vm: VmRecord, log: StepLog) {
    this.vm = vm;
    this.log = log;
  }

  /** Due at once the first time, then `pause(tries)` after the last try; never before a running claim ends. */
  add(kind: StepKind, itemHash: string, pause: (tries: number) => number, notBeforeMs = 0): void {
    const key = stepKey(kind, itemHash);
    this.steps.push({ key, kind, vmId: this.vm.vmId, itemHash, dueMs: Math.max(this.paced(key, pause), notBeforeMs) });
  }

  addOn(nodeHash: string, kind: StepKind, itemHash: string, pause: (tries: number) => number): void {
    const key = stepKey(kind, itemHash, nodeHash);
    this.steps.push({ key, kind, vmId: this.vm.vmId, itemHash, nodeHash, dueMs: this.paced(key, pause) });
  }

  private paced(key: string, pause: (tries: number) => number): number {
    const tried = this.log.get(key);
    return tried === undefined ? 0 : Math.max(tried.lastMs + pause(tried.tries), tried.leaseUntilMs);
  }

  /** How often it was tried to the end; a try that runs, or was cut off by a crash, is none. */
  finished(kind: StepKind, itemHash: string, nodeHash?: string): number {
    const tried = this.log.get(stepKey(kind, itemHash, nodeHash));
    return tried === undefined || tried.leaseUntilMs > 0 ? 0 : tried.tries;
  }

  wasTried(kind: StepKind, itemHash: string): boolean {
    return this.log.has(stepKey(kind, itemHash));
  }

  /** When it was last tried; 0 if never. */
  triedMs(kind: StepKind, itemHash: string): number {
    return this.log.get(stepKey(kind, itemHash))?.lastMs ?? 0;
  }

  at(kind: StepKind, itemHash: string, dueMs: number): void {
    this.steps.push({ key: stepKey(kind, itemHash), kind, vmId: this.vm.vmId, itemHash, dueMs });
  }
}

function planLive(draft: Drafting, vm: VmRecord, attempt: Attempt): void {
  const hash = attempt.itemHash;
  if (attempt.firstSendMs === null) return planUnsent(draft, vm, hash);
  if (vm.state === "STOPPING") return planStopping(draft, vm, attempt);
  draft.at("deadline", hash, nextDeadlineMs(vm, attempt));
  if (vm.orphan !== undefined) return planOrphan(draft, vm, hash);
  if (vm.state === "SENT" || vm.state === "UNKNOWN")
    return draft.add("send", hash, (tries) => backoff(tries, S, 60 * S));
  draft.add("status", hash, () => 60 * S);
  if (vm.priceCheckedAtMs === null) draft.add("price", hash, (tries) => backoff(tries, 2 * S, 60 * S));
  if (vm.state === "PROVISIONING") planBoot(draft, vm, hash);
  else {
    draft.add("node", hash, () => 60 * S);
    draft.add("copies", hash, () => 900 * S);
  }
}

function planUnsent(draft: Drafting, vm: VmRecord, hash: string): void {
  if (waitsForWord(vm)) draft.add("status", hash, () => 60 * S);
  else draft.add("sign", hash, (tries) => backoff(tries, S, 30 * S));
  const voidMs = vm.state === "UNKNOWN" ? vm.expiresAtMs : vm.stateSinceMs + UNSENT_VOID_MS;
  draft.at("deadline", hash, Math.min(voidMs, vm.expiresAtMs));
}

/** Nothing is asked of its node, which we never chose: its word is kept until its time, with the FORGETs ready. */
function planOrphan(draft: Drafting, vm: VmRecord, hash: string): void {
  draft.add("status", hash, () => 60 * S);
  if (vm.priceCheckedAtMs === null) draft.add("price", hash, (tries) => backoff(tries, 2 * S, 60 * S));
  planReplenish(draft, vm, hash);
}

function planBoot(draft: Drafting, vm: VmRecord, hash: string): void {
  const bootingSinceMs = vm.stateSinceMs;
  // a step of its own: it may pass and wait for a look, while the end of the VM's life waits for nothing
  draft.at("deadline", hash, bootDeadlineMs(vm));
  draft.add("node", hash, (tries) => (tries <= 24 ? 5 * S : 15 * S));
  // Notify is idempotent and free; after three minutes the list decides alone (crn.md §3.7).
  draft.add(
    "dispatch",
    hash,
    (tries) => (tries * 20 * S > DISPATCH_WINDOW_MS ? BOOT_MS : backoff(tries, 5 * S, 20 * S)),
    bootingSinceMs,
  );
}

function nextDeadlineMs(vm: VmRecord, attempt: Attempt): number {
  const dues = [vm.expiresAtMs];
  if (vm.state === "SENT") dues.push((attempt.firstSendMs ?? 0) + UNKNOWN_AFTER_MS);
  return Math.min(...dues);
}

function planStopping(draft: Drafting, vm: VmRecord, attempt: Attempt): void {
  const hash = attempt.itemHash;
  const askedMs = vm.stopAskedAtMs ?? vm.stateSinceMs;
  const neverRan = attempt.seenAliveMs === null;
  const erasing = vm.erased === "no" && !neverRan;
  if (erasing) draft.add("erase", hash, () => S);
  draft.add("copies", hash, () => 60 * S);
  const waits =
    (erasing || awaitsCopies(draft, attempt)) && !(vm.endReason !== null && STRAIGHT_TO_FORGET.has(vm.endReason));
  // Once the erase is through, or its window is over, the FORGET is due whatever else runs.
  const searchMs = planNextNode(draft, vm, hash);
  const erasedMs = waits ? askedMs + ERASE_WINDOW_MS : 0;
  draft.add("end", hash, (tries) => backoff(tries, 5 * S, 300 * S), Math.max(erasedMs, searchMs));
  planReplenish(draft, vm, hash);
}

/**
 * The node of the next attempt has to be known when the end is recorded, so it is looked for at once. The first FORGET
 * waits for nothing; whether it was obeyed is looked at once a node was found, or two searches came to nothing, or after
 * a minute and a half. Answers before when that look makes no sense.
 */
function planNextNode(draft: Drafting, vm: VmRecord, hash: string): number {
  if (!mayBeFollowed(vm)) return 0;
  const found = vm.next ?? null;
  const notBeforeMs = found === null ? 0 : found.atMs + REFRESH_MS;
  draft.add("next_node", hash, (tries) => backoff(tries, 10 * S, 60 * S), notBeforeMs);
  const searching = found === null && draft.finished("next_node", hash) < 2;
  return searching && draft.wasTried("end", hash) ? (vm.stopAskedAtMs ?? vm.stateSinceMs) + SEARCH_MS : 0;
}

/** A copy has its two tries of an erase before the FORGET, as the first has. */
const awaitsCopies = (draft: Drafting, attempt: Attempt): boolean =>
  copiesToErase(attempt).some(({ node }) => draft.finished("erase_copy", attempt.itemHash, node.nodeHash) < 2);

/** Each copy is erased like the first, and goes on being erased until it obeys; after the certificate once an hour. */
function planCopies(draft: Drafting, vm: VmRecord, attempt: Attempt, nowMs: number): void {
  if (nowMs - (attempt.endedAtMs ?? nowMs) >= WATCH_MS) return;
  const capMs = vm.certificate === null ? 300 * S : 3_600 * S;
  for (const { node } of copiesToErase(attempt))
    draft.addOn(node.nodeHash, "erase_copy", attempt.itemHash, (tries) => backoff(tries, S, capMs));
}

/**
 * Two unspent FORGETs for every core node, as long as one may still be needed. The pause grows to six hours, or a core node
 * that refuses whatever it is given, for thirty days, would fill the books.
 */
function planReplenish(draft: Drafting, vm: VmRecord, hash: string): void {
  if (unspentForgets(vm.forgets, hash) < 2)
    draft.add("replenish", hash, (tries) => backoff(tries, 5 * S, REPLENISH_MS_MAX));
}

function planAfter(draft: Drafting, vm: VmRecord, attempt: Attempt, nowMs: number): void {
  const endedMs = vm.endedAtMs ?? vm.stateSinceMs;
  if (vm.state === "TERMINATED" && vm.certificate === null)
    draft.add("witness", attempt.itemHash, (tries) => (tries <= 25 ? 30 * S : 300 * S));
  const settleFromMs = vm.state === "TERMINATED" ? endedMs : quietSinceMs(vm);
  if (vm.settledAtMs === null && settleFromMs !== null) {
    draft.add("settle", attempt.itemHash, (tries) => backoff(tries, 60 * S, 900 * S), settleFromMs + SETTLE_AFTER_MS);
  }
  if (awaitsCharges(vm)) {
    const fromMs = vm.settledAtMs + CHARGES_AFTER_MS;
    draft.add("charges", attempt.itemHash, (tries) => backoff(tries, 61 * S, 4 * 3_600 * S), fromMs);
  }
  for (const one of vm.attempts) {
    if (!needsPush(one, endedMs, nowMs)) continue;
    draft.add("push", one.itemHash, pushPause(one), draft.triedMs("end", one.itemHash) + PUSH_EVERY_MS);
    planReplenish(draft, vm, one.itemHash);
  }
}

/** A silent core node, were it silent for ever, must not have each VM that there ever was asked about every five minutes. */
const pushPause = (attempt: Attempt) => (tries: number) =>
  saidAlive(attempt) ? PUSH_EVERY_MS : backoff(tries, PUSH_EVERY_MS, LOOK_MS_MAX);

/**
 * A refused create that was alive somewhere after all (only what lived can be forgotten or removed): since when two core
 * nodes have not shown it so. Null: it never was, or it still is. One node that keeps changing its word delays nothing.
 */
function quietSinceMs({ attempts }: VmRecord): number | null {
  const lived = attempts.find((attempt) => attempt.seenAliveMs !== null || saidGone(attempt));
  if (lived === undefined) return null;
  const views = lived.views.filter((view) => view !== null);
  const quiet = views.filter((view) => !isAliveWord(view.says)).map((view) => view.sinceMs);
  const gone = views.filter((view) => view.says === "forgotten" || view.says === "removed").map((view) => view.sinceMs);
  const [, second] = quiet.toSorted((a, b) => a - b);
  if (second === undefined) return null;
  return Math.max(second, lived.seenAliveMs ?? 0, gone.length === 0 ? 0 : Math.min(...gone));
}

/**
 * After the end FORGETs go on to each node that still says alive. A dormant hash is watched for thirty days, and so is one
 * that is not gone on all three: a core node that was silent, waiting or refusing may take it up later.
 */
function needsPush(attempt: Attempt, endedMs: number, nowMs: number): boolean {
  if (attempt.firstSendMs === null) return false;
  if (saidAlive(attempt)) return true;
  const unfinished = attempt.endedAtMs !== null && !isGoneEverywhere(attempt);
  return (attempt.dormant || unfinished) && nowMs - endedMs < WATCH_MS;
}
