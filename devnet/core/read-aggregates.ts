/** The endpoints of aggregates and of the authorizations that stand in them. Addresses are matched exactly. Pure. */
import { aggregateOf, aggregatesOf } from "./aggregates.ts";
import { isList, isObject, jsonbOrder } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { inventedKeys, withEntries } from "./lies.ts";
import { isAnswer, slice } from "./message-lists.ts";
import { cursorPage, decodeCursor, encodeCursor, QueryReader } from "./query.ts";
import type { Aggregate } from "./state.ts";
import type { Asked, View } from "./view.ts";
import { isoOffset, json, text, toMs } from "./wire.ts";
import type { WireResponse } from "../wire.ts";

type Told = Pick<View, "state" | "lie">;

export function aggregateTold(view: Told, address: string, key: string): JsonObject | undefined {
  const content = aggregateOf(view.state, address, key)?.content;
  if (content === undefined && !inventedKeys(view.lie, address).includes(key)) return undefined;
  return ordered(withEntries(view.lie, address, key, content ?? {}));
}

const known = new WeakMap<JsonObject, JsonObject>();

/** Contents never change in place, and the list of all nodes is large: each is ordered once. */
function ordered(content: JsonObject): JsonObject {
  const told = known.get(content) ?? (jsonbOrder(content) as JsonObject);
  known.set(content, told);
  return told;
}

export function readAggregates(view: View, asked: Asked): WireResponse {
  const address = asked.parts[0] ?? "";
  const query = new QueryReader(asked.query);
  const keys = query.list("keys");
  const withInfo = query.flag("with_info");
  const known = aggregatesOf(view.state, address);
  const names = [...new Set([...known.map((one) => one.key), ...inventedKeys(view.lie, address)])];
  // with_info loses the filter on keys
  const shown = names.filter((key) => withInfo || keys === undefined || keys.includes(key));
  if (shown.length === 0) return text(404, "No aggregate found for this address");
  const data = Object.fromEntries(shown.map((key) => [key, aggregateTold(view, address, key) ?? {}]));
  const [only] = keys ?? [];
  if (query.flag("value_only") && keys?.length === 1 && only !== undefined) return json(data[only] ?? {});
  const info = withInfo ? Object.fromEntries(known.map((one) => [one.key, infoOf(one)])) : {};
  return json({ address, data, info });
}

function infoOf(aggregate: Aggregate): Json {
  const { hash, timeS } = aggregate.last;
  const times = { created: isoOffset(toMs(aggregate.createdS)), last_updated: isoOffset(toMs(timeS)) };
  return { ...times, original_item_hash: hash, last_update_item_hash: hash };
}

export function listAggregates(view: View, asked: Asked): WireResponse {
  const query = new QueryReader(asked.query);
  const [keys, addresses] = [query.list("keys"), query.list("addresses")];
  const [pagination, page] = [query.whole("pagination", 20, { min: 1, max: 500 }), query.whole("page", 1, { min: 1 })];
  const order = query.oneOf("sortOrder", ["-1", "1"], "-1") === "1" ? 1 : -1;
  const byCreation = query.oneOf("sortBy", ["last_modified", "creation_time"], "last_modified") === "creation_time";
  if (query.refusal !== undefined) return query.refusal;
  const timeOf = (one: Aggregate): number => (byCreation ? one.createdS : one.last.timeS);
  const found = [...view.state.aggregates.values()]
    .filter((one) => (keys?.includes(one.key) ?? true) && (addresses?.includes(one.owner) ?? true))
    .sort((a, b) => order * (timeOf(a) - timeOf(b)));
  const cursor = query.text("cursor");
  const size = cursorPage(cursor, pagination);
  if (typeof size === "object") return size;
  if (size !== undefined) return aggregatesByCursor(view, found, cursor ?? "", size, timeOf);
  const about = { pagination_per_page: pagination, pagination_page: page, pagination_total: found.length };
  const aggregates = slice(found, { page, pagination }).map((one) => listed(view, one));
  return json({ aggregates, ...about, pagination_item: "aggregates" });
}

function aggregatesByCursor(
  view: View,
  found: readonly Aggregate[],
  cursor: string,
  size: number,
  timeOf: (one: Aggregate) => number,
): WireResponse {
  const after = decodeCursor(cursor);
  if (isAnswer(after)) return after;
  const from = found.findIndex((one) => one.key === after["k"] && one.owner === after["o"]) + 1;
  const shown = found.slice(from, from + size);
  const last = shown.at(-1);
  const more = last !== undefined && found.length > from + size;
  const next_cursor = more ? encodeCursor({ k: last.key, o: last.owner, t: isoOffset(toMs(timeOf(last))) }) : null;
  return json({ aggregates: shown.map((one) => listed(view, one)), pagination_per_page: size, next_cursor });
}

function listed(view: View, one: Aggregate): Json {
  const content = jsonbOrder(withEntries(view.lie, one.owner, one.key, one.content));
  const times = { created: isoOffset(toMs(one.createdS)), last_updated: isoOffset(toMs(one.last.timeS)) };
  return { address: one.owner, key: one.key, content, ...times };
}

export function readGranted(view: View, asked: Asked): WireResponse {
  const owner = asked.parts[0] ?? "";
  const grouped = new Map<string, Json[]>();
  for (const entry of entriesOf(aggregateTold(view, owner, "security"))) {
    const { address, ...rest } = entry;
    if (typeof address !== "string" || address === "") continue;
    grouped.set(address, [...(grouped.get(address) ?? []), rest]);
  }
  return authorizations(asked, grouped, owner, "grantee");
}

export function readReceived(view: View, asked: Asked): WireResponse {
  const delegate = asked.parts[0] ?? "";
  const grouped = new Map<string, Json[]>();
  for (const { owner, key } of view.state.aggregates.values()) {
    if (key !== "security") continue;
    const mine = entriesOf(aggregateTold(view, owner, key)).filter((entry) => entry["address"] === delegate);
    if (mine.length > 0) grouped.set(owner, mine.map(withoutAddress));
  }
  return authorizations(asked, grouped, delegate, "granter");
}

function withoutAddress(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== "address"));
}

const FILTERS: Readonly<Record<string, string>> = {
  types: "types",
  channels: "channels",
  chains: "chain",
  postTypes: "post_types",
  aggregateKeys: "aggregate_keys",
};

function authorizations(
  asked: Asked,
  grouped: ReadonlyMap<string, readonly Json[]>,
  address: string,
  other: string,
): WireResponse {
  const query = new QueryReader(asked.query);
  const [pagination, page] = [query.whole("pagination", 20, { min: 1, max: 500 }), query.whole("page", 1, { min: 1 })];
  if (query.refusal !== undefined) return query.refusal;
  const only = query.text(other);
  const filters = Object.entries(FILTERS).flatMap(([name, field]) => {
    const wanted = query.list(name);
    return wanted === undefined ? [] : [{ field, wanted }];
  });
  const kept = [...grouped]
    .filter(([name]) => only === undefined || name === only)
    .map(
      ([name, entries]) =>
        [name, entries.filter((entry) => filters.every((one) => mentions(entry, one.field, one.wanted)))] as const,
    )
    .filter(([, entries]) => entries.length > 0);
  const about = { pagination_page: page, pagination_per_page: pagination, pagination_total: kept.length };
  const shown = Object.fromEntries(slice(kept, { page, pagination }));
  return json({ authorizations: shown, ...about, pagination_item: "authorizations", address });
}

function mentions(entry: Json, field: string, wanted: readonly string[]): boolean {
  const value = isObject(entry) ? entry[field] : undefined;
  if (typeof value === "string") return wanted.includes(value);
  return isList(value) && value.some((one) => typeof one === "string" && wanted.includes(one));
}

function entriesOf(security: JsonObject | undefined): readonly JsonObject[] {
  const entries = security?.["authorizations"];
  return isList(entries) ? entries.filter(isObject) : [];
}
