/**
 * Quotes: a priced, expiring offer for one exact VM, extension or top-up. Synchronous, one moment each.
 *
 * A quote reserves no money and no node; it also says what accepting it now would be refused for.
 */
import { type Answer, answer, type Refusal, refusal } from "../errors.ts";
import { endOverdue } from "./approval-end.ts";
import { mayAsk, mayCreate } from "./breaker.ts";
import { judge, type Judged, payerNeeds, serviceGate } from "./checks.ts";
import type { QuoteView } from "./contract.ts";
import { ceilingOf, creditsFor, creditsPerHour, holdFor } from "./credits.ts";
import type { Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { needsApproval, type Request } from "./policy.ts";
import { type Offer, type QuoteRow } from "./quote-store.ts";
import { isNearlyFull } from "./room.ts";
import { aboveHourly, type CreateFacts, createRequest, extendRequest, notExtendable } from "./requests.ts";
import type { Credits, Grant, SpecAsk, VmRecord, VmSpec } from "./types.ts";

const QUOTE_MS = 600_000;
const OPEN_QUOTES_MAX = 20;
/** Without a policy there is a price, though nothing can be created yet. */
const TTL_S_UNSET = 4 * 3_600;

export function quoteCreate(moment: Moment, grant: Grant, asked: SpecAsk, facts: CreateFacts): Answer<QuoteView> {
  const full = quoteRoom(moment, grant);
  if (full !== null) return { ok: false, refusal: full };
  const tooDear = aboveHourly(asked, facts.rateAttoPerS);
  if (tooDear !== null) return { ok: false, refusal: tooDear };
  const spec: VmSpec = { ...asked, ttlS: asked.ttlS ?? moment.policy?.limits.ttlSDefault ?? TTL_S_UNSET };
  const rise = moment.policy?.priceRisePctMax ?? 0;
  const costCreditsMax = ceilingOf(holdFor(facts.rateAttoPerS, spec.ttlS), rise);
  const request = createRequest(spec, facts, costCreditsMax, moment.nowMs);
  const base = {
    kind: "create" as const,
    vmId: null,
    crnId: facts.node.nodeHash,
    shape: spec.shape,
    image: spec.imageSlug,
    sshKeyFingerprint: spec.sshFingerprint,
    ttlS: spec.ttlS,
    newExpiresAtMs: null,
  };
  const view = viewOf(moment, grant, request, facts.payer, {
    ...base,
    rateAttoPerS: facts.rateAttoPerS,
    expected: creditsFor(facts.rateAttoPerS, spec.ttlS),
  });
  return answer(
    keepQuote(moment, grant, view, { params: { kind: "create", spec }, costCreditsMax, node: facts.node, view }),
  );
}

export function quoteExtend(
  moment: Moment,
  grant: Grant,
  vm: VmRecord,
  seconds: number,
  payer: PayerFacts,
): Answer<QuoteView> {
  const full = quoteRoom(moment, grant) ?? notExtendable(vm);
  if (full !== null) return { ok: false, refusal: full };
  const credits = creditsFor(vm.rateAttoPerS, seconds);
  const request = extendRequest(vm, seconds, credits);
  const base = {
    kind: "extend" as const,
    vmId: vm.vmId,
    crnId: null,
    shape: vm.spec.shape,
    image: vm.spec.imageSlug,
    sshKeyFingerprint: vm.spec.sshFingerprint,
    ttlS: seconds,
    newExpiresAtMs: vm.expiresAtMs + seconds * 1_000,
  };
  const view = viewOf(moment, grant, request, payer, {
    ...base,
    rateAttoPerS: vm.rateAttoPerS,
    expected: credits,
  });
  return answer(
    keepQuote(moment, grant, view, {
      params: { kind: "extend", vmId: vm.vmId, seconds },
      costCreditsMax: credits,
      node: null,
      view,
    }),
  );
}

export function quoteTopUp(moment: Moment, grant: Grant, credits: Credits): Answer<QuoteView> {
  const full = quoteRoom(moment, grant);
  if (full !== null) return { ok: false, refusal: full };
  const none = {
    vmId: null,
    crnId: null,
    shape: null,
    image: null,
    sshKeyFingerprint: null,
    payerNeedsCredits: null,
    newExpiresAtMs: null,
  };
  const times = { ttlS: 0, expiresAtMs: moment.nowMs + QUOTE_MS };
  const paused = serviceGate(moment.config);
  const view: QuoteView = {
    quoteId: "",
    kind: "top_up",
    ...none,
    ...times,
    rateCreditsPerH: 0,
    costCreditsExpected: credits,
    costCreditsMax: credits,
    approval: "not_required",
    ...(paused === null ? {} : { wouldRefuse: paused }),
  };
  return answer(
    keepQuote(moment, grant, view, { params: { kind: "top_up", credits }, costCreditsMax: credits, node: null, view }),
  );
}

function quoteRoom(moment: Moment, grant: Grant): Refusal | null {
  if (isNearlyFull(moment.store)) return refusal("account.storage");
  endOverdue(moment, grant.grantId);
  moment.store.pruneQuotes(grant.grantId, moment.nowMs, { kind: "refused", refusal: refusal("quote.expired") });
  return moment.store.openQuotes(grant.grantId) >= OPEN_QUOTES_MAX
    ? refusal("busy.open_quotes", { openQuotes: OPEN_QUOTES_MAX }, 600)
    : null;
}

function keepQuote(moment: Moment, grant: Grant, view: QuoteView, offer: Offer): QuoteView {
  const quoteId = moment.id("q");
  const named = { ...view, quoteId };
  const row: QuoteRow = {
    quoteId,
    grantId: grant.grantId,
    kind: view.kind,
    madeAtMs: moment.nowMs,
    expiresAtMs: view.expiresAtMs,
    offer: { ...offer, view: named },
    burnt: null,
  };
  moment.store.insertQuote(row);
  return named;
}

type ViewBase = Pick<
  QuoteView,
  "kind" | "vmId" | "crnId" | "shape" | "image" | "sshKeyFingerprint" | "ttlS" | "newExpiresAtMs"
> & { readonly rateAttoPerS: bigint; readonly expected: Credits };

/** A quote also says what accepting it now would be refused for, so that an agent need not try. */
function viewOf(moment: Moment, grant: Grant, request: Request, payer: PayerFacts, base: ViewBase): QuoteView {
  const { rateAttoPerS, expected, ...shown } = base;
  const judged = judge(moment, grant, request, payer);
  const approval = "usage" in judged ? approvalFor(judged, request) : "unknown";
  const view: QuoteView = {
    quoteId: "",
    ...shown,
    rateCreditsPerH: creditsPerHour(rateAttoPerS),
    costCreditsExpected: expected,
    costCreditsMax: request.credits,
    payerNeedsCredits: payerNeeds(moment, request, payer),
    approval,
    expiresAtMs: moment.nowMs + QUOTE_MS,
  };
  const no = judged.refusal ?? paceRefusal(moment, grant, request, approval);
  return no === null ? view : { ...view, wouldRefuse: no };
}

const approvalFor = ({ policy, usage }: Judged, request: Request): QuoteView["approval"] =>
  needsApproval(policy, usage, request) === null ? "not_required" : "required";

function paceRefusal(moment: Moment, grant: Grant, request: Request, approval: QuoteView["approval"]): Refusal | null {
  const pace = moment.store.loadPace(grant.grantId);
  const wait = request.kind === "create" ? mayCreate(pace, moment.nowMs) : null;
  const asks = approval === "required" && moment.store.openApprovals(grant.grantId).length === 0;
  return wait ?? (asks ? mayAsk(pace, moment.nowMs) : null);
}
