/**
 * `/control/machine/{hash}/…`: what the owner, or someone the owner's `security` aggregate names for INSTANCE, may do
 * with a VM. Stop leaves every disk, erase leaves the root disk, reinstall makes both anew; none of them ends billing.
 */
import { dropBackup, makeBackup, readBackup } from "./backups.ts";
import type { Node } from "./core-link.ts";
import { needsOf, chooseGpus, hasRoom, reserveGpus } from "./admission.ts";
import { drop, hasNetwork, isRunning, restart } from "./executions.ts";
import { pythonTime } from "./figures.ts";
import { mapPorts, wantedPorts } from "./network-of-vm.ts";
import { bootAnswer } from "./notify.ts";
import { authenticate, type AuthScene } from "./operator-auth.ts";
import { doubleEncoded, fieldErrors, missingFields } from "./pydantic.ts";
import { atLeast, type Vm } from "./spec.ts";
import type { Answer, Json, WireRequest, WireResponse } from "../wire.ts";
import { failed, isObject, json, parseJson, text } from "./wire.ts";

const HASH = /^([0-9a-f]{64}|Qm[1-9A-Za-z]{42,44}|bafy[a-z2-7]{55})$/;

/** What the aiohttp of Debian 12 makes of an error that is raised with a body. */
const TROUBLE = text(500, "500 Internal Server Error\n\nServer got itself in trouble");

type Act = (node: Node, vm: Vm, request: WireRequest, nowMs: number) => Answer;

type Method = "GET" | "POST" | "DELETE";
type Operation = {
  readonly methods: readonly Method[];
  readonly since?: string;
  readonly act: Act;
  /** What is said when the VM is not known. */
  readonly absent?: string;
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  stop: { methods: ["POST"], act: stop },
  reboot: { methods: ["POST"], act: reboot },
  erase: { methods: ["POST"], act: erase },
  reinstall: { methods: ["POST"], since: "1.9.1", act: reinstall },
  expire: { methods: ["POST"], act: (node) => raised(node, 400, "Invalid timeout duration") },
  logs: { methods: ["GET"], act: logs, absent: "No execution found for this VM" },
  backup: { methods: ["POST", "GET", "DELETE"], since: "1.10.0", act: backup, absent: "No backup found for this VM" },
};

/** `undefined` when no such operation exists. */
export function operate(
  node: Node,
  ref: string,
  verb: string,
  request: WireRequest,
  scene: AuthScene,
  nowMs: number,
): Answer | undefined {
  if (verb === "update") return request.method === "POST" ? update(node, ref, nowMs) : wrongMethod();
  const operation = OPERATIONS[verb];
  if (operation === undefined) return undefined;
  if (operation.since !== undefined && !atLeast(node.spec.version, operation.since)) return undefined;
  if (!operation.methods.some((method) => method === request.method)) return wrongMethod();
  const signer = authenticate(request, scene);
  if (!signer.ok) return signer.answer;
  if (!HASH.test(ref)) return raised(node, 400, `Invalid ref: '${ref}'`);
  const vm = node.state.vms[ref];
  if (vm === undefined) {
    return raised(node, 404, operation.absent ?? `No virtual machine with ref ${ref}`);
  }
  if (!mayOperate(node, vm.owner, signer.value, nowMs)) return text(403, "Unauthorized sender");
  return operation.act(node, vm, request, nowMs);
}

/** Delegation came with 1.9.0. Channels, chains and the other filters of an entry are not looked at. */
export function mayOperate(node: Node, owner: string, signer: string, nowMs: number): boolean {
  const wanted = signer.toLowerCase();
  if (wanted === owner.toLowerCase()) return true;
  if (!atLeast(node.spec.version, "1.9.0")) return false;
  const security = node.core.security(owner, nowMs);
  const entries = isObject(security) && Array.isArray(security["authorizations"]) ? security["authorizations"] : [];
  return (entries as readonly Json[]).some((entry) => {
    if (!isObject(entry) || typeof entry["address"] !== "string" || entry["address"].toLowerCase() !== wanted)
      return false;
    const types: readonly Json[] = Array.isArray(entry["types"]) ? (entry["types"] as readonly Json[]) : [];
    return types.length === 0 || types.includes("INSTANCE");
  });
}

function stop(node: Node, vm: Vm, _request: WireRequest, nowMs: number): Answer {
  if (!isRunning(vm, nowMs)) return text(200, "Already stopped, nothing to do");
  drop(node.state, vm.hash, nowMs);
  return slowly(node, text(200, `Stopped VM with ref ${vm.hash}`));
}

/** A VM that is known and not running is promised a start that never comes. */
function reboot(node: Node, vm: Vm, _request: WireRequest, nowMs: number): Answer {
  if (!isRunning(vm, nowMs)) return text(200, `Starting VM (was not running) with ref ${vm.hash}`);
  return slowly(node, text(200, `Rebooted VM with ref ${vm.hash}`));
}

function erase(node: Node, vm: Vm, _request: WireRequest, nowMs: number): Answer {
  drop(node.state, vm.hash, nowMs);
  eraseData(node, vm.hash);
  delete node.state.ports[vm.hash];
  return slowly(node, text(200, `Erased VM with ref ${vm.hash}`));
}

function eraseData(node: Node, hash: string): void {
  node.state.disks[hash] = (node.state.disks[hash] ?? []).filter((file) => file === "rootfs.qcow2");
}

/** Wipes the root disk and boots a fresh one; the data volumes come back empty unless they are to be kept. */
function reinstall(node: Node, vm: Vm, _request: WireRequest, nowMs: number): Answer {
  restart(node.state, vm, node.state.knobs.startMs, nowMs);
  const done = text(200, `Reinstalled VM with ref ${vm.hash}`);
  const boot = bootAnswer(node, vm, nowMs);
  return "after" in boot ? { after: boot.after, finish: () => done } : done;
}

/** The same few lines for every guest; real ones hold its console. */
function logs(node: Node, vm: Vm, _request: WireRequest, nowMs: number): Answer {
  const lines = (isRunning(vm, nowMs) ? node.state.journal : []).map(({ file, message }) => ({
    SYSLOG_IDENTIFIER: `vm-${vm.hash}-${file}`,
    MESSAGE: message,
    file,
    __REALTIME_TIMESTAMP: pythonTime(vm.startedMs),
  }));
  return { status: 200, contentType: "application/json", body: JSON.stringify(lines) };
}

function backup(node: Node, vm: Vm, request: WireRequest, nowMs: number): Answer {
  const made = request.method === "POST" ? makeBackup(node, vm, nowMs) : undefined;
  const answer =
    made ?? (request.method === "DELETE" ? dropBackup(node, vm, request, nowMs) : readBackup(node, vm, nowMs));
  if (!("error" in answer)) return answer;
  // this one refusal stumbles over its own body there
  const stumbles = node.state.knobs.aiohttp38 && answer.status === 400;
  return stumbles ? failed(500, STUMBLE, "AttributeError") : raised(node, answer.status, answer.error);
}

const STUMBLE = "'StringPayload' object has no attribute 'decode'";

function update(node: Node, ref: string, nowMs: number): Answer {
  if (!HASH.test(ref)) return raised(node, 400, `Invalid ref: '${ref}'`);
  const vm = node.state.vms[ref];
  if (vm === undefined) return failed(404, "404: VM not found");
  if (!hasNetwork(vm, nowMs)) return json(200, { status: "ok", msg: "VM not starting yet" });
  refreshPorts(node, vm);
  return json(200, {});
}

/** Reads the owner's aggregate; when it cannot be read the mapping stays as it is. */
export function refreshPorts(node: Node, vm: Vm): void {
  const aggregate = node.core.link.aggregate(vm.owner, "port-forwarding");
  if (aggregate !== undefined) mapPorts(node.state, vm.hash, wantedPorts(aggregate, vm.hash));
}

const CONTENT_REQUIRED = ["address", "time", "allow_amend", "environment", "resources", "rootfs"];
const CONTENT_OPTIONAL = ["metadata", "authorized_keys", "variables", "payment", "requirements", "volumes", "replaces"];
const CONTENT_ALLOWED = CONTENT_REQUIRED.concat(CONTENT_OPTIONAL);

/** Any valid identity may reserve; only GPUs are held, for 60 s. */
export function reserve(node: Node, request: WireRequest, scene: AuthScene, nowMs: number): WireResponse {
  const signer = authenticate(request, scene);
  if (!signer.ok) return signer.answer;
  const content = parseJson(request.body)?.value;
  if (!isObject(content)) return missingFields({}, CONTENT_REQUIRED, []);
  const errors = fieldErrors(content, CONTENT_REQUIRED, CONTENT_ALLOWED);
  if (errors.length > 0) return doubleEncoded(errors);
  const needs = needsOf(content);
  if (!hasRoom(node.spec, node.state, needs)) {
    return failed(503, "This CRN cannot reserve the requested resources at this time.");
  }
  const gpus = chooseGpus(node.spec, node.state, needs, signer.value, nowMs);
  if (!gpus.ok) return json(400, { status: "error", error: "Failed to reserves all resources", reason: gpus.missing });
  return json(200, {
    status: "reserved",
    expires: pythonTime(reserveGpus(node.state, gpus.pciHosts, signer.value, nowMs)),
  });
}

function raised(node: Node, status: number, error: string): WireResponse {
  return node.state.knobs.aiohttp38 ? TROUBLE : failed(status, error);
}

function wrongMethod(): WireResponse {
  return failed(405, "405: Method Not Allowed");
}

function slowly(node: Node, answer: WireResponse): Answer {
  const { operationMs } = node.state.knobs;
  return operationMs > 0 ? { after: operationMs, finish: () => answer } : answer;
}
