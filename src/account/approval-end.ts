/**
 * How a request leaves the owner's desk without the owner: taken back, run out, overtaken, or no longer needed. Whatever
 * became of it, it is no news any more. Synchronous, one moment each.
 */
import { standing } from "./approvals.ts";
import type { Moment } from "./moment.ts";
import { noteWithdrawn } from "./pacing.ts";
import type { Approval } from "./types.ts";

export function endRequest(moment: Moment, approval: Approval, state: "withdrawn" | "stale" | "expired"): void {
  const decidedAtMs = state === "withdrawn" ? moment.nowMs : approval.decidedAtMs;
  moment.store.saveApproval({ ...approval, state, decidedAtMs });
  moment.store.seeNoticeAbout("approval_waiting", approval.approvalId, moment.nowMs);
}

/** What time or a new policy has ended is stored as ended, so that quotes can be pruned and the owner is not kept waiting. */
export function endOverdue(moment: Moment, grantId: string | null): void {
  const version = moment.policy?.version ?? 0;
  for (const approval of moment.store.openApprovals(grantId)) {
    const state = standing(approval, version, moment.nowMs);
    if (state === "stale" || state === "expired") endRequest(moment, approval, state);
  }
}

/** By its agent, while it waits; false: there is no such request. */
export function withdraw(moment: Moment, grantId: string, approvalId: string): boolean {
  const approval = moment.store.loadApproval(approvalId);
  if (approval === undefined || approval.grantId !== grantId) return false;
  if (standing(approval, moment.policy?.version ?? 0, moment.nowMs) !== "pending") return false;
  endRequest(moment, approval, "withdrawn");
  noteWithdrawn(moment, grantId);
  return true;
}
