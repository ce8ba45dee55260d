/**
 * Reads what the core nodes list as alive, and takes it in: findings become rows, notices and, where two core nodes bear
 * them out, a freeze. The reading learns, the taking is synchronous in one moment; the rules are those of `reconcile.ts`.
 */
import type { Calls } from "../aleph/calls.ts";
import type { ListedInstance } from "../aleph/core-lists.ts";
import { CORES, type Core } from "../aleph/network.ts";
import { medianOrWorse } from "../aleph/numbers.ts";
import { adoptOrphan, adoptStray, boundOf } from "./adoption.ts";
import { isRevivable, type Said } from "./attempts.ts";
import { keptFor, type Live, movedTo } from "./inventory.ts";
import { isLive, onRound } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { readings } from "./payer.ts";
import {
  type CoreList,
  type Lists,
  listsEveryMs,
  type ListsState,
  onRead,
  reconcile,
  type Sighting,
  type Standing,
} from "./reconcile.ts";
import { stepKey, type Tried } from "./plan.ts";
import { saveChange } from "./record.ts";
import type { Attempt, Hash, VmRecord } from "./types.ts";

export type ListsRead = {
  readonly ours: Lists;
  /** Instances of the payer that no key of ours signed, as each core node counts them. */
  readonly foreign: readonly number[];
};
type Whose = { readonly owner: string; readonly senders: readonly string[] };

const ACCOUNT = "account";
const LISTS = "lists";
/** An object may wake many times an hour; reading at each start would be no more news than this. */
const START_AGAIN_MS = 300_000;

export const whose = ({ account, store }: Moment): Whose => ({
  owner: account.owner,
  senders: store.keysEver(),
});

export async function readLists(calls: Calls, { owner, senders }: Whose): Promise<ListsRead> {
  const read = await Promise.all(CORES.map((core) => readOne(calls, core, owner, senders)));
  const list = (core: Core): CoreList => read[core]?.ours ?? null;
  return { ours: [list(0), list(1), list(2)], foreign: read.flatMap((one) => one.foreign ?? []) };
}

async function readOne(calls: Calls, core: Core, owner: string, senders: readonly string[]) {
  const [ours, all] = await Promise.all([
    calls.liveInstances(core, { owner, senders }),
    calls.liveInstances(core, { owner }),
  ]);
  const foreign = all.ok ? all.value.filter((one) => !senders.includes(one.sender)).length : null;
  return { ours: ours.ok ? ours.value : null, foreign };
}

/** Somebody lists a machine of ours that the ledger does not hold: then the inventory may know more of it. */
export const hasUnknown = ({ store }: Moment, { ours }: ListsRead): boolean =>
  ours.some((list) => list?.some(({ itemHash }) => store.vmIdOfHash(itemHash) === undefined) === true);

/** `kept`: what two core nodes show of the inventory; an end that was moved counts from the first sight on. */
export function takeLists(moment: Moment, read: ListsRead, kept: Live): void {
  const { store, nowMs } = moment;
  const isKnown = (hash: Hash): boolean => store.vmIdOfHash(hash) !== undefined;
  const sightings = store.loadSightings().map((one) => movedSighting(one, kept));
  const found = reconcile(isKnown, movedLists(read.ours, kept), sightings, nowMs, boundOf(moment));
  for (const hash of found.gone) store.dropSighting(hash);
  for (const one of found.watched) store.saveSighting(one);
  for (const one of found.orphans) adoptOrphan(moment, one, keptFor(kept, one));
  for (const one of found.strays) adoptStray(moment, one, keptFor(kept, one));
  for (const { listed, said } of found.alive) heardAlive(moment, listed, said);
  const hunting = found.watched.some((one) => one.twoSinceMs !== null);
  keepState(moment, found.complete, medianOrWorse(read.foreign, "larger") ?? null, hunting);
  moment.touched = true;
}

const movedSighting = (one: Sighting, kept: Live): Sighting => ({
  ...one,
  expiresAtMs: movedTo(one.expiresAtMs, keptFor(kept, one)),
});

function movedLists([first, second, third]: Lists, kept: Live): Lists {
  const moved = (one: ListedInstance): ListedInstance => {
    if (one.allowance === undefined) return one;
    const { vmId, expiresAtMs } = one.allowance;
    const toMs = movedTo(expiresAtMs, keptFor(kept, { itemHash: one.itemHash, vmId })) ?? expiresAtMs;
    return { ...one, allowance: { vmId, expiresAtMs: toMs } };
  };
  const each = (list: CoreList): CoreList => list?.map(moved) ?? null;
  return [each(first), each(second), each(third)];
}

function keepState(moment: Moment, complete: number, foreign: number | null, hunting: boolean): void {
  const { store, nowMs, account } = moment;
  const before = store.loadLists();
  const after = onRead(before, { complete, foreign, restored: account.restored, hunting }, nowMs);
  store.saveLists(after);
  if (before.reconciledAtMs !== null || after.reconciledAtMs === null) return;
  moment.audit("account.reconciled", { coreNodes: complete });
  moment.tellOwner("reconciled", String(after.restoredAtMs), {});
}

/** A create that the ledger calls over is listed as alive: as good as a core node's word, and FORGETs go there at once. */
function heardAlive(moment: Moment, listed: ListedInstance, said: Said): void {
  const vm = moment.store.loadVm(moment.store.vmIdOfHash(listed.itemHash) ?? "");
  if (vm === undefined || isLive(vm)) return;
  const delegationInForce = moment.account.delegation !== "missing";
  const known = withBytes(vm, listed);
  saveChange(moment, vm, onRound(known, listed.itemHash, { said, atMs: moment.nowMs, delegationInForce }));
  const key = stepKey("push", listed.itemHash);
  const tried = moment.store.loadLog(vm.vmId).get(key);
  // Its minute of grace has begun with this sight; the next turn of its own may be five minutes away.
  if (tried !== undefined) dueNow(moment, key, vm.vmId, tried);
}

/** Voided as never sent, and alive all the same: from now on it is a refused create that came back. */
function withBytes(vm: VmRecord, { itemHash, signed }: ListedInstance): VmRecord {
  const back = (attempt: Attempt): Attempt =>
    attempt.itemHash !== itemHash || attempt.firstSendMs !== null || signed === undefined
      ? attempt
      : { ...attempt, signature: signed.signature, firstSendMs: vm.admittedAtMs, dormant: true };
  return { ...vm, attempts: vm.attempts.map(back) };
}

function standingOf({ store, account }: Moment): Standing {
  const tended = store.loadTended();
  const leaving = store.loadLeaving();
  return {
    restored: account.restored,
    live: tended.some(isLive),
    leavingMs: leaving === null ? null : Math.max(leaving.sinceMs, leaving.revokedAtMs ?? 0),
    revivable: tended.some((vm) => !isLive(vm) && vm.attempts.some(isRevivable)),
    hunting: store.loadSightings().some((one) => one.twoSinceMs !== null),
  };
}

/**
 * A restore may have taken every VM back that there ever was. And where a key is left or changed, whoever else has it needs
 * none of ours.
 */
function mayHaveAny({ store, account }: Moment, { restoredAtMs }: ListsState): boolean {
  if (account.restored || restoredAtMs !== null || store.hadAnyVm()) return true;
  return store.loadLeaving() !== null || store.keysEver().length > 1 || store.loadSightings().length > 0;
}

/** When the lists are due; undefined while nothing of this account can be on the network. */
export function listsDueMs(moment: Moment, readSinceStart: boolean): number | undefined {
  const { store, nowMs } = moment;
  const state = store.loadLists();
  if (!mayHaveAny(moment, state)) return undefined;
  const everyMs = listsEveryMs(state, standingOf(moment), nowMs);
  const pauseMs = readSinceStart ? everyMs : Math.min(everyMs, START_AGAIN_MS);
  const tried = store.loadLog(ACCOUNT).get(LISTS);
  return Math.max(Math.max(state.readAtMs, tried?.lastMs ?? 0) + pauseMs, tried?.leaseUntilMs ?? 0);
}

/** Credits that came in may revive what was refused for the lack of them: the lists are read at once. */
export function noteCredits(moment: Moment, before: PayerFacts | null, after: PayerFacts): void {
  const was = before === null ? undefined : creditsOf(before);
  const is = creditsOf(after);
  if (was === undefined || is === undefined || is <= was || !standingOf(moment).revivable) return;
  readSoon(moment);
}

/** What the network has, and the ledger does not, is not to wait for its turn. */
export function readSoon(moment: Moment): void {
  moment.store.saveLists({ ...moment.store.loadLists(), readAtMs: 0 });
  const tried = moment.store.loadLog(ACCOUNT).get(LISTS);
  if (tried !== undefined) dueNow(moment, LISTS, ACCOUNT, tried);
}

function dueNow(moment: Moment, key: string, about: string, tried: Tried): void {
  moment.store.saveTried(key, about, { ...tried, lastMs: 0 });
}

const creditsOf = (facts: PayerFacts): number | undefined =>
  medianOrWorse(
    readings(facts).map((one) => one.credits),
    "smaller",
  );
