/**
 * The server that the conformance suites expect behind the URL they test. Fixture only: what is on trial is the way the
 * product serves it (`src/mcp/serve.ts` and the session object).
 */
import { McpServer, createRequestStateCodec } from "@modelcontextprotocol/server";
import { type Step, addAskingPrompt, addAskingTools } from "./asking.ts";
import { addContentTools, addPrompts, addResources } from "./content.ts";

/** Public on purpose: it seals nothing of worth. */
const STATE_KEY = "a fixed key of the conformance fixture, 32 bytes at least";

export function createFixture(): McpServer {
  const codec = createRequestStateCodec<Step>({ key: STATE_KEY });
  const server = new McpServer(
    { name: "conformance-fixture", version: "1.0.0" },
    {
      capabilities: { logging: {}, resources: { subscribe: true } },
      requestState: { verify: (state, ctx) => codec.verify(state, ctx) },
    },
  );
  addContentTools(server);
  addAskingTools(server, codec);
  addResources(server);
  addPrompts(server);
  addAskingPrompt(server);
  server.server.setRequestHandler("resources/subscribe", () => ({}));
  server.server.setRequestHandler("resources/unsubscribe", () => ({}));
  return server;
}
