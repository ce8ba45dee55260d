/** The budget of this agent: what is left of every limit, what burns, how long the payer lasts. */
import * as z from "zod";
import type { BalanceView, LimitLeft } from "../../account/contract.ts";
import { GPU_MODELS } from "../../aleph/prices.ts";
import { answer } from "../../errors.ts";
import { gbOf, isoOf, usdOf } from "../money.ts";
import { datedShape, flatOutput, time, usd } from "../output.ts";
import { defineTool } from "../tool.ts";
import { datedFields } from "../vm-view.ts";

const limitSchema = z.object({
  name: z.string(),
  unit: z.enum(["usd", "usd_per_hour", "vms", "creates_per_minute", "seconds"]),
  max: z.number(),
  used: z.number(),
  left: z.number(),
  frees_at: time.nullable(),
});

const allowsSchema = z.object({
  cpu_max: z.number(),
  ram_gb_max: z.number(),
  disk_gb_max: z.number(),
  gpus: z.array(z.string()).describe("Empty: none"),
  images: z.array(z.string()).describe("Empty: every one"),
  approval_first_vm: z.boolean(),
  approval_gpu: z.boolean(),
  approval_above_usd: usd.describe("In all for one VM"),
  approval_above_usd_per_day: usd.describe("Spent without approval within 24 hours, this included"),
});

const output = flatOutput(["ok"], {
  balance_usd: usd.nullable().describe("The payer's credits; null: unknown").optional(),
  burn_rate_usd_per_hour: usd.describe("All VMs of this account").optional(),
  estimated_runway_hours: z.number().nullable().describe("Until the one-day line, not until zero").optional(),
  active_vms: z.number().optional(),
  payer: z.string().optional(),
  payer_burn_usd_per_hour: usd.nullable().optional(),
  one_day_line_usd: usd.nullable().describe("Protected: below this the network removes machines").optional(),
  needed_now_usd: usd.nullable().describe("What the payer must own for what runs").optional(),
  will_cost_usd: usd.nullable().describe("What our VMs may still cost").optional(),
  margin_usd: usd.nullable().describe("Owned beyond what is needed; negative: to be added").optional(),
  other_machines: z.number().nullable().describe("The payer's, not ours").optional(),
  other_burn_usd_per_hour: usd.nullable().optional(),
  held_usd: usd.describe("Of the whole account; aleph_get_spending tells yours").optional(),
  spent_usd: usd.describe("Of the whole account").optional(),
  limits: z.array(limitSchema).describe("Those whose name begins with grant are this agent's own").optional(),
  account_state: z.enum(["active", "frozen"]).optional(),
  grant_state: z.enum(["active", "frozen", "revoked"]).optional(),
  delegation: z.enum(["ok", "missing", "too_wide", "unknown"]).optional(),
  policy_version: z.number().nullable().describe("null: the owner has set none, nothing can be created").optional(),
  policy_expires_at: time.optional(),
  allows: allowsSchema
    .describe("What the policy lets a VM be, and what the owner has to approve; aleph_list_crns shows where it may run")
    .optional(),
  core_nodes_answering: z.number().nullable().optional(),
  core_nodes_differ: z
    .object({ balance: z.number(), other_burn: z.number(), billed: z.number(), delegation: z.number() })
    .describe("How many of them tell another figure")
    .optional(),
  ...datedShape,
});

export const checkBalance = defineTool({
  name: "aleph_check_balance",
  title: "Budget and balance",
  description:
    "Read what may still be spent: the payer's balance, the burn rate, every limit on money, number and time with what is left of it, what a VM may be and what needs approval, VMs alive. Free. Call it first. Times are UTC; null means unknown.",
  scope: "vm:read",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  quotes: "never",
  alwaysLoad: true,
  input: z.strictObject({}),
  output,
  handler: async (_input, use) => {
    const got = await use.front.checkBalance(use.caller);
    return got.ok ? answer({ ...fieldsOf(got.value), ...datedFields(got.value, use) }) : got;
  },
});

function fieldsOf(view: BalanceView) {
  return {
    status: "ok" as const,
    balance_usd: usdOrNull(view.payerCredits),
    burn_rate_usd_per_hour: usdOf(view.burnCreditsPerH),
    estimated_runway_hours: view.runwayH,
    active_vms: view.vmsLive,
    payer: view.payer,
    payer_burn_usd_per_hour: usdOrNull(view.payerBurnCreditsPerH),
    one_day_line_usd: usdOrNull(view.oneDayLineCredits),
    needed_now_usd: usdOrNull(view.neededNowCredits),
    will_cost_usd: usdOrNull(view.willCostCredits),
    margin_usd: usdOrNull(view.marginCredits),
    other_machines: view.otherMachines,
    other_burn_usd_per_hour: usdOrNull(view.otherBurnCreditsPerH),
    held_usd: usdOf(view.heldCredits),
    spent_usd: usdOf(view.spentCredits),
    limits: view.limits.map(limitOf),
    account_state: view.accountState,
    grant_state: view.grantState,
    delegation: view.delegation,
    ...policyFields(view),
    core_nodes_answering: view.coreNodesAnswering,
    core_nodes_differ: differOf(view),
  };
}

function policyFields({ policy }: BalanceView) {
  if (policy === null) return { policy_version: null };
  const { shape, approval } = policy;
  return {
    policy_version: policy.version,
    policy_expires_at: isoOf(policy.expiresAtMs),
    allows: {
      cpu_max: shape.vcpusMax,
      ram_gb_max: gbOf(shape.memoryMibMax),
      disk_gb_max: gbOf(shape.diskMibMax),
      gpus: GPU_MODELS.filter((model) => shape.gpus.includes(model)),
      images: [...shape.images],
      approval_first_vm: approval.firstVm,
      approval_gpu: approval.gpu,
      approval_above_usd: usdOf(approval.aboveCredits),
      approval_above_usd_per_day: usdOf(approval.unapprovedPerDayCredits),
    },
  };
}

function differOf({ coreNodesDiffer: differ }: BalanceView) {
  if (differ === null) return undefined;
  const { otherBurn, ...rest } = differ;
  return { ...rest, other_burn: otherBurn };
}

function limitOf({ name, max, used, left, freesAtMs }: LimitLeft): z.input<typeof limitSchema> {
  const unit = unitOf(name);
  const said = unit === "usd" || unit === "usd_per_hour" ? usdOf : (count: number) => count;
  return {
    name,
    unit,
    max: said(max),
    used: said(used),
    left: said(left),
    frees_at: freesAtMs === null ? null : isoOf(freesAtMs),
  };
}

function unitOf(name: LimitLeft["name"]): z.input<typeof limitSchema>["unit"] {
  if (name === "vms_live" || name === "grant_vms_live") return "vms";
  if (name === "creates_per_min" || name === "grant_creates_per_min") return "creates_per_minute";
  if (name === "ttl_s" || name === "extend_s_total") return "seconds";
  return name === "burn_per_h" ? "usd_per_hour" : "usd";
}

function usdOrNull(credits: number | null): number | null {
  return credits === null ? null : usdOf(credits);
}
