/** The endpoints of single messages. Pure. */
import { jsonbOrder } from "./json.ts";
import { consumedCredits } from "./ledger.ts";
import { lieAbout } from "./lies.ts";
import { messageWithStatus, statusOnly } from "./message-answers.ts";
import { isMessageHashOr400 } from "./message-lists.ts";
import type { MessageRecord, Status } from "./state.ts";
import type { Asked, View } from "./view.ts";
import { json, plain, text } from "./wire.ts";
import type { WireResponse } from "../wire.ts";

export function statusTold(view: Pick<View, "state" | "lie">, hash: string): Status | "absent" {
  return lieAbout(view.lie?.statuses, hash) ?? view.state.records.get(hash)?.status ?? "absent";
}

function found(view: View, hash: string): { readonly record: MessageRecord; readonly status: Status } | WireResponse {
  const malformed = isMessageHashOr400(hash);
  if (malformed !== undefined) return malformed;
  const record = view.state.records.get(hash);
  const status = statusTold(view, hash);
  return record === undefined || status === "absent" ? plain(404) : { record, status };
}

export function readMessage(view: View, asked: Asked): WireResponse {
  const one = found(view, asked.parts[0] ?? "");
  return "record" in one ? json(messageWithStatus(one.record, one.status)) : one;
}

export function readStatus(view: View, asked: Asked): WireResponse {
  const one = found(view, asked.parts[0] ?? "");
  return "record" in one ? json(statusOnly(one.record, one.status)) : one;
}

export function readContent(view: View, asked: Asked): WireResponse {
  const one = found(view, asked.parts[0] ?? "");
  if (!("record" in one)) return one;
  const { record, status } = one;
  if (status !== "processed") {
    return text(422, `Message ${record.hash} is not processed (status: MessageStatus.${status.toUpperCase()})`);
  }
  const content = record.envelope.type === "POST" ? (record.content["content"] ?? null) : record.content;
  return json(jsonbOrder(content));
}

export function readConsumed(view: View, asked: Asked): WireResponse {
  const hash = asked.parts[0] ?? "";
  const malformed = isMessageHashOr400(hash);
  return malformed ?? json({ item_hash: hash, consumed_credits: consumedCredits(view.state, { resource: hash }) });
}
