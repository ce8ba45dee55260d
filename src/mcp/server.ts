/**
 * The MCP server: registers the tools and does for each call what comes before the account is asked, in this order:
 * call limits, scopes, the form of the input. One factory for every protocol version; it keeps no state.
 */
import { McpServer } from "@modelcontextprotocol/server";
import type {
  CallToolResult,
  InputRequiredResult,
  ServerContext,
  StandardSchemaWithJSON,
} from "@modelcontextprotocol/server";
import type { AgentFront, Caller } from "../account/contract.ts";
import type { AgentCall } from "../account/front-history.ts";
import { refuse } from "../errors.ts";
import type { Answer } from "../errors.ts";
import { faultOf } from "../fault.ts";
import type { Log } from "../ports.ts";
import { callNote } from "./call-note.ts";
import { callerOf } from "./caller.ts";
import type { Props } from "./caller.ts";
import { offerPage } from "./elicitation.ts";
import type { Output } from "./output.ts";
import { outputOf, toolResult } from "./result.ts";
import { isQuote } from "./tool.ts";
import type { Tool, Use } from "./tool.ts";
import { TOOLS } from "./tools/all.ts";

/** Flood protection, approximate by nature; never a money rule. False: too many in the last minute. */
export type Limiter = { readonly take: (lane: "calls" | "quotes", key: string) => Promise<boolean> };

export type Deps = {
  readonly front: AgentFront;
  readonly origin: string;
  readonly network: "aleph" | "twin";
  readonly limiter: Limiter;
  readonly log?: Log;
  readonly calls?: CallLog;
};

/** Takes down what was called, beside the answer and never before it. */
export type CallLog = { readonly nowMs: () => number; readonly note: (caller: Caller, call: AgentCall) => void };

const RATE_RETRY_S = 60;

const INSTRUCTIONS = [
  "Rents virtual machines on Aleph Cloud within a budget that the owner set.",
  "Read aleph_check_balance first. Spending is quote, then accept: ask aleph_quote_vm, then call aleph_create_vm with its quote_id; repeating a quote_id never spends twice.",
  "status approval_required: give approval_url to the owner, then poll aleph_get_approval; only the owner can approve, on that page.",
  "A refusal has status refused with code, facts, retry, retry_after_s and next_tool; owner_url is where the owner can change it.",
  "Every VM is destroyed at its expires_at. status unknown means ordered and not yet confirmed: ask aleph_get_vm, never create again.",
  "Times are UTC. Amounts are US dollars. 1 GB = 1024 MiB.",
].join(" ");

export function createServer(props: Props, deps: Deps): McpServer {
  const server = new McpServer(
    { name: "allowance", title: "Allowance", version: "0.1.0" },
    { instructions: INSTRUCTIONS },
  );
  for (const tool of TOOLS) register(server, tool, props, deps);
  return server;
}

function register(server: McpServer, tool: Tool, props: Props, deps: Deps): void {
  const { name, title, description, annotations } = tool;
  const meta = tool.alwaysLoad === true ? { _meta: { "anthropic/alwaysLoad": true } } : {};
  server.registerTool(
    name,
    { title, description, annotations, inputSchema: listedOnly(tool), outputSchema: tool.output, ...meta },
    (args: unknown, ctx: ServerContext) => call(server, tool, args, ctx, props, deps),
  );
}

/** The schema as clients see it. The SDK would answer bad input with text; the tool itself refuses it with a code. */
function listedOnly({ input }: Tool): StandardSchemaWithJSON<unknown, unknown> {
  const { jsonSchema } = input["~standard"];
  return { "~standard": { version: 1, vendor: "allowance", validate: (value) => ({ value }), jsonSchema } };
}

async function call(
  server: McpServer,
  tool: Tool,
  args: unknown,
  ctx: ServerContext,
  props: Props,
  deps: Deps,
): Promise<CallToolResult | InputRequiredResult> {
  const { front, origin, network } = deps;
  const use = { front, origin, network, caller: callerOf(props, ctx.http?.authInfo) };
  const beganMs = deps.calls?.nowMs() ?? 0;
  // Not even noted: what floods must not reach the account.
  if (!(await mayCall(tool, args, use.caller.grantId, deps.limiter)))
    return toolResult(outputOf(refuse("busy.rate_limited", {}, RATE_RETRY_S), origin));
  const first = outputOf(await answerOf(tool, args, use, deps), origin);
  const offer = await offerPage(server, ctx, first);
  const last = offer.kind === "shown" ? outputOf(await runSafely(tool, args, use, deps), origin) : first;
  deps.calls?.note(use.caller, callNote(tool, args, last, deps.calls.nowMs() - beganMs));
  return offer.kind === "round_trip" ? offer.result : toolResult(last);
}

async function answerOf(tool: Tool, args: unknown, use: Use, deps: Deps): Promise<Answer<Output>> {
  const needs = missingScope(tool, use.caller.scopes);
  return needs === undefined ? runSafely(tool, args, use, deps) : refuse("auth.scope", { needs });
}

async function mayCall(tool: Tool, args: unknown, grantId: string, limiter: Limiter): Promise<boolean> {
  if (!(await limiter.take("calls", grantId))) return false;
  return !isQuote(tool, args) || limiter.take("quotes", grantId);
}

function missingScope(tool: Tool, scopes: readonly string[]): string | undefined {
  return (["vm:read", tool.scope] as const).find((scope) => !scopes.includes(scope));
}

/** A throw is a programmer error; its text stays here, since it could hold anything. */
async function runSafely(tool: Tool, args: unknown, use: Use, deps: Deps): Promise<Answer<Output>> {
  try {
    return await tool.run(args, use);
  } catch (error) {
    deps.log?.("mcp.tool_threw", { tool: tool.name, ...faultOf(error) });
    return refuse("internal.invariant");
  }
}
