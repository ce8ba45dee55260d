import { describe, expect, test } from "vitest";
import { devicesOf, readGpuModels } from "../../src/aleph/gpu-models.ts";
import { coreOf, fakeNetwork, type Reply } from "./fakes.ts";

const gpu = (device_id: unknown, model: unknown) => ({ name: "a card", vendor: "NVIDIA", device_id, model });
const settings = (...compatible_gpus: readonly unknown[]): Reply => ({
  body: { data: { settings: { compatible_gpus } } },
});

/** What may be taken for an H100, as these three core nodes say. */
async function h100(...perCore: readonly Reply[]): Promise<readonly string[]> {
  const network = fakeNetwork(({ url }) => perCore[coreOf(url)] ?? "broken");
  const models = await readGpuModels(network);
  expect(network.calls.map(({ url }) => url.searchParams.get("keys"))).toEqual(["settings", "settings", "settings"]);
  return [...devicesOf(models, "H100")];
}

describe("the devices of a model", () => {
  const honest = settings(gpu("10de:2331", "H100"), gpu("10de:27b0", "RTX 4000 ADA"));

  test("are those that two core nodes price as that model, however they spell it", async () => {
    const spelled = settings(gpu("10de:2331", "h100 "));
    expect(await h100(honest, spelled, "broken")).toEqual(["10de:2331"]);
  });

  test("are none on one core node's word, and none that another model was listed for first", async () => {
    const lying = settings(gpu("10de:27b0", "H100"), gpu("10de:2331", "H100"));
    expect(await h100(lying, honest, honest)).toEqual(["10de:2331"]);
    expect(await h100(lying, "broken", "broken")).toEqual([]);
    const twice = settings(gpu("10de:2331", "A100"), gpu("10de:2331", "H100"));
    expect(await h100(twice, twice, twice)).toEqual([]);
  });

  test("are none without a list, whatever stands in its place", async () => {
    const bad: readonly Reply[] = [
      { status: 404, body: "" },
      { body: { data: { settings: { compatible_gpus: "x" } } } },
    ];
    for (const one of [...bad, settings(null, 5, gpu(5, "H100"), gpu("10de:2331", 5))])
      expect(await h100(one, one, one)).toEqual([]);
  });
});
