/** How messages come in over HTTP: the submission itself, the old publish endpoint, and files with their message. */
import { sha256Hex } from "../../src/crypto/hash.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { checkEnvelope } from "./envelope.ts";
import { isObject, parseJson } from "./json.ts";
import type { Json } from "./json.ts";
import type { Asked, View } from "./view.ts";
import { crash, invalidFields, json, plain, text } from "./wire.ts";
import type { Answer, WireResponse } from "../wire.ts";

const TOPIC = "ALEPH-TEST";
const OFFERED: Json = { status: "success", failed: [] };

export type MessageStatusWord = "pending" | "processed" | "rejected";

export function broadcast(status: MessageStatusWord): WireResponse {
  const http = { pending: 202, processed: 200, rejected: 422 }[status];
  return json({ publication_status: OFFERED, message_status: status }, http);
}

export function submitMessage(view: View, asked: Asked): Answer {
  const body = parseJson(asked.body)?.value;
  if (body === undefined) return plain(422);
  const message = isObject(body) ? body["message"] : undefined;
  if (!isObject(body) || message === undefined) {
    const input = isObject(body) ? body : (body ?? null);
    return invalidFields({ type: "missing", loc: ["message"], msg: "Field required", input });
  }
  if (!isObject(message)) {
    const msg = "Input should be a valid dictionary";
    return invalidFields({ type: "dict_type", loc: ["message"], msg, input: message });
  }
  const refusal = refusalOf(message);
  if (refusal !== undefined) return refusal;
  const heard = view.publish(message);
  const hash = String(message["item_hash"]);
  return body["sync"] === true ? view.verdictOn(hash, heard) : broadcast("pending");
}

function refusalOf(message: Json): WireResponse | undefined {
  const checked = checkEnvelope(message);
  if (checked.kind === "crash") return crash();
  return checked.kind === "invalid" ? text(422, "InvalidMessageFormat") : undefined;
}

export function publishOld(view: View, asked: Asked): WireResponse {
  const body = parseJson(asked.body)?.value;
  if (!isObject(body) || typeof body["topic"] !== "string") return text(422, "422: Invalid JSON");
  if (body["topic"] !== TOPIC) return text(403, `403: Unauthorized P2P topic: ${body["topic"]}. Use ${TOPIC}.`);
  const data = typeof body["data"] === "string" ? parseJson(body["data"])?.value : undefined;
  if (data === undefined) return text(422, "422: 'data': must be deserializable as JSON.");
  const refusal = refusalOf(data);
  if (refusal !== undefined) return refusal;
  view.publish(data);
  return json(OFFERED);
}

/** The file is hashed as the framework would write it again. */
export function addJson(view: View, asked: Asked): WireResponse {
  const body = parseJson(asked.body);
  if (body === undefined) return plain(422);
  return json({ status: "success", hash: keep(view, JSON.stringify(body.value)) });
}

/** Multipart, with an optional `metadata` part that holds the STORE message. Text files only. */
export function addFile(view: View, asked: Asked): Answer {
  const parts = partsOf(asked.body);
  const file = parts.get("file");
  if (file === undefined) return text(422, "422: Missing 'file' in multipart form.");
  const hash = keep(view, file);
  const metadata = parseJson(parts.get("metadata") ?? "")?.value;
  const message = isObject(metadata) ? metadata["message"] : undefined;
  if (!isObject(metadata) || message === undefined) return json({ status: "success", hash });
  const refusal = refusalOf(message);
  if (refusal !== undefined) return refusal;
  view.publish(message);
  return json({ status: "success", hash });
}

function keep(view: View, content: string): string {
  const hash = sha256Hex(content);
  view.state.files.set(hash, { sizeBytes: utf8(content).length, text: content });
  return hash;
}

function partsOf(body: string): ReadonlyMap<string, string> {
  const boundary = body.slice(0, Math.max(0, body.indexOf("\r\n")));
  const parts = new Map<string, string>();
  if (!boundary.startsWith("--")) return parts;
  for (const part of body.split(boundary)) {
    const split = part.indexOf("\r\n\r\n");
    const name = /name="([^"]*)"/.exec(part.slice(0, Math.max(0, split)))?.[1];
    if (split >= 0 && name !== undefined) parts.set(name, part.slice(split + 4).replace(/\r\n$/, ""));
  }
  return parts;
}

export function readRaw(view: View, asked: Asked): WireResponse {
  const content = view.state.files.get(asked.parts[0] ?? "")?.text;
  return content === undefined ? plain(404) : { status: 200, contentType: "application/octet-stream", body: content };
}

export const STORAGE_LIMITS: Json = {
  storage: { max_file_size: 104_857_600, max_unauthenticated_upload_file_size: 26_214_400 },
  ipfs: {
    max_upload_file_size: 1_073_741_824,
    max_upload_car_size: 4_294_967_296,
    max_unauthenticated_upload_file_size: 26_214_400,
  },
};
