/**
 * The only place where an answer or a refusal becomes tool output. Pure.
 *
 * Text and data say the same, since some clients show a model one and some the other. A refusal carries codes, numbers
 * and one fixed sentence; nothing of an upstream server can be in it. That the owner is asked is no failure.
 */
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { QuoteKind } from "../account/types.ts";
import { entryOf } from "../errors.ts";
import type { Answer, Fact, Facts, Refusal } from "../errors.ts";
import { isoOf, usdOf } from "./money.ts";
import { asksTheOwner } from "./output.ts";
import type { Output } from "./output.ts";

/** When a code says "wait" without saying how long, and how often to look for the owner's decision. */
const WAIT_S = 60;
export const APPROVAL_POLL_S = 15;

/** Where a quote of this kind is asked for. */
const PRICES: Readonly<Record<QuoteKind, string>> = {
  create: "aleph_quote_vm",
  extend: "aleph_extend_vm",
  top_up: "aleph_top_up_credits",
};

/** `kind`: what the quotes of the tool are of that answers. */
export function outputOf(answer: Answer<Output>, origin: string, kind?: QuoteKind): Output {
  if (answer.ok) return answer.value;
  const { code, facts } = answer.refusal;
  if (!asksTheOwner(code)) return { status: "refused", ...refusalFields(answer.refusal, origin, kind) };
  const page = typeof facts["approvalId"] === "string" ? approvalFields(facts["approvalId"], origin) : {};
  return { status: "approval_required", ...page, ...refusalFields(answer.refusal, origin) };
}

export function toolResult(output: Output): CallToolResult {
  const text = JSON.stringify(output);
  const structuredContent = JSON.parse(text) as Record<string, unknown>;
  const result: CallToolResult = { content: [{ type: "text", text }], structuredContent };
  return output.status === "refused" ? { ...result, isError: true } : result;
}

export function approvalFields(approvalId: string, origin: string) {
  return { approval_id: approvalId, approval_url: `${origin}/approve/${approvalId}` };
}

export function refusalFields(refusal: Refusal, origin: string, kind: QuoteKind = "create") {
  const { says, who } = entryOf(refusal.code);
  return {
    code: refusal.code,
    facts: wireFacts(refusal.facts),
    retry: refusal.retry,
    retry_after_s: waitS(refusal),
    next_tool: nextTool(refusal, kind),
    who,
    owner_url: ownerUrl(refusal, origin),
    message: says,
  };
}

/** An unknown id is looked for where such ids are listed; a quote that helps no more is asked for anew as what it was. */
function nextTool({ code, facts }: Refusal, kind: QuoteKind): string | undefined {
  const { next, anew } = entryOf(code);
  const unknown = code === "input.unknown_id" ? facts["id"] : undefined;
  if (unknown === "approval") return "aleph_get_approval";
  return anew === true || unknown === "quote" ? PRICES[kind] : next;
}

function waitS(refusal: Refusal): number | undefined {
  if (refusal.retryAfterS !== undefined) return refusal.retryAfterS;
  if (asksTheOwner(refusal.code)) return APPROVAL_POLL_S;
  return refusal.retry === "after" ? WAIT_S : undefined;
}

/** A fixed path per code on our own origin; an approval's page also needs its id, and without one the dashboard lists it. */
function ownerUrl({ code, facts }: Refusal, origin: string): string | undefined {
  const { page } = entryOf(code);
  if (page === undefined) return undefined;
  if (page !== "/approve") return `${origin}${page}`;
  return typeof facts["approvalId"] === "string" ? `${origin}${page}/${facts["approvalId"]}` : `${origin}/dashboard`;
}

/** `askedCredits` is said as `asked_credits` and as `asked_usd`; `freesAtMs` as the time `frees_at`. */
export function wireFacts(facts: Facts): Record<string, Fact> {
  return Object.fromEntries(Object.entries(facts).flatMap(([name, fact]) => wireFact(name, fact)));
}

function wireFact(name: string, fact: Fact): [string, Fact][] {
  if (typeof fact !== "number") return [[snake(name), fact]];
  if (name.endsWith("AtMs")) return [[snake(name.slice(0, -2)), isoOf(fact)]];
  if (!/Credits$|^credits$/.test(name)) return [[snake(name), fact]];
  const inUsd = name === "credits" ? "usd" : `${snake(name.slice(0, -"Credits".length))}_usd`;
  return [
    [snake(name), fact],
    [inUsd, usdOf(fact)],
  ];
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
