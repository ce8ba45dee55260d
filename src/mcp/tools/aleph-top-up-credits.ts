/** Asks for more credits: the owner gets a link, the agent never holds a means of payment. */
import * as z from "zod";
import { BOUNDS } from "../../account/bounds.ts";
import type { QuoteView } from "../../account/contract.ts";
import { answer, refuse } from "../../errors.ts";
import { dryRunOfQuote, quoteId, within } from "../input.ts";
import { creditsOf, usdOf } from "../money.ts";
import { flatOutput, usd } from "../output.ts";
import { quoteFields, quoteShape } from "../quote-view.ts";
import { defineTool, invalid } from "../tool.ts";
import type { Use } from "../tool.ts";

/** Buying takes a human some minutes. */
const POLL_S = 60;

export const topUpCredits = defineTool({
  name: "aleph_top_up_credits",
  title: "Ask for credits",
  description:
    "Asks the owner to add credits, in two steps. With amount_usd: a quote. With quote_id: the owner is told the amount on the dashboard, and top_up_url, which says how to buy, is yours to hand on. Only the owner can buy; nothing is charged, no limit is raised. Repeating a quote_id asks once and shows arrived_usd. Refusals carry code, retry and next_tool.",
  scope: "funds:topup",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  quotes: "without_quote_id",
  kind: "top_up",
  input: z.strictObject({
    amount_usd: within(BOUNDS.amount_usd).describe("US dollars, at most six decimals").optional(),
    dry_run: dryRunOfQuote,
    quote_id: quoteId,
  }),
  output: flatOutput(["quote", "owner_link"], {
    ...quoteShape,
    top_up_url: z.string().optional(),
    asked_usd: usd.optional(),
    arrived_usd: usd
      .nullable()
      .describe("What has come since, at least: what was spent meanwhile is not added. null: unknown")
      .optional(),
  }),
  handler: async ({ quote_id, dry_run, amount_usd }, use) => {
    const credits = amount_usd === undefined ? undefined : creditsOf(amount_usd);
    if (amount_usd !== undefined && credits === undefined) return invalid("amount_usd", "more_than_six_decimals");
    if (quote_id === undefined) return quoted(credits, use);
    const same = credits === undefined ? {} : { credits };
    return accepted({ quoteId: quote_id, same, dryRun: dry_run }, use);
  },
});

async function quoted(credits: number | undefined, use: Use) {
  if (credits === undefined) return invalid("amount_usd", "missing");
  const got = await use.front.quoteTopUp(use.caller, { credits });
  return got.ok ? answer(quoteOf(got.value, use)) : got;
}

const quoteOf = (quote: QuoteView, use: Use) => ({
  ...quoteFields(quote, use),
  asked_usd: usdOf(quote.costCreditsMax),
});

type Accepting = { readonly quoteId: string; readonly same: { readonly credits?: number }; readonly dryRun: boolean };

async function accepted(asked: Accepting, use: Use) {
  const got = await use.front.accept(use.caller, { ...asked, kind: "top_up", waitS: 0 });
  if (!got.ok) return got;
  if (got.value.kind === "quote") return answer(quoteOf(got.value.quote, use));
  if (got.value.kind !== "top_up") return refuse("internal.invariant");
  const { link, creditsAsked, creditsArrived } = got.value;
  return answer({
    status: "owner_link" as const,
    top_up_url: new URL(link, use.origin).href,
    quote_id: asked.quoteId,
    asked_usd: usdOf(creditsAsked),
    arrived_usd: creditsArrived === null ? null : usdOf(creditsArrived),
    who: "owner" as const,
    next_tool: "aleph_top_up_credits",
    retry_after_s: POLL_S,
  });
}
