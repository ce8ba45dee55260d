/**
 * The addresses and ports of a guest: the static IPv6 policy of aleph-vm, the private IPv4 network, and the host ports
 * that are mapped to it. Pure but for the port table it is given.
 */
import type { NodeState, PortMap } from "./spec.ts";
import type { Json, JsonObject } from "../wire.ts";
import { isObject } from "./wire.ts";

/** The group that marks an instance: 1 is a microVM, 2 a persistent program. */
const INSTANCE_GROUP = "3";
const FIRST_SLOT = 4;

export type Ipv6 = { readonly network: string; readonly guest: string };

/** The guest's address is one above its /124 network, which comes from the first eleven digits of the hash. */
export function ipv6Of(pool: string, hash: string): Ipv6 {
  const last = `${hash.slice(8, 11)}`;
  const groups = [...pool.split(":"), INSTANCE_GROUP, hash.slice(0, 4), hash.slice(4, 8)];
  return { network: `${shortIpv6([...groups, `${last}0`])}/124`, guest: shortIpv6([...groups, `${last}1`]) };
}

/** RFC 5952: no leading zeros, the first longest run of at least two zero groups as `::`. */
export function shortIpv6(groups: readonly string[]): string {
  const short = groups.map((group) => Number.parseInt(group, 16).toString(16));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < short.length; at++) {
    let length = 0;
    while (short[at + length] === "0") length++;
    if (length > best.length) best = { at, length };
  }
  if (best.at < 0) return short.join(":");
  return `${short.slice(0, best.at).join(":")}::${short.slice(best.at + best.length).join(":")}`;
}

export function freeSlot(state: NodeState): number {
  const taken = new Set(Object.values(state.vms).map((vm) => vm.slot));
  let slot = FIRST_SLOT;
  while (taken.has(slot)) slot++;
  return slot;
}

/** 22/tcp always, and what the owner's `port-forwarding` aggregate asks for this VM. */
export function wantedPorts(
  aggregate: JsonObject | "absent" | undefined,
  hash: string,
): Record<string, Omit<PortMap, "host">> {
  const wanted: Record<string, Omit<PortMap, "host">> = { "22": { tcp: true, udp: false } };
  const entry: Json | undefined = isObject(aggregate) ? aggregate[hash] : undefined;
  const ports = isObject(entry) ? entry["ports"] : undefined;
  if (!isObject(ports)) return wanted;
  for (const [port, flags] of Object.entries(ports)) {
    if (!isObject(flags) || typeof flags["tcp"] !== "boolean" || typeof flags["udp"] !== "boolean") continue;
    wanted[port] = { tcp: flags["tcp"], udp: flags["udp"] };
  }
  return wanted;
}

/** Keeps the host port of every mapping that stays, gives new ones the next number, forgets the rest. */
export function mapPorts(state: NodeState, hash: string, wanted: Record<string, Omit<PortMap, "host">>): void {
  const before = state.ports[hash] ?? {};
  const after: Record<string, PortMap> = {};
  for (const [port, flags] of Object.entries(wanted)) {
    after[port] = { host: before[port]?.host ?? state.portNext++, ...flags };
  }
  state.ports[hash] = after;
}
