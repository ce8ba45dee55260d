/**
 * The life of one execution on a node, from its planned boot to its drop, and both lists of executions. Everything
 * that ends a VM passes through `drop`, which hands its running time to the meter.
 */
import { pythonTime } from "./figures.ts";
import { ipv6Of } from "./network-of-vm.ts";
import { atLeast, type NodeSpec, type NodeState, type Vm } from "./spec.ts";

export function isRunning(vm: Vm, nowMs: number): boolean {
  return vm.failMs === null && vm.startedMs <= nowMs;
}

/** The tap device, and with it every address, exists from the end of the preparation on. */
export function hasNetwork(vm: Vm, nowMs: number): boolean {
  return vm.preparedMs <= nowMs;
}

/** Takes a VM out of the pool. Its disks stay; what becomes of the ports is the caller's to say. */
export function drop(state: NodeState, hash: string, nowMs: number): void {
  const vm = state.vms[hash];
  if (vm === undefined) return;
  meter(state, vm, nowMs);
  state.ghosts[hash] = vm;
  delete state.vms[hash];
  if (Object.keys(state.vms).length === 0) state.roundNextMs = null;
}

function meter(state: NodeState, vm: Vm, nowMs: number): void {
  if (!isRunning(vm, nowMs)) return;
  state.unbilledMs[vm.hash] = (state.unbilledMs[vm.hash] ?? 0) + Math.max(0, nowMs - vm.meteredMs);
  vm.meteredMs = Math.max(vm.meteredMs, nowMs);
}

/** Boots a known VM anew: its running time so far is metered, its disks exist already. */
export function restart(state: NodeState, vm: Vm, startMs: number, nowMs: number): void {
  meter(state, vm, nowMs);
  vm.preparedMs = nowMs;
  vm.startedMs = nowMs + startMs;
  vm.meteredMs = vm.startedMs;
}

export type RunTime = { readonly itemHash: string; readonly seconds: number };

/** Whole seconds run since the last call; the fraction of a second is carried into the next one. */
export function drainRunTimes(state: NodeState, nowMs: number): readonly RunTime[] {
  for (const vm of Object.values(state.vms)) meter(state, vm, nowMs);
  const lines: RunTime[] = [];
  for (const [itemHash, ms] of Object.entries(state.unbilledMs)) {
    const seconds = Math.floor(ms / 1000);
    if (seconds > 0) lines.push({ itemHash, seconds });
    if (state.vms[itemHash] === undefined) delete state.unbilledMs[itemHash];
    else state.unbilledMs[itemHash] = ms - seconds * 1000;
  }
  return lines;
}

/** `/about/executions/list`: the running ones only. */
export function listV1(spec: NodeSpec, state: NodeState, nowMs: number): Record<string, unknown> {
  const list: Record<string, unknown> = {};
  for (const vm of shown(state)) {
    if (!saysRunning(state, vm, nowMs)) continue;
    const networking = state.knobs.dropNetworking
      ? null
      : { ipv4: `172.16.${vm.slot}.0/24`, ipv6: ipv6Of(spec.ipv6Pool, vm.hash).network };
    list[vm.hash] = { networking, ...newerFields(spec) };
  }
  return list;
}

/** `/v2/about/executions/list`: every VM of the node, running or not. */
export function listV2(spec: NodeSpec, state: NodeState, nowMs: number): Record<string, unknown> {
  const list: Record<string, unknown> = {};
  for (const vm of shown(state)) {
    const running = saysRunning(state, vm, nowMs);
    const networked = hasNetwork(vm, nowMs) && !state.knobs.dropNetworking;
    const networking = networked ? networkOf(spec, state, vm) : {};
    list[vm.hash] = { networking, status: timesOf(vm, running, nowMs), running, ...newerFields(spec) };
  }
  return list;
}

function shown(state: NodeState): readonly Vm[] {
  const vms = Object.values(state.vms);
  return state.knobs.lie === "running" ? [...vms, ...Object.values(state.ghosts)] : vms;
}

function saysRunning(state: NodeState, vm: Vm, nowMs: number): boolean {
  return state.knobs.lie !== "stopped" && isRunning(vm, nowMs);
}

function newerFields(spec: NodeSpec): Record<string, unknown> {
  return atLeast(spec.version, "1.13.0") ? { awaiting_confidential_init: false, vm_type: "instance" } : {};
}

function networkOf(spec: NodeSpec, state: NodeState, vm: Vm): Record<string, unknown> {
  const ipv6 = ipv6Of(spec.ipv6Pool, vm.hash);
  return {
    ipv4_network: `172.16.${vm.slot}.0/24`,
    host_ipv4: spec.ipv4,
    ipv6_network: ipv6.network,
    ipv6_ip: ipv6.guest,
    ipv4_ip: `172.16.${vm.slot}.2`,
    mapped_ports: state.ports[vm.hash] ?? {},
  };
}

function timesOf(vm: Vm, running: boolean, nowMs: number): Record<string, string | null> {
  const past = (ms: number) => (ms <= nowMs ? pythonTime(ms) : null);
  const booted = vm.failMs === null;
  return {
    defined_at: pythonTime(vm.definedMs),
    preparing_at: pythonTime(vm.definedMs),
    prepared_at: past(vm.preparedMs),
    starting_at: past(vm.preparedMs),
    started_at: booted ? past(vm.startedMs) : null,
    stopping_at: null,
    stopped_at: booted && !running && vm.startedMs <= nowMs ? pythonTime(nowMs) : null,
  };
}
