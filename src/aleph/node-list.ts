/**
 * The list of compute nodes: addresses only where two core nodes agree on them, measurements from the public list.
 *
 * The public list is unsigned, so it adds numbers and never an address; an entry that names another address is dropped.
 * Names and descriptions of nodes are never read.
 */
import { aggregate } from "./core-nodes.ts";
import { fetchJson, nodeOriginAllowed } from "./fetch.ts";
import { capacityOf, gpusOf, versionOf } from "./hardware.ts";
import type { Capacity, Gpu } from "./hardware.ts";
import { CORECHANNEL_ADDRESS, CORES, known, unknown } from "./network.ts";
import type { Network, Outcome } from "./network.ts";
import { field, finiteOf, hashOf, listOf } from "./wire.ts";
import type { JsonObject, JsonValue } from "./wire.ts";

export type NodeEntry = Capacity & {
  readonly nodeHash: string;
  readonly origin: string;
  /** 0 to 1, the worse of what the core nodes say. */
  readonly score: number;
  readonly version: string | null;
  readonly linked: boolean;
  readonly inactive: boolean;
  /** Item hash of terms that the owner would have to accept; DISPUTED: there are some, and no one hash stands for them. */
  readonly termsHash?: string;
  readonly ipv6Ok: boolean;
  readonly qemu: boolean;
  readonly gpus: readonly Gpu[];
  readonly gpusFree: readonly Gpu[];
};

/** About 700 nodes of a few kilobytes each, with room to grow tenfold. */
const LIST_BYTES_MAX = 8 * 1_048_576;
/** The list refreshes itself before it answers, for up to ten seconds. */
const LIST_TIMEOUT_MS = 15_000;
const NODES_MAX = 5_000;

/** No hash, so that nobody can accept it. */
const DISPUTED = "";
type Registered = Pick<NodeEntry, "origin" | "score" | "linked" | "inactive" | "termsHash">;

/** Fails when fewer than two core nodes or not the public list can be read. */
export async function nodeList(network: Network): Promise<Outcome<readonly NodeEntry[]>> {
  const [measured, ...channels] = await Promise.all([
    fetchJson(network.net, {
      url: `${network.crnListOrigin}/crns.json?filter_inactive=true`,
      timeoutMs: LIST_TIMEOUT_MS,
      bytesMax: LIST_BYTES_MAX,
    }),
    ...CORES.map((core) => aggregate(network, core, CORECHANNEL_ADDRESS, "corechannel", LIST_BYTES_MAX)),
  ]);
  if (!measured.ok) return measured;
  const crns = listOf(field(measured.value, "crns"));
  const registers = channels.flatMap((answer) =>
    answer.ok && answer.value !== "absent" ? [registerOf(answer.value)] : [],
  );
  if (crns === undefined) return unknown("bad_answer");
  if (registers.length < 2) return channels.find((answer) => !answer.ok) ?? unknown("bad_answer");
  return known(crns.slice(0, NODES_MAX).flatMap((crn) => entryOf(crn, registers) ?? []));
}

function registerOf(corechannel: JsonObject): ReadonlyMap<string, Registered> {
  const nodes = (listOf(field(corechannel, "resource_nodes")) ?? []).slice(0, NODES_MAX);
  return new Map(
    nodes.flatMap((node) => {
      const hash = hashOf(field(node, "hash"));
      const origin = originOf(field(node, "address"));
      return hash === undefined || origin === undefined ? [] : [[hash, registered(node, origin)] as const];
    }),
  );
}

function registered(node: JsonValue, origin: string): Registered {
  const termsHash = termsIn(field(node, "terms_and_conditions"));
  const inactiveSince = field(node, "inactive_since");
  const score = finiteOf(field(node, "score")) ?? 0;
  return {
    origin,
    score: Math.min(1, Math.max(0, score)),
    linked: field(node, "status") === "linked",
    inactive: inactiveSince !== undefined && inactiveSince !== null,
    ...(termsHash === undefined ? {} : { termsHash }),
  };
}

/** The origin of an address as operators write it: perhaps without scheme, with a path or a trailing slash. */
function originOf(value: JsonValue | undefined): string | undefined {
  if (typeof value !== "string" || value.length > 300) return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value.trim()) ? value.trim() : `https://${value.trim()}`;
  return nodeOriginAllowed(text) ? URL.parse(text)?.origin : undefined;
}

function entryOf(crn: JsonValue, registers: readonly ReadonlyMap<string, Registered>[]): NodeEntry | undefined {
  const nodeHash = hashOf(field(crn, "hash"));
  const agreed = nodeHash === undefined ? undefined : agreedOn(nodeHash, registers);
  if (nodeHash === undefined || agreed === undefined) return undefined;
  if (originOf(field(crn, "address")) !== agreed.origin) return undefined;
  return {
    ...agreed,
    ...capacityOf(field(crn, "system_usage")),
    nodeHash,
    version: versionOf(field(crn, "version")),
    ipv6Ok: ipv6Ok(field(crn, "ipv6_check")),
    qemu: field(crn, "qemu_support") !== false,
    gpus: gpusOf(field(crn, "compatible_gpus")),
    gpusFree: gpusOf(field(crn, "compatible_available_gpus")),
  };
}

/** What two core nodes with the same address say of a node; where they differ otherwise, the worse. */
function agreedOn(nodeHash: string, registers: readonly ReadonlyMap<string, Registered>[]): Registered | undefined {
  const said = registers.flatMap((register) => register.get(nodeHash) ?? []);
  const backed = said.find((one) => said.filter((other) => other.origin === one.origin).length >= 2);
  if (backed === undefined) return undefined;
  const backers = said.filter((one) => one.origin === backed.origin);
  const termsHash = termsOf(backers.map((one) => one.termsHash));
  return {
    origin: backed.origin,
    score: Math.min(...backers.map((one) => one.score)),
    linked: backers.every((one) => one.linked),
    inactive: backers.some((one) => one.inactive),
    ...(termsHash === undefined ? {} : { termsHash }),
  };
}

/** Two decide, for terms or for none; of one against one the hash that is named, of two different ones neither. */
function termsOf(said: readonly (string | undefined)[]): string | undefined {
  const isAgreed = (one: string | undefined): boolean => said.filter((other) => other === one).length >= 2;
  if (said.some(isAgreed)) return said.find(isAgreed);
  const [hash, ...others] = said.filter((one) => one !== undefined);
  return others.length > 0 ? DISPUTED : hash;
}

/** What is neither empty nor a hash asks for something that nobody can read. */
function termsIn(said: JsonValue | undefined): string | undefined {
  const none = said === undefined || said === null || said === "";
  return none ? undefined : (hashOf(said) ?? DISPUTED);
}

/** Host and VM must both be reachable; some nodes call the second check `result`. */
function ipv6Ok(check: JsonValue | undefined): boolean {
  return field(check, "host") === true && (field(check, "vm") ?? field(check, "result")) === true;
}
