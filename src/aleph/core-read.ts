/**
 * One read of one core node: where it is and how long it may take. Everything that asks a core node goes through here.
 */
import { fetchJson } from "./fetch.ts";
import type { Core, Network, Outcome } from "./network.ts";
import type { JsonValue } from "./wire.ts";

/** A judged answer takes 20 ms to 1 s on the real software; beyond this a node counts as silent. */
const READ_TIMEOUT_MS = 8_000;

/** Status 200 with JSON; `path` begins with a slash and is already encoded. */
export function readCore(network: Network, core: Core, path: string, bytesMax: number): Promise<Outcome<JsonValue>> {
  return fetchJson(network.net, { url: `${network.coreOrigins[core]}${path}`, timeoutMs: READ_TIMEOUT_MS, bytesMax });
}
