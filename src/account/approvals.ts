/**
 * Approvals: what one says, when it stands, and whether it covers a request. Pure.
 *
 * A request waits a day for the owner, a given approval is good for twelve hours, and it is used up by one admission.
 * Its facts are computed by us from the quote; nothing in them comes from the page that signs or from a tool argument.
 */
import type { Approval, ApprovalFacts, Credits, VmSpec } from "./types.ts";

export const REQUEST_MS = 24 * 3_600_000;
export const GIVEN_MS = 12 * 3_600_000;

export function approvalFacts(ask: {
  readonly account: string;
  readonly grant: string;
  readonly kind: ApprovalFacts["kind"];
  readonly vmId: string;
  readonly spec: VmSpec;
  readonly ttlS: number;
  readonly costCreditsMax: Credits;
  readonly policyVersion: number;
}): ApprovalFacts {
  const { spec } = ask;
  return {
    account: ask.account,
    grant: ask.grant,
    kind: ask.kind,
    vmId: ask.vmId,
    vcpus: spec.shape.vcpus,
    memoryMib: spec.shape.memoryMib,
    diskGib: Math.ceil(spec.shape.diskMib / 1_024),
    gpu: spec.shape.gpu ?? "none",
    image: spec.imageSlug,
    sshKeyFingerprint: spec.sshFingerprint,
    nodeOrAny: spec.nodeAsked ?? "any node the policy allows",
    costCreditsMax: ask.costCreditsMax,
    ttlS: ask.ttlS,
    policyVersion: ask.policyVersion,
  };
}

/** The state as of now: time runs requests and given approvals out, and a new policy makes both stale. */
export function standing(approval: Approval, policyVersion: number, nowMs: number): Approval["state"] {
  const open = approval.state === "pending" || approval.state === "approved";
  if (!open) return approval.state;
  if (approval.facts.policyVersion !== policyVersion) return "stale";
  const untilMs = approval.state === "pending" ? approval.requestExpiresAtMs : (approval.validUntilMs ?? 0);
  return nowMs >= untilMs ? "expired" : approval.state;
}

/** The cost has a ceiling; whose request it is says its grant, whose name the client may change when it comes back. */
const APART: ReadonlySet<keyof ApprovalFacts> = new Set(["costCreditsMax", "grant"] as const);

/** Every other fact that the owner saw must be what is about to happen; only a lower cost is also covered. */
export function covers(given: ApprovalFacts, asked: ApprovalFacts): boolean {
  const same = (Object.keys(asked) as (keyof ApprovalFacts)[])
    .filter((field) => !APART.has(field))
    .every((field) => given[field] === asked[field]);
  return same && asked.costCreditsMax <= given.costCreditsMax;
}

/**
 * Whether an approval covers what is about to happen. One that was given back had its ceiling lowered by what the failed
 * VM cost, so there it is the hold that has to fit under it, not what the quote could cost at most.
 */
export function coversNow(approval: Approval, asked: ApprovalFacts, hold: Credits): boolean {
  return covers(approval.facts, approval.returned === true ? { ...asked, costCreditsMax: hold } : asked);
}

/**
 * The open one that says exactly this, whichever quote it was asked with: the same question is not put twice, and a
 * given one is good for the same VM under a newer quote. Given ones first.
 */
export function sameAsked(
  open: readonly Approval[],
  asked: ApprovalFacts,
  hold: Credits,
  nowMs: number,
): Approval | undefined {
  const like = (state: Approval["state"]): Approval | undefined =>
    open.find((one) => standing(one, asked.policyVersion, nowMs) === state && coversNow(one, asked, hold));
  return like("approved") ?? like("pending");
}

/** Approved at the owner's word: good for twelve hours from now. */
export const givenUntilMs = (nowMs: number): number => nowMs + GIVEN_MS;
