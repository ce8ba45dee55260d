/** The network as the scheduler sees it: one core node and polls of all compute nodes. Reads only. */
import type { Core } from "./core-port.ts";
import type { ComputeNode } from "./crn/compute-node.ts";
import type { Vm } from "./crn/spec.ts";
import type { RosterEntry } from "./roster.ts";
import type { Scene } from "./scheduler.ts";
import type { NodeFigures } from "./scheduler-api.ts";

export function sceneOf(
  core: Core,
  nodes: readonly ComputeNode[],
  start: (nodeIndex: number, hash: string) => void,
  nowMs: number,
): Scene {
  const byHash = new Map(nodes.map((node, index) => [node.spec.hash, index]));
  const seen = seenNow(nodes, nowMs);
  const answers = (nodeHash: string) => {
    const index = byHash.get(nodeHash);
    const knobs = index === undefined ? undefined : nodes[index]?.knobs;
    return knobs !== undefined && !knobs.down && !knobs.hang && !knobs.html502;
  };
  return {
    liveInstances: core.liveInstances(),
    instance: (hash) => core.instance(hash),
    status: (hash) => core.statusOf(hash),
    observed: (hash, before) => {
      const found = new Set([...before.filter((one) => !answers(one)), ...(seen.get(hash) ?? []).filter(answers)]);
      return [...found].sort((a, b) => (byHash.get(a) ?? 0) - (byHash.get(b) ?? 0));
    },
    knows: (nodeHash) => byHash.has(nodeHash),
    start: (nodeHash, hash) => {
      const index = byHash.get(nodeHash);
      if (index !== undefined) start(index, hash);
    },
  };
}

/** What runs where, from one look at every node. */
function seenNow(nodes: readonly ComputeNode[], nowMs: number): ReadonlyMap<string, readonly string[]> {
  const seen = new Map<string, string[]>();
  for (const node of nodes) {
    if (node.isIdle()) continue;
    for (const { hash } of node.vms()) {
      if (node.runs(hash, nowMs)) seen.set(hash, [...(seen.get(hash) ?? []), node.spec.hash]);
    }
  }
  return seen;
}

export function figuresOf(nodes: readonly ComputeNode[], roster: readonly RosterEntry[]): readonly NodeFigures[] {
  return nodes.map((node, index) => figures(node, roster[index]));
}

function figures(node: ComputeNode, entry: RosterEntry | undefined): NodeFigures {
  const { spec } = node;
  const vms = node.vms();
  const sum = (of: (vm: Vm) => number) => vms.reduce((total, vm) => total + of(vm), 0);
  const attached = new Set(vms.flatMap((vm) => vm.gpus));
  return {
    node_hash: spec.hash,
    name: entry?.name ?? "",
    owner: entry?.owner ?? "",
    address: `https://${spec.domain}`,
    status: node.knobs.down ? "Unreachable" : "Healthy",
    staked: true,
    vcpus_total: spec.cores * 4,
    vcpus_available: spec.cores * 4 - sum((vm) => vm.vcpus),
    memory_total_mb: spec.memoryMib,
    memory_available_mb: spec.memoryMib - sum((vm) => vm.memoryMib),
    disk_total_mb: spec.diskMib,
    disk_available_mb: spec.diskMib - sum((vm) => vm.diskMib),
    supports_ipv6: true,
    confidential_computing_enabled: false,
    gpus: {
      used: spec.gpus.filter((gpu) => attached.has(gpu.pci_host)),
      available: spec.gpus.filter((gpu) => !attached.has(gpu.pci_host)),
    },
    payment_receiver: null,
    vm_count: vms.length,
  };
}
