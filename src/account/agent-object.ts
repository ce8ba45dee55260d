/**
 * The half of the account object that agents call.
 *
 * Each method opens one moment, lets the rules decide, and answers a value or a refusal. Nothing here awaits between a
 * check and its record, and nothing here talks to the network: the drive does.
 */
import { shardOf } from "../directory/watch.ts";
import { type Answer, answer, type Code, refuse } from "../errors.ts";
import * as admission from "./admission.ts";
import { withdraw } from "./approval-end.ts";
import { AccountBase } from "./base.ts";
import type { ApprovalView, BalanceView, Caller, Dated, QuoteView, SpendingView, VmView } from "./contract.ts";
import { notePayer } from "./payer-note.ts";
import { bornKey } from "./keys.ts";
import type { Moment } from "./moment.ts";
import * as desk from "./owner-desk.ts";
import { isForAge, type PayerFacts, tooOld } from "./payer.ts";
import type { AcceptFacts, Peeked, Standing } from "./pending.ts";
import * as quoting from "./quoting.ts";
import type { CreateFacts } from "./requests.ts";
import { spending, type SpendingAsk } from "./spending.ts";
import type { Approval, Grant, SpecAsk } from "./types.ts";
import { approvalView, openApprovals, balanceView, shownVm } from "./views.ts";

/**
 * No input may reach an internal error; whoever found a way stops until the owner has looked. Where the call `judgesFacts`
 * that were gathered for it, the figure may have been anybody's, and nobody is stopped for it.
 */
type Judging = { readonly narrows?: boolean; readonly judgesFacts?: boolean };

export abstract class AgentObject extends AccountBase {
  /** Creates the account with its sealed agent key, once; later calls change nothing. */
  async birth(born: { readonly name: string; readonly owner: `0x${string}` }): Promise<void> {
    const [kek] = this.setting.keks;
    if (this.born || kek === undefined) return;
    const key = await bornKey(born.name, kek, this.setting.ports.random);
    const nowMs = this.setting.ports.clock.nowMs();
    this.ctx.storage.transactionSync(() => {
      if (this.born) return;
      this.store.insertAccount({
        ...born,
        objectId: this.ctx.id.toString(),
        agentAddress: key.address,
        bornAtMs: nowMs,
      });
      this.store.saveKey(key, nowMs);
      this.moment(nowMs).audit("account.born", { shard: shardOf(born.name) });
    });
    await this.report(null);
  }

  /** Row 0 of every call of an agent: does its grant stand, and whose account is it. */
  standing(caller: Caller): Answer<Standing> {
    const account = this.store.loadAccount();
    if (account === undefined) return refuse("auth.revoked");
    const grant = admission.callerGrant(this.moment(this.nowMs()), caller);
    if (!grant.ok) return grant;
    const { owner, agentAddress } = account;
    return answer({ owner, agentAddress, grant: grant.value, place: this.store.currentPolicy()?.place ?? null });
  }

  grantStanding(grantId: string): { readonly state: Grant["state"]; readonly expiresAtMs: number } | null {
    const grant = this.store.loadGrant(grantId);
    return grant === undefined ? null : { state: grant.state, expiresAtMs: grant.expiresAtMs };
  }

  private byGrant<T>(
    caller: Caller,
    workerNowMs: number,
    work: (moment: Moment, grant: Grant) => Answer<T>,
    { narrows = false, judgesFacts = false }: Judging = {},
  ): Answer<T> {
    const judged = (moment: Moment): Answer<T> => {
      const grant = admission.callerGrant(moment, caller);
      return grant.ok ? work(moment, grant.value) : grant;
    };
    const result = this.decide(workerNowMs, judged, narrows);
    if (!result.ok && result.refusal.code.startsWith("internal.") && !judgesFacts)
      this.commit(this.nowMs(), (moment) => desk.freezeByFault(moment, caller.grantId));
    return result;
  }

  async quoteCreate(caller: Caller, ask: SpecAsk, facts: CreateFacts, workerNowMs: number): Promise<Answer<QuoteView>> {
    await this.hear();
    const quoted = (moment: Moment, grant: Grant) => quoting.quoteCreate(moment, grant, ask, facts);
    return this.byGrant(caller, workerNowMs, quoted, { judgesFacts: true });
  }

  async quoteExtend(
    caller: Caller,
    ask: { readonly vmId: string; readonly seconds: number },
    payer: PayerFacts,
    workerNowMs: number,
  ): Promise<Answer<QuoteView>> {
    await this.hear();
    const quoted = (moment: Moment, grant: Grant): Answer<QuoteView> => {
      const vm = ownVm(moment, caller, ask.vmId);
      return vm.ok ? quoting.quoteExtend(moment, grant, vm.value, ask.seconds, payer) : vm;
    };
    return this.byGrant(caller, workerNowMs, quoted, { judgesFacts: true });
  }

  quoteTopUp(caller: Caller, credits: number, workerNowMs: number): Answer<QuoteView> {
    return this.byGrant(caller, workerNowMs, (moment, grant) => quoting.quoteTopUp(moment, grant, credits));
  }

  /** Step 0 of an accept: a burnt id answers at once, without any fact being gathered. */
  peekAccept(caller: Caller, quoteId: string): Answer<Peeked> {
    const stands = this.standing(caller);
    if (!stands.ok) return stands;
    const quote = admission.ownQuote(this.moment(this.nowMs()), caller, quoteId);
    if (!quote.ok) return quote;
    const { grant: _grant, ...facts } = stands.value;
    const pending = { quote: quote.value, ...facts };
    return answer({ pending, answered: admission.answeredBefore(quote.value) ?? null });
  }

  async accept(
    caller: Caller,
    quoteId: string,
    given: AcceptFacts,
    workerNowMs: number,
  ): Promise<Answer<admission.Accepted>> {
    await this.hear();
    const judged = (moment: Moment, grant: Grant): Answer<admission.Accepted> => {
      const accepted = this.judge(moment, caller, grant, quoteId, given, workerNowMs);
      if (!accepted.ok && !isForAge(accepted.refusal)) desk.countRefusal(moment, caller.grantId, accepted.refusal.code);
      return accepted;
    };
    const decided = this.byGrant(caller, workerNowMs, judged, { judgesFacts: true });
    // The caller waits for the second clock at most two seconds; the record stands either way.
    await this.report(this.drive.nextDueMs());
    return decided;
  }

  /** What `accept` would answer now: judged by it in full, then undone, so that nothing stays and nobody is told. */
  async rehearse(
    caller: Caller,
    quoteId: string,
    given: AcceptFacts,
    workerNowMs: number,
  ): Promise<Answer<admission.Accepted>> {
    await this.hear();
    return this.undone(workerNowMs, (moment) => {
      const grant = admission.callerGrant(moment, caller);
      return grant.ok ? this.judge(moment, caller, grant.value, quoteId, given, workerNowMs) : grant;
    });
  }

  /** An accept that was refused before this account was asked: for its form, or while facts were gathered. */
  noteRefused(caller: Caller, code: Code, workerNowMs: number): void {
    const noted = (moment: Moment) => answer(desk.countRefusal(moment, caller.grantId, code));
    this.byGrant(caller, workerNowMs, noted, { judgesFacts: true });
  }

  private judge(
    moment: Moment,
    caller: Caller,
    grant: Grant,
    quoteId: string,
    given: AcceptFacts,
    workerNowMs: number,
  ): Answer<admission.Accepted> {
    const quote = admission.ownQuote(moment, caller, quoteId);
    if (!quote.ok) return quote;
    const before = admission.answeredBefore(quote.value);
    const params = quote.value.offer?.params;
    if (before !== undefined) return before;
    if (params === undefined || params.kind !== given.kind) return refuse("quote.expired");
    const old = given.kind === "top_up" ? null : tooOld(given.facts.payer, workerNowMs);
    if (old !== null) return { ok: false, refusal: old };
    if (given.kind !== "top_up") notePayer(moment, given.facts.payer);
    if (params.kind === "top_up" && given.kind === "top_up")
      return admission.acceptTopUp(moment, quote.value, params.credits, given.creditsThen);
    if (params.kind === "create" && given.kind === "create")
      return admission.acceptCreate(moment, grant, quote.value, params.spec, given.facts);
    if (params.kind !== "extend" || given.kind !== "extend") return refuse("internal.invariant");
    const vm = ownVm(moment, caller, params.vmId);
    return vm.ok ? admission.acceptExtend(moment, grant, quote.value, vm.value, params.seconds, given.facts) : vm;
  }

  /** Waits until the VM has settled into something an agent can act on, or the time is up. */
  async vm(caller: Caller, vmId: string, waitS: number): Promise<Answer<VmView & Dated>> {
    const stands = this.standing(caller);
    if (!stands.ok) return stands;
    const found = (): Answer<VmView> => {
      const moment = this.moment(this.nowMs());
      const vm = ownVm(moment, caller, vmId);
      return vm.ok ? answer(shownVm(moment, vm.value)) : vm;
    };
    const first = found();
    if (!first.ok) return first;
    const moving = new Set(["REQUESTED", "SENT", "UNKNOWN", "PROVISIONING", "STOPPING"]);
    await this.waitUntil(() => {
      const now = found();
      return !now.ok || !moving.has(now.value.state);
    }, waitS);
    const last = found();
    return last.ok ? answer({ ...last.value, ...this.dated() }) : last;
  }

  vms(
    caller: Caller,
    ask: { readonly state: "live" | "all"; readonly limit: number; readonly cursor?: string },
  ): Answer<Dated & { readonly vms: readonly VmView[]; readonly cursor: string | null }> {
    const stands = this.standing(caller);
    if (!stands.ok) return stands;
    const { grantId } = caller;
    const page = this.store.loadPage({
      grantId,
      liveOnly: ask.state === "live",
      limit: ask.limit,
      ...(ask.cursor === undefined ? {} : { after: ask.cursor }),
    });
    const last = page.at(-1);
    const cursor = page.length === ask.limit && last !== undefined ? last.vmId : null;
    const moment = this.moment(this.nowMs());
    return answer({ ...this.dated(), vms: page.map((vm) => shownVm(moment, vm)), cursor });
  }

  destroy(caller: Caller, vmId: string, dryRun: boolean, workerNowMs: number): Answer<{ readonly vmId: string }> {
    const destroyed = (moment: Moment): Answer<{ readonly vmId: string }> => {
      const vm = ownVm(moment, caller, vmId);
      if (!vm.ok) return vm;
      return dryRun ? answer({ vmId }) : desk.destroy(moment, vmId, caller.grantId);
    };
    return this.byGrant(caller, workerNowMs, destroyed, { narrows: true });
  }

  emergencyStop(
    caller: Caller,
    workerNowMs: number,
  ): Answer<{ readonly frozen: true; readonly vms: readonly VmView[] }> {
    const stopped = (moment: Moment) => answer(desk.emergencyStop(moment, caller.grantId));
    const done = this.byGrant(caller, workerNowMs, stopped, { narrows: true });
    if (!done.ok) return done;
    // shown after the commit: a figure that no view can be made of must not roll a brake back
    const moment = this.moment(this.nowMs());
    const vms = done.value.flatMap((vmId) => this.store.loadVm(vmId) ?? []);
    return answer({ frozen: true, vms: vms.map((vm) => shownVm(moment, vm)) });
  }

  async approvals(
    caller: Caller,
    ask: { readonly approvalId?: string; readonly withdraw: boolean; readonly waitS: number },
    workerNowMs: number,
  ): Promise<Answer<{ readonly approvals: readonly ApprovalView[] }>> {
    const { approvalId } = ask;
    // looked at before the wait too: being made to wait would tell that another agent has such a request
    const own = () => this.ownApproval(caller, approvalId);
    const withdrawn = ask.withdraw && approvalId !== undefined ? this.withdraw(caller, approvalId, workerNowMs) : null;
    if (withdrawn?.ok === false) return withdrawn;
    if (approvalId !== undefined) await this.waitUntil(() => own()?.state !== "pending", ask.waitS);
    const stands = this.standing(caller);
    if (!stands.ok) return stands;
    const moment = this.moment(this.nowMs());
    if (approvalId === undefined) return answer({ approvals: openApprovals(moment, caller.grantId) });
    const one = own();
    return one === undefined
      ? refuse("input.unknown_id", { id: "approval" })
      : answer({ approvals: [approvalView(moment, one)] });
  }

  private ownApproval(caller: Caller, approvalId = ""): Approval | undefined {
    const one = this.store.loadApproval(approvalId);
    return one?.grantId === caller.grantId ? one : undefined;
  }

  private withdraw(caller: Caller, approvalId: string, workerNowMs: number): Answer<boolean> {
    const work = (moment: Moment) => answer(withdraw(moment, caller.grantId, approvalId));
    return this.byGrant(caller, workerNowMs, work, { narrows: true });
  }

  balance(caller: Caller, payer: PayerFacts | null): Answer<BalanceView> {
    const stands = this.standing(caller);
    if (!stands.ok) return stands;
    if (payer !== null) this.commit(this.nowMs(), (moment) => notePayer(moment, payer));
    const moment = this.moment(this.nowMs());
    const state = payer === null ? "unreachable" : this.networkState();
    return answer(balanceView(moment, stands.value.grant, payer ?? moment.store.loadPayer(), state));
  }

  spending(caller: Caller, ask: SpendingAsk): Answer<SpendingView> {
    const stands = this.standing(caller);
    return stands.ok
      ? answer({ ...this.dated(), ...spending(this.moment(this.nowMs()), caller.grantId, ask) })
      : stands;
  }
}

/** A VM of this grant, or the same answer as for one that does not exist. */
function ownVm(moment: Moment, caller: Caller, vmId: string) {
  const vm = moment.store.loadVm(vmId);
  return vm === undefined || vm.grantId !== caller.grantId ? refuse("input.unknown_id", { id: "vm" }) : answer(vm);
}
