/** Checks what an owner typed in before it may become a policy. Pure: names the first field that cannot be, or null. */
import type { PolicyDraft, Window } from "./types.ts";

const HASH = /^[0-9a-f]{64}$/;
/** The short names that the network gives its images (aleph/images.ts). */
const SLUG = /^[a-z0-9][a-z0-9._-]{0,31}$/;
const IMAGES_MAX = 50;
const HASHES_MAX = 100;
/** A node that restarts is away for minutes; below that a VM would be destroyed for nothing. */
const UNREACHABLE_MIN_MIN = 5;
const UNREACHABLE_MIN_MAX = 1_440;
const UNREACHABLE_RULES: readonly PolicyDraft["on"]["vmUnreachable"][] = ["destroy", "recreate", "alert"];

const YEAR_MS = 366 * 86_400_000;
/** An unattended machine must not promise more than it can be expected to stay awake for (design.md §10). */
const UNATTENDED_TTL_S_MAX = 4 * 3_600;
/** No policy lets a VM live longer, its extensions included. */
export const TTL_S_MAX = 30 * 86_400;
const CREDITS_MAX = 1_000_000 * 1_000_000;
/** The shortest life that a create may ask for: a default below it would have every plain create refused. */
const TTL_S_MIN = 600;
const WINDOW_SECONDS: ReadonlySet<number> = new Set([3_600, 86_400, 2_592_000]);

export function draftFault(draft: PolicyDraft, nowMs: number, unattended: boolean): string | null {
  const bad = numberFaults(draft).find(([, value, max]) => !Number.isSafeInteger(value) || value < 0 || value > max);
  if (bad !== undefined) return bad[0];
  const { limits, shape, approval } = draft;
  if (!areWindows(limits.windows)) return "windows";
  if (limits.ttlSDefault > limits.ttlSMax || limits.ttlSDefault < TTL_S_MIN) return "ttl";
  if (unattended && limits.ttlSMax > UNATTENDED_TTL_S_MAX) return "ttl";
  if (shape.gpus.length > 20 || shape.gpus.some((gpu) => gpu.length > 40 || gpu.length === 0)) return "gpus";
  const listed = listFault(draft);
  if (listed !== null) return listed;
  if (approval.by !== "signature" && approval.by !== "click") return "approval_by";
  return onFault(draft.on) ?? endFault(draft, nowMs);
}

/** An hour, a day, thirty days, each at most once; an agent's own windows have to be such ones too. */
export function areWindows(windows: readonly Window[]): boolean {
  const spans = new Set(windows.map((window) => window.seconds));
  const whole = ({ seconds, creditsMax: max }: Window): boolean =>
    WINDOW_SECONDS.has(seconds) && Number.isSafeInteger(max) && max >= 0 && max <= CREDITS_MAX;
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
  if (on.vmUnreachableMin < UNREACHABLE_MIN_MIN) return "vm_unreachable_min";
  return on.payerLine !== "stop_ours" && on.payerLine !== "alert" ? "payer_line" : null;
}

function endFault({ expiresAtMs, delegationExpiresAtMs: delegatedMs }: PolicyDraft, nowMs: number): string | null {
  if (expiresAtMs <= nowMs || expiresAtMs > nowMs + YEAR_MS) return "expires";
  return delegatedMs !== null && (!Number.isSafeInteger(delegatedMs) || delegatedMs <= nowMs)
    ? "delegation_expires"
    : null;
}

function numberFaults({
  limits,
  shape,
  place,
  approval,
  on,
  priceRisePctMax,
  expiresAtMs,
}: PolicyDraft): readonly (readonly [string, number, number])[] {
  return [
    ["per_vm", limits.perVmCreditsMax, CREDITS_MAX],
    ["burn_per_h", limits.burnCreditsPerHMax, CREDITS_MAX],
    ["lifetime", limits.lifetimeCreditsMax, CREDITS_MAX],
    ["vms_live", limits.vmsLiveMax, 100],
    ["creates_per_min", limits.createsPerMinMax, 100],
    ["ttl_default", limits.ttlSDefault, TTL_S_MAX],
    ["ttl", limits.ttlSMax, TTL_S_MAX],
    ["extend_total", limits.extendSTotalMax, TTL_S_MAX],
    ["vcpus", shape.vcpusMax, 256],
    ["memory", shape.memoryMibMax, 1_048_576],
    ["disk", shape.diskMibMax, 1_953_125],
    ["score_min", place.scorePctMin, 100],
    ["approval_above", approval.aboveCredits, CREDITS_MAX],
    ["approval_per_day", approval.unapprovedPerDayCredits, CREDITS_MAX],
    ["vm_unreachable_min", on.vmUnreachableMin, UNREACHABLE_MIN_MAX],
    ["price_rise", priceRisePctMax, 100],
    ["expires", expiresAtMs, Number.MAX_SAFE_INTEGER],
    ...limits.windows.map((window) => ["windows", window.creditsMax, CREDITS_MAX] as const),
  ];
}
