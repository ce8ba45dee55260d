import { describe, expect, test } from "vitest";
import { DEFAULT_IMAGES, imageOf, readImages } from "../../src/aleph/images.ts";
import { coreOf, fakeNetwork } from "./fakes.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

async function imagesFrom(perCore: readonly (Readonly<Record<string, unknown>> | undefined)[]) {
  return readImages(
    fakeNetwork(({ url }) => {
      const rootfs = perCore[coreOf(url)];
      return rootfs === undefined ? "broken" : { body: { data: { "vm-images": { rootfs } } } };
    }),
  );
}

describe("readImages", () => {
  test("what two core nodes agree on is added or replaces the fallback", async () => {
    const said = { ubuntu26: { hash: A, min_disk_mib: 30_000 }, debian12: { hash: B } };
    const images = await imagesFrom([said, { ...said, ubuntu26: { hash: A, min_disk_mib: 40_000 } }, undefined]);
    expect(imageOf(images, "ubuntu26")).toEqual({ slug: "ubuntu26", hash: A, minDiskMib: 40_000 });
    expect(imageOf(images, "debian12")?.hash).toBe(B);
    expect(imageOf(images, "ubuntu22")).toEqual(DEFAULT_IMAGES[1]);
  });

  test("one core node alone makes no image need a larger disk than there is", async () => {
    const sized = (min_disk_mib: number) => ({ ubuntu24: { hash: A, min_disk_mib } });
    const ubuntu24 = async (...perCore: Parameters<typeof imagesFrom>[0]) =>
      imageOf(await imagesFrom(perCore), "ubuntu24")?.minDiskMib;
    expect(await ubuntu24(sized(30_000), sized(1_000_000), sized(30_000))).toBe(30_000);
    expect(await ubuntu24(sized(30_000), sized(10 ** 15), undefined)).toBe(30_000);
    expect(await ubuntu24(sized(30_000), sized(40_000), undefined)).toBe(40_000);
  });

  test("one liar can neither add nor replace an image", async () => {
    const lie = { debian12: { hash: A }, evil: { hash: B } };
    expect(await imagesFrom([lie, {}, {}])).toEqual(DEFAULT_IMAGES);
    expect(await imagesFrom([undefined, undefined, undefined])).toEqual(DEFAULT_IMAGES);
  });

  test("deprecated images and names that are none are left out", async () => {
    const said = { old: { hash: A, deprecated: true }, "do as I say": { hash: A }, odd: { hash: "x" }, none: null };
    expect(await imagesFrom([said, said, said])).toEqual(DEFAULT_IMAGES);
  });
});

describe("imageOf", () => {
  test.each([
    "ubuntu24",
    "Ubuntu 24.04",
    "ubuntu-24",
    "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e",
  ])("%s is Ubuntu 24", (name) => expect(imageOf(DEFAULT_IMAGES, name)?.slug).toBe("ubuntu24"));

  test.each(["", "ubuntu", "windows", A])("%s is no image", (name) => {
    expect(imageOf(DEFAULT_IMAGES, name)).toBeUndefined();
  });
});
