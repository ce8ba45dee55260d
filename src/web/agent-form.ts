/**
 * The fields of one agent on the consent page: which agent it is, its own budget and counts, and the end of its access.
 * Pure.
 *
 * An agent that comes back keeps its VMs, its history and what it has spent; its budget and its end are the owner's to set
 * anew, and are the old ones where nothing is said.
 */
import type { GrantDraft, GrantView } from "../account/contract.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import { DATE, type Spec, USD } from "./policy-fields.ts";
import { DEFAULTS, type FormValues, defaultEnd, endOfDayMs } from "./policy-form.ts";
import { creditsOf, usdField } from "./text.ts";

/** A new agent starts with the smallest budget that is of use: one day's worth. */
export const GRANT_BUDGET_USD = "5";
const COUNT_MAX = 999;
const COUNT = { step: "1", min: "0", max: String(COUNT_MAX) } as const;
/** As many digits as are read. */
const MONEY = { ...USD, min: "0", max: "999999999" } as const;

export const AGENT_FIELDS = {
  budget: { name: "budget_usd", label: "It may spend in all, what it has spent included", ...MONEY },
  end: { name: "agent_expires_on", label: "Its access ends on (UTC)", ...DATE },
  day: {
    name: "agent_day_usd",
    label: "It may spend within any 24 hours (empty: no such limit)",
    ...MONEY,
    optional: true,
  },
  live: { name: "agent_vms_live_max", label: "Its VMs alive at once", ...COUNT },
  perMin: { name: "agent_creates_per_min_max", label: "Its new VMs per minute", ...COUNT },
} as const satisfies Readonly<Record<string, Spec>>;
const DAY_S = 86_400;

export type AgentDraft = Omit<GrantDraft, "clientId" | "clientName" | "redirectHost" | "scopes">;

/** Refuses with the name of the first field that cannot be. `grants` are the owner's. */
export function readAgent(given: FormValues, grants: readonly GrantView[], nowMs: number): Answer<AgentDraft> {
  const which = given["agent"] ?? "new";
  const known = grants.find((grant) => grant.grantId === which && grant.state !== "revoked");
  if (known === undefined && which !== "new") return refuse("input.unknown_id", { field: "agent" });
  const creditsMax = creditsOf(
    given["budget_usd"] ?? (known === undefined ? GRANT_BUDGET_USD : usdField(known.creditsMax)),
  );
  if (creditsMax === undefined) return refuse("input.invalid", { field: "budget_usd" });
  const expiresAtMs = endOf(given["agent_expires_on"] ?? "", known, nowMs);
  if (expiresAtMs === undefined) return refuse("input.invalid", { field: "agent_expires_on" });
  const kept = known === undefined ? newAgent(given) : answer(keptBy(known));
  return kept.ok ? answer({ ...kept.value, creditsMax, expiresAtMs }) : kept;
}

/** What was typed; else what the agent had; a new one, and one whose access has run out, gets what limits get. */
function endOf(date: string, known: GrantView | undefined, nowMs: number): number | undefined {
  if (date === "" && known !== undefined && known.expiresAtMs > nowMs) return known.expiresAtMs;
  const atMs = endOfDayMs(date === "" ? defaultEnd(nowMs) : date);
  return atMs !== undefined && atMs > nowMs ? atMs : undefined;
}

type Kept = Omit<AgentDraft, "creditsMax" | "expiresAtMs">;

function keptBy({ grantId, vmsLiveMax, createsPerMinMax, windows = [] }: GrantView): Kept {
  return { existingGrantId: grantId, vmsLiveMax, createsPerMinMax, windows };
}

function newAgent(given: FormValues): Answer<Kept> {
  const vmsLiveMax = count(given["agent_vms_live_max"] ?? DEFAULTS["vms_live_max"]);
  if (vmsLiveMax === undefined) return refuse("input.invalid", { field: "agent_vms_live_max" });
  const createsPerMinMax = count(given["agent_creates_per_min_max"] ?? DEFAULTS["creates_per_min_max"]);
  if (createsPerMinMax === undefined) return refuse("input.invalid", { field: "agent_creates_per_min_max" });
  const perDay = given["agent_day_usd"] ?? "";
  const dayCredits = perDay === "" ? null : creditsOf(perDay);
  if (dayCredits === undefined) return refuse("input.invalid", { field: "agent_day_usd" });
  const windows = dayCredits === null ? [] : [{ seconds: DAY_S, creditsMax: dayCredits }];
  return answer({ vmsLiveMax, createsPerMinMax, windows });
}

function count(text = ""): number | undefined {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : NaN;
  return value <= COUNT_MAX ? value : undefined;
}
