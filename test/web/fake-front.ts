/**
 * An account behind the pages: one owner's values, nonces bound to the session they were minted for, signatures really
 * checked. It records what it was asked to do.
 */
import type {
  DelegationView,
  GrantDraft,
  LeaveView,
  OwnerFront,
  Overview,
  PolicyOffer,
  Session,
} from "../../src/account/contract.ts";
import { draftFault } from "../../src/account/policy-draft.ts";
import { approvalTypedData, policyTypedData } from "../../src/account/typed.ts";
import type { PolicyDraft } from "../../src/account/types.ts";
import { recoverTypedData } from "../../src/crypto/typed-data.ts";
import { type Answer, answer, refuse } from "../../src/errors.ts";
import { ACCOUNT, NOW_MS, approval, endedVm, fullOverview, grant, vm } from "./account.ts";

export const ORIGIN = "http://localhost:8787";

export type Call = { readonly name: string; readonly owner?: string; readonly ask?: unknown };

export class FakeFront implements OwnerFront {
  readonly calls: Call[] = [];
  readonly owners: ReadonlySet<string> | "*";
  overviewOf: (owner: string) => Overview = fullOverview;
  delegation: DelegationView = openDelegation;
  by: "signature" | "click" = "signature";
  approvalName = approval.clientName;
  approvalFacts = approval.facts;
  standing: Awaited<ReturnType<OwnerFront["grantStanding"]>> = {
    state: "active",
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  };
  private readonly usedNonces = new Set<string>();
  private readonly minted = new Map<string, { readonly sessionId: string; readonly draft?: PolicyDraft }>();
  shadow: PolicyOffer["shadow"] = { of: 0, refused: 0, refusedThen: 0 };
  frozenFor: PolicyOffer["frozenFor"] = [];
  private count = 0;

  constructor(owners: ReadonlySet<string> | "*" = "*") {
    this.owners = owners;
  }

  /** Which of its methods were called, in order, reads left out. */
  changes(): readonly string[] {
    return this.calls
      .map(({ name }) => name)
      .filter((name) => !["overview", "arrive", "grantStanding", "getVm"].includes(name));
  }

  private note(name: string, session?: Session, ask?: unknown): void {
    this.calls.push({
      name,
      ...(session === undefined ? {} : { owner: session.owner }),
      ...(ask === undefined ? {} : { ask }),
    });
  }

  private mint(session: Session, draft?: PolicyDraft): string {
    const nonce = `nonce${(this.count += 1)}`;
    this.minted.set(nonce, { sessionId: session.sessionId, ...(draft === undefined ? {} : { draft }) });
    return nonce;
  }

  private view(session: Session): Answer<Overview> {
    return answer(this.overviewOf(session.owner));
  }

  mayOwn = (owner: string): boolean => this.owners === "*" || this.owners.has(owner);

  private mine(session: Session): boolean {
    return this.mayOwn(session.owner);
  }

  arrive = async (session: Session): Promise<Answer<Overview>> => {
    this.note("arrive", session);
    return this.mayOwn(session.owner) ? this.view(session) : refuse("auth.stranger");
  };

  overview = async (session: Session): Promise<Answer<Overview>> => {
    this.note("overview", session);
    return this.view(session);
  };

  consumeNonce = async (owner: string, nonce: string): Promise<boolean> => {
    this.note("consumeNonce");
    if (this.usedNonces.has(`${owner}${nonce}`)) return false;
    this.usedNonces.add(`${owner}${nonce}`);
    return true;
  };

  offerPolicy: OwnerFront["offerPolicy"] = async (session, ask) => {
    this.note("offerPolicy", session, ask);
    const fault = draftFault(ask.draft, NOW_MS, false);
    if (fault !== null) return refuse("input.invalid", fault);
    const nonce = this.mint(session, ask.draft);
    const about = { account: ACCOUNT, owner: session.owner, nonce, unfreezes: "nothing" };
    const typedData = policyTypedData(ORIGIN, about, { ...ask.draft, version: 2 });
    return answer({
      typedData,
      nonce,
      version: 2,
      worstCaseCredits: 20_000_000,
      shadow: this.shadow,
      frozenFor: this.frozenFor,
    });
  };

  savePolicy: OwnerFront["savePolicy"] = async (session, ask) => {
    this.note("savePolicy", session, ask);
    const minted = this.minted.get(ask.nonce);
    if (minted?.sessionId !== session.sessionId || minted.draft === undefined)
      return refuse("input.invalid", { field: "nonce" });
    const policy = { ...minted.draft, version: 2 };
    const about = { account: ACCOUNT, owner: session.owner, nonce: ask.nonce, unfreezes: "nothing" };
    const signer = recoverTypedData(policyTypedData(ORIGIN, about, policy), ask.signature ?? "0x");
    if (signer !== session.owner) return refuse("input.invalid", { field: "signature" });
    const before = this.overviewOf;
    this.overviewOf = (owner) => ({ ...before(owner), policy });
    return answer({ policy });
  };

  addGrant = async (session: Session, draft: GrantDraft) => {
    this.note("addGrant", session, draft);
    return answer({ grantId: draft.existingGrantId ?? "gr_new", account: ACCOUNT });
  };

  revokeGrant: OwnerFront["revokeGrant"] = async (session, ask) => {
    this.note("revokeGrant", session, ask);
    return answer({ ...grant, state: "revoked" });
  };

  freezeGrant: OwnerFront["freezeGrant"] = async (session, ask) => {
    this.note("freezeGrant", session, ask);
    return answer({ ...grant, state: "frozen" });
  };

  freeze = async (session: Session) => {
    this.note("freeze", session);
    return this.view(session);
  };

  stopEverything = async (session: Session) => {
    this.note("stopEverything", session);
    return this.view(session);
  };

  destroyVm: OwnerFront["destroyVm"] = async (session, ask) => {
    this.note("destroyVm", session, ask);
    return ask.vmId === vm.vmId && this.mine(session) ? answer(vm) : refuse("input.unknown_id");
  };

  getVm: OwnerFront["getVm"] = async (session, ask) => {
    this.note("getVm", session, ask);
    const found = this.overviewOf(session.owner).vms.find((one) => one.vmId === ask.vmId);
    return found === undefined || !this.mine(session) ? refuse("input.unknown_id") : answer(found);
  };

  openDelegation = async (session: Session) => {
    this.note("openDelegation", session);
    return answer(this.delegation);
  };

  submitDelegation: OwnerFront["submitDelegation"] = async (session, ask) => {
    this.note("submitDelegation", session, ask);
    return answer({
      ...this.delegation,
      sent: { itemHash: ask.itemHash, sinceMs: 1_000, coreNodesDone: 1 },
      toSign: null,
    });
  };

  leave: LeaveView = staying;

  openLeave: OwnerFront["openLeave"] = async (session) => {
    this.note("openLeave", session);
    return answer(this.leave);
  };

  beginLeaving: OwnerFront["beginLeaving"] = async (session, ask) => {
    this.note("beginLeaving", session, ask);
    return answer(this.leave);
  };

  beginRotation: OwnerFront["beginRotation"] = async (session) => {
    this.note("beginRotation", session);
    return answer(this.leave);
  };

  signLeave: OwnerFront["signLeave"] = async (session, ask) => {
    this.note("signLeave", session, ask);
    return answer(this.leave);
  };

  /** Only Alice's account holds the approval: everybody else is asked about their own. */
  openApproval: OwnerFront["openApproval"] = async (session, ask) => {
    this.note("openApproval", session, ask);
    if (ask.approvalId !== approval.approvalId || session.owner !== this.approver) return refuse("input.unknown_id");
    const nonce = this.mint(session);
    const view = { ...approval, clientName: this.approvalName };
    const facts = this.approvalFacts;
    return answer({ approval: view, by: this.by, typedData: this.approvalText(nonce), nonce, facts });
  };

  decideApproval: OwnerFront["decideApproval"] = async (session, ask) => {
    this.note("decideApproval", session, ask);
    if (ask.approvalId !== approval.approvalId || session.owner !== this.approver) return refuse("input.unknown_id");
    if (this.minted.get(ask.nonce)?.sessionId !== session.sessionId) return refuse("input.invalid", { field: "nonce" });
    if (ask.verdict === "deny") return answer({ state: "denied" });
    const signer = recoverTypedData(this.approvalText(ask.nonce), ask.signature ?? "0x");
    return signer === session.owner ? answer({ state: "approved" }) : refuse("input.invalid", { field: "signature" });
  };

  approver = "";

  private approvalText(nonce: string) {
    return approvalTypedData(ORIGIN, this.approvalFacts, {
      approvalId: approval.approvalId,
      nonce,
      deadlineMs: approval.requestExpiresAtMs,
    });
  }

  seeNotice: OwnerFront["seeNotice"] = async (session, ask) => {
    this.note("seeNotice", session, ask);
    return answer({ seen: true });
  };

  grantStanding: OwnerFront["grantStanding"] = async (account, grantId) => {
    this.note("grantStanding", undefined, { account, grantId });
    return this.standing;
  };
}

export const openDelegation: DelegationView = {
  state: "missing",
  agentAddress: "0x1111111111111111111111111111111111111111",
  sent: null,
  toSign: { itemHash: "e".repeat(64), text: "ETH\n0xOwner\nAGGREGATE\nee", itemContent: '{"key":"security"}' },
  kept: [{ words: "0x2222 may do everything", canTakeEverything: true }],
  added: [{ words: "rent and forget VMs" }],
  doubtful: [{ words: "0x3333 may post" }],
};

/** An account in order, whose owner has begun nothing. */
export const staying: LeaveView = {
  agentAddress: openDelegation.agentAddress,
  delegation: "ok",
  keyLost: false,
  coreNodesAnswering: 3,
  leaving: null,
  vms: [vm],
  vmsLive: 1,
  revocation: null,
  forgets: { alive: 0, toSign: [], sent: [] },
  rotation: null,
};

export { endedVm };
