/** Where the owner's decisions stand. It reads; the one thing it can change is to withdraw an open request. */
import * as z from "zod";
import type { ApprovalView } from "../../account/contract.ts";
import type { ApprovalState } from "../../account/types.ts";
import { answer } from "../../errors.ts";
import { id, NODE_HASH, waitS } from "../input.ts";
import { hoursOf, isoOf, usdOf } from "../money.ts";
import { flatOutput, time, usd } from "../output.ts";
import { acceptingTool } from "../quote-view.ts";
import { APPROVAL_POLL_S, approvalFields } from "../result.ts";
import { defineTool, invalid } from "../tool.ts";
import type { Use } from "../tool.ts";
import { shapeFields } from "../vm-view.ts";

const STATES = [
  "pending",
  "approved",
  "denied",
  "expired",
  "stale",
  "withdrawn",
  "used",
] as const satisfies readonly ApprovalState[];
/** One request may be open and twenty quotes stand; more rows would pass 20 KB. */
const ROWS_MAX = 12;
const text = z.string();

const rowSchema = z.object({
  approval_id: text,
  approval_url: text,
  state: z.enum(STATES),
  quote_id: text,
  kind: z.enum(["create", "extend", "top_up"]),
  vm_id: text.optional(),
  cpu: z.number(),
  ram_gb: z.number(),
  disk_gb: z.number(),
  gpu: text.optional(),
  os_image: text,
  ssh_key_fingerprint: text,
  crn_id: text.describe("The node that was asked for").optional(),
  max_cost_usd: usd,
  ttl_hours: z.number(),
  request_expires_at: time,
  valid_until: time.nullable(),
  next_tool: text,
});

export const getApproval = defineTool({
  name: "aleph_get_approval",
  title: "State of an approval",
  description:
    "pending, approved, denied, expired, stale, withdrawn or used. Without approval_id: all open and given approvals of this agent with their quote_id (use it after a restart). Only the owner can approve, on approval_url. wait_s up to 25 waits for the decision; withdraw closes an open request; the next may be made a minute later. When approved, repeat the call in next_tool with the quote_id. Times are UTC.",
  scope: "vm:read",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  quotes: "never",
  input: z.strictObject({
    approval_id: id("From approval_required").optional(),
    withdraw: z.boolean().default(false).describe("true: closes the open request approval_id"),
    wait_s: waitS,
  }),
  output: flatOutput(["ok", ...STATES], { approvals: z.array(rowSchema).optional(), total: z.number().optional() }),
  handler: async ({ approval_id, withdraw, wait_s }, use) => {
    if (withdraw && approval_id === undefined) return invalid("approval_id", "missing");
    const one = approval_id === undefined ? {} : { approvalId: approval_id };
    const got = await use.front.getApproval(use.caller, { ...one, withdraw, waitS: wait_s });
    if (!got.ok) return got;
    const { approvals } = got.value;
    const asked =
      approval_id === undefined ? undefined : approvals.find(({ approvalId }) => approvalId === approval_id);
    return answer({
      status: asked?.state ?? ("ok" as const),
      approvals: approvals.slice(0, ROWS_MAX).map((approval) => rowOf(approval, use)),
      total: approvals.length,
      ...(asked !== undefined && { ...approvalFields(asked.approvalId, use.origin), ...nextOf(asked) }),
    });
  },
});

/** The owner reads words where no GPU or no node was asked for; to an agent these would be values to ask for again. */
function rowOf(approval: ApprovalView, use: Use): z.input<typeof rowSchema> {
  const { facts } = approval;
  return {
    ...approvalFields(approval.approvalId, use.origin),
    state: approval.state,
    quote_id: approval.quoteId,
    kind: facts.kind,
    vm_id: facts.vmId === "" ? undefined : facts.vmId,
    ...shapeFields({ vcpus: facts.vcpus, memoryMib: facts.memoryMib, diskMib: facts.diskGib * 1_024 }),
    gpu: facts.gpu === "none" ? undefined : facts.gpu,
    os_image: facts.image,
    ssh_key_fingerprint: facts.sshKeyFingerprint,
    crn_id: NODE_HASH.test(facts.nodeOrAny) ? facts.nodeOrAny : undefined,
    max_cost_usd: usdOf(facts.costCreditsMax),
    ttl_hours: hoursOf(facts.ttlS),
    request_expires_at: isoOf(approval.requestExpiresAtMs),
    valid_until: approval.validUntilMs === null ? null : isoOf(approval.validUntilMs),
    next_tool: acceptingTool(facts.kind),
  };
}

function nextOf(approval: ApprovalView) {
  if (approval.state === "pending")
    return { next_tool: "aleph_get_approval", retry_after_s: APPROVAL_POLL_S, who: "owner" as const };
  return approval.state === "approved" ? { next_tool: acceptingTool(approval.facts.kind) } : {};
}
