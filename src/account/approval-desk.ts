/**
 * What the owner is shown of an approval, and what the answer does. Synchronous, one moment each.
 *
 * A yes is the wallet's signature over facts that we computed, or a click where the policy says so; a no is always a click.
 * Either needs the nonce of exactly this browser session and page, and uses it up; a signature that is refused does not.
 */
import { recoverTypedData, type TypedData } from "../crypto/typed-data.ts";
import { type Answer, answer, refusal, refuse } from "../errors.ts";
import { givenUntilMs, standing } from "./approvals.ts";
import type { ApprovalView, Session } from "./contract.ts";
import type { Moment } from "./moment.ts";
import { freezeByBreaker } from "./owner-desk.ts";
import { noteApproved, noteDenied } from "./pacing.ts";
import { approvalTypedData } from "./typed.ts";
import type { ApprovalFacts, ApprovalState } from "./types.ts";
import { approvalView } from "./views.ts";

/** A page that was opened longer ago is opened again. */
const PAGE_MS = 10 * 60_000;

export type ApprovalPage = {
  readonly approval: ApprovalView;
  readonly by: "signature" | "click";
  readonly typedData: TypedData;
  readonly nonce: string;
  readonly facts: ApprovalFacts;
};

/** The page's facts and the nonce for exactly this session and view of it. */
export function openApproval(moment: Moment, session: Session, approvalId: string): Answer<ApprovalPage> {
  const approval = moment.store.loadApproval(approvalId);
  const { policy } = moment;
  if (approval === undefined || policy === null) return refuse("input.unknown_id", { id: "approval" });
  const nonce = moment.id("n");
  const typedData = approvalTypedData(moment.config.origin, approval.facts, {
    approvalId,
    nonce,
    deadlineMs: moment.nowMs + PAGE_MS,
  });
  moment.store.mintNonce(
    {
      nonce,
      sessionId: session.sessionId,
      purpose: `approval:${approvalId}`,
      payload: typedData,
      expiresAtMs: moment.nowMs + PAGE_MS,
    },
    moment.nowMs,
  );
  return answer({
    approval: approvalView(moment, approval),
    by: policy.approval.by,
    typedData,
    nonce,
    facts: approval.facts,
  });
}

type Verdict = {
  readonly approvalId: string;
  readonly nonce: string;
  readonly verdict: "approve" | "deny";
  readonly signature?: string;
};

export function decideApproval(
  moment: Moment,
  session: Session,
  ask: Verdict,
): Answer<{ readonly state: ApprovalState }> {
  const page = {
    nonce: ask.nonce,
    sessionId: session.sessionId,
    purpose: `approval:${ask.approvalId}`,
    nowMs: moment.nowMs,
  };
  const typedData = moment.store.readNonce(page) as TypedData | undefined;
  const approval = moment.store.loadApproval(ask.approvalId);
  const { policy } = moment;
  if (typedData === undefined || approval === undefined || policy === null)
    return refuse("input.invalid", { field: "nonce" });
  const state = standing(approval, policy.version, moment.nowMs);
  if (state !== "pending") return answer({ state });
  const yes = ask.verdict === "approve";
  if (yes && policy.approval.by === "signature" && !isOwners(moment, typedData, ask.signature))
    return refuse("input.invalid", { field: "signature" });
  moment.store.takeNonce(page);
  return decided(moment, approval.approvalId, yes ? "approved" : "denied", yes ? (ask.signature ?? null) : null);
}

const isOwners = (moment: Moment, typedData: TypedData, signature: string | undefined): boolean =>
  signature !== undefined && recoverTypedData(typedData, signature) === moment.account.owner;

function decided(
  moment: Moment,
  approvalId: string,
  state: "approved" | "denied",
  signature: string | null,
): Answer<{ readonly state: ApprovalState }> {
  const approval = moment.store.loadApproval(approvalId);
  if (approval === undefined) return refuse("input.unknown_id", { id: "approval" });
  const validUntilMs = state === "approved" ? givenUntilMs(moment.nowMs) : null;
  moment.store.saveApproval({ ...approval, state, decidedAtMs: moment.nowMs, validUntilMs }, signature);
  if (state === "denied")
    moment.store.burnQuote(approval.quoteId, { kind: "refused", refusal: refusal("approval.denied") });
  moment.store.seeNoticeAbout("approval_waiting", approvalId, moment.nowMs);
  moment.audit(`approval.${state}`, { approvalId, grantId: approval.grantId });
  if (state === "approved") noteApproved(moment, approval.grantId);
  else if (noteDenied(moment, approval.grantId)) freezeByBreaker(moment, approval.grantId);
  return answer({ state });
}
