/** The real client against our serve code, both lanes in memory: connections live in a Map instead of Durable Objects. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { ClientCapabilities, ElicitResult } from "@modelcontextprotocol/client";
import type { AgentFront } from "../../src/account/contract.ts";
import type { Login } from "../../src/mcp/caller.ts";
import { createServer } from "../../src/mcp/server.ts";
import type { Deps } from "../../src/mcp/server.ts";
import { createServe } from "../../src/mcp/serve.ts";
import type { Serve } from "../../src/mcp/serve.ts";
import { SessionLane } from "../../src/mcp/session-lane.ts";
import type { Random } from "../../src/ports.ts";
import { fakeFront, NOW_MS } from "./fake-front.ts";

export const ORIGIN = "https://allowance.example";
export const ALL = ["vm:read", "vm:create", "funds:topup"] as const;
export const login: Login = {
  props: { account: "account", grant_id: "gr_1" },
  auth: { clientId: "client", scope: ALL },
};

type Made = { readonly store: Map<string, unknown>; alarmAtMs: number | null; lane: SessionLane };
export type House = { readonly serve: Serve<null>; readonly sessions: Map<string, Made>; readonly evict: () => void };

/** Bytes that only have to differ from call to call. */
function counting(): Random {
  let calls = 0;
  return { bytes: (length) => new Uint8Array(length).fill((calls += 1)) };
}

export function house(front: AgentFront = fakeFront().front, deps: Partial<Deps> = {}): House {
  const all: Deps = { front, origin: ORIGIN, network: "twin", limiter: { take: async () => true }, ...deps };
  const sessions = new Map<string, Made>();
  const newLane = (made: Pick<Made, "store"> & { alarmAtMs: number | null }): SessionLane => {
    const { store } = made;
    const ports = {
      get: (key: string) => store.get(key),
      put: (key: string, value: unknown) => void store.set(key, value),
      clear: async () => store.clear(),
      setAlarm: async (atMs: number) => void (made.alarmAtMs = atMs),
    };
    return new SessionLane(ports, { nowMs: () => NOW_MS, alarmAtMs: (dueMs) => dueMs }, (props) =>
      createServer(props, all),
    );
  };
  const session = (_env: null, id: string): SessionLane => {
    const known = sessions.get(id);
    if (known !== undefined) return known.lane;
    const made = { store: new Map<string, unknown>(), alarmAtMs: null };
    const full = Object.assign(made, { lane: newLane(made) });
    sessions.set(id, full);
    return full.lane;
  };
  const evict = (): void => sessions.forEach((made) => void (made.lane = newLane(made)));
  return {
    serve: createServe({
      origin: ORIGIN,
      random: counting(),
      createServer: (props) => createServer(props, all),
      session,
    }),
    sessions,
    evict,
  };
}

export function fetchInto(at: House, as: Login = login): typeof fetch {
  return async (input, init) => {
    const request = new Request(input as Request, init);
    request.headers.set("host", new URL(ORIGIN).host); // a hand-made request has none
    return at.serve(request, null, as);
  };
}

export type Era = "legacy" | { readonly pin: string };
export const MODERN: Era = { pin: "2026-07-28" };
export type Answering = () => Promise<ElicitResult>;

/** With `answering` the client declares that it can open pages. */
export async function connect(
  at: House,
  era: Era = MODERN,
  as: Login = login,
  answering?: Answering,
): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const capabilities: ClientCapabilities = answering === undefined ? {} : { elicitation: { url: {} } };
  const client = new Client({ name: "test", version: "1" }, { capabilities, versionNegotiation: { mode: era } });
  if (answering !== undefined) client.setRequestHandler("elicitation/create", answering);
  const transport = new StreamableHTTPClientTransport(new URL(`${ORIGIN}/mcp`), { fetch: fetchInto(at, as) });
  await client.connect(transport);
  return { client, transport };
}

export async function call(
  client: Client,
  name: string,
  args: Record<string, unknown> = {},
): Promise<{ data: Record<string, unknown>; text: string; isError: boolean }> {
  const result = await client.callTool({ name, arguments: args });
  const first = (result.content as readonly { type: string; text?: string }[])[0];
  return {
    data: (result.structuredContent ?? {}) as Record<string, unknown>,
    text: first?.text ?? "",
    isError: result.isError === true,
  };
}

/** One call of a client that may do everything, and what the account was asked by it. */
export async function ask(name: string, args: Record<string, unknown>, replaced: Partial<AgentFront> = {}) {
  const { front, asked } = fakeFront(replaced);
  const { client } = await connect(house(front));
  return { ...(await call(client, name, args)), asked };
}
