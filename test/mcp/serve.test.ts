import { describe, expect, it } from "vitest";
import { createServe } from "../../src/mcp/serve.ts";
import { createServer } from "../../src/mcp/server.ts";
import { call, connect, fetchInto, house, login, MODERN, ORIGIN } from "./connect.ts";
import { fakeFront } from "./fake-front.ts";

const HEADERS = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  host: "allowance.example",
};
const list = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
const topUp = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "aleph_top_up_credits", arguments: { amount_usd: 5 } },
};

function post(body: unknown, headers: Record<string, string> = {}, method = "POST"): Request {
  const text = method === "POST" ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {};
  return new Request(`${ORIGIN}/mcp`, { method, headers: { ...HEADERS, ...headers }, ...text });
}
const withScope = (...scope: string[]) => ({ ...login, auth: { clientId: "c", scope } });

describe("createServe", () => {
  const { serve, sessions } = house();
  it.each(["GET", "PUT", "OPTIONS"])("refuses %s, so that no idle stream holds an object", async (method) => {
    const refused = await serve(post("", {}, method), null, login);
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST, DELETE"]);
  });
  it.each([
    { host: "evil.example" },
    { host: "allowance.example.evil.example" },
    { origin: "https://evil.example" },
    { origin: "null" },
    { host: "localhost:8787" },
  ])("refuses %j on both lanes", async (header) => {
    expect((await serve(post(list, header), null, login)).status).toBe(403);
    expect((await serve(post(list, { ...header, "mcp-session-id": `ms_${"a".repeat(26)}` }), null, login)).status).toBe(
      403,
    );
    expect(sessions.size).toBe(0);
  });
  it("answers a call with our own origin, and one with none", async () => {
    expect((await serve(post(list, { origin: ORIGIN }), null, login)).status).toBe(200);
    expect((await serve(post(list), null, login)).status).toBe(200);
  });
  it("takes every loopback name when it runs on loopback itself", async () => {
    const { front } = fakeFront();
    const deps = {
      front,
      origin: "http://localhost:8787",
      network: "twin",
      limiter: { take: async () => true },
    } as const;
    const session = () => {
      throw new Error("not this lane");
    };
    const local = createServe<null>({
      origin: deps.origin,
      random: { bytes: (length) => new Uint8Array(length) },
      createServer: (props) => createServer(props, deps),
      session,
    });
    const request = new Request("http://127.0.0.1:8787/mcp", {
      method: "POST",
      headers: { ...HEADERS, host: "127.0.0.1:8787" },
      body: JSON.stringify(list),
    });
    expect((await local(request, null, login)).status).toBe(200);
  });
  it("refuses what is larger than any honest call", async () => {
    expect((await serve(post(`"${"x".repeat(262_144)}"`), null, login)).status).toBe(413);
  });
  it("refuses what is not JSON", async () => expect((await serve(post("{"), null, login)).status).toBe(400));
  it("refuses a login without account and grant", async () => {
    expect((await serve(post(list), null, {})).status).toBe(401);
    expect((await serve(post(list), null, { ...login, props: { account: "account" } })).status).toBe(401);
  });
  it.each([[[]], [["vm:create", "funds:topup"]], [["offline_access"]]])(
    "refuses a token with only %j",
    async (scope) => {
      const refused = await serve(post(list), null, withScope(...scope));
      expect(refused.status).toBe(403);
      expect(refused.headers.get("www-authenticate")).toBe(
        `Bearer error="insufficient_scope", scope="vm:read", resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp"`,
      );
    },
  );
  it.each([[topUp], [[list, topUp]]])(
    "asks for funds:topup by HTTP, naming what the token already has",
    async (body) => {
      const refused = await serve(post(body), null, withScope("vm:read", "vm:create"));
      expect(refused.status).toBe(403);
      expect(refused.headers.get("www-authenticate")).toContain(`scope="vm:read vm:create funds:topup"`);
    },
  );
  it("lets a token with funds:topup through to the tool", async () => {
    const { client } = await connect(house(), MODERN, withScope("vm:read", "funds:topup"));
    expect((await call(client, "aleph_top_up_credits", { amount_usd: 5 })).data).toMatchObject({ status: "quote" });
  });
  it("opens a connection only for a 2025 client that can be asked", async () => {
    const plain = house();
    expect((await connect(plain, "legacy")).transport.sessionId).toBeUndefined();
    expect(
      (await connect(plain, MODERN, login, async () => ({ action: "cancel" }))).transport.sessionId,
    ).toBeUndefined();
    expect(plain.sessions.size).toBe(0);
    const { transport } = await connect(plain, "legacy", login, async () => ({ action: "cancel" }));
    expect(transport.sessionId).toMatch(/^ms_[a-z2-7]{26}$/);
  });
  it("does not touch an object for an id that we never made", async () => {
    const at = house();
    expect((await at.serve(post(list, { "mcp-session-id": "../account" }), null, login)).status).toBe(404);
    expect(at.sessions.size).toBe(0);
  });
  it("keeps grants apart when their calls cross", async () => {
    const { front, asked } = fakeFront();
    const at = house(front);
    const as = (grant_id: string) => connect(at, MODERN, { ...login, props: { account: "account", grant_id } });
    const clients = await Promise.all(["gr_1", "gr_2", "gr_3"].map(as));
    await Promise.all(clients.map(({ client }) => call(client, "aleph_check_balance")));
    expect(asked.map(({ caller }) => (caller as { grantId: string }).grantId).sort()).toEqual(["gr_1", "gr_2", "gr_3"]);
  });
  it("serves stateless calls of both protocol versions through one handler", async () => {
    const response = await fetchInto(house())(`${ORIGIN}/mcp`, {
      method: "POST",
      headers: HEADERS,
      body: JSON.stringify(list),
    });
    expect(await response.text()).toContain("aleph_check_balance");
  });
});
