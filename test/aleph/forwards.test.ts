import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agreedPorts, askedPorts, differ, forwardRows, mappedPorts, SSH } from "../../src/aleph/forwards.ts";
import type { JsonObject, JsonValue } from "../../src/aleph/wire.ts";

const HASH = "a".repeat(64);
const ssh = { ...SSH, hostPort: 24_000 } as const;
const web = { port: 8080, protocol: "tcp" } as const;

describe("what a node's list says it maps", () => {
  test("each port, for TCP unless it says otherwise, 22 first", () => {
    const said = { "8080": { host: 24_001, tcp: true, udp: true }, "22": { host: 24_000 } };
    expect(mappedPorts(said)).toEqual([
      ssh,
      { port: 8080, protocol: "tcp", hostPort: 24_001 },
      { port: 8080, protocol: "udp", hostPort: 24_001 },
    ]);
  });

  test("nothing of ports is not an empty list of them", () => {
    expect(mappedPorts(undefined)).toBeUndefined();
    expect(mappedPorts({})).toEqual([]);
  });

  test("names and numbers that are no ports are dropped, and no list is so long that 22 falls out of it", () => {
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [String(at + 100), { host: at + 1 }]));
    const ports = mappedPorts({
      ...many,
      "0": { host: 1 },
      "022": { host: 2 },
      "70000": { host: 3 },
      "22": { host: 24_000 },
    });
    expect(ports?.[0]).toEqual(ssh);
    expect(ports).toHaveLength(21);
    for (const host of [0, 65_536, 1.5, "24000", null, { a: 1 }]) expect(mappedPorts({ "22": { host } })).toEqual([]);
  });

  test("whatever it says, only a few whole numbers come of it", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.string(), fc.nat(70_000).map(String)), fc.jsonValue()), (said) => {
        for (const one of mappedPorts(said as JsonObject) ?? []) {
          expect(Object.keys(one).toSorted()).toEqual(["hostPort", "port", "protocol"]);
          expect(["tcp", "udp"]).toContain(one.protocol);
          for (const port of [one.port, one.hostPort])
            expect(port >= 1 && port <= 65_535 && Number.isInteger(port)).toBe(true);
        }
      }),
    );
  });
});

describe("what is asked for", () => {
  test("22 always, and what the owner's aggregate names for this machine with both flags", () => {
    const ports = { "8080": { tcp: true, udp: false }, "53": { tcp: false, udp: true }, "99": { tcp: true } };
    expect(askedPorts("absent", HASH)).toEqual([SSH]);
    expect(askedPorts({ [HASH]: { ports } }, HASH)).toEqual([SSH, { port: 53, protocol: "udp" }, web]);
    expect(askedPorts({ [HASH]: { ports } }, "b".repeat(64))).toEqual([SSH]);
  });

  test("22 is named once, whatever the aggregate says", () => {
    const aggregate: JsonValue = { [HASH]: { ports: { "22": { tcp: true, udp: false } } } };
    expect(askedPorts(aggregate, HASH)).toEqual([SSH]);
  });

  test("two core nodes have to agree; a silent one counts for nothing", () => {
    expect(agreedPorts([[SSH, web], [SSH], [SSH, web]])).toEqual([SSH, web]);
    expect(agreedPorts([[SSH, web], [SSH], null])).toBeNull();
    expect(agreedPorts([null, null, [SSH]])).toBeNull();
  });
});

describe("both beside each other", () => {
  test("mapped, missing and unasked", () => {
    const stray = { port: 25, protocol: "tcp", hostPort: 24_009 } as const;
    expect(forwardRows({ asked: [SSH, web], mapped: [ssh, stray] })).toEqual([
      { ...ssh, state: "mapped" },
      { ...stray, state: "unasked" },
      { ...web, hostPort: null, state: "missing" },
    ]);
  });

  test("while nobody knows what is asked for, only 22 can be missing and nothing is unasked", () => {
    expect(differ({ asked: null, mapped: [ssh, { ...web, hostPort: 24_001 }] })).toBe(false);
    expect(differ({ asked: null, mapped: [] })).toBe(true);
    expect(differ({ asked: [SSH], mapped: [ssh] })).toBe(false);
  });
});
