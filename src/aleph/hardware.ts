/**
 * Reads what a compute node says of its machine: capacity, GPUs, version. Shared by the list and by single probes.
 *
 * Pure. Every field is optional on the wire, and every text is a node operator's: only known words and numbers come out.
 */
import type { GpuSpec } from "./contents.ts";
import { knownGpuModel } from "./prices.ts";
import { countOf, field, listOf, textLike } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

export type Gpu = { readonly model: string; readonly deviceId: string; readonly spec: GpuSpec };

export type Capacity = {
  readonly vcpus: number | null;
  readonly memoryMib: number | null;
  readonly memoryMibFree: number | null;
  readonly diskMib: number | null;
  readonly diskMibFree: number | null;
};

const GPUS_MAX = 64;
const VERSION = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/;

/** The object that `/about/usage/system` answers and the node list repeats. */
export function capacityOf(usage: JsonValue | undefined): Capacity {
  return {
    vcpus: countOf(field(usage, "cpu", "count")) ?? null,
    memoryMib: mib(field(usage, "mem", "total_kB")),
    memoryMibFree: mib(field(usage, "mem", "available_kB")),
    diskMib: mib(field(usage, "disk", "total_kB")),
    diskMibFree: mib(field(usage, "disk", "available_kB")),
  };
}

function mib(kB: JsonValue | undefined): number | null {
  const count = countOf(kB);
  return count === undefined ? null : Math.floor(count / 1024);
}

/** Devices with a price, in the node's order; equal ones appear as often as the node has them. */
export function gpusOf(value: JsonValue | undefined): readonly Gpu[] {
  return (listOf(value) ?? []).slice(0, GPUS_MAX).flatMap((device) => gpuOf(device) ?? []);
}

function gpuOf(value: JsonValue): Gpu | undefined {
  const model = knownGpuModel(field(value, "model"));
  const vendor = textLike(field(value, "vendor"), /^[A-Za-z]{2,16}$/);
  const device_name = textLike(field(value, "device_name"), /^[\x20-\x7e]{1,96}$/);
  const device_class = textLike(field(value, "device_class"), /^030[02]$/);
  const device_id = textLike(field(value, "device_id"), /^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$/);
  if (model === undefined || vendor === undefined || device_name === undefined || device_id === undefined)
    return undefined;
  if (device_class !== "0300" && device_class !== "0302") return undefined;
  return { model, deviceId: device_id.toLowerCase(), spec: { vendor, device_name, device_class, device_id } };
}

/** A released version as three numbers; `null` for anything else, which counts as old. */
export function versionOf(value: JsonValue | undefined): string | null {
  const parts = typeof value === "string" ? VERSION.exec(value) : null;
  return parts === null ? null : parts.slice(1).map(Number).join(".");
}

export function versionAtLeast(version: string | null, floor: string): boolean {
  const have = version === null ? null : VERSION.exec(version);
  const need = VERSION.exec(floor);
  if (have === null || need === null) return false;
  for (const part of [1, 2, 3]) {
    const difference = Number(have[part]) - Number(need[part]);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
