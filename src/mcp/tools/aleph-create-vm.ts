/** Creates a VM by accepting a quote; without a quote id it gives the quote first. The quote id is the idempotency key. */
import * as z from "zod";
import { answer, refuse } from "../../errors.ts";
import { dryRunOfQuote, partOf, quoteId, vmAskOf, vmInputShape } from "../input.ts";
import type { VmInput } from "../input.ts";
import { flatOutput } from "../output.ts";
import { approvalRequiredFields, approvalRequiredShape, quoteFields, quoteShape } from "../quote-view.ts";
import { defineTool } from "../tool.ts";
import type { Use } from "../tool.ts";
import { acceptedVmFields, VM_STATUSES, vmOutShape } from "../vm-view.ts";

/** Below the 25 s that every client waits, with room for the network around it. */
const WAIT_S = 20;

export const createVm = defineTool({
  name: "aleph_create_vm",
  title: "Create a VM",
  description:
    "Spends money, in two steps. Without quote_id: a quote, nothing is spent. With quote_id: creates that VM, or answers approval_required with approval_url for the owner; with dry_run too, only says which. Repeating a quote_id never makes a second VM. Refusals carry code, retry and next_tool. The VM is destroyed at expires_at (after ttl_hours, or what the owner set). 1 GB = 1024 MiB; times are UTC.",
  scope: "vm:create",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  quotes: "without_quote_id",
  alwaysLoad: true,
  input: z.strictObject({ ...vmInputShape, dry_run: dryRunOfQuote, quote_id: quoteId }),
  output: flatOutput(["quote", "approval_required", ...VM_STATUSES], {
    ...vmOutShape,
    ...quoteShape,
    ...approvalRequiredShape,
  }),
  handler: async ({ quote_id, dry_run, ...vm }, use) =>
    quote_id === undefined ? quoted(vm, use) : accepted(quote_id, vm, dry_run, use),
});

async function quoted(vm: VmInput, use: Use) {
  const ask = vmAskOf(vm);
  if (!ask.ok) return ask;
  const got = await use.front.quoteVm(use.caller, ask.value);
  return got.ok ? answer(quoteFields(got.value, use)) : got;
}

async function accepted(quoteId: string, vm: VmInput, dryRun: boolean, use: Use) {
  const same = partOf(vm);
  if (!same.ok) return same;
  const asked = { quoteId, kind: "create", same: same.value, waitS: dryRun ? 0 : WAIT_S, dryRun } as const;
  const got = await use.front.accept(use.caller, asked);
  if (!got.ok) return got;
  if (got.value.kind === "quote") return answer(quoteFields(got.value.quote, use));
  if (got.value.kind === "approval_required")
    return answer(approvalRequiredFields(got.value.approval, got.value.quote, use));
  if (got.value.kind === "vm") return answer(acceptedVmFields(got.value, use));
  return refuse("internal.invariant");
}
