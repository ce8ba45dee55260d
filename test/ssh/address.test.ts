import { describe, expect, it } from "vitest";
import { isDialledPort, isPublicIpv4, isPublicIpv6 } from "../../src/ssh/address.ts";

describe("isPublicIpv4", () => {
  it.each(["203.0.113.10", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "223.255.255.255"])(
    "%s may be dialled",
    (address) => expect(isPublicIpv4(address)).toBe(true),
  );

  it.each([
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "255.255.255.255",
    "256.1.1.1",
    "0177.0.0.1",
    "127.1",
    "0x7f.0.0.1",
    "node.example",
    "1.2.3.4:22",
    "",
  ])("%s may not", (address) => expect(isPublicIpv4(address)).toBe(false));
});

describe("isPublicIpv6", () => {
  it.each(["2001:db8:a:1:3:abcd:ef01:2341", "2a01:4f8::1", "3fff::1"])("%s may be dialled", (address) =>
    expect(isPublicIpv6(address)).toBe(true),
  );

  it.each([
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2002:7f00:1::1",
    "2001::1",
    "2001:0:1::1",
    "4000::1",
    "[2a01::1]",
    "2a01::1%eth0",
    "2a01::1::2",
    "",
  ])("%s may not", (address) => expect(isPublicIpv6(address)).toBe(false));
});

describe("isDialledPort", () => {
  it("is 22 or above the system's own", () => {
    expect([22, 1_024, 24_000, 65_535].filter(isDialledPort)).toHaveLength(4);
    expect([0, 21, 25, 80, 1_023, 65_536, -1, 22.5, Number.NaN].filter(isDialledPort)).toEqual([]);
  });
});
