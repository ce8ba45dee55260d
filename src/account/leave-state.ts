/** Whether the owner is leaving: begun, gone, or staying after all. Synchronous, in the caller's transaction. */
import { readSoon } from "./lists.ts";
import type { Moment } from "./moment.ts";
import type { OwnerMessage } from "./message-store.ts";

/**
 * The owner goes on with us: a new delegation, a new key, or the end of a freeze. A key that may be in strange hands is
 * only forgotten about once another is in force.
 */
export function stay(moment: Moment, withNewKey = false): void {
  const leaving = moment.store.loadLeaving();
  if (leaving === null || (leaving.kind === "compromised" && !withNewKey)) return;
  moment.store.saveLeaving(null);
  moment.audit("leaving.over", { kind: leaving.kind });
}

/** Two core nodes show the list without our entries: whatever still runs, only the owner can end it now. */
export function revoked(moment: Moment): void {
  const leaving = moment.store.loadLeaving();
  moment.audit("access.revoked", { live: moment.store.liveCount() });
  moment.tellOwner("access_revoked", `${moment.account.agentAddress}:${moment.nowMs}`, {
    vmsLive: moment.store.liveCount(),
  });
  if (leaving !== null) moment.store.saveLeaving({ ...leaving, revokedAtMs: moment.nowMs });
  // nothing more can come of our key: what there is now is all
  readSoon(moment);
}

/** The revocation is signed and stored: it will leave, however often it has to be sent. */
export const isRevoking = (moment: Moment): boolean =>
  (moment.store.loadLeaving()?.revokedAtMs ?? null) !== null ||
  moment.store.openOwnerMessages().some((one: OwnerMessage) => one.purpose === "revoke");
