/**
 * Which GPU devices the core nodes take for which model. They price a VM by the `device_id` that it asks for
 * (ccn.md §5.4), so only they decide what a device is, whatever its node calls it.
 *
 * Pure but for `readGpuModels`.
 */
import { aggregate } from "./core-nodes.ts";
import { CORES, PRICING_ADDRESS } from "./network.ts";
import type { Network } from "./network.ts";
import { knownGpuModel } from "./prices.ts";
import { field, listOf } from "./wire.ts";
import type { JsonObject } from "./wire.ts";

/** From device id, to the letter, to our spelling of the model. */
export type GpuModels = ReadonlyMap<string, string>;

const DEVICES_MAX = 512;
/** A model that we have no price for: of nobody's asking. */
const UNKNOWN = "unknown";

/** Asks all three core nodes at once; one without an answer, or without a list, is `undefined`. */
export async function readGpuModels(network: Network): Promise<readonly (GpuModels | undefined)[]> {
  const answers = await Promise.all(CORES.map((core) => aggregate(network, core, PRICING_ADDRESS, "settings")));
  return answers.map((answer) => (answer.ok && answer.value !== "absent" ? modelsOf(answer.value) : undefined));
}

/** Of two entries for one device the first counts, as it does for a core node. */
function modelsOf(settings: JsonObject): GpuModels {
  const models = new Map<string, string>();
  for (const entry of (listOf(field(settings, "compatible_gpus")) ?? []).slice(0, DEVICES_MAX)) {
    const deviceId = field(entry, "device_id");
    if (typeof deviceId === "string" && !models.has(deviceId))
      models.set(deviceId, knownGpuModel(field(entry, "model")) ?? UNKNOWN);
  }
  return models;
}

/** The devices that two core nodes price as this model. */
export function devicesOf(perCore: readonly (GpuModels | undefined)[], model: string): ReadonlySet<string> {
  const agreed = new Set<string>();
  for (const models of perCore)
    for (const [deviceId, said] of models ?? [])
      if (said === model && perCore.filter((other) => other?.get(deviceId) === model).length >= 2) agreed.add(deviceId);
  return agreed;
}
