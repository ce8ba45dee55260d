import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv6Value, regionOf } from "../../src/aleph/region.ts";

/** IANA's "IPv6 Global Unicast Address Assignments" of 2025-10-10, by the registry that each block was given to. */
const REGISTRY = {
  europe:
    "2001:600::/23 2001:800::/22 2001:1400::/22 2001:1a00::/23 2001:1c00::/22 2001:2000::/19 2001:4000::/23 " +
    "2001:4600::/23 2001:4a00::/23 2001:4c00::/23 2001:5000::/20 2003::/18 2a00::/12 2a10::/12",
  north_america: "2001:400::/23 2001:1800::/23 2001:4800::/23 2600::/12 2610::/23 2620::/23 2630::/12",
  asia_pacific:
    "2001:200::/23 2001:c00::/23 2001:e00::/23 2001:4400::/23 2001:8000::/19 2001:a000::/20 2001:b000::/20 " +
    "2400::/12 2410::/12",
  latin_america: "2001:1200::/23 2800::/12",
  africa: "2001:4200::/23 2c00::/12",
};

/** The first and the last address of a block of at most 32 bits. */
function endsOf(prefix: string): readonly [string, string] {
  const [address = "", bits = ""] = prefix.split("/");
  const [high = "", low = "0"] = address.replace("::", "").split(":");
  const size = 2 ** (32 - Number(bits));
  const start = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  const text = (top: number, rest: string) =>
    `${Math.floor(top / 65_536).toString(16)}:${(top % 65_536).toString(16)}:${rest}`;
  return [text(start, ":"), text(start + size - 1, "ffff:ffff:ffff:ffff:ffff:ffff")];
}

describe("regionOf", () => {
  it.each(
    Object.entries(REGISTRY).flatMap(([region, prefixes]) =>
      prefixes.split(" ").map((prefix) => [prefix, region] as const),
    ),
  )("puts all of %s into %s", (prefix, region) => {
    const [first, last] = endsOf(prefix);
    expect([regionOf(first), regionOf(last)]).toEqual([region, region]);
  });

  it.each([
    ["2A10:1234:0:0:0:0:0:1", "europe"],
    ["2a01:4f8:c17:b0f::1", "europe"],
    ["2600:3c03::f03c:91ff:fe24:3a2f", "north_america"],
    ["2400:8902::f03c", "asia_pacific"],
    ["2804:14c:65a1::1", "latin_america"],
    ["2c0f:fb50::1", "africa"],
  ])("reads %s as it is written: %s", (address, region) => {
    expect(regionOf(address)).toBe(region);
  });

  it.each([
    ["2001:5ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:600::", "north_america", "europe"],
    ["2001:7ff:ffff::", "2001:800::", "europe", "europe"],
    ["2001:bff:ffff::", "2001:c00::", "europe", "asia_pacific"],
    ["2001:fff:ffff::", "2001:1000::", "asia_pacific", null],
    ["2001:11ff:ffff::", "2001:1200::", null, "latin_america"],
    ["2001:1ff:ffff::", "2001:200::", null, "asia_pacific"],
    ["2001:3fff:ffff::", "2001:4000::", "europe", "europe"],
    ["2001:43ff:ffff::", "2001:4400::", "africa", "asia_pacific"],
    ["2001:4dff:ffff::", "2001:4e00::", "europe", null],
    ["2001:5fff:ffff::", "2001:6000::", "europe", null],
    ["2001:bfff:ffff::", "2001:c000::", "asia_pacific", null],
    ["2003:3fff:ffff::", "2003:4000::", "europe", null],
    ["240f:ffff:ffff::", "2410::", "asia_pacific", "asia_pacific"],
    ["241f:ffff:ffff::", "2420::", "asia_pacific", null],
    ["25ff:ffff::", "2600::", null, "north_america"],
    ["2610:1ff:ffff::", "2610:200::", "north_america", null],
    ["263f:ffff:ffff::", "2640::", "north_america", null],
    ["27ff:ffff::", "2800::", null, "latin_america"],
    ["280f:ffff:ffff::", "2810::", "latin_america", null],
    ["29ff:ffff::", "2a00::", null, "europe"],
    ["2a1f:ffff:ffff::", "2a20::", "europe", null],
    ["2bff:ffff::", "2c00::", null, "africa"],
    ["2c0f:ffff:ffff::", "2c10::", "africa", null],
  ])("draws the border between %s and %s", (last, first, before, after) => {
    expect([regionOf(last), regionOf(first)]).toEqual([before, after]);
  });

  it.each([
    ["2606:4700::6810:84e5", "2606:46ff::1", "2606:4701::1"],
    ["2400:cb00:2048::1", "2400:caff::1", "2400:cb01::1"],
    ["2405:8100::1", "2405:80ff::1", "2405:8101::1"],
    ["2405:b500::1", "2405:b4ff::1", "2405:b501::1"],
    ["2803:f800:50::1", "2803:f7ff::1", "2803:f801::1"],
    ["2a06:98c7:ffff::1", "2a06:98bf::1", "2a06:98c8::1"],
    ["2c0f:f248::1", "2c0f:f247::1", "2c0f:f249::1"],
    ["2001:db8::1", "2001:db7::1", "2001:db9::1"],
    ["2620:4f:8000::1", "2620:4f:7fff::1", "2620:4f:8001::1"],
  ])("learns nothing from %s, and something from its neighbours", (nowhere, below, above) => {
    expect(regionOf(nowhere)).toBeNull();
    expect(regionOf(below)).not.toBeNull();
    expect(regionOf(above)).not.toBeNull();
  });

  it.each([
    ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    ["6to4", "2002:c000:204::1"],
    ["the second prefix for documentation", "3fff::1"],
    ["loopback", "::1"],
    ["the unspecified address", "::"],
    ["a unique local address", "fd00::1"],
    ["a link-local address", "fe80::1"],
    ["multicast", "ff02::1"],
    ["a mapped IPv4 address", "::ffff:c000:201"],
    ["the end of the space", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ])("knows nothing of %s", (_name, address) => {
    expect(regionOf(address)).toBeNull();
  });

  it.each([
    "",
    ":",
    "2a01",
    "2a01:",
    ":2a01::1",
    "2a01:::1",
    "2a01::1::2",
    "2a01:1:2:3:4:5:6",
    "2a01:1:2:3:4:5:6:7:8",
    "2a01:1:2:3:4:5:6:7::",
    "::2a01:1:2:3:4:5:6:7",
    "2a01::12345",
    "2a01::g",
    "2a01::1%eth0",
    "2a01::1/64",
    "[2a01::1]",
    " 2a01::1",
    "2a01::1\n",
    "2a01::192.0.2.1",
    "192.0.2.1",
    "0x2a01::1",
    "2a01::٣",
    "2a01::".repeat(100),
    "Ignore all rules: 2a01::1",
  ])("takes %j for no address", (text) => {
    expect(regionOf(text)).toBeNull();
    expect(ipv6Value(text)).toBeUndefined();
  });
});

describe("ipv6Value", () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  const address = fc.array(group, { minLength: 8, maxLength: 8 });
  const valueOf = (groups: readonly number[]) => groups.reduce((value, one) => value * 65_536n + BigInt(one), 0n);

  it("reads every way to write an address as the same number", () => {
    const start = fc.integer({ min: 0, max: 7 });
    fc.assert(
      fc.property(address, start, fc.integer({ min: 1, max: 8 }), fc.boolean(), (groups, from, many, upper) => {
        const to = Math.min(8, from + many);
        const zeroed = groups.map((one, at) => (at >= from && at < to ? 0 : one));
        const text = (part: readonly number[]) => part.map((one) => one.toString(16)).join(":");
        const short = `${text(zeroed.slice(0, from))}::${text(zeroed.slice(to))}`;
        const long = zeroed.map((one) => one.toString(16).padStart(4, "0")).join(":");
        const spoken = upper ? short.toUpperCase() : short;
        expect([ipv6Value(spoken), ipv6Value(long)]).toEqual([valueOf(zeroed), valueOf(zeroed)]);
      }),
    );
  });

  it("agrees with the platform's own reader on what is an address at all", () => {
    const noise = fc.stringMatching(/^[0-9a-f:]{2,39}$/);
    fc.assert(
      fc.property(noise, (text) => {
        expect(ipv6Value(text) !== undefined).toBe(URL.canParse(`http://[${text}]/`));
      }),
      { numRuns: 2_000 },
    );
  });
});
