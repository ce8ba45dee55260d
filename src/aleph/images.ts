/**
 * The system images a VM can start from: short names, and the hash each one stands for.
 *
 * Pure but for `readImages`. A hash counts where two core nodes name the same; the three that every client of the
 * network carries are the fallback.
 */
import { aggregate } from "./core-nodes.ts";
import { CORES, PRICING_ADDRESS } from "./network.ts";
import type { Network } from "./network.ts";
import { medianOrWorse } from "./numbers.ts";
import { countOf, field, hashOf, objectOf } from "./wire.ts";
import type { JsonObject } from "./wire.ts";

export type Image = { readonly slug: string; readonly hash: string; readonly minDiskMib: number };

/** The free disk of the smallest VM; an image that states no size of its own fits into it. */
const DISK_MIB = 20_480;
/** A hundred times the free disk: an image that needs more is no image, and its size not one that a node may make up. */
const DISK_MIB_MAX = 100 * DISK_MIB;
const SLUG = /^[a-z0-9][a-z0-9._-]{0,31}$/;
const IMAGES_MAX = 64;

export const DEFAULT_IMAGES: readonly Image[] = [
  { slug: "debian12", hash: "b6ff5c3a8205d1ca4c7c3369300eeafff498b558f71b851aa2114afd0a532717", minDiskMib: DISK_MIB },
  { slug: "ubuntu22", hash: "4a0f62da42f4478544616519e6f5d58adb1096e069b392b151d47c3609492d0c", minDiskMib: DISK_MIB },
  { slug: "ubuntu24", hash: "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e", minDiskMib: DISK_MIB },
];

/** Never fails: what two core nodes agree on, over the fallback. */
export async function readImages(network: Network): Promise<readonly Image[]> {
  const answers = await Promise.all(CORES.map((core) => aggregate(network, core, PRICING_ADDRESS, "vm-images")));
  const lists = answers.map((answer) => (answer.ok && answer.value !== "absent" ? imagesOf(answer.value) : []));
  const images = new Map(DEFAULT_IMAGES.map((image) => [image.slug, image]));
  for (const image of lists.flat()) {
    const agreeing = lists.flat().filter((other) => other.slug === image.slug && other.hash === image.hash);
    if (agreeing.length < 2) continue;
    const sizes = agreeing.map((other) => other.minDiskMib);
    images.set(image.slug, { ...image, minDiskMib: medianOrWorse(sizes, "larger") ?? DISK_MIB });
  }
  return [...images.values()];
}

function imagesOf(aggregated: JsonObject): readonly Image[] {
  const rootfs = Object.entries(objectOf(field(aggregated, "rootfs")) ?? {}).slice(0, IMAGES_MAX);
  return rootfs.flatMap(([slug, value]) => {
    const hash = hashOf(field(value, "hash"));
    if (!SLUG.test(slug) || hash === undefined || field(value, "deprecated") === true) return [];
    const minDiskMib = countOf(field(value, "min_disk_mib")) ?? DISK_MIB;
    return [{ slug, hash, minDiskMib: minDiskMib > DISK_MIB_MAX ? DISK_MIB : minDiskMib }];
  });
}

/** By short name, by a common spelling of it (`Ubuntu 24.04`, `debian-12`), or by hash; unknown hashes are no images. */
export function imageOf(images: readonly Image[], nameOrHash: string): Image | undefined {
  const wanted = plain(nameOrHash);
  return images.find((image) => image.hash === nameOrHash || plain(image.slug) === wanted);
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .replace(/^(ubuntu\d\d)04$/, "$1");
}
