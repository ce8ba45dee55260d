/**
 * An owner and their agents, played over HTTP against the whole Worker: a cookie jar, a wallet, the contract of the
 * pages, the OAuth flow, and the official MCP client.
 */
import { exports } from "cloudflare:workers";
import { Client, type ElicitResult, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { toBase64Url, utf8 } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import type { TypedData } from "../../src/crypto/typed-data.ts";
import { inAccount } from "./evidence.ts";
import { House } from "./house.ts";
import { stage } from "./stage.ts";
import { DEFAULTS } from "../../src/web/policy-form.ts";

export const ORIGIN = "http://localhost:8787";
const HOST = new URL(ORIGIN).host;
const REDIRECT = "http://127.0.0.1:33418/callback";
const DAY_MS = 86_400_000;
const worker = (exports as unknown as { readonly default: Fetcher }).default;

export type Said = { readonly [key: string]: unknown };
export type Login = { readonly accessToken: string; readonly refreshToken: string; readonly clientId: string };
export type Era = "legacy" | { readonly pin: string };
export const MODERN: Era = { pin: "2026-07-28" };

export type ConnectAsk = {
  readonly scopes?: readonly string[];
  /** Fields of the limits form that differ from what a newcomer finds. */
  readonly limits?: Said;
};

/** The Worker's own fetch handler, behind the router; a request made by hand has no Host header. */
export const send = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
  worker.fetch(requestOf(input, init));

export function requestOf(input: string | URL | Request, init?: RequestInit): Request {
  const request = new Request(input instanceof Request ? input : new URL(input, ORIGIN), init);
  request.headers.set("host", HOST);
  return new Request(request, { redirect: "manual" });
}

export async function said(response: Response): Promise<Said> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Said;
}

export async function register(clientName: string, more: Said = {}, via: typeof send = send): Promise<Response> {
  const body = { client_name: clientName, redirect_uris: [REDIRECT], token_endpoint_auth_method: "none", ...more };
  const headers = { "content-type": "application/json" };
  return via("/oauth/register", { method: "POST", headers, body: JSON.stringify(body) });
}

export function authorizeQuery(clientId: string, verifier: string): URLSearchParams {
  return new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: REDIRECT,
    scope: "vm:read vm:create offline_access",
    state: "state",
    resource: `${ORIGIN}/mcp`,
    code_challenge: toBase64Url(sha256(utf8(verifier))),
    code_challenge_method: "S256",
  });
}

/** One browser; two of the same owner share a wallet and nothing else. */
export class Browser {
  readonly house: House;
  readonly address: string;
  readonly jar = new Map<string, string>();
  csrf = "";
  private readonly ip: string;
  private readonly via: typeof send;

  constructor(house: House = House.stranger(), via: typeof send = send) {
    this.house = house;
    this.via = via;
    this.address = house.session.owner;
    this.ip = `ip-of-${this.address}`;
  }

  get cookies(): string {
    return [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers({ cookie: this.cookies, "CF-Connecting-IP": this.ip });
    if (init.method === "POST") headers.set("origin", ORIGIN);
    if (init.method === "POST") headers.set("sec-fetch-site", "same-origin");
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    const response = await this.via(path, { ...init, headers });
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
    return response;
  }

  private keep(cookie: string): void {
    const [pair = ""] = cookie.split(";");
    const cut = pair.indexOf("=");
    if (/max-age=0/i.test(cookie)) this.jar.delete(pair.slice(0, cut));
    else this.jar.set(pair.slice(0, cut), pair.slice(cut + 1));
  }

  postJson(path: string, body: Said, headers: Record<string, string> = {}): Promise<Response> {
    const types = { "content-type": "application/json", accept: "application/json" };
    return this.fetch(path, { method: "POST", headers: { ...types, ...headers }, body: JSON.stringify(body) });
  }

  async post(path: string, body: Said): Promise<Said> {
    return said(await this.postJson(path, body));
  }

  async get(path: string): Promise<Said> {
    return said(await this.fetch(path, { headers: { accept: "application/json" } }));
  }

  form(path: string, fields: Record<string, string>): Promise<Response> {
    return this.fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  }

  /** Answers the challenge; the response says whether the owner is in. */
  async trySignIn(): Promise<Response> {
    const { text } = await this.post("/signin/challenge", { address: this.address });
    return this.postJson("/signin", { signature: this.house.signText(String(text)) });
  }

  async signIn(): Promise<this> {
    this.csrf = String((await said(await this.trySignIn()))["csrf"]);
    return this;
  }

  signTyped(typedData: unknown): string {
    return this.house.signTyped(JSON.parse(String(typedData)) as TypedData);
  }

  /** Registers a client, consents, signs the limits if there are none yet, and changes the code for tokens. */
  async connect(ask: ConnectAsk = {}): Promise<Login> {
    const clientId = String((await said(await register("Agent", {}, this.via)))["client_id"]);
    const verifier = toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
    const location = await this.consent(clientId, verifier, ask);
    const code = new URL(location).searchParams.get("code") ?? "";
    const fields = { grant_type: "authorization_code", code, redirect_uri: REDIRECT, code_verifier: verifier };
    return loginOf(clientId, await token({ ...fields, client_id: clientId }));
  }

  /** Where the client is sent to in the end. */
  private async consent(clientId: string, verifier: string, ask: ConnectAsk): Promise<string> {
    const handle = await this.openConsent(clientId, verifier);
    const { text } = await this.post("/authorize/challenge", { handle, address: this.address });
    const signed = { handle, signature: this.house.signText(String(text)) };
    const { csrf, overview } = await this.post("/authorize/sign-in", signed);
    const limits = (overview as Said)["policy"] === null ? await this.limits(handle, ask.limits) : {};
    const fields = { handle, csrf: String(csrf), verdict: "allow", agent: "new", budget_usd: "5", ...limits };
    const form = new URLSearchParams(fields);
    for (const scope of ask.scopes ?? ["vm:create"]) form.append("scope", scope);
    const done = await this.fetch("/authorize", { method: "POST", body: form });
    const location = done.headers.get("location");
    if (location === null) throw new Error(`no consent: ${done.status} ${(await done.text()).slice(0, 500)}`);
    return location;
  }

  async openConsent(clientId: string, verifier: string): Promise<string> {
    const page = await (await this.fetch(`/authorize?${authorizeQuery(clientId, verifier)}`)).text();
    const [, handle] = /name="handle"\s+value="([^"]+)"/.exec(page) ?? [];
    if (handle === undefined) throw new Error(`no consent page: ${page.slice(0, 500)}`);
    return handle;
  }

  private async limits(handle: string, change: Said = {}): Promise<Record<string, string>> {
    const expires_on = new Date(stage.nowMs + 89 * DAY_MS).toISOString().slice(0, 10);
    const offer = await this.post("/authorize/policy", { handle, draft: { ...DEFAULTS, expires_on, ...change } });
    return { policy_nonce: String(offer["nonce"]), policy_signature: this.signTyped(offer["typed_data"]) };
  }

  /** Credits on the twin, and the delegation in force. */
  async fund(credits = 50_000_000): Promise<void> {
    for (const core of stage.world.cores) core.grantCredits(this.address, credits, undefined, stage.nowMs);
    const toSign = (await this.get("/dashboard/funding"))["to_sign"] as Said;
    const signature = this.house.signText(String(toSign["text"]));
    const ticks = { ticked_everything: true, ticked_doubtful: true };
    await this.post("/dashboard/funding", { item_hash: toSign["item_hash"], signature, ...ticks });
    for (let tries = 0; tries < 20; tries++) {
      await this.house.advance(5);
      if ((await this.get("/dashboard/funding"))["state"] === "ok") return;
    }
    throw new Error("the delegation did not come into force");
  }

  /** Opens the agent's link and signs what it shows. */
  async approve(url: unknown): Promise<Said> {
    const { pathname } = new URL(String(url));
    const page = await this.get(pathname);
    const signature = this.signTyped(page["typed_data"]);
    return this.post(pathname, { nonce: page["nonce"], verdict: "approve", signature });
  }
}

function token(fields: Record<string, string>): Promise<Response> {
  return send("/oauth/token", { method: "POST", body: new URLSearchParams({ ...fields, resource: `${ORIGIN}/mcp` }) });
}

async function loginOf(clientId: string, response: Response): Promise<Login> {
  const { access_token, refresh_token } = await said(response);
  return { accessToken: String(access_token), refreshToken: String(refresh_token), clientId };
}

export function tryRefresh({ clientId, refreshToken }: Login): Promise<Response> {
  return token({ grant_type: "refresh_token", client_id: clientId, refresh_token: refreshToken });
}

export const refresh = async (login: Login): Promise<Login> => loginOf(login.clientId, await tryRefresh(login));

/** A message to `/mcp` as bare HTTP, for what a good client never sends. */
export function mcp(accessToken: string | null, body: Said, headers: Record<string, string> = {}): Promise<Response> {
  const bearer: Record<string, string> = accessToken === null ? {} : { authorization: `Bearer ${accessToken}` };
  const types = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  return send("/mcp", { method: "POST", headers: { ...types, ...bearer, ...headers }, body: JSON.stringify(body) });
}

export class Agent {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;

  private constructor(accessToken: string, era: Era, answering?: (url: string) => Promise<ElicitResult>) {
    const capabilities = answering === undefined ? {} : { elicitation: { url: {} } };
    this.client = new Client({ name: "test", version: "1" }, { capabilities, versionNegotiation: { mode: era } });
    if (answering !== undefined)
      this.client.setRequestHandler("elicitation/create", ({ params }) => answering("url" in params ? params.url : ""));
    const requestInit = { headers: { authorization: `Bearer ${accessToken}` } };
    this.transport = new StreamableHTTPClientTransport(new URL("/mcp", ORIGIN), { requestInit, fetch: send });
  }

  /** With `answering` the client says that it can show pages. */
  static async connect(
    { accessToken }: Login,
    era: Era = MODERN,
    answering?: (url: string) => Promise<ElicitResult>,
  ): Promise<Agent> {
    const agent = new Agent(accessToken, era, answering);
    await agent.client.connect(agent.transport);
    return agent;
  }

  /** The structured answer, refusals included: they are values. */
  async call(name: string, args: Said = {}): Promise<Said> {
    return ((await this.client.callTool({ name, arguments: args })).structuredContent ?? {}) as Said;
  }
}

const MOVING = "'REQUESTED', 'SENT', 'UNKNOWN', 'PROVISIONING', 'STOPPING'";

/** VMs that wait for time to pass, and with them the calls that ask for them. */
export async function moving(house: House): Promise<number> {
  const query = `SELECT count(*) AS n FROM vm WHERE state IN (${MOVING})`;
  return inAccount(house, (sql) => sql.exec<{ n: number }>(query).one().n);
}

/** Everybody else's turn: a loop of calls to objects alone would never let the platform's own events happen. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Lets the stage's time pass while a call waits for a VM, and only then. */
export async function passing<T>(house: House, work: Promise<T>): Promise<T> {
  let over = false;
  const ended = work.finally(() => (over = true));
  while (!over) {
    if ((await moving(house)) > 0) await house.advance(5);
    await turn();
  }
  return ended;
}
