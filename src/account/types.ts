/**
 * The values that the money rules work on: credits, grants, approvals, notices, and what policies and VMs are made of.
 *
 * Pure types, no behaviour. Amounts are whole credits (1 USD = 1,000,000), times are milliseconds since 1970 unless a
 * name ends in S, rates are atto-credits per second as decimal text where they are stored (bigint in memory).
 */
import type { Fact } from "../errors.ts";
import type { Window } from "./policy-types.ts";

export type Credits = number;
/** Lower-case hex without 0x, as the network writes item hashes and node hashes. */
export type Hash = string;

export type Shape = {
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  /** Model as the network's settings name it, for instance "RTX 4000 ADA". */
  readonly gpu?: string;
};

export type * from "./policy-types.ts";
export type * from "./vm-types.ts";

export type GrantState = "active" | "frozen" | "revoked";
/** Who froze an agent: its owner, its breaker, itself in an emergency, or a fault that one of its calls met. */
export type GrantFreeze = "owner" | "breaker" | "stop" | "internal";
/** Ending its own VMs needs no more than reading: an agent may always narrow. */
export type Scope = "vm:read" | "vm:create" | "funds:topup";
export const SCOPES: readonly Scope[] = ["vm:read", "vm:create", "funds:topup"];

export type Grant = {
  readonly grantId: string;
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectHost: string;
  readonly scopes: readonly Scope[];
  readonly state: GrantState;
  /** Every reason of the freeze that stands, the first one first; absent or empty: none, or it is older than these. */
  readonly frozenFor?: readonly GrantFreeze[];
  readonly creditsMax: Credits;
  readonly vmsLiveMax: number;
  readonly createsPerMinMax: number;
  /** Sliding windows of this agent alone, beside the account's; the narrower one wins. */
  readonly windows?: readonly Window[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
};

export type QuoteKind = "create" | "extend" | "top_up";

export type ApprovalState = "pending" | "approved" | "denied" | "expired" | "stale" | "withdrawn" | "used";

/** The readable fields that the owner signs (design.md §12.4). Sizes are what the page shows, nothing is a bare digest. */
export type ApprovalFacts = {
  readonly account: string;
  readonly grant: string;
  /** A top-up holds nothing: it is answered with a link, and nobody is asked. */
  readonly kind: Exclude<QuoteKind, "top_up">;
  readonly vmId: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskGib: number;
  readonly gpu: string;
  readonly image: string;
  readonly sshKeyFingerprint: string;
  readonly nodeOrAny: string;
  readonly costCreditsMax: Credits;
  readonly ttlS: number;
  readonly policyVersion: number;
};

export type Approval = {
  readonly approvalId: string;
  readonly grantId: string;
  readonly quoteId: string;
  readonly state: ApprovalState;
  readonly facts: ApprovalFacts;
  readonly askedAtMs: number;
  readonly requestExpiresAtMs: number;
  readonly decidedAtMs: number | null;
  readonly validUntilMs: number | null;
  /** Given back once after a VM that never came up, with a lowered ceiling; any quote of the same facts may use it. */
  readonly returned?: boolean;
};

export type Notice = {
  readonly noticeId: string;
  readonly kind: NoticeKind;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly sinceMs: number;
  readonly seenAtMs: number | null;
};

export type NoticeKind =
  | "vm_ended"
  | "teardown_slow"
  | "delegation_gone"
  | "key_lost"
  | "key_rotated"
  | "access_revoked"
  | "price_above_hold"
  | "payer_line"
  | "payer_uncountable"
  | "removing"
  | "overrun"
  | "correction"
  | "bill_drift"
  | "history_drift"
  | "vm_unreachable"
  | "vm_moved"
  | "dormant_alive"
  | "orphan"
  | "reconciled"
  | "account_frozen"
  | "grant_frozen"
  | "grant_stopped"
  | "approval_waiting"
  | "top_up_asked"
  | "internal";
