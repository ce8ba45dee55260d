/**
 * Which addresses may be dialled: public ones only, since the address comes from a node's own list and `connect()` on a
 * machine of our own would reach its neighbours (ssh.md §7.5). Pure.
 */

const V4_CLOSED: readonly (readonly [network: number, bits: number])[] = [
  [0x00000000, 8], // this network
  [0x0a000000, 8], // private
  [0x64400000, 10], // carrier-grade NAT
  [0x7f000000, 8], // loopback
  [0xa9fe0000, 16], // link-local
  [0xac100000, 12], // private
  [0xc0000000, 24], // protocol assignments
  [0xc0a80000, 16], // private
  [0xc6120000, 15], // benchmarks
  [0xe0000000, 3], // multicast, reserved, broadcast
];

export function isPublicIpv4(text: string): boolean {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  // a leading zero would be octal to some readers, so it is no address here
  if (parts === undefined || parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith("0"))))
    return false;
  const value = parts.reduce((sum, part) => sum * 256 + Number(part), 0);
  return !V4_CLOSED.some(([network, bits]) => Math.floor((value - network) / 2 ** (32 - bits)) === 0);
}

/** Global unicast is 2000::/3; in it, 2001::/32 (Teredo) and 2002::/16 (6to4) carry an IPv4 address inside. */
export function isPublicIpv6(text: string): boolean {
  if (!/^[0-9a-f:]{2,39}$/i.test(text) || !URL.canParse(`http://[${text}]/`)) return false;
  const [first = 0, second = 0] = text.split(":", 2).map((group) => Number.parseInt(group || "0", 16));
  if (first < 0x2000 || first > 0x3fff || first === 0x2002) return false;
  return !(first === 0x2001 && second === 0);
}

/** Port 22, or one that no system service listens on. */
export const isDialledPort = (port: number): boolean =>
  Number.isSafeInteger(port) && (port === 22 || (port >= 1_024 && port <= 65_535));
