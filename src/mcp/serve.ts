/**
 * One URL for every client. Decides, before any tool runs: host, origin, size, login, scope, and the lane.
 *
 * Lanes: calls that belong to a connection of a 2025 client that can be asked go to its throw-away object; everything
 * else is stateless. A standing GET stream is refused: it would keep an object running for each idle client.
 */
import {
  isLegacyRequest,
  localhostAllowedHostnames,
  readRequestBody,
  hostHeaderValidationResponse,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import type { AuthInfo, McpHttpHandler, McpServer } from "@modelcontextprotocol/server";
import { createMcpHandler } from "agents/mcp/server";
import type { Scope } from "../account/types.ts";
import { randomId } from "../crypto/bytes.ts";
import { AllowanceError } from "../errors.ts";
import type { Random } from "../ports.ts";
import { authInfoOf, presentProps, propsOf, scopesOf } from "./caller.ts";
import type { Login, Props } from "./caller.ts";
import { noSuchSession, rpcError } from "./rpc-error.ts";
import type { Limiter } from "./server.ts";
import type { SessionCall } from "./session-lane.ts";
import { TOOLS } from "./tools/all.ts";

export type SessionStub = { handle(request: Request, call: SessionCall): Promise<Response> };

export type ServeAsk<E> = {
  /** As clients know us; hosts and origins are derived from it. */
  readonly origin: string;
  readonly random: Random;
  readonly createServer: (props: Props) => McpServer;
  /** The object of one connection, by its name. */
  readonly session: (env: E, id: string) => SessionStub;
  /** Counts new connections as calls, since each one stores something. */
  readonly limiter?: Limiter;
};

export type Serve<E> = (request: Request, env: E, login: Login) => Promise<Response>;

/** The largest honest call holds one SSH key and a dozen short values. */
const BODY_BYTES_MAX = 262_144;
const ROUTE = "/mcp";
const SESSION_ID = /^ms_[a-z2-7]{26}$/;
/** Scopes that a client may ask the owner for in mid-flight; a lack of any other one is told by the tool. */
const STEP_UP: readonly Scope[] = ["funds:topup"];

export function createServe<E>(ask: ServeAsk<E>): Serve<E> {
  const hosts = hostsOf(ask.origin);
  const stateless = statelessHandler(ask, hosts);
  return async (request, env, login) => {
    const foreign = hostHeaderValidationResponse(request, hosts) ?? originValidationResponse(request, hosts);
    if (foreign !== undefined) return foreign;
    if (request.method !== "POST" && request.method !== "DELETE")
      return rpcError(405, -32_000, "Method not allowed.", { allow: "POST, DELETE" });
    const props = propsOf(login);
    if (props === undefined) return challenge(ask.origin, 401, "invalid_token");
    if (!scopesOf(login).includes("vm:read")) return challenge(ask.origin, 403, "insufficient_scope", ["vm:read"]);
    const read = await readBody(request);
    if (read instanceof Response) return read;
    const stepUp = scopeToAskFor(read.body, scopesOf(login));
    if (stepUp !== undefined)
      return challenge(ask.origin, 403, "insufficient_scope", [...new Set([...scopesOf(login), "vm:read", stepUp])]);
    const call = { ...read, props, authInfo: authInfoOf(login, props) };
    return (
      (await sessionAnswer(ask, env, call)) ??
      stateless(read.request, { authInfo: call.authInfo, ...(read.body !== undefined && { parsedBody: read.body }) })
    );
  };
}

/** Request with its body in memory: as text for forwarding, parsed for deciding. */
type Read = { readonly request: Request; readonly body: unknown };

type Call = Read & { readonly props: Props; readonly authInfo: AuthInfo };

/** Undefined when the call belongs to no connection and opens none. */
async function sessionAnswer<E>(ask: ServeAsk<E>, env: E, call: Call): Promise<Response | undefined> {
  const { request, props, authInfo } = call;
  const given = request.headers.get("mcp-session-id");
  if (given !== null) {
    return SESSION_ID.test(given)
      ? ask.session(env, given).handle(request, { id: given, isNew: false, props, authInfo })
      : noSuchSession();
  }
  if (!(await opensSession(call))) return undefined;
  if (ask.limiter !== undefined && !(await ask.limiter.take("calls", props.grant_id))) {
    return rpcError(429, -32_000, "Too many calls in the last minute.", { "retry-after": "60" });
  }
  const id = randomId("ms", ask.random);
  return ask.session(env, id).handle(request, { id, isNew: true, props, authInfo });
}

function statelessHandler<E>(ask: ServeAsk<E>, hosts: string[]): McpHttpHandler["fetch"] {
  const serverFor = (authInfo: AuthInfo | undefined): McpServer => {
    const props = presentProps(authInfo);
    if (props === undefined) throw new AllowanceError("internal.invariant", { missing: "props" });
    return ask.createServer(props);
  };
  const options = { route: ROUTE, corsOptions: false, allowedHostnames: hosts, allowedOriginHostnames: hosts } as const;
  const handler = createMcpHandler(({ authInfo }) => serverFor(authInfo), options);
  return (request, read) => handler.fetch(request, read);
}

/** A 2025 client that says it can be asked, at its first word. */
async function opensSession({ request, body }: Read): Promise<boolean> {
  if (request.method !== "POST" || !isRecord(body) || body["method"] !== "initialize") return false;
  const params = body["params"];
  const capabilities = isRecord(params) ? params["capabilities"] : undefined;
  return isRecord(capabilities) && isRecord(capabilities["elicitation"]) && isLegacyRequest(request, body);
}

async function readBody(request: Request): Promise<Read | Response> {
  const { url, method, headers } = request;
  if (method === "DELETE") return { request: new Request(url, { method, headers }), body: undefined };
  const read = await readRequestBody(request, BODY_BYTES_MAX);
  if (read.tooLarge) return rpcError(413, -32_000, "Request body too large.");
  try {
    const body: unknown = JSON.parse(read.text);
    // rebuilt without its abort signal, which cannot cross a call to an object
    return { request: new Request(url, { method, headers, body: read.text }), body };
  } catch {
    return rpcError(400, -32_700, "Parse error: the request body is not valid JSON.");
  }
}

/** The scope that one of these calls needs, lacks and can be asked for; a tool itself cannot change the HTTP status. */
function scopeToAskFor(body: unknown, scopes: readonly Scope[]): Scope | undefined {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
  return messages
    .map(scopeOf)
    .find((scope) => scope !== undefined && STEP_UP.includes(scope) && !scopes.includes(scope));
}

function scopeOf(message: unknown): Scope | undefined {
  if (!isRecord(message) || message["method"] !== "tools/call" || !isRecord(message["params"])) return undefined;
  const { name } = message["params"];
  return TOOLS.find((tool) => tool.name === name)?.scope;
}

function challenge(origin: string, status: 401 | 403, error: string, scopes: readonly string[] = []): Response {
  const scope = scopes.length === 0 ? "" : `, scope="${scopes.join(" ")}"`;
  const metadata = `resource_metadata="${origin}/.well-known/oauth-protected-resource${ROUTE}"`;
  const headers = { "www-authenticate": `Bearer error="${error}"${scope}, ${metadata}`, "cache-control": "no-store" };
  return Response.json({ error }, { status, headers });
}

function hostsOf(origin: string): string[] {
  const { hostname } = new URL(origin);
  const loopback = localhostAllowedHostnames();
  return loopback.includes(hostname) ? loopback : [hostname];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
