/**
 * The owner's policy and the end of a freeze: what is offered for signing, and what is kept of it. Synchronous.
 *
 * Narrowing needs a click; a new or wider policy and the end of a freeze need the owner's wallet, over the struct that we
 * composed, with a nonce minted for this browser session and used once.
 */
import { recoverTypedData, type TypedData } from "../crypto/typed-data.ts";
import { type Answer, answer, type Refusal, refusal, refuse } from "../errors.ts";
import { endOverdue } from "./approval-end.ts";
import { bookBudget } from "./books.ts";
import { unpaced } from "./breaker.ts";
import type { PolicyOffer, Session } from "./contract.ts";
import { reasonsToShow } from "./freeze.ts";
import { stay } from "./leave-state.ts";
import type { Moment } from "./moment.ts";
import { worstCase } from "./policy.ts";
import { draftFault } from "./policy-draft.ts";
import { isWider } from "./policy-wider.ts";
import { endFreeze, notReconciled } from "./restored.ts";
import { shadow } from "./shadow.ts";
import { policyTypedData } from "./typed.ts";
import type { Policy, PolicyDraft } from "./types.ts";

/** A page that was opened longer ago is opened again. */
const PAGE_MS = 10 * 60_000;
type Unfreeze = "account" | { readonly grantId: string };
type PolicyPayload = {
  readonly draft: PolicyDraft;
  readonly typedData: TypedData | null;
  readonly unfreeze: Unfreeze | null;
  /** Why the account was frozen when this was offered; null: it was not. */
  readonly frozenReason: string | null;
  /** What had been found by then, of the same kind or of a lighter one. */
  readonly found: string;
  readonly version: number;
};

export function offerPolicy(
  moment: Moment,
  session: Session,
  ask: { readonly draft: PolicyDraft; readonly unfreeze?: Unfreeze },
): Answer<PolicyOffer> {
  const fault = draftFault(ask.draft, moment.nowMs, moment.config.unattended && moment.config.network === "aleph");
  if (fault !== null) return refuse("input.invalid", fault);
  if (typeof ask.unfreeze === "object" && moment.store.loadGrant(ask.unfreeze.grantId) === undefined) {
    return refuse("input.unknown_id", { id: "grant" });
  }
  const unready = ask.unfreeze === "account" ? notReconciled(moment) : null;
  if (unready !== null) return { ok: false, refusal: unready };
  const now = moment.policy;
  const version = (now?.version ?? 0) + 1;
  const nonce = moment.id("n");
  const unfreeze = ask.unfreeze ?? null;
  const mustSign = unfreeze !== null || isWider(now, ask.draft);
  const { name, owner, frozenReason } = moment.account;
  const about = { account: name, owner, nonce, unfreezes: whatEnds(unfreeze, frozenReason) };
  const typedData = mustSign ? policyTypedData(moment.config.origin, about, { ...ask.draft, version }) : null;
  const found = foundSoFar(moment);
  const payload: PolicyPayload = { draft: ask.draft, typedData, unfreeze, frozenReason, found, version };
  moment.store.mintNonce(
    { nonce, sessionId: session.sessionId, purpose: "policy", payload, expiresAtMs: moment.nowMs + PAGE_MS },
    moment.nowMs,
  );
  const worstCaseCredits = worstCase(ask.draft, moment.store.spentBy(null), ask.draft.expiresAtMs, moment.nowMs);
  const tried = shadow(ask.draft, moment.store.askedCreates());
  return answer({ typedData, nonce, version, worstCaseCredits, shadow: tried, frozenFor: frozenFor(moment, unfreeze) });
}

function frozenFor(moment: Moment, unfreeze: Unfreeze | null): readonly string[] {
  if (unfreeze === null) return [];
  if (unfreeze === "account") return reasonsToShow(moment.account, moment.store.loadNotices());
  return moment.store.loadGrant(unfreeze.grantId)?.frozenFor ?? [];
}

/** The wallet shows it: nobody ends a freeze without the reason before their eyes. */
function whatEnds(unfreeze: Unfreeze | null, frozenReason: string | null): string {
  if (unfreeze === null) return "nothing";
  return unfreeze === "account" ? `the account, frozen: ${frozenReason ?? "no more"}` : unfreeze.grantId;
}

/** A refusal leaves the nonce as it is: the right signature still counts, once. */
export function savePolicy(
  moment: Moment,
  session: Session,
  ask: { readonly nonce: string; readonly signature?: string },
): Answer<{ readonly policy: Policy }> {
  const page = { nonce: ask.nonce, sessionId: session.sessionId, purpose: "policy", nowMs: moment.nowMs };
  const payload = moment.store.readNonce(page) as PolicyPayload | undefined;
  if (payload === undefined) return refuse("input.invalid", { field: "nonce" });
  const no = flawOf(moment, payload, ask.signature);
  if (no !== null) return { ok: false, refusal: no };
  moment.store.takeNonce(page);
  return answer({ policy: keep(moment, payload, ask.signature ?? null) });
}

function flawOf(moment: Moment, payload: PolicyPayload, signature: string | undefined): Refusal | null {
  const { typedData, version } = payload;
  if (version !== (moment.policy?.version ?? 0) + 1) return refusal("input.invalid", { field: "version" });
  const signer = typedData === null || signature === undefined ? undefined : recoverTypedData(typedData, signature);
  if (typedData !== null && signer !== moment.account.owner) return refusal("input.invalid", { field: "signature" });
  return payload.unfreeze === "account" ? frozenAnew(moment, payload) : null;
}

function keep(
  moment: Moment,
  { draft, version, typedData, unfreeze }: PolicyPayload,
  signature: string | null,
): Policy {
  const { store, nowMs } = moment;
  const policy = { ...draft, version };
  store.insertPolicy(policy, typedData === null ? null : signature, nowMs);
  endOverdue(moment, null);
  bookBudget(store, policy.limits.lifetimeCreditsMax, nowMs);
  moment.audit("policy.saved", { version, signed: typedData !== null });
  if (unfreeze !== null) unfreezeNow(moment, unfreeze);
  return policy;
}

/** Restored once more since the page was opened, or something was found that it did not show: one orphan more, say. */
function frozenAnew(moment: Moment, { frozenReason, found }: PolicyPayload): Refusal | null {
  const { frozenReason: reason } = moment.account;
  const same = reason === frozenReason && found === foundSoFar(moment);
  return notReconciled(moment) ?? (same ? null : refusal("account.frozen_anew", { reason }));
}

/** Changes with each thing that is found and with each restore, whether or not it changes why the account is frozen. */
const foundSoFar = ({ store }: Moment): string => `${store.countFindings()}:${store.loadLists().restoredAtMs}`;

function unfreezeNow(moment: Moment, what: Unfreeze): void {
  moment.audit("unfrozen", { what: what === "account" ? "account" : what.grantId });
  if (what === "account") {
    stay(moment);
    return endFreeze(moment);
  }
  const grant = moment.store.loadGrant(what.grantId);
  if (grant?.state === "frozen") moment.store.saveGrant({ ...grant, state: "active", frozenFor: [] });
  // What froze it has been seen and forgiven: it starts anew.
  moment.store.savePace(unpaced(what.grantId));
}
