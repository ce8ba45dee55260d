/** The VMs of this agent, from the ledger: it answers with the network down. */
import * as z from "zod";
import { answer } from "../../errors.ts";
import { cursor, limit } from "../input.ts";
import { datedShape, flatOutput } from "../output.ts";
import { defineTool } from "../tool.ts";
import { datedFields, rowOf, vmRows } from "../vm-view.ts";

export const listMyVms = defineTool({
  name: "aleph_list_my_vms",
  title: "List my VMs",
  description:
    "VMs of this agent with status, uptime, cost and expiry. state live (default): what may still run; all: also the ended ones. Works with the network down. Times are UTC.",
  scope: "vm:read",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  quotes: "never",
  alwaysLoad: true,
  input: z.strictObject({ state: z.enum(["live", "all"]).default("live"), limit: limit(25, 10), cursor }),
  output: flatOutput(["ok"], { vms: vmRows.optional(), next_cursor: z.string().nullable().optional(), ...datedShape }),
  handler: async (asked, use) => {
    const page = asked.cursor === undefined ? {} : { cursor: asked.cursor };
    const got = await use.front.listVms(use.caller, { state: asked.state, limit: asked.limit, ...page });
    if (!got.ok) return got;
    const vms = got.value.vms.slice(0, asked.limit).map((vm) => rowOf(vm, got.value.asOfMs));
    return answer({ status: "ok" as const, vms, next_cursor: got.value.cursor, ...datedFields(got.value, use) });
  },
});
