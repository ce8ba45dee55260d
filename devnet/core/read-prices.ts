/** The endpoints about prices: of a message, of an estimate, and the costs of what an account owns. Pure. */
import { sha256Hex } from "../../src/crypto/hash.ts";
import { instanceCosts, storeCosts, totalOf } from "./costs.ts";
import type { Kind } from "./costs.ts";
import { isEstimatedInstance } from "./contents.ts";
import { formatAtto } from "./decimal.ts";
import { byCode, isList, isObject, parseJson } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { priceBook } from "./judge.ts";
import { consumedCredits } from "./ledger.ts";
import { lieAbout } from "./lies.ts";
import { isMessageHashOr400, slice } from "./message-lists.ts";
import { missingFieldsText } from "./python-text.ts";
import { QueryReader } from "./query.ts";
import { statusTold } from "./read-messages.ts";
import { isLive, ownerOf, paymentOf, paymentTypeOf } from "./state.ts";
import type { CostRow, MessageRecord, State } from "./state.ts";
import type { Asked, View } from "./view.ts";
import { crash, json, text } from "./wire.ts";
import type { WireResponse } from "../wire.ts";

const MIB = 1024 ** 2;

export function readPrice(view: View, asked: Asked): WireResponse {
  const hash = asked.parts[0] ?? "";
  const malformed = isMessageHashOr400(hash);
  if (malformed !== undefined) return malformed;
  const record = view.state.records.get(hash);
  const status = statusTold(view, hash);
  if (record === undefined || status === "absent") return text(404, `Message not found with hash: ${hash}`);
  if (status === "pending") return text(102, `Message still pending: ${hash}`);
  if (status === "rejected") return text(404, `This message was rejected: ${hash}`);
  if (status === "forgotten" || status === "removed") return text(410, `This message has been ${status}: ${hash}`);
  const { type } = record.envelope;
  if (type !== "INSTANCE" && type !== "STORE") {
    return text(400, `Message is not an executable or store message: ${hash}`);
  }
  const sized = new QueryReader(asked.query).flag("include_size") ? sizesOf(view.state, record.content) : undefined;
  return costsAnswer(
    record.costs,
    ownerOf(record),
    paymentOf(record) ?? "hold",
    sized,
    lieAbout(view.lie?.prices, hash),
  );
}

/** A message without sender or signature; only its content and its hash count. */
export function estimateMessage(view: View, asked: Asked): WireResponse {
  const body = parseJson(asked.body)?.value;
  const message = isObject(body) ? body["message"] : undefined;
  if (!isObject(message)) return crash();
  const { type, item_content: itemContent, item_hash: itemHash } = message;
  const bad = text(422, "InvalidMessageFormat");
  if (typeof itemContent !== "string" || itemHash !== sha256Hex(itemContent)) return bad;
  const content = parseJson(itemContent);
  if (content === undefined || !isObject(content.value)) return bad;
  if (type === "STORE") return estimateStore(view, content.value);
  if (type !== "INSTANCE" || !isEstimatedInstance(content.value, content.floats)) return bad;
  return estimate(view, content.value);
}

export function estimateInstance(view: View, asked: Asked): WireResponse {
  const content = parseJson(asked.body);
  if (content === undefined) return text(400, "400: Invalid JSON body");
  if (isEstimatedInstance(content.value, content.floats)) return estimate(view, content.value);
  return text(422, missingFieldsText(content.value, ["address", "environment", "resources", "rootfs"]));
}

function estimate(view: View, content: JsonObject): WireResponse {
  const costs = instanceCosts(content, priceBook(view.state));
  if (costs === undefined) return crash();
  const payment = paymentTypeOf("INSTANCE", content) ?? "hold";
  return costsAnswer(costs, String(content["address"]), payment, sizesOf(view.state, content));
}

function estimateStore(view: View, content: JsonObject): WireResponse {
  const given = content["estimated_size_mib"];
  const known = view.state.files.get(String(content["item_hash"]))?.sizeBytes ?? 0;
  const costs = storeCosts(typeof given === "number" ? Math.round(given * MIB) : known, priceBook(view.state));
  return costsAnswer(costs, String(content["address"]), paymentTypeOf("STORE", content) ?? "hold", undefined);
}

type Sizes = (row: CostRow) => number | null;

/** MiB of the volume behind a line. */
function sizesOf(state: State, content: JsonObject): Sizes {
  const book = priceBook(state);
  const volumes = isList(content["volumes"]) ? content["volumes"] : [];
  return ({ type, name }) => {
    const index = Number(/^#(\d+):/.exec(name)?.[1]);
    const holder = type === "EXECUTION_INSTANCE_VOLUME_ROOTFS" ? content["rootfs"] : volumes[index];
    if (!isObject(holder)) return null;
    if (typeof holder["size_mib"] === "number") return holder["size_mib"];
    const bytes = typeof holder["ref"] === "string" ? book.imageBytes(holder["ref"]) : undefined;
    return bytes === undefined ? null : bytes / MIB;
  };
}

function columnOf(payment: string): Kind {
  if (payment === "credit") return "credit";
  return payment === "superfluid" ? "stream" : "hold";
}

function costsAnswer(
  rows: readonly CostRow[],
  owner: string,
  payment: string,
  sizes: Sizes | undefined,
  told?: string,
): WireResponse {
  const cost = told ?? formatAtto(totalOf(rows, columnOf(payment)));
  const detail = rows.map((row) => ({
    cost_credit: row.cost_credit,
    cost_hold: row.cost_hold,
    cost_stream: row.cost_stream,
    name: row.name,
    size_mib: sizes?.(row) ?? null,
    type: row.type,
  }));
  return json({ charged_address: owner, cost, detail, payment_type: payment, required_tokens: Number(cost) });
}

export function readCosts(view: View, asked: Asked): WireResponse {
  const query = new QueryReader(asked.query);
  const [address, hash] = [query.text("address"), query.text("item_hash")];
  const payment = query.oneOf("payment_type", ["hold", "superfluid", "credit"], "credit");
  const details = query.whole("include_details", 0, { min: 0, max: 2 });
  const [pagination, page] = [
    query.whole("pagination", 100, { min: 10, max: 1000 }),
    query.whole("page", 1, { min: 1 }),
  ];
  if (query.refusal !== undefined) return query.refusal;
  if (details === 2 && address === undefined && hash === undefined) {
    const words =
      "include_details=2 requires at least one of 'address' or 'item_hash' filters to avoid fetching breakdowns for all resources";
    return text(422, words);
  }
  const found = [...view.state.records.values()]
    .filter((one) => isLive(one) && one.costs.length > 0 && paymentOf(one) === payment)
    .filter((one) => (address === undefined || ownerOf(one) === address) && (hash === undefined || one.hash === hash))
    .sort((a, b) => byCode(a.hash, b.hash));
  const wanted = { ...(address === undefined ? {} : { address }), ...(hash === undefined ? {} : { resource: hash }) };
  const summary = summaryOf(found, consumedCredits(view.state, wanted));
  const filters = { address: address ?? null, item_hash: hash ?? null, payment_type: payment };
  if (details === 0) return json({ summary, filters, resources: null, ...pageFields(null, null, null, null) });
  const sizes = query.flag("include_size");
  const resources = slice(found, { page, pagination }).map((one) => resourceOf(view.state, one, details === 2, sizes));
  return json({ summary, filters, resources, ...pageFields(page, found.length, pagination, "resources") });
}

function pageFields(page: number | null, total: number | null, size: number | null, item: string | null): JsonObject {
  return { pagination_page: page, pagination_total: total, pagination_per_page: size, pagination_item: item };
}

function summaryOf(found: readonly MessageRecord[], consumed: number): JsonObject {
  const sum = (kind: Kind): string => formatAtto(found.reduce((total, one) => total + totalOf(one.costs, kind), 0n));
  return {
    total_consumed_credits: consumed,
    total_cost_hold: sum("hold"),
    total_cost_stream: sum("stream"),
    total_cost_credit: sum("credit"),
    resource_count: found.length,
  };
}

function resourceOf(state: State, one: MessageRecord, detailed: boolean, sized: boolean): Json {
  const sizes = sized ? sizesOf(state, one.content) : undefined;
  const total = (kind: Kind): string => formatAtto(totalOf(one.costs, kind));
  const lines = one.costs.map(({ type, name, cost_hold, cost_stream, cost_credit }) => {
    const size_mib = sizes?.({ type, name, cost_hold, cost_stream, cost_credit }) ?? null;
    return { type, name, cost_hold, cost_stream, cost_credit, size_mib };
  });
  return {
    item_hash: one.hash,
    owner: ownerOf(one),
    payment_type: paymentOf(one),
    consumed_credits: consumedCredits(state, { resource: one.hash }),
    cost_hold: total("hold"),
    cost_stream: total("stream"),
    cost_credit: total("credit"),
    detail: detailed ? lines : null,
  };
}
