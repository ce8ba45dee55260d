/**
 * The way of a message into the node: off the network of nodes, past the memory of recent ones, into the queue, and
 * through as many judgements as it needs. Works on the state it is given.
 */
import { totalOf } from "./costs.ts";
import { formatAtto } from "./decimal.ts";
import { checkEnvelope, throughPubSub } from "./envelope.ts";
import type { Envelope } from "./envelope.ts";
import { isObject, jsonbOrder } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { judge } from "./judge.ts";
import type { JudgeRules } from "./judge.ts";
import type { MessageRecord, State } from "./state.ts";
import { CODE } from "./verdict.ts";
import { fieldError } from "./wire.ts";

export type IntakeTimes = {
  readonly processingDelayMs: number;
  /** If set, what was processed is confirmed on chain after this time. */
  readonly confirmAfterMs: number | undefined;
  /** Where in its interval the next try falls, from 0 to 1. */
  readonly retryAt: (hash: string, attempt: number) => number;
};

const RETRIES_MAX = 10;
const RETRY_CAP_S = 300;
const CONFIRMED_AT_HEIGHT = 22_500_000;

/**
 * Takes a message as another node or the node's own loopback brings it. True if it waits to be judged now, so that its
 * sender will hear of it; false if it is dropped, refused without an event, or known.
 */
export function ingest(state: State, raw: Json, nowMs: number, times: IntakeTimes): boolean {
  const arrived = throughPubSub(raw);
  if (!isObject(arrived) || typeof arrived["signature"] !== "string") return false;
  const memory = [arrived["sender"], arrived["item_hash"], arrived["signature"]].map(String).join(" ");
  if (state.recent.has(memory)) return false;
  state.recent.add(memory);
  const checked = checkEnvelope(arrived);
  if (checked.kind === "crash") return false;
  if (checked.kind === "invalid") {
    refuseUnread(state, arrived, checked.expectedHash, nowMs);
    return false;
  }
  if (arrived["item_content"] !== undefined && checked.envelope.itemContent.includes("\\u0000")) {
    const why = "Unsupported character in message: \\u0000";
    reject(state, arrived, CODE.format, [`Invalid message content for ${checked.envelope.itemHash}: ${why}`], nowMs);
    return false;
  }
  return enqueue(state, checked.envelope, checked.content, nowMs, times);
}

function enqueue(state: State, envelope: Envelope, content: JsonObject, nowMs: number, times: IntakeTimes): boolean {
  const known = state.records.get(envelope.itemHash);
  if (known?.status === "pending") return true;
  if (known !== undefined && known.status !== "rejected") return false;
  state.seq += 1;
  const pending = { dueMs: nowMs + times.processingDelayMs, attempts: 0 };
  const fresh = { status: "pending", receivedMs: nowMs, confirmations: [], costs: [] } as const;
  state.records.set(envelope.itemHash, {
    hash: envelope.itemHash,
    seq: state.seq,
    envelope,
    content,
    pending,
    ...fresh,
  });
  return true;
}

function refuseUnread(state: State, raw: JsonObject, expectedHash: string | undefined, nowMs: number): void {
  const input = raw["item_hash"] ?? null;
  if (expectedHash === undefined) return reject(state, raw, CODE.format, ["InvalidMessageFormat"], nowMs);
  const why = `'item_hash' does not match 'sha256(item_content)', expecting ${expectedHash}`;
  const error = fieldError({
    type: "value_error",
    loc: ["item_hash"],
    msg: `Value error, ${why}`,
    input,
    ctx: { error: why },
  });
  const details = jsonbOrder({ ...(error as JsonObject), loc: "('item_hash',)" });
  reject(state, raw, CODE.format, [details], nowMs);
}

/** A message that never came as far as being judged. What is known under its hash stays. */
function reject(state: State, raw: JsonObject, code: number, errors: readonly Json[], nowMs: number): void {
  const hash = raw["item_hash"];
  if (typeof hash !== "string" || (state.records.get(hash)?.status ?? "rejected") !== "rejected") return;
  state.seq += 1;
  const envelope = unreadEnvelope(raw, hash);
  const rejection = { code, details: { errors }, message: jsonbOrder(raw) as JsonObject };
  const record: MessageRecord = {
    hash,
    seq: state.seq,
    status: "rejected",
    receivedMs: nowMs,
    envelope,
    content: {},
    rejection,
    confirmations: [],
    costs: [],
  };
  state.records.set(hash, record);
}

function unreadEnvelope(raw: JsonObject, itemHash: string): Envelope {
  const words = (key: string): string => (typeof raw[key] === "string" ? raw[key] : "");
  const channel = typeof raw["channel"] === "string" ? raw["channel"] : null;
  const time = typeof raw["time"] === "number" ? raw["time"] : 0;
  const named = { sender: words("sender"), chain: words("chain"), type: words("type"), signature: words("signature") };
  return { ...named, itemType: "inline", itemContent: words("item_content"), itemHash, time, channel };
}

/** The pending message that is to be judged next. Serial: one after the other, by due time and arrival. */
export function nextPending(state: State): MessageRecord | undefined {
  let next: MessageRecord | undefined;
  for (const record of state.records.values()) {
    if (record.pending !== undefined && (next === undefined || comesFirst(record, next))) next = record;
  }
  return next;
}

function comesFirst(a: MessageRecord, b: MessageRecord): boolean {
  const [left, right] = [a.pending?.dueMs ?? 0, b.pending?.dueMs ?? 0];
  return left < right || (left === right && a.seq < b.seq);
}

export function judgePending(
  state: State,
  record: MessageRecord,
  rules: JudgeRules,
  nowMs: number,
  times: IntakeTimes,
): void {
  const attempts = record.pending?.attempts ?? 0;
  const verdict = judge(state, record, rules, nowMs);
  if (verdict.kind === "retry" && attempts < RETRIES_MAX) {
    const delayMs = Math.round(longestRetryMs(attempts) * times.retryAt(record.hash, attempts));
    record.pending = { dueMs: nowMs + delayMs, attempts: attempts + 1 };
    return;
  }
  delete record.pending;
  if (verdict.kind === "processed") return accept(record, nowMs, times);
  record.status = "rejected";
  record.rejection = { code: verdict.code, details: verdict.details, message: rejectedMessage(record) };
}

/** A node draws from the interval between nothing and this; ten of them make at most 811 s. */
function longestRetryMs(attempts: number): number {
  return Math.min(2 ** attempts, RETRY_CAP_S) * 1_000;
}

function accept(record: MessageRecord, nowMs: number, times: IntakeTimes): void {
  record.status = "processed";
  delete record.rejection;
  if (record.costs.length > 0) record.ratePerS = formatAtto(totalOf(record.costs, "credit"));
  if (times.confirmAfterMs !== undefined) record.confirmDueMs = nowMs + times.confirmAfterMs;
}

/** What was rejected waits to be judged again. */
export function revive(state: State, hash: string, nowMs: number): boolean {
  const record = state.records.get(hash);
  if (record?.status !== "rejected" || Object.keys(record.content).length === 0) return false;
  record.status = "pending";
  record.pending = { dueMs: nowMs, attempts: 0 };
  return true;
}

export function confirm(record: MessageRecord): void {
  delete record.confirmDueMs;
  if (record.confirmations.length > 0) return;
  record.confirmations = [{ chain: "ETH", height: CONFIRMED_AT_HEIGHT, hash: `0xtx${record.hash.slice(0, 8)}` }];
}

function rejectedMessage(record: MessageRecord): JsonObject {
  const { envelope, content } = record;
  const { sender, chain, type, time, channel, signature } = envelope;
  const item = { item_hash: envelope.itemHash, item_type: envelope.itemType, item_content: envelope.itemContent };
  return jsonbOrder({ sender, chain, type, time, channel, signature, ...item, content, origin: "p2p" }) as JsonObject;
}
