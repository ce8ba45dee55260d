/** Why an account stands still: of several reasons the one that its owner has to see. Synchronous, in the caller's moment. */
import type { Moment } from "./moment.ts";

/** Whose word a freeze stands on, the lighter first: the owner's, the network's evidence, a restore, a key in strange hands. */
const WEIGHTS: Readonly<Record<string, number>> = {
  owner: 0,
  owner_stop: 1,
  owner_revoke: 1,
  restored: 3,
  key_compromised: 4,
};
const EVIDENCE_WEIGHT = 2;
const weightOf = (reason: string): number => WEIGHTS[reason] ?? EVIDENCE_WEIGHT;

/**
 * What comes later takes the place of a reason that weighs no more, so that whoever ends the freeze is shown it; a lighter
 * one never hides what was found.
 */
export function freeze(moment: Moment, reason: string): void {
  const { state, frozenReason } = moment.account;
  const now = state === "frozen" ? (frozenReason ?? "") : null;
  if (now === reason || (now !== null && weightOf(reason) < weightOf(now))) return;
  moment.store.setFrozen(reason);
  moment.audit("account.frozen", { reason });
  moment.tellOwner("account_frozen", `${reason}:${moment.nowMs}`, { reason });
}
