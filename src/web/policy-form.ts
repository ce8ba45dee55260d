/**
 * The owner's limits as a form: what stands in its fields (policy-fields.ts), and how they are read back. Pure.
 *
 * On the wire every field is text or a number under the form's own name: dollars, hours and GB (1 GB = 1,024 MiB).
 * Reading back what was shown gives exactly the same limits, so that an unchanged form never asks for a signature. Only
 * what is no value at all is refused here; whether one is too large or too small is the account's to say.
 */
import type { Bounds } from "../account/policy-draft.ts";
import type { Policy, PolicyDraft, Window } from "../account/types.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import { creditsOf, day, decimal, plain, usdField } from "./text.ts";

export type FormValues = Readonly<Record<string, string>>;

const DAY_MS = 86_400_000;
const EXPIRY_DAYS = 90;
const WINDOW = /^window_([0-9]+)_usd$/;
const LISTED_MAX = 100;
/** The longest thing that a list holds. */
const HASH_CHARS = 64;

export const DEFAULTS: FormValues = {
  per_vm_usd: "1",
  burn_usd_per_h: "0.5",
  window_86400_usd: "5",
  lifetime_usd: "20",
  vms_live_max: "3",
  creates_per_min_max: "2",
  ttl_h_default: "4",
  ttl_h_max: "24",
  vcpus_max: "8",
  memory_gb_max: "16",
  disk_gb_max: "160",
  extend_h_total_max: "24",
  gpus: "",
  images: "",
  nodes_allow: "",
  nodes_deny: "",
  terms_accepted: "",
  score_pct_min: "80",
  approval_by: "signature",
  approval_first_vm: "yes",
  approval_gpu: "yes",
  approval_above_usd: "1",
  unapproved_per_day_usd: "5",
  vm_unreachable: "destroy",
  vm_unreachable_min: "30",
  payer_line: "stop_ours",
  price_rise_pct_max: "10",
  delegation_expires_on: "",
};

export const defaultEnd = (nowMs: number): string => day(nowMs + EXPIRY_DAYS * DAY_MS);

/** Good as they stand, also where no VM may live that long: nobody's first limits are refused for what we wrote there. */
export function defaultValues(nowMs: number, { ttl: [, lifeS] }: Bounds): FormValues {
  const shorter = (name: string): string => decimal(Math.min(Number(DEFAULTS[name]), lifeS / 3_600));
  const lives = { ttl_h_max: shorter("ttl_h_max"), extend_h_total_max: shorter("extend_h_total_max") };
  return { ...DEFAULTS, ...lives, expires_on: defaultEnd(nowMs) };
}

export function valuesOf(policy: Policy): FormValues {
  const { limits, shape, place, approval, on } = policy;
  return {
    per_vm_usd: usdField(limits.perVmCreditsMax),
    burn_usd_per_h: usdField(limits.burnCreditsPerHMax),
    ...Object.fromEntries(limits.windows.map((one) => [`window_${one.seconds}_usd`, usdField(one.creditsMax)])),
    lifetime_usd: usdField(limits.lifetimeCreditsMax),
    vms_live_max: String(limits.vmsLiveMax),
    creates_per_min_max: String(limits.createsPerMinMax),
    ttl_h_default: decimal(limits.ttlSDefault / 3_600),
    ttl_h_max: decimal(limits.ttlSMax / 3_600),
    extend_h_total_max: decimal(limits.extendSTotalMax / 3_600),
    vcpus_max: String(shape.vcpusMax),
    memory_gb_max: decimal(shape.memoryMibMax / 1_024),
    disk_gb_max: decimal(shape.diskMibMax / 1_024),
    gpus: shape.gpus.join(", "),
    images: shape.images.join(", "),
    nodes_allow: place.nodesAllow.join(", "),
    nodes_deny: place.nodesDeny.join(", "),
    terms_accepted: place.termsAccepted.join(", "),
    score_pct_min: String(place.scorePctMin),
    approval_by: approval.by,
    approval_first_vm: approval.firstVm ? "yes" : "no",
    approval_gpu: approval.gpu ? "yes" : "no",
    approval_above_usd: usdField(approval.aboveCredits),
    unapproved_per_day_usd: usdField(approval.unapprovedPerDayCredits),
    vm_unreachable: on.vmUnreachable,
    vm_unreachable_min: String(on.vmUnreachableMin),
    payer_line: on.payerLine,
    price_rise_pct_max: String(policy.priceRisePctMax),
    expires_on: day(policy.expiresAtMs),
    delegation_expires_on: policy.delegationExpiresAtMs === null ? "" : day(policy.delegationExpiresAtMs),
  };
}

/** Refuses with `input.invalid` and the name of the first field that cannot be. */
export function readPolicy(given: FormValues): Answer<PolicyDraft> {
  const bad: string[] = [];
  const form: Form = {
    text: (name) => (given[name] ?? "").trim(),
    names: Object.keys(given),
    bad: (name) => bad.push(name),
  };
  const draft = draftOf(form);
  return bad[0] === undefined ? answer(draft) : refuse("input.invalid", { field: bad[0] });
}

/** Notes what cannot be and lets reading go on, so that the whole draft is one expression. */
type Form = {
  readonly text: (name: string) => string;
  readonly names: readonly string[];
  readonly bad: (name: string) => void;
};

function draftOf(form: Form): PolicyDraft {
  return {
    limits: limitsOf(form),
    shape: {
      vcpusMax: whole(form, "vcpus_max"),
      memoryMibMax: scaled(form, "memory_gb_max", 1_024),
      diskMibMax: scaled(form, "disk_gb_max", 1_024),
      gpus: list(form, "gpus"),
      images: list(form, "images"),
    },
    place: {
      nodesAllow: list(form, "nodes_allow"),
      nodesDeny: list(form, "nodes_deny"),
      termsAccepted: list(form, "terms_accepted"),
      scorePctMin: whole(form, "score_pct_min"),
    },
    approval: {
      by: oneOf(form, "approval_by", ["signature", "click"]) ?? "signature",
      firstVm: oneOf(form, "approval_first_vm", ["yes", "no"]) === "yes",
      gpu: oneOf(form, "approval_gpu", ["yes", "no"]) === "yes",
      aboveCredits: dollars(form, "approval_above_usd"),
      unapprovedPerDayCredits: dollars(form, "unapproved_per_day_usd"),
    },
    on: {
      vmUnreachable: oneOf(form, "vm_unreachable", ["destroy", "recreate", "alert"]) ?? "destroy",
      vmUnreachableMin: whole(form, "vm_unreachable_min"),
      payerLine: oneOf(form, "payer_line", ["stop_ours", "alert"]) ?? "stop_ours",
    },
    priceRisePctMax: whole(form, "price_rise_pct_max"),
    expiresAtMs: endOfDayMs(form.text("expires_on")) ?? failed(form, "expires_on"),
    delegationExpiresAtMs: form.text("delegation_expires_on") === "" ? null : delegationEnd(form),
  };
}

const delegationEnd = (form: Form): number =>
  endOfDayMs(form.text("delegation_expires_on")) ?? failed(form, "delegation_expires_on");

function limitsOf(form: Form): PolicyDraft["limits"] {
  return {
    perVmCreditsMax: dollars(form, "per_vm_usd"),
    burnCreditsPerHMax: dollars(form, "burn_usd_per_h"),
    windows: windowsOf(form),
    lifetimeCreditsMax: dollars(form, "lifetime_usd"),
    vmsLiveMax: whole(form, "vms_live_max"),
    createsPerMinMax: whole(form, "creates_per_min_max"),
    ttlSDefault: scaled(form, "ttl_h_default", 3_600),
    ttlSMax: scaled(form, "ttl_h_max", 3_600),
    extendSTotalMax: scaled(form, "extend_h_total_max", 3_600),
  };
}

function windowsOf(form: Form): readonly Window[] {
  const names = form.names.filter((name) => WINDOW.test(name) && form.text(name) !== "");
  const windows = names.map((name) => ({ seconds: Number(WINDOW.exec(name)?.[1]), creditsMax: dollars(form, name) }));
  return windows.toSorted((a, b) => a.seconds - b.seconds);
}

function failed(form: Form, name: string): 0 {
  form.bad(name);
  return 0;
}

function dollars(form: Form, name: string): number {
  return creditsOf(form.text(name)) ?? failed(form, name);
}

function whole(form: Form, name: string): number {
  return /^[0-9]{1,9}$/.test(form.text(name)) ? Number(form.text(name)) : failed(form, name);
}

/** A decimal in the form's unit as a whole number of the smaller one. */
function scaled(form: Form, name: string, factor: number): number {
  const text = form.text(name);
  const isDecimal = /^(?=.)[0-9]{0,9}(\.[0-9]{1,20})?$/.test(text);
  return isDecimal ? Math.round(Number(text) * factor) : failed(form, name);
}

function oneOf<const T extends string>(form: Form, name: string, allowed: readonly T[]): T | undefined {
  const found = allowed.find((one) => one === form.text(name));
  if (found === undefined) form.bad(name);
  return found;
}

function list(form: Form, name: string): readonly string[] {
  const all = form
    .text(name)
    .split(",")
    .map((one) => one.trim());
  const named = all.filter((one) => one !== "");
  if (named.length > LISTED_MAX || named.some((one) => plain(one, HASH_CHARS) !== one)) form.bad(name);
  return named;
}

/** The last second of that day, UTC, so that the date shown reads back as the same moment. */
export function endOfDayMs(date: string): number | undefined {
  const atMs = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(date) ? Date.parse(`${date}T23:59:59Z`) : NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}
