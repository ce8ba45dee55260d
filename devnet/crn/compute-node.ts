/**
 * One compute node (CRN) of the twin: its HTTP face and its clockwork. Synchronous and without timers: time comes in
 * as an argument only, `nextDueMs` says when `tick` has to be called next. All it holds is plain data.
 */
import { CoreView, type CoreLink, type Node } from "./core-link.ts";
import { drainRunTimes, drop, isRunning, listV1, listV2, type RunTime } from "./executions.ts";
import { monitorRound } from "./monitor.ts";
import { ipv6Of } from "./network-of-vm.ts";
import { notify, runAnyway } from "./notify.ts";
import { operate, reserve } from "./operations.ts";
import type { AuthScene } from "./operator-auth.ts";
import { type Dialogue, STREAM_PATH, streamOf } from "./log-stream.ts";
import {
  claimedSpec,
  type JournalLine,
  KNOBS,
  newNodeState,
  type Knobs,
  type NodeSpec,
  type NodeState,
  type Vm,
} from "./spec.ts";
import { capability, statusConfig, usageSystem } from "./status-pages.ts";
import { isDelayed, type Answer, type WireRequest, type WireResponse } from "../wire.ts";
import { failed, json, proxyPage, text } from "./wire.ts";

/** What a client that hangs on the line is told in the end, if it waits that long. */
const HANG_MS = 120_000;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
  "access-control-allow-headers": "*",
};

/** In which form the caller reached this node; by default under its own names. */
export type Asked = { readonly domain: string; readonly apiServer: string };

export type Listening = { readonly state: "refused" | "silent" | "ready"; readonly hash?: string };

export class ComputeNode {
  readonly spec: NodeSpec;
  readonly #link: CoreLink;
  #node: Node;

  constructor(spec: NodeSpec, link: CoreLink, state: NodeState = newNodeState()) {
    this.spec = spec;
    this.#link = link;
    this.#node = this.#around(state);
  }

  #around(state: NodeState): Node {
    return { spec: this.spec, state, core: new CoreView(this.#link, state, this.spec.cacheMs) };
  }

  get knobs(): Knobs {
    return this.#node.state.knobs;
  }

  setKnobs(knobs: Partial<Knobs>): void {
    this.#node.state.knobs = { ...this.knobs, ...knobs };
  }

  handle(
    request: WireRequest,
    nowMs: number,
    asked: Asked = { domain: this.spec.domain, apiServer: this.#link.origin },
  ): Answer {
    this.tick(nowMs);
    if (this.knobs.down) return proxyPage(521, "Web server is down");
    if (this.knobs.hang) return { after: HANG_MS, finish: () => proxyPage(504, "Gateway Timeout"), patient: true };
    if (this.knobs.html502) return proxyPage(502, "Bad Gateway");
    const answer = this.#route(request, nowMs, asked);
    if (!isDelayed(answer)) return this.#dressed(answer, nowMs);
    const finish = (atMs: number) => {
      this.tick(atMs);
      return this.#dressed(answer.finish(atMs), atMs);
    };
    return { after: answer.after, finish };
  }

  #dressed(answer: WireResponse, nowMs: number): WireResponse {
    const date = new Date(nowMs + this.knobs.clockSkewMs).toUTCString();
    return { ...answer, headers: { server: `aleph-vm/${this.spec.version}`, date, ...CORS, ...answer.headers } };
  }

  #route(request: WireRequest, nowMs: number, asked: Asked): Answer {
    if (request.method === "OPTIONS") return { status: 200, contentType: "application/octet-stream", body: "" };
    const path = request.path.split("?")[0] ?? "";
    const scene: AuthScene = { domain: this.knobs.domainName || asked.domain, nowMs: nowMs + this.knobs.clockSkewMs };
    const page =
      request.method === "GET" ? this.#page(path, request.path, nowMs, scene.domain, asked.apiServer) : undefined;
    return page ?? this.#control(path, request, nowMs, scene) ?? unknownPath(path);
  }

  #page(path: string, full: string, nowMs: number, domain: string, apiServer: string): WireResponse | undefined {
    const { spec, state } = this.#node;
    const shown = { ...this.#node, spec: claimedSpec(spec, state.knobs) };
    switch (path) {
      case "/about/usage/system":
        return json(200, usageSystem(shown, nowMs));
      case "/status/config":
        return json(200, statusConfig(shown, domain, apiServer));
      case "/status/check/ipv6":
        return json(200, { host: true, vm: true });
      case "/status/check/version":
        return versionCheck(full, spec.version);
      case "/about/executions/list":
        return json(200, listV1(spec, state, nowMs));
      case "/v2/about/executions/list":
        return json(200, listV2(spec, state, nowMs));
      case "/about/executions/records":
        return json(200, []);
      case "/about/login":
        return json(401, { success: false });
      case "/about/config":
      case "/about/executions/details":
        return failed(401, "401 Invalid token");
      case "/about/certificates":
        return failed(503, "Confidential computing setting not enabled on that server");
      case "/about/capability":
        return json(200, capability(shown));
      default:
        return undefined;
    }
  }

  #control(path: string, request: WireRequest, nowMs: number, scene: AuthScene): Answer | undefined {
    if (request.method === "POST" && path === "/control/allocation/notify")
      return notify(this.#node, request.body, nowMs);
    if (request.method === "POST" && path === "/control/allocations") {
      return failed(401, "Authentication token received is invalid");
    }
    if (request.method === "POST" && path === "/control/reserve_resources") {
      return reserve(this.#node, request, scene, nowMs);
    }
    const [, ref, verb] = /^\/control\/machine\/([^/]+)\/([a-z_]+|backup\/[^/]+)$/.exec(path) ?? [];
    return ref === undefined || verb === undefined
      ? undefined
      : operate(this.#node, ref, verb.split("/")[0] ?? "", request, scene, nowMs);
  }

  /** A line to the logs of a VM; `undefined` when the handshake is refused. */
  stream(path: string, asked: Asked, nowMs: number): ((firstMessage: string, atMs: number) => Dialogue) | undefined {
    this.tick(nowMs);
    const [, ref = ""] = STREAM_PATH.exec(path) ?? [];
    const { down, hang, html502, clockSkewMs, domainName } = this.knobs;
    const begin = down || hang || html502 ? undefined : streamOf(this.#node, ref, nowMs);
    const domain = domainName || asked.domain;
    return begin && ((firstMessage, atMs) => begin(firstMessage, { domain, nowMs: atMs + clockSkewMs }));
  }

  /** What the consoles of its guests show. */
  setJournal(lines: readonly JournalLine[]): void {
    this.#node.state.journal = lines;
  }

  /** Everything that was due up to now, in the order in which it was due. */
  tick(nowMs: number): void {
    for (let due = this.nextDueMs(); due !== undefined && due <= nowMs; due = this.nextDueMs()) this.#act(due);
  }

  #act(nowMs: number): void {
    const { state } = this.#node;
    for (const vm of Object.values(state.vms)) {
      const ended = Math.min(vm.failMs ?? Infinity, vm.vanishMs ?? Infinity);
      if (ended <= nowMs) drop(state, vm.hash, nowMs);
    }
    if (state.roundNextMs === null || state.roundNextMs > nowMs) return;
    state.roundNextMs += this.spec.monitorMs;
    monitorRound(this.#node, nowMs);
  }

  nextDueMs(): number | undefined {
    const { state } = this.#node;
    // the rounds go on while there is a VM; without this, thousands of idle nodes would cost every call a millisecond
    if (state.roundNextMs === null) return undefined;
    const ends = Object.values(state.vms).flatMap((vm) => [vm.failMs, vm.vanishMs]);
    const due = [state.roundNextMs, ...ends].filter((ms) => ms !== null);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Starts a VM as the scheduler does; the result is seen on the lists only. */
  schedule(hash: string, nowMs: number): void {
    this.tick(nowMs);
    if (!this.knobs.down) notify(this.#node, JSON.stringify({ instance: hash }), nowMs);
  }

  /** Starts a VM that is pinned to another node. */
  copy(hash: string, nowMs: number): void {
    this.tick(nowMs);
    runAnyway(this.#node, hash, nowMs);
  }

  /** Nothing runs here, and nothing that ran is still to be billed. */
  isIdle(): boolean {
    const { vms, unbilledMs } = this.#node.state;
    return Object.keys(vms).length === 0 && Object.keys(unbilledMs).length === 0;
  }

  drainRunTimes(nowMs: number): readonly RunTime[] {
    this.tick(nowMs);
    return drainRunTimes(this.#node.state, nowMs);
  }

  vms(): readonly Vm[] {
    return Object.values(this.#node.state.vms);
  }

  runs(hash: string, nowMs: number): boolean {
    const vm = this.#node.state.vms[hash];
    return vm !== undefined && isRunning(vm, nowMs);
  }

  /** Disk images on this node, whether their VM lives or not. */
  filesOf(hash: string): readonly string[] {
    return [...(this.#node.state.disks[hash] ?? [])].sort();
  }

  /** Ends a VM as a crash of its controller does: no message, no trace but the disks. */
  crash(hash: string, nowMs: number): void {
    drop(this.#node.state, hash, nowMs);
  }

  /** What a TCP client meets at an address of this node: a guest's own port 22, or a mapped port of the host. */
  listening(host: string, port: number, nowMs: number): Listening {
    const { state, spec } = this.#node;
    const vm = Object.values(state.vms).find((one) => {
      if (host === ipv6Of(spec.ipv6Pool, one.hash).guest) return port === 22;
      return host === spec.ipv4 && state.ports[one.hash]?.["22"]?.host === port;
    });
    if (vm === undefined || this.knobs.down || !isRunning(vm, nowMs)) return { state: "refused" };
    const speaks = this.knobs.sshAfterMs >= 0 && vm.startedMs + this.knobs.sshAfterMs <= nowMs;
    return { state: speaks ? "ready" : "silent", hash: vm.hash };
  }

  snapshot(): NodeState {
    return structuredClone(this.#node.state);
  }

  restore(state: NodeState): void {
    const stored = structuredClone(state);
    this.#node = this.#around({ ...newNodeState(), ...stored, knobs: { ...KNOBS, ...stored.knobs } });
  }
}

function versionCheck(path: string, version: string): WireResponse {
  const reference = new URL(path, "http://node").searchParams.get("reference");
  if (reference === null) return failed(400, "Query field '?reference=` must be specified");
  return reference === version
    ? text(200, `Up-to-date: version ${version}`)
    : text(403, `Outdated: version ${version}`);
}

function unknownPath(path: string): WireResponse {
  if (/^\/(about|control|status)(\/|$)/.test(path)) return failed(404, "404: Not Found");
  return text(404, "404: Not Found");
}
