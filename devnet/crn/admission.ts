/**
 * Whether a node has room for an instance: memory, cores and disk as aleph-vm counts them since 1.11.3, and its GPUs
 * with their 60-second reservations. A reservation belongs to the address that signed for it, while a start looks
 * under the owner of the message: with delegation an agent locks itself out, as on real nodes.
 */
import type { Json, JsonObject } from "../wire.ts";
import { isObject } from "./wire.ts";
import type { GpuDevice, NodeSpec, NodeState } from "./spec.ts";

/** Kept back for the host and for programs. */
const RESERVED_MEMORY_MIB = 2048 + 8192;
const VCPU_OVERCOMMIT = 4;
const RESERVATION_MS = 60_000;

export type Needs = {
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly gpus: readonly JsonObject[];
};

export function needsOf(content: JsonObject): Needs {
  const resources = isObject(content["resources"]) ? content["resources"] : {};
  const requirements = isObject(content["requirements"]) ? content["requirements"] : {};
  const volumes = Array.isArray(content["volumes"]) ? (content["volumes"] as readonly Json[]) : [];
  const gpus = Array.isArray(requirements["gpu"]) ? (requirements["gpu"] as readonly Json[]) : [];
  const disks = [content["rootfs"], ...volumes].map((volume) =>
    isObject(volume) ? numberOf(volume["size_mib"], 0) : 0,
  );
  return {
    vcpus: numberOf(resources["vcpus"], 1),
    memoryMib: numberOf(resources["memory"], 128),
    diskMib: disks.reduce((sum, size) => sum + size, 0),
    gpus: gpus.filter(isObject),
  };
}

function numberOf(value: Json | undefined, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

export function hasRoom(spec: NodeSpec, state: NodeState, needs: Needs): boolean {
  if (state.knobs.full) return false;
  const used = usage(state);
  return (
    used.memoryMib + needs.memoryMib <= spec.memoryMib - RESERVED_MEMORY_MIB &&
    used.vcpus + needs.vcpus <= spec.cores * VCPU_OVERCOMMIT &&
    used.diskMib + needs.diskMib <= spec.diskMib
  );
}

export type Usage = { readonly vcpus: number; readonly memoryMib: number; readonly diskMib: number };

export function usage(state: NodeState): Usage {
  const sum = { vcpus: 0, memoryMib: 0, diskMib: 0 };
  for (const vm of Object.values(state.vms)) {
    sum.vcpus += vm.vcpus;
    sum.memoryMib += vm.memoryMib;
    sum.diskMib += vm.diskMib;
  }
  return sum;
}

/** Devices that no VM holds. Reserved ones are among them, as on real nodes. */
export function unattachedGpus(spec: NodeSpec, state: NodeState): readonly GpuDevice[] {
  const attached = new Set(Object.values(state.vms).flatMap((vm) => vm.gpus));
  return spec.gpus.filter((gpu) => !attached.has(gpu.pci_host));
}

export type GpuChoice =
  | { readonly ok: true; readonly pciHosts: readonly string[] }
  | { readonly ok: false; readonly missing: string };

/** One device for each one asked for, among those nobody else has reserved. */
export function chooseGpus(spec: NodeSpec, state: NodeState, needs: Needs, address: string, nowMs: number): GpuChoice {
  const barred = new Set(
    state.reservations
      .filter((held) => held.expiresMs > nowMs && held.holder.toLowerCase() !== address.toLowerCase())
      .map((held) => held.pciHost),
  );
  const pciHosts: string[] = [];
  for (const wanted of needs.gpus) {
    const found = unattachedGpus(spec, state).find(
      (gpu) => gpu.device_id === wanted["device_id"] && !barred.has(gpu.pci_host) && !pciHosts.includes(gpu.pci_host),
    );
    if (found === undefined)
      return { ok: false, missing: `Failed to find available GPU matching spec ${gpuText(wanted)}` };
    pciHosts.push(found.pci_host);
  }
  return { ok: true, pciHosts };
}

/** Holds the devices for the signer and says until when. */
export function reserveGpus(state: NodeState, pciHosts: readonly string[], holder: string, nowMs: number): number {
  const expiresMs = nowMs + RESERVATION_MS;
  const others = state.reservations.filter((held) => held.expiresMs > nowMs && !pciHosts.includes(held.pciHost));
  state.reservations = [...others, ...pciHosts.map((pciHost) => ({ pciHost, holder, expiresMs }))];
  return expiresMs;
}

/** The pydantic text of a GPU spec. */
function gpuText(gpu: JsonObject): string {
  const kind = gpu["device_class"] === "0302" ? "_3D_CONTROLLER" : "VGA_COMPATIBLE_CONTROLLER";
  return (
    `vendor='${String(gpu["vendor"])}' device_name='${String(gpu["device_name"])}' ` +
    `device_class=<GpuDeviceClass.${kind}: '${String(gpu["device_class"])}'> device_id='${String(gpu["device_id"])}'`
  );
}
