/**
 * An agent key that does not open: what follows from it, and that it is over. Synchronous, one moment each; the opening is the
 * drive's (design.md §4).
 *
 * Nothing but a deployment with a wrong or missing sealing key, or a damaged row, brings it about. The first passes with the
 * next deployment, of which nobody tells an account: so it tries again, and its owner has to change the key only if that
 * never helps.
 */
import type { Moment } from "./moment.ts";
import { backoff, stepKey } from "./plan.ts";

/** Opening costs nothing beside the waking for it; whoever waits for the mended deployment waits a quarter of an hour. */
const AGAIN_MS = { first: 60_000, most: 900_000 } as const;

export const reopenPauseMs = (tries: number): number => backoff(tries, AGAIN_MS.first, AGAIN_MS.most);
export const reopenKey = (address: string): string => `reopen:${address}`;

/** A key that was rotated out while it was being asked for is no loss. */
export function noteLost(moment: Moment, address: string): void {
  const { account, store, nowMs } = moment;
  if (account.keyLost || account.agentAddress !== address) return;
  store.setKeyLost(true);
  // this was the first try of a row of its own, however often an earlier loss was tried
  store.saveTried(reopenKey(address), "account", { lastMs: nowMs, tries: 1, leaseUntilMs: 0 });
  moment.audit("account.key_lost", {});
  // each time anew: what was lost, came back and is lost again needs the owner again
  moment.tellOwner("key_lost", `${address}:${nowMs}`);
}

/** It opens again, and new VMs may start. What the owner was told stays as history. */
export function noteOpened(moment: Moment, address: string): void {
  const { account, store } = moment;
  if (!account.keyLost || account.agentAddress !== address) return;
  store.setKeyLost(false);
  for (const { vmId, attempts } of store.loadTended())
    for (const { itemHash } of attempts) signSoon(moment, vmId, stepKey("replenish", itemHash));
}

/** FORGETs that could not be signed meanwhile: by their own pace an orphan would have none for up to six hours more. */
function signSoon({ store }: Moment, vmId: string, key: string): void {
  const tried = store.loadLog(vmId).get(key);
  if (tried !== undefined) store.saveTried(key, vmId, { ...tried, lastMs: 0, tries: 0 });
}
