/** How messages are told, one by one and in lists: one form per status, and two orders of keys. Pure. */
import { utf8 } from "../../src/crypto/bytes.ts";
import { contentThroughModel } from "./contents.ts";
import { isObject, jsonbOrder, sortedKeys } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { ownerOf, paymentOf } from "./state.ts";
import type { MessageRecord, Status } from "./state.ts";
import { isoZulu, toMs } from "./wire.ts";

export type ContentFormat = "full" | "headers" | "none";

const HEADER_FIELDS: Readonly<{ [type: string]: readonly string[] }> = {
  POST: ["type", "ref"],
  AGGREGATE: ["key"],
  STORE: ["item_hash", "ref"],
};

/** `status` is the record's own, unless the node lies about it. */
export function messageWithStatus(record: MessageRecord, status: Status): Json {
  const head = { status, item_hash: record.hash, reception_time: isoZulu(record.receivedMs) };
  switch (status) {
    case "pending":
      return { ...head, messages: [pendingMessage(record)] };
    case "processed":
      return { ...head, message: fullMessage(record) };
    case "rejected":
      return { ...head, ...rejectionOf(record) };
    case "forgotten":
      return { ...head, message: forgottenMessage(record), forgotten_by: record.forgotten?.by ?? [] };
    case "removing":
      return { ...head, message: fullMessage(record), reason: "credit_insufficient" };
    case "removed":
      return {
        ...head,
        message: removedMessage(record),
        reason: "credit_insufficient",
        removed_at: removedAt(record),
        size: null,
      };
  }
}

export function statusOnly(record: MessageRecord, status: Status): Json {
  return { status, item_hash: record.hash, reception_time: isoZulu(record.receivedMs) };
}

function signedPart(record: MessageRecord): JsonObject {
  const { sender, chain, signature, type } = record.envelope;
  return { sender, chain, signature, type };
}

function pendingMessage(record: MessageRecord): Json {
  const { itemContent, itemType, time, channel } = record.envelope;
  const item = {
    item_content: itemContent,
    item_type: itemType,
    item_hash: record.hash,
    time: isoZulu(toMs(time)),
    channel,
  };
  return {
    ...signedPart(record),
    ...item,
    content: jsonbOrder(record.content),
    reception_time: isoZulu(record.receivedMs),
  };
}

function fullMessage(record: MessageRecord): Json {
  const { itemContent, itemType, time, channel, type } = record.envelope;
  const item = { item_content: itemContent, item_type: itemType, item_hash: record.hash, time, channel };
  const content = contentThroughModel(type, jsonbOrder(record.content) as JsonObject);
  const confirmations = record.confirmations.map(({ chain, height, hash }) => ({ chain, height, hash }));
  return { ...signedPart(record), ...item, content, confirmed: confirmations.length > 0, confirmations };
}

function rejectionOf(record: MessageRecord): JsonObject {
  const { rejection } = record;
  if (rejection !== undefined) {
    return { message: rejection.message, error_code: rejection.code, details: rejection.details };
  }
  return { message: jsonbOrder(fullMessage(record)), error_code: 0, details: null };
}

function skeleton(record: MessageRecord): JsonObject {
  const { itemType, time, channel } = record.envelope;
  const item = { item_type: itemType, item_hash: record.hash, time, channel };
  return { ...signedPart(record), ...item, owner: ownerOf(record), payment_type: paymentOf(record), size: null };
}

function forgottenMessage(record: MessageRecord): JsonObject {
  return { ...skeleton(record), forgotten_at: record.forgotten?.atS ?? record.envelope.time };
}

function removedMessage(record: MessageRecord): JsonObject {
  return { ...skeleton(record), removed_at: removedAt(record) };
}

function removedAt(record: MessageRecord): number {
  return record.removedAtS ?? record.envelope.time;
}

export function listedMessage(record: MessageRecord, format: ContentFormat): Json {
  const { itemContent, itemType, time, channel } = record.envelope;
  const item = { item_content: itemContent, item_type: itemType, item_hash: record.hash, time, channel };
  const content = format === "none" ? {} : { content: format === "full" ? record.content : headersOf(record) };
  const confirmations = record.confirmations.map((one) => ({ ...one }));
  const size = utf8(itemContent).length;
  return sortedKeys({
    ...signedPart(record),
    ...item,
    ...content,
    size,
    confirmations,
    confirmed: confirmations.length > 0,
  });
}

export function listedForgotten(record: MessageRecord): Json {
  return sortedKeys({ ...forgottenMessage(record), status: "forgotten", forgotten_by: record.forgotten?.by ?? [] });
}

export function listedRemoved(record: MessageRecord): Json {
  return sortedKeys({ ...removedMessage(record), status: "removed" });
}

function headersOf(record: MessageRecord): JsonObject {
  const fields = HEADER_FIELDS[record.envelope.type] ?? [];
  const kept = fields.flatMap((field): [string, Json][] => {
    const value = record.content[field];
    return value === undefined || value === null ? [] : [[field, isObject(value) ? JSON.stringify(value) : value]];
  });
  return { address: ownerOf(record), ...Object.fromEntries(kept) };
}
