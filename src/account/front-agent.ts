/**
 * What agents ask, seen from the Worker: facts are gathered here, then the account object decides. No rules in here.
 *
 * A call costs the account one or two short visits; everything slow (core nodes, probes) happens before, on the Worker's
 * own connections.
 */
import { parseSshPubkey } from "../aleph/ssh-pubkey.ts";
import { type Answer, answer, type Refused, refuse } from "../errors.ts";
import type { Accepted } from "./admission.ts";
import { invalid, outside } from "./bounds.ts";
import { causeOf } from "./breaker.ts";
import { serviceGate } from "./checks.ts";
import type { AcceptView, AgentFront, BalanceView, Caller, QuoteView, VmAsk } from "./contract.ts";
import { faultOf } from "../fault.ts";
import { type AccountStub, type FrontSetting, nameKeyFault } from "./doors.ts";
import { directoryOf } from "./hearsay.ts";
import type { AcceptFacts, Peeked, Pending } from "./pending.ts";
import { creditsRead, isForAge } from "./payer.ts";
import type { Credits } from "./types.ts";
import { differs } from "./same.ts";
import { listNodes } from "./front-nodes.ts";
import { knownFigures } from "./front-public.ts";
import { REACH_RETRY_S } from "./gather.ts";
import { isLoopback } from "./unattended.ts";

export function agentFront(setting: FrontSetting): AgentFront {
  const { doors, gather, ports } = setting;
  const account = (caller: Caller) => doors.account(caller.account);
  const now = (): number => ports.clock.nowMs();
  return {
    checkBalance: (caller) => checkBalance(setting, caller),
    listNodes: (caller, filter) => listNodes(setting, caller, filter),
    quoteVm: (caller, ask) => quoteVm(setting, caller, ask),
    async quoteExtend(caller, ask) {
      const stands = await account(caller).standing(caller);
      if (!stands.ok) return stands;
      const bad = outside("additional_hours", ask.seconds);
      if (bad !== null) return { ok: false, refusal: bad };
      const payer = await gather.payer(stands.value.owner, stands.value.agentAddress);
      if (payer === undefined) return unreachableWhile(account(caller), caller, ask.vmId);
      return account(caller).quoteExtend(caller, ask, payer, now());
    },
    async quoteTopUp(caller, { credits }) {
      const bad = outside("amount_usd", credits);
      return bad === null ? account(caller).quoteTopUp(caller, credits, now()) : { ok: false, refusal: bad };
    },
    accept: (caller, ask) => accept(setting, caller, ask),
    getVm: (caller, { vmId, waitS }) => account(caller).vm(caller, vmId, waitS),
    listVms: (caller, ask) => account(caller).vms(caller, ask),
    async destroyVm(caller, { vmId, dryRun, waitS }) {
      const asked = await account(caller).destroy(caller, vmId, dryRun, now());
      return asked.ok ? account(caller).vm(caller, vmId, dryRun ? 0 : waitS) : asked;
    },
    getApproval: (caller, ask) => account(caller).approvals(caller, ask, now()),
    getSpending: (caller, ask) => account(caller).spending(caller, ask),
    emergencyStop: (caller) => account(caller).emergencyStop(caller, now()),
  };
}

const unreachable = () => refuse("network.unreachable", {}, REACH_RETRY_S);

/** An extension that cannot be judged now says how long the VM still lives, so that the agent saves its work in time. */
async function unreachableWhile(
  account: AccountStub,
  caller: Caller,
  vmId: string,
): Promise<ReturnType<typeof refuse>> {
  const vm = await account.vm(caller, vmId, 0);
  if (!vm.ok) return vm;
  const { expiresAtMs, networkUnreachableSinceMs } = vm.value;
  const since = networkUnreachableSinceMs ?? null;
  return refuse("network.unreachable", { expiresAtMs, networkUnreachableSinceMs: since }, REACH_RETRY_S);
}

/** With the network down the answer still comes, from the ledger and the last reading, and says so. */
async function checkBalance({ doors, gather }: FrontSetting, caller: Caller): Promise<Answer<BalanceView>> {
  const account = doors.account(caller.account);
  const stands = await account.standing(caller);
  if (!stands.ok) return stands;
  const payer = await gather.payer(stands.value.owner, stands.value.agentAddress);
  return account.balance(caller, payer ?? null);
}

async function quoteVm(setting: FrontSetting, caller: Caller, ask: VmAsk): Promise<Answer<QuoteView>> {
  const { doors, gather, ports } = setting;
  const fault = await nameKeyFault(setting);
  if (fault !== null) return { ok: false, refusal: fault };
  const account = doors.account(caller.account);
  const stands = await account.standing(caller);
  if (!stands.ok) return stands;
  const spec = await gather.spec(ask);
  if (!spec.ok) return spec;
  const cooling = await directoryOf(setting).cooling(ports.clock.nowMs());
  const measured = await knownFigures(setting);
  const [payer, rateAttoPerS, node] = await Promise.all([
    gather.payer(stands.value.owner, stands.value.agentAddress),
    gather.rate(spec.value.shape),
    gather.place(spec.value, { cooling, place: stands.value.place, measured }),
  ]);
  if (payer === undefined) return unreachable();
  if (!node.ok) return node;
  if (rateAttoPerS === undefined)
    return spec.value.shape.gpu === undefined ? unreachable() : { ok: false, refusal: invalid("gpu", "without_price") };
  return account.quoteCreate(caller, spec.value, { payer, rateAttoPerS, node: node.value }, ports.clock.nowMs());
}

type AcceptAsk = Parameters<AgentFront["accept"]>[1];

async function accept(setting: FrontSetting, caller: Caller, ask: AcceptAsk): Promise<Answer<AcceptView>> {
  if (parseSshPubkey(ask.same?.sshPubkey ?? "") === "private_key")
    return refuse("input.private_key", { parameter: "ssh_pubkey" });
  const peeked = await peekedFor(setting, caller, ask);
  if (!peeked.ok) return ask.dryRun === true ? peeked : counted(setting, caller, peeked);
  const { pending, answered } = peeked.value;
  if (answered === null && ask.dryRun === true) return rehearsed(setting, caller, pending);
  try {
    const accepted = answered ?? (await judgedFresh(setting, caller, pending));
    return accepted.ok ? await shown(setting, caller, pending, accepted.value, ask.waitS) : accepted;
  } catch (error) {
    // an object that was replaced, or an answer that was lost, after it may have been recorded: the quote's id repeats it
    setting.ports.log("accept.unanswered", faultOf(error));
    return refuse("outcome.unknown", { quoteId: ask.quoteId });
  }
}

/** The quote, if it is the caller's and was made for what is asked. */
async function peekedFor({ doors }: FrontSetting, caller: Caller, ask: AcceptAsk): Promise<Answer<Peeked>> {
  const peeked = await doors.account(caller.account).peekAccept(caller, ask.quoteId);
  if (!peeked.ok) return peeked;
  const { quote } = peeked.value.pending;
  const other = quote.kind !== ask.kind || differs(quote.offer, ask.same ?? {});
  return other ? refuse("input.key_reused_differently") : peeked;
}

/** A refusal that the account has not seen is told to it: failures are counted against the agent's grant. */
async function counted(setting: FrontSetting, caller: Caller, refused: Refused): Promise<Refused> {
  const { code } = refused.refusal;
  if (causeOf(code) !== null)
    await setting.doors.account(caller.account).noteRefused(caller, code, setting.ports.clock.nowMs());
  return refused;
}

/** No node is leased and nothing is counted: whoever looks before accepting has done nothing yet. */
async function rehearsed(setting: FrontSetting, caller: Caller, pending: Pending): Promise<Answer<AcceptView>> {
  const { quoteId, offer } = pending.quote;
  if (offer === null) return refuse("quote.expired");
  const { wouldRefuse: _then, ...view } = offer.view;
  const facts = await gathered(setting, caller, pending);
  const account = setting.doors.account(caller.account);
  const judged = facts.ok ? await account.rehearse(caller, quoteId, facts.value, setting.ports.clock.nowMs()) : facts;
  if (!judged.ok)
    return answer({ kind: "quote", quote: { ...view, approval: "unknown", wouldRefuse: judged.refusal } });
  const approval = judged.value.kind === "approval" ? "required" : "not_required";
  return answer({ kind: "quote", quote: { ...view, approval } });
}

/** Facts that grew too old on their way are gathered once more; what is said then stands (design.md §12.7). */
async function judgedFresh(setting: FrontSetting, caller: Caller, pending: Pending): Promise<Answer<Accepted>> {
  const first = await judged(setting, caller, pending);
  return !first.ok && isForAge(first.refusal) ? judged(setting, caller, pending) : first;
}

async function judged(setting: FrontSetting, caller: Caller, pending: Pending): Promise<Answer<Accepted>> {
  const { doors, ports } = setting;
  const { quoteId } = pending.quote;
  const facts = await gathered(setting, caller, pending);
  if (!facts.ok) return counted(setting, caller, facts);
  if (facts.value.kind === "create") return leased(setting, caller, quoteId, facts.value);
  return doors.account(caller.account).accept(caller, quoteId, facts.value, ports.clock.nowMs());
}

/** What the account needs to decide, dated; or why it cannot be known, said as the account would. */
async function gathered(setting: FrontSetting, caller: Caller, pending: Pending): Promise<Answer<AcceptFacts>> {
  const { quote, owner, agentAddress } = pending;
  const paused = serviceGate(setting);
  if (paused !== null) return { ok: false, refusal: paused };
  if (quote.kind === "top_up")
    return answer({ kind: "top_up", creditsThen: await creditsNow(setting, pending, "larger") });
  const fault = await nameKeyFault(setting);
  if (fault !== null) return { ok: false, refusal: fault };
  const params = quote.offer?.params;
  if (params?.kind === "create") return gatheredCreate(setting, pending, params.spec);
  const payer = await setting.gather.payer(owner, agentAddress);
  if (payer !== undefined) return answer({ kind: "extend", facts: { payer } });
  const vmId = params?.kind === "extend" ? params.vmId : "";
  return unreachableWhile(setting.doors.account(caller.account), caller, vmId);
}

async function gatheredCreate(
  setting: FrontSetting,
  { quote, owner, agentAddress, place }: Pending,
  spec: Parameters<FrontSetting["gather"]["place"]>[0],
): Promise<Answer<CreateAsk>> {
  const { gather, ports } = setting;
  const directory = directoryOf(setting);
  const [cooling, measured] = await Promise.all([directory.cooling(ports.clock.nowMs()), knownFigures(setting)]);
  const [payer, rateAttoPerS, node] = await Promise.all([
    gather.payer(owner, agentAddress),
    gather.rate(spec.shape),
    gather.place(spec, { preferred: quote.offer?.node?.nodeHash, cooling, place, measured }),
  ]);
  if (payer === undefined || rateAttoPerS === undefined) return unreachable();
  return node.ok ? answer({ kind: "create", facts: { payer, rateAttoPerS, node: node.value } }) : node;
}

type CreateAsk = Extract<AcceptFacts, { kind: "create" }>;

/** The node is leased for this call and given back when the call is refused or waits for the owner. */
async function leased(
  setting: FrontSetting,
  caller: Caller,
  quoteId: string,
  given: CreateAsk,
): Promise<Answer<Accepted>> {
  const { doors, ports } = setting;
  const directory = directoryOf(setting);
  const key = { account: caller.account, key: quoteId };
  const { nodeHash } = given.facts.node;
  if (!(await directory.lease({ ...key, nodeHash, nowMs: ports.clock.nowMs() }))) return refuse("busy.leases", {}, 30);
  const accepted = await doors.account(caller.account).accept(caller, quoteId, given, ports.clock.nowMs());
  if (!accepted.ok || accepted.value.kind !== "vm") await directory.release(key);
  return accepted;
}

async function shown(
  setting: FrontSetting,
  caller: Caller,
  pending: Pending,
  accepted: Accepted,
  waitS: number,
): Promise<Answer<AcceptView>> {
  const { doors, origin, networkName } = setting;
  const { quote } = pending;
  const account = doors.account(caller.account);
  if (accepted.kind === "top_up") {
    const { creditsAsked, creditsThen } = accepted;
    const creditsArrived = creditsThen === null ? null : await arrivedSince(setting, pending, creditsThen);
    return answer({ kind: "top_up", link: `${origin}/dashboard/funding`, creditsAsked, creditsArrived });
  }
  if (accepted.kind === "approval") {
    const view = await account.approvals(
      caller,
      { approvalId: accepted.approval.approvalId, withdraw: false, waitS: 0 },
      setting.ports.clock.nowMs(),
    );
    const [approval] = view.ok ? view.value.approvals : [];
    if (approval === undefined || quote.offer === null) return refuse("internal.invariant");
    return answer({ kind: "approval_required", approval, quote: quote.offer.view });
  }
  const vm = await account.vm(caller, accepted.vmId, accepted.fresh ? waitS : 0);
  if (!vm.ok) return vm;
  // The lease has done its work once the node was told; until then it runs out by itself.
  if (quote.kind === "create" && vm.value.state !== "REQUESTED" && vm.value.state !== "SENT")
    await directoryOf(setting).release({ account: caller.account, key: quote.quoteId });
  const unattended = networkName === "aleph" && isLoopback(origin);
  return answer({
    kind: "vm",
    vm: vm.value,
    additionalCredits: accepted.additionalCredits,
    networkState: vm.value.networkState,
    unattended,
  });
}

/** By the payer's balance alone, so at least this much; what is asked at this moment has brought nothing yet. */
async function arrivedSince(setting: FrontSetting, pending: Pending, creditsThen: Credits): Promise<Credits | null> {
  if (pending.quote.burnt === null) return 0;
  const now = await creditsNow(setting, pending, "smaller");
  return now === null ? null : Math.max(0, now - creditsThen);
}

async function creditsNow(
  { gather }: FrontSetting,
  { owner, agentAddress }: Pending,
  worse: "smaller" | "larger",
): Promise<Credits | null> {
  const payer = await gather.payer(owner, agentAddress);
  return (payer && creditsRead(payer, worse)) ?? null;
}
