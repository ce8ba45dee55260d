/**
 * What agents ask, seen from the Worker: facts are gathered here, then the account object decides. No rules in here.
 *
 * A call costs the account one or two short visits; everything slow (core nodes, probes) happens before, on the Worker's
 * own connections.
 */
import { parseSshPubkey } from "../aleph/ssh-pubkey.ts";
import { type Answer, answer, type Refusal, refuse } from "../errors.ts";
import type { Accepted } from "./admission.ts";
import { causeOf } from "./breaker.ts";
import { serviceGate } from "./checks.ts";
import type { AcceptView, AgentFront, BalanceView, Caller, QuoteView, VmAsk } from "./contract.ts";
import { type AccountStub, type FrontSetting, nameKeyFault } from "./doors.ts";
import type { Pending } from "./agent-object.ts";
import { isForAge } from "./payer.ts";
import type { Offer } from "./quote-store.ts";
import { listNodes } from "./front-nodes.ts";
import { knownFigures } from "./front-public.ts";
import { REACH_RETRY_S } from "./gather.ts";
import { isLoopback } from "./unattended.ts";

type Same = NonNullable<Parameters<AgentFront["accept"]>[1]["same"]>;

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
      if (!Number.isSafeInteger(ask.seconds) || ask.seconds < 60)
        return refuse("input.invalid", { field: "additional_hours" });
      const payer = await gather.payer(stands.value.owner, stands.value.agentAddress);
      if (payer === undefined) return unreachableWhile(account(caller), caller, ask.vmId);
      return account(caller).quoteExtend(caller, ask, payer, now());
    },
    async quoteTopUp(caller, { credits }) {
      if (!Number.isSafeInteger(credits) || credits < 1) return refuse("input.invalid", { field: "amount_usd" });
      return account(caller).quoteTopUp(caller, credits, now());
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
  const cooling = await doors.directory().cooling(ports.clock.nowMs());
  const measured = await knownFigures(setting);
  const [payer, rateAttoPerS, node] = await Promise.all([
    gather.payer(stands.value.owner, stands.value.agentAddress),
    gather.rate(spec.value.shape),
    gather.place(spec.value, { cooling, place: stands.value.place, measured }),
  ]);
  if (payer === undefined) return unreachable();
  if (!node.ok) return node;
  if (rateAttoPerS === undefined)
    return spec.value.shape.gpu === undefined ? unreachable() : refuse("input.invalid", { field: "gpu" });
  return account.quoteCreate(caller, spec.value, { payer, rateAttoPerS, node: node.value }, ports.clock.nowMs());
}

type AcceptAsk = Parameters<AgentFront["accept"]>[1];

async function accept(setting: FrontSetting, caller: Caller, ask: AcceptAsk): Promise<Answer<AcceptView>> {
  const account = setting.doors.account(caller.account);
  if (parseSshPubkey(ask.same?.sshPubkey ?? "") === "private_key")
    return refuse("input.private_key", { field: "ssh_pubkey" });
  const peeked = await account.peekAccept(caller, ask.quoteId);
  if (!peeked.ok) return counted(setting, caller, peeked);
  const { pending, answered } = peeked.value;
  if (pending.quote.kind !== ask.kind || differs(pending.quote.offer, ask.same ?? {}))
    return counted(setting, caller, refuse("input.key_reused_differently"));
  const accepted = answered ?? (await judgedFresh(setting, caller, pending));
  return accepted.ok ? shown(setting, caller, pending, accepted.value, ask.waitS) : accepted;
}

type Refused = { readonly ok: false; readonly refusal: Refusal };

/** A refusal that the account has not seen is told to it: failures are counted against the agent's grant. */
async function counted(setting: FrontSetting, caller: Caller, refused: Refused): Promise<Refused> {
  const { code } = refused.refusal;
  if (causeOf(code) !== null)
    await setting.doors.account(caller.account).noteRefused(caller, code, setting.ports.clock.nowMs());
  return refused;
}

/** Facts that grew too old on their way are gathered once more; what is said then stands (design.md §12.7). */
async function judgedFresh(setting: FrontSetting, caller: Caller, pending: Pending): Promise<Answer<Accepted>> {
  const first = await judged(setting, caller, pending);
  return !first.ok && isForAge(first.refusal) ? judged(setting, caller, pending) : first;
}

async function judged(setting: FrontSetting, caller: Caller, pending: Pending): Promise<Answer<Accepted>> {
  const { doors, gather, ports } = setting;
  const account = doors.account(caller.account);
  const { quote, owner, agentAddress } = pending;
  const paused = serviceGate(setting);
  if (paused !== null) return { ok: false, refusal: paused };
  if (quote.kind === "top_up") return account.accept(caller, quote.quoteId, { kind: "top_up" }, ports.clock.nowMs());
  const fault = await nameKeyFault(setting);
  if (fault !== null) return { ok: false, refusal: fault };
  const params = quote.offer?.params;
  if (params?.kind === "create") return judgedCreate(setting, caller, pending, params.spec);
  const payer = await gather.payer(owner, agentAddress);
  if (payer === undefined) {
    const vmId = params?.kind === "extend" ? params.vmId : "";
    return counted(setting, caller, await unreachableWhile(account, caller, vmId));
  }
  return account.accept(caller, quote.quoteId, { kind: "extend", facts: { payer } }, ports.clock.nowMs());
}

/** The node is leased for this call and given back when the call is refused or waits for the owner. */
async function judgedCreate(
  setting: FrontSetting,
  caller: Caller,
  { quote, owner, agentAddress, place }: Pending,
  spec: Parameters<FrontSetting["gather"]["place"]>[0],
): Promise<Answer<Accepted>> {
  const { doors, gather, ports } = setting;
  const directory = doors.directory();
  const [cooling, measured] = await Promise.all([directory.cooling(ports.clock.nowMs()), knownFigures(setting)]);
  const [payer, rateAttoPerS, node] = await Promise.all([
    gather.payer(owner, agentAddress),
    gather.rate(spec.shape),
    gather.place(spec, { preferred: quote.offer?.node?.nodeHash, cooling, place, measured }),
  ]);
  if (payer === undefined || rateAttoPerS === undefined) return counted(setting, caller, unreachable());
  if (!node.ok) return counted(setting, caller, node);
  const key = { account: caller.account, key: quote.quoteId };
  if (!(await directory.lease({ ...key, nodeHash: node.value.nodeHash, nowMs: ports.clock.nowMs() })))
    return refuse("busy.leases", {}, 30);
  const accepted = await doors
    .account(caller.account)
    .accept(
      caller,
      quote.quoteId,
      { kind: "create", facts: { payer, rateAttoPerS, node: node.value } },
      ports.clock.nowMs(),
    );
  if (!accepted.ok || accepted.value.kind !== "vm") await directory.release(key);
  return accepted;
}

async function shown(
  setting: FrontSetting,
  caller: Caller,
  { quote }: Pending,
  accepted: Accepted,
  waitS: number,
): Promise<Answer<AcceptView>> {
  const { doors, origin, networkName } = setting;
  const account = doors.account(caller.account);
  if (accepted.kind === "top_up")
    return answer({
      kind: "top_up",
      link: `${origin}/dashboard/funding`,
      creditsAsked: accepted.creditsAsked,
      creditsSeen: null,
    });
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
  if (vm.value.state !== "REQUESTED" && vm.value.state !== "SENT")
    await doors.directory().release({ account: caller.account, key: quote.quoteId });
  const unattended = networkName === "aleph" && isLoopback(origin);
  return answer({
    kind: "vm",
    vm: vm.value,
    additionalCredits: accepted.additionalCredits,
    networkState: vm.value.networkState,
    unattended,
  });
}

/** True when a parameter came along that is not the quote's: the id then stands for something else. */
function differs(offer: Offer | null, same: Same): boolean {
  if (offer === null) return false;
  const { params } = offer;
  if (params.kind === "extend") return isOther(same.vmId, params.vmId) || isOther(same.seconds, params.seconds);
  if (params.kind === "top_up") return isOther(same.credits, params.credits);
  const { spec } = params;
  const key = same.sshPubkey === undefined ? undefined : lineOf(same.sshPubkey);
  return (
    isOther(same.vcpus, spec.shape.vcpus) ||
    isOther(same.memoryMib, spec.shape.memoryMib) ||
    isOther(same.diskMib, spec.shape.diskMib) ||
    isOther(same.gpu, spec.shape.gpu) ||
    isOther(same.hourlyCreditsMax, spec.hourlyCreditsMax) ||
    isOther(same.ttlS, spec.ttlS) ||
    isOther(same.name, spec.name) ||
    isOther(same.nodeHash, spec.nodeAsked) ||
    isOther(key, spec.sshPubkey) ||
    (same.image !== undefined && same.image !== spec.imageSlug && same.image !== spec.imageHash)
  );
}

/** As a quote keeps it, without its comment; what is no key stays as it is and equals no quote's. */
function lineOf(sshPubkey: string): string {
  const key = parseSshPubkey(sshPubkey);
  return typeof key === "object" ? key.line : sshPubkey;
}

const isOther = <T>(given: T | undefined, quoted: T | undefined): boolean => given !== undefined && given !== quoted;
