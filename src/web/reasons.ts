/** Why an account or an agent stands still, and why a VM ended: a clause each, to stand after a colon. Pure. */
import type { FreezeReason } from "../account/freeze.ts";
import type { EndReason, GrantFreeze } from "../account/types.ts";
import { plain } from "./text.ts";

const ACCOUNT: Readonly<Record<FreezeReason, string>> = {
  owner: "you froze it",
  owner_stop: "you stopped everything",
  owner_revoke: "you began to leave this service",
  overrun: "the network billed more than was held for a VM",
  orphan: "a machine was found that the books do not know",
  dormant_alive: "a create that was refused before has come to life",
  restored: "it was restored from a backup",
  key_compromised: "you said that the agent key is in strange hands",
};

const AGENT: Readonly<Record<GrantFreeze, string>> = {
  owner: "you froze it",
  breaker: "it kept asking for what you have ruled out",
  stop: "it stopped itself and all its VMs",
  internal: "a call of it met a state that must not be",
};

const VM: Readonly<Record<EndReason, string>> = {
  destroyed: "destroyed on request",
  ttl: "its time was over",
  stopped: "everything was stopped",
  revoked: "access was taken away",
  unreachable: "it could not be reached",
  boot_failed: "it did not start",
  ssh_never: "it never answered over SSH",
  overrun: "the network billed more than was held",
  price: "its price was above the one held",
  payer_line: "your credits came close to one day of burn",
  ended_by_network: "the network ended it",
  ended_by_owner_elsewhere: "you ended it elsewhere",
  rejected: "the network refused it",
  never_sent: "it was never sent",
  restored: "a restore forgot whether it was sent",
};

/** One that an older version stored, or none, is told as it is. */
const inWords =
  (table: Readonly<Record<string, string>>) =>
  (reason: string | null): string =>
    reason === null ? "not recorded" : (table[reason] ?? plain(reason));

export const accountReason = inWords(ACCOUNT);

/** With the wallet's own name for the first one, which alone is signed. */
export function accountReasons([first, ...found]: readonly string[]): string {
  const words = first === undefined ? accountReason(null) : `${accountReason(first)} (in your wallet: ${plain(first)})`;
  return found.length === 0 ? words : `${words}; found besides: ${found.map(accountReason).join("; ")}`;
}
export const endReason = inWords(VM);

export const agentReasons = (reasons: readonly string[] = []): string =>
  (reasons.length === 0 ? [null] : reasons).map(inWords(AGENT)).join("; ");
