/**
 * Keeps a reading of the payer with the account: its balance, and whether the delegation stands. Synchronous, one moment.
 *
 * The drive acts on every reading that it makes, whichever key it was made for, since the money is the payer's; what a page
 * or an agent's call brought along is kept as a dated fact and ends nothing.
 */
import { RESOURCES_MAX } from "../aleph/amounts.ts";
import type { AccountRow } from "./account-store.ts";
import { noteCredits } from "./lists.ts";
import type { Moment } from "./moment.ts";
import { answering, delegationOf, folded, isUncountable, type PayerFacts } from "./payer.ts";
import { guardRunning } from "./payer-guard.ts";

export function takePayer(moment: Moment, facts: PayerFacts, agent: string): void {
  keep(moment, facts, agent);
  guardRunning(moment, facts);
}

/** What a page or a call brought along; one core node may have kept it waiting while the drive read something newer. */
export function notePayer(moment: Moment, facts: PayerFacts): void {
  const payer = moment.store.loadPayer();
  if (payer === null || facts.asOfMs >= payer.asOfMs) keep(moment, facts, facts.agent);
}

/** As a row of the account, so without a line for each of the payer's other resources. */
export function keepPayer({ store }: Moment, delegation: AccountRow["delegation"], facts: PayerFacts): void {
  const own = store.loadTended().flatMap((vm) => vm.attempts.map((attempt) => attempt.itemHash));
  store.savePayer(delegation, folded(facts, new Set(own)));
}

/**
 * Keeps a reading of the payer; two core nodes have to agree before a delegation counts as gone. What was read of another
 * key, before a rotation or for one, says nothing of this one.
 */
function keep(moment: Moment, facts: PayerFacts, agent: string | undefined): void {
  if (agent !== undefined && agent !== moment.account.agentAddress) return;
  const said = delegationOf(facts);
  const { delegation: before } = moment.account;
  const payer = moment.store.loadPayer();
  const state = said === "unknown" ? before : said;
  if (answering(facts) > 0) keepPayer(moment, state, facts);
  noteCredits(moment, payer, facts);
  if (isUncountable(facts) && !(payer !== null && isUncountable(payer)))
    moment.tellOwner("payer_uncountable", `${moment.nowMs}`, { resourcesMax: RESOURCES_MAX });
  const live = moment.store.liveCount();
  // each time anew: what vanished, came back and vanished again needs the owner again
  if (state === "missing" && before !== "missing" && live > 0)
    moment.tellOwner("delegation_gone", `${moment.account.agentAddress}:${moment.nowMs}`, { vmsLive: live });
  moment.touched = true;
}
