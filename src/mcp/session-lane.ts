/**
 * One connection of a 2025 client that can be asked: it holds the open stream and no account state.
 *
 * Bound to the account and grant that opened it. After an eviction the stored initialize is replayed, so the client
 * keeps its connection. Knows its storage by three operations, so it can be tested without a Durable Object.
 */
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import type { AuthInfo, McpServer } from "@modelcontextprotocol/server";
import type { Clock } from "../ports.ts";
import type { Props } from "./caller.ts";
import { noSuchSession } from "./rpc-error.ts";

/** A client that comes back after a night still finds its connection. */
const IDLE_MS = 24 * 3_600_000;
const BIRTH = "birth";

/** What one call of a connection carries to its object. The body travels in the request. */
export type SessionCall = {
  readonly id: string;
  readonly isNew: boolean;
  readonly props: Props;
  readonly authInfo: AuthInfo;
};

type Birth = { readonly account: string; readonly grantId: string; readonly initialize: string };

export type SessionStore = {
  readonly get: (key: string) => unknown;
  readonly put: (key: string, value: unknown) => void;
  readonly clear: () => Promise<void>;
  readonly setAlarm: (atMs: number) => Promise<void>;
};

export class SessionLane {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #createServer: (props: Props) => McpServer;
  #open: Promise<WebStandardStreamableHTTPServerTransport> | undefined;

  constructor(store: SessionStore, clock: Clock, createServer: (props: Props) => McpServer) {
    this.#store = store;
    this.#clock = clock;
    this.#createServer = createServer;
  }

  async handle(request: Request, call: SessionCall): Promise<Response> {
    const text = request.method === "POST" ? await request.clone().text() : "";
    const birth = this.#store.get(BIRTH) as Birth | undefined;
    const isOpener = birth === undefined && call.isNew;
    if (isOpener)
      this.#store.put(BIRTH, {
        account: call.props.account,
        grantId: call.props.grant_id,
        initialize: text,
      } satisfies Birth);
    else if (!isOwn(birth, call.props)) return noSuchSession();
    await this.#store.setAlarm(this.#clock.alarmAtMs(this.#clock.nowMs() + IDLE_MS));
    const transport = await this.#transport(request.url, call, isOpener ? undefined : birth?.initialize);
    return transport.handleRequest(request, {
      authInfo: call.authInfo,
      ...(text !== "" && { parsedBody: JSON.parse(text) as unknown }),
    });
  }

  /** When nobody has called for a day, or the client has said goodbye. */
  async end(): Promise<void> {
    const open = await this.#open?.catch(() => undefined);
    this.#open = undefined;
    await this.#store.clear();
    await open?.close();
  }

  #transport(
    url: string,
    call: SessionCall,
    replay: string | undefined,
  ): Promise<WebStandardStreamableHTTPServerTransport> {
    this.#open ??= this.#start(url, call, replay).catch((error: unknown) => {
      this.#open = undefined;
      throw error;
    });
    return this.#open;
  }

  async #start(
    url: string,
    call: SessionCall,
    replay: string | undefined,
  ): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => call.id,
      onsessionclosed: () => this.#forget(),
    });
    await this.#createServer(call.props).connect(transport);
    if (replay !== undefined) {
      const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
      const replayed = await transport.handleRequest(new Request(url, { method: "POST", headers, body: replay }));
      await replayed.text();
    }
    return transport;
  }

  /** The transport closes itself after this. */
  async #forget(): Promise<void> {
    this.#open = undefined;
    await this.#store.clear();
  }
}

function isOwn(birth: Birth | undefined, props: Props): boolean {
  return birth !== undefined && birth.account === props.account && birth.grantId === props.grant_id;
}
