/**
 * The prices and the GPU list that a core node uses when no `pricing` or `settings` aggregate exists (pyaleph b09db708,
 * 2026-07-20). Prices are per hour: credits in the credit era, ALEPH tokens for `holding` and `payg`. Fixed data.
 */
import type { JsonObject } from "./json.ts";

export const SETTINGS_OWNER = "0xFba561a84A537fCaa567bb7A2257e7142701ae2A";

const STORAGE_CREDIT = "0.17967489030626108";
const PAYG_STORAGE = "0.000000977";
const CU_COUNTS = [1, 2, 4, 6, 8, 12];
const PLAIN_TIERS = CU_COUNTS.map((units, at) => ({ id: `tier-${at + 1}`, compute_units: units }));

function product(holding: string, payg: string, credit: string, disk: number, tiers = PLAIN_TIERS): JsonObject {
  return {
    price: {
      storage: { payg: PAYG_STORAGE, holding: "0.05", credit: STORAGE_CREDIT },
      compute_unit: { payg, holding, credit },
    },
    tiers,
    compute_unit: { vcpus: 1, disk_mib: disk, memory_mib: 2048 },
  };
}

type GpuTier = readonly [model: string, units: number, vramMib: number];

function gpuProduct(holding: string, payg: string, credit: string, tiers: readonly GpuTier[]): JsonObject {
  return {
    price: {
      storage: { payg: PAYG_STORAGE, credit: STORAGE_CREDIT },
      compute_unit: { payg, holding, credit },
    },
    tiers: tiers.map(([model, units, vram], at) => ({ id: `tier-${at + 1}`, compute_units: units, model, vram })),
    compute_unit: { vcpus: 1, disk_mib: 61_440, memory_mib: 6144 },
  };
}

export const DEFAULT_PRICING: JsonObject = {
  program: product("200", "0.011", "2850", 2048),
  storage: { price: { storage: { holding: "0.333333333", credit: STORAGE_CREDIT } } },
  instance: product("1000", "0.055", "14250", 20_480),
  web3_hosting: { price: { fixed: 50, storage: { holding: "0.333333333", credit: STORAGE_CREDIT } } },
  program_persistent: product("1000", "0.055", "14250", 20_480),
  instance_gpu_premium: gpuProduct("560", "0.56", "86250", [
    ["A100", 16, 81_920],
    ["H100", 24, 81_920],
    ["RTX PRO 6000", 14, 98_304],
    ["H200", 32, 144_384],
  ]),
  instance_confidential: product("2000", "0.11", "28500", 20_480),
  instance_gpu_standard: gpuProduct("280", "0.28", "43125", [
    ["RTX 4000 ADA", 3, 20_480],
    ["RTX 3090", 4, 24_576],
    ["RTX 4090", 6, 24_576],
    ["L40S", 12, 49_152],
    ["RTX A5000", 3, 24_576],
    ["RTX A6000", 4, 49_152],
    ["RTX 5090", 8, 32_768],
    ["RTX 6000 ADA", 11, 49_152],
  ]),
};

type Gpu = readonly [name: string, model: string, deviceId: string];

/** 10de:2685 stands for two models; the first one listed wins. */
const GPUS: readonly Gpu[] = [
  ["AD102GL [L40S]", "L40S", "10de:26b9"],
  ["GB202 [GeForce RTX 5090]", "RTX 5090", "10de:2685"],
  ["GB202 [GeForce RTX 5090 D]", "RTX 5090", "10de:2687"],
  ["AD102 [GeForce RTX 4090]", "RTX 4090", "10de:2684"],
  ["AD102 [GeForce RTX 4090 D]", "RTX 4090", "10de:2685"],
  ["GA102 [GeForce RTX 3090]", "RTX 3090", "10de:2204"],
  ["GA102 [GeForce RTX 3090 Ti]", "RTX 3090", "10de:2203"],
  ["AD104GL [RTX 4000 SFF Ada Generation]", "RTX 4000 ADA", "10de:27b0"],
  ["AD104GL [RTX 4000 Ada Generation]", "RTX 4000 ADA", "10de:27b2"],
  ["GH100 [H100]", "H100", "10de:2336"],
  ["GH100 [H100 NVSwitch]", "H100", "10de:22a3"],
  ["GH100 [H100 CNX]", "H100", "10de:2313"],
  ["GH100 [H100 SXM5 80GB]", "H100", "10de:2330"],
  ["GH100 [H100 PCIe]", "H100", "10de:2331"],
  ["GA100", "A100", "10de:2080"],
  ["GA100", "A100", "10de:2081"],
  ["GA100 [A100 SXM4 80GB]", "A100", "10de:20b2"],
  ["GA100 [A100 PCIe 80GB]", "A100", "10de:20b5"],
  ["GA100 [A100X]", "A100", "10de:20b8"],
];

export const DEFAULT_SETTINGS: JsonObject = {
  compatible_gpus: GPUS.map(([name, model, deviceId]) => ({ name, model, vendor: "NVIDIA", device_id: deviceId })),
  community_wallet_address: "0x5aBd3258C5492fD378EBC2e0017416E199e5Da56",
  community_wallet_timestamp: 1_739_301_770,
};

/** The images of ccn.md §2. Their sizes are this twin's own: 2 GiB, below the smallest disk that is ever rented. */
export const DEFAULT_IMAGES: readonly { readonly slug: string; readonly name: string; readonly hash: string }[] = [
  { slug: "debian12", name: "Debian 12", hash: "b6ff5c3a8205d1ca4c7c3369300eeafff498b558f71b851aa2114afd0a532717" },
  { slug: "ubuntu22", name: "Ubuntu 22.04", hash: "4a0f62da42f4478544616519e6f5d58adb1096e069b392b151d47c3609492d0c" },
  { slug: "ubuntu24", name: "Ubuntu 24.04", hash: "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e" },
];
export const DEFAULT_IMAGE_BYTES = 2 * 1024 ** 3;
