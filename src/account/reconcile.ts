/**
 * Compares the ledger with what the core nodes list as alive: which instances are ours and unknown, which known ones are
 * back, when to read again, and when a restored account has been compared. Pure.
 *
 * Ours is what a key of this account signed; channel and envelope time are unsigned and never looked at. What one core
 * node says alone is watched, and forgotten there once its time is over; two core nodes, twice, a minute apart, make it
 * an orphan (safety.md a.4, design.md §12.1).
 */
import type { ListedInstance, SignedInstance } from "../aleph/core-lists.ts";
import type { Said } from "./attempts.ts";
import type { Hash } from "./types.ts";

export type CoreList = readonly ListedInstance[] | null;
/** What each core node lists of ours; null: it gave no whole list. */
export type Lists = readonly [CoreList, CoreList, CoreList];

export type Sighting = SignedInstance & {
  readonly vmId: string | null;
  readonly expiresAtMs: number | null;
  readonly foundAtMs: number;
  /** Which core nodes showed it when they last gave a list. */
  readonly by: readonly [boolean, boolean, boolean];
  /** Since when two have shown it at once. */
  readonly twoSinceMs: number | null;
};

export type Findings = {
  readonly watched: readonly Sighting[];
  /** Seen before, and no core node shows them any more. */
  readonly gone: readonly Hash[];
  /** Shown by two, now and a minute ago. */
  readonly orphans: readonly Sighting[];
  /** Shown by one alone, and past their time: FORGETs go there, nothing else follows from it. */
  readonly strays: readonly Sighting[];
  /** Known to the ledger and listed as alive, with who lists it. */
  readonly alive: readonly { readonly listed: ListedInstance; readonly said: Said }[];
  readonly complete: number;
};

const TWICE_APART_MS = 60_000;
/** An orphan that does not say when it must die has this long from when it was found (design.md §12.1). */
export const ORPHAN_MS = 3_600_000;

/** How long, and until when, anything of ours may live at most: what it says of itself whoever has our key may have written. */
export type Bound = { readonly lifeMs: number; readonly untilMs: number };

/**
 * When it has to end; the clock of one without a time of its own starts with the sight that makes it a finding. It lives from
 * when it was found at the latest: the time in a content may be any number.
 */
export function diesAtMs(one: Sighting, { lifeMs, untilMs }: Bound): number {
  const saysMs = one.expiresAtMs ?? (one.twoSinceMs ?? one.foundAtMs) + ORPHAN_MS;
  const sinceMs = Math.min(one.foundAtMs, one.timeS * 1_000);
  return Math.min(saysMs, sinceMs + lifeMs, untilMs);
}

export function reconcile(
  isKnown: (hash: Hash) => boolean,
  lists: Lists,
  before: readonly Sighting[],
  nowMs: number,
  bound: Bound,
): Findings {
  const was = new Map(before.map((one) => [one.itemHash, one]));
  const listed = new Map(lists.flatMap((list) => list ?? []).map((one) => [one.itemHash, one]));
  const known = [...listed.values()].filter((one) => isKnown(one.itemHash));
  const fresh = [...listed.values()].filter((one) => !isKnown(one.itemHash)).flatMap((one) => signedOf(one, nowMs));
  const unknown = new Map([...fresh, ...before].map((one) => [one.itemHash, was.get(one.itemHash) ?? one]));
  const looked = [...unknown.values()].filter((one) => !isKnown(one.itemHash)).map((one) => look(one, lists, nowMs));
  const seen = looked.filter((one) => one.by.includes(true));
  const orphans = seen.filter((one) => isOrphan(one, lists, nowMs));
  const strays = seen.filter((one) => isStray(one, lists, nowMs) && nowMs >= diesAtMs(one, bound));
  const found = new Set([...orphans, ...strays].map((one) => one.itemHash));
  return {
    watched: seen.filter((one) => !found.has(one.itemHash)),
    gone: before.map((one) => one.itemHash).filter((hash) => found.has(hash) || !seen.some(isOne(hash))),
    orphans,
    strays,
    alive: known.map((one) => ({ listed: one, said: saidOf(one.itemHash, lists) })),
    complete: lists.filter((list) => list !== null).length,
  };
}

const isOne =
  (hash: Hash) =>
  (one: { readonly itemHash: Hash }): boolean =>
    one.itemHash === hash;

/** One without its bytes cannot be offered to a core node that lacks it, and its signature was not looked at. */
function signedOf(one: ListedInstance, nowMs: number): readonly Sighting[] {
  if (one.signed === undefined) return [];
  const { vmId = null, expiresAtMs = null } = one.allowance ?? {};
  return [{ ...one.signed, vmId, expiresAtMs, foundAtMs: nowMs, by: [false, false, false], twoSinceMs: null }];
}

const shows = (list: CoreList, hash: Hash): boolean => list !== null && list.some(isOne(hash));
const showing = (lists: Lists, hash: Hash): number => lists.filter((list) => shows(list, hash)).length;

/** A core node without a whole list leaves what it showed before. */
function look(one: Sighting, lists: Lists, nowMs: number): Sighting {
  const saw = (index: 0 | 1 | 2): boolean =>
    lists[index] === null ? one.by[index] : shows(lists[index], one.itemHash);
  const by = [saw(0), saw(1), saw(2)] as const;
  if (showing(lists, one.itemHash) >= 2) return { ...one, by, twoSinceMs: one.twoSinceMs ?? nowMs };
  return { ...one, by, twoSinceMs: by.filter(Boolean).length >= 2 ? one.twoSinceMs : null };
}

function isOrphan(one: Sighting, lists: Lists, nowMs: number): boolean {
  const since = one.twoSinceMs;
  return since !== null && nowMs - since >= TWICE_APART_MS && showing(lists, one.itemHash) >= 2;
}

function isStray(one: Sighting, lists: Lists, nowMs: number): boolean {
  const twice = nowMs - one.foundAtMs >= TWICE_APART_MS;
  return one.twoSinceMs === null && showing(lists, one.itemHash) === 1 && twice;
}

function saidOf(hash: Hash, lists: Lists): Said {
  const word = (index: 0 | 1 | 2) => (shows(lists[index], hash) ? ("processed" as const) : null);
  return [word(0), word(1), word(2)];
}

/** How far the account has been compared with the lists. */
export type ListsState = {
  readonly restoredAtMs: number | null;
  readonly firstFullMs: number | null;
  readonly reconciledAtMs: number | null;
  readonly readAtMs: number;
  readonly complete: number;
  readonly foreign: number | null;
};

export const NEVER_READ: ListsState = {
  restoredAtMs: null,
  firstFullMs: null,
  reconciledAtMs: null,
  readAtMs: 0,
  complete: 0,
  foreign: null,
};

export type Standing = {
  readonly restored: boolean;
  readonly live: boolean;
  /** Since when the owner leaves, or has left: whoever has our key may have signed something until then. */
  readonly leavingMs: number | null;
  /** Something that is over is not gone on all three core nodes: refused, or one was silent. Any of them may show it again. */
  readonly revivable: boolean;
  /** Something unknown was shown by two, once: a minute later it is known what it is. */
  readonly hunting: boolean;
};

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The clock of safety.md a.4; what is not finished yet is looked at again after a minute. */
export function listsEveryMs(state: ListsState, standing: Standing, nowMs: number): number {
  if (standing.hunting || (standing.restored && state.reconciledAtMs === null)) return MINUTE_MS;
  if (standing.revivable) return 5 * MINUTE_MS;
  const lately = (atMs: number | null): boolean => atMs !== null && nowMs - atMs < DAY_MS;
  if (standing.live || lately(state.restoredAtMs) || lately(standing.leavingMs))
    return state.complete < 2 ? 5 * MINUTE_MS : 15 * MINUTE_MS;
  return state.complete < 2 ? 60 * MINUTE_MS : DAY_MS;
}

/** A restored account is compared when two core nodes gave whole lists, twice, a minute apart, and all is adopted. */
export function onRead(
  state: ListsState,
  read: Pick<ListsState, "complete" | "foreign"> & Pick<Standing, "restored" | "hunting">,
  nowMs: number,
): ListsState {
  const { complete, foreign, restored, hunting } = read;
  const next = { ...state, readAtMs: nowMs, complete, foreign: foreign ?? state.foreign };
  if (!restored || state.reconciledAtMs !== null) return next;
  const restoredAtMs = state.restoredAtMs ?? nowMs;
  if (complete < 2) return { ...next, restoredAtMs };
  const firstFullMs = state.firstFullMs ?? nowMs;
  const twice = nowMs - firstFullMs >= TWICE_APART_MS && !hunting;
  return { ...next, restoredAtMs, firstFullMs, reconciledAtMs: twice ? nowMs : null };
}
