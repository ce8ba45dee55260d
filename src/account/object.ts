/**
 * The Durable Object `Account`, one per owner: on top of what agents call, what the signed-in owner does.
 *
 * Each method opens one moment, lets the rules decide, and answers a value or a refusal. What brakes answers without a
 * figure: one that no view can be made of would roll the brake back with it.
 */
import { type Answer, answer, refuse } from "../errors.ts";
import type { GrantDraft, Overview, PolicyOffer, Session, Stilled, VmView } from "./contract.ts";
import * as approvals from "./approval-desk.ts";
import { HistoryObject } from "./history-object.ts";
import { bornKey } from "./keys.ts";
import { beginLeaving, type LeaveFacts, leaveFacts, type LeaveState, leaveState } from "./leave.ts";
import type { LeaveKind } from "./leave-contract.ts";
import type { OwnerMessage } from "./message-store.ts";
import type { Moment } from "./moment.ts";
import * as desk from "./owner-desk.ts";
import { keepOffer, type Offer, type SignedAsk, takeSigned } from "./owner-messages.ts";
import { notePayer } from "./payer-note.ts";
import type { PayerFacts } from "./payer.ts";
import * as policies from "./policy-desk.ts";
import { isNearlyFull } from "./room.ts";
import { prepareKey } from "./rotation.ts";
import type { ApprovalState, Grant, Policy } from "./types.ts";
import { overview, shownVm } from "./views.ts";

export class AccountObject extends HistoryObject {
  overview(payer: PayerFacts | null): Answer<Overview> {
    if (!this.born) return refuse("auth.missing");
    if (payer !== null) this.commit(this.nowMs(), (moment) => notePayer(moment, payer));
    return answer(overview(this.moment(this.nowMs()), payer, this.networkState()));
  }

  addresses(): { readonly owner: `0x${string}`; readonly agentAddress: `0x${string}` } | null {
    const account = this.store.loadAccount();
    return account === undefined ? null : { owner: account.owner, agentAddress: account.agentAddress };
  }

  consumeNonce(nonce: string, expiresAtMs: number): boolean {
    return this.ctx.storage.transactionSync(() => {
      const known = { nonce, sessionId: "sign-in", purpose: "sign-in", payload: null, expiresAtMs };
      if (this.store.nonceKnown(nonce)) return false;
      this.store.mintNonce(known, this.nowMs());
      return true;
    });
  }

  async offerPolicy(
    session: Session,
    ask: Parameters<typeof policies.offerPolicy>[2],
    workerNowMs: number,
  ): Promise<Answer<PolicyOffer>> {
    await this.hear();
    return this.grow(workerNowMs, (moment) => policies.offerPolicy(moment, session, ask));
  }

  async savePolicy(
    session: Session,
    ask: { readonly nonce: string; readonly signature?: string },
    workerNowMs: number,
  ): Promise<Answer<{ readonly policy: Policy }>> {
    await this.hear();
    return this.grow(workerNowMs, (moment) => policies.savePolicy(moment, session, ask));
  }

  addGrant(draft: GrantDraft, workerNowMs: number): Answer<{ readonly grantId: string; readonly account: string }> {
    return this.grow(workerNowMs, (moment) => desk.addGrant(moment, draft));
  }

  /** What only adds: refused while the storage is nearly full. Freezing, stopping and the delegation go on. */
  private grow<T>(workerNowMs: number, work: (moment: Moment) => Answer<T>): Answer<T> {
    return this.decide(workerNowMs, (moment) =>
      isNearlyFull(moment.store) ? refuse("account.storage") : work(moment),
    );
  }

  revokeGrant(ask: { readonly grantId: string; readonly keepVms: boolean }, workerNowMs: number): Answer<Grant> {
    return this.decide(workerNowMs, (moment) => desk.revokeGrant(moment, ask.grantId, ask.keepVms), true);
  }

  freezeGrant(grantId: string, workerNowMs: number): Answer<Grant> {
    return this.decide(workerNowMs, (moment) => desk.freezeGrant(moment, grantId), true);
  }

  freezeOrStop(what: "freeze" | "stop", workerNowMs: number): Answer<Stilled> {
    const stilled = (moment: Moment): Answer<Stilled> => {
      if (what === "freeze") desk.freezeAccount(moment);
      else desk.stopEverything(moment);
      const { state, frozenReason } = moment.account;
      return answer({ state, frozenReason });
    };
    return this.decide(workerNowMs, stilled, true);
  }

  destroyByOwner(vmId: string, workerNowMs: number): Answer<{ readonly vmId: string }> {
    return this.decide(workerNowMs, (moment) => desk.destroy(moment, vmId, null), true);
  }

  vmForOwner(vmId: string): Answer<VmView> {
    const vm = this.store.loadVm(vmId);
    return vm === undefined ? refuse("input.unknown_id", { id: "vm" }) : answer(shownVm(this.moment(this.nowMs()), vm));
  }

  openApproval(session: Session, approvalId: string, workerNowMs: number): Answer<approvals.ApprovalPage> {
    return this.grow(workerNowMs, (moment) => approvals.openApproval(moment, session, approvalId));
  }

  decideApproval(
    session: Session,
    ask: Parameters<typeof approvals.decideApproval>[2],
    workerNowMs: number,
  ): Answer<{ readonly state: ApprovalState }> {
    return this.grow(workerNowMs, (moment) => approvals.decideApproval(moment, session, ask));
  }

  seeNotice(noticeId: string): Answer<{ readonly seen: true }> {
    this.store.seeNotice(noticeId, this.nowMs());
    return answer({ seen: true });
  }

  /** Keeps the message that the funding page shows, so that only those bytes can come back signed. */
  offerDelegation(session: Session, offer: Offer, workerNowMs: number): Answer<{ readonly kept: boolean }> {
    return this.decide(workerNowMs, (moment) => answer({ kept: keepOffer(moment, session, offer) }));
  }

  submitOwnerMessage(
    session: Session,
    ask: SignedAsk,
    workerNowMs: number,
  ): Answer<{ readonly purpose: OwnerMessage["purpose"] }> {
    return this.decide(workerNowMs, (moment) => takeSigned(moment, session, ask), true);
  }

  /** The list that is on its way, if any, whatever it was signed for. */
  sentDelegation(): { readonly itemHash: string; readonly sinceMs: number; readonly coreNodesDone: number } | null {
    const open = this.store.openOwnerMessages().find((one) => one.kind === "security");
    return open === undefined
      ? null
      : { itemHash: open.itemHash, sinceMs: open.storedAtMs, coreNodesDone: open.coreNodesDone };
  }

  leaveFacts(): LeaveFacts | null {
    return this.born ? leaveFacts(this.moment(this.nowMs())) : null;
  }

  leaveState(session: Session, ask: Parameters<typeof leaveState>[2], workerNowMs: number): Answer<LeaveState> {
    return this.decide(workerNowMs, (moment) => answer(leaveState(moment, session, ask)), true);
  }

  beginLeaving(kind: LeaveKind, workerNowMs: number): Answer<{ readonly kind: LeaveKind }> {
    return this.decide(workerNowMs, (moment) => beginLeaving(moment, kind), true);
  }

  /** Sealing is asynchronous, so the key is made before the moment in which it is kept or found unneeded. */
  async prepareKey(workerNowMs: number): Promise<Answer<{ readonly key: string }>> {
    const [kek] = this.setting.keks;
    const name = this.store.loadAccount()?.name;
    if (kek === undefined || name === undefined) return refuse("auth.missing");
    const key = await bornKey(name, kek, this.setting.ports.random);
    return this.decide(workerNowMs, (moment) => prepareKey(moment, key));
  }
}
