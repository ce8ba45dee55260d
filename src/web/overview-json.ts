/**
 * What the page scripts and scripted owners read about an account: dollars, ISO times, snake_case. Pure.
 *
 * `revision` changes whenever the dashboard would have to be drawn anew; figures alone are updated in place.
 */
import type { GrantView, Overview, VmView } from "../account/contract.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { type FormValues, valuesOf } from "./policy-form.ts";
import { plain, usdNumber } from "./text.ts";

const iso = (atMs: number | null): string | null => (atMs === null ? null : new Date(atMs).toISOString());
const dollars = (credits: number | null): number | null => (credits === null ? null : usdNumber(credits));

export function policyJson(overview: Overview): { readonly version: number; readonly form: FormValues } | null {
  return overview.policy === null ? null : { version: overview.policy.version, form: valuesOf(overview.policy) };
}

function vmJson(vm: VmView) {
  return {
    vm_id: vm.vmId,
    grant_id: vm.grantId,
    name: vm.name === null ? null : plain(vm.name),
    state: vm.state,
    expires_at: iso(vm.expiresAtMs),
    ended_at: iso(vm.endedAtMs),
    end_reason: vm.endReason,
    cost_usd: usdNumber(vm.costCredits),
    held_usd: usdNumber(vm.heldCredits),
    certified: vm.certificate !== null,
    orphan: vm.orphan === true,
  };
}

function grantJson(grant: GrantView) {
  return {
    grant_id: grant.grantId,
    client_name: plain(grant.clientName),
    redirect_host: plain(grant.redirectHost),
    scopes: grant.scopes,
    state: grant.state,
    budget_usd: usdNumber(grant.creditsMax),
    held_usd: usdNumber(grant.heldCredits),
    spent_usd: usdNumber(grant.spentCredits),
    vms_live: grant.vmsLive,
    expires_at: iso(grant.expiresAtMs),
  };
}

export function overviewJson(overview: Overview) {
  const { balance } = overview;
  return {
    revision: revisionOf(overview),
    owner: overview.owner,
    account: overview.account,
    agent_address: overview.agentAddress,
    network: balance.network,
    network_state: balance.networkState,
    as_of: iso(balance.asOfMs),
    state: overview.state,
    frozen_reason: overview.frozenReason,
    unattended: overview.unattended,
    paused: overview.paused,
    restored: overview.compared.restored,
    reconciled_at: iso(overview.compared.reconciledAtMs),
    foreign_machines: overview.compared.foreign,
    delegation: balance.delegation,
    policy: policyJson(overview),
    worst_case_usd: usdNumber(overview.worstCaseCredits),
    payer_usd: dollars(balance.payerCredits),
    burn_usd_per_hour: usdNumber(balance.burnCreditsPerH),
    runway_hours: balance.runwayH,
    held_usd: usdNumber(balance.heldCredits),
    spent_usd: usdNumber(balance.spentCredits),
    vms: overview.vms.map(vmJson),
    grants: overview.grants.map(grantJson),
    approvals: overview.approvals.map((one) => ({ approval_id: one.approvalId, state: one.state, path: one.path })),
    notices: overview.notices.map((one) => ({
      notice_id: one.noticeId,
      kind: one.kind,
      since: iso(one.sinceMs),
      seen: one.seenAtMs !== null,
    })),
  };
}

export type OverviewJson = ReturnType<typeof overviewJson>;

export function revisionOf(overview: Overview): string {
  const drawn = [
    [overview.state, overview.paused],
    [overview.compared.restored, overview.compared.reconciledAtMs, overview.compared.foreign],
    overview.policy?.version ?? 0,
    overview.balance.delegation,
    overview.vms.map((vm) => [vm.vmId, vm.state, vm.expiresAtMs, vm.certificate !== null, vm.costStatus]),
    overview.grants.map((grant) => [grant.grantId, grant.state]),
    overview.approvals.map((one) => [one.approvalId, one.state]),
    overview.notices.map((one) => [one.noticeId, one.seenAtMs !== null]),
  ];
  return sha256Hex(JSON.stringify(drawn)).slice(0, 16);
}
