/**
 * What the signed-in owner decides: policies, grants, approvals, freezing and stopping. Synchronous, one moment each.
 *
 * Narrowing, freezing and revoking need a click; a new or wider policy and the end of a freeze need the owner's wallet,
 * over the struct that we composed, with a nonce minted for this browser session and used once.
 */
import { recoverTypedData, type TypedData } from "../crypto/typed-data.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import { givenUntilMs, standing } from "./approvals.ts";
import type { ApprovalView, GrantDraft, GrantView, PolicyOffer, Session, VmView } from "./contract.ts";
import { bookBudget } from "./books.ts";
import { OWN_OPENINGS_MAX, unpaced } from "./breaker.ts";
import { close, isLive } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import { noteApproved, noteDenied } from "./pacing.ts";
import { stay } from "./leave-state.ts";
import { worstCase } from "./policy.ts";
import { areWindows, draftFault } from "./policy-draft.ts";
import { isWider } from "./policy-wider.ts";
import { refusal } from "../errors.ts";
import { freeze, saveChange } from "./record.ts";
import { endFreeze, notReconciled } from "./restored.ts";
import { shadow } from "./shadow.ts";
import { approvalTypedData, policyTypedData } from "./typed.ts";
import type { ApprovalFacts, ApprovalState, EndReason, Policy, PolicyDraft } from "./types.ts";
import { approvalView, grantView, shownVm } from "./views.ts";

const PAGE_MS = 10 * 60_000;
type Unfreeze = "account" | { readonly grantId: string };
type PolicyPayload = {
  readonly draft: PolicyDraft;
  readonly typedData: TypedData | null;
  readonly unfreeze: Unfreeze | null;
  readonly version: number;
};

export function offerPolicy(
  moment: Moment,
  session: Session,
  ask: { readonly draft: PolicyDraft; readonly unfreeze?: Unfreeze },
): Answer<PolicyOffer> {
  const fault = draftFault(ask.draft, moment.nowMs, moment.config.unattended && moment.config.network === "aleph");
  if (fault !== null) return refuse("input.invalid", { field: fault });
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
  const unfreezes = unfreeze === null ? "nothing" : unfreeze === "account" ? "the account" : unfreeze.grantId;
  const about = { account: moment.account.name, owner: moment.account.owner, nonce, unfreezes };
  const typedData = mustSign ? policyTypedData(moment.config.origin, about, { ...ask.draft, version }) : null;
  const payload: PolicyPayload = { draft: ask.draft, typedData, unfreeze, version };
  moment.store.mintNonce(
    { nonce, sessionId: session.sessionId, purpose: "policy", payload, expiresAtMs: moment.nowMs + PAGE_MS },
    moment.nowMs,
  );
  const worstCaseCredits = worstCase(ask.draft, moment.store.spentBy(null), ask.draft.expiresAtMs, moment.nowMs);
  const tried = shadow(ask.draft, moment.store.askedCreates());
  return answer({ typedData, nonce, version, worstCaseCredits, shadow: tried });
}

export function savePolicy(
  moment: Moment,
  session: Session,
  ask: { readonly nonce: string; readonly signature?: string },
): Answer<{ readonly policy: Policy }> {
  const payload = moment.store.takeNonce({
    nonce: ask.nonce,
    sessionId: session.sessionId,
    purpose: "policy",
    nowMs: moment.nowMs,
  }) as PolicyPayload | undefined;
  if (payload === undefined) return refuse("input.invalid", { field: "nonce" });
  if (payload.version !== (moment.policy?.version ?? 0) + 1) return refuse("input.invalid", { field: "version" });
  const signer =
    payload.typedData === null || ask.signature === undefined
      ? undefined
      : recoverTypedData(payload.typedData, ask.signature);
  if (payload.typedData !== null && signer !== moment.account.owner)
    return refuse("input.invalid", { field: "signature" });
  // Restored once more since the page was opened.
  const unready = payload.unfreeze === "account" ? notReconciled(moment) : null;
  if (unready !== null) return { ok: false, refusal: unready };
  const policy = { ...payload.draft, version: payload.version };
  moment.store.insertPolicy(policy, payload.typedData === null ? null : (ask.signature ?? null), moment.nowMs);
  bookBudget(moment.store, policy.limits.lifetimeCreditsMax, moment.nowMs);
  moment.audit("policy.saved", { version: policy.version, signed: payload.typedData !== null });
  if (payload.unfreeze !== null) unfreezeNow(moment, payload.unfreeze);
  return answer({ policy });
}

function unfreezeNow(moment: Moment, what: Unfreeze): void {
  moment.audit("unfrozen", { what: what === "account" ? "account" : what.grantId });
  if (what === "account") {
    stay(moment);
    return endFreeze(moment);
  }
  const grant = moment.store.loadGrant(what.grantId);
  if (grant?.state === "frozen") moment.store.saveGrant({ ...grant, state: "active" });
  // What froze it has been seen and forgiven: it starts anew.
  moment.store.savePace(unpaced(what.grantId));
}

/** A new agent, or one that comes back to its own VMs, budget and history because the owner said so. */
export function addGrant(
  moment: Moment,
  draft: GrantDraft,
): Answer<{ readonly grantId: string; readonly account: string }> {
  const { existingGrantId, ...rest } = draft;
  if (rest.expiresAtMs <= moment.nowMs) return refuse("input.invalid", { field: "expires" });
  if (!Number.isSafeInteger(rest.creditsMax) || rest.creditsMax < 0)
    return refuse("input.invalid", { field: "budget" });
  if (!areWindows(rest.windows ?? [])) return refuse("input.invalid", { field: "windows" });
  const before = existingGrantId === undefined ? undefined : moment.store.loadGrant(existingGrantId);
  if (existingGrantId !== undefined && (before === undefined || before.state === "revoked"))
    return refuse("input.unknown_id", { id: "grant" });
  const grantId = before?.grantId ?? moment.id("gr");
  moment.store.saveGrant({
    ...rest,
    grantId,
    state: before?.state ?? "active",
    createdAtMs: before?.createdAtMs ?? moment.nowMs,
  });
  moment.audit(before === undefined ? "grant.added" : "grant.returned", { grantId, credits: rest.creditsMax });
  return answer({ grantId, account: moment.account.name });
}

export function revokeGrant(moment: Moment, grantId: string, keepVms: boolean): Answer<GrantView> {
  const grant = moment.store.loadGrant(grantId);
  if (grant === undefined) return refuse("input.unknown_id", { id: "grant" });
  moment.store.saveGrant({ ...grant, state: "revoked" });
  staleApprovals(moment, grantId);
  moment.audit("grant.revoked", { grantId, keepVms });
  if (keepVms) voidUnsent(moment, grantId);
  else closeAll(moment, "revoked", grantId);
  return answer(grantView(moment, { ...grant, state: "revoked" }));
}

/** Nothing new for this agent; what was never sent is voided, what runs goes on to its end. */
export function freezeGrant(moment: Moment, grantId: string): Answer<GrantView> {
  const grant = moment.store.loadGrant(grantId);
  if (grant === undefined || grant.state === "revoked") return refuse("input.unknown_id", { id: "grant" });
  moment.store.saveGrant({ ...grant, state: "frozen" });
  moment.audit("grant.frozen", { grantId });
  voidUnsent(moment, grantId);
  return answer(grantView(moment, { ...grant, state: "frozen" }));
}

/** Three times in a day an agent opened its breaker by its own doing: it stops until the owner has looked. */
export function freezeByBreaker(moment: Moment, grantId: string): void {
  if (moment.store.loadGrant(grantId)?.state !== "active") return;
  freezeGrant(moment, grantId);
  moment.tellOwner("grant_frozen", `${grantId}:${moment.nowMs}`, { grantId, openings: OWN_OPENINGS_MAX });
}

export function freezeAccount(moment: Moment): void {
  freeze(moment, "owner");
  voidUnsent(moment, null);
}

/** One transaction: freeze, make approvals stale, void what was never sent, close everything that may live. */
export function stopEverything(moment: Moment): void {
  moment.audit("account.stop_asked", {});
  freeze(moment, "owner_stop");
  staleApprovals(moment, null);
  closeAll(moment, "stopped", null);
}

/** An agent may narrow: it freezes its own grant and ends its own VMs. */
export function emergencyStop(moment: Moment, grantId: string): readonly VmView[] {
  moment.audit("grant.stop_asked", { grantId });
  freezeGrant(moment, grantId);
  const ids = moment.store
    .loadLive()
    .filter((vm) => vm.grantId === grantId)
    .map((vm) => vm.vmId);
  staleApprovals(moment, grantId);
  closeAll(moment, "stopped", grantId);
  return ids.flatMap((id) => {
    const vm = moment.store.loadVm(id);
    return vm === undefined ? [] : [shownVm(moment, vm)];
  });
}

export function closeAll(moment: Moment, reason: EndReason, grantId: string | null): void {
  for (const vm of moment.store.loadLive())
    if (grantId === null || vm.grantId === grantId)
      saveChange(moment, vm, close(vm, reason, moment.nowMs, moment.mayHaveLeft));
}

export function voidUnsent(moment: Moment, grantId: string | null): void {
  const unsent = moment.store
    .loadLive()
    .filter((vm) => vm.state === "REQUESTED" && (grantId === null || vm.grantId === grantId));
  for (const vm of unsent) saveChange(moment, vm, close(vm, "never_sent", moment.nowMs, moment.mayHaveLeft));
}

export function staleApprovals(moment: Moment, grantId: string | null): void {
  for (const approval of moment.store.openApprovals(grantId)) {
    moment.store.saveApproval({ ...approval, state: "stale" });
    moment.store.burnQuote(approval.quoteId, { kind: "refused", refusal: refusal("approval.stale") });
  }
}

/** `grantId` null: the owner, who may end any VM. An unknown and a foreign VM give the same answer. */
export function destroy(moment: Moment, vmId: string, grantId: string | null): Answer<VmView> {
  const vm = moment.store.loadVm(vmId);
  if (vm === undefined || (grantId !== null && vm.grantId !== grantId)) return refuse("input.unknown_id", { id: "vm" });
  moment.audit("vm.destroy_asked", { vmId, by: grantId ?? "owner" });
  if (isLive(vm)) saveChange(moment, vm, close(vm, "destroyed", moment.nowMs, moment.mayHaveLeft));
  return answer(shownVm(moment, moment.store.loadVm(vmId) ?? vm));
}

export type ApprovalPage = {
  readonly approval: ApprovalView;
  readonly by: "signature" | "click";
  readonly typedData: TypedData;
  readonly nonce: string;
  readonly facts: ApprovalFacts;
};

/** The page's facts and the nonce for exactly this session and view of it. */
export function openApproval(moment: Moment, session: Session, approvalId: string): Answer<ApprovalPage> {
  const approval = moment.store.loadApproval(approvalId);
  const { policy } = moment;
  if (approval === undefined || policy === null) return refuse("input.unknown_id", { id: "approval" });
  const nonce = moment.id("n");
  const typedData = approvalTypedData(moment.config.origin, approval.facts, {
    approvalId,
    nonce,
    deadlineMs: moment.nowMs + PAGE_MS,
  });
  moment.store.mintNonce(
    {
      nonce,
      sessionId: session.sessionId,
      purpose: `approval:${approvalId}`,
      payload: typedData,
      expiresAtMs: moment.nowMs + PAGE_MS,
    },
    moment.nowMs,
  );
  return answer({
    approval: approvalView(moment, approval),
    by: policy.approval.by,
    typedData,
    nonce,
    facts: approval.facts,
  });
}

type Verdict = {
  readonly approvalId: string;
  readonly nonce: string;
  readonly verdict: "approve" | "deny";
  readonly signature?: string;
};

export function decideApproval(
  moment: Moment,
  session: Session,
  ask: Verdict,
): Answer<{ readonly state: ApprovalState }> {
  const typedData = moment.store.takeNonce({
    nonce: ask.nonce,
    sessionId: session.sessionId,
    purpose: `approval:${ask.approvalId}`,
    nowMs: moment.nowMs,
  }) as TypedData | undefined;
  const approval = moment.store.loadApproval(ask.approvalId);
  const { policy } = moment;
  if (typedData === undefined || approval === undefined || policy === null)
    return refuse("input.invalid", { field: "nonce" });
  const state = standing(approval, policy.version, moment.nowMs);
  if (state !== "pending") return answer({ state });
  if (ask.verdict === "deny") return decided(moment, approval.approvalId, "denied", null);
  const signer = ask.signature === undefined ? undefined : recoverTypedData(typedData, ask.signature);
  if (policy.approval.by === "signature" && signer !== moment.account.owner)
    return refuse("input.invalid", { field: "signature" });
  return decided(moment, approval.approvalId, "approved", ask.signature ?? null);
}

function decided(
  moment: Moment,
  approvalId: string,
  state: "approved" | "denied",
  signature: string | null,
): Answer<{ readonly state: ApprovalState }> {
  const approval = moment.store.loadApproval(approvalId);
  if (approval === undefined) return refuse("input.unknown_id", { id: "approval" });
  const validUntilMs = state === "approved" ? givenUntilMs(moment.nowMs) : null;
  moment.store.saveApproval({ ...approval, state, decidedAtMs: moment.nowMs, validUntilMs }, signature);
  if (state === "denied")
    moment.store.burnQuote(approval.quoteId, { kind: "refused", refusal: refusal("approval.denied") });
  moment.audit(`approval.${state}`, { approvalId, grantId: approval.grantId });
  if (state === "approved") noteApproved(moment, approval.grantId);
  else if (noteDenied(moment, approval.grantId)) freezeByBreaker(moment, approval.grantId);
  return answer({ state });
}
