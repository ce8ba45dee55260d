/**
 * What the signed-in owner does to agents and their machines with a click: grants, freezing, stopping. Synchronous, one
 * moment each. Nothing in here widens a policy, so nothing in here needs the wallet.
 */
import { type Answer, answer, type Code, type Facts, refusal, refuse } from "../errors.ts";
import { endRequest } from "./approval-end.ts";
import { causeOf, OWN_OPENINGS_MAX } from "./breaker.ts";
import type { GrantDraft } from "./contract.ts";
import { close } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import { areWindows } from "./policy-draft.ts";
import { freeze } from "./freeze.ts";
import { noteFailure } from "./pacing.ts";
import { saveChange } from "./record.ts";
import type { EndReason, Grant, GrantFreeze, NoticeKind } from "./types.ts";

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
    frozenFor: before?.frozenFor ?? [],
    createdAtMs: before?.createdAtMs ?? moment.nowMs,
  });
  moment.audit(before === undefined ? "grant.added" : "grant.returned", { grantId, credits: rest.creditsMax });
  return answer({ grantId, account: moment.account.name });
}

export function revokeGrant(moment: Moment, grantId: string, keepVms: boolean): Answer<Grant> {
  const grant = moment.store.loadGrant(grantId);
  if (grant === undefined) return refuse("input.unknown_id", { id: "grant" });
  const revoked = { ...grant, state: "revoked" as const };
  moment.store.saveGrant(revoked);
  staleApprovals(moment, grantId);
  moment.audit("grant.revoked", { grantId, keepVms });
  if (keepVms) voidUnsent(moment, grantId);
  else closeAll(moment, "revoked", grantId);
  return answer(revoked);
}

/** Nothing new for this agent; what was never sent is voided, what runs goes on to its end. */
export function freezeGrant(moment: Moment, grantId: string, why: GrantFreeze = "owner"): Answer<Grant> {
  const grant = moment.store.loadGrant(grantId);
  if (grant === undefined || grant.state === "revoked") return refuse("input.unknown_id", { id: "grant" });
  const frozen = { ...grant, state: "frozen", frozenFor: [...new Set([...(grant.frozenFor ?? []), why])] } as const;
  moment.store.saveGrant(frozen);
  if (grant.state !== "frozen") moment.audit("grant.frozen", { grantId, reason: why });
  voidUnsent(moment, grantId);
  return answer(frozen);
}

/** The owner hears once of each reason that was not their own, until they end the freeze. */
function freezeAndTell(moment: Moment, grantId: string, why: GrantFreeze, kind: NoticeKind, facts: Facts): void {
  const known = moment.store.loadGrant(grantId)?.frozenFor?.includes(why) === true;
  const frozen = freezeGrant(moment, grantId, why);
  if (frozen.ok && !known) moment.tellOwner(kind, `${grantId}:${moment.nowMs}`, { grantId, ...facts });
}

/** A refused accept counts against the agent's own pace, and may be one too many. */
export function countRefusal(moment: Moment, grantId: string, code: Code): void {
  const cause = causeOf(code);
  if (cause !== null && noteFailure(moment, grantId, cause)) freezeByBreaker(moment, grantId);
}

/** Three times in a day an agent opened its breaker by its own doing: it stops until the owner has looked. */
export function freezeByBreaker(moment: Moment, grantId: string): void {
  if (moment.store.loadGrant(grantId)?.state !== "active") return;
  freezeAndTell(moment, grantId, "breaker", "grant_frozen", { openings: OWN_OPENINGS_MAX });
}

/** It met an error of ours by its own words alone: it stops until the owner has looked. */
export function freezeByFault(moment: Moment, grantId: string): void {
  freezeAndTell(moment, grantId, "internal", "internal", {});
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

/**
 * An agent may narrow: it freezes its own grant and ends its own VMs, whose ids come back. Asked again, it is noted only if
 * anything is left.
 */
export function emergencyStop(moment: Moment, grantId: string): readonly string[] {
  const own = moment.store.loadLive().filter((vm) => vm.grantId === grantId);
  const stands = moment.store.loadGrant(grantId)?.state === "frozen" && own.every(({ state }) => state === "STOPPING");
  if (!stands) moment.audit("grant.stop_asked", { grantId });
  freezeAndTell(moment, grantId, "stop", "grant_stopped", { vmsEnded: own.length });
  staleApprovals(moment, grantId);
  closeAll(moment, "stopped", grantId);
  return own.map(({ vmId }) => vmId);
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
    endRequest(moment, approval, "stale");
    moment.store.burnQuote(approval.quoteId, { kind: "refused", refusal: refusal("approval.stale") });
  }
}

/** `grantId` null: the owner, who may end any VM. An unknown and a foreign VM give the same answer. */
export function destroy(moment: Moment, vmId: string, grantId: string | null): Answer<{ readonly vmId: string }> {
  const vm = moment.store.loadVm(vmId);
  if (vm === undefined || (grantId !== null && vm.grantId !== grantId)) return refuse("input.unknown_id", { id: "vm" });
  const closed = close(vm, "destroyed", moment.nowMs, moment.mayHaveLeft);
  if (closed !== vm) moment.audit("vm.destroy_asked", { vmId, by: grantId ?? "owner" });
  saveChange(moment, vm, closed);
  return answer({ vmId });
}
