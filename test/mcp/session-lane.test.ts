import { describe, expect, it } from "vitest";
import type { Login } from "../../src/mcp/caller.ts";
import { call, connect, house, login, ORIGIN } from "./connect.ts";
import { fakeFront, NOW_MS } from "./fake-front.ts";

const canBeAsked = async () => ({ action: "cancel" as const });
const HEADERS = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  host: "allowance.example",
};
const balance = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "aleph_check_balance", arguments: {} } };

function inSession(id: string, body: unknown = balance): Request {
  return new Request(`${ORIGIN}/mcp`, {
    method: "POST",
    headers: { ...HEADERS, "mcp-session-id": id },
    body: JSON.stringify(body),
  });
}
const as = (account: string, grant_id: string): Login => ({ ...login, props: { account, grant_id } });

describe("SessionLane", () => {
  it("serves the account and grant that opened it, and is not there for any other", async () => {
    const at = house();
    const { transport } = await connect(at, "legacy", login, canBeAsked);
    const id = transport.sessionId ?? "";
    const statuses = [];
    for (const who of [login, as("account", "gr_2"), as("other", "gr_1")])
      statuses.push((await at.serve(inSession(id), null, who)).status);
    expect(statuses).toEqual([200, 404, 404]);
    const foreign = await at.serve(inSession(id), null, as("other", "gr_1"));
    const unknown = await at.serve(inSession(`ms_${"a".repeat(26)}`), null, login);
    expect(await foreign.text()).toBe(await unknown.text());
  });
  it("is not opened by an initialize that brings its own id", async () => {
    const at = house();
    const id = `ms_${"a".repeat(26)}`;
    const initialize = {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-06-18",
        capabilities: { elicitation: {} },
        clientInfo: { name: "x", version: "1" },
      },
    };
    expect((await at.serve(inSession(id, initialize), null, login)).status).toBe(404);
    expect(at.sessions.get(id)?.store.size).toBe(0);
  });
  it("keeps the connection over an eviction, with what the client said of itself", async () => {
    const { front, asked } = fakeFront();
    const at = house(front);
    const { client } = await connect(at, "legacy", login, canBeAsked);
    at.evict();
    expect((await call(client, "aleph_check_balance")).data).toMatchObject({ status: "ok" });
    expect(asked).toHaveLength(1);
  });
  it("uses the scopes and the end of login of the present token, not of the one that opened it", async () => {
    const { front, asked } = fakeFront();
    const at = house(front);
    const { transport } = await connect(at, "legacy", login, canBeAsked);
    const later: Login = {
      props: { account: "account", grant_id: "gr_1", login_expires_at_ms: NOW_MS },
      auth: { clientId: "c", scope: ["vm:read"] },
    };
    const response = await at.serve(inSession(transport.sessionId ?? ""), null, later);
    expect(await response.text()).toContain("login_expires_at");
    expect(asked[0]?.caller).toEqual({
      account: "account",
      grantId: "gr_1",
      scopes: ["vm:read"],
      loginExpiresAtMs: NOW_MS,
    });
  });
  it("ends a day after the last call, and when the client says goodbye", async () => {
    const at = house();
    const { transport } = await connect(at, "legacy", login, canBeAsked);
    const made = at.sessions.get(transport.sessionId ?? "");
    expect(made?.alarmAtMs).toBe(NOW_MS + 24 * 3_600_000);
    await made?.lane.end();
    expect((await at.serve(inSession(transport.sessionId ?? ""), null, login)).status).toBe(404);

    const second = await connect(at, "legacy", login, canBeAsked);
    const id = second.transport.sessionId ?? "";
    await second.transport.terminateSession();
    expect((await at.serve(inSession(id), null, login)).status).toBe(404);
  });
});
