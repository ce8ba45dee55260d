/**
 * Whether a machine can be used: its node lists it as running, and it answers over SSH with the host key that was pinned at
 * first sight. Decides nothing about the VM; says what was seen.
 *
 * The port that its node forwards comes first; a machine to which it forwards none is dialled at its own IPv6 address.
 * Only public addresses are dialled. A machine that has none from here is called ready by its listing alone, untested:
 * not reaching it from this network proves nothing against it (ssh.md §9).
 */
import { isSame, SSH } from "../aleph/forwards.ts";
import type { Execution } from "../aleph/nodes.ts";
import { isDialledPort, isPublicIpv4, isPublicIpv6 } from "../ssh/address.ts";
import { type HostKey, knownHostsLine } from "../ssh/host-key.ts";
import { keyscan, type ScanPorts } from "../ssh/keyscan.ts";
import type { Ssh } from "./types.ts";

export type MachineSight = {
  /** Where it was reached, with its host key; null: it was not. */
  readonly ready: Ssh | null;
  /** Its node lists it as running. */
  readonly running: boolean;
  /** Something answers at its address with another key than the pinned one: a stranger, or a reinstalled machine. */
  readonly keyChanged: boolean;
};

/** `listed` is null when the node did not answer; `pinned` is how the machine was reached before. */
export type Readiness = (listed: Execution | "absent" | null, pinned: Ssh | null) => Promise<MachineSight>;

type Place = { readonly host: string; readonly port: number };

/** Ready as soon as the node lists it as running with an address: for a network without machines behind it. */
export const listedAsRunning: Readiness = async (listed) => ({
  ready: listedAddress(listed),
  running: isRunning(listed),
  keyChanged: false,
});

export function overSsh(ports: ScanPorts): Readiness {
  return async (listed, pinned) => {
    const running = isRunning(listed);
    const address = listedAddress(listed) ?? (listed === "absent" ? null : pinned);
    if (address === null) return { ready: null, running, keyChanged: false };
    const places = placesOf(address);
    if (places.length === 0) return { ready: running ? address : null, running, keyChanged: false };
    return { running, ...(await firstToAnswer(ports, places, address, pinned)) };
  };
}

const isRunning = (listed: Execution | "absent" | null): boolean =>
  listed !== null && listed !== "absent" && listed.running;

/** The address that the node gives, before anybody tried it. */
function listedAddress(listed: Execution | "absent" | null): Ssh | null {
  if (listed === null || listed === "absent" || !listed.running) return null;
  const { ipv4Host, forwards = [], ipv6 = null } = listed;
  const port = forwards.find((one) => isSame(one, SSH))?.hostPort;
  const unseen = { ipv6, knownHosts: "", tested: false };
  if (ipv4Host !== undefined && port !== undefined) return { host: ipv4Host, port, ...unseen };
  // its node forwards nothing to it: its own address is all there is, if that is one
  return ipv6 !== null && isPublicIpv6(ipv6) ? { host: ipv6, port: SSH.port, ...unseen } : null;
}

/** The mapped port of the node's IPv4 address first, the machine's own IPv6 address second. */
function placesOf({ host, port, ipv6 }: Ssh): readonly Place[] {
  const v4 = isPublicIpv4(host) && isDialledPort(port) ? [{ host, port }] : [];
  const v6 = ipv6 !== null && isPublicIpv6(ipv6) ? [{ host: ipv6, port: 22 }] : [];
  return [...v4, ...v6];
}

async function firstToAnswer(
  ports: ScanPorts,
  places: readonly Place[],
  address: Ssh,
  pinned: Ssh | null,
): Promise<Pick<MachineSight, "ready" | "keyChanged">> {
  let keyChanged = false;
  for (const place of places) {
    const scanned = await keyscan(ports, place.host, place.port);
    if (scanned.ok && isPinned(scanned.key, pinned)) {
      // the first place was still silent when this one spoke up: a machine that boots does so on both within seconds
      const first = place === places[0] ? undefined : await firstPlace(ports, places, scanned.key);
      return { ready: reachedAt(first ?? place, scanned.key, address), keyChanged: false };
    }
    keyChanged ||= scanned.ok;
  }
  return { ready: null, keyChanged };
}

async function firstPlace(ports: ScanPorts, [first]: readonly Place[], key: HostKey): Promise<Place | undefined> {
  const again = first === undefined ? undefined : await keyscan(ports, first.host, first.port);
  return again?.ok === true && again.key.base64 === key.base64 ? first : undefined;
}

const reachedAt = ({ host, port }: Place, key: HostKey, address: Ssh): Ssh => ({
  ...address,
  host,
  port,
  knownHosts: knownHostsLine(host, port, key),
  tested: true,
});

/** First use is trust on first use; from then on the same key, at whatever address. */
function isPinned(key: HostKey, pinned: Ssh | null): boolean {
  const line = pinned?.knownHosts ?? "";
  return line === "" || line.endsWith(` ${key.type} ${key.base64}`);
}
