import { refuse } from "../../src/errors.ts";
import "./workers-module.ts";
import { OAuthError, type OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { sha256 } from "../../src/crypto/hash.ts";
import { toBase64Url, utf8 } from "../../src/crypto/bytes.ts";
import { createApp } from "../../src/web/app.ts";
import { createProvider, isUsableRedirect, providerOptions } from "../../src/web/provider.ts";
import { ACCOUNT } from "./account.ts";
import { Browser, type House, ORIGIN, alice, body, config, countingRandom, openConsent, signInFor } from "./browser.ts";
import { FakeHistory } from "./fake-history.ts";
import { FakeFront } from "./fake-front.ts";

const DAY_MS = 86_400_000;
const GRANT = "gr_aaaaaaaaaaaaaaaaaaaaaaaaaa";

describe("providerOptions", () => {
  const front = new FakeFront();
  const clock = { nowMs: () => 1_000_000, alarmAtMs: (dueMs: number) => dueMs };
  const options = providerOptions({ config, front, clock });
  const exchange = (props: unknown) => options.tokenExchangeCallback({ props });

  test("are those of the design: one resource, four scopes, fifteen minutes, thirty days", () => {
    expect(options).toMatchObject({
      apiRoute: "/mcp",
      authorizeEndpoint: "/authorize",
      tokenEndpoint: "/oauth/token",
      clientRegistrationEndpoint: "/oauth/register",
      scopesSupported: ["vm:read", "vm:create", "funds:topup", "offline_access"],
      resourceMetadata: { resource: `${ORIGIN}/mcp`, authorization_servers: [ORIGIN] },
      accessTokenTTL: 900,
      refreshTokenTTL: 2_592_000,
      refreshTokenIdleTTL: 2_592_000,
    });
    expect(Object.keys(options)).not.toContain("resolveExternalToken");
  });

  test("clients' metadata is fetched on the real network only", () => {
    expect(options.clientIdMetadataDocumentEnabled).toBe(true);
    const twin = providerOptions({ config: { ...config, NETWORK: "twin" }, front, clock });
    expect(twin.clientIdMetadataDocumentEnabled).toBe(false);
  });

  test.each([
    [100 * DAY_MS, 2_592_000, 900],
    [10 * DAY_MS, 864_000, 900],
    [300_000, 300, 300],
    [60_000, 60, 60],
  ])("a grant with %s ms left gets a login of %s s and a token of %s s", async (leftMs, loginS, tokenS) => {
    front.standing = { state: "active", expiresAtMs: 1_000_000 + leftMs };
    expect(await exchange({ account: ACCOUNT, grant_id: GRANT, junk: 1 })).toEqual({
      newProps: { account: ACCOUNT, grant_id: GRANT, login_expires_at_ms: 1_000_000 + loginS * 1_000 },
      accessTokenTTL: tokenS,
      refreshTokenTTL: loginS,
      refreshTokenIdleTTL: loginS,
    });
    expect(front.calls.at(-1)?.ask).toEqual({ account: ACCOUNT, grantId: GRANT });
  });

  test("a revoked, unknown, run-out or nameless grant gets invalid_grant, a frozen one goes on", async () => {
    const live = { account: ACCOUNT, grant_id: GRANT };
    const refuses = async (props: unknown) => {
      const error = await exchange(props).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(OAuthError);
      expect((error as OAuthError).code).toBe("invalid_grant");
    };
    front.standing = { state: "revoked", expiresAtMs: 9e15 };
    await refuses(live);
    front.standing = null;
    await refuses(live);
    front.standing = { state: "active", expiresAtMs: 1_000_000 + 59_999 };
    await refuses(live);
    front.standing = { state: "frozen", expiresAtMs: 9e15 };
    expect(await exchange(live)).toMatchObject({ accessTokenTTL: 900 });
    await refuses({ account: ACCOUNT });
    await refuses(null);
  });

  test("registering is held back when the lane is full", async () => {
    const limiter = { take: async (_lane: "owner", key: string) => key !== "register:192.0.2.7" };
    const { clientRegistrationCallback: register } = providerOptions({ config, front, clock, limiter });
    const request = (ip: string) =>
      new Request(`${ORIGIN}/oauth/register`, { method: "POST", headers: { "CF-Connecting-IP": ip } });
    const clientMetadata = { redirect_uris: ["https://a.example/cb"] };
    expect(await register({ clientMetadata, request: request("192.0.2.7") })).toMatchObject({ status: 429 });
    expect(await register({ clientMetadata, request: request("192.0.2.8") })).toBeUndefined();
  });
});

describe("isUsableRedirect", () => {
  test.each([
    "https://client.example/cb",
    "http://localhost:3118/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:1/cb",
    "cursor://anysphere.cursor/cb",
  ])("%s is", (uri) => {
    expect(isUsableRedirect(uri)).toBe(true);
  });

  test.each([
    "http://client.example/cb",
    "http://localhost.evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "\u0001javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "https://user:pass@client.example/cb",
    "https://client.example/cb#x",
    "https://client.example\\@evil.example",
    "https://client.example/\u202ecb",
    "not a url",
    "",
    7,
    null,
  ])("%j is not", (uri) => {
    expect(isUsableRedirect(uri)).toBe(false);
  });
});

/** The library itself over a KV in memory; its tokens and handles run on the machine's clock. */
describe("the whole way of a login", () => {
  const redirect = "https://client.example/cb";
  const verifier = "v".repeat(43);
  let front: FakeFront;
  let fetch: (request: Request) => Promise<Response>;

  beforeEach(() => {
    front = new FakeFront();
    const clock = { nowMs: () => Date.now(), alarmAtMs: (dueMs: number) => dueMs };
    const env = { OAUTH_KV: memoryKv() } as { OAUTH_KV: unknown; OAUTH_PROVIDER?: OAuthHelpers };
    const limiter = { take: async () => true };
    const app = createApp({
      config,
      front,
      publicFront: { network: async () => refuse("network.unreachable") },
      history: new FakeHistory(),
      clock,
      random: countingRandom(),
      oauth: (c) => c.env.OAUTH_PROVIDER,
      pageScripts: [],
      limiter,
    });
    const provider = createProvider<typeof env>({ config, front, clock }, {
      apiHandler: {
        fetch: async (_request: Request, _env: unknown, ctx: unknown) =>
          Response.json((ctx as { props: unknown }).props),
      },
      defaultHandler: {
        fetch: async (request: Request, bound: unknown, ctx: unknown) =>
          app.fetch(request, bound as never, ctx as never),
      },
    } as never);
    const ctx = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
    fetch = (request) => provider.fetch(request as never, env as never, ctx as never);
  });

  const call = (path: string, init: RequestInit = {}) => fetch(new Request(new URL(path, ORIGIN), init));
  const register = async (metadata: Record<string, unknown>) =>
    call("/oauth/register", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token_endpoint_auth_method: "none", ...metadata }),
    });
  const token = (fields: Record<string, string>) =>
    call("/oauth/token", { method: "POST", body: new URLSearchParams({ resource: `${ORIGIN}/mcp`, ...fields }) });

  async function visit(scope = "vm:read"): Promise<{ browser: Browser; clientId: string; path: string }> {
    const clientId = String(
      (await body(await register({ client_name: "Real <client>", redirect_uris: [redirect] })))["client_id"],
    );
    const query = {
      response_type: "code",
      client_id: clientId,
      redirect_uri: redirect,
      scope,
      state: "s",
      resource: `${ORIGIN}/mcp`,
      code_challenge: toBase64Url(sha256(utf8(verifier))),
      code_challenge_method: "S256",
    };
    const browser = new Browser({ app: { request: fetch } } as unknown as House);
    return { browser, clientId, path: `/authorize?${new URLSearchParams(query)}` };
  }

  async function connect(scopes: readonly string[]): Promise<{ clientId: string; code: string }> {
    const { browser, clientId, path } = await visit();
    const get = browser.get.bind(browser);
    vi.spyOn(browser, "get").mockImplementationOnce(() => get(path));
    const { handle, page } = await openConsent(browser);
    expect(page).toContain("Real &lt;client&gt; asks for a compute budget");
    const { csrf } = await signInFor(browser, handle, alice);
    const form: [string, string][] = [
      ["handle", handle],
      ["csrf", csrf],
      ["verdict", "allow"],
      ["agent", "new"],
      ["budget_usd", "5"],
    ];
    const done = await browser.form("/authorize", [
      ...form,
      ...scopes.map((scope): [string, string] => ["scope", scope]),
    ]);
    const location = new URL(done.headers.get("Location") ?? "");
    expect([
      done.status,
      location.origin,
      location.searchParams.get("iss"),
      location.searchParams.get("state"),
    ]).toEqual([302, "https://client.example", ORIGIN, "s"]);
    return { clientId, code: location.searchParams.get("code") ?? "" };
  }

  test("register, consent, exchange, call, refresh; the scopes are those that were ticked", async () => {
    const { clientId, code } = await connect(["vm:create"]);
    const first = await body<Record<string, string>>(
      await token({
        grant_type: "authorization_code",
        client_id: clientId,
        code,
        redirect_uri: redirect,
        code_verifier: verifier,
      }),
    );
    expect(first).toMatchObject({ scope: "vm:read vm:create", expires_in: 900 });
    const called = await call("/mcp", { headers: { Authorization: `Bearer ${first["access_token"]}` } });
    expect(await body(called)).toMatchObject({
      account: ACCOUNT,
      grant_id: "gr_new",
      login_expires_at_ms: expect.any(Number),
    });
    const again = await body(
      await token({ grant_type: "refresh_token", client_id: clientId, refresh_token: first["refresh_token"] ?? "" }),
    );
    expect(again).toMatchObject({ scope: "vm:read vm:create" });
  });

  test("a grant that was revoked gets no further token", async () => {
    const { clientId, code } = await connect(["vm:create"]);
    const first = await body<Record<string, string>>(
      await token({
        grant_type: "authorization_code",
        client_id: clientId,
        code,
        redirect_uri: redirect,
        code_verifier: verifier,
      }),
    );
    front.standing = { state: "revoked", expiresAtMs: 9e15 };
    const refused = await token({
      grant_type: "refresh_token",
      client_id: clientId,
      refresh_token: first["refresh_token"] ?? "",
    });
    expect([refused.status, (await body(refused))["error"]]).toEqual([400, "invalid_grant"]);
  });

  test("an unknown client or a foreign redirect is shown here and never redirected to", async () => {
    const { browser, path } = await visit();
    for (const changed of [
      path.replace(/client_id=[^&]+/, "client_id=unknown"),
      path.replace("client.example", "evil.example"),
    ]) {
      const answer = await browser.get(changed);
      expect([answer.status, answer.headers.get("Location")]).toEqual([400, null]);
      expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    }
  });

  test("a foreign resource goes back to the client as invalid_target", async () => {
    const { browser, path } = await visit();
    const answer = await browser.get(path.replace("%2Fmcp", "%2Fother"));
    expect(answer.status).toBe(302);
    expect(answer.headers.get("Location")).toMatch(/^https:\/\/client\.example\/cb\?error=invalid_target/);
  });

  test("a registration with a script for a redirect is refused", async () => {
    for (const uris of [
      ["javascript:alert(1)"],
      ["https://ok.example/cb", "http://evil.example/cb"],
      [],
      "https://x.example",
      undefined,
    ]) {
      const answer = await register({ client_name: "x", redirect_uris: uris });
      expect(answer.status).toBe(400);
    }
    expect((await register({ client_name: "x".repeat(201), redirect_uris: [redirect] })).status).toBe(400);
  });
});

function memoryKv() {
  const rows = new Map<string, string>();
  return {
    get: async (key: string, how?: unknown) => {
      const row = rows.get(key) ?? null;
      const asJson = how === "json" || (how as { type?: string } | undefined)?.type === "json";
      return row !== null && asJson ? JSON.parse(row) : row;
    },
    put: async (key: string, value: string) => void rows.set(key, value),
    delete: async (key: string) => void rows.delete(key),
    list: async ({ prefix = "" }: { prefix?: string } = {}) => ({
      keys: [...rows.keys()].filter((name) => name.startsWith(prefix)).map((name) => ({ name })),
      list_complete: true,
    }),
  };
}
