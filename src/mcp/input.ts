/**
 * The parameters that several tools share, and how they become what the account is asked. Pure.
 *
 * Sizes in GB are GiB (1 GB = 1024 MiB). Unknown parameters are refused: a misspelt `ttl_hours` must not cost money.
 */
import * as z from "zod";
import { type Bound, BOUNDS } from "../account/bounds.ts";
import type { VmAsk } from "../account/contract.ts";
import { GPU_MODELS } from "../aleph/prices.ts";
import { answer } from "../errors.ts";
import type { Answer } from "../errors.ts";
import { creditsOf, mibOf, secondsOf } from "./money.ts";
import { invalid } from "./tool.ts";

/** A node's id, as `aleph_list_crns` gives it. */
export const NODE_HASH = /^[0-9a-f]{64}$/;

export const id = (what: string) => z.string().min(1).max(64).describe(what);
/** The account's own bounds, in the agent's unit; the owner's policy sets narrower ones. */
export const within = ({ min, max, unit }: Bound) =>
  z
    .number()
    .min(min / unit)
    .max(Math.floor(max / unit));
export const cpu = within(BOUNDS.cpu).int();
export const ramGb = within(BOUNDS.ram_gb);
export const diskGb = within(BOUNDS.disk_gb);
export const gpu = z.enum(GPU_MODELS);
export const cursor = z.string().min(1).max(256).describe("next_cursor of the page before").optional();
export const limit = (max: number, normal: number) => z.number().int().min(1).max(max).default(normal);
export const waitS = z.number().int().min(0).max(25).default(0).describe("Waits up to this many seconds");
export const vmId = id("From aleph_create_vm or aleph_list_my_vms");
export const quoteId = id("Accepts this quote; the other parameters may be left out or must be the same").optional();
export const dryRun = z.boolean().default(false).describe("true: nothing is changed");
export const dryRunOfQuote = z
  .boolean()
  .default(false)
  .describe("true: nothing is changed; with quote_id: what accepting it now would come to");

/** The shape of a VM, as `aleph_quote_vm` wants it. */
export const vmShape = {
  crn_id: z.string().regex(NODE_HASH).describe("Node from aleph_list_crns; left out: one of the best").optional(),
  cpu: cpu.describe("Virtual CPUs"),
  ram_gb: ramGb.describe("Memory; 1 GB = 1024 MiB"),
  disk_gb: diskGb.describe("Disk; 1 GB = 1024 MiB. At least the image's minimum, 20 as a rule"),
  os_image: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/)
    .describe("debian12, ubuntu22, ubuntu24, or an image's item hash"),
  // far above any public key, so that a private one pasted by mistake is recognised as such
  ssh_pubkey: z.string().min(1).max(16_384).describe("One OpenSSH public key line. Never a private key"),
  gpu: gpu.describe("GPU model, if one is wanted").optional(),
  max_hourly_cost_usd: within(BOUNDS.max_hourly_cost_usd)
    .describe("Refuse a price above this; at most six decimals")
    .optional(),
  ttl_hours: within(BOUNDS.ttl_hours)
    .describe(
      "The VM is torn down after this time, 10 minutes or more; left out: what the owner set for this, 4 where no policy is set",
    )
    .optional(),
  name: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/)
    .describe("Label: a-z, 0-9, -")
    .optional(),
} as const;

export const vmInput = z.object(vmShape).partial();
export type VmInput = z.output<typeof vmInput>;
export const vmInputShape = vmInput.shape;

/** The whole request for a price; the first parameter that is missing is named. */
export function vmAskOf(input: VmInput): Answer<VmAsk> {
  const given = partOf(input);
  if (!given.ok) return given;
  const { vcpus, memoryMib, diskMib, image, sshPubkey, ...rest } = given.value;
  if (vcpus === undefined) return invalid("cpu", "missing");
  if (memoryMib === undefined) return invalid("ram_gb", "missing");
  if (diskMib === undefined) return invalid("disk_gb", "missing");
  if (image === undefined) return invalid("os_image", "missing");
  if (sshPubkey === undefined) return invalid("ssh_pubkey", "missing");
  return answer({ ...rest, vcpus, memoryMib, diskMib, image, sshPubkey });
}

/** Only what was said, for comparison with the quote that is being accepted. */
export function partOf(input: VmInput): Answer<Partial<VmAsk>> {
  const hourly = input.max_hourly_cost_usd;
  const hourlyCreditsMax = hourly === undefined ? undefined : creditsOf(hourly);
  if (hourly !== undefined && hourlyCreditsMax === undefined)
    return invalid("max_hourly_cost_usd", "more_than_six_decimals");
  const ttlS = input.ttl_hours === undefined ? undefined : secondsOf(input.ttl_hours);
  return answer({
    ...(input.crn_id !== undefined && { nodeHash: input.crn_id }),
    ...(input.cpu !== undefined && { vcpus: input.cpu }),
    ...(input.ram_gb !== undefined && { memoryMib: mibOf(input.ram_gb) }),
    ...(input.disk_gb !== undefined && { diskMib: mibOf(input.disk_gb) }),
    ...(input.os_image !== undefined && { image: input.os_image }),
    ...(input.ssh_pubkey !== undefined && { sshPubkey: input.ssh_pubkey }),
    ...(input.gpu !== undefined && { gpu: input.gpu }),
    ...(hourlyCreditsMax !== undefined && { hourlyCreditsMax }),
    ...(ttlS !== undefined && { ttlS }),
    ...(input.name !== undefined && { name: input.name }),
  });
}
