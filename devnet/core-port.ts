/**
 * What the rest of the twin needs of a core node. A type only, so that the network can be built over other core nodes
 * than the real ones in tests.
 */
import type { CoreKnobs } from "./core/knobs.ts";
import type { CoreStatus } from "./crn/core-link.ts";
import type { Answer, Json, JsonObject, WireRequest } from "./wire.ts";

/** One line of an expense: the seconds a VM ran in the window. */
export type BillLine = { readonly itemHash: string; readonly seconds: number };

export type Core = {
  readonly handle: (request: WireRequest, nowMs: number) => Answer;
  readonly tick: (nowMs: number) => void;
  readonly nextDueMs: () => number | undefined;
  readonly receive: (envelope: Json, nowMs: number) => void;
  /** Called with each message that this core node publishes to the others. */
  readonly publishTo: (listener: (envelope: Json, nowMs: number) => void) => void;
  readonly statusOf: (hash: string) => CoreStatus;
  readonly instance: (
    hash: string,
  ) => { readonly content: JsonObject; readonly sender: string; readonly timeMs: number } | undefined;
  readonly ratePerS: (hash: string) => string | undefined;
  readonly creditBalance: (address: string) => number;
  readonly aggregateOf: (address: string, key: string) => JsonObject | undefined;
  readonly liveInstances: () => readonly string[];
  readonly countByStatus: () => Readonly<Record<string, number>>;
  readonly setAggregate: (address: string, key: string, content: JsonObject, nowMs: number) => void;
  /** The same, but made anew with the network and not stored: for what is large and always the same. */
  readonly seedAggregate: (address: string, key: string, content: JsonObject, nowMs: number) => void;
  readonly setPricing: (pricing: JsonObject, nowMs: number) => void;
  readonly grantCredits: (address: string, credits: number, expiresAtMs: number | undefined, nowMs: number) => void;
  readonly removeCredits: (address: string, credits: number, nowMs: number) => void;
  readonly bill: (lines: readonly BillLine[], nowMs: number) => void;
  readonly confirmOnChain: (hashes: readonly string[]) => void;
  readonly runRemovalJob: (nowMs: number) => void;
  readonly runGarbageCollection: (nowMs: number) => void;
  readonly restart: () => void;
  readonly setLie: (lie: JsonObject | undefined) => void;
  readonly lie: () => JsonObject | undefined;
  readonly setKnobs: (knobs: Partial<CoreKnobs>) => void;
  readonly knobs: () => CoreKnobs;
  readonly revive: (hash: string, nowMs: number) => boolean;
  readonly snapshot: () => Json;
  readonly restore: (value: Json) => void;
};
