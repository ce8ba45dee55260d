/**
 * Whether one policy lets anything happen that another does not: then the owner's wallet has to sign it. Pure.
 *
 * Every field stands here by name. A field that is compared nowhere would be one that a click could widen.
 */
import type { Hash, Place, Policy, PolicyDraft, Window } from "./types.ts";

/** True when `next` lets anything happen that `now` does not, or asks the owner less. */
export function isWider(now: Policy | null, next: PolicyDraft): boolean {
  if (now === null) return true;
  return (
    LARGER_IS_WIDER.some((read) => read(next) > read(now)) ||
    windowsWider(now.limits.windows, next.limits.windows) ||
    next.shape.gpus.some((gpu) => !now.shape.gpus.includes(gpu)) ||
    allowsMore(now.shape.images, next.shape.images) ||
    placeWider(now.place, next.place) ||
    asksLess(now.approval, next.approval) ||
    standsBy(now.on, next.on) ||
    endsLater(now.delegationExpiresAtMs, next.delegationExpiresAtMs)
  );
}

const LARGER_IS_WIDER: readonly ((policy: PolicyDraft) => number)[] = [
  ({ limits }) => limits.perVmCreditsMax,
  ({ limits }) => limits.burnCreditsPerHMax,
  ({ limits }) => limits.lifetimeCreditsMax,
  ({ limits }) => limits.vmsLiveMax,
  ({ limits }) => limits.createsPerMinMax,
  ({ limits }) => limits.ttlSDefault,
  ({ limits }) => limits.ttlSMax,
  ({ limits }) => limits.extendSTotalMax,
  ({ shape: { vcpusMax } }) => vcpusMax,
  ({ shape: { memoryMibMax } }) => memoryMibMax,
  ({ shape: { diskMibMax } }) => diskMibMax,
  ({ approval }) => approval.aboveCredits,
  ({ approval }) => approval.unapprovedPerDayCredits,
  ({ on }) => on.vmUnreachableMin,
  ({ priceRisePctMax }) => priceRisePctMax,
  ({ expiresAtMs }) => expiresAtMs,
];

/** A window that went away, or that lets more through. One more window only narrows. */
const windowsWider = (now: readonly Window[], next: readonly Window[]): boolean =>
  now.some((window) => !next.some((one) => one.seconds === window.seconds && one.creditsMax <= window.creditsMax));

/** An empty list allows everything, so emptying one is the widest step of all. */
function allowsMore(now: readonly string[], next: readonly string[]): boolean {
  if (now.length === 0) return false;
  return next.length === 0 || next.some((one) => !now.includes(one));
}

function placeWider(now: Place, next: Place): boolean {
  const undenied = (hash: Hash): boolean => !next.nodesDeny.includes(hash);
  return (
    allowsMore(now.nodesAllow, next.nodesAllow) ||
    now.nodesDeny.some(undenied) ||
    next.termsAccepted.some((hash) => !now.termsAccepted.includes(hash)) ||
    next.scorePctMin < now.scorePctMin
  );
}

const asksLess = (now: Policy["approval"], next: Policy["approval"]): boolean =>
  (now.firstVm && !next.firstVm) || (now.gpu && !next.gpu) || (now.by === "signature" && next.by === "click");

/**
 * A VM that is no longer destroyed by itself lives, and costs, longer. Creating it again and leaving it alone each allow
 * what the other does not; only destroying allows neither.
 */
const standsBy = (now: Policy["on"], next: Policy["on"]): boolean =>
  (next.vmUnreachable !== now.vmUnreachable && next.vmUnreachable !== "destroy") ||
  (now.payerLine === "stop_ours" && next.payerLine === "alert");

const endsLater = (now: number | null, next: number | null): boolean => now !== null && (next === null || next > now);
