/** Values of one account as the front would give them. */
import type { ApprovalView, BalanceView, GrantView, Overview, VmView } from "../../src/account/contract.ts";
import { policyBounds } from "../../src/account/policy-draft.ts";
import type { ApprovalFacts, Notice, Policy } from "../../src/account/types.ts";

export const NOW_MS = Date.UTC(2026, 10, 24, 12);
export const BOUNDS = policyBounds(NOW_MS, false);
export const ACCOUNT = "a".repeat(64);
export const AGENT = "0x1111111111111111111111111111111111111111";

export const policy: Policy = {
  version: 1,
  limits: {
    perVmCreditsMax: 1_000_000,
    burnCreditsPerHMax: 500_000,
    windows: [{ seconds: 86_400, creditsMax: 5_000_000 }],
    lifetimeCreditsMax: 20_000_000,
    vmsLiveMax: 3,
    createsPerMinMax: 2,
    ttlSDefault: 14_400,
    ttlSMax: 86_400,
    extendSTotalMax: 86_400,
  },
  shape: { vcpusMax: 8, memoryMibMax: 16_384, diskMibMax: 163_840, gpus: [], images: [] },
  place: { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: 80 },
  approval: {
    by: "signature",
    firstVm: true,
    gpu: true,
    aboveCredits: 1_000_000,
    unapprovedPerDayCredits: 5_000_000,
  },
  on: { vmUnreachable: "destroy", vmUnreachableMin: 30, payerLine: "stop_ours" },
  priceRisePctMax: 10,
  expiresAtMs: Date.UTC(2027, 1, 22, 23, 59, 59),
  delegationExpiresAtMs: null,
};

export const grant: GrantView = {
  grantId: "gr_aaaaaaaaaaaaaaaaaaaaaaaaaa",
  clientId: "client-1",
  clientName: "Known agent",
  redirectHost: "known.example",
  scopes: ["vm:read", "vm:create"],
  state: "active",
  creditsMax: 7_000_000,
  vmsLiveMax: 2,
  createsPerMinMax: 1,
  createdAtMs: NOW_MS - 1_000,
  expiresAtMs: NOW_MS + 10 * 86_400_000,
  heldCredits: 200_000,
  spentCredits: 100_000,
  vmsLive: 1,
};

export const vm: VmView = {
  vmId: "vm_aaaaaaaaaaaaaaaaaaaaaaaaaa",
  grantId: grant.grantId,
  name: "build-box",
  state: "HEALTHY",
  crnId: "c".repeat(64),
  itemHash: "d".repeat(64),
  shape: { vcpus: 2, memoryMib: 4_096, diskMib: 20_480 },
  image: "debian12",
  createdAtMs: NOW_MS - 60_000,
  startedAtMs: NOW_MS - 50_000,
  healthyAtMs: NOW_MS - 40_000,
  expiresAtMs: NOW_MS + 3_600_000,
  endedAtMs: null,
  endReason: null,
  ssh: null,
  forwardedPorts: [
    { port: 22, protocol: "tcp", hostPort: 24_001, state: "mapped" },
    { port: 80, protocol: "tcp", hostPort: null, state: "missing" },
    { port: 53, protocol: "udp", hostPort: 24_002, state: "unasked" },
  ],
  rateCreditsPerH: 30_000,
  heldCredits: 150_000,
  costCredits: 12_345,
  costStatus: "provisional",
  unreachableSinceMs: null,
  destroyAtMs: null,
  warnings: [],
  attempts: [],
  timeline: [{ atMs: NOW_MS - 60_000, event: "requested" }],
  certificate: null,
};

export const endedVm: VmView = {
  ...vm,
  vmId: "vm_bbbbbbbbbbbbbbbbbbbbbbbbbb",
  name: null,
  state: "TERMINATED",
  endedAtMs: NOW_MS - 1_000,
  endReason: "ttl",
  costStatus: "settled",
  certificate: {
    vmId: "vm_bbbbbbbbbbbbbbbbbbbbbbbbbb",
    itemHashes: ["d".repeat(64)],
    endReason: "ttl",
    endedAtMs: NOW_MS - 1_000,
    issuedAtMs: NOW_MS,
    runtimeS: 3_600,
    witnesses: [
      { kind: "core_node", id: "1", says: "confirmed", atMs: NOW_MS },
      { kind: "node", id: "c".repeat(64), says: "silent", atMs: NOW_MS },
    ],
  },
};

export const approvalFacts: ApprovalFacts = {
  account: ACCOUNT,
  grant: grant.grantId,
  kind: "create",
  vmId: "",
  vcpus: 2,
  memoryMib: 4_096,
  diskGib: 20,
  gpu: "none",
  image: "debian12",
  sshKeyFingerprint: "SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
  nodeOrAny: "any node the policy allows",
  costCreditsMax: 180_000,
  ttlS: 14_400,
  policyVersion: 1,
};

export const approval: ApprovalView = {
  approvalId: "ap_aaaaaaaaaaaaaaaaaaaaaaaaaa",
  grantId: grant.grantId,
  quoteId: "q_aaaaaaaaaaaaaaaaaaaaaaaaaa",
  state: "pending",
  facts: approvalFacts,
  askedAtMs: NOW_MS - 5_000,
  requestExpiresAtMs: NOW_MS + 86_400_000,
  decidedAtMs: null,
  validUntilMs: null,
  clientName: "Known agent",
  path: "/approve/ap_aaaaaaaaaaaaaaaaaaaaaaaaaa",
};

export const notice: Notice = {
  noticeId: "no_aaaaaaaaaaaaaaaaaaaaaaaaaa",
  kind: "payer_line",
  facts: { hours_left: 3 },
  sinceMs: NOW_MS - 9_000,
  seenAtMs: null,
};

export const balance: BalanceView = {
  asOfMs: NOW_MS,
  networkState: "reachable",
  network: "twin",
  payer: AGENT,
  payerCredits: 50_000_000,
  burnCreditsPerH: 30_000,
  payerBurnCreditsPerH: 40_000,
  runwayH: 100,
  oneDayLineCredits: 960_000,
  neededNowCredits: 1_150_000,
  willCostCredits: 140_000,
  marginCredits: 48_850_000,
  otherMachines: 2,
  otherBurnCreditsPerH: 10_000,
  heldCredits: 150_000,
  spentCredits: 12_345,
  vmsLive: 1,
  limits: [
    { name: "per_vm", max: 1_000_000, used: 0, left: 1_000_000, freesAtMs: null },
    { name: "window_86400s", max: 5_000_000, used: 150_000, left: 4_850_000, freesAtMs: NOW_MS + 1_000 },
    { name: "vms_live", max: 3, used: 1, left: 2, freesAtMs: null },
    { name: "ttl_s", max: 86_400, used: 0, left: 86_400, freesAtMs: null },
  ],
  accountState: "active",
  grantState: "active",
  delegation: "ok",
  policy: null,
  coreNodesAnswering: 3,
  coreNodesDiffer: { balance: 1, otherBurn: 0, billed: 0, delegation: 0 },
};

export const emptyOverview = (owner: string): Overview => ({
  owner,
  account: ACCOUNT,
  agentAddress: AGENT,
  state: "active",
  frozenReason: null,
  policy: null,
  worstCaseCredits: 0,
  balance,
  vms: [],
  grants: [],
  approvals: [],
  notices: [],
  unattended: false,
  paused: false,
  compared: { restored: false, reconciledAtMs: null, readAtMs: null, foreign: null },
});

export const fullOverview = (owner: string): Overview => ({
  ...emptyOverview(owner),
  policy,
  worstCaseCredits: 19_000_000,
  vms: [vm, endedVm],
  grants: [grant],
  approvals: [approval],
  notices: [notice],
});
