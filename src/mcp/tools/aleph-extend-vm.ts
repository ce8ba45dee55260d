/** Lets a VM live longer: a quote first, then its acceptance. Every check runs again. */
import * as z from "zod";
import { BOUNDS } from "../../account/bounds.ts";
import { answer, refuse } from "../../errors.ts";
import { dryRunOfQuote, quoteId, vmId, within } from "../input.ts";
import { isoOf, secondsOf, usdOf } from "../money.ts";
import { flatOutput, usd } from "../output.ts";
import { approvalRequiredFields, approvalRequiredShape, quoteFields, quoteShape } from "../quote-view.ts";
import { defineTool, invalid } from "../tool.ts";
import type { Use } from "../tool.ts";
import { acceptedVmFields, VM_STATUSES, vmOutShape } from "../vm-view.ts";

type Asked = { readonly vm_id?: string | undefined; readonly additional_hours?: number | undefined };

export const extendVm = defineTool({
  name: "aleph_extend_vm",
  title: "Extend a VM",
  description:
    "Spends money, in two steps. With vm_id and additional_hours: a quote. With quote_id: moves expires_at, or answers approval_required with approval_url for the owner; with dry_run too, only says which. Repeating a quote_id extends once. Refusals carry code, retry and next_tool. Times are UTC.",
  scope: "vm:create",
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  quotes: "without_quote_id",
  kind: "extend",
  input: z.strictObject({
    vm_id: vmId.optional(),
    additional_hours: within(BOUNDS.additional_hours)
      .describe("Added to the present expires_at; a minute or more")
      .optional(),
    dry_run: dryRunOfQuote,
    quote_id: quoteId,
  }),
  output: flatOutput(["quote", "approval_required", ...VM_STATUSES], {
    ...vmOutShape,
    ...quoteShape,
    ...approvalRequiredShape,
    additional_cost_usd: usd.optional(),
  }),
  handler: async ({ quote_id, dry_run, ...asked }, use) => {
    const seconds = asked.additional_hours === undefined ? undefined : secondsOf(asked.additional_hours);
    if (quote_id === undefined) return quoted(asked, seconds, use);
    const { vm_id: vmId } = asked;
    const same = { ...(vmId !== undefined && { vmId }), ...(seconds !== undefined && { seconds }) };
    return accepted({ quoteId: quote_id, same, dryRun: dry_run }, use);
  },
});

async function quoted(asked: Asked, seconds: number | undefined, use: Use) {
  if (asked.vm_id === undefined) return invalid("vm_id", "missing");
  if (seconds === undefined) return invalid("additional_hours", "missing");
  const got = await use.front.quoteExtend(use.caller, { vmId: asked.vm_id, seconds });
  return got.ok ? answer(quoteFields(got.value, use)) : got;
}

type Accepting = {
  readonly quoteId: string;
  readonly same: { readonly vmId?: string; readonly seconds?: number };
  readonly dryRun: boolean;
};

async function accepted(asked: Accepting, use: Use) {
  const got = await use.front.accept(use.caller, { ...asked, kind: "extend", waitS: 0 });
  if (!got.ok) return got;
  if (got.value.kind === "quote") return answer(quoteFields(got.value.quote, use));
  if (got.value.kind === "approval_required")
    return answer(approvalRequiredFields(got.value.approval, got.value.quote, use));
  if (got.value.kind !== "vm") return refuse("internal.invariant");
  const { vm, additionalCredits } = got.value;
  const cost = additionalCredits === null ? {} : { additional_cost_usd: usdOf(additionalCredits) };
  return answer({ ...acceptedVmFields(got.value, use), new_expires_at: isoOf(vm.expiresAtMs), ...cost });
}
