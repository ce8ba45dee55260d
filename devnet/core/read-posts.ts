/** The two lists of posts, in which an amended post shows its newest content. `addresses` means owners here. Pure. */
import { utf8 } from "../../src/crypto/bytes.ts";
import { isList, isObject, jsonbOrder } from "./json.ts";
import type { Json } from "./json.ts";
import { slice } from "./message-lists.ts";
import { QueryReader } from "./query.ts";
import { isLive, ownerOf } from "./state.ts";
import type { MessageRecord } from "./state.ts";
import type { Asked, View } from "./view.ts";
import { isoOffset, json, toMs } from "./wire.ts";
import type { WireResponse } from "../wire.ts";

type Post = { readonly original: MessageRecord; readonly latest: MessageRecord };

export function listPostsV0(view: View, asked: Asked): WireResponse {
  return listPosts(view, asked, toldV0);
}

export function listPostsV1(view: View, asked: Asked): WireResponse {
  return listPosts(view, asked, toldV1);
}

function listPosts(view: View, asked: Asked, told: (post: Post) => Json): WireResponse {
  const query = new QueryReader(asked.query);
  const [pagination, page] = [
    query.whole("pagination", 20, { min: 0 }),
    query.whole("page", Number(asked.parts[0] ?? 1), { min: 1 }),
  ];
  const order = query.oneOf("sortOrder", ["-1", "1"], "-1") === "1" ? 1 : -1;
  const found = postsOf(view).filter(filterOf(query));
  if (query.refusal !== undefined) return query.refusal;
  found.sort((a, b) => order * (contentTime(a.latest) - contentTime(b.latest)));
  const about = { pagination_page: page, pagination_total: found.length, pagination_per_page: pagination };
  return json({ posts: slice(found, { page, pagination }).map(told), ...about, pagination_item: "posts" });
}

function postsOf(view: View): Post[] {
  const posts = [...view.state.records.values()].filter((one) => isLive(one) && one.envelope.type === "POST");
  const latest = new Map<string, MessageRecord>();
  for (const one of posts) {
    if (one.content["type"] !== "amend") continue;
    const target = refOf(one) ?? "";
    const known = latest.get(target) ?? view.state.records.get(target);
    if (known !== undefined && contentTime(known) < contentTime(one)) latest.set(target, one);
  }
  return posts
    .filter((one) => one.content["type"] !== "amend")
    .map((original) => ({ original, latest: latest.get(original.hash) ?? original }));
}

function filterOf(query: QueryReader): (post: Post) => boolean {
  const wants = {
    addresses: query.list("addresses"),
    types: query.list("types"),
    channels: query.list("channels"),
    refs: query.list("refs"),
    hashes: query.list("hashes"),
    tags: query.list("tags"),
  };
  const [startS, endS] = [query.number("startDate", 0, { min: 0 }), query.number("endDate", 0, { min: 0 })];
  return ({ original, latest }) => {
    const timeS = contentTime(latest);
    return (
      (wants.addresses?.includes(ownerOf(original)) ?? true) &&
      (wants.types?.includes(String(original.content["type"])) ?? true) &&
      (wants.channels?.includes(original.envelope.channel ?? "") ?? true) &&
      (wants.refs?.includes(refOf(original) ?? "") ?? true) &&
      (wants.hashes?.some((hash) => hash === original.hash || hash === latest.hash) ?? true) &&
      (wants.tags?.some((tag) => tagsOf(latest).includes(tag)) ?? true) &&
      timeS >= startS &&
      (endS === 0 || timeS < endS)
    );
  };
}

function toldV1({ original, latest }: Post): Json {
  return {
    item_hash: latest.hash,
    content: jsonbOrder(latest.content["content"] ?? null),
    original_item_hash: original.hash,
    original_type: original.content["type"] ?? null,
    address: ownerOf(original),
    ref: refOf(original),
    channel: original.envelope.channel,
    created: isoOffset(toMs(contentTime(original))),
    last_updated: isoOffset(toMs(contentTime(latest))),
  };
}

function toldV0({ original, latest }: Post): Json {
  const { chain, sender, channel, itemContent, itemType, signature, time } = latest.envelope;
  const confirmations = latest.confirmations.map((one) => ({ ...one }));
  return {
    chain,
    item_hash: latest.hash,
    sender,
    type: latest.content["type"] ?? null,
    channel,
    confirmed: confirmations.length > 0,
    content: jsonbOrder(latest.content["content"] ?? null),
    item_content: itemContent,
    item_type: itemType,
    signature,
    size: utf8(itemContent).length,
    time,
    confirmations,
    original_item_hash: original.hash,
    original_signature: original.envelope.signature,
    original_type: original.content["type"] ?? null,
    hash: original.hash,
    address: ownerOf(original),
    ref: refOf(original),
  };
}

function refOf(record: MessageRecord): string | null {
  const { ref } = record.content;
  if (isObject(ref)) return typeof ref["item_hash"] === "string" ? ref["item_hash"] : null;
  return typeof ref === "string" ? ref : null;
}

function tagsOf(record: MessageRecord): readonly Json[] {
  const inner = record.content["content"];
  const tags = isObject(inner) ? inner["tags"] : undefined;
  return isList(tags) ? tags : [];
}

function contentTime(record: MessageRecord): number {
  return Number(record.content["time"]);
}
