/**
 * The Durable Object around one connection of a 2025 client: storage, alarm, eviction. Losing one loses nothing but a
 * connection that the client opens anew.
 */
import { DurableObject } from "cloudflare:workers";
import type { McpServer } from "@modelcontextprotocol/server";
import type { Clock } from "../ports.ts";
import type { Props } from "./caller.ts";
import { SessionLane } from "./session-lane.ts";
import type { SessionCall } from "./session-lane.ts";

export type SessionAsk<E> = { readonly clock: Clock; readonly createServer: (env: E, props: Props) => McpServer };

/** The class for the entry file to export; the wiring stays there. */
export function sessionClass<E>(ask: SessionAsk<E>) {
  return class McpSession extends DurableObject<E> {
    readonly #lane: SessionLane;

    constructor(ctx: DurableObjectState, env: E) {
      super(ctx, env);
      const { storage } = ctx;
      const store = {
        get: (key: string) => storage.kv.get(key),
        put: (key: string, value: unknown) => storage.kv.put(key, value),
        clear: async () => {
          await storage.deleteAlarm();
          await storage.deleteAll();
        },
        setAlarm: (atMs: number) => storage.setAlarm(atMs),
      };
      this.#lane = new SessionLane(store, ask.clock, (props) => ask.createServer(env, props));
    }

    handle(request: Request, call: SessionCall): Promise<Response> {
      return this.#lane.handle(request, call);
    }

    override alarm(): Promise<void> {
      return this.#lane.end();
    }
  };
}
