/** What the control API takes: one schema per call, snake_case with units as on every wire. Pure. */
import * as z from "zod";
import { DISTORTIONS } from "./distortion.ts";
import { LINE_FAULTS } from "./faults.ts";
import { NODES_MAX } from "./roster.ts";

const host = z.string().min(1);
const coreIndex = z.number().int().min(0).max(2);
const ms = z.number().int().min(0);

export const knobsInput = z.strictObject({
  down: z.boolean().optional(),
  hang: z.boolean().optional(),
  html502: z.boolean().optional(),
  full: z.boolean().optional(),
  reject_notify: z.number().int().optional(),
  fail_boot: z.enum(["none", "prepare", "start"]).optional(),
  vanish_after_ms: ms.optional(),
  download_ms: ms.optional(),
  start_ms: ms.optional(),
  operation_ms: ms.optional(),
  ssh_after_ms: z.number().int().optional(),
  lie: z.enum(["none", "running", "stopped"]).optional(),
  domain_name: z.string().optional(),
  clock_skew_ms: z.number().int().optional(),
  aiohttp38: z.boolean().optional(),
  drop_networking: z.boolean().optional(),
  lose_forwards: z.boolean().optional(),
  claim_cores: ms.optional(),
  claim_memory_mib: ms.optional(),
  claim_disk_mib: ms.optional(),
  claim_hash: z.string().optional(),
  claim_version: z.string().optional(),
  qemu: z.boolean().optional(),
});

export const inputs = {
  /** One due event, or the goal if it is sooner. */
  "advance-step": z.strictObject({ to_ms: ms }),
  /** All the way, the network alone. A service that shares this clock takes this call itself and steps. */
  advance: z.strictObject({ to_ms: ms }),
  offset: z.strictObject({ offset_ms: ms }),
  grant: z.strictObject({
    address: z.string().min(1),
    credits: z.number().int().positive(),
    expires_at_ms: ms.optional(),
    core: coreIndex.optional(),
  }),
  take: z.strictObject({
    address: z.string().min(1),
    credits: z.number().int().positive(),
    core: coreIndex.optional(),
  }),
  /** `node` is a node hash or a host name. */
  node: z.strictObject({ node: host, knobs: knobsInput }),
  crash: z.strictObject({ node: host, hash: z.string() }),
  start: z.strictObject({ node: host, hash: z.string() }),
  /** As `start`, whatever node the VM is pinned to. */
  copy: z.strictObject({ node: host, hash: z.string() }),
  core: z.strictObject({
    core: coreIndex,
    down: z.boolean().optional(),
    deaf: z.boolean().optional(),
    gossip_lag_ms: ms.optional(),
    books_lag_ms: ms.optional(),
    processing_ms: ms.optional(),
    /** 0 to 1: where in its interval a retry falls; null: anywhere. */
    retry_at: z.number().min(0).max(1).nullable().optional(),
    lie: z.record(z.string(), z.json()).nullable().optional(),
  }),
  "core-job": z.strictObject({ core: coreIndex.optional(), job: z.enum(["removal", "garbage", "restart", "confirm"]) }),
  /** Judges a rejected message anew. */
  revive: z.strictObject({ hash: z.string(), core: coreIndex.optional() }),
  fault: z.strictObject({
    kind: z.enum([...LINE_FAULTS, ...DISTORTIONS]),
    host: z.string().default(""),
    method: z.string().default(""),
    path_prefix: z.string().default("/"),
    remaining: z.number().int().default(1),
    delay_ms: ms.default(0),
    status: z.number().int().min(200).max(599).default(503),
    text: z.string().default(""),
  }),
  "fault-clear": z.strictObject({ id: z.number().int().optional() }),
  price: z.strictObject({
    entity: z.string().default("instance"),
    credits_per_cu_hour: z.string().regex(/^\d+(\.\d+)?$/),
    core: coreIndex.optional(),
  }),
  /** The meter charges so much of what it measured, for one VM or for all; 100 is right. */
  billing: z.strictObject({ percent: z.number().int().min(0), hash: z.string().min(1).default("*") }),
  scheduler: z.strictObject({ dispatch: z.boolean() }),
  origins: z.record(host, host),
  /** A fresh network, of `nodes` compute nodes if that is said. */
  reset: z.strictObject({ nodes: z.number().int().min(1).max(NODES_MAX).optional() }),
} as const;

export type CallName = keyof typeof inputs;
export type Input<N extends CallName> = z.infer<(typeof inputs)[N]>;

export function isCall(name: string): name is CallName {
  return Object.hasOwn(inputs, name);
}

/** The parsed input, or which field is wrong. */
export function parseInput<N extends CallName>(
  name: N,
  value: unknown,
): { readonly input: Input<N> } | { readonly error: string } {
  const parsed = inputs[name].safeParse(value);
  if (parsed.success) return { input: parsed.data as Input<N> };
  return { error: parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ") };
}
