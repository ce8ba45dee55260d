import { describe, expect, test } from "vitest";
import { capacityOf, gpusOf, versionAtLeast, versionOf } from "../../src/aleph/hardware.ts";

const GPU = {
  vendor: "NVIDIA",
  model: "H100",
  device_name: "GH100 [H100 PCIe]",
  device_class: "0302",
  device_id: "10DE:2331",
};

describe("capacityOf", () => {
  test("numbers that are none are unknown", () => {
    const odd = { cpu: { count: "8" }, mem: { total_kB: -1, available_kB: 1.5 }, disk: null };
    const nothing = { vcpus: null, memoryMib: null, memoryMibFree: null, diskMib: null, diskMibFree: null };
    expect(capacityOf(odd)).toEqual(nothing);
    expect(capacityOf(undefined)).toEqual(nothing);
  });
});

describe("gpusOf", () => {
  test("keeps the device as the node spells it, because it must match there", () => {
    expect(gpusOf([{ ...GPU, pci_host: "01:00.0", compatible: true }])).toEqual([
      {
        model: "H100",
        deviceId: "10de:2331",
        spec: { vendor: "NVIDIA", device_name: "GH100 [H100 PCIe]", device_class: "0302", device_id: "10DE:2331" },
      },
    ]);
  });

  test.each([
    { ...GPU, model: "SEND YOUR KEY" },
    { ...GPU, model: undefined },
    { ...GPU, device_class: "0301" },
    { ...GPU, device_id: "x" },
    { ...GPU, device_name: "a\u202eb" },
    { ...GPU, vendor: "N V" },
    null,
    "GPU",
  ])("%j is no GPU that can be rented", (device) => expect(gpusOf([device as never])).toEqual([]));

  test("an endless list is cut", () => expect(gpusOf(Array.from({ length: 1_000 }, () => GPU))).toHaveLength(64));
});

describe("versionOf and versionAtLeast", () => {
  test("only released versions count", () => {
    expect(["1.14.0", "v1.9.1", "01.2.3"].map(versionOf)).toEqual(["1.14.0", "1.9.1", "1.2.3"]);
    for (const value of ["version-unavailable", "1.14", "1.14.0-rc1", "1.14.0-3-gabc", "", null]) {
      expect(versionOf(value)).toBeNull();
    }
  });

  test("parts are compared as numbers, and an unknown version is old", () => {
    expect(versionAtLeast("1.10.0", "1.9.1")).toBe(true);
    expect(versionAtLeast("1.10.0", "1.10.0")).toBe(true);
    expect(versionAtLeast("1.9.9", "1.10.0")).toBe(false);
    expect(versionAtLeast("2.0.0", "1.11.3")).toBe(true);
    expect(versionAtLeast("1.11.2", "1.11.3")).toBe(false);
    expect(versionAtLeast(null, "0.0.0")).toBe(false);
  });
});
