/** Checks what an owner typed in before it may become a policy. Pure: names the first field that cannot be, or null. */
import type { PolicyDraft, Window } from "./types.ts";

const HASH = /^[0-9a-f]{64}$/;
/** The short names that the network gives its images (aleph/images.ts). */
const SLUG = /^[a-z0-9][a-z0-9._-]{0,31}$/;
const IMAGES_MAX = 50;
const HASHES_MAX = 100;
const UNREACHABLE_RULES: readonly PolicyDraft["on"]["vmUnreachable"][] = ["destroy", "recreate", "alert"];

const YEAR_MS = 366 * 86_400_000;
/** An unattended machine must not promise more than it can be expected to stay awake for (design.md §10). */
const UNATTENDED_TTL_S_MAX = 4 * 3_600;
/** No policy lets a VM live longer, its extensions included. */
export const TTL_S_MAX = 30 * 86_400;
const CREDITS_MAX = 1_000_000 * 1_000_000;
/** The shortest life that a create may ask for: a default below it would have every plain create refused. */
const TTL_S_MIN = 600;
const WINDOW_SECONDS = [3_600, 86_400, 2_592_000] as const;

type Range = readonly [min: number, max: number];
const MONEY: Range = [0, CREDITS_MAX];

/** Of each number the least and the most, in the unit in which it is stored. */
const BOUNDS = {
  per_vm: MONEY,
  burn_per_h: MONEY,
  window_3600: MONEY,
  window_86400: MONEY,
  window_2592000: MONEY,
  lifetime: MONEY,
  vms_live: [0, 100],
  creates_per_min: [0, 100],
  ttl: [TTL_S_MIN, TTL_S_MAX],
  ttl_default: [TTL_S_MIN, TTL_S_MAX],
  extend_total: [0, TTL_S_MAX],
  vcpus: [0, 256],
  memory: [0, 1_048_576],
  disk: [0, 1_953_125],
  score_min: [0, 100],
  approval_above: MONEY,
  approval_per_day: MONEY,
  // a node that restarts is away for minutes; below that a VM would be destroyed for nothing
  vm_unreachable_min: [5, 1_440],
  price_rise: [0, 100],
} as const satisfies Readonly<Record<string, Range>>;

export type Bounded = keyof typeof BOUNDS | "expires";
export type Bounds = Readonly<Record<Bounded, Range>>;

/** As they are now; the owner's form is drawn with the same, so that it offers nothing that is then refused. */
export function policyBounds(nowMs: number, unattended: boolean): Bounds {
  const life: Range = [TTL_S_MIN, unattended ? UNATTENDED_TTL_S_MAX : TTL_S_MAX];
  return { ...BOUNDS, ttl: life, ttl_default: life, expires: [nowMs + 1, nowMs + YEAR_MS] };
}

/** Between what it has to lie, where it is a number or a moment. */
export type Fault = { readonly field: string; readonly min?: number; readonly max?: number };

export function draftFault(draft: PolicyDraft, nowMs: number, unattended: boolean): Fault | null {
  const { limits, shape, approval } = draft;
  const outside = numberFault(draft, policyBounds(nowMs, unattended));
  if (outside !== null) return outside;
  if (!areWindows(limits.windows)) return { field: "windows" };
  if (shape.gpus.length > 20 || shape.gpus.some((gpu) => gpu.length > 40 || gpu.length === 0)) return { field: "gpus" };
  const word = listFault(draft) ?? onFault(draft.on);
  if (word !== null) return { field: word };
  if (approval.by !== "signature" && approval.by !== "click") return { field: "approval_by" };
  return delegationFault(draft, nowMs);
}

function numberFault(draft: PolicyDraft, bounds: Bounds): Fault | null {
  // the longest life is looked at before the default one, so it is a sound bound for that
  const ranges = { ...bounds, ttl_default: [TTL_S_MIN, draft.limits.ttlSMax] as const };
  const outside = numbersOf(draft).find(([name, value]) => !isWithin(value, ranges[name]));
  if (outside === undefined) return null;
  const [field] = outside;
  const [min, max] = ranges[field];
  return { field, min, max };
}

const isWithin = (value: number, [min, max]: Range): boolean =>
  Number.isSafeInteger(value) && value >= min && value <= max;

/** An hour, a day, thirty days, each at most once; an agent's own windows have to be such ones too. */
export function areWindows(windows: readonly Window[]): boolean {
  const spans = new Set(windows.map((window) => window.seconds));
  const whole = ({ seconds, creditsMax: max }: Window): boolean =>
    WINDOW_SECONDS.some((one) => one === seconds) && Number.isSafeInteger(max) && max >= 0 && max <= CREDITS_MAX;
  return spans.size === windows.length && windows.every(whole);
}

function listFault({ shape, place }: PolicyDraft): string | null {
  const { images } = shape;
  if (images.length > IMAGES_MAX || images.some((one) => !SLUG.test(one) && !HASH.test(one))) return "images";
  const lists = [
    ["nodes_allow", place.nodesAllow],
    ["nodes_deny", place.nodesDeny],
    ["terms_accepted", place.termsAccepted],
  ] as const;
  const bad = lists.find(([, hashes]) => hashes.length > HASHES_MAX || hashes.some((one) => !HASH.test(one)));
  return bad?.[0] ?? null;
}

function onFault(on: PolicyDraft["on"]): string | null {
  if (!UNREACHABLE_RULES.includes(on.vmUnreachable)) return "vm_unreachable";
  return on.payerLine !== "stop_ours" && on.payerLine !== "alert" ? "payer_line" : null;
}

function delegationFault({ delegationExpiresAtMs: untilMs }: PolicyDraft, nowMs: number): Fault | null {
  const fits = untilMs === null || (Number.isSafeInteger(untilMs) && untilMs > nowMs);
  return fits ? null : { field: "delegation_expires", min: nowMs + 1 };
}

function numbersOf(draft: PolicyDraft): readonly (readonly [Bounded, number])[] {
  const { limits, shape, place, approval, on } = draft;
  return [
    ["per_vm", limits.perVmCreditsMax],
    ["burn_per_h", limits.burnCreditsPerHMax],
    ["lifetime", limits.lifetimeCreditsMax],
    ["vms_live", limits.vmsLiveMax],
    ["creates_per_min", limits.createsPerMinMax],
    ["ttl", limits.ttlSMax],
    ["ttl_default", limits.ttlSDefault],
    ["extend_total", limits.extendSTotalMax],
    ["vcpus", shape.vcpusMax],
    ["memory", shape.memoryMibMax],
    ["disk", shape.diskMibMax],
    ["score_min", place.scorePctMin],
    ["approval_above", approval.aboveCredits],
    ["approval_per_day", approval.unapprovedPerDayCredits],
    ["vm_unreachable_min", on.vmUnreachableMin],
    ["price_rise", draft.priceRisePctMax],
    ["expires", draft.expiresAtMs],
    ...windowNumbers(limits.windows),
  ];
}

/** Of the spans that there are; another one is no matter of its amount. */
const windowNumbers = (windows: readonly Window[]): readonly (readonly [Bounded, number])[] =>
  WINDOW_SECONDS.flatMap((span) =>
    windows.filter(({ seconds }) => seconds === span).map((one) => [`window_${span}`, one.creditsMax] as const),
  );
