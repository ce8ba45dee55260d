/**
 * A VM as the ledger keeps it: what was ordered, its attempts and their FORGETs, its holds, what was seen of it. Types only;
 * units as in `types.ts`, which speaks for them.
 */
import type { GpuSpec } from "../aleph/contents.ts";
import type { Forwards } from "../aleph/forwards.ts";
import type { Certificate, Witness } from "./certificate.ts";
import type { Charges } from "./charges.ts";
import type { Credits, Hash, Shape } from "./types.ts";

export type NodeRef = {
  readonly nodeHash: Hash;
  /** https origin, from the corechannel aggregate of two core nodes only. */
  readonly origin: string;
  /** The node's own DOMAIN_NAME, which operator calls sign for. */
  readonly domain: string;
  /** The exact free device there, when one was asked for; copied into the INSTANCE as it is. */
  readonly gpu?: GpuSpec;
  /** Its score in the public list when it was chosen, in whole percent. */
  readonly scorePct?: number;
  /** Of the terms that it asks its users to accept; echoed in the INSTANCE. Empty: none that anybody could accept. */
  readonly termsHash?: Hash;
  /** Which of our three core nodes it followed when it was chosen; left out if it was none of them. */
  readonly followsCore?: 0 | 1 | 2;
};

/** A node that could take a VM when it was looked for, and when that was. */
export type NextNode = { readonly node: NodeRef; readonly atMs: number };

/** Everything that makes up one exact VM, after parsing; this is what a quote prices and an approval shows. */
export type VmSpec = {
  readonly shape: Shape;
  readonly imageSlug: string;
  readonly imageHash: Hash;
  readonly sshPubkey: string;
  readonly sshFingerprint: string;
  readonly ttlS: number;
  readonly name?: string;
  /** Set only if the agent asked for this node; otherwise any node that the policy allows. */
  readonly nodeAsked?: Hash;
  readonly hourlyCreditsMax?: Credits;
};

/** The same as it was asked for; how long it lives may be left to the owner's policy. */
export type SpecAsk = Omit<VmSpec, "ttlS"> & { readonly ttlS?: number };

export type VmState =
  | "REQUESTED"
  | "SENT"
  | "UNKNOWN"
  | "PROVISIONING"
  | "HEALTHY"
  | "UNHEALTHY"
  | "STOPPING"
  | "TERMINATED"
  | "FAILED";

export type EndReason =
  | "destroyed"
  | "ttl"
  | "stopped"
  | "revoked"
  | "unreachable"
  | "boot_failed"
  | "ssh_never"
  | "overrun"
  | "price"
  | "payer_line"
  | "ended_by_network"
  | "ended_by_owner_elsewhere"
  | "rejected"
  | "never_sent"
  /** A restore forgot whether it was ever sent, and the network knows nothing of it: sent only to be forgotten. */
  | "restored";

export type CoreWord = "absent" | "pending" | "processed" | "rejected" | "forgotten" | "removing" | "removed";

/** What one core node last said of one attempt; silence leaves the row as it was. */
export type CoreView = {
  readonly says: CoreWord;
  readonly atMs: number;
  /** Since when it has said this without a break. */
  readonly sinceMs: number;
  readonly errorCode?: number;
};

export type Attempt = {
  readonly itemHash: Hash;
  readonly vmId: string;
  readonly number: number;
  readonly node: NodeRef;
  readonly sender: string;
  readonly itemContent: string;
  readonly timeS: number;
  readonly signature: string | null;
  readonly firstSendMs: number | null;
  readonly closedAtMs: number | null;
  /** Why it was closed or refused; a VM that goes on with another attempt has no end reason of its own. */
  readonly closedFor?: EndReason;
  /** Something else than its node kept it from running: the payer's credits, or a GPU that somebody else took first. */
  readonly excused?: true;
  /** What its node has to answer for: to be told to the directory, or told. */
  readonly blame?: "due" | "told";
  readonly endedAtMs: number | null;
  readonly rejectedAtMs: number | null;
  readonly dormant: boolean;
  /** Two consecutive readings, at least 60 s apart, in which two said REJECTED and nobody anything else. */
  readonly rejectedSinceMs: number | null;
  /** Since when two core nodes have been done with it while the third was not, without a contradicting word. */
  readonly twoDoneSinceMs: number | null;
  /** Since when two have called it FORGOTTEN or REMOVED. */
  readonly goneSinceMs: number | null;
  /** When any core node first called it processed or removing. */
  readonly seenAliveMs: number | null;
  /** For a dormant one: since when two core nodes have shown it alive. */
  readonly aliveSinceMs: number | null;
  readonly firstForgetMs: number | null;
  readonly views: readonly [CoreView | null, CoreView | null, CoreView | null];
  /** Nodes besides its own on which it runs or ran. */
  readonly copies?: readonly Copy[];
};

/** One node that runs an instance which was not given to it. */
export type Copy = {
  /** As the core nodes agree on it, never an address that anybody else gave. */
  readonly node: NodeRef;
  /** Of its end; what it last said, and when it was asked. */
  readonly says: Witness["says"];
  readonly atMs: number;
  /** It has obeyed an erase, or has nothing left to wipe, and was not seen running since. */
  readonly erased: boolean;
};

export type Forget = {
  readonly itemHash: Hash;
  readonly target: Hash;
  readonly itemContent: string;
  readonly timeS: number;
  readonly sender: string;
  readonly signature: string | null;
  /** Core nodes that rejected this FORGET; the next one is tried there. */
  readonly spent: readonly [boolean, boolean, boolean];
};

export type HoldState = "held" | "shrunk" | "posted" | "voided";

export type Hold = {
  readonly holdId: string;
  readonly vmId: string;
  readonly grantId: string;
  readonly kind: "create" | "extend";
  readonly state: HoldState;
  /** What counts against the limits now: the amount held, then shrunk, then posted; 0 when voided. */
  readonly credits: Credits;
  readonly creditsOriginal: Credits;
  readonly atMs: number;
  readonly approved: boolean;
};

export type Ssh = {
  readonly host: string;
  readonly port: number;
  readonly ipv6: string | null;
  readonly knownHosts: string;
  readonly tested: boolean;
};

export type VmRecord = {
  readonly vmId: string;
  readonly grantId: string;
  readonly quoteId: string;
  readonly spec: VmSpec;
  readonly state: VmState;
  readonly rateAttoPerS: bigint;
  readonly admittedAtMs: number;
  readonly expiresAtMs: number;
  readonly stateSinceMs: number;
  readonly healthyAtMs: number | null;
  readonly stopAskedAtMs: number | null;
  readonly endReason: EndReason | null;
  readonly endedAtMs: number | null;
  readonly settledAtMs: number | null;
  /** What it cost in the end, corrections and overruns included. */
  readonly settledCredits: Credits | null;
  /** The network's bill that it was settled with. */
  readonly billedCredits?: Credits;
  /** What the credit history showed afterwards. */
  readonly charges?: Charges;
  readonly eraseTries: number;
  readonly erased: "no" | "yes" | "gave_up";
  readonly unreachableSinceMs: number | null;
  /** The latest look that did not see it. */
  readonly unseenAtMs?: number;
  /** When its node first listed it as running; from then on SSH has its own time to answer. */
  readonly runningSinceMs?: number | null;
  /** Its node lists it as running, but SSH does not answer, or answers with another host key than the pinned one. */
  readonly sshFault?: "silent" | "host_key_changed" | null;
  readonly priceCheckedAtMs: number | null;
  readonly ssh: Ssh | null;
  /** The forwarded ports as they are asked for and as its node listed them last; null: never told. */
  readonly forwards?: Forwards | null;
  readonly certificate: Certificate | null;
  /** A node found for the next attempt while the last one is ended; good for ten minutes. */
  readonly next?: NextNode | null;
  /** The owner's policy, when it was found unreachable, said to create it again. */
  readonly recreate?: boolean;
  /** Somebody asked for its end, or it broke a limit: no further attempt. */
  readonly noSuccessor?: boolean;
  readonly approvalId: string | null;
  /** Found on the network, signed by a key of ours and unknown here: it has no hold and no agent, only an end. */
  readonly orphan?: { readonly foundAtMs: number };
  readonly attempts: readonly Attempt[];
  readonly forgets: readonly Forget[];
  readonly holds: readonly Hold[];
};
