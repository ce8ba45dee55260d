/**
 * The fixed order of checks that every spending request passes, from the service down to the payer (safety.md a.3).
 *
 * Synchronous, on one moment: what it reads is what the caller records in the same transaction. No key is needed here.
 */
import { RESOURCES_MAX } from "../aleph/amounts.ts";
import { type Refusal, refusal } from "../errors.ts";
import type { AccountRow } from "./account-store.ts";
import { NO_BILL } from "./bill.ts";
import { GRACE_S } from "./credits.ts";
import { readUsage } from "./books.ts";
import type { Moment } from "./moment.ts";
import { ourPart, ourVm, type OurVm } from "./our-part.ts";
import {
  delegationOf,
  guardPayer,
  isUncountable,
  type Ours,
  type PayerFacts,
  type PayerLine,
  payerLine,
} from "./payer.ts";
import { decide, type Request, type Usage } from "./policy.ts";
import { isNearlyFull } from "./room.ts";
import type { Credits, Grant, Policy, VmRecord } from "./types.ts";

const DORMANT_MAX = 5;
const GRANT_DORMANT_MAX = 2;
/** Half of a quote's life: the same quote can be tried once more. */
const PAUSED_RETRY_S = 300;

/** What the object knows of itself that is in no table. */
export type Health = {
  /** `Watch` has answered since the object woke: until then it is not known whether its storage was restored. */
  readonly watchHeard: boolean;
  /** False: a newer version of this code made the tables, so this one starts nothing. */
  readonly schemaKnown: boolean;
};

export type Judged = { readonly refusal: Refusal | null; readonly usage: Usage; readonly policy: Policy };

/** Everything but the quote and the approval. An accept's `payer` is at most 60 s old (`payer.ts`). */
export function judge(
  moment: Moment,
  grant: Grant,
  ask: Request,
  payer: PayerFacts,
): { readonly refusal: Refusal } | Judged {
  const gate = accountGate(moment, grant, delegationOf(payer, moment.account.agentAddress)) ?? grantGate(grant);
  if (gate !== null) return { refusal: gate };
  const policy = moment.policy;
  if (policy === null || policy.expiresAtMs <= moment.nowMs)
    return { refusal: refusal("policy.expired", { set: policy !== null }) };
  const usage = readUsage(moment.store, grant.grantId, moment.nowMs);
  const no = decide(policy, grant, usage, ask, moment.nowMs) ?? payerGate(moment, ask, payer);
  return { refusal: no, usage, policy };
}

/** A key that may be in strange hands starts nothing, frozen or not; nor does one whose successor is signed for. */
function keyGate(moment: Moment): Refusal | null {
  if (moment.store.loadLeaving()?.kind === "compromised")
    return refusal("account.frozen", { reason: "key_compromised" });
  const rotating = moment.store.openOwnerMessages().some((one) => one.purpose === "rotate");
  return rotating ? refusal("account.rotating", {}, 30) : null;
}

/** The operator's word comes before the account's reasons: nobody is to mend one of those while nothing can start. */
export function serviceGate({ paused }: { readonly paused: boolean }): Refusal | null {
  return paused ? refusal("service.paused", {}, PAUSED_RETRY_S) : null;
}

/** What refuses everything new for the service's or the account's own sake, a create as well as a VM's next attempt. */
export function accountGate(moment: Moment, grant: Grant, delegation: AccountRow["delegation"]): Refusal | null {
  const { account, health } = moment;
  const dormant = dormantGate(moment, grant);
  const paused = serviceGate(moment.config);
  if (paused !== null) return paused;
  if (!health.watchHeard) return refusal("account.watch_silent", {}, 10);
  if (account.restored) return refusal("account.restored", {}, 60);
  if (isNearlyFull(moment.store)) return refusal("account.storage");
  if (isRemovingAny(moment)) return refusal("account.removing", {}, 300);
  if (account.state === "frozen") return refusal("account.frozen", { reason: account.frozenReason });
  if (dormant !== null) return dormant;
  const changing = keyGate(moment);
  if (changing !== null) return changing;
  if (delegation === "missing") return refusal("account.not_delegated");
  if (delegation === "too_wide") return refusal("account.delegation_too_wide");
  if (delegation === "unknown") return refusal("network.disagrees", {}, 60);
  if (account.keyLost) return refusal("account.key_lost", {}, 900);
  if (!health.schemaKnown) return refusal("account.schema", {}, 600);
  return moment.config.unattendedRefused ? refusal("account.unattended") : null;
}

/**
 * No time lifts this: nothing bounds a signed create's life, so it counts also when nobody watches it any more (safety.md
 * a.4). What an older key signed cannot be revived: permission is judged when a core node processes it (design.md §12.10).
 */
function dormantGate({ account, store }: Moment, grant: Grant): Refusal | null {
  const dormant = store.dormantOf(account.agentAddress);
  const own = dormant.filter((grantId) => grantId === grant.grantId).length;
  return dormant.length >= DORMANT_MAX || own >= GRANT_DORMANT_MAX
    ? refusal("account.dormant", { dormant: dormant.length, own })
    : null;
}

/** A VM of ours now, or any resource of the payer at the latest reading. */
const isRemovingAny = ({ store }: Moment): boolean =>
  store.loadTended().some(isRemoving) || typeof store.loadWatched()?.removingSinceMs === "number";

/** Two core nodes are removing a VM of ours: the payer has fallen below the line. */
export const isRemoving = (vm: VmRecord): boolean =>
  vm.attempts.some((attempt) => attempt.views.filter((view) => view?.says === "removing").length >= 2);

export function grantGate(grant: Grant): Refusal | null {
  return grant.state === "frozen" ? refusal("auth.frozen") : null;
}

function payerGate(moment: Moment, ask: Request, payer: PayerFacts): Refusal | null {
  const line = lineWith(moment, ask, payer);
  if (line !== undefined) return guardPayer(line, ask.credits);
  if (isUncountable(payer)) return refusal("balance.too_many_resources", { resourcesMax: RESOURCES_MAX });
  return refusal("network.unreachable", {}, 120);
}

/** What the payer has to own for this request to pass its gate; null: not known. */
export function payerNeeds(moment: Moment, ask: Request, payer: PayerFacts): Credits | null {
  const line = lineWith(moment, ask, payer);
  return line === undefined ? null : line.credits - line.marginCredits;
}

const lineWith = (moment: Moment, ask: Request, payer: PayerFacts): PayerLine | undefined =>
  payerLine(payer, ours(moment, ask), moment.nowMs);

/** Our part of the inequality, with the new request in it, so two that share a snapshot still count each other. */
export function ours(moment: Moment, ask: Request | null): Ours {
  const part = ourPart(ourVms(moment), moment.nowMs);
  if (ask === null) return part;
  return {
    ...part,
    holds: [...part.holds, { hashes: [], credits: ask.credits }],
    burnAttoPerS: part.burnAttoPerS + (ask.kind === "create" ? ask.rateAttoPerS : 0n),
    lastEndMs: Math.max(part.lastEndMs, ask.endsAtMs + GRACE_S * 1_000),
  };
}

/** All VMs of ours that burn or are still to be billed. */
export function ourVms({ store, nowMs }: Moment): readonly OurVm[] {
  return store.loadTended().map((vm) => ourVm(vm, store.loadBill(vm.vmId) ?? NO_BILL, nowMs));
}
