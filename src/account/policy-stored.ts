/**
 * Reads a stored policy back, whatever version of this service wrote it. Pure.
 *
 * A policy is signed and stored once and never rewritten, so one from before a field existed lacks it. Each default
 * says what such a policy allowed anyway, never more: reading one must not widen what its owner signed.
 */
import type { Hash, Place, Policy } from "./types.ts";

/** What could be missing is optional here; everything else has been there from the first version on. */
type Stored = Omit<Policy, "limits" | "shape" | "place" | "on" | "delegationExpiresAtMs"> & {
  readonly limits: Omit<Policy["limits"], "extendSTotalMax"> & { readonly extendSTotalMax?: number };
  readonly shape: Omit<Policy["shape"], "images"> & { readonly images?: readonly string[] };
  readonly place?: Omit<Place, "termsAccepted"> & { readonly termsAccepted?: readonly Hash[] };
} & Partial<Pick<Policy, "on" | "delegationExpiresAtMs">>;

/** The directory offers no node below this (crn.md §1.5), whatever the owner's policy says. */
export const SCORE_PCT_FLOOR = 80;
/** Longer than a node's restart, short enough that an unreachable VM does not cost a day (design.md §9). */
export const UNREACHABLE_MIN = 30;

const ANYWHERE: Place = { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: SCORE_PCT_FLOOR };

export function revivePolicy(json: string): Policy {
  const stored = JSON.parse(json) as Stored;
  const { limits, shape } = stored;
  return {
    ...stored,
    // Extensions have always been bound by the longest life, so this adds no limit and lifts none.
    limits: { ...limits, extendSTotalMax: limits.extendSTotalMax ?? limits.ttlSMax },
    shape: { ...shape, images: shape.images ?? [] },
    place: { ...ANYWHERE, ...stored.place },
    on: stored.on ?? { vmUnreachable: "destroy", vmUnreachableMin: UNREACHABLE_MIN, payerLine: "stop_ours" },
    delegationExpiresAtMs: stored.delegationExpiresAtMs ?? null,
  };
}
