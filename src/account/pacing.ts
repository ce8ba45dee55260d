/**
 * Keeps each agent's pace: what its accepts and its VMs came to is counted against its own grant, in the caller's
 * transaction. Synchronous; the rules are those of `breaker.ts`.
 */
import {
  type Cause,
  type Failed,
  isFailedCreate,
  onAdmitted,
  onApproved,
  onDenied,
  onFailedCreate,
  onFailure,
  onHealthy,
  onWithdrawn,
  type Pace,
} from "./breaker.ts";
import type { Moment } from "./moment.ts";
import { isNearlyFull } from "./room.ts";
import type { VmRecord } from "./types.ts";

/** True when this was the third time today that the agent opened its breaker by itself: its grant has to be frozen. */
export const noteFailure = (moment: Moment, grantId: string, cause: Cause): boolean =>
  keepFailed(moment, grantId, (pace) => onFailure(pace, cause, moment.nowMs));

export const noteDenied = (moment: Moment, grantId: string): boolean =>
  keepFailed(moment, grantId, (pace) => onDenied(pace, moment.nowMs));

export const noteWithdrawn = (moment: Moment, grantId: string): void =>
  keep(moment, grantId, (pace) => onWithdrawn(pace, moment.nowMs));

export const noteApproved = (moment: Moment, grantId: string): void => keep(moment, grantId, onApproved);
export const noteAdmitted = (moment: Moment, grantId: string): void => keep(moment, grantId, onAdmitted);

/** What a change of a VM says of the agent's luck: it runs, it is unknown, or it failed before it ever ran. */
export function noteVm(moment: Moment, before: VmRecord, vm: VmRecord): void {
  const { grantId } = vm;
  // What a restore forgot says nothing of the agent that may have ordered it.
  if (vm.orphan !== undefined) return;
  if (before.healthyAtMs === null && vm.healthyAtMs !== null) return keep(moment, grantId, onHealthy);
  // One VM is one failure, however many nodes it was tried on.
  if (vm.attempts.length > 1) return;
  if (before.state !== "UNKNOWN" && vm.state === "UNKNOWN") return void noteFailure(moment, grantId, "outside");
  if (before.endReason !== null || !isFailedCreate(vm.healthyAtMs, vm.endReason)) return;
  keepFailed(moment, grantId, (pace) => onFailedCreate(pace, before.state === "UNKNOWN", moment.nowMs));
}

function keep(moment: Moment, grantId: string, next: (pace: Pace) => Pace): void {
  if (isNearlyFull(moment.store)) return;
  const pace = moment.store.loadPace(grantId);
  const after = next(pace);
  if (after === pace) return;
  moment.store.savePace(after);
  moment.touched = true;
}

function keepFailed(moment: Moment, grantId: string, next: (pace: Pace) => Failed): boolean {
  let failed: Failed | undefined;
  keep(moment, grantId, (pace) => {
    failed = next(pace);
    return failed.pace;
  });
  if (failed?.opened === true) {
    const { openUntilMs, ownOpeningsMs } = failed.pace;
    moment.audit("breaker.opened", { grantId, openUntilMs, ownOpenings: ownOpeningsMs.length });
  }
  return failed?.freezes === true;
}
