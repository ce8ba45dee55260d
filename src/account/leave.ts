/**
 * The ways out, as the owner sets them in motion: leaving in the right order (tear down, then revoke), and a key in strange
 * hands (revoke, then forget). Synchronous, one moment each; what is then signed is in `owner-messages.ts`.
 */
import type { Address } from "../crypto/secp256k1.ts";
import { type Answer, answer } from "../errors.ts";
import { saidAlive } from "./attempts.ts";
import type { Session, VmView } from "./contract.ts";
import { notePayer } from "./payer-note.ts";
import { isLive } from "./lifecycle.ts";
import { readSoon } from "./lists.ts";
import type { LeaveKind } from "./leave-contract.ts";
import type { Leaving } from "./leave-store.ts";
import type { OwnerMessage } from "./message-store.ts";
import type { Moment } from "./moment.ts";
import { closeAll, staleApprovals } from "./owner-desk.ts";
import { holderOf, keepOffer, type Offer } from "./owner-messages.ts";
import type { PayerFacts } from "./payer.ts";
import { freeze, type FreezeReason } from "./freeze.ts";
import { attemptsLacking } from "./rotation.ts";
import type { Hash } from "./types.ts";
import { shownVm } from "./views.ts";

const REASONS: Readonly<Record<LeaveKind, FreezeReason>> = { revoke: "owner_revoke", compromised: "key_compromised" };
const SHOWN_MAX = 100;

/** One transaction: freeze, make approvals stale, void what was never sent, close everything that may live. */
export function beginLeaving(moment: Moment, kind: LeaveKind): Answer<{ readonly kind: LeaveKind }> {
  const before = moment.store.loadLeaving();
  // a key that was called compromised does not become trusted by another click
  const now = before?.kind === "compromised" ? before.kind : kind;
  freeze(moment, REASONS[now]);
  staleApprovals(moment, null);
  closeAll(moment, "revoked", null);
  readSoon(moment);
  if (before?.kind !== now) {
    // taken away already, before the owner knew why
    const revokedAtMs = moment.account.delegation === "missing" ? (before?.revokedAtMs ?? null) : null;
    moment.store.saveLeaving({ kind: now, sinceMs: moment.nowMs, revokedAtMs });
    moment.audit("leaving.begun", { kind: now });
  }
  return answer({ kind: now });
}

/** What the Worker needs to know to read the network for the owner's page and to compose what may be signed. */
export type LeaveFacts = {
  readonly owner: Address;
  readonly agentAddress: Address;
  readonly keys: readonly Address[];
  readonly nextKey: Address | null;
  readonly leaving: Leaving | null;
  readonly newestListTimeS: number;
  /** Hashes of ours that must end: what has not ended, and what a core node still calls alive. */
  readonly mustEnd: readonly Hash[];
};

export function leaveFacts(moment: Moment): LeaveFacts {
  const { store, account } = moment;
  // What has not ended may live, also where nobody says so: a FORGET in store lets the third core node's time run.
  const closed = store
    .loadTended()
    .flatMap((vm) =>
      vm.attempts.filter(
        (one) => one.closedAtMs !== null && one.firstSendMs !== null && (isLive(vm) || saidAlive(one)),
      ),
    );
  return {
    owner: account.owner,
    agentAddress: account.agentAddress,
    keys: store.keysEver(),
    nextKey: store.nextKey(),
    leaving: store.loadLeaving(),
    newestListTimeS: store.newestListTimeS(),
    mustEnd: closed.map((attempt) => attempt.itemHash),
  };
}

/** What the page shows, and which of the composed messages may be signed now. */
export type LeaveState = {
  readonly delegation: "ok" | "missing" | "too_wide" | "unknown";
  readonly keyLost: boolean;
  readonly leaving: Leaving | null;
  readonly vms: readonly VmView[];
  readonly vmsLive: number;
  readonly open: readonly Pick<OwnerMessage, "itemHash" | "purpose" | "about" | "storedAtMs" | "coreNodesDone">[];
  readonly attemptsLacking: number;
  readonly kept: readonly Hash[];
  /** The VM of each hash that may be forgotten, where the ledger holds it. */
  readonly holders: Readonly<Record<Hash, string>>;
};

export function leaveState(
  moment: Moment,
  session: Session,
  ask: { readonly payer: PayerFacts | null; readonly offers: readonly Offer[] },
): LeaveState {
  if (ask.payer !== null) notePayer(moment, ask.payer);
  const { store } = moment;
  const kept = ask.offers.filter((offer) => keepOffer(moment, session, offer));
  const leaving = store.loadLeaving();
  const page = store.loadPage({ grantId: null, liveOnly: false, limit: SHOWN_MAX });
  const shown = page.filter((vm) => vm.endedAtMs === null || (leaving !== null && vm.endedAtMs >= leaving.sinceMs));
  const holders = kept.flatMap(({ purpose, about }) => {
    const vmId = purpose === "forget" ? holderOf(moment, about)?.vmId : undefined;
    return vmId === undefined ? [] : [[about, vmId] as const];
  });
  return {
    delegation: moment.account.delegation,
    keyLost: moment.account.keyLost,
    leaving,
    vms: shown.map((vm) => shownVm(moment, vm)),
    vmsLive: store.liveCount(),
    open: store.openOwnerMessages().map(({ message: _message, kind: _kind, judgedAtMs: _judged, ...rest }) => rest),
    attemptsLacking: attemptsLacking(moment),
    kept: kept.map((offer) => offer.message.item_hash),
    holders: Object.fromEntries(holders),
  };
}
