/** Asks for more credits: the owner gets a link, the agent never holds a means of payment. */
import * as z from "zod";
import { BOUNDS } from "../../account/bounds.ts";
import { answer, refuse } from "../../errors.ts";
import { dryRun, quoteId, within } from "../input.ts";
import { creditsOf, usdOf } from "../money.ts";
import { flatOutput, usd } from "../output.ts";
import { approvalRequiredFields, approvalRequiredShape, quoteFields, quoteShape } from "../quote-view.ts";
import { defineTool, invalid } from "../tool.ts";
import type { Use } from "../tool.ts";

export const topUpCredits = defineTool({
  name: "aleph_top_up_credits",
  title: "Ask for credits",
  description:
    "Asks the owner to add credits, in two steps. With amount_usd (or with dry_run): a quote. With quote_id: a link for the owner and how much has arrived, or approval_required with approval_url. Repeating a quote_id asks once. Limits are not raised by it. Refusals carry code, retry and next_tool.",
  scope: "funds:topup",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  quotes: "without_quote_id",
  kind: "top_up",
  input: z.strictObject({
    amount_usd: within(BOUNDS.amount_usd).describe("US dollars, at most six decimals").optional(),
    dry_run: dryRun,
    quote_id: quoteId,
  }),
  output: flatOutput(["quote", "approval_required", "owner_link"], {
    ...quoteShape,
    ...approvalRequiredShape,
    top_up_url: z.string().optional(),
    asked_usd: usd.optional(),
    arrived_usd: usd.nullable().describe("null: unknown").optional(),
  }),
  handler: async ({ quote_id, dry_run, amount_usd }, use) => {
    const credits = amount_usd === undefined ? undefined : creditsOf(amount_usd);
    if (amount_usd !== undefined && credits === undefined) return invalid("amount_usd", "more_than_six_decimals");
    return quote_id === undefined || dry_run ? quoted(credits, use) : accepted(quote_id, credits, use);
  },
});

async function quoted(credits: number | undefined, use: Use) {
  if (credits === undefined) return invalid("amount_usd", "missing");
  const got = await use.front.quoteTopUp(use.caller, { credits });
  return got.ok ? answer(quoteFields(got.value, use)) : got;
}

async function accepted(quote: string, credits: number | undefined, use: Use) {
  const same = credits === undefined ? {} : { credits };
  const got = await use.front.accept(use.caller, { quoteId: quote, kind: "top_up", same, waitS: 0 });
  if (!got.ok) return got;
  if (got.value.kind === "approval_required")
    return answer(approvalRequiredFields(got.value.approval, got.value.quote, use));
  if (got.value.kind !== "top_up") return refuse("internal.invariant");
  const { link, creditsAsked, creditsSeen } = got.value;
  return answer({
    status: "owner_link" as const,
    top_up_url: new URL(link, use.origin).href,
    quote_id: quote,
    asked_usd: usdOf(creditsAsked),
    arrived_usd: creditsSeen === null ? null : usdOf(creditsSeen),
    who: "owner" as const,
  });
}
