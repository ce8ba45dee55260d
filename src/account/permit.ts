/**
 * Whether an accept may go through: the quote first, then every limit, then the owner's approval (style.md §3).
 *
 * Synchronous, one moment. The four final refusals burn the quote; an approval is used up by the admission that it
 * allows, in the same transaction.
 */
import { type Answer, answer, type Refusal, refusal, refuse } from "../errors.ts";
import { approvalFacts, covers, REQUEST_MS, standing } from "./approvals.ts";
import { type Health, judge } from "./checks.ts";
import type { Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { needsApproval, type Request } from "./policy.ts";
import { type QuoteRow } from "./quote-store.ts";
import { aboveHourly } from "./requests.ts";
import type { Approval, Credits, Grant, VmSpec } from "./types.ts";

export type Passed =
  | { readonly kind: "free"; readonly approvalId: string | null }
  | { readonly kind: "waits"; readonly approval: Approval };

/** Quote, then all limits, then the approval; a final refusal burns the quote. */
export function pass(
  moment: Moment,
  health: Health,
  grant: Grant,
  quote: QuoteRow,
  request: Request,
  payer: PayerFacts,
  spec: VmSpec,
  hold: Credits,
  vmId = "",
): Answer<Passed> {
  const given = moment.store.approvalOfQuote(quote.quoteId);
  const judged = judge(moment, health, grant, request, payer);
  if (!("usage" in judged)) return { ok: false, refusal: judged.refusal };
  const state = given === undefined ? undefined : standing(given, judged.policy.version, moment.nowMs);
  const final = finalRefusal(moment, quote, spec, given, state, hold, request);
  if (final !== null) return burn(moment, quote, final);
  if (judged.refusal !== null) return { ok: false, refusal: judged.refusal };
  const reason = needsApproval(judged.policy, judged.usage, request);
  if (reason === null) {
    // The day's sum came free meanwhile: nobody is asked for what now happens without.
    if (given !== undefined && state === "pending") moment.store.saveApproval({ ...given, state: "withdrawn" });
    return answer({ kind: "free", approvalId: null });
  }
  return withApproval(moment, grant, quote, {
    given,
    state,
    request,
    hold,
    spec,
    vmId,
    policyVersion: judged.policy.version,
  });
}

/** The four refusals that are final for a quote id (design.md §12.5). */
function finalRefusal(
  moment: Moment,
  quote: QuoteRow,
  spec: VmSpec,
  given: Approval | undefined,
  state: Approval["state"] | undefined,
  hold: Credits,
  request: Request,
): Refusal | null {
  if (state === "denied") return refusal("approval.denied");
  if (state === "stale") return refusal("approval.stale");
  const open = state === "pending" || state === "approved";
  if (!open && moment.nowMs >= quote.expiresAtMs) return refusal("quote.expired");
  const ceiling = given?.state === "approved" ? given.facts.costCreditsMax : (quote.offer?.costCreditsMax ?? 0);
  if (hold > ceiling) return refusal("quote.price_moved", { holdCredits: hold, ceilingCredits: ceiling });
  return request.kind === "create" ? aboveHourly(spec, request.rateAttoPerS) : null;
}

function burn(moment: Moment, quote: QuoteRow, no: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  // Above the agent's own hourly maximum is judged anew: the price may come down again.
  if (no.code !== "quote.above_max_hourly") moment.store.burnQuote(quote.quoteId, { kind: "refused", refusal: no });
  return { ok: false, refusal: no };
}

type Approving = {
  readonly given: Approval | undefined;
  readonly state: Approval["state"] | undefined;
  readonly request: Request;
  readonly hold: Credits;
  readonly spec: VmSpec;
  readonly vmId: string;
  readonly policyVersion: number;
};

function withApproval(moment: Moment, grant: Grant, quote: QuoteRow, ask: Approving): Answer<Passed> {
  const facts = approvalFacts({
    account: moment.account.owner,
    grant: grant.clientName,
    kind: ask.request.kind,
    vmId: ask.vmId,
    spec: ask.spec,
    ttlS: ask.request.kind === "create" ? ask.spec.ttlS : ask.request.ttlS,
    costCreditsMax: ask.request.credits,
    policyVersion: ask.policyVersion,
  });
  if (ask.given !== undefined && ask.state === "approved") {
    if (!covers(ask.given.facts, facts)) return burn(moment, quote, refusal("quote.price_moved"));
    moment.store.saveApproval({ ...ask.given, state: "used" });
    return answer({ kind: "free", approvalId: ask.given.approvalId });
  }
  if (ask.given !== undefined && ask.state === "pending") return answer({ kind: "waits", approval: ask.given });
  if (ask.given !== undefined) return refuse("approval.expired");
  const open = moment.store.openApprovals(grant.grantId);
  // Its ceiling was lowered by what the failed VM cost, so it is today's hold that has to fit under it.
  const held = { ...facts, costCreditsMax: ask.hold };
  const returned = open.find(
    (one) =>
      one.returned === true && standing(one, ask.policyVersion, moment.nowMs) === "approved" && covers(one.facts, held),
  );
  if (returned !== undefined) {
    moment.store.saveApproval({ ...returned, state: "used" });
    return answer({ kind: "free", approvalId: returned.approvalId });
  }
  const waiting = open.find((one) => standing(one, ask.policyVersion, moment.nowMs) === "pending");
  if (waiting !== undefined)
    return refuse("approval.pending", { approvalId: waiting.approvalId, quoteId: waiting.quoteId });
  const approval: Approval = {
    approvalId: moment.id("ap"),
    grantId: grant.grantId,
    quoteId: quote.quoteId,
    state: "pending",
    facts,
    askedAtMs: moment.nowMs,
    requestExpiresAtMs: moment.nowMs + REQUEST_MS,
    decidedAtMs: null,
    validUntilMs: null,
  };
  moment.store.saveApproval(approval);
  moment.audit("approval.asked", {
    approvalId: approval.approvalId,
    quoteId: quote.quoteId,
    grantId: grant.grantId,
    credits: facts.costCreditsMax,
  });
  moment.tellOwner("approval_waiting", approval.approvalId, { approvalId: approval.approvalId });
  return answer({ kind: "waits", approval });
}
