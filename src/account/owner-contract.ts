/** What `web/` may ask of an account on behalf of its signed-in owner, and the shapes of the answers. Types only. */
import type { TypedData } from "../crypto/typed-data.ts";
import type { Answer } from "../errors.ts";
import type { ApprovalView, BalanceView, VmView } from "./contract.ts";
import type { LeaveKind, LeaveView, SignAsk } from "./leave-contract.ts";
import type { Shadow } from "./shadow.ts";
import type {
  ApprovalFacts,
  ApprovalState,
  Credits,
  Grant,
  Hash,
  Notice,
  Policy,
  PolicyDraft,
  Scope,
  Window,
} from "./types.ts";

export type * from "./leave-contract.ts";

/** The signed-in owner; `sessionId` names one browser session on our origin, and nonces are minted for it alone. */
export type Session = { readonly owner: `0x${string}`; readonly sessionId: string };

export type GrantDraft = {
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectHost: string;
  readonly scopes: readonly Scope[];
  readonly creditsMax: Credits;
  readonly vmsLiveMax: number;
  readonly createsPerMinMax: number;
  readonly windows?: readonly Window[];
  readonly expiresAtMs: number;
  /** Set when the owner says that this is an agent that comes back: its VMs, budget and history stay. */
  readonly existingGrantId?: string;
};

export type GrantView = Grant & {
  readonly heldCredits: Credits;
  readonly spentCredits: Credits;
  readonly vmsLive: number;
};

/** The Aleph message that the owner is asked to sign, byte for byte, and what it does in words. */
export type DelegationView = {
  readonly state: "ok" | "missing" | "too_wide" | "unknown";
  readonly agentAddress: string;
  /** Present while a signed one waits for the network; no second signature is asked for meanwhile. */
  readonly sent: { readonly itemHash: Hash; readonly sinceMs: number; readonly coreNodesDone: number } | null;
  readonly toSign: { readonly itemHash: Hash; readonly text: string; readonly itemContent: string } | null;
  readonly kept: readonly { readonly words: string; readonly canTakeEverything: boolean }[];
  readonly added: readonly { readonly words: string }[];
  readonly doubtful: readonly { readonly words: string }[];
};

export type Overview = {
  readonly owner: string;
  readonly account: string;
  readonly agentAddress: string;
  readonly state: "active" | "frozen";
  readonly frozenReason: string | null;
  readonly policy: Policy | null;
  /** The most that agents can still spend before every limit stops them. */
  readonly worstCaseCredits: Credits;
  readonly balance: BalanceView;
  readonly vms: readonly VmView[];
  readonly grants: readonly GrantView[];
  readonly approvals: readonly ApprovalView[];
  readonly notices: readonly Notice[];
  readonly unattended: boolean;
  /** The operator lets nothing new start, in any account. */
  readonly paused: boolean;
  readonly compared: Compared;
};

/** How the account stands against what the core nodes list. */
export type Compared = {
  readonly restored: boolean;
  /** Since a restore: null until two core nodes were read twice; until then the freeze cannot be ended. */
  readonly reconciledAtMs: number | null;
  /** When the lists were last read; null: not yet. */
  readonly readAtMs: number | null;
  /** Machines of the payer that are none of ours. */
  readonly foreign: number | null;
};

export type PolicyOffer = {
  /** Present when the owner has to sign: the policy is new, wider, or ends a freeze. */
  readonly typedData: TypedData | null;
  readonly nonce: string;
  readonly version: number;
  readonly worstCaseCredits: Credits;
  /** What these limits would have refused of the latest creates. */
  readonly shadow: Shadow;
  /** Why that is frozen of which the signature ends the freeze, as `reasonsToShow` or the grant has it; else empty. */
  readonly frozenFor: readonly string[];
};

/** What a brake answers holds no figure: that may be what is wrong. */
export type Stilled = Pick<Overview, "state" | "frozenReason">;

export type OwnerFront = {
  /** Whether OWNERS still allows it: a browser session may outlive its owner's place on the list. */
  mayOwn(owner: `0x${string}`): boolean;
  /** Creates the account, with its agent key, if it does not exist. Refuses with `auth.stranger` unless OWNERS allows. */
  arrive(session: Session): Promise<Answer<Overview>>;
  /** Uses up a sign-in nonce: true once, false for ever after. */
  consumeNonce(owner: `0x${string}`, nonce: string, expiresAtMs: number): Promise<boolean>;
  overview(session: Session): Promise<Answer<Overview>>;
  offerPolicy(
    session: Session,
    ask: { readonly draft: PolicyDraft; readonly unfreeze?: "account" | { readonly grantId: string } },
  ): Promise<Answer<PolicyOffer>>;
  savePolicy(
    session: Session,
    ask: { readonly nonce: string; readonly signature?: string },
  ): Promise<Answer<{ readonly policy: Policy }>>;
  addGrant(
    session: Session,
    draft: GrantDraft,
  ): Promise<Answer<{ readonly grantId: string; readonly account: string }>>;
  revokeGrant(session: Session, ask: { readonly grantId: string; readonly keepVms: boolean }): Promise<Answer<Grant>>;
  freezeGrant(session: Session, ask: { readonly grantId: string }): Promise<Answer<Grant>>;
  freeze(session: Session): Promise<Answer<Stilled>>;
  stopEverything(session: Session): Promise<Answer<Stilled>>;
  destroyVm(session: Session, ask: { readonly vmId: string }): Promise<Answer<{ readonly vmId: string }>>;
  getVm(session: Session, ask: { readonly vmId: string }): Promise<Answer<VmView>>;
  openDelegation(session: Session): Promise<Answer<DelegationView>>;
  submitDelegation(
    session: Session,
    ask: {
      readonly itemHash: Hash;
      readonly signature: string;
      readonly tickedEverything: boolean;
      readonly tickedDoubtful: boolean;
    },
  ): Promise<Answer<DelegationView>>;
  openLeave(session: Session): Promise<Answer<LeaveView>>;
  beginLeaving(session: Session, ask: { readonly kind: LeaveKind }): Promise<Answer<LeaveView>>;
  beginRotation(session: Session): Promise<Answer<LeaveView>>;
  signLeave(session: Session, ask: SignAsk): Promise<Answer<LeaveView>>;
  openApproval(
    session: Session,
    ask: { readonly approvalId: string },
  ): Promise<
    Answer<{
      readonly approval: ApprovalView;
      readonly by: "signature" | "click";
      readonly typedData: TypedData;
      readonly nonce: string;
      readonly facts: ApprovalFacts;
    }>
  >;
  decideApproval(
    session: Session,
    ask: {
      readonly approvalId: string;
      readonly nonce: string;
      readonly verdict: "approve" | "deny";
      readonly signature?: string;
    },
  ): Promise<Answer<{ readonly state: ApprovalState }>>;
  seeNotice(session: Session, ask: { readonly noticeId: string }): Promise<Answer<{ readonly seen: true }>>;
  /** Live state of a grant for the OAuth layer: null when the account or grant does not exist. */
  grantStanding(
    account: string,
    grantId: string,
  ): Promise<{ readonly state: Grant["state"]; readonly expiresAtMs: number } | null>;
};
