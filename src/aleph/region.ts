/**
 * Estimates in which part of the world an address is, from the regional registry that holds its block. Pure.
 *
 * How wrong it can be: a registry knows where the holder registered, not where the rack stands. A hoster of one continent
 * may announce its block on another, blocks are sold across regions, and the registry for Europe serves the Middle East
 * and Central Asia too. So the region is called estimated wherever it is shown, and nothing that guards money, chooses
 * for an owner or deletes depends on it.
 *
 * The blocks are those of IANA's registry "IPv6 Global Unicast Address Assignments", state of 2025-10-10. What is not
 * among them is unknown: Teredo (2001::/32) and 6to4 (2002::/16) carry somebody's IPv4 address, 3fff::/20 is for books.
 */

export const REGIONS = ["europe", "north_america", "asia_pacific", "latin_america", "africa"] as const;
export type Region = (typeof REGIONS)[number];

const BLOCKS: Readonly<Record<Region, string>> = {
  // RIPE NCC: Europe, the Middle East and Central Asia
  europe:
    "2001:600::/23 2001:800::/22 2001:1400::/22 2001:1a00::/23 2001:1c00::/22 2001:2000::/19 2001:4000::/23 " +
    "2001:4600::/23 2001:4a00::/23 2001:4c00::/23 2001:5000::/20 2003::/18 2a00::/12 2a10::/12",
  // ARIN
  north_america: "2001:400::/23 2001:1800::/23 2001:4800::/23 2600::/12 2610::/23 2620::/23 2630::/12",
  // APNIC
  asia_pacific:
    "2001:200::/23 2001:c00::/23 2001:e00::/23 2001:4400::/23 2001:8000::/19 2001:a000::/20 2001:b000::/20 " +
    "2400::/12 2410::/12",
  // LACNIC
  latin_america: "2001:1200::/23 2800::/12",
  // AFRINIC
  africa: "2001:4200::/23 2c00::/12",
};

/** Inside those blocks, and yet in no place: answered from wherever the asker is, or never routed. */
const NOWHERE =
  // Cloudflare's proxies, as it publishes them
  "2400:cb00::/32 2405:8100::/32 2405:b500::/32 2606:4700::/32 2803:f800::/32 2a06:98c0::/29 2c0f:f248::/32 " +
  // documentation, and the anycast sink for reverse names of private addresses (AS112)
  "2001:db8::/32 2620:4f:8000::/48";

const ADDRESS_BITS = 128n;
const GROUPS = 8;

type Block = { readonly network: bigint; readonly hostBits: bigint };

const blocksOf = (prefixes: string): readonly Block[] => prefixes.split(" ").map(blockOf);

function blockOf(prefix: string): Block {
  const [address = "", bits = ""] = prefix.split("/");
  const hostBits = ADDRESS_BITS - BigInt(bits);
  return { network: (ipv6Value(address) ?? 0n) >> hostBits, hostBits };
}

const TABLE = REGIONS.map((region) => [region, blocksOf(BLOCKS[region])] as const);
const NOWHERE_BLOCKS = blocksOf(NOWHERE);

const isIn = (blocks: readonly Block[], address: bigint): boolean =>
  blocks.some(({ network, hostBits }) => address >> hostBits === network);

/** Null for what is no IPv6 address, for what no registry holds, and for addresses that stand for no place. */
export function regionOf(text: string): Region | null {
  const address = ipv6Value(text);
  if (address === undefined || isIn(NOWHERE_BLOCKS, address)) return null;
  return TABLE.find(([, blocks]) => isIn(blocks, address))?.[0] ?? null;
}

/**
 * The 128 bits of an address in hexadecimal groups. The form with an IPv4 address at its end is no address here: no block
 * of the table is written so, and neither is a resolver's answer.
 */
export function ipv6Value(text: string): bigint | undefined {
  if (!/^[0-9a-f:]{2,39}$/i.test(text)) return undefined;
  const [head = [], tail, ...more] = text.split("::").map(groupsOf);
  if (more.length > 0) return undefined;
  const missing = GROUPS - head.length - (tail?.length ?? 0);
  // "::" stands for one group at least; without it all eight have to be there
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function groupsOf(half: string): readonly string[] {
  return half === "" ? [] : half.split(":");
}
