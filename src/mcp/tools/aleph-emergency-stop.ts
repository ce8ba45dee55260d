/** Freezes this agent and tears its VMs down. An agent may always narrow; only the owner undoes it. */
import * as z from "zod";
import { answer } from "../../errors.ts";
import { flatOutput } from "../output.ts";
import { defineTool } from "../tool.ts";
import { statusOf, VM_STATUSES } from "../vm-view.ts";

const ROWS_MAX = 50;

export const emergencyStop = defineTool({
  name: "aleph_emergency_stop",
  title: "Stop everything",
  description:
    "Freezes this agent and destroys all its VMs at once; their disks are lost. Only the owner can unfreeze, by signing. For when something is wrong: to end one VM use aleph_destroy_vm.",
  scope: "vm:read",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  quotes: "never",
  input: z.strictObject({}),
  output: flatOutput(["stopped"], {
    frozen: z.boolean().optional(),
    vms: z.array(z.object({ vm_id: z.string(), status: z.enum(VM_STATUSES) })).optional(),
    total: z.number().optional(),
  }),
  handler: async (_input, use) => {
    const got = await use.front.emergencyStop(use.caller);
    if (!got.ok) return got;
    const { frozen, vms } = got.value;
    const rows = vms.slice(0, ROWS_MAX).map((vm) => ({ vm_id: vm.vmId, status: statusOf(vm) }));
    return answer({ status: "stopped" as const, frozen, vms: rows, total: vms.length, next_tool: "aleph_list_my_vms" });
  },
});
