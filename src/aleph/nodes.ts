/**
 * Calls to one compute node: probe it, see an instance on it, start one, erase one.
 *
 * A node is an enemy until proven otherwise: its address is checked before every call, its answers are read field by
 * field, and none of its sentences leaves this file. What it says about an instance never moves money.
 */
import type { Clock } from "../ports.ts";
import { boundedFetch, fetchJson, nodeOriginAllowed } from "./fetch.ts";
import type { Fetched } from "./fetch.ts";
import { type Mapped, mappedPorts } from "./forwards.ts";
import { capacityOf, gpusOf, versionOf } from "./hardware.ts";
import type { Gpu } from "./hardware.ts";
import { known, NODES_CORE_ORIGIN, unknown } from "./network.ts";
import type { Network, Outcome } from "./network.ts";
import { erasePath } from "./operator-auth.ts";
import { field, hashOf, listOf, objectOf, parseJson, textLike } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

export { versionAtLeast } from "./hardware.ts";
export type { Gpu } from "./hardware.ts";
export { nodeList } from "./node-list.ts";
export type { NodeEntry } from "./node-list.ts";

const PROBE_TIMEOUT_MS = 5_000;
/** A core node says its version at once, it takes 1 s for a judged answer; whoever takes longer is of no use to a node. */
const CORE_TIMEOUT_MS = 3_000;
const LIST_TIMEOUT_MS = 10_000;
/** A node answers only when the VM has booted, image download included; what happened is then seen in its list. */
const NOTIFY_TIMEOUT_MS = 25_000;
/** The node waits for the guest to shut down. */
const ERASE_TIMEOUT_MS = 45_000;
/** It asks its core node and sets rules of its firewall. */
const UPDATE_TIMEOUT_MS = 10_000;
const STATUS_BYTES_MAX = 64 * 1_024;
const ANSWER_BYTES_MAX = 256 * 1_024;
/** The list holds every VM of the node. */
const LIST_BYTES_MAX = 2 * 1_048_576;

export type NodeProbe = {
  /** Nodes before 1.11 do not say it. */
  readonly nodeHash: string | null;
  /** What operator calls must sign for. */
  readonly domain: string;
  readonly version: string | null;
  /** Origin of the core node that this node follows. */
  readonly apiServer: string | null;
  /** That core node is one we know and does not answer us: the node can neither load a message nor price it. */
  readonly coreSilent: boolean;
  readonly latencyMs: number;
  readonly vcpus: number | null;
  readonly memoryMibFree: number | null;
  readonly diskMibFree: number | null;
  readonly gpusFree: readonly Gpu[];
};

/** Asks a node who it is and what it has free now. Latency is that of the first of the two calls. */
export async function probeNode(
  network: Network,
  node: { readonly origin: string },
  clock: Clock,
): Promise<Outcome<NodeProbe>> {
  const startedMs = clock.nowMs();
  const config = await readNode(network, node.origin, "/status/config", STATUS_BYTES_MAX, PROBE_TIMEOUT_MS);
  if (!config.ok) return config;
  const latencyMs = Math.max(0, clock.nowMs() - startedMs);
  const domain = textLike(field(config.value, "DOMAIN_NAME"), /^[A-Za-z0-9.-]{1,253}$/);
  if (domain === undefined) return unknown("bad_answer");
  const apiServer = originOf(field(config.value, "references", "API_SERVER"));
  // side by side, so that a probe takes no longer for it
  const [usage, coreSilent] = await Promise.all([
    readNode(network, node.origin, "/about/usage/system", STATUS_BYTES_MAX, PROBE_TIMEOUT_MS),
    isSilentCore(network, apiServer),
  ]);
  if (!usage.ok) return usage;
  const { vcpus, memoryMibFree, diskMibFree } = capacityOf(usage.value);
  return known({
    nodeHash: hashOf(field(config.value, "node_hash")) ?? null,
    domain,
    version: versionOf(field(config.value, "version")),
    apiServer,
    coreSilent,
    latencyMs,
    vcpus,
    memoryMibFree,
    diskMibFree,
    gpusFree: gpusOf(field(usage.value, "gpu", "available_devices")),
  });
}

/** While the core node that most nodes follow is silent, they can neither start a machine nor ask who may erase one. */
export const nodesCoreAnswers = async (network: Network): Promise<boolean> =>
  !(await isSilentCore(network, NODES_CORE_ORIGIN));

/** Only addresses that we know by ourselves are called, never one that a node made up. */
async function isSilentCore({ net, coreOrigins }: Network, origin: string | null): Promise<boolean> {
  if (origin === null || ![...coreOrigins, NODES_CORE_ORIGIN].includes(origin)) return false;
  const ask = { url: `${origin}/api/v0/version`, timeoutMs: CORE_TIMEOUT_MS, bytesMax: STATUS_BYTES_MAX };
  const answer = await boundedFetch(net, ask);
  // a proxy in front of a core node that is down says 502 and the like
  return !answer.ok || answer.value.status >= 500;
}

function originOf(value: JsonValue | undefined): string | null {
  const url = typeof value === "string" && value.length <= 300 ? URL.parse(value) : null;
  return url !== null && /^https?:$/.test(url.protocol) ? url.origin : null;
}

export type Execution = {
  readonly running: boolean;
  readonly ipv6?: string;
  readonly ipv4Host?: string;
  /** What it maps of its IPv4 address; absent: it says nothing of ports. */
  readonly forwards?: readonly Mapped[];
};

/** One instance in the node's list. `running` says that a hypervisor process lives, nothing about the guest. */
export async function execution(
  network: Network,
  origin: string,
  hash: string,
): Promise<Outcome<Execution | "absent">> {
  const list = await readNode(network, origin, "/v2/about/executions/list", LIST_BYTES_MAX, LIST_TIMEOUT_MS);
  if (!list.ok) return list;
  if (objectOf(list.value) === undefined) return unknown("bad_answer");
  const entry = field(list.value, hash);
  if (entry === undefined) return known("absent");
  const ipv6 = ipv6Of(field(entry, "networking", "ipv6_ip"));
  const ipv4Host = textLike(field(entry, "networking", "host_ipv4"), /^\d{1,3}(\.\d{1,3}){3}$/);
  const forwards = mappedPorts(field(entry, "networking", "mapped_ports"));
  return known({
    running: isRunning(entry),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...(ipv4Host === undefined ? {} : { ipv4Host }),
    ...(forwards === undefined ? {} : { forwards }),
  });
}

/** Nodes before 1.6 leave the field out and show only times. */
function isRunning(entry: JsonValue): boolean {
  const running = field(entry, "running");
  if (typeof running === "boolean") return running;
  return (
    typeof field(entry, "status", "started_at") === "string" && (field(entry, "status", "stopping_at") ?? null) === null
  );
}

function ipv6Of(value: JsonValue | undefined): string | undefined {
  const text = textLike(value, /^[0-9a-fA-F:.]{2,45}$/);
  return text !== undefined && text.includes(":") && URL.canParse(`http://[${text}]/`) ? text.toLowerCase() : undefined;
}

export type Notified = "started" | "retry" | "no_capacity" | "refused" | "no_credits";

/** Asks the node to start an instance; doing it again is harmless. A time-out says nothing: look at `execution`. */
export async function notify(network: Network, origin: string, hash: string): Promise<Outcome<Notified>> {
  const answer = await post(network, origin, "/control/allocation/notify", NOTIFY_TIMEOUT_MS, {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ instance: hash }),
  });
  return answer.ok ? notified(answer.value, hash) : answer;
}

function notified({ status, text }: Fetched, hash: string): Outcome<Notified> {
  const json = parseJson(text);
  const error = field(json, "error");
  const says = typeof error === "string" ? error : "";
  if (status === 200 || status === 207) return startedOrNot(json, hash);
  if (status === 402) return known("no_credits");
  // the message is not processed yet where this node looks (404 before 1.11, 500 since)
  if (status === 404 || status === 429) return known("retry");
  if (status >= 400 && status < 500) return known("refused");
  if (status === 500) return known(says.startsWith("Failed to find available GPU") ? "no_capacity" : "retry");
  if (status === 503 && says.startsWith("This CRN cannot host")) return known("no_capacity");
  if (status === 503 && says.includes("Node hash not yet discovered")) return known("retry");
  // a boot that failed is tried once more by the caller, then elsewhere
  if (status === 503 && field(json, "success") === false) return known("retry");
  return unknown("http_error", status);
}

function startedOrNot(json: JsonValue | undefined, hash: string): Outcome<Notified> {
  const failing = listOf(field(json, "failing"));
  if (failing !== undefined) return known(failing.includes(hash) ? "retry" : "started");
  if (typeof field(json, "success") !== "boolean") return unknown("bad_answer");
  return known(field(json, "success") === true ? "started" : "retry");
}

export type Erased = "erased" | "absent" | "look_at_list" | "refused";

/**
 * Stops an instance and deletes its data volumes. `headers` come from `operatorHeaders` for this node's domain and
 * `erasePath(hash)`. `look_at_list`: older nodes say 500 for "no such VM", so only the list can tell.
 */
export async function erase(
  network: Network,
  origin: string,
  hash: string,
  headers: Readonly<Record<string, string>>,
): Promise<Outcome<Erased>> {
  const answer = await post(network, origin, erasePath(hash), ERASE_TIMEOUT_MS, { headers });
  if (!answer.ok) return answer;
  const { status, text } = answer.value;
  if (status === 200) return known(text.startsWith(`Erased VM with ref ${hash}`) ? "erased" : "look_at_list");
  if (status === 404) return known(typeof field(parseJson(text), "error") === "string" ? "absent" : "look_at_list");
  if (status === 500) return known("look_at_list");
  return status >= 400 && status < 500 ? known("refused") : unknown("http_error", status);
}

/** Has the node read anew which ports to forward; nobody has to sign for it, and doing it again is harmless (crn.md §5.3). */
export async function refreshForwards(
  network: Network,
  origin: string,
  hash: string,
): Promise<Outcome<"done" | "absent">> {
  const answer = await post(network, origin, `/control/machine/${hash}/update`, UPDATE_TIMEOUT_MS, { headers: {} });
  if (!answer.ok) return answer;
  const { status, text } = answer.value;
  if (objectOf(parseJson(text)) === undefined) return unknown("bad_answer", status);
  if (status === 404) return known("absent");
  return status === 200 ? known("done") : unknown("http_error", status);
}

async function readNode(
  network: Network,
  origin: string,
  path: string,
  bytesMax: number,
  timeoutMs: number,
): Promise<Outcome<JsonValue>> {
  if (!nodeOriginAllowed(origin, network.ownHost)) return unknown("host_refused");
  return fetchJson(network.net, { url: `${origin}${path}`, timeoutMs, bytesMax });
}

async function post(
  network: Network,
  origin: string,
  path: string,
  timeoutMs: number,
  rest: { readonly headers: Readonly<Record<string, string>>; readonly body?: string },
): Promise<Outcome<Fetched>> {
  if (!nodeOriginAllowed(origin, network.ownHost)) return unknown("host_refused");
  return boundedFetch(network.net, {
    url: `${origin}${path}`,
    method: "POST",
    timeoutMs,
    bytesMax: ANSWER_BYTES_MAX,
    ...rest,
  });
}
