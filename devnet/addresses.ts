/**
 * Which part of the network a host name means, and in which form the twin speaks of addresses to whoever asked: by the
 * virtual names, or by the loopback origins that the start script has given to some of them. Pure.
 */
import { CORE_HOSTS, CRN_LIST_HOST, OFFICIAL_HOST, RESOLVER_HOST, SCHEDULER_HOSTS } from "./roster.ts";

export type Part =
  | { readonly kind: "core"; readonly index: number }
  | { readonly kind: "node"; readonly index: number }
  | { readonly kind: "list" }
  | { readonly kind: "scheduler" }
  | { readonly kind: "resolver" };

/** Loopback host with port → virtual host, as told by the start script. */
export type Origins = Readonly<Record<string, string>>;

export function partOf(host: string, nodeDomains: ReadonlyMap<string, number>): Part | undefined {
  const name = host.toLowerCase().replace(/:443$/, "");
  const core = name === OFFICIAL_HOST ? 0 : (CORE_HOSTS as readonly string[]).indexOf(name);
  if (core >= 0) return { kind: "core", index: core };
  if (name === CRN_LIST_HOST) return { kind: "list" };
  if (SCHEDULER_HOSTS.includes(name)) return { kind: "scheduler" };
  if (name === RESOLVER_HOST) return { kind: "resolver" };
  const node = nodeDomains.get(name);
  return node === undefined ? undefined : { kind: "node", index: node };
}

/** Whom a request is for, and by which name it was asked for. */
export type Asked = {
  readonly part: Part;
  readonly virtualHost: string;
  readonly host: string;
  readonly loopback: boolean;
};

export function askedOf(host: string, origins: Origins, nodeDomains: ReadonlyMap<string, number>): Asked | undefined {
  const told = origins[host];
  const virtualHost = told ?? host.toLowerCase();
  const part = partOf(virtualHost, nodeDomains);
  return part === undefined ? undefined : { part, virtualHost, host, loopback: told !== undefined };
}

/** The DOMAIN_NAME and API_SERVER that a compute node announces to this caller. */
export function nodeNames(
  asked: Asked,
  coreHost: string,
  origins: Origins,
): { readonly domain: string; readonly apiServer: string } {
  const virtual = { domain: asked.virtualHost, apiServer: `https://${coreHost}` };
  if (!asked.loopback) return virtual;
  const domain = asked.host.replace(/:\d+$/, "");
  return { domain, apiServer: loopbackOrigin(coreHost, origins) ?? virtual.apiServer };
}

/** The origin under which `virtualHost` can be reached by someone who came through loopback, if it has one. */
function loopbackOrigin(virtualHost: string, origins: Origins): string | undefined {
  const host = Object.keys(origins).find((one) => origins[one] === virtualHost);
  return host === undefined ? undefined : `http://${host}`;
}

/** Replaces every virtual origin that has a loopback one. Only for texts that nobody has signed. */
export function spokenThroughLoopback(body: string, origins: Origins): string {
  let spoken = body;
  for (const [host, virtualHost] of Object.entries(origins)) {
    spoken = spoken.replaceAll(`https://${virtualHost}`, `http://${host}`);
  }
  return spoken;
}
