/**
 * The forwarded ports of a machine: those that are asked for, and those that its node's list says it maps. Pure.
 *
 * Asked for are 22/tcp, always, and what the payer's `port-forwarding` aggregate names for the machine; we never write that
 * aggregate, it is the owner's (crn.md §4.1). Both come from strangers: numbers and counts are bounded, the rest is dropped.
 */
import { field, objectOf, stableText } from "./wire.ts";
import type { JsonObject, JsonValue } from "./wire.ts";

export type Port = { readonly port: number; readonly protocol: "tcp" | "udp" };
/** `hostPort` of the node's IPv4 address leads to `port` of the machine. */
export type Mapped = Port & { readonly hostPort: number };
/** `asked` is null until two core nodes agreed on it; then nothing but 22/tcp is known to be asked for. */
export type Forwards = { readonly asked: readonly Port[] | null; readonly mapped: readonly Mapped[] };
/** `missing`: asked for and not mapped. `unasked`: mapped, and nobody asked for it. */
export type ForwardRow = Port & {
  readonly hostPort: number | null;
  readonly state: "mapped" | "missing" | "unasked";
};

export const FORWARDING_KEY = "port-forwarding";
export const SSH: Port = { port: 22, protocol: "tcp" };
/** Twenty by the documentation, and 22. */
const PORTS_MAX = 21;

export const isSame = (a: Port, b: Port): boolean => a.port === b.port && a.protocol === b.protocol;

/** `mapped_ports` of a node's list; undefined: it says nothing of ports. */
export function mappedPorts(value: JsonValue | undefined): readonly Mapped[] | undefined {
  const ports = objectOf(value);
  return ports === undefined ? undefined : eachPort(ports, mappingsOf);
}

function mappingsOf(port: number, said: JsonValue | undefined): readonly Mapped[] {
  const hostPort = field(said, "host");
  if (!isPort(hostPort)) return [];
  // a mapping without flags is one of TCP
  const tcp = field(said, "tcp") ?? true;
  return [
    ...(tcp === true ? [{ port, protocol: "tcp", hostPort } as const] : []),
    ...(field(said, "udp") === true ? [{ port, protocol: "udp", hostPort } as const] : []),
  ];
}

/** What a `port-forwarding` aggregate and the default ask for one machine. A node reads an entry only with both flags. */
export function askedPorts(aggregate: JsonObject | "absent", hash: string): readonly Port[] {
  const ports = aggregate === "absent" ? undefined : objectOf(field(aggregate, hash, "ports"));
  const more = ports === undefined ? [] : eachPort(ports, entriesOf);
  return [SSH, ...more.filter((one) => !isSame(one, SSH))];
}

function entriesOf(port: number, said: JsonValue | undefined): readonly Port[] {
  const tcp = field(said, "tcp");
  const udp = field(said, "udp");
  if (typeof tcp !== "boolean" || typeof udp !== "boolean") return [];
  return [...(tcp ? [{ port, protocol: "tcp" } as const] : []), ...(udp ? [{ port, protocol: "udp" } as const] : [])];
}

/** What two core nodes agree on; null is one that was silent. */
export function agreedPorts(said: readonly (readonly Port[] | null)[]): readonly Port[] | null {
  const texts = said.map((ports) => (ports === null ? null : stableText(ports)));
  return said.find((ports, at) => ports !== null && texts.filter((text) => text === texts[at]).length >= 2) ?? null;
}

/** 22 first and the rest in order, so that no list however long can push it out. */
function eachPort<T>(
  ports: JsonObject,
  read: (port: number, said: JsonValue | undefined) => readonly T[],
): readonly T[] {
  return Object.keys(ports)
    .filter((name) => /^[1-9]\d{0,4}$/.test(name) && isPort(Number(name)))
    .toSorted((a, b) => Number(b === "22") - Number(a === "22") || Number(a) - Number(b))
    .slice(0, PORTS_MAX)
    .flatMap((name) => read(Number(name), field(ports, name)));
}

const isPort = (value: JsonValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= 65_535;

/** Both sides as one list: what the node maps, then what it ought to map. */
export function forwardRows({ asked, mapped }: Forwards): readonly ForwardRow[] {
  const wanted = asked ?? [SSH];
  const isWanted = (one: Port): boolean => asked === null || asked.some((other) => isSame(one, other));
  const missing = wanted.filter((one) => !mapped.some((other) => isSame(one, other)));
  return [
    ...mapped.map((one) => ({ ...one, state: isWanted(one) ? ("mapped" as const) : ("unasked" as const) })),
    ...missing.map((one) => ({ ...one, hostPort: null, state: "missing" as const })),
  ];
}

export const differ = (forwards: Forwards): boolean => forwardRows(forwards).some(({ state }) => state !== "mapped");
