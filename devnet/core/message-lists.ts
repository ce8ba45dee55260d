/**
 * `messages.json` and the list of hashes: filters, pages, cursors, and the two lists of ended messages with rules of
 * their own. Rejected and pending messages never appear in the former. Pure.
 */
import { CHAINS, isItemHash } from "./contents.ts";
import { TYPES } from "./envelope.ts";
import { byCode, isList, isObject } from "./json.ts";
import type { Json } from "./json.ts";
import { lieAbout } from "./lies.ts";
import { listedForgotten, listedMessage, listedRemoved } from "./message-answers.ts";
import type { ContentFormat } from "./message-answers.ts";
import { cursorPage, decodeCursor, encodeCursor, QueryReader } from "./query.ts";
import { ownerOf, paymentOf } from "./state.ts";
import type { MessageRecord } from "./state.ts";
import type { Asked, View } from "./view.ts";
import { isoOffset, json, plain, text, toMs } from "./wire.ts";
import type { WireResponse } from "../wire.ts";

const STATUSES = ["pending", "processed", "rejected", "forgotten", "removing", "removed"];

type Filters = {
  readonly types: readonly string[] | undefined;
  readonly statuses: readonly string[];
  readonly addresses: readonly string[] | undefined;
  readonly owners: readonly string[] | undefined;
  readonly channels: readonly string[] | undefined;
  readonly chains: readonly string[] | undefined;
  readonly hashes: readonly string[] | undefined;
  readonly paymentTypes: readonly string[] | undefined;
  readonly refs: readonly string[] | undefined;
  readonly contentTypes: readonly string[] | undefined;
  readonly contentHashes: readonly string[] | undefined;
  readonly contentKeys: readonly string[] | undefined;
  readonly tags: readonly string[] | undefined;
  readonly startS: number;
  readonly endS: number;
};

type Page = {
  readonly pagination: number;
  readonly page: number;
  readonly cursor: string | undefined;
  readonly order: 1 | -1;
  readonly byTx: boolean;
  readonly format: ContentFormat;
};

export function listMessages(view: View, asked: Asked): WireResponse {
  const query = new QueryReader(asked.query);
  const filters = readFilters(query);
  const page = readPage(query, asked.parts[0]);
  if (query.refusal !== undefined) return query.refusal;
  const ended = (["forgotten", "removed"] as const).find((one) => filters.statuses.includes(one));
  if (ended !== undefined) return listEnded(view, filters, page, ended);
  const found = [...view.state.records.values()].filter((one) => {
    const told = lieAbout(view.lie?.statuses, one.hash) ?? one.status;
    const isTold = (told === "processed" || told === "removing") && filters.statuses.includes(told);
    return isTold && matches(one, filters, one.envelope.time);
  });
  const sorted = found.sort((a, b) => page.order * compareForList(a, b, page.byTx));
  const size = cursorPage(page.cursor, page.pagination);
  if (typeof size === "object") return size;
  return size === undefined ? pageOf(sorted, page) : cursorPageOf(sorted, page, size);
}

function pageOf(sorted: readonly MessageRecord[], page: Page): WireResponse {
  return json(
    paged(
      slice(sorted, page).map((one) => listedMessage(one, page.format)),
      "messages",
      page,
      sorted.length,
    ),
  );
}

function cursorPageOf(sorted: readonly MessageRecord[], page: Page, size: number): WireResponse {
  const after = decodeCursor(page.cursor ?? "");
  if (isAnswer(after)) return after;
  const from = after["h"] === undefined ? 0 : sorted.findIndex((one) => one.hash === after["h"]) + 1;
  const shown = sorted.slice(from, from + size);
  const last = shown.at(-1);
  const more = last !== undefined && sorted.length > from + size;
  const next_cursor = more ? encodeCursor({ h: last.hash, t: isoOffset(toMs(last.envelope.time)) }) : null;
  return json({
    messages: shown.map((one) => listedMessage(one, page.format)),
    next_cursor,
    pagination_per_page: size,
  });
}

function listEnded(view: View, filters: Filters, page: Page, status: "forgotten" | "removed"): WireResponse {
  if (filters.statuses.length > 1) {
    return text(400, "msgStatuses=forgotten/removed cannot be combined with other statuses");
  }
  if (page.cursor !== undefined) return text(400, `Cursor pagination is not supported for ${status} message queries`);
  const { refs, contentTypes, contentHashes, contentKeys, tags } = filters;
  const offending = Object.entries({ refs, contentTypes, contentHashes, contentKeys, tags }).filter(
    ([, value]) => value !== undefined,
  );
  if (offending.length > 0) {
    const names = offending.map(([name]) => name).join(", ");
    return text(400, `Filters not supported for ${status} message queries: ${names}`);
  }
  const endedS = (one: MessageRecord): number => one.forgotten?.atS ?? one.removedAtS ?? 0;
  const found = [...view.state.records.values()].filter(
    (one) => (lieAbout(view.lie?.statuses, one.hash) ?? one.status) === status && matches(one, filters, endedS(one)),
  );
  found.sort((a, b) => page.order * (endedS(a) - endedS(b) || byCode(a.hash, b.hash)));
  const shown = slice(found, page).map(status === "forgotten" ? listedForgotten : listedRemoved);
  return json(paged(shown, "messages", page, found.length));
}

export function listHashes(view: View, asked: Asked): WireResponse {
  const query = new QueryReader(asked.query);
  const status = query.oneOf("status", STATUSES, "");
  const page = readPage(query, undefined);
  const [startS, endS] = [query.number("startDate", 0, { min: 0 }), query.number("endDate", 0, { min: 0 })];
  const full = query.text("hash_only")?.toLowerCase() === "false";
  if (query.refusal !== undefined) return query.refusal;
  const found = [...view.state.records.values()]
    .filter((one) => (status === "" || one.status === status) && isWithin(one.receivedMs / 1000, startS, endS))
    .sort((a, b) => page.order * (a.receivedMs - b.receivedMs || a.seq - b.seq));
  const told = (one: MessageRecord): Json => ({
    item_hash: one.hash,
    status: one.status,
    reception_time: isoOffset(one.receivedMs),
  });
  const hashes = slice(found, page).map((one) => (full ? told(one) : one.hash));
  return json(paged(hashes, "hashes", page, found.length));
}

/** A page of any list, keys sorted as the lists have them. */
export function paged(
  items: readonly Json[],
  name: string,
  page: { readonly page: number; readonly pagination: number },
  total: number,
): Json {
  const about = { pagination_item: name, pagination_page: page.page, pagination_per_page: page.pagination };
  return { [name]: items, ...about, pagination_total: total };
}

export function slice<T>(
  items: readonly T[],
  page: { readonly page: number; readonly pagination: number },
): readonly T[] {
  if (page.pagination === 0) return items;
  return items.slice((page.page - 1) * page.pagination, page.page * page.pagination);
}

function readFilters(query: QueryReader): Filters {
  const single = query.listOf("msgType", TYPES);
  const hashList = (name: string) =>
    query.listChecked(name, isItemHash, (item) => `Could not determine hash type: '${item}'`);
  return {
    types: query.listOf("msgTypes", TYPES) ?? single,
    statuses: query.listOf("msgStatuses", STATUSES) ?? ["processed", "removing"],
    addresses: query.list("addresses"),
    owners: query.list("owners"),
    channels: query.list("channels"),
    chains: query.listOf("chains", CHAINS),
    hashes: hashList("hashes"),
    paymentTypes: query.listOf("paymentTypes", ["hold", "superfluid", "credit"]),
    refs: query.list("refs"),
    contentTypes: query.list("contentTypes"),
    contentHashes: hashList("contentHashes"),
    contentKeys: hashList("contentKeys"),
    tags: query.list("tags"),
    startS: query.number("startDate", 0, { min: 0 }),
    endS: query.number("endDate", 0, { min: 0 }),
  };
}

function readPage(query: QueryReader, inPath: string | undefined): Page {
  const page = query.whole("page", inPath === undefined ? 1 : Number(inPath), { min: 1 });
  const asked = query.oneOf(
    "contentFormat",
    ["full", "headers", "none"],
    query.flag("excludeContent") ? "none" : "full",
  );
  return {
    page,
    pagination: query.whole("pagination", 20, { min: 0 }),
    cursor: query.text("cursor"),
    order: query.oneOf("sortOrder", ["-1", "1"], "-1") === "1" ? 1 : -1,
    byTx: query.oneOf("sortBy", ["time", "tx-time"], "time") === "tx-time",
    format: asked as ContentFormat,
  };
}

function matches(one: MessageRecord, filters: Filters, timeS: number): boolean {
  const { envelope, content } = one;
  return (
    isAmong(filters.types, envelope.type) &&
    isAmong(filters.addresses, envelope.sender) &&
    isAmong(filters.owners, ownerOf(one)) &&
    isAmong(filters.channels, envelope.channel) &&
    isAmong(filters.chains, envelope.chain) &&
    isAmong(filters.hashes, one.hash) &&
    isAmong(filters.paymentTypes, paymentOf(one)) &&
    isAmong(filters.refs, content["ref"]) &&
    isAmong(filters.contentTypes, content["type"]) &&
    isAmong(filters.contentHashes, content["item_hash"]) &&
    isAmong(filters.contentKeys, content["key"]) &&
    (filters.tags === undefined || filters.tags.some((tag) => tagsOf(one).includes(tag))) &&
    isWithin(timeS, filters.startS, filters.endS)
  );
}

function isAmong(allowed: readonly string[] | undefined, value: Json | undefined): boolean {
  return allowed === undefined || (typeof value === "string" && allowed.includes(value));
}

/** POSTs carry tags in their inner content, machines in their metadata. */
function tagsOf(one: MessageRecord): readonly Json[] {
  const holder = one.envelope.type === "INSTANCE" ? one.content["metadata"] : one.content["content"];
  const tags = isObject(holder) ? holder["tags"] : undefined;
  return isList(tags) ? tags : [];
}

function isWithin(timeS: number, startS: number, endS: number): boolean {
  return timeS >= startS && (endS === 0 || timeS < endS);
}

function compareForList(a: MessageRecord, b: MessageRecord, byTx: boolean): number {
  const unconfirmed = byTx ? a.confirmations.length - b.confirmations.length : 0;
  return unconfirmed || a.envelope.time - b.envelope.time || byCode(a.hash, b.hash);
}

export function isAnswer(value: object): value is WireResponse {
  return "status" in value && "contentType" in value;
}

export function isMessageHashOr400(hash: string): WireResponse | undefined {
  if (isItemHash(hash)) return undefined;
  return hash === "" ? plain(404) : text(400, `Invalid message hash: ${hash}`);
}
