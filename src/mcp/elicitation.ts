/**
 * Shows the owner's page by a URL elicitation, beside the normal answer and never instead of it.
 *
 * It proves nothing: clients answer by themselves. Whatever comes back (accept, decline, cancel, silence) only leads to
 * asking the account again, which alone knows whether the owner has decided.
 */
import { inputRequired, PROTOCOL_VERSION_META_KEY } from "@modelcontextprotocol/server";
import type { InputRequiredResult, McpServer, ServerContext } from "@modelcontextprotocol/server";
import type { Output } from "./output.ts";

const KEY = "approval";
/** With the second question to the account this stays under the 25 s in which every call has to answer. */
const ANSWER_MS = 20_000;
const MESSAGE = "Open this page to see what the agent asks for, and approve or deny it there.";

export type Offer =
  | { readonly kind: "none" }
  | { readonly kind: "shown" }
  | { readonly kind: "round_trip"; readonly result: InputRequiredResult };

/** `none`: give the normal answer now. `shown`: ask the account again first. `round_trip`: the client will call again. */
export async function offerPage(server: McpServer, ctx: ServerContext, output: Output): Promise<Offer> {
  const { approval_url: url, approval_id: elicitationId } = output;
  if (output.status !== "approval_required" || typeof url !== "string" || typeof elicitationId !== "string")
    return { kind: "none" };
  const { inputResponses, droppedInputResponseKeys, envelope } = ctx.mcpReq;
  if (inputResponses !== undefined || droppedInputResponseKeys !== undefined) return { kind: "none" };
  // the 2025 protocol says it in initialize, the 2026 one with every call; stateless 2025 calls say nothing
  if (server.server.getClientCapabilities()?.elicitation?.url === undefined) return { kind: "none" };
  if (envelope !== undefined && PROTOCOL_VERSION_META_KEY in envelope) return roundTrip(url);
  return push(ctx, url, elicitationId);
}

function roundTrip(url: string): Offer {
  const inputRequests = { [KEY]: inputRequired.elicitUrl({ message: MESSAGE, url }) };
  return { kind: "round_trip", result: inputRequired({ inputRequests }) };
}

/**
 * On the stream of this very call: there is no other. The SDK would turn a failed question into an error without our
 * link, so the failure is swallowed here.
 */
async function push(ctx: ServerContext, url: string, elicitationId: string): Promise<Offer> {
  const ask = { mode: "url" as const, message: MESSAGE, url, elicitationId };
  await ctx.mcpReq
    .elicitInput(ask, { timeout: ANSWER_MS, signal: ctx.mcpReq.signal, relatedRequestId: ctx.mcpReq.id })
    .catch(() => undefined);
  return { kind: "shown" };
}
