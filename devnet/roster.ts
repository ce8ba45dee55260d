/**
 * The cast of the twin: three core nodes and ten compute nodes of different size, version and place, and how the
 * `corechannel` aggregate speaks of them. Fixed data; the names end in `.example`, so nothing here exists outside.
 */
import { sha256Hex } from "../src/crypto/hash.ts";
import { CACHE_MS, type GpuDevice, type NodeSpec } from "./crn/spec.ts";
import type { JsonObject } from "./wire.ts";

export const CORECHANNEL_ADDRESS = "0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10";
/** The first account of Anvil and Hardhat: a public test key. It owns $50 here. */
export const DEV_WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const DEV_WALLET_CREDITS = 50_000_000;

export const CORE_HOSTS = ["api.aleph.im", "api2.aleph.im", "api3.aleph.im"] as const;
/** A second name of the first core node, the default API_SERVER of compute nodes. */
export const OFFICIAL_HOST = "official.aleph.cloud";
export const CRN_LIST_HOST = "crns-list.aleph.sh";
export const SCHEDULER_HOSTS: readonly string[] = ["scheduler.api.aleph.cloud", "scheduler.api.aleph.sh"];

/** Answers DNS questions over HTTPS, as JSON. */
export const RESOLVER_HOST = "cloudflare-dns.com";

/** How long each core node takes to judge a message, to hear of one from another, and to learn of an expense. */
export const CORE_TIMES = [
  { processingMs: 150, gossipMs: 300, booksMs: 0 },
  { processingMs: 350, gossipMs: 600, booksMs: 20_000 },
  { processingMs: 800, gossipMs: 1_500, booksMs: 45_000 },
] as const;

/** As many compute nodes as the largest network that anybody has to survive. */
export const NODES_MAX = 5_000;

export type RosterEntry = {
  readonly spec: NodeSpec;
  readonly name: string;
  readonly owner: string;
  readonly score: number;
  readonly coreIndex: number;
  readonly address: string;
  readonly terms: string;
};

const RTX_4000: GpuDevice = {
  vendor: "NVIDIA",
  model: "RTX 4000 ADA",
  device_name: "AD104GL [RTX 4000 SFF Ada Generation]",
  device_class: "0300",
  pci_host: "01:00.0",
  device_id: "10de:27b0",
  compatible: true,
};
const H100: GpuDevice = {
  vendor: "NVIDIA",
  model: "H100",
  device_name: "GH100 [H100 PCIe]",
  device_class: "0302",
  pci_host: "41:00.0",
  device_id: "10de:2331",
  compatible: true,
};

type Line = readonly [
  city: string,
  version: string,
  cores: number,
  memoryGib: number,
  diskGib: number,
  score: number,
  coreIndex: number,
];

const LINES: readonly Line[] = [
  ["paris", "1.14.0", 32, 128, 2000, 0.97, 0],
  ["frankfurt", "1.14.0", 16, 64, 1000, 0.95, 0],
  ["helsinki", "1.13.1", 24, 96, 1500, 0.93, 1],
  ["london", "1.12.0", 16, 48, 500, 0.91, 0],
  ["newyork", "1.11.3", 48, 256, 4000, 0.94, 2],
  ["singapore", "1.11.0", 16, 64, 1000, 0.88, 0],
  ["tokyo", "1.10.2", 12, 48, 800, 0.86, 1],
  ["madrid", "1.9.2", 16, 64, 1000, 0.9, 0],
  ["reykjavik", "1.14.0", 32, 128, 2000, 0.92, 0],
  ["dallas", "1.13.0", 64, 512, 8000, 0.89, 0],
];

const GPUS: Readonly<Record<string, readonly GpuDevice[]>> = {
  reykjavik: [RTX_4000, { ...RTX_4000, pci_host: "02:00.0" }],
  dallas: [H100],
};

export const ROSTER: readonly RosterEntry[] = LINES.map((line, index) => entryOf(line, index));

/** The ten of the roster, fewer of them, or as many more of the same kinds as are wanted. */
export function rosterOf(nodes: number): readonly RosterEntry[] {
  return Array.from({ length: nodes }, (_, index) => ROSTER[index] ?? entryOf(lineAt(index), index));
}

function lineAt(index: number): Line {
  const [first] = LINES;
  const like = LINES[index % LINES.length] ?? first;
  if (like === undefined) throw new Error("an empty roster");
  const [city, ...rest] = like;
  return [`${city}-${index}`, ...rest];
}

function entryOf(line: Line, index: number): RosterEntry {
  const [name, version, cores, memoryGib, diskGib, score, coreIndex] = line;
  const city = name.split("-")[0] ?? name;
  const domain = `crn-${name}.twin.example`;
  const spec: NodeSpec = {
    hash: sha256Hex(`twin compute node ${name}`),
    domain,
    version,
    cores,
    memoryMib: memoryGib * 1024,
    diskMib: diskGib * 1024,
    ipv4: ipv4Of(index),
    // The documentation prefix: never routed.
    ipv6Pool: `2001:db8:${(10 + index).toString(16)}:1`,
    gpus: GPUS[city] ?? [],
    monitorMs: 60_000,
    cacheMs: CACHE_MS,
  };
  return {
    spec,
    name: `Twin ${name}`,
    owner: addressFrom(`twin operator ${name}`),
    score,
    coreIndex,
    // Operators write their address as they like: one of them with a slash at its end.
    address: name === "london" ? `https://${domain}/` : `https://${domain}`,
    terms: name === "tokyo" ? sha256Hex("twin terms of tokyo") : "",
  };
}

/** TEST-NET-3 for the first, then the range for benchmarks: none of it is ever routed. */
function ipv4Of(index: number): string {
  return index < 200 ? `203.0.113.${10 + index}` : `198.18.${Math.floor(index / 250)}.${index % 250}`;
}

/** An address-shaped text that nobody has the key of. */
function addressFrom(text: string): string {
  return `0x${sha256Hex(text).slice(0, 40)}`;
}

/** When all of them registered: some day before any story of the twin begins. */
const REGISTERED_S = Date.UTC(2026, 7, 20) / 1000;

/** The content of the `corechannel` aggregate: the same whenever it is asked for, so it need not be stored. */
export function corechannel(roster: readonly RosterEntry[]): JsonObject {
  const nodes = CORE_HOSTS.map((host, index) => ({
    hash: sha256Hex(`twin core node ${index}`),
    name: `Twin core ${index + 1}`,
    type: "core",
    owner: addressFrom(`twin core operator ${index}`),
    multiaddress: `/dns4/${host}/tcp/4025/p2p/twin${index}`,
    status: "active",
    score: 0.98,
    time: REGISTERED_S,
    resource_nodes: roster.filter((_, at) => at % CORE_HOSTS.length === index).map((entry) => entry.spec.hash),
    inactive_since: null,
  }));
  const parents = CORE_HOSTS.map((_, index) => sha256Hex(`twin core node ${index}`));
  const parent = (index: number) => parents[index % parents.length] ?? "";
  return { nodes, resource_nodes: roster.map((entry, index) => listedNode(entry, parent(index))) };
}

/** One entry of `corechannel.resource_nodes`. */
export function listedNode(entry: RosterEntry, parent: string): JsonObject {
  return {
    hash: entry.spec.hash,
    name: entry.name,
    type: "compute",
    owner: entry.owner,
    manager: "",
    reward: entry.owner,
    address: entry.address,
    multiaddress: "",
    status: "linked",
    parent,
    time: REGISTERED_S,
    score: entry.score,
    score_updated: true,
    decentralization: 0.5,
    performance: entry.score,
    inactive_since: null,
    locked: "",
    authorized: "",
    stream_reward: "",
    terms_and_conditions: entry.terms,
    registration_url: "",
    picture: "",
    banner: "",
    description: "",
  };
}
