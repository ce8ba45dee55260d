/**
 * How a price is told to an agent, and what it says when the owner has to be asked first. Pure.
 */
import * as z from "zod";
import type { ApprovalView, QuoteView } from "../account/contract.ts";
import type { QuoteKind } from "../account/types.ts";
import { refusal } from "../errors.ts";
import { hoursOf, isoOf, usdOf } from "./money.ts";
import { facts, time, usd } from "./output.ts";
import { approvalFields, refusalFields } from "./result.ts";
import type { Use } from "./tool.ts";
import { shapeFields, vmShapeOut } from "./vm-view.ts";

const text = z.string();

export const quoteShape = {
  quote_id: text.optional(),
  quote_expires_at: time.optional(),
  vm_id: text.optional(),
  crn_id: text.optional(),
  ...vmShapeOut,
  ssh_key_fingerprint: text.optional(),
  ttl_hours: z.number().optional(),
  estimated_hourly_cost_usd: usd.optional(),
  expected_cost_usd: usd.describe("At the price of now, for the time asked").optional(),
  max_cost_usd: usd.describe("The most that may be held and spent").optional(),
  payer_needs_usd: usd.describe("What the payer must own for this to pass, with all that runs already").optional(),
  approval: z
    .enum(["required", "not_required", "unknown"])
    .describe("unknown: would_refuse stops it before that is looked at")
    .optional(),
  new_expires_at: time.optional(),
  would_refuse: z
    .object({
      code: text,
      facts,
      retry: text,
      retry_after_s: z.number().optional(),
      next_tool: text.optional(),
      who: text,
      owner_url: text.optional(),
      message: text,
    })
    .describe("Why accepting now would be refused; absent when it would pass")
    .optional(),
} as const;

export const approvalRequiredShape = { request_expires_at: time.optional() } as const;

const ACCEPTS: Readonly<Record<QuoteKind, string>> = {
  create: "aleph_create_vm",
  extend: "aleph_extend_vm",
  top_up: "aleph_top_up_credits",
};

export function acceptingTool(kind: QuoteKind): string {
  return ACCEPTS[kind];
}

export function quoteFields(quote: QuoteView, use: Use) {
  // credits that the owner may add cost nothing
  const spends = quote.kind !== "top_up";
  return {
    status: "quote" as const,
    quote_id: quote.quoteId,
    quote_expires_at: isoOf(quote.expiresAtMs),
    vm_id: quote.vmId ?? undefined,
    crn_id: quote.crnId ?? undefined,
    ...(quote.shape !== null && shapeFields(quote.shape)),
    os_image: quote.image ?? undefined,
    ssh_key_fingerprint: quote.sshKeyFingerprint ?? undefined,
    ttl_hours: spends ? hoursOf(quote.ttlS) : undefined,
    estimated_hourly_cost_usd: spends ? usdOf(quote.rateCreditsPerH) : undefined,
    expected_cost_usd: spends ? usdOf(quote.costCreditsExpected) : undefined,
    max_cost_usd: spends ? usdOf(quote.costCreditsMax) : undefined,
    payer_needs_usd: quote.payerNeedsCredits === null ? undefined : usdOf(quote.payerNeedsCredits),
    approval: quote.approval,
    new_expires_at: quote.newExpiresAtMs === null ? undefined : isoOf(quote.newExpiresAtMs),
    would_refuse:
      quote.wouldRefuse === undefined ? undefined : refusalFields(quote.wouldRefuse, use.origin, quote.kind),
    next_tool: acceptingTool(quote.kind),
  };
}

/** No failure: the link, what is asked, and how often to look. */
export function approvalRequiredFields(approval: ApprovalView, quote: QuoteView, use: Use) {
  const { approvalId, requestExpiresAtMs } = approval;
  const asked = refusal("approval.required", {
    approvalId,
    quoteId: quote.quoteId,
    askedCredits: quote.costCreditsMax,
  });
  return {
    status: "approval_required" as const,
    ...approvalFields(approvalId, use.origin),
    request_expires_at: isoOf(requestExpiresAtMs),
    quote_id: quote.quoteId,
    max_cost_usd: usdOf(quote.costCreditsMax),
    ...refusalFields(asked, use.origin),
  };
}
