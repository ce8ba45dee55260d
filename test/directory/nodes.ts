/** Entries of the node list and a small network of nodes to probe, for the directory's tests. */
import type { Wanted } from "../../src/directory/choice.ts";
import type { Network } from "../../src/aleph/network.ts";
import type { Gpu, NodeEntry } from "../../src/aleph/nodes.ts";
import type { Clock, Net, Random } from "../../src/ports.ts";

export const SHAPE = { vcpus: 4, memoryMib: 8_192, diskMib: 20_480 };
/** Exactly 25 % more than SHAPE. */
export const ROOM = { vcpus: 5, memoryMibFree: 10_240, diskMibFree: 25_600 };

export const GPU: Gpu = {
  model: "RTX 4000 ADA",
  deviceId: "10de:27b0",
  spec: {
    vendor: "NVIDIA",
    device_name: "AD104GL [RTX 4000 SFF Ada Generation]",
    device_class: "0300",
    device_id: "10de:27b0",
  },
};

export function hashOf(letter: string): string {
  return letter.repeat(64);
}

/** A node that fits SHAPE; its name is crn-<letter>.example.org. */
export function entry(letter: string, differs: Partial<NodeEntry> = {}): NodeEntry {
  return {
    nodeHash: hashOf(letter),
    origin: `https://crn-${letter}.example.org`,
    score: 0.95,
    version: "1.14.0",
    linked: true,
    inactive: false,
    ipv6Ok: true,
    qemu: true,
    vcpus: 16,
    memoryMib: 65_536,
    memoryMibFree: 49_152,
    diskMib: 1_000_000,
    diskMibFree: 500_000,
    gpus: [],
    gpusFree: [],
    ...differs,
  };
}

export function wanted(differs: Partial<Wanted> = {}): Wanted {
  return { shape: SHAPE, cooling: new Set(), tried: new Set(), ...differs };
}

export function fixedClock(nowMs: number): Clock & { set: (ms: number) => void } {
  let now = nowMs;
  return {
    nowMs: () => now,
    alarmAtMs: (dueMs) => dueMs,
    set: (ms) => {
      now = ms;
    },
  };
}

/** Always the same byte: 0 draws the best first. */
export function sameBytes(byte = 0): Random {
  return { bytes: (length) => new Uint8Array(length).fill(byte) };
}

export function networkOf(net: Net): Network {
  return {
    net,
    coreOrigins: ["https://core-1.example.org", "https://core-2.example.org", "https://core-3.example.org"],
    crnListOrigin: "https://list.example.org",
    schedulerOrigin: "https://scheduler.example.org",
    resolverOrigin: "https://resolver.example.org",
  };
}

export type Answers = { readonly config?: object; readonly usage?: object; readonly fails?: () => Promise<Response> };

/**
 * Answers `/status/config` and `/about/usage/system` as the nodes of `entry` would, except where told otherwise, and for
 * the core nodes but those that are `silent`. `asked` are the letters of nodes and the names of core nodes.
 */
export function nodesNet(
  differs: Readonly<Record<string, Answers>> = {},
  silent: readonly string[] = [],
): { net: Net; asked: string[] } {
  const asked: string[] = [];
  const net: Net = async (request) => {
    const { hostname, pathname } = new URL(request.url);
    if (pathname === "/api/v0/version") {
      asked.push(hostname);
      return silent.includes(hostname) ? new Response("down", { status: 521 }) : Response.json({ version: "1" });
    }
    const letter = hostname.slice("crn-".length, "crn-".length + 1);
    const own = differs[letter] ?? {};
    if (!asked.includes(letter)) asked.push(letter);
    if (own.fails !== undefined) return own.fails();
    if (pathname === "/status/config")
      return Response.json({ DOMAIN_NAME: hostname, node_hash: hashOf(letter), version: "1.14.0", ...own.config });
    return Response.json({ ...usage(49_152), ...own.usage });
  };
  return { net, asked };
}

export function usage(memoryMibFree: number): object {
  return {
    cpu: { count: 16 },
    mem: { total_kB: 65_536 * 1024, available_kB: memoryMibFree * 1024 },
    disk: { total_kB: 1_000_000 * 1024, available_kB: 500_000 * 1024 },
  };
}
