/** Small policies, grants and VMs for the tests of the money rules; every field can be overridden. Pure. */
import { listed } from "../../src/account/committed.ts";
import { ATTO } from "../../src/account/credits.ts";
import type { CoreWord, Attempt, Forget, Hold, Policy, Grant, Ssh, VmRecord } from "../../src/account/types.ts";
import type { Round, Said } from "../../src/account/attempts.ts";
import { close, type NodeSight, onNodeSight, onRound, onSigned } from "../../src/account/lifecycle.ts";
import type { Request, Usage } from "../../src/account/policy.ts";

export const S = 1_000;
export const MIN = 60 * S;
export const H = 60 * MIN;
export const DAY = 24 * H;
/** A moment of 2026; everything below is told from here. */
export const T0 = Date.UTC(2026, 2, 1);
/** 10 credits per second. */
export const RATE = 10n * ATTO;
export const HASH = "aa".repeat(32);
export const TTL_S = 4 * 3_600;

export const POLICY: Policy = {
  version: 1,
  limits: {
    perVmCreditsMax: 1_000_000,
    burnCreditsPerHMax: 500_000,
    windows: [
      { seconds: 3_600, creditsMax: 1_000_000 },
      { seconds: 86_400, creditsMax: 2_000_000 },
    ],
    lifetimeCreditsMax: 5_000_000,
    vmsLiveMax: 3,
    createsPerMinMax: 2,
    ttlSDefault: TTL_S,
    ttlSMax: 86_400,
    extendSTotalMax: 43_200,
  },
  shape: { vcpusMax: 4, memoryMibMax: 8_192, diskMibMax: 40_960, gpus: ["RTX 4000 ADA"], images: [] },
  place: { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: 80 },
  approval: {
    by: "signature",
    firstVm: true,
    gpu: true,
    aboveCredits: 400_000,
    unapprovedPerDayCredits: 600_000,
  },
  on: { vmUnreachable: "destroy", vmUnreachableMin: 30, payerLine: "stop_ours" },
  priceRisePctMax: 10,
  expiresAtMs: T0 + 90 * DAY,
  delegationExpiresAtMs: null,
};

export const GRANT: Grant = {
  grantId: "gr_a",
  clientId: "client",
  clientName: "Agent",
  redirectHost: "localhost",
  scopes: ["vm:read", "vm:create"],
  state: "active",
  creditsMax: 3_000_000,
  vmsLiveMax: 2,
  createsPerMinMax: 2,
  createdAtMs: T0,
  expiresAtMs: T0 + 30 * DAY,
};

export const USAGE: Usage = {
  recent: listed([]),
  grantRecent: listed([]),
  lifetime: 0,
  grantSpent: 0,
  burnAttoPerS: 0n,
  vmsLive: 0,
  grantVmsLive: 0,
  endsAtMs: null,
  grantEndsAtMs: null,
  createdMs: [],
  grantCreatedMs: [],
  unapprovedDay: 0,
  anyVmBefore: true,
};

export const ASK: Request = {
  kind: "create",
  credits: 180_000,
  vmTotal: 180_000,
  rateAttoPerS: RATE,
  shape: { vcpus: 1, memoryMib: 2_048, diskMib: 20_480 },
  image: { slug: "debian12", hash: "cc".repeat(32) },
  node: { nodeHash: "bb".repeat(32), scorePct: 90 },
  ttlS: TTL_S,
  extendS: 0,
  endsAtMs: T0 + TTL_S * S,
};

export function attempt(change: Partial<Attempt> = {}): Attempt {
  return {
    itemHash: HASH,
    vmId: "vm_a",
    number: 1,
    node: { nodeHash: "bb".repeat(32), origin: "https://node.example", domain: "node.example" },
    sender: "0x0000000000000000000000000000000000000001",
    itemContent: "{}",
    timeS: T0 / 1_000,
    signature: "0x",
    firstSendMs: T0,
    closedAtMs: null,
    endedAtMs: null,
    rejectedAtMs: null,
    dormant: false,
    rejectedSinceMs: null,
    twoDoneSinceMs: null,
    goneSinceMs: null,
    seenAliveMs: null,
    aliveSinceMs: null,
    firstForgetMs: null,
    views: [null, null, null],
    ...change,
  };
}

export function forget(name: string, change: Partial<Forget> = {}): Forget {
  return {
    itemHash: name,
    target: HASH,
    itemContent: "{}",
    timeS: T0 / 1_000,
    sender: "0x0000000000000000000000000000000000000001",
    signature: "0x",
    spent: [false, false, false],
    ...change,
  };
}

export const FORGETS: readonly Forget[] = ["f1", "f2", "f3", "f4"].map((name) => forget(name));

export function hold(credits: number, change: Partial<Hold> = {}): Hold {
  return {
    holdId: "h_a",
    vmId: "vm_a",
    grantId: "gr_a",
    kind: "create",
    state: "held",
    credits,
    creditsOriginal: credits,
    atMs: T0,
    approved: false,
    ...change,
  };
}

/** Just admitted: nothing signed, nothing sent, 5 hours at 10 credits per second held. */
export function requested(change: Partial<VmRecord> = {}): VmRecord {
  return {
    vmId: "vm_a",
    grantId: "gr_a",
    quoteId: "q_a",
    spec: {
      shape: ASK.shape,
      imageSlug: "debian12",
      imageHash: "cc".repeat(32),
      sshPubkey: "ssh-ed25519 AAAA",
      sshFingerprint: "SHA256:abc",
      ttlS: TTL_S,
    },
    state: "REQUESTED",
    rateAttoPerS: RATE,
    admittedAtMs: T0,
    expiresAtMs: T0 + TTL_S * S,
    stateSinceMs: T0,
    healthyAtMs: null,
    stopAskedAtMs: null,
    endReason: null,
    endedAtMs: null,
    settledAtMs: null,
    settledCredits: null,
    eraseTries: 0,
    erased: "no",
    unreachableSinceMs: null,
    priceCheckedAtMs: null,
    ssh: null,
    certificate: null,
    approvalId: null,
    attempts: [attempt({ signature: null, firstSendMs: null })],
    forgets: [],
    holds: [hold(180_000)],
    ...change,
  };
}

export const sent = (change: Partial<VmRecord> = {}): VmRecord => ({
  ...onSigned(requested(), { itemHash: HASH, signature: "0x", forgets: FORGETS, atMs: T0 }),
  ...change,
});

const WORDS: Readonly<Record<string, CoreWord>> = {
  a: "absent",
  p: "pending",
  P: "processed",
  R: "rejected",
  F: "forgotten",
  M: "removing",
  X: "removed",
};

/** Three letters, one a core node: a absent, p pending, P processed, R rejected, F forgotten, M removing, X removed, - silent. */
export function said(letters: string): Said {
  const [first, second, third] = letters.split("").map((letter) => WORDS[letter] ?? null);
  return [first ?? null, second ?? null, third ?? null];
}

export const round = (letters: string, atMs: number, delegationInForce = true): Round => ({
  said: said(letters),
  atMs,
  delegationInForce,
});

/** Feeds rounds to a VM, one after the other: `[letters, milliseconds after T0]`. */
export const hearing = (vm: VmRecord, ...rounds: readonly (readonly [letters: string, afterMs: number])[]): VmRecord =>
  rounds.reduce((now, [letters, afterMs]) => onRound(now, HASH, round(letters, T0 + afterMs)), vm);

export const provisioning = (): VmRecord => hearing(sent(), ["PPP", 2 * S]);
export const stopping = (afterMs = H): VmRecord => close(provisioning(), "destroyed", T0 + afterMs);
export const only = (vm: VmRecord): Attempt => vm.attempts[0] as Attempt;

export const SSH: Ssh = { host: "10.0.0.1", port: 24_000, ipv6: null, knownHosts: "", tested: false };
export const sight = (change: Partial<NodeSight> = {}): NodeSight => ({
  atMs: T0 + MIN,
  ready: null,
  running: false,
  keyChanged: false,
  answered: true,
  othersAnswered: true,
  ...change,
});
/** HEALTHY since a minute after T0. */
export const healthy = (): VmRecord => onNodeSight(provisioning(), sight({ ready: SSH }));
