/** The owner's limits as they are stored, signed and compared. Types only; units as in `types.ts`, which speaks for them. */
import type { Credits, Hash } from "./types.ts";

export type Window = { readonly seconds: number; readonly creditsMax: Credits };

/** The owner's limits (safety.md a.3). Stored and hashed as this JSON; a new or wider one is signed by the owner. */
export type Policy = {
  readonly version: number;
  readonly limits: {
    readonly perVmCreditsMax: Credits;
    readonly burnCreditsPerHMax: Credits;
    readonly windows: readonly Window[];
    readonly lifetimeCreditsMax: Credits;
    readonly vmsLiveMax: number;
    readonly createsPerMinMax: number;
    readonly ttlSDefault: number;
    readonly ttlSMax: number;
    /** All extensions of one VM together. */
    readonly extendSTotalMax: number;
  };
  readonly shape: {
    readonly vcpusMax: number;
    readonly memoryMibMax: number;
    readonly diskMibMax: number;
    /** Models that may be rented; empty: no GPU. */
    readonly gpus: readonly string[];
    /** Images that may boot, by short name or item hash; empty: every image of the network. */
    readonly images: readonly string[];
  };
  readonly place: Place;
  readonly approval: {
    readonly by: "signature" | "click";
    readonly firstVm: boolean;
    readonly gpu: boolean;
    /** A VM whose total exceeds this needs approval. */
    readonly aboveCredits: Credits;
    /** Above this sum of unapproved spending in 24 hours, everything needs approval. */
    readonly unapprovedPerDayCredits: Credits;
  };
  readonly on: {
    /** `recreate`: destroyed, and then created again on another node within the same hold. */
    readonly vmUnreachable: "destroy" | "recreate" | "alert";
    /** Minutes without any sign of life, while others answered us, after which it counts. */
    readonly vmUnreachableMin: number;
    /** When the payer comes within an hour of the one-day line. */
    readonly payerLine: "stop_ours" | "alert";
  };
  readonly priceRisePctMax: number;
  readonly expiresAtMs: number;
  /** The owner's own end of the delegation (Aleph's entries have none); null: as long as it stands. */
  readonly delegationExpiresAtMs: number | null;
};

/** Where a VM may run. A denied node stays denied if it is allowed as well; regions are not established. */
export type Place = {
  /** Node hashes; empty: any node. */
  readonly nodesAllow: readonly Hash[];
  readonly nodesDeny: readonly Hash[];
  /** Item hashes of operators' terms that the owner accepts: a node that asks for others takes no VM. */
  readonly termsAccepted: readonly Hash[];
  /** Lowest score of the public list, in whole percent: no floating point decides. */
  readonly scorePctMin: number;
};

/** What the owner types in; the version is ours to give. */
export type PolicyDraft = Omit<Policy, "version">;
