/** One VM of this agent: where it stands, how to reach it, what it has cost, how it ended. */
import * as z from "zod";
import { answer } from "../../errors.ts";
import { vmId, waitS } from "../input.ts";
import { flatOutput } from "../output.ts";
import { defineTool } from "../tool.ts";
import { datedFields, VM_STATUSES, vmFields, vmOutShape } from "../vm-view.ts";

export const getVm = defineTool({
  name: "aleph_get_vm",
  title: "State of a VM",
  description:
    "State, SSH command, cost so far, warnings, end_reason and death certificate of one VM. wait_s up to 25 waits until it is healthy, unhealthy or over. status unknown: ordered but not confirmed yet; ask again, never create anew. Times are UTC.",
  scope: "vm:read",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  quotes: "never",
  input: z.strictObject({ vm_id: vmId, wait_s: waitS }),
  output: flatOutput(VM_STATUSES, vmOutShape),
  handler: async ({ vm_id, wait_s }, use) => {
    const got = await use.front.getVm(use.caller, { vmId: vm_id, waitS: wait_s });
    return got.ok ? answer({ ...vmFields(got.value, use, got.value.asOfMs), ...datedFields(got.value, use) }) : got;
  },
});
