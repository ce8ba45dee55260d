/**
 * Nodes that could host a VM, best first, from a dated snapshot. Only figures, ids and words of ours leave here: a node's
 * name is its own text. A region is an estimate and called so in every field.
 */
import * as z from "zod";
import { SIZE } from "../../account/bounds.ts";
import type { NodeFilter, NodeView } from "../../account/contract.ts";
import { REGIONS } from "../../aleph/region.ts";
import { BEST_FEW } from "../../directory/choice.ts";
import { answer } from "../../errors.ts";
import { cpu, cursor, diskGb, gpu, limit, ramGb } from "../input.ts";
import { gbOf, mibOf, usdOf } from "../money.ts";
import { datedShape, flatOutput, usd } from "../output.ts";
import { defineTool } from "../tool.ts";
import { datedFields } from "../vm-view.ts";

/** What a version number and a GPU model may look like; anything else of a node's own words is withheld. */
const VERSION = /^\d{1,4}(\.\d{1,4}){1,3}([-+.]?[0-9a-z]{1,12})?$/;
const GPU = /^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}$/;
const GPUS_MAX = 4;

const nodeSchema = z.object({
  crn_id: z.string(),
  cpu: z.number().nullable(),
  ram_gb: z.number().nullable(),
  disk_gb: z.number().nullable(),
  gpus: z.array(z.string()),
  version: z.string().nullable(),
  score: z.number().describe("The network's, 0 to 1"),
  hourly_cost_usd: usd.nullable().describe("Of the size asked for; the same on every node"),
  region_estimated: z.string().nullable().describe("A word of region; an estimate, may be wrong"),
});

const input = z.strictObject({
  min_cpu: cpu.describe(`What the VM needs; a node must have a quarter more. Left out: ${SIZE.vcpus}`).optional(),
  min_ram_gb: ramGb.describe(`The same. Left out: ${gbOf(SIZE.memoryMib)}`).optional(),
  min_disk_gb: diskGb.describe(`The same. Left out: ${gbOf(SIZE.diskMib)}`).optional(),
  region: z
    .enum(REGIONS)
    .describe("Only nodes estimated to be there, by where their address is registered: may be wrong")
    .optional(),
  gpu: gpu.describe("Only nodes with such a GPU free").optional(),
  limit: limit(20, 10),
  cursor,
});

const output = flatOutput(["ok"], {
  crns: z.array(nodeSchema).optional(),
  total: z.number().describe("That fit, in any region").optional(),
  left_out: z
    .record(z.string(), z.number())
    .describe("How many nodes each filter took away; region_other and region_unknown: on the way to this page")
    .optional(),
  ranked_by: z.string().optional(),
  region_search: z
    .enum(["complete", "cut_short"])
    .describe("With region. cut_short: look-ups of this call are spent, next_cursor goes on")
    .optional(),
  next_cursor: z.string().nullable().optional(),
  ...datedShape,
});

export const listCrns = defineTool({
  name: "aleph_list_crns",
  title: "List nodes",
  description: `Nodes (CRNs) with room for one VM of the size asked for, that the policy allows, best first: newer software, then measured starts and erases, then score. null means unknown. Choosing one is optional: aleph_quote_vm draws among the best ${BEST_FEW}, the better ones more often. 1 GB = 1024 MiB.`,
  scope: "vm:read",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  quotes: "never",
  input,
  output,
  handler: async (asked, use) => {
    const got = await use.front.listNodes(use.caller, filterOf(asked));
    if (!got.ok) return got;
    const { nodes, total, left_out, cursor: next_cursor, regionSearch } = got.value;
    return answer({
      status: "ok" as const,
      crns: nodes.slice(0, asked.limit).map(rowOf),
      total,
      left_out: { ...left_out },
      ranked_by: "software version, measured starts and erases, score",
      ...(regionSearch !== null && { region_search: regionSearch }),
      next_cursor,
      ...datedFields(got.value, use),
    });
  },
});

function filterOf(asked: z.output<typeof input>): NodeFilter {
  return {
    limit: asked.limit,
    ...(asked.min_cpu !== undefined && { vcpus: asked.min_cpu }),
    ...(asked.min_ram_gb !== undefined && { memoryMib: mibOf(asked.min_ram_gb) }),
    ...(asked.min_disk_gb !== undefined && { diskMib: mibOf(asked.min_disk_gb) }),
    ...(asked.gpu !== undefined && { gpu: asked.gpu }),
    ...(asked.region !== undefined && { region: asked.region }),
    ...(asked.cursor !== undefined && { cursor: asked.cursor }),
  };
}

function rowOf(node: NodeView): z.input<typeof nodeSchema> {
  return {
    crn_id: node.crnId,
    cpu: node.vcpus,
    ram_gb: node.memoryMib === null ? null : gbOf(node.memoryMib),
    disk_gb: node.diskMib === null ? null : gbOf(node.diskMib),
    gpus: node.gpus.filter((model) => GPU.test(model)).slice(0, GPUS_MAX),
    version: node.version !== null && VERSION.test(node.version) ? node.version : null,
    score: node.score,
    hourly_cost_usd: node.hourlyCredits === null ? null : usdOf(node.hourlyCredits),
    region_estimated: node.regionEstimated,
  };
}
