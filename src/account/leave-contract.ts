/** What the owner's page "Leave or change keys" shows and what it lets the owner sign. Types only. */
import type { VmView } from "./contract.ts";
import type { Hash } from "./types.ts";

/** Leaving in the right order, or locking out a key that may be in strange hands. */
export type LeaveKind = "revoke" | "compromised";

/** The Aleph message to be signed, byte for byte. */
export type ToSign = { readonly itemHash: Hash; readonly text: string; readonly itemContent: string };
/** Signed and on its way; no second signature of that kind is asked for meanwhile. */
export type Sent = { readonly itemHash: Hash; readonly sinceMs: number; readonly coreNodesDone: number };

/** A list of entries that replaces the owner's whole one, every entry in words. */
export type ListView = {
  /** Null while it may not be signed: something has to come first, or the network does not answer. */
  readonly toSign: ToSign | null;
  readonly sent: Sent | null;
  readonly kept: readonly { readonly words: string; readonly canTakeEverything: boolean }[];
  readonly added: readonly { readonly words: string }[];
  /** Whose access ends. */
  readonly ended: readonly { readonly words: string }[];
  /** Entries that the core nodes do not agree on: kept with a tick of their own, or in a revocation dropped. */
  readonly doubtful: readonly { readonly words: string }[];
};

/** One machine that only the owner can end now. */
export type ForgetView = { readonly target: Hash; readonly vmId: string | null };

export type LeaveView = {
  readonly agentAddress: string;
  readonly delegation: "ok" | "missing" | "too_wide" | "unknown";
  readonly keyLost: boolean;
  readonly coreNodesAnswering: number;
  readonly leaving: {
    readonly kind: LeaveKind;
    readonly sinceMs: number;
    readonly revokedAtMs: number | null;
  } | null;
  /** Live ones, and those that ended since leaving was begun, with their certificates. */
  readonly vms: readonly VmView[];
  readonly vmsLive: number;
  readonly revocation: ListView | null;
  readonly forgets: {
    /** Machines that our keys signed and some core node calls alive; null: fewer than two told all of theirs. */
    readonly alive: number | null;
    readonly toSign: readonly (ForgetView & ToSign)[];
    readonly sent: readonly (ForgetView & Sent)[];
  };
  readonly rotation: {
    readonly nextAddress: string;
    /** Attempts for which the new key has not yet signed its FORGETs; the owner signs when there are none. */
    readonly attemptsLacking: number;
    readonly list: ListView;
  } | null;
};

export type SignAsk = {
  readonly itemHash: Hash;
  readonly signature: string;
  readonly tickedEverything: boolean;
  readonly tickedDoubtful: boolean;
  readonly tickedRunning: boolean;
};
