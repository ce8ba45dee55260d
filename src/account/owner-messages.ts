/**
 * Aleph messages that the owner signs: which bytes a page may offer, which signatures count, when one is over, and what
 * follows from it. Synchronous, one moment each (design.md §6).
 *
 * Stored before they leave, re-sent byte for byte until two core nodes judged them and their effect was read back, and
 * never asked for twice meanwhile. A newer list of entries replaces an older one that is still on its way.
 */
import { attachSignature, type SignedMessage, type UnsignedMessage } from "../aleph/message.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import { isAliveWord } from "./attempts.ts";
import type { Session } from "./contract.ts";
import { isRevoking, revoked, stay } from "./leave-state.ts";
import type { About, Outcome, OwnerMessage, Purpose } from "./message-store.ts";
import type { Moment } from "./moment.ts";
import { delegationOf, type PayerFacts } from "./payer.ts";
import { saveChange } from "./record.ts";
import type { Heard } from "./relay.ts";
import { attemptsLacking, onRotationSigned, switchKey } from "./rotation.ts";
import { ownersForget } from "./signing.ts";
import type { CoreWord, VmRecord } from "./types.ts";

const PAGE_MS = 600_000;
/** Judged by two and without effect for this long: something newer decides, and the owner may sign again. */
const NO_EFFECT_MS = 600_000;
/** A FORGET that one core node alone withholds is offered to it for as long as a dormant create is watched. */
const FORGET_MS = 30 * 86_400_000;

export type Ticks = { readonly everything: boolean; readonly doubtful: boolean };
export type Offer = About & { readonly message: UnsignedMessage; readonly ticks: Ticks };
export type SignedAsk = {
  readonly itemHash: string;
  readonly signature: string;
  readonly tickedEverything: boolean;
  readonly tickedDoubtful: boolean;
  /** "Revoke now, although VMs may still run." */
  readonly tickedRunning?: boolean;
};

const isList = (purpose: Purpose): boolean => purpose !== "forget";

/** Whether one is on its way that makes this one wait: a revocation waits for nothing but itself. */
export function waitsFor(open: readonly OwnerMessage[], { purpose, about }: About): OwnerMessage | undefined {
  if (purpose === "forget") return open.find((one) => one.purpose === "forget" && one.about === about);
  return open.find((one) => (purpose === "revoke" ? one.purpose === "revoke" : isList(one.purpose)));
}

/**
 * Keeps the bytes that the page shows, so that only those can come back signed. False: not to be signed now. While an
 * owner's list is dated ahead of us a page shows the same bytes for hours, and each showing is good for a page's time.
 */
export function keepOffer(moment: Moment, session: Session, offer: Offer): boolean {
  if (fault(moment, offer) !== null) return false;
  const nonce = `${session.sessionId}:${offer.message.item_hash}`;
  const page = { nonce, sessionId: session.sessionId, purpose: "owner_message", payload: offer } as const;
  const row = { ...page, expiresAtMs: moment.nowMs + PAGE_MS };
  if (moment.store.nonceKnown(nonce)) return moment.store.renewNonce(row);
  moment.store.mintNonce(row, moment.nowMs);
  return true;
}

/** Why a message must not be signed now, as the field that is at fault. */
function fault(moment: Moment, { purpose, about, message }: Offer): string | null {
  const { store, account } = moment;
  if (waitsFor(store.openOwnerMessages(), { purpose, about }) !== undefined) return "sent";
  if (isList(purpose) && message.time <= store.newestListTimeS()) return "time";
  if (purpose === "forget") return mayForget(moment, about) ? null : "item_hash";
  if (purpose === "revoke") return store.loadLeaving() === null ? "item_hash" : null;
  if (purpose === "rotate") return store.nextKey() === about && attemptsLacking(moment) === 0 ? null : "item_hash";
  const strange = store.loadLeaving()?.kind === "compromised";
  return strange || about !== account.agentAddress ? "item_hash" : null;
}

/**
 * An owner-signed FORGET is offered where ours would be refused: the delegation has vanished, or the owner is taking it back
 * from a key in strange hands; and only for what must end. All that such a key signed must, whatever the ledger makes of
 * it; and of what the ledger does not hold, nothing says that it may live.
 */
function mayForget(moment: Moment, target: string): boolean {
  const strange = moment.store.loadLeaving()?.kind === "compromised";
  if (moment.account.delegation !== "missing" && !(strange && isRevoking(moment))) return false;
  const vm = holderOf(moment, target);
  const attempt = vm?.attempts.find((one) => one.itemHash === target);
  return strange || attempt === undefined || attempt.closedAtMs !== null;
}

export const holderOf = (moment: Moment, target: string): VmRecord | undefined =>
  moment.store.loadTended().find((vm) => vm.attempts.some((attempt) => attempt.itemHash === target));

/** The owner's signature over bytes that this session's page showed: stored, and from then on it will leave. */
export function takeSigned(moment: Moment, session: Session, ask: SignedAsk): Answer<{ readonly purpose: Purpose }> {
  const nonce = `${session.sessionId}:${ask.itemHash}`;
  const about = { nonce, sessionId: session.sessionId, purpose: "owner_message", nowMs: moment.nowMs };
  const offer = moment.store.readNonce(about) as Offer | undefined;
  if (offer === undefined) return refuse("input.invalid", { field: "item_hash" });
  if (lacksTick(moment, offer, ask)) return refuse("input.invalid", { field: "tick" });
  const message = attachSignature(offer.message, ask.signature);
  if (message === undefined || message.sender !== moment.account.owner)
    return refuse("input.invalid", { field: "signature" });
  if (offer.purpose === "rotate" && attemptsLacking(moment) > 0)
    return refuse("account.rotating", { attemptsLacking: attemptsLacking(moment) }, 5);
  const bad = fault(moment, offer);
  if (bad !== null) return refuse("input.invalid", { field: bad });
  moment.store.takeNonce(about);
  storeSigned(moment, offer, message);
  return answer({ purpose: offer.purpose });
}

function lacksTick(moment: Moment, { purpose, ticks }: Offer, ask: SignedAsk): boolean {
  if ((ticks.everything && !ask.tickedEverything) || (ticks.doubtful && !ask.tickedDoubtful)) return true;
  const running = purpose === "revoke" && moment.store.loadLeaving()?.kind === "revoke" && moment.store.liveCount() > 0;
  return running && ask.tickedRunning !== true;
}

function storeSigned(moment: Moment, { purpose, about }: Offer, message: SignedMessage): void {
  moment.store.storeOwnerMessage(isList(purpose) ? "security" : "forget", message, moment.nowMs, { purpose, about });
  moment.audit(purpose === "delegate" ? "delegation.signed" : `${purpose}.signed`, { itemHash: message.item_hash });
  if (purpose === "delegate") stay(moment);
  if (purpose === "rotate") onRotationSigned(moment);
  if (purpose === "forget") joinForgets(moment, about, message);
}

/** It joins the FORGETs of its attempt: the plan offers it at every poll, to each core node that says alive. */
function joinForgets(moment: Moment, target: string, message: SignedMessage): void {
  const vm = holderOf(moment, target);
  if (vm === undefined || vm.forgets.some((one) => one.itemHash === message.item_hash)) return;
  saveChange(moment, vm, { ...vm, forgets: [...vm.forgets, ownersForget(message, target)] });
}

const count = (words: readonly (CoreWord | null)[], ...wanted: readonly CoreWord[]): number =>
  words.filter((word) => word !== null && wanted.includes(word)).length;

/** How many core nodes have judged it. */
export const judgedBy = ({ words }: Heard): number => count(words, "processed", "rejected", "forgotten");

/** Pure: over with its effect read back, over without, or not over. One core node alone decides none of them. */
export function outcomeOf(open: OwnerMessage, heard: Heard, effect: boolean, nowMs: number): Outcome | null {
  if (open.kind === "forget") return forgetOutcome(open, heard, nowMs);
  if (count(heard.words, "rejected") >= 2) return "refused";
  if (judgedBy(heard) < 2) return null;
  if (effect) return "in_force";
  return open.judgedAtMs !== null && nowMs - open.judgedAtMs >= NO_EFFECT_MS ? "no_effect" : null;
}

function forgetOutcome(open: OwnerMessage, { words, target }: Heard, nowMs: number): Outcome | null {
  const gone = count(target, "forgotten", "removed");
  if (gone >= 2 && !target.some(isAliveWord)) return "in_force";
  if (gone < 2 && count(words, "rejected") >= 2) return "refused";
  return nowMs - open.storedAtMs >= FORGET_MS ? "no_effect" : null;
}

/** What a round of asking showed. `facts` of the key that the message is about, read after two had judged it. */
export function noteRelayed(moment: Moment, open: OwnerMessage, heard: Heard, facts: PayerFacts | null): void {
  const wanted = open.purpose === "revoke" ? "missing" : "ok";
  const effect = facts !== null && delegationOf(facts) === wanted;
  const outcome = outcomeOf(open, heard, effect, moment.nowMs);
  moment.store.recordRelay(open.itemHash, { judged: judgedBy(heard), outcome }, moment.nowMs);
  moment.touched = true;
  if (outcome === null) return;
  moment.audit("owner_message.over", { itemHash: open.itemHash, purpose: open.purpose, outcome });
  if (outcome !== "in_force" || facts === null) return;
  if (open.purpose === "rotate") switchKey(moment, open.about as Address, facts);
  if (open.purpose === "revoke") revoked(moment);
}
