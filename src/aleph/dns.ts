/**
 * Asks a public resolver, over HTTPS, for the IPv6 addresses of a node's name, and estimates the region from them.
 *
 * One bounded call. The answer is read field by field and only a word of ours leaves here, never a name or an address:
 * nothing is ever dialled because of it. The resolver is believed as far as an estimate goes, and no further.
 */
import { fetchJson, nodeOriginAllowed } from "./fetch.ts";
import { known, unknown } from "./network.ts";
import type { Network, Outcome } from "./network.ts";
import { regionOf } from "./region.ts";
import type { Region } from "./region.ts";
import { countOf, field, listOf } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

/** A resolver answers from its cache within milliseconds; a name that takes longer is not worth a caller's time. */
export const DNS_TIMEOUT_MS = 1_500;
const BYTES_MAX = 8 * 1_024;
const ROWS_MAX = 32;
const ADDRESSES_MAX = 4;
/** Numbers of the DNS: record type AAAA, and the two response codes that are answers. */
const AAAA = 28;
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;

/** Null: the name has no address, or its addresses say nothing or contradict each other. That is an answer too. */
export async function estimatedRegion(
  network: Network,
  node: { readonly origin: string },
): Promise<Outcome<Region | null>> {
  if (!nodeOriginAllowed(node.origin, network.ownHost)) return unknown("host_refused");
  const name = encodeURIComponent(new URL(node.origin).hostname);
  const answer = await fetchJson(network.net, {
    url: `${network.resolverOrigin}/dns-query?name=${name}&type=AAAA`,
    headers: { accept: "application/dns-json" },
    timeoutMs: DNS_TIMEOUT_MS,
    bytesMax: BYTES_MAX,
  });
  return answer.ok ? regionIn(answer.value) : answer;
}

function regionIn(json: JsonValue): Outcome<Region | null> {
  const status = countOf(field(json, "Status"));
  if (status === NO_SUCH_NAME) return known(null);
  // no `Answer` at all: the name exists and has no address of this kind
  const rows = listOf(field(json, "Answer") ?? []);
  if (status !== NO_ERROR || rows === undefined) return unknown("bad_answer");
  const addresses = rows
    .slice(0, ROWS_MAX)
    .filter((row) => field(row, "type") === AAAA)
    .slice(0, ADDRESSES_MAX);
  const [first = null, ...others] = addresses.map((row) => regionAt(field(row, "data")));
  return known(others.every((one) => one === first) ? first : null);
}

const regionAt = (data: JsonValue | undefined): Region | null => (typeof data === "string" ? regionOf(data) : null);
