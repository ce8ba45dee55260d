/** Which path leads to which endpoint, what browsers of other origins may do, and the framework's own refusals. Pure. */
import { listAggregates, readAggregates, readGranted, readReceived } from "./read-aggregates.ts";
import { listHashes, listMessages } from "./message-lists.ts";
import { readConsumed, readContent, readMessage, readStatus } from "./read-messages.ts";
import { listCreditBalances, readBalance, readHistory, readHistorySummary } from "./read-money.ts";
import { listPostsV0, listPostsV1 } from "./read-posts.ts";
import { estimateInstance, estimateMessage, readCosts, readPrice } from "./read-prices.ts";
import { addFile, addJson, publishOld, readRaw, STORAGE_LIMITS, submitMessage } from "./submit.ts";
import type { Handler, View } from "./view.ts";
import { isDelayed } from "../wire.ts";
import { json, plain, text } from "./wire.ts";
import type { Answer, WireRequest, WireResponse } from "../wire.ts";

type Route = { readonly method: "GET" | "POST"; readonly path: RegExp; readonly handler: Handler };

const BODY_BYTES_MAX = 1_048_576;
const version: Handler = (view) => json({ version: view.version });

/** `*` stands for one part of a path. Literal paths come before those that would swallow them. */
const ROUTES: readonly Route[] = [
  route("GET", "/version", version),
  route("GET", "/api/v0/version", version),
  route("POST", "/api/v0/messages", submitMessage),
  route("POST", "/api/v0/ipfs/pubsub/pub", publishOld),
  route("POST", "/api/v0/p2p/pubsub/pub", publishOld),
  route("GET", "/api/v0/messages.json", listMessages),
  route("GET", "/api/v0/messages/page/*.json", listMessages),
  route("GET", "/api/v0/messages/hashes", listHashes),
  route("GET", "/api/v0/messages/*", readMessage),
  route("GET", "/api/v0/messages/*/status", readStatus),
  route("GET", "/api/v0/messages/*/content", readContent),
  route("GET", "/api/v0/messages/*/consumed_credits", readConsumed),
  route("GET", "/api/v0/aggregates.json", listAggregates),
  route("GET", "/api/v0/aggregates", listAggregates),
  route("GET", "/api/v0/aggregates/*.json", readAggregates),
  route("GET", "/api/v0/authorizations/granted/*.json", readGranted),
  route("GET", "/api/v0/authorizations/received/*.json", readReceived),
  route("GET", "/api/v0/posts.json", listPostsV0),
  route("GET", "/api/v0/posts/page/*.json", listPostsV0),
  route("GET", "/api/v1/posts.json", listPostsV1),
  route("GET", "/api/v1/posts/page/*.json", listPostsV1),
  route("GET", "/api/v0/addresses/*/balance", readBalance),
  route("GET", "/api/v0/addresses/*/credit_history", readHistory),
  route("GET", "/api/v0/addresses/*/credit_history/summary", readHistorySummary),
  route("GET", "/api/v0/credit_balances", listCreditBalances),
  route("GET", "/api/v0/costs", readCosts),
  route("GET", "/api/v0/price/*", readPrice),
  route("POST", "/api/v0/price/estimate", estimateMessage),
  route("POST", "/api/v0/price/estimate/instance", estimateInstance),
  route("POST", "/api/v0/storage/add_json", addJson),
  route("POST", "/api/v0/ipfs/add_json", addJson),
  route("POST", "/api/v0/storage/add_file", addFile),
  route("POST", "/api/v0/ipfs/add_file", addFile),
  route("GET", "/api/v0/storage/limits.json", () => json(STORAGE_LIMITS)),
  route("GET", "/api/v0/storage/raw/*", readRaw),
];

function route(method: Route["method"], path: string, handler: Handler): Route {
  const pattern = path.replaceAll(".", String.raw`\.`).replaceAll("*", "([^/]+)");
  return { method, path: new RegExp(`^${pattern}$`), handler };
}

export function respond(view: View, request: WireRequest): Answer {
  const origin = headerOf(request, "origin");
  if (request.method === "OPTIONS") return preflight(request, origin);
  const answer = dispatch(view, request);
  if (!isDelayed(answer)) return withOrigin(answer, origin);
  return { after: answer.after, finish: (nowMs) => withOrigin(answer.finish(nowMs), origin) };
}

function dispatch(view: View, request: WireRequest): Answer {
  const url = new URL(request.path, "http://core.invalid");
  const path = decoded(url.pathname);
  const fitting = ROUTES.filter((one) => one.path.test(path));
  if (fitting.length === 0) return plain(404);
  const wanted = request.method === "HEAD" ? "GET" : request.method;
  const chosen = fitting.find((one) => one.method === wanted);
  if (chosen === undefined) return plain(405);
  if (new TextEncoder().encode(request.body).length > BODY_BYTES_MAX) {
    return text(413, `Maximum request body size ${BODY_BYTES_MAX} exceeded.`);
  }
  const parts = chosen.path.exec(path)?.slice(1) ?? [];
  const answer = chosen.handler(view, { parts, query: url.searchParams, body: request.body });
  return request.method === "HEAD" && !isDelayed(answer) ? { ...answer, body: "" } : answer;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function withOrigin(answer: WireResponse, origin: string | undefined): WireResponse {
  if (origin === undefined) return answer;
  const allowed = {
    "Access-Control-Expose-Headers": "Connection,Server,Content-Length,Date",
    "Access-Control-Allow-Origin": origin,
  };
  return { ...answer, headers: { ...answer.headers, ...allowed } };
}

function preflight(request: WireRequest, origin: string | undefined): WireResponse {
  const method = headerOf(request, "access-control-request-method");
  if (origin === undefined || method === undefined) {
    return text(403, "CORS preflight request failed: origin header is not specified in the request");
  }
  const asked = headerOf(request, "access-control-request-headers");
  const headers = {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Methods": method,
    ...(asked === undefined ? {} : { "Access-Control-Allow-Headers": asked.toUpperCase() }),
  };
  return { status: 200, contentType: "", body: "", headers };
}

function headerOf(request: WireRequest, name: string): string | undefined {
  return Object.entries(request.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
