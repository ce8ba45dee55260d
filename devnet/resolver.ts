/**
 * The public resolver's JSON answers about the names of compute nodes: a fixed address for each node, in a block of the
 * part of the world where its city lies, or of all of them in turn. Pure. Nothing can be reached at these addresses and
 * nothing dials them; where a machine answers is said by its node.
 */
import { json } from "./crn/wire.ts";
import type { Json, JsonObject, WireRequest, WireResponse } from "./wire.ts";

const AAAA = 28;
const CNAME = 5;
const TTL_S = 300;

const EUROPE = "2a01:4f8:7";
const NORTH_AMERICA = "2600:3c03:7";
const ASIA_PACIFIC = "2400:8902:7";
const LATIN_AMERICA = "2804:14c:7";
const AFRICA = "2c0f:fb50:7";
const PROXY = "2606:4700:7";

/** The roster's ten in its order. One has no address of this kind, one stands behind a proxy that is everywhere. */
const FIRST: readonly (string | undefined)[] = [
  EUROPE, // paris, under an alias
  EUROPE, // frankfurt
  EUROPE, // helsinki
  undefined, // london
  NORTH_AMERICA, // newyork
  ASIA_PACIFIC, // singapore
  ASIA_PACIFIC, // tokyo
  EUROPE, // madrid
  PROXY, // reykjavik
  NORTH_AMERICA, // dallas
];
const REST = [EUROPE, NORTH_AMERICA, ASIA_PACIFIC, LATIN_AMERICA, AFRICA];

/** `domains` says which node has which name. */
export function resolve(domains: ReadonlyMap<string, number>, request: WireRequest): WireResponse {
  const [path, query = ""] = request.path.split("?", 2);
  if (path !== "/dns-query") return { status: 404, contentType: "text/plain", body: "Not Found" };
  const asked = new URLSearchParams(query);
  const name = (asked.get("name") ?? "").toLowerCase().replace(/\.$/, "");
  const speaksJson = acceptOf(request).includes("application/dns-json");
  if (request.method !== "GET" || name === "" || !speaksJson) return json(400, { error: "Invalid query" });
  const type = typeOf(asked.get("type") ?? "A");
  const index = domains.get(name);
  const rows = index === undefined || type !== AAAA ? [] : rowsOf(name, index);
  return dnsJson({
    Status: index === undefined ? 3 : 0,
    TC: false,
    RD: true,
    RA: true,
    AD: false,
    CD: false,
    Question: [{ name, type }],
    // a name without such an address has no list at all
    ...(rows.length === 0 ? {} : { Answer: rows }),
  });
}

function rowsOf(name: string, index: number): readonly Json[] {
  const block = index < FIRST.length ? FIRST[index] : REST[index % REST.length];
  if (block === undefined) return [];
  const address = (owner: string) => ({
    name: owner,
    type: AAAA,
    TTL: TTL_S,
    data: `${block}::${(index + 1).toString(16)}`,
  });
  if (index !== 0) return [address(name)];
  const alias = `host.${name}`;
  return [{ name, type: CNAME, TTL: TTL_S, data: `${alias}.` }, address(alias)];
}

const typeOf = (text: string): number => ({ A: 1, AAAA, "28": AAAA })[text.toUpperCase()] ?? 1;

const acceptOf = ({ headers }: WireRequest): string =>
  Object.entries(headers).find(([header]) => header.toLowerCase() === "accept")?.[1] ?? "";

const dnsJson = (body: JsonObject): WireResponse => ({
  status: 200,
  contentType: "application/dns-json",
  body: JSON.stringify(body),
});
