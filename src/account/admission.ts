/**
 * Quote, then accept: the only ways in which credits get held. Synchronous, each inside one transaction with one now.
 *
 * The quote id is the key: what was accepted answers the same for ever, four refusals burn it, everything else is judged
 * anew at each call (design.md §12.5). Nothing is signed or sent here.
 */
import { type Answer, answer, type Refusal, refuse } from "../errors.ts";
import { newHold, newVm } from "./birth.ts";
import { serviceGate } from "./checks.ts";
import type { Caller } from "./contract.ts";
import { creditsFor, holdFor } from "./credits.ts";
import { placeHold } from "./books.ts";
import type { Moment } from "./moment.ts";
import { noteAdmitted } from "./pacing.ts";
import { pass, type Passed } from "./permit.ts";
import type { Request } from "./policy.ts";
import { type Burnt, type QuoteRow } from "./quote-store.ts";
import { type CreateFacts, createRequest, type ExtendFacts, extendRequest, notExtendable } from "./requests.ts";
import type { Approval, Credits, Grant, VmRecord, VmSpec } from "./types.ts";

export type Accepted =
  | { readonly kind: "vm"; readonly vmId: string; readonly additionalCredits: Credits | null; readonly fresh: boolean }
  | { readonly kind: "approval"; readonly approval: Approval }
  /** `creditsThen`: what the payer had when it was asked; null: not known. */
  | { readonly kind: "top_up"; readonly creditsAsked: Credits; readonly creditsThen: Credits | null };

/** Row 0 of the order of checks: a grant that is revoked or has run out is told so before anything else. */
export function callerGrant(moment: Moment, caller: Caller): Answer<Grant> {
  const grant = moment.store.loadGrant(caller.grantId);
  if (grant === undefined || grant.state === "revoked") return refuse("auth.revoked");
  if (grant.expiresAtMs <= moment.nowMs) return refuse("auth.expired");
  return answer(grant);
}

/** Step 0 of every accept: whose quote it is, and what it has answered already. Undefined: it has to be judged. */
export function answeredBefore(quote: QuoteRow): Answer<Accepted> | undefined {
  const { burnt } = quote;
  if (burnt === null) return undefined;
  if (burnt.kind === "refused") return { ok: false, refusal: burnt.refusal };
  if (burnt.kind === "top_up") return answer({ ...burnt, creditsThen: burnt.creditsThen ?? null });
  return answer({ kind: "vm", vmId: burnt.vmId, additionalCredits: burnt.additionalCredits, fresh: false });
}

/** The grant's own quote, or the same answer as for an id that does not exist. */
export function ownQuote(moment: Moment, caller: Caller, quoteId: string): Answer<QuoteRow> {
  const quote = moment.store.loadQuote(quoteId);
  if (quote === undefined || quote.grantId !== caller.grantId) return refuse("input.unknown_id", { id: "quote" });
  return answer(quote);
}

export function acceptCreate(
  moment: Moment,
  grant: Grant,
  quote: QuoteRow,
  spec: VmSpec,
  facts: CreateFacts,
): Answer<Accepted> {
  const hold = holdFor(facts.rateAttoPerS, spec.ttlS);
  const request = createRequest(spec, facts, quote.offer?.costCreditsMax ?? hold, moment.nowMs);
  const passed = pass(moment, grant, quote, facts.payer, { request, spec, hold });
  if (!passed.ok) noteRefused(moment, quote, request, passed.refusal);
  if (!passed.ok || passed.value.kind === "waits") return done(passed);
  const vm = newVm(moment, grant, quote, spec, facts, passed.value.approvalId);
  moment.store.saveVm(vm, true);
  placeHold(moment.store, newHold(moment, vm, "create", hold, passed.value.approvalId !== null));
  moment.store.noteAsked({ ...askedWith(moment, quote, request), vmId: vm.vmId, code: null });
  return admitted(moment, quote, vm, null);
}

const askedWith = ({ nowMs }: Moment, { quoteId, grantId }: QuoteRow, request: Request) => ({
  quoteId,
  grantId,
  request,
  atMs: nowMs,
});

/** What the account's own limits refused is kept for a while, so that other limits can be tried on it. */
function noteRefused(moment: Moment, quote: QuoteRow, request: Request, { code, facts }: Refusal): void {
  const byLimit = code.startsWith("policy.") && code !== "policy.expired" && code !== "policy.grant";
  if (!byLimit || facts["of"] === "grant") return;
  moment.store.noteAsked({ ...askedWith(moment, quote, request), vmId: null, code });
  moment.touched = true;
}

export function acceptExtend(
  moment: Moment,
  grant: Grant,
  quote: QuoteRow,
  vm: VmRecord,
  seconds: number,
  facts: ExtendFacts,
): Answer<Accepted> {
  const no = notExtendable(vm);
  if (no !== null) return { ok: false, refusal: no };
  const credits = creditsFor(vm.rateAttoPerS, seconds);
  const request = extendRequest(vm, seconds, credits);
  const passed = pass(moment, grant, quote, facts.payer, {
    request,
    spec: vm.spec,
    hold: credits,
    vmId: vm.vmId,
  });
  if (!passed.ok || passed.value.kind === "waits") return done(passed);
  const longer = { ...vm, expiresAtMs: vm.expiresAtMs + seconds * 1_000 };
  moment.store.saveVm(longer, true);
  placeHold(moment.store, newHold(moment, vm, "extend", credits, passed.value.approvalId !== null));
  return admitted(moment, quote, longer, credits);
}

/**
 * Nothing is held or bought: the owner is told, once a quote. Of all gates only the operator's: nobody should buy what
 * cannot be used.
 */
export function acceptTopUp(
  moment: Moment,
  quote: QuoteRow,
  credits: Credits,
  creditsThen: Credits | null,
): Answer<Accepted> {
  const paused = serviceGate(moment.config);
  if (paused !== null) return { ok: false, refusal: paused };
  const asked = { kind: "top_up", creditsAsked: credits, creditsThen } as const;
  moment.store.burnQuote(quote.quoteId, asked);
  moment.audit("top_up.asked", { grantId: quote.grantId, credits });
  moment.tellOwner("top_up_asked", quote.quoteId, { grantId: quote.grantId, credits });
  return answer(asked);
}

function done(passed: Answer<Passed>): Answer<Accepted> {
  if (!passed.ok) return passed;
  if (passed.value.kind === "free") return refuse("internal.invariant");
  return answer({ kind: "approval", approval: passed.value.approval });
}

function admitted(moment: Moment, quote: QuoteRow, vm: VmRecord, additionalCredits: Credits | null): Answer<Accepted> {
  const burnt: Burnt = { kind: "vm", vmId: vm.vmId, additionalCredits };
  moment.store.burnQuote(quote.quoteId, burnt);
  noteAdmitted(moment, vm.grantId);
  moment.audit(additionalCredits === null ? "vm.admitted" : "vm.extended", {
    vmId: vm.vmId,
    quoteId: quote.quoteId,
    grantId: vm.grantId,
    expiresAtMs: vm.expiresAtMs,
  });
  return answer({ ...burnt, fresh: true });
}
