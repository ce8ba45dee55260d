/**
 * The fields of the owner's limits: what each is called, its unit, and between what the account lets it lie. Pure.
 *
 * The account counts in credits, seconds and MiB, the form in dollars, hours and GB: `of` is the account's own name of a
 * field and `per` how many of its units make one of the form's.
 */
import { type Bounded, type Bounds, policyBounds } from "../account/policy-draft.ts";
import { isUnattended } from "../account/unattended.ts";
import type { Facts, Refusal } from "../errors.ts";
import type { Kit } from "./deps.ts";
import type { FieldAsk } from "./html.ts";
import { day, decimal } from "./text.ts";

export type Spec = Omit<FieldAsk, "value"> & { readonly of?: Bounded | "delegation_expires"; readonly per?: number };

export const USD = { unit: "USD", step: "0.000001", per: 1_000_000 } as const;
export const HOURS = { unit: "hours", per: 3_600 } as const;
export const GB = { unit: "GB", per: 1_024 } as const;
export const DATE = { type: "date" } as const;
const WHOLE = { step: "1" } as const;
const LIST = { type: "text", optional: true } as const;

export const MONEY_FIELDS: readonly Spec[] = [
  { name: "per_vm_usd", of: "per_vm", label: "One VM may cost in all", ...USD },
  { name: "burn_usd_per_h", of: "burn_per_h", label: "All VMs together, per hour", ...USD },
  {
    name: "window_3600_usd",
    of: "window_3600",
    label: "Within any hour (empty: no such limit)",
    ...USD,
    optional: true,
  },
  { name: "window_86400_usd", of: "window_86400", label: "Within any 24 hours", ...USD },
  {
    name: "window_2592000_usd",
    of: "window_2592000",
    label: "Within any 30 days (empty: no such limit)",
    ...USD,
    optional: true,
  },
  { name: "lifetime_usd", of: "lifetime", label: "In all, ever", ...USD },
];

export const VM_FIELDS: readonly Spec[] = [
  { name: "vms_live_max", of: "vms_live", label: "VMs alive at once", ...WHOLE },
  { name: "creates_per_min_max", of: "creates_per_min", label: "New VMs per minute", ...WHOLE },
  { name: "ttl_h_default", of: "ttl_default", label: "A VM lives, if nothing is said", ...HOURS },
  { name: "ttl_h_max", of: "ttl", label: "A VM lives at most", ...HOURS },
  { name: "extend_h_total_max", of: "extend_total", label: "One VM may be extended by, in all", ...HOURS },
  { name: "vcpus_max", of: "vcpus", label: "Largest VM: processors", unit: "vCPU", ...WHOLE },
  { name: "memory_gb_max", of: "memory", label: "Largest VM: memory", ...GB },
  { name: "disk_gb_max", of: "disk", label: "Largest VM: disk", ...GB },
  { name: "gpus", label: "GPU models allowed, separated by commas (empty: none)", ...LIST },
  { name: "images", label: "Images allowed, by name or hash, separated by commas (empty: all)", ...LIST },
  { name: "price_rise_pct_max", of: "price_rise", label: "A price may rise after the quote by", unit: "%", ...WHOLE },
];

export const PLACE_FIELDS: readonly Spec[] = [
  { name: "nodes_allow", label: "Nodes allowed, by hash, separated by commas (empty: all)", ...LIST },
  { name: "nodes_deny", label: "Nodes never to be used, by hash", ...LIST },
  {
    name: "terms_accepted",
    label: "Operators' terms that I have read and accept, by hash (empty: no node that asks for any)",
    ...LIST,
  },
  {
    name: "score_pct_min",
    of: "score_min",
    label: "Lowest score of a node (below 80 none is ever used)",
    unit: "%",
    ...WHOLE,
  },
];

export const TROUBLE_FIELDS: readonly Spec[] = [
  {
    name: "vm_unreachable_min",
    of: "vm_unreachable_min",
    label: "A VM counts as unreachable after",
    unit: "minutes",
    ...WHOLE,
  },
];

export const APPROVAL_FIELDS: readonly Spec[] = [
  { name: "approval_above_usd", of: "approval_above", label: "Ask me for any VM that costs more than", ...USD },
  {
    name: "unapproved_per_day_usd",
    of: "approval_per_day",
    label: "Ask me once a day's unapproved spending passes",
    ...USD,
  },
];

export const TERM_FIELDS: readonly Spec[] = [
  { name: "expires_on", of: "expires", label: "These limits end on (UTC)", ...DATE },
  {
    name: "delegation_expires_on",
    of: "delegation_expires",
    label: "No VM may outlive this day (UTC; empty: my delegation has no end)",
    ...DATE,
    optional: true,
  },
];

export const POLICY_FIELDS: readonly Spec[] = [
  ...MONEY_FIELDS,
  ...VM_FIELDS,
  ...PLACE_FIELDS,
  ...TROUBLE_FIELDS,
  ...APPROVAL_FIELDS,
  ...TERM_FIELDS,
];

export const boundsOf = ({ clock, config }: Kit): Bounds =>
  policyBounds(clock.nowMs(), isUnattended(config.NETWORK, config.PUBLIC_ORIGIN));

/** A bound of the account in the form's own unit; of a day only the end counts, so the last one is a day early. */
function inUnit({ type, per = 1 }: Spec, value: number, end: "min" | "max"): string {
  if (type !== "date") return decimal(value / per);
  return day(end === "min" ? value : value - DAY_MS);
}
const DAY_MS = 86_400_000;

type Ends = { readonly min?: string; readonly max?: string };

/** What a field is drawn with. */
export function endsOf(spec: Spec, bounds: Bounds): Ends {
  const { of } = spec;
  if (of === undefined) return {};
  if (of === "delegation_expires") return { min: inUnit(spec, bounds.expires[0], "min") };
  const [min, max] = bounds[of];
  return { min: inUnit(spec, min, "min"), max: inUnit(spec, max, "max") };
}

/** A refusal of a draft, ours or the account's, with the form's own name of the field and its bounds in its own unit. */
export function inForm(refused: Refusal, bounds: Bounds): Refusal {
  const { field } = refused.facts;
  const spec = POLICY_FIELDS.find(({ name, of }) => field !== undefined && (name === field || of === field));
  if (refused.code !== "input.invalid" || spec === undefined) return refused;
  return { ...refused, facts: { field: spec.name, ...endsOf(spec, bounds), ...said(spec, refused.facts) } };
}

/** Narrower than what stands for itself: a default life lies below the longest one of the same draft. */
function said(spec: Spec, { min, max }: Facts): Ends {
  return {
    ...(typeof min === "number" ? { min: inUnit(spec, min, "min") } : {}),
    ...(typeof max === "number" ? { max: inUnit(spec, max, "max") } : {}),
  };
}
