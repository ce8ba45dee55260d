/**
 * The words for attempts, exactly as the rules define them: *done, rejected, closed, ended, dormant, lagging*.
 *
 * Pure. Three core nodes are asked; any one of them may lie or be down for as long as it likes, so no rule here lets a
 * single word free money or end a VM. 404 ("absent") and silence are no verdict.
 */
import type { Attempt, CoreView, CoreWord, Forget, VmRecord } from "./types.ts";

/** What each core node said in one round; null: it did not answer. */
export type Said = readonly [CoreWord | null, CoreWord | null, CoreWord | null];
export const CORE_NODES = [0, 1, 2] as const;
export type CoreIndex = (typeof CORE_NODES)[number];

export type Round = {
  readonly said: Said;
  readonly atMs: number;
  /** It can be undone: two core nodes showed our delegation in force, or the owner signed a FORGET of it. */
  readonly delegationInForce: boolean;
};

const TWICE_APART_MS = 60_000;
const THIRD_HAD_ITS_CHANCE_MS = 600_000;

/** FORGOTTEN and REMOVED are final on the core node that says so; REJECTED may come back. */
const isGone = (word: CoreWord | null | undefined): boolean => word === "forgotten" || word === "removed";
const isDone = (word: CoreWord | null | undefined): boolean => isGone(word) || word === "rejected";
export const isAliveWord = (word: CoreWord | null | undefined): boolean => word === "processed" || word === "removing";

/** Until it is closed its bytes may be sent to make it live; until it has ended or was refused, to be forgotten. */
export const isOpen = (attempt: Attempt): boolean => attempt.closedAtMs === null;
export const isUnresolved = (attempt: Attempt): boolean => attempt.endedAtMs === null && attempt.rejectedAtMs === null;

/** Takes in one round: silence leaves what a node said before. */
export function hear(attempt: Attempt, round: Round): Attempt {
  const view = (index: CoreIndex): CoreView | null => {
    const says = round.said[index];
    const before = attempt.views[index];
    if (says === null) return before;
    const sinceMs = before?.says === says ? before.sinceMs : round.atMs;
    return { says, atMs: round.atMs, sinceMs };
  };
  const heard = { ...attempt, views: [view(0), view(1), view(2)] as const };
  return {
    ...heard,
    rejectedSinceMs: rejectedSince(heard, round),
    twoDoneSinceMs: twoDoneSince(heard, round),
    goneSinceMs: goneCount(heard) >= 2 ? (heard.goneSinceMs ?? round.atMs) : null,
    aliveSinceMs: aliveSince(heard, round),
    seenAliveMs: heard.seenAliveMs ?? (round.said.some(isAliveWord) ? round.atMs : null),
  };
}

/** Two say REJECTED in this very round and no other node says anything else of it (404 aside). */
function rejectedSince(attempt: Attempt, round: Round): number | null {
  const rejections = round.said.filter((word) => word === "rejected").length;
  const others = round.said.some((word) => word !== null && word !== "rejected" && word !== "absent");
  if (others) return null;
  return rejections >= 2 ? (attempt.rejectedSinceMs ?? round.atMs) : attempt.rejectedSinceMs;
}

/**
 * The third node's ten minutes run only while it can be undone there: the attempt is closed, so that each poll offers it
 * what it lacks, and our delegation is in force, without which it cannot obey a FORGET. They begin no earlier than the
 * close: a clock that steps back behind it and catches up again would call a few seconds ten minutes.
 */
function twoDoneSince(attempt: Attempt, round: Round): number | null {
  if (attempt.closedAtMs === null || !round.delegationInForce || doneCount(attempt) < 2) return null;
  const sinceMs = Math.max(round.atMs, attempt.closedAtMs);
  return attempt.twoDoneSinceMs ?? (doneAt(attempt, round.atMs) >= 2 ? sinceMs : null);
}

/** Two answers of one moment count together, whichever of two questions asked at once brought them. */
function aliveSince(attempt: Attempt, round: Round): number | null {
  if (heardAt(attempt, round.atMs, isAliveWord) >= 2) return attempt.aliveSinceMs ?? round.atMs;
  return attempt.views.filter((view) => isAliveWord(view?.says)).length >= 2 ? attempt.aliveSinceMs : null;
}

const goneCount = (attempt: Attempt): number => attempt.views.filter((view) => isGone(view?.says)).length;

/** How many core nodes said a thing in the round of `atMs`; what they said before does not count. */
const heardAt = (attempt: Attempt, atMs: number, is: (word: CoreWord) => boolean): number =>
  attempt.views.filter((view) => view !== null && view.atMs === atMs && is(view.says)).length;

export function doneCount(attempt: Attempt): number {
  return attempt.views.filter((view) => isDone(view?.says)).length;
}

/** Who is done as of this round: a REJECTED that was heard earlier may have been revived behind a silence since. */
function doneAt(attempt: Attempt, atMs: number): number {
  return attempt.views.filter((view) => isGone(view?.says) || (isDone(view?.says) && view?.atMs === atMs)).length;
}

export function isRejected(attempt: Attempt, round: Round): boolean {
  const now = round.said.filter((word) => word === "rejected").length >= 2;
  return now && attempt.rejectedSinceMs !== null && round.atMs - attempt.rejectedSinceMs >= TWICE_APART_MS;
}

/** Two are done, and the third is done too or had ten minutes in which every poll offered it the undoing. */
export function isEnded(attempt: Attempt, nowMs: number): boolean {
  const done = doneAt(attempt, nowMs);
  if (done === 3) return true;
  return done === 2 && attempt.twoDoneSinceMs !== null && nowMs - attempt.twoDoneSinceMs >= THIRD_HAD_ITS_CHANCE_MS;
}

/** Two core nodes call an open attempt gone, now and a minute ago: somebody else ended it. */
export function endedByOthers(attempt: Attempt, nowMs: number): boolean {
  const since = attempt.goneSinceMs;
  return since !== null && nowMs - since >= TWICE_APART_MS && heardAt(attempt, nowMs, isGone) >= 2;
}

/** Two do not know it, in this round and a minute ago. It proves nothing; it only ends a plain sending. */
export function isAbsent({ views }: Attempt, nowMs: number): boolean {
  const twice = (view: CoreView | null): boolean =>
    view !== null && view.says === "absent" && view.atMs === nowMs && nowMs - view.sinceMs >= TWICE_APART_MS;
  return views.filter(twice).length >= 2;
}

/** Two show a dormant hash alive, in this round and a minute ago: evidence enough to book it and freeze. */
export function cameBack(attempt: Attempt, nowMs: number): boolean {
  const since = attempt.aliveSinceMs;
  if (!attempt.dormant || since === null || nowMs - since < TWICE_APART_MS) return false;
  return heardAt(attempt, nowMs, isAliveWord) >= 2;
}

/** All three call it FORGOTTEN or REMOVED: nothing can bring it back. */
export const isGoneEverywhere = (attempt: Attempt): boolean => goneCount(attempt) === CORE_NODES.length;
/** Its bytes have left, and some core node may have it, or take it up, as long as its FORGET was not obeyed there. */
export const isRevivable = (attempt: Attempt): boolean => attempt.firstSendMs !== null && !isGoneEverywhere(attempt);
export const saidGone = (attempt: Attempt): boolean => goneCount(attempt) > 0;
export const saidAlive = (attempt: Attempt): boolean => attempt.views.some((view) => isAliveWord(view?.says));
export const saidRejected = (attempt: Attempt): boolean => attempt.views.some((view) => view?.says === "rejected");

/** Who could have signed a FORGET: the owner always may, a key of ours only while its delegation is in force. */
export type Signers = { readonly owner: string; readonly agent: string; readonly delegationInForce: boolean };

/**
 * What may be tried now, the surest first: the owner's, then those of the present key. An older key's come last: its
 * permission is gone wherever the new one's has arrived, and they are what still counts where it has not.
 */
export function usableForgets(forgets: readonly Forget[], by: Signers): readonly Forget[] {
  const rank = ({ sender }: Forget): number => (sender === by.owner ? 0 : sender === by.agent ? 1 : 2);
  return forgets
    .filter((forget) => by.delegationInForce || forget.sender === by.owner)
    .toSorted((a, b) => rank(a) - rank(b));
}

/** A closed attempt can be undone on a core node: by our delegation, or because the owner signed its FORGET. */
export const canUndo = (forgets: readonly Forget[], target: string, by: Signers): boolean =>
  by.delegationInForce ||
  forgets.some((forget) => forget.target === target && forget.sender === by.owner && forget.signature !== null);

/** The FORGETs to try on a core node, one after another: those that it has not refused; without any, they take turns. */
export function forgetsFor(
  forgets: readonly Forget[],
  target: string,
  core: CoreIndex,
  turn: number,
): readonly Forget[] {
  const signed = forgets.filter((forget) => forget.target === target && forget.signature !== null);
  const unspent = signed.filter((forget) => !forget.spent[core]);
  const [one] = unspent.length > 0 ? [] : signed.slice(turn % Math.max(1, signed.length));
  return one === undefined ? unspent : [one];
}

/** Fewest unspent FORGETs that any core node still has for an attempt. */
export function unspentForgets(forgets: readonly Forget[], target: string): number {
  const mine = forgets.filter((forget) => forget.target === target && forget.signature !== null);
  return Math.min(...CORE_NODES.map((core) => mine.filter((forget) => !forget.spent[core]).length));
}

/** The VM with the present key's FORGETs only: those are the ones to be kept in store. */
export function storedBy(vm: VmRecord, agent: string): VmRecord {
  if (vm.forgets.every((forget) => forget.sender === agent)) return vm;
  return { ...vm, forgets: vm.forgets.filter((forget) => forget.sender === agent) };
}
