/**
 * Whether an accept may go through: the quote first, then every limit, then the owner's approval (safety.md a.3).
 *
 * Synchronous, one moment. The four final refusals burn the quote; an approval is used up by the admission that it
 * allows, in the same transaction.
 */
import { type Answer, answer, type Refusal, refusal, refuse } from "../errors.ts";
import { endRequest } from "./approval-end.ts";
import { approvalFacts, coversNow, REQUEST_MS, sameAsked, standing } from "./approvals.ts";
import { mayAsk, mayCreate } from "./breaker.ts";
import { judge } from "./checks.ts";
import type { Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { needsApproval, type Request } from "./policy.ts";
import { type QuoteRow } from "./quote-store.ts";
import { aboveHourly } from "./requests.ts";
import type { Approval, ApprovalFacts, Credits, Grant, VmSpec } from "./types.ts";

export type Passed =
  | { readonly kind: "free"; readonly approvalId: string | null }
  | { readonly kind: "waits"; readonly approval: Approval };

/** What is asked for, beside the quote: an extension names its VM. */
export type Asking = {
  readonly request: Request;
  readonly spec: VmSpec;
  readonly hold: Credits;
  readonly vmId?: string;
};

type Given = { readonly approval: Approval; readonly state: Approval["state"] };

/** Quote, then all limits, then the agent's pace, then the approval; a final refusal burns the quote. */
export function pass(moment: Moment, grant: Grant, quote: QuoteRow, payer: PayerFacts, asking: Asking): Answer<Passed> {
  const { request } = asking;
  const judged = judge(moment, grant, request, payer);
  if (!("usage" in judged)) return { ok: false, refusal: judged.refusal };
  const facts = factsOf(moment, grant, asking, judged.policy.version);
  const given = approvalFor(moment, grant, quote, facts, asking.hold);
  const final = finalRefusal(moment, quote, given, asking);
  if (final !== null) return burn(moment, quote, final);
  if (judged.refusal !== null) return { ok: false, refusal: judged.refusal };
  const pace = moment.store.loadPace(grant.grantId);
  const wait = request.kind === "create" ? mayCreate(pace, moment.nowMs) : null;
  if (wait !== null) return { ok: false, refusal: wait };
  if (needsApproval(judged.policy, judged.usage, request) === null) return withoutApproval(moment, given);
  return withApproval(moment, grant, quote, facts, given, asking.hold);
}

/** The day's sum came free meanwhile: nobody is asked for what now happens without. */
function withoutApproval(moment: Moment, given: Given | undefined): Answer<Passed> {
  if (given?.state === "pending") endRequest(moment, given.approval, "withdrawn");
  return answer({ kind: "free", approvalId: null });
}

function factsOf(moment: Moment, grant: Grant, { request, spec, vmId = "" }: Asking, version: number): ApprovalFacts {
  return approvalFacts({
    account: moment.account.owner,
    grant: grant.clientName,
    kind: request.kind,
    vmId,
    spec,
    ttlS: request.kind === "create" ? spec.ttlS : request.ttlS,
    costCreditsMax: request.credits,
    policyVersion: version,
  });
}

/** The approval that was asked with this quote, or the open one that says the same. */
function approvalFor(
  moment: Moment,
  grant: Grant,
  quote: QuoteRow,
  facts: ApprovalFacts,
  hold: Credits,
): Given | undefined {
  const approval =
    moment.store.approvalOfQuote(quote.quoteId) ??
    sameAsked(moment.store.openApprovals(grant.grantId), facts, hold, moment.nowMs);
  return approval === undefined
    ? undefined
    : { approval, state: standing(approval, facts.policyVersion, moment.nowMs) };
}

/** The four refusals that are final for a quote id (design.md §12.5). */
function finalRefusal(moment: Moment, quote: QuoteRow, given: Given | undefined, asking: Asking): Refusal | null {
  const { request, spec, hold } = asking;
  if (given?.state === "denied") return refusal("approval.denied");
  if (given?.state === "stale") return refusal("approval.stale");
  const open = given?.state === "pending" || given?.state === "approved";
  if (!open && moment.nowMs >= quote.expiresAtMs) return refusal("quote.expired");
  const offered = quote.offer?.costCreditsMax ?? 0;
  // Limits are judged at what the quote offered, so a hold stays below that even under a higher signed ceiling.
  const ceiling = given?.state === "approved" ? Math.min(offered, given.approval.facts.costCreditsMax) : offered;
  if (hold > ceiling) return refusal("quote.price_moved", { holdCredits: hold, ceilingCredits: ceiling });
  return request.kind === "create" ? aboveHourly(spec, request.rateAttoPerS) : null;
}

function burn(moment: Moment, quote: QuoteRow, no: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  // Above the agent's own hourly maximum is judged anew: the price may come down again.
  if (no.code !== "quote.above_max_hourly") moment.store.burnQuote(quote.quoteId, { kind: "refused", refusal: no });
  return { ok: false, refusal: no };
}

function withApproval(
  moment: Moment,
  grant: Grant,
  quote: QuoteRow,
  facts: ApprovalFacts,
  given: Given | undefined,
  hold: Credits,
): Answer<Passed> {
  if (given?.state === "approved") {
    if (!coversNow(given.approval, facts, hold)) return burn(moment, quote, refusal("quote.price_moved"));
    moment.store.saveApproval({ ...given.approval, state: "used" });
    return answer({ kind: "free", approvalId: given.approval.approvalId });
  }
  if (given?.state === "pending") return answer({ kind: "waits", approval: given.approval });
  if (given !== undefined) return refuse("approval.expired");
  const wait = mayAsk(moment.store.loadPace(grant.grantId), moment.nowMs);
  if (wait !== null) return { ok: false, refusal: wait };
  const waiting = moment.store
    .openApprovals(grant.grantId)
    .find((one) => standing(one, facts.policyVersion, moment.nowMs) === "pending");
  return waiting === undefined
    ? askOwner(moment, grant, quote, facts)
    : refuse("approval.pending", { approvalId: waiting.approvalId, quoteId: waiting.quoteId });
}

function askOwner(moment: Moment, grant: Grant, quote: QuoteRow, facts: ApprovalFacts): Answer<Passed> {
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
