/** Checks what an owner typed in before it may become a policy. Pure: names the first field that cannot be, or null. */
import type { PolicyDraft } from "./types.ts";

const YEAR_MS = 366 * 86_400_000;
/** An unattended machine must not promise more than it can be expected to stay awake for (design.md §10). */
const UNATTENDED_TTL_S_MAX = 4 * 3_600;
const TTL_S_MAX = 30 * 86_400;
const CREDITS_MAX = 1_000_000 * 1_000_000;
/** The shortest life that a create may ask for: a default below it would have every plain create refused. */
const TTL_S_MIN = 600;
const WINDOW_SECONDS: ReadonlySet<number> = new Set([3_600, 86_400, 2_592_000]);

export function draftFault(draft: PolicyDraft, nowMs: number, unattended: boolean): string | null {
  const bad = numberFaults(draft).find(([, value, max]) => !Number.isSafeInteger(value) || value < 0 || value > max);
  if (bad !== undefined) return bad[0];
  const { limits, shape, approval } = draft;
  if (limits.windows.length > 3 || limits.windows.some((window) => !WINDOW_SECONDS.has(window.seconds)))
    return "windows";
  if (new Set(limits.windows.map((window) => window.seconds)).size !== limits.windows.length) return "windows";
  if (limits.ttlSDefault > limits.ttlSMax || limits.ttlSDefault < TTL_S_MIN) return "ttl";
  if (unattended && limits.ttlSMax > UNATTENDED_TTL_S_MAX) return "ttl";
  if (shape.gpus.length > 20 || shape.gpus.some((gpu) => gpu.length > 40 || gpu.length === 0)) return "gpus";
  if (approval.by !== "signature" && approval.by !== "click") return "approval_by";
  return draft.expiresAtMs <= nowMs || draft.expiresAtMs > nowMs + YEAR_MS ? "expires" : null;
}

function numberFaults({
  limits,
  shape,
  approval,
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
    ["vcpus", shape.vcpusMax, 256],
    ["memory", shape.memoryMibMax, 1_048_576],
    ["disk", shape.diskMibMax, 1_953_125],
    ["approval_above", approval.aboveCredits, CREDITS_MAX],
    ["approval_per_day", approval.unapprovedPerDayCredits, CREDITS_MAX],
    ["price_rise", priceRisePctMax, 100],
    ["expires", expiresAtMs, Number.MAX_SAFE_INTEGER],
    ...limits.windows.map((window) => ["windows", window.creditsMax, CREDITS_MAX] as const),
  ];
}
