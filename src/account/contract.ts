/**
 * What `mcp/` and `web/` may ask of an account, and the shapes of the answers. Types only.
 *
 * Every method answers a value or a refusal and throws for nothing an input can cause. Amounts are credits, times are
 * milliseconds; the edges turn them into dollars, hours and dates.
 */
import type { ForwardRow } from "../aleph/forwards.ts";
import type { Region } from "../aleph/region.ts";
import type { Answer, Refusal } from "../errors.ts";
import type { Certificate } from "./certificate.ts";
import type { Charges } from "./charges.ts";
import type { PayerView } from "./payer-view.ts";
import type { Approval, Credits, EndReason, Grant, Hash, Policy, QuoteKind, Shape, Ssh, VmState } from "./types.ts";

export type * from "./owner-contract.ts";

/** Taken from the verified token only, never from an argument. */
export type Caller = {
  readonly account: string;
  readonly grantId: string;
  readonly scopes: readonly string[];
  readonly loginExpiresAtMs?: number;
};

export type NetworkState = "reachable" | "watch_silent" | "unreachable";
export type Dated = {
  readonly asOfMs: number;
  readonly networkState: NetworkState;
  /** Since when no core node has answered this account; null while one does, or nothing has been asked. */
  readonly networkUnreachableSinceMs?: number | null;
  readonly network: "aleph" | "twin";
};

export type VmAsk = {
  readonly nodeHash?: Hash;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  /** A slug (debian12, ubuntu22, ubuntu24) or the item hash of an image. */
  readonly image: string;
  readonly sshPubkey: string;
  readonly gpu?: string;
  readonly hourlyCreditsMax?: Credits;
  /** Left out: what the owner's policy says. */
  readonly ttlS?: number;
  readonly name?: string;
};

export type QuoteView = {
  readonly quoteId: string;
  readonly kind: QuoteKind;
  readonly vmId: string | null;
  readonly crnId: Hash | null;
  readonly shape: Shape | null;
  readonly image: string | null;
  readonly sshKeyFingerprint: string | null;
  readonly ttlS: number;
  readonly rateCreditsPerH: Credits;
  /** At the price of now, for the TTL alone. */
  readonly costCreditsExpected: Credits;
  /** The most that may be held and spent: TTL, grace and the owner's bound on a price rise included. */
  readonly costCreditsMax: Credits;
  /** What the payer has to own for this to pass, all that burns already included; null: not known, or nothing is held. */
  readonly payerNeedsCredits: Credits | null;
  /** Unknown: something refused it before the policy was asked; `wouldRefuse` says what. */
  readonly approval: "required" | "not_required" | "unknown";
  readonly newExpiresAtMs: number | null;
  readonly expiresAtMs: number;
  /** Why accepting would be refused if it were tried now; absent when it would pass. */
  readonly wouldRefuse?: Refusal;
};

/** `moving`: its node failed, and another attempt is being prepared. */
export type Warning =
  | "expires_soon"
  | "unreachable"
  | "ssh_silent"
  | "host_key_changed"
  | "ports_differ"
  | "teardown_slow"
  | "login_expires_soon"
  | "moving";

export type AttemptView = {
  readonly number: number;
  readonly crnId: Hash;
  readonly itemHash: Hash;
  readonly state: "unsent" | "sent" | "alive" | "closed" | "rejected" | "ended";
  readonly endReason: EndReason | null;
};

export type VmView = {
  readonly vmId: string;
  readonly grantId: string;
  readonly name: string | null;
  readonly state: VmState;
  readonly crnId: Hash | null;
  readonly itemHash: Hash | null;
  readonly shape: Shape;
  readonly image: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly healthyAtMs: number | null;
  readonly expiresAtMs: number;
  readonly endedAtMs: number | null;
  readonly endReason: EndReason | null;
  readonly ssh: Ssh | null;
  readonly forwardedPorts: readonly ForwardRow[];
  readonly rateCreditsPerH: Credits;
  readonly heldCredits: Credits;
  /** By our own meter while it lives; what was posted once settled. */
  readonly costCredits: Credits;
  readonly costStatus: "provisional" | "settled";
  readonly unreachableSinceMs: number | null;
  readonly destroyAtMs: number | null;
  readonly warnings: readonly Warning[];
  readonly timeline: readonly { readonly atMs: number; readonly event: string }[];
  /** The nodes that it was tried on, the present one last. */
  readonly attempts: readonly AttemptView[];
  readonly certificate: Certificate | null;
  /** What the network's credit history showed, some time after it was settled. */
  readonly charges?: Charges;
  /** Found on the network and unknown to the books; only the owner sees it. */
  readonly orphan?: true;
};

export type LimitName =
  | "per_vm"
  | "burn_per_h"
  | `window_${number}s`
  | `grant_window_${number}s`
  | "lifetime"
  | "grant"
  | "grant_vms_live"
  | "grant_creates_per_min"
  | "vms_live"
  | "creates_per_min"
  | "ttl_s"
  | "extend_s_total";
export type LimitLeft = {
  readonly name: LimitName;
  readonly max: number;
  readonly used: number;
  readonly left: number;
  readonly freesAtMs: number | null;
};

export type BalanceView = Dated &
  PayerView & {
    readonly payer: string;
    readonly burnCreditsPerH: Credits;
    readonly heldCredits: Credits;
    readonly spentCredits: Credits;
    readonly vmsLive: number;
    readonly limits: readonly LimitLeft[];
    readonly accountState: "active" | "frozen";
    readonly grantState: Grant["state"];
    readonly delegation: "ok" | "missing" | "too_wide" | "unknown";
    /** The owner's limits as they stand, which all agents share. */
    readonly policy: Policy | null;
  };

export type NodeView = {
  readonly crnId: Hash;
  readonly vcpus: number | null;
  readonly memoryMib: number | null;
  readonly diskMib: number | null;
  readonly gpus: readonly string[];
  readonly version: string | null;
  readonly score: number;
  readonly hourlyCredits: Credits | null;
  /** Where its address is registered: a hint, nothing that could be checked. */
  readonly regionEstimated: Region | null;
};
export type NodesView = Dated & {
  readonly nodes: readonly NodeView[];
  readonly total: number;
  /** How many nodes each filter took away, by the filter's name. */
  readonly left_out: Readonly<Record<string, number>>;
  readonly cursor: string | null;
  /** Only where a region was asked for; cut short: the look-ups of one call were spent before the page was full. */
  readonly regionSearch: "complete" | "cut_short" | null;
};
export type NodeFilter = {
  readonly vcpus?: number;
  readonly memoryMib?: number;
  readonly diskMib?: number;
  readonly gpu?: string;
  readonly region?: Region;
  readonly limit: number;
  readonly cursor?: string;
};

export type ApprovalView = Approval & { readonly clientName: string; readonly path: string };

export type AcceptView =
  /** Only of a dry run: the quote as it was made, and what accepting it now would come to. */
  | { readonly kind: "quote"; readonly quote: QuoteView }
  | { readonly kind: "approval_required"; readonly approval: ApprovalView; readonly quote: QuoteView }
  | {
      readonly kind: "vm";
      readonly vm: VmView;
      readonly additionalCredits: Credits | null;
      readonly networkState: NetworkState;
      readonly unattended: boolean;
    }
  | {
      readonly kind: "top_up";
      readonly link: string;
      readonly creditsAsked: Credits;
      /** At least so much has come since it was asked: what was spent meanwhile is not added. Null: not known. */
      readonly creditsArrived: Credits | null;
    };

export type SpendingRow = {
  readonly atMs: number;
  readonly kind: "hold" | "extend" | "shrink" | "post" | "void" | "correction" | "overrun";
  readonly credits: Credits;
  readonly vmId: string | null;
  readonly grantId: string | null;
};
export type SpendingGroup = {
  readonly key: string;
  readonly heldCredits: Credits;
  readonly spentCredits: Credits;
  readonly vms: number;
};
export type SpendingView = Dated & {
  /** Both of the grant's whole life, since whenever the rows are asked for. */
  readonly heldCredits: Credits;
  readonly spentCredits: Credits;
  readonly rows: readonly SpendingRow[];
  /** The latest of them; `groupsTotal` counts all. */
  readonly groups: readonly SpendingGroup[];
  readonly groupsTotal: number;
  readonly cursor: string | null;
};

/** What an agent may ask. `waitS` is at most 25; a wait that ends early or late changes nothing. */
export type AgentFront = {
  checkBalance(caller: Caller): Promise<Answer<BalanceView>>;
  listNodes(caller: Caller, filter: NodeFilter): Promise<Answer<NodesView>>;
  quoteVm(caller: Caller, ask: VmAsk): Promise<Answer<QuoteView>>;
  quoteExtend(caller: Caller, ask: { readonly vmId: string; readonly seconds: number }): Promise<Answer<QuoteView>>;
  quoteTopUp(caller: Caller, ask: { readonly credits: Credits }): Promise<Answer<QuoteView>>;
  /** `same` holds the parameters that came along with the quote id; they have to be those of the quote. */
  accept(
    caller: Caller,
    ask: {
      readonly quoteId: string;
      readonly kind: QuoteKind;
      readonly same?: Partial<VmAsk> & {
        readonly vmId?: string;
        readonly seconds?: number;
        readonly credits?: Credits;
      };
      readonly waitS: number;
      /** Judged like an accept and then undone: nothing changes, nothing is counted. */
      readonly dryRun?: boolean;
    },
  ): Promise<Answer<AcceptView>>;
  getVm(caller: Caller, ask: { readonly vmId: string; readonly waitS: number }): Promise<Answer<VmView & Dated>>;
  listVms(
    caller: Caller,
    ask: { readonly state: "live" | "all"; readonly limit: number; readonly cursor?: string },
  ): Promise<Answer<Dated & { readonly vms: readonly VmView[]; readonly cursor: string | null }>>;
  destroyVm(
    caller: Caller,
    ask: { readonly vmId: string; readonly dryRun: boolean; readonly waitS: number },
  ): Promise<Answer<VmView & Dated>>;
  getApproval(
    caller: Caller,
    ask: { readonly approvalId?: string; readonly withdraw: boolean; readonly waitS: number },
  ): Promise<Answer<{ readonly approvals: readonly ApprovalView[] }>>;
  getSpending(
    caller: Caller,
    ask: {
      readonly sinceMs?: number;
      readonly groupBy?: "vm" | "day";
      readonly limit: number;
      readonly cursor?: string;
    },
  ): Promise<Answer<SpendingView>>;
  emergencyStop(caller: Caller): Promise<Answer<{ readonly frozen: true; readonly vms: readonly VmView[] }>>;
};
