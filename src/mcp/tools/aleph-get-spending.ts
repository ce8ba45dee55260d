/** The ledger of this agent: what was held, spent and freed, line by line or summed up. */
import * as z from "zod";
import type { SpendingRow } from "../../account/contract.ts";
import { answer } from "../../errors.ts";
import { cursor, limit } from "../input.ts";
import { isoOf, msOf, usdOf } from "../money.ts";
import { datedShape, flatOutput, time, usd } from "../output.ts";
import { defineTool, invalid } from "../tool.ts";
import { datedFields } from "../vm-view.ts";

const KINDS = [
  "hold",
  "extend",
  "shrink",
  "post",
  "void",
  "correction",
  "overrun",
] as const satisfies readonly SpendingRow["kind"][];
const GROUPS_MAX = 40;

const rowSchema = z.object({ at: time, kind: z.enum(KINDS), amount_usd: usd, vm_id: z.string().nullable() });
const groupSchema = z.object({ key: z.string(), held_usd: usd, spent_usd: usd, vms: z.number() });

export const getSpending = defineTool({
  name: "aleph_get_spending",
  title: "Spending history",
  description:
    "What this agent has held and spent: in all, and since a time, row by row, paged by cursor; group_by vm or day sums up what was begun since then. held: set aside; post: spent; void and shrink: freed again. Times are UTC.",
  scope: "vm:read",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  quotes: "never",
  input: z.strictObject({
    since: z
      .union([z.iso.datetime({ offset: true }), z.iso.date()])
      .describe("ISO 8601 date or time, UTC")
      .optional(),
    group_by: z.enum(["vm", "day"]).describe("groups: sums of what was begun since then, by VM or UTC day").optional(),
    limit: limit(40, 20),
    cursor,
  }),
  output: flatOutput(["ok"], {
    held_usd: usd.describe("In all, whatever since says").optional(),
    spent_usd: usd.describe("In all, whatever since says").optional(),
    rows: z.array(rowSchema).optional(),
    groups: z.array(groupSchema).describe(`The latest ${GROUPS_MAX}`).optional(),
    groups_total: z.number().describe("How many there are; groups may show fewer").optional(),
    next_cursor: z.string().nullable().optional(),
    ...datedShape,
  }),
  handler: async (asked, use) => {
    const sinceMs = asked.since === undefined ? undefined : msOf(asked.since);
    if (asked.since !== undefined && sinceMs === undefined) return invalid("since", "invalid_format");
    const got = await use.front.getSpending(use.caller, {
      limit: asked.limit,
      ...(sinceMs !== undefined && { sinceMs }),
      ...(asked.group_by !== undefined && { groupBy: asked.group_by }),
      ...(asked.cursor !== undefined && { cursor: asked.cursor }),
    });
    if (!got.ok) return got;
    const { rows, groups, groupsTotal, heldCredits, spentCredits } = got.value;
    return answer({
      status: "ok" as const,
      held_usd: usdOf(heldCredits),
      spent_usd: usdOf(spentCredits),
      rows: rows
        .slice(0, asked.limit)
        .map(({ atMs, kind, credits, vmId }) => ({ at: isoOf(atMs), kind, amount_usd: usdOf(credits), vm_id: vmId })),
      groups: groups.slice(0, GROUPS_MAX).map((group) => ({
        key: group.key,
        held_usd: usdOf(group.heldCredits),
        spent_usd: usdOf(group.spentCredits),
        vms: group.vms,
      })),
      groups_total: groupsTotal,
      next_cursor: got.value.cursor,
      ...datedFields(got.value, use),
    });
  },
});
