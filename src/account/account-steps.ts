/**
 * What the drive has to do for an account beside its VMs, and when: reading the payer and the network's lists, relaying what
 * the owner signed, signing for a rotation, sealing keys anew, opening a lost one. Recomputed from the tables each time, like
 * the plan of a VM.
 */
import { isRevivable } from "./attempts.ts";
import { inventoryDueMs } from "./inventory-step.ts";
import type { KeyRing } from "./keys.ts";
import { isLive } from "./lifecycle.ts";
import { listsDueMs } from "./lists.ts";
import { reopenPauseMs } from "./lost-key.ts";
import type { Moment } from "./moment.ts";
import { looksAgain } from "./payer-guard.ts";
import { backoff } from "./plan.ts";
import { attemptsLacking } from "./rotation.ts";
import type { VmRecord } from "./types.ts";

const PAYER_EVERY_MS = 300_000;
/** The second look at what two core nodes showed once; a second longer than the minute that has to lie between. */
const PAYER_AGAIN_MS = 61_000;
const ACCOUNT = "account";

type AccountStepKind = "payer" | "relay" | "rotate" | "reseal" | "reopen" | "lists" | "inventory";
export type AccountStep = {
  readonly key: string;
  readonly kind: AccountStepKind;
  readonly vmId: typeof ACCOUNT;
  /** The owner's message, or the address of the key that it is about. */
  readonly itemHash: string;
  readonly dueMs: number;
};

const KINDS: ReadonlySet<string> = new Set<AccountStepKind>([
  "payer",
  "relay",
  "rotate",
  "reseal",
  "reopen",
  "lists",
  "inventory",
]);
export const isAccountStep = <T extends { readonly kind: string }>(step: T | AccountStep): step is AccountStep =>
  KINDS.has(step.kind);

const mayBeAlive = (vm: VmRecord): boolean => isLive(vm) || vm.attempts.some(isRevivable);

/** While the network removes the payer's machines nothing is created, so somebody has to see the end of it. */
const removes = ({ store }: Moment): boolean => typeof store.loadWatched()?.removingSinceMs === "number";

/** A list is asked about every minute at most; a FORGET that one core node alone still wants, every five. */
const RELAY_CAP_MS = { security: 60_000, forget: 300_000 } as const;

export function accountSteps(moment: Moment, keys: Pick<KeyRing, "isOld">): readonly AccountStep[] {
  const log = moment.store.loadLog(ACCOUNT);
  const due = (key: string, pauseMs: (tries: number) => number): number => {
    const tried = log.get(key);
    return tried === undefined ? 0 : Math.max(tried.lastMs + pauseMs(tried.tries), tried.leaseUntilMs);
  };
  const step = (kind: AccountStepKind, itemHash: string, pauseMs: (tries: number) => number): AccountStep => {
    const key = itemHash === "" ? kind : `${kind}:${itemHash}`;
    return { key, kind, vmId: ACCOUNT, itemHash, dueMs: due(key, pauseMs) };
  };
  const open = moment.store.openOwnerMessages();
  const relays = open.map(({ itemHash, kind }) =>
    step("relay", itemHash, (tries) => backoff(tries, 1_000, RELAY_CAP_MS[kind])),
  );
  const next = moment.store.nextKey();
  const lacking = attemptsLacking(moment) > 0;
  const rotate = lacking ? [step("rotate", next ?? "", (tries) => backoff(tries, 1_000, 60_000))] : [];
  const { agentAddress, keyLost } = moment.account;
  const inUse = next === null ? [agentAddress] : [agentAddress, next];
  const reseal = inUse
    .filter((address) => keys.isOld(address))
    .map((address) => step("reseal", address, (tries) => backoff(tries, 60_000, 3_600_000)));
  const reopen = keyLost ? [step("reopen", agentAddress, reopenPauseMs)] : [];
  const inventoryMs = inventoryDueMs(moment, log.get("inventory"));
  const inventory = inventoryMs === undefined ? [] : [{ ...step("inventory", "", () => 0), dueMs: inventoryMs }];
  const always = [...relays, ...rotate, ...reseal, ...reopen, ...inventory];
  // Also after the end: without a fresh reading a delegation that came back would never let the FORGETs out again.
  const waiting = next !== null && open.some((one) => one.purpose === "rotate");
  if (!waiting && !moment.store.loadTended().some(mayBeAlive) && !removes(moment)) return always;
  const everyMs = looksAgain(moment) ? PAYER_AGAIN_MS : PAYER_EVERY_MS;
  return [...always, step("payer", "", () => everyMs)];
}

/** `readSinceStart`: the lists are read once after each start, whatever was read before. */
export function listSteps(moment: Moment, readSinceStart: boolean): readonly AccountStep[] {
  const dueMs = listsDueMs(moment, readSinceStart);
  return dueMs === undefined ? [] : [{ key: "lists", kind: "lists", vmId: ACCOUNT, itemHash: "", dueMs }];
}
