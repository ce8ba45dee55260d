/**
 * Everything a core node keeps: messages, credits, aggregates, files and the times of its jobs. Plain data only, so
 * that a snapshot is a copy. Pure.
 */
import type { Envelope } from "./envelope.ts";
import type { Json, JsonObject } from "./json.ts";

export type Status = "pending" | "processed" | "rejected" | "forgotten" | "removing" | "removed";

/** Amounts are decimals with 18 places, credits per second for `cost_credit`. */
export type CostRow = {
  readonly type: string;
  readonly name: string;
  readonly cost_hold: string;
  readonly cost_stream: string;
  readonly cost_credit: string;
};

export type Confirmation = { readonly chain: string; readonly height: number; readonly hash: string };

export type MessageRecord = {
  readonly hash: string;
  /** Order of arrival. */
  readonly seq: number;
  status: Status;
  receivedMs: number;
  readonly envelope: Envelope;
  readonly content: JsonObject;
  /** The message as the rejection keeps it, and why. */
  rejection?: { readonly code: number; readonly details: Json; readonly message: JsonObject };
  pending?: { readonly dueMs: number; readonly attempts: number };
  confirmations: readonly Confirmation[];
  /** When the chain will hold the message, if nobody confirms it by hand. */
  confirmDueMs?: number;
  costs: readonly CostRow[];
  /** Credits per second as frozen at creation. Stays when the costs go, because the last hour is billed later. */
  ratePerS?: string;
  forgotten?: { readonly atS: number; readonly by: readonly string[] };
  removedAtS?: number;
};

export type Lot = {
  readonly address: string;
  readonly ref: string;
  readonly index: number;
  remaining: number;
  readonly expiresMs: number | null;
  readonly grantedMs: number;
};

export type HistoryRow = {
  readonly address: string;
  readonly amount: number;
  readonly price: string | null;
  readonly bonusAmount: string | null;
  readonly txHash: string | null;
  readonly token: string | null;
  readonly chain: string | null;
  readonly provider: string | null;
  readonly origin: string | null;
  readonly originRef: string | null;
  readonly paymentMethod: string | null;
  readonly ref: string;
  readonly index: number;
  readonly expiresMs: number | null;
  readonly messageMs: number;
  readonly expenseCount: number | null;
  readonly expenseSizeMib: number | null;
  /** When this node learnt of it. */
  readonly bookedMs: number;
};

export type Element = {
  readonly hash: string;
  readonly owner: string;
  readonly key: string;
  readonly timeS: number;
  readonly content: JsonObject;
};

export type Aggregate = {
  readonly owner: string;
  readonly key: string;
  readonly content: JsonObject;
  readonly createdS: number;
  readonly last: Element;
};

export type StoredFile = { readonly fileHash: string; readonly sizeBytes: number };

export type State = {
  seq: number;
  records: Map<string, MessageRecord>;
  lots: Lot[];
  history: HistoryRow[];
  elements: Element[];
  aggregates: Map<string, Aggregate>;
  /** Hash of the STORE message → the file it pins. */
  images: Map<string, StoredFile>;
  /** Hash of the file → size, and the text itself if it came over HTTP. */
  files: Map<string, { readonly sizeBytes: number; readonly text?: string }>;
  /** `sender hash signature` of what came lately; in memory only on a real node. */
  recent: Set<string>;
  lastRemovalMs: number;
  nextRemovalMs: number | null;
  nextCollectionMs: number | null;
};

export function emptyState(): State {
  return {
    seq: 0,
    records: new Map(),
    lots: [],
    history: [],
    elements: [],
    aggregates: new Map(),
    images: new Map(),
    files: new Map(),
    recent: new Set(),
    lastRemovalMs: 0,
    nextRemovalMs: null,
    nextCollectionMs: null,
  };
}

export function ownerOf(record: MessageRecord): string {
  return typeof record.content["address"] === "string" ? record.content["address"] : record.envelope.sender;
}

export function isLive(record: MessageRecord): boolean {
  return record.status === "processed" || record.status === "removing";
}

export function paymentOf(record: MessageRecord): string | null {
  return paymentTypeOf(record.envelope.type, record.content);
}

/** `hold` stands for a missing payment; messages that cost nothing have none. */
export function paymentTypeOf(type: string, content: JsonObject): string | null {
  if (type !== "INSTANCE" && type !== "STORE") return null;
  const payment = content["payment"];
  if (typeof payment !== "object" || payment === null || Array.isArray(payment)) return "hold";
  const named = (payment as JsonObject)["type"];
  return typeof named === "string" ? named : "hold";
}
