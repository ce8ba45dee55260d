/**
 * What to do about a refusal, where the code's own sentence does not fit a page that stood open: one fixed sentence, the
 * same on a page and for a script. Pure.
 */
import type { Facts, Refusal } from "../errors.ts";
import { AGENT_FIELDS } from "./agent-form.ts";
import { POLICY_FIELDS, type Spec } from "./policy-fields.ts";

const BY_REASON: ReadonlyMap<unknown, string> = new Map([
  [
    "session",
    "Your sign-in has run out: nothing was changed. Sign in again in another tab. Limits that you typed can then be saved as they stand; load any other page again first.",
  ],
  [
    "authorization",
    "This request to connect is older than ten minutes, or was opened in another browser. Start again from your agent.",
  ],
]);

const OPEN_TOO_LONG =
  "The page was open for too long, or this was done on it already: nothing was changed. Load it again, then do it once more.";
/** What a page was given when it was loaded, and no longer fits. */
const BY_FIELD: ReadonlyMap<unknown, string> = new Map(
  ["nonce", "csrf", "item_hash"].map((field) => [field, OPEN_TOO_LONG] as const),
);

export function hintOf({ facts }: Refusal): string | undefined {
  return BY_REASON.get(facts["reason"]) ?? BY_FIELD.get(facts["field"]) ?? fieldHint(facts);
}

const TYPED: readonly Spec[] = [...POLICY_FIELDS, ...Object.values(AGENT_FIELDS)];

/** What the owner typed, by the name that it has on the page. */
function fieldHint({ field, ...said }: Facts): string | undefined {
  const spec = TYPED.find(({ name }) => name === field);
  if (spec === undefined) return undefined;
  const { label, unit = "" } = spec;
  const { min, max } = { ...spec, ...said };
  if (min === undefined) return `${label}: this cannot be.`;
  return `${label}: ${max === undefined ? `${min} at the earliest` : `between ${min} and ${max} ${unit}`.trimEnd()}.`;
}
