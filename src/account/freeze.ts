/** Why an account stands still: of several reasons the one that its owner has to see. Synchronous, in the caller's moment. */
import type { AccountRow } from "./account-store.ts";
import type { Moment } from "./moment.ts";
import type { Notice } from "./types.ts";

/** Lighter first: the owner's own word, the network's evidence, a restore, a key in strange hands. */
const WEIGHTS = {
  owner: 0,
  owner_stop: 1,
  owner_revoke: 1,
  overrun: 2,
  orphan: 3,
  dormant_alive: 4,
  restored: 5,
  key_compromised: 6,
} as const;
export type FreezeReason = keyof typeof WEIGHTS;
/** What an older version stored weighs as much as the lightest evidence. */
const weightOf = (reason: string): number => (WEIGHTS as Readonly<Record<string, number>>)[reason] ?? 2;

/**
 * What weighs more takes the place of a lighter reason, so that whoever ends the freeze is shown it. Never the other way
 * round: two findings that are both made again and again do not replace each other without end.
 */
export function freeze(moment: Moment, reason: FreezeReason): void {
  const { state, frozenReason } = moment.account;
  const now = state === "frozen" ? (frozenReason ?? "") : null;
  if (now !== null && weightOf(reason) <= weightOf(now)) return;
  moment.store.setFrozen(reason);
  moment.audit("account.frozen", { reason });
  moment.tellOwner("account_frozen", `${reason}:${moment.nowMs}`, { reason });
}

/**
 * The reason that stands, and after it what was found besides and is lighter, as long as the owner has not marked its
 * notice as seen. What was only billed late freezes nobody.
 */
export function reasonsToShow(
  { frozenReason, restored }: Pick<AccountRow, "frozenReason" | "restored">,
  notices: readonly Notice[],
): readonly string[] {
  if (frozenReason === null) return [];
  const open = notices.filter(({ kind, facts, seenAtMs }) => kind in WEIGHTS && seenAtMs === null && !facts["late"]);
  return [...new Set([frozenReason, ...(restored ? ["restored"] : []), ...open.map(({ kind }) => kind)])];
}
