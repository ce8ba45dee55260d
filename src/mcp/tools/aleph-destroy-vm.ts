/** Tears a VM down. Narrowing needs no approval and no scope beyond reading. */
import * as z from "zod";
import { answer } from "../../errors.ts";
import { dryRun, vmId } from "../input.ts";
import { usdOf } from "../money.ts";
import { datedShape, flatOutput, usd } from "../output.ts";
import { defineTool } from "../tool.ts";
import { datedFields, endFields, endShape, isOver, statusOf, VM_STATUSES } from "../vm-view.ts";

const WAIT_S = 20;
const POLL_S = 10;

export const destroyVm = defineTool({
  name: "aleph_destroy_vm",
  title: "Destroy a VM",
  description:
    "Tears one VM down for good; its disk is lost. Repeating is harmless. status stopping: under way, it is retried until the network confirms. The death certificate comes when it is proven; aleph_get_vm shows it later. dry_run shows the VM and changes nothing.",
  scope: "vm:read",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  quotes: "never",
  input: z.strictObject({ vm_id: vmId, dry_run: dryRun }),
  output: flatOutput(VM_STATUSES, {
    vm_id: z.string().optional(),
    dry_run: z.boolean().optional(),
    final_cost_usd: usd.describe("Final once cost_status is settled").optional(),
    ...endShape,
    ...datedShape,
  }),
  handler: async ({ vm_id, dry_run }, use) => {
    const got = await use.front.destroyVm(use.caller, { vmId: vm_id, dryRun: dry_run, waitS: dry_run ? 0 : WAIT_S });
    if (!got.ok) return got;
    const vm = got.value;
    return answer({
      status: statusOf(vm),
      vm_id: vm.vmId,
      dry_run,
      final_cost_usd: usdOf(vm.costCredits),
      ...endFields(vm, vm.asOfMs),
      ...datedFields(vm, use),
      ...(!dry_run && !isOver(vm) && { next_tool: "aleph_get_vm", retry_after_s: POLL_S }),
    });
  },
});
