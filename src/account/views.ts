/** What agents and owners are shown of an account: values assembled from rows, with the network down or not. */
import { type ForwardRow, forwardRows } from "../aleph/forwards.ts";
import { standing } from "./approvals.ts";
import type { ApprovalView, BalanceView, GrantView, LimitLeft, NetworkState, Overview, VmView } from "./contract.ts";
import { creditsPerHour } from "./credits.ts";
import { ours } from "./checks.ts";
import { readUsage } from "./books.ts";
import { attemptView, isMoving, timelineOf } from "./attempt-views.ts";
import { currentAttempt, firstSendMs, isLive, type WhenUnreachable, whenUnreachable } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { payerView } from "./payer-view.ts";
import { freesAtMs, type Usage, usedIn, worstCase } from "./policy.ts";
import { costSoFar, heldFor } from "./settlement.ts";
import type { Approval, Grant, Policy, VmRecord, Window } from "./types.ts";

const EXPIRES_SOON_MS = 15 * 60_000;
const SLOW_TEARDOWN_MS = 15 * 60_000;
const GRANTS_SHOWN = 100;

export const shownVm = (moment: Moment, vm: VmRecord): VmView =>
  vmView(vm, moment.nowMs, whenUnreachable(moment.policy));

export function vmView(vm: VmRecord, nowMs: number, { destroyAfterMs }: WhenUnreachable): VmView {
  const attempt = currentAttempt(vm);
  const counting = vm.unreachableSinceMs !== null && destroyAfterMs !== null;
  const destroyAtMs = counting ? (vm.unreachableSinceMs ?? 0) + destroyAfterMs : null;
  return {
    vmId: vm.vmId,
    grantId: vm.grantId,
    name: vm.spec.name ?? null,
    state: vm.state,
    crnId: attempt.node.nodeHash,
    itemHash: attempt.itemHash,
    shape: vm.spec.shape,
    image: vm.spec.imageSlug,
    createdAtMs: vm.admittedAtMs,
    startedAtMs: firstSendMs(vm),
    healthyAtMs: vm.healthyAtMs,
    expiresAtMs: vm.expiresAtMs,
    endedAtMs: vm.endedAtMs,
    endReason: vm.endReason,
    ssh: isLive(vm) ? vm.ssh : null,
    forwardedPorts: forwardsOf(vm),
    rateCreditsPerH: creditsPerHour(vm.rateAttoPerS),
    heldCredits: heldFor(vm),
    costCredits: costSoFar(vm, nowMs),
    costStatus: vm.settledAtMs !== null || vm.state === "FAILED" ? "settled" : "provisional",
    unreachableSinceMs: isLive(vm) ? vm.unreachableSinceMs : null,
    destroyAtMs: isLive(vm) ? destroyAtMs : null,
    warnings: warningsOf(vm, nowMs),
    timeline: timelineOf(vm),
    attempts: vm.attempts.map(attemptView),
    certificate: vm.certificate,
    ...(vm.charges?.sure === true ? { charges: vm.charges } : {}),
    ...(vm.orphan === undefined ? {} : { orphan: true as const }),
  };
}

/** Nobody can use what a machine that is being ended forwards. */
function forwardsOf({ state, forwards }: VmRecord): readonly ForwardRow[] {
  const usable = state === "PROVISIONING" || state === "HEALTHY" || state === "UNHEALTHY";
  return usable && forwards ? forwardRows(forwards) : [];
}

function warningsOf(vm: VmRecord, nowMs: number): VmView["warnings"] {
  if (!isLive(vm)) return [];
  const slow = vm.state === "STOPPING" && nowMs - (vm.stopAskedAtMs ?? nowMs) >= SLOW_TEARDOWN_MS;
  const soon = vm.state !== "STOPPING" && vm.expiresAtMs - nowMs <= EXPIRES_SOON_MS;
  return [
    ...(soon ? (["expires_soon"] as const) : []),
    ...(vm.unreachableSinceMs === null ? [] : (["unreachable"] as const)),
    ...(vm.sshFault === "silent" ? (["ssh_silent"] as const) : []),
    ...(vm.sshFault === "host_key_changed" ? (["host_key_changed"] as const) : []),
    ...(forwardsOf(vm).some((one) => one.state !== "mapped") ? (["ports_differ"] as const) : []),
    ...(slow ? (["teardown_slow"] as const) : []),
    ...(isMoving(vm) ? (["moving"] as const) : []),
  ];
}

export function approvalView(moment: Moment, approval: Approval): ApprovalView {
  const version = moment.policy?.version ?? 0;
  const clientName = moment.store.loadGrant(approval.grantId)?.clientName ?? "";
  return {
    ...approval,
    state: standing(approval, version, moment.nowMs),
    clientName,
    path: `/approve/${approval.approvalId}`,
  };
}

/** What waits for the owner or was given and not yet used; `grantId` null: of every grant. */
export function openApprovals(moment: Moment, grantId: string | null): readonly ApprovalView[] {
  return moment.store
    .openApprovals(grantId)
    .map((approval) => approvalView(moment, approval))
    .filter((one) => one.state === "pending" || one.state === "approved");
}

/** Every agent that can still do something, and the latest of those that cannot. */
function shownGrants({ store }: Moment): readonly Grant[] {
  const grants = store.loadGrants();
  const able = grants.filter(({ state }) => state !== "revoked");
  return grants.slice(0, Math.max(able.length, GRANTS_SHOWN));
}

export function grantView({ store }: Moment, grant: Grant, live = store.loadLive()): GrantView {
  const heldCredits = store.heldBy(grant.grantId);
  const spentCredits = store.spentBy(grant.grantId) - heldCredits;
  const vmsLive = live.filter(({ grantId }) => grantId === grant.grantId).length;
  return { ...grant, heldCredits, spentCredits, vmsLive };
}

export function balanceView(
  moment: Moment,
  grant: Grant | null,
  payer: PayerFacts | null,
  networkState: NetworkState,
): BalanceView {
  const { account, policy } = moment;
  const usage = readUsage(moment.store, grant?.grantId ?? "", moment.nowMs);
  const books = moment.store.balanceOf();
  return {
    ...payerView(payer, ours(moment, null), moment.nowMs),
    asOfMs: payer?.asOfMs ?? moment.nowMs,
    networkState,
    network: moment.config.network,
    payer: account.owner,
    burnCreditsPerH: creditsPerHour(usage.burnAttoPerS),
    heldCredits: books.held,
    spentCredits: books.posted,
    vmsLive: usage.vmsLive,
    limits: policy === null ? [] : limitsLeft(policy, grant, usage, moment.nowMs),
    accountState: account.state,
    grantState: grant?.state ?? "active",
    delegation: account.delegation,
    policyVersion: policy?.version ?? null,
  };
}

function limitsLeft(policy: Policy, grant: Grant | null, usage: Usage, nowMs: number): readonly LimitLeft[] {
  const { limits } = policy;
  return [
    left("per_vm", limits.perVmCreditsMax, 0),
    left("burn_per_h", limits.burnCreditsPerHMax, creditsPerHour(usage.burnAttoPerS)),
    ...limits.windows.map((one) => leftIn(`window_${one.seconds}s`, one, usage.recent, nowMs)),
    left("lifetime", limits.lifetimeCreditsMax, usage.lifetime),
    ...(grant === null ? [] : leftToGrant(grant, usage, nowMs)),
    left("vms_live", limits.vmsLiveMax, usage.vmsLive),
    left("creates_per_min", limits.createsPerMinMax, usage.createdMs.length),
    left("ttl_s", limits.ttlSMax, 0),
    left("extend_s_total", limits.extendSTotalMax, 0),
  ];
}

/** What one agent may do at most, inside what the account may. */
function leftToGrant(grant: Grant, usage: Usage, nowMs: number): readonly LimitLeft[] {
  return [
    ...(grant.windows ?? []).map((one) => leftIn(`grant_window_${one.seconds}s`, one, usage.grantRecent, nowMs)),
    left("grant", grant.creditsMax, usage.grantSpent),
    left("grant_vms_live", grant.vmsLiveMax, usage.grantVmsLive),
    left("grant_creates_per_min", grant.createsPerMinMax, usage.grantCreatedMs.length),
  ];
}

function leftIn(name: LimitLeft["name"], window: Window, recent: Usage["recent"], nowMs: number): LimitLeft {
  const used = usedIn({ recent }, window.seconds, nowMs);
  const frees = used === 0 ? null : freesAtMs({ recent }, window, window.creditsMax - used + 1, nowMs);
  return { ...left(name, window.creditsMax, used), freesAtMs: frees };
}

const left = (name: LimitLeft["name"], max: number, used: number): LimitLeft => ({
  name,
  max,
  used,
  left: Math.max(0, max - used),
  freesAtMs: null,
});

/** The most that agents can still spend under the policy in force. */
export function worstCaseNow(moment: Moment): number {
  const { policy } = moment;
  return policy === null ? 0 : worstCase(policy, moment.store.spentBy(null), policy.expiresAtMs, moment.nowMs);
}

function compared({ store, account }: Moment): Overview["compared"] {
  const { reconciledAtMs, readAtMs, foreign } = store.loadLists();
  return { restored: account.restored, reconciledAtMs, readAtMs: readAtMs === 0 ? null : readAtMs, foreign };
}

export function overview(moment: Moment, payer: PayerFacts | null, networkState: NetworkState): Overview {
  const { account } = moment;
  const recent = moment.store.loadPage({ grantId: null, liveOnly: false, limit: 20 });
  const unreachable = whenUnreachable(moment.policy);
  const live = moment.store.loadLive();
  const older = live.filter((vm) => !recent.some((one) => one.vmId === vm.vmId));
  return {
    owner: account.owner,
    account: account.name,
    agentAddress: account.agentAddress,
    state: account.state,
    frozenReason: account.frozenReason,
    policy: moment.policy,
    worstCaseCredits: worstCaseNow(moment),
    balance: balanceView(moment, null, payer ?? moment.store.loadPayer(), networkState),
    vms: [...older, ...recent].map((vm) => vmView(vm, moment.nowMs, unreachable)),
    grants: shownGrants(moment).map((grant) => grantView(moment, grant, live)),
    approvals: openApprovals(moment, null),
    notices: moment.store.loadNotices(),
    unattended: moment.config.unattended,
    paused: moment.config.paused,
    compared: compared(moment),
  };
}
