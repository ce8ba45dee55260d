/**
 * The flat answer every tool gives: one object, `status` required, everything else optional. Pure.
 *
 * A union at the root makes clients of SDK 1.x lose the whole tool list, and a refusal that breaks the schema reaches
 * some models without its code; so a refusal is the same object with other fields filled.
 */
import * as z from "zod";

const text = z.string();
const fact = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const facts = z.record(text, fact);
/** Times are UTC, ISO 8601. */
export const time = z.string();
export const usd = z.number();

/** What a refusal says, on the wire. `next_tool` is the name of a call, never a sentence. */
export const refusalShape = {
  code: text.optional(),
  facts: facts.optional(),
  retry: z.enum(["never", "same_key", "new_key", "after"]).optional(),
  retry_after_s: z.number().optional(),
  next_tool: text.optional(),
  who: z.enum(["agent", "owner", "operator", "nobody"]).optional(),
  owner_url: text.optional(),
  message: text.optional(),
} as const;

const approvalShape = { approval_id: text.optional(), approval_url: text.optional() } as const;

export const datedShape = {
  as_of: time.optional(),
  network_state: z.enum(["reachable", "watch_silent", "unreachable"]).optional(),
  network: z.enum(["aleph", "twin"]).optional(),
  login_expires_at: time.optional(),
} as const;

/** The output schema of one tool. Every field given has to be optional; `refused` is always among the statuses. */
export function flatOutput<const S extends readonly [string, ...string[]], F extends z.core.$ZodLooseShape>(
  statuses: S,
  fields: F,
) {
  return z.object({ ...fields, ...approvalShape, ...refusalShape, status: z.enum([...statuses, "refused"]) });
}

/** What any tool hands to the formatter. */
export type Output = { readonly status: string; readonly [field: string]: unknown };

/** The codes that are no failure: the owner is being asked. */
export function asksTheOwner(code: string): boolean {
  return code === "approval.required" || code === "approval.pending";
}
