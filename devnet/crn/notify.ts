/**
 * `POST /control/allocation/notify`: start an instance. No one has to sign for it; what decides is the message, the
 * node it is pinned to, room and the owner's credits, in the order of aleph-vm. The call lasts as long as the boot.
 */
import { chooseGpus, hasRoom, needsOf, type Needs } from "./admission.ts";
import type { Node } from "./core-link.ts";
import { isRunning } from "./executions.ts";
import { atto, attoOf, decimalTimes } from "./figures.ts";
import { freeSlot, mapPorts, wantedPorts } from "./network-of-vm.ts";
import { badHash, missingFields } from "./pydantic.ts";
import { atLeast, type KnownInstance, type Vm } from "./spec.ts";
import type { Answer, JsonObject, WireResponse } from "../wire.ts";
import { failed, isObject, json, parseJson, proxyPage } from "./wire.ts";

const MIN_FUNDED_S = 3600;
/** With the image on the disk, what is left of the preparation. */
const CACHED_IMAGE_MS = 300;

const UNREACHABLE = "Cannot connect to host";
const CONNECTION_ERROR = "aiohttp.client_exceptions.ClientConnectorError";

type Loaded =
  | { readonly instance: KnownInstance; readonly refused?: undefined }
  | { readonly instance?: undefined; readonly refused: WireResponse };

export function notify(node: Node, body: string, nowMs: number): Answer {
  const { state } = node;
  if (state.knobs.rejectNotify > 0) return failed(state.knobs.rejectNotify, "Refused");
  const hash = readHash(body);
  if (typeof hash !== "string") return hash;
  const known = state.vms[hash];
  const { instance, refused } = load(node, hash);
  if (instance === undefined) return refused;
  const refusal = refuses(node, hash, instance.content, known !== undefined, nowMs);
  if (refusal !== undefined) return refusal;
  if (known !== undefined) return bootAnswer(node, known, nowMs);
  const needs = needsOf(instance.content);
  const gpus = chooseGpus(node.spec, state, needs, ownerOf(instance.content), nowMs);
  if (!gpus.ok) return failed(500, gpus.missing, "Exception");
  return bootAnswer(node, define(node, hash, instance.content, needs, gpus.pciHosts, nowMs), nowMs);
}

/** Runs what was given to another node, as a node does that it was moved to or that revives it: no pin is looked at. */
export function runAnyway(node: Node, hash: string, nowMs: number): void {
  const { state, spec } = node;
  const { instance } = load(node, hash);
  if (instance === undefined || state.vms[hash] !== undefined) return;
  const needs = needsOf(instance.content);
  const gpus = chooseGpus(spec, state, needs, ownerOf(instance.content), nowMs);
  if (gpus.ok) define(node, hash, instance.content, needs, gpus.pciHosts, nowMs);
}

function readHash(body: string): string | WireResponse {
  const parsed = parseJson(body);
  if (parsed === undefined) return failed(400, "Body is not valid JSON");
  const value = isObject(parsed.value) ? parsed.value : {};
  const hash = value["instance"];
  if (hash === undefined) return missingFields(value, ["instance"], []);
  if (typeof hash !== "string" || !/^([0-9a-f]{64}|Qm[1-9A-Za-z]{42,44}|bafy[a-z2-7]{55})$/.test(hash))
    return badHash("instance", hash);
  return hash;
}

/** From the file copy if this node ever had the message, otherwise from the core node. */
function load(node: Node, hash: string): Loaded {
  const copy = node.state.messages[hash];
  if (copy !== undefined) return { instance: copy };
  const { link } = node.core;
  const status = link.status(hash);
  if (status === undefined) return { refused: failed(500, `${UNREACHABLE} ${link.origin}`, CONNECTION_ERROR) };
  if (status !== "processed" && status !== "removing") return { refused: notFound(node, hash) };
  const fresh = link.instance(hash);
  if (fresh === undefined) return { refused: failed(400, "400: Message is not an instance") };
  const instance = { content: fresh.content, sender: fresh.sender };
  node.state.messages[hash] = instance;
  return { instance };
}

function notFound(node: Node, hash: string): WireResponse {
  if (!atLeast(node.spec.version, "1.11.0")) return failed(404, "Hash not found");
  return failed(500, `Aleph message not found: ${hash}`, "FileNotFoundError");
}

function refuses(
  node: Node,
  hash: string,
  content: JsonObject,
  known: boolean,
  nowMs: number,
): WireResponse | undefined {
  const { spec, state } = node;
  const pinned = pinnedNode(content);
  if (atLeast(spec.version, "1.11.0") && pinned !== undefined && pinned !== spec.hash) {
    return failed(400, "400: Instance is allocated to a different node");
  }
  const admits = !atLeast(spec.version, "1.11.3") && !state.knobs.full;
  if (!known && !admits && !hasRoom(spec, state, needsOf(content))) {
    return failed(503, "This CRN cannot host the requested instance at this time.");
  }
  const payment = isObject(content["payment"]) ? content["payment"]["type"] : "hold";
  if (payment !== "credit") return failed(400, "400: Invalid payment method");
  return unpaid(node, hash, ownerOf(content), nowMs);
}

function unpaid(node: Node, hash: string, owner: string, nowMs: number): WireResponse | undefined {
  const { core } = node;
  const price = core.price(hash, nowMs);
  const balance = core.balance(owner, nowMs);
  if (price === undefined || balance === undefined) {
    return failed(500, `${UNREACHABLE} ${core.link.origin}`, CONNECTION_ERROR);
  }
  if (!price.ok) {
    const url = `URL('${core.link.origin}/api/v0/price/${hash}')`;
    const error = `${price.status}, message='${price.reason}', url=${url}`;
    return failed(500, error, "aiohttp.client_exceptions.ClientResponseError");
  }
  if (attoOf(balance) >= atto(price.perS) * BigInt(MIN_FUNDED_S)) return undefined;
  const required = `Required: ${decimalTimes(price.perS, MIN_FUNDED_S)} credits \nCurrent user credits: ${balance}`;
  return failed(402, `Insufficient credits for this instance\n\n${required}`);
}

function define(
  node: Node,
  hash: string,
  content: JsonObject,
  needs: Needs,
  gpus: readonly string[],
  nowMs: number,
): Vm {
  const { spec, state, core } = node;
  const { knobs } = state;
  const image = imageOf(content);
  const preparedMs =
    nowMs + (state.images.includes(image) ? Math.min(CACHED_IMAGE_MS, knobs.downloadMs) : knobs.downloadMs);
  const startedMs = preparedMs + knobs.startMs;
  const owner = ownerOf(content);
  const vm: Vm = {
    hash,
    owner,
    chain:
      isObject(content["payment"]) && typeof content["payment"]["chain"] === "string"
        ? content["payment"]["chain"]
        : "",
    vcpus: needs.vcpus,
    memoryMib: needs.memoryMib,
    diskMib: needs.diskMib,
    gpus,
    slot: freeSlot(state),
    definedMs: nowMs,
    preparedMs,
    startedMs,
    failMs: { none: null, prepare: preparedMs, start: startedMs }[knobs.failBoot],
    vanishMs: knobs.vanishAfterMs > 0 ? startedMs + knobs.vanishAfterMs : null,
    strikes: 0,
    meteredMs: startedMs,
  };
  state.vms[hash] = vm;
  delete state.ghosts[hash];
  state.roundNextMs ??= (Math.floor(nowMs / spec.monitorMs) + 1) * spec.monitorMs;
  if (vm.failMs === null) {
    if (!state.images.includes(image)) state.images.push(image);
    state.disks[hash] = disksOf(content);
    if (!knobs.loseForwards) mapPorts(state, hash, wantedPorts(core.link.aggregate(owner, "port-forwarding"), hash));
  }
  return vm;
}

/** What the caller hears when the boot is over, or at once if it is already. */
export function bootAnswer(node: Node, vm: Vm, nowMs: number): Answer {
  const dueMs = vm.failMs ?? vm.startedMs;
  if (vm.failMs === null && dueMs <= nowMs) return STARTED;
  const { hash, failMs } = vm;
  return { after: Math.max(0, dueMs - nowMs), finish: (atMs) => outcome(node, hash, failMs, atMs) };
}

const STARTED = json(200, { success: true, successful: true, failing: [], errors: {} });

function outcome(node: Node, hash: string, failMs: number | null, nowMs: number): WireResponse {
  if (failMs !== null && failMs <= nowMs) {
    const errors = { [hash]: "VmSetupError('injected')" };
    return json(503, { success: false, successful: false, failing: [hash], errors });
  }
  const vm = node.state.vms[hash];
  if (vm !== undefined && isRunning(vm, nowMs)) return STARTED;
  return vm === undefined
    ? json(503, { success: false, successful: false, failing: [hash], errors: {} })
    : proxyPage(504, "Gateway Timeout");
}

export function ownerOf(content: JsonObject): string {
  return typeof content["address"] === "string" ? content["address"] : "";
}

export function pinnedNode(content: JsonObject): string | undefined {
  const requirements = content["requirements"];
  const pin = isObject(requirements) ? requirements["node"] : undefined;
  const hash = isObject(pin) ? pin["node_hash"] : undefined;
  return typeof hash === "string" ? hash : undefined;
}

function imageOf(content: JsonObject): string {
  const parent = isObject(content["rootfs"]) ? content["rootfs"]["parent"] : undefined;
  const ref = isObject(parent) ? parent["ref"] : undefined;
  return typeof ref === "string" ? ref : "";
}

/** File names as a node keeps them: the data volumes, then the root disk. */
function disksOf(content: JsonObject): readonly string[] {
  const volumes: readonly unknown[] = Array.isArray(content["volumes"]) ? content["volumes"] : [];
  const data = volumes.filter((volume) => isObject(volume) && typeof volume["persistence"] === "string");
  return [...data.map((volume, index) => `${nameOf(volume, index)}.img`), "rootfs.qcow2"];
}

function nameOf(volume: unknown, index: number): string {
  return isObject(volume) && typeof volume["name"] === "string" ? volume["name"] : `volume-${index}`;
}
