/**
 * How a VM is told to an agent: its state, how to reach it, what it costs, how it ended. Pure.
 *
 * On the twin the SSH command is marked as simulated. A host that is no host name is left out: it goes into a shell.
 */
import * as z from "zod";
import type { AttemptView, Dated, NetworkState, VmView, Warning } from "../account/contract.ts";
import type { Certificate } from "../account/certificate.ts";
import type { EndReason, Ssh, VmState } from "../account/types.ts";
import { gbOf, isoOf, minutesBetween, usdOf } from "./money.ts";
import { datedShape, time, usd } from "./output.ts";
import { forwardedPorts, portFields } from "./ports-view.ts";
import type { Use } from "./tool.ts";

const STATES = [
  "REQUESTED",
  "SENT",
  "UNKNOWN",
  "PROVISIONING",
  "HEALTHY",
  "UNHEALTHY",
  "STOPPING",
  "TERMINATED",
  "FAILED",
] as const satisfies readonly VmState[];
export type VmStatus = Lowercase<VmState>;
export const VM_STATUSES = STATES.map((state) => state.toLowerCase()) as unknown as readonly [VmStatus, ...VmStatus[]];
const END_REASONS = [
  "destroyed",
  "ttl",
  "stopped",
  "revoked",
  "unreachable",
  "boot_failed",
  "ssh_never",
  "overrun",
  "price",
  "payer_line",
  "ended_by_network",
  "ended_by_owner_elsewhere",
  "rejected",
  "never_sent",
  "restored",
] as const satisfies readonly EndReason[];

const WARNINGS = [
  "expires_soon",
  "unreachable",
  "ssh_silent",
  "host_key_changed",
  "ports_differ",
  "teardown_slow",
  "login_expires_soon",
  "moving",
] as const satisfies readonly Warning[];
const HOST = /^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$/;
/** Keeps the longest answer far below 20 KB. */
const TIMELINE_MAX = 30;
const POLL_S = 10;
const text = z.string();
const count = z.number();

const certificateSchema = z.object({
  item_hashes: z.array(text),
  end_reason: text,
  ended_at: time,
  issued_at: time,
  runtime_minutes: count,
  witnesses: z.array(z.object({ kind: text, id: text, says: text, at: time })),
});

const attemptSchema = z.object({
  number: count,
  crn_id: text,
  item_hash: text,
  state: z.enum(["unsent", "sent", "alive", "closed", "rejected", "ended"]),
  end_reason: text.optional(),
});

export const vmShapeOut = {
  cpu: count.optional(),
  ram_gb: count.optional(),
  disk_gb: count.optional(),
  gpu: text.optional(),
  os_image: text.optional(),
} as const;

const sshShape = {
  ssh_host: text.optional(),
  ssh_port: count.optional(),
  ssh_ipv6: text.optional(),
  ssh_command: text.optional(),
  ssh_tested: z.boolean().optional(),
  known_hosts: text.optional(),
  forwarded_ports: forwardedPorts.optional(),
  simulated: z.boolean().describe("true: a machine of the local twin; the command reaches nothing").optional(),
} as const;

export const endShape = {
  ended_at: time.optional(),
  end_reason: z.enum(END_REASONS).optional(),
  runtime_minutes: count.optional(),
  cost_status: z.enum(["provisional", "settled"]).optional(),
  certificate: certificateSchema.describe("Proof of teardown: who confirmed it, and when").optional(),
} as const;

export const vmOutShape = {
  vm_id: text.optional(),
  name: text.optional(),
  crn_id: text.optional(),
  item_hash: text.optional(),
  ...vmShapeOut,
  ...sshShape,
  ...endShape,
  estimated_hourly_cost_usd: usd.optional(),
  held_usd: usd.optional(),
  cost_so_far_usd: usd.optional(),
  created_at: time.optional(),
  started_at: time.optional(),
  healthy_at: time.optional(),
  expires_at: time.optional(),
  unreachable_since: time.optional(),
  destroy_at: time.optional(),
  warnings: z
    .array(z.enum(WARNINGS))
    .describe("moving: its node failed, another one is tried within the same hold")
    .optional(),
  timeline: z.array(z.object({ at: time, event: text })).optional(),
  attempts: z.array(attemptSchema).describe("The nodes that it was tried on, the present one last").optional(),
  teardown: z.enum(["only_while_this_machine_is_awake"]).optional(),
  ...datedShape,
} as const;

const rowSchema = z.object({
  vm_id: text,
  crn_id: text.nullable(),
  name: text.nullable(),
  status: z.enum(VM_STATUSES),
  uptime_minutes: count,
  cost_so_far_usd: usd,
  cost_status: z.enum(["provisional", "settled"]),
  expires_at: time,
  end_reason: text.nullable(),
});
export const vmRows = z.array(rowSchema);

export function statusOf(vm: VmView): VmStatus {
  return vm.state.toLowerCase() as VmStatus;
}

export function isOver(vm: VmView): boolean {
  return vm.state === "TERMINATED" || vm.state === "FAILED";
}

/** Everything about one VM; `nowMs` is when it was read. */
export function vmFields(vm: VmView, use: Use, nowMs?: number) {
  return {
    status: statusOf(vm),
    vm_id: vm.vmId,
    name: vm.name ?? undefined,
    crn_id: vm.crnId ?? undefined,
    item_hash: vm.itemHash ?? undefined,
    ...shapeFields(vm.shape),
    os_image: vm.image,
    ...(vm.ssh !== null && !isOver(vm) && sshFields(vm.ssh, use)),
    ...(vm.forwardedPorts.length > 0 && { forwarded_ports: vm.forwardedPorts.map(portFields) }),
    estimated_hourly_cost_usd: usdOf(vm.rateCreditsPerH),
    held_usd: usdOf(vm.heldCredits),
    cost_so_far_usd: usdOf(vm.costCredits),
    ...timeFields(vm),
    ...endFields(vm, nowMs),
    warnings: [...vm.warnings],
    timeline: vm.timeline.slice(-TIMELINE_MAX).map(({ atMs, event }) => ({ at: isoOf(atMs), event })),
    attempts: vm.attempts.map(attemptFields),
    network: use.network,
    ...(vm.warnings.includes("login_expires_soon") && loginFields(use)),
    ...pollFields(vm),
  };
}

/** The VM as an accepted quote answers it. */
export function acceptedVmFields(
  accepted: { readonly vm: VmView; readonly networkState: NetworkState; readonly unattended: boolean },
  use: Use,
) {
  return {
    ...vmFields(accepted.vm, use),
    network_state: accepted.networkState,
    ...(accepted.unattended && { teardown: "only_while_this_machine_is_awake" as const }),
  };
}

export function endFields(vm: VmView, nowMs?: number) {
  const untilMs = vm.endedAtMs ?? nowMs;
  return {
    ended_at: isoOrNone(vm.endedAtMs),
    end_reason: vm.endReason ?? undefined,
    cost_status: vm.costStatus,
    runtime_minutes:
      untilMs === undefined || vm.startedAtMs === null ? undefined : minutesBetween(vm.startedAtMs, untilMs),
    certificate: vm.certificate === null ? undefined : certificateOf(vm.certificate),
  };
}

export function rowOf(vm: VmView, nowMs: number): z.input<typeof rowSchema> {
  return {
    vm_id: vm.vmId,
    crn_id: vm.crnId,
    name: vm.name,
    status: statusOf(vm),
    uptime_minutes: vm.startedAtMs === null ? 0 : minutesBetween(vm.startedAtMs, vm.endedAtMs ?? nowMs),
    cost_so_far_usd: usdOf(vm.costCredits),
    cost_status: vm.costStatus,
    expires_at: isoOf(vm.expiresAtMs),
    end_reason: vm.endReason,
  };
}

export function shapeFields(shape: {
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly gpu?: string;
}) {
  return { cpu: shape.vcpus, ram_gb: gbOf(shape.memoryMib), disk_gb: gbOf(shape.diskMib), gpu: shape.gpu };
}

const LOGIN_WARNING_MS = 48 * 3_600_000;

/** The date of an answer, and a warning when the login ends within two days of it. */
export function datedFields(dated: Dated, use: Use) {
  const endsMs = use.caller.loginExpiresAtMs;
  const soon = endsMs !== undefined && endsMs - dated.asOfMs < LOGIN_WARNING_MS;
  return {
    as_of: isoOf(dated.asOfMs),
    network_state: dated.networkState,
    network: dated.network,
    ...(soon && loginFields(use)),
  };
}

function loginFields(use: Use) {
  return { login_expires_at: isoOrNone(use.caller.loginExpiresAtMs ?? null) };
}

function sshFields(ssh: Ssh, use: Use) {
  if (!HOST.test(ssh.host) || !Number.isInteger(ssh.port)) return {};
  return {
    ssh_host: ssh.host,
    ssh_port: ssh.port,
    ssh_ipv6: ssh.ipv6 ?? undefined,
    ssh_command: `ssh -p ${ssh.port} root@${ssh.host}`,
    ssh_tested: ssh.tested,
    known_hosts: ssh.knownHosts,
    ...(use.network === "twin" && { simulated: true }),
  };
}

function attemptFields({ number, crnId, itemHash, state, endReason }: AttemptView): z.input<typeof attemptSchema> {
  return { number, crn_id: crnId, item_hash: itemHash, state, end_reason: endReason ?? undefined };
}

function timeFields(vm: VmView) {
  return {
    created_at: isoOf(vm.createdAtMs),
    started_at: isoOrNone(vm.startedAtMs),
    healthy_at: isoOrNone(vm.healthyAtMs),
    expires_at: isoOf(vm.expiresAtMs),
    unreachable_since: isoOrNone(vm.unreachableSinceMs),
    destroy_at: isoOrNone(vm.destroyAtMs),
  };
}

function pollFields(vm: VmView) {
  return isOver(vm) || vm.state === "HEALTHY" ? {} : { next_tool: "aleph_get_vm", retry_after_s: POLL_S };
}

function certificateOf(certificate: Certificate): z.input<typeof certificateSchema> {
  return {
    item_hashes: [...certificate.itemHashes],
    end_reason: certificate.endReason,
    ended_at: isoOf(certificate.endedAtMs),
    issued_at: isoOf(certificate.issuedAtMs),
    runtime_minutes: Math.floor(certificate.runtimeS / 60),
    witnesses: certificate.witnesses.map(({ kind, id, says, atMs }) => ({ kind, id, says, at: isoOf(atMs) })),
  };
}

function isoOrNone(ms: number | null): string | undefined {
  return ms === null ? undefined : isoOf(ms);
}
