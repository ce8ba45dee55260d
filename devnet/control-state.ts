/** Everything that the control page shows, as one JSON value. Reads only. */
import { isRunning } from "./crn/executions.ts";
import type { ComputeNode } from "./crn/compute-node.ts";
import type { Json, JsonObject } from "./wire.ts";
import { isObject, parseJson } from "./crn/wire.ts";
import { CORE_HOSTS, DEV_WALLET } from "./roster.ts";
import { vmJson } from "./scheduler.ts";
import type { World } from "./world.ts";

export function stateJson(world: World, nowMs: number, clock: JsonObject): JsonObject {
  return {
    clock: { ...clock, now: new Date(nowMs).toISOString() },
    dev_wallet: DEV_WALLET,
    cores: world.cores.map((_, index) => coreJson(world, index, nowMs)),
    nodes: world.nodes.map((node, index) => nodeJson(world, node, index, nowMs)),
    scheduler: { dispatch: world.state.scheduler.dispatch, vms: Object.values(world.state.scheduler.rows).map(vmJson) },
    faults: world.state.faults.map(snaked),
    held: world.state.held.map(({ id, dueMs, request }) => ({
      id,
      due_ms: dueMs,
      host: request.host,
      path: request.path,
    })),
    bills_under_way: world.state.bills.map(({ dueMs, core, lines }) => ({ due_ms: dueMs, core, lines: lines.length })),
    window_end_ms: world.state.windowEndMs,
    bill_percent: { ...world.state.billPercent },
    origins: { ...world.state.origins },
  };
}

function coreJson(world: World, index: number, nowMs: number): JsonObject {
  const core = world.core(index);
  return {
    host: CORE_HOSTS[index] ?? "",
    down: world.state.coresDown[index] ?? false,
    deaf: world.state.coresDeaf[index] ?? false,
    gossip_lag_ms: world.state.gossipLagMs[index] ?? 0,
    books_lag_ms: world.state.booksLagMs[index] ?? 0,
    ...snaked(core.knobs()),
    lie: core.lie() ?? null,
    messages_by_status: { ...core.countByStatus() },
    live_instances: core.liveInstances(),
    balances: balances(world, index, nowMs),
  };
}

/** As the core node itself lists them. */
function balances(world: World, index: number, nowMs: number): Json {
  const request = { method: "GET", path: "/api/v0/credit_balances?pagination=100", headers: {}, body: "" };
  const answer = world.core(index).handle(request, nowMs);
  const value = "after" in answer ? undefined : parseJson(answer.body)?.value;
  return (isObject(value) ? value["credit_balances"] : undefined) ?? [];
}

function nodeJson(world: World, node: ComputeNode, index: number, nowMs: number): JsonObject {
  const { spec } = node;
  const entry = world.roster[index];
  return {
    hash: spec.hash,
    name: entry?.name ?? "",
    domain: spec.domain,
    version: spec.version,
    score: entry?.score ?? null,
    core: entry?.coreIndex ?? 0,
    cores: spec.cores,
    memory_mib: spec.memoryMib,
    disk_mib: spec.diskMib,
    gpus: spec.gpus.map((gpu) => gpu.model ?? gpu.device_name),
    knobs: snaked(node.knobs),
    vms: node.vms().map((vm) => ({
      hash: vm.hash,
      owner: vm.owner,
      running: isRunning(vm, nowMs),
      defined_at_ms: vm.definedMs,
      started_at_ms: vm.startedMs,
      strikes: vm.strikes,
      gpus: vm.gpus,
    })),
  };
}

function snaked(value: { readonly [key: string]: Json }): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [snake(key), one]));
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
