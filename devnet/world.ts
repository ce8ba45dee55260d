/**
 * The whole Aleph network as one value: three core nodes that gossip, the compute nodes, the list server, the scheduler
 * and the meter, behind their host names. Synchronous and without timers: what is due happens in `advanceTo`, in the
 * order in which it is due, so many small steps and one long one come to the same.
 */
import { askedOf, nodeNames, spokenThroughLoopback, type Asked } from "./addresses.ts";
import { ComputeNode } from "./crn/compute-node.ts";
import { isDelayed, type Answer, type Json, type WireRequest, type WireResponse } from "./wire.ts";
import { json, proxyPage } from "./crn/wire.ts";
import type { Core } from "./core-port.ts";
import { crnsJson, refreshList } from "./crn-list.ts";
import { hitBy, type Fault } from "./faults.ts";
import { billsOf, misread, WINDOW_MS } from "./meter.ts";
import { CORE_HOSTS, CORECHANNEL_ADDRESS, ROSTER, type RosterEntry } from "./roster.ts";
import { observe, poll, wake, type Scene } from "./scheduler.ts";
import { schedulerApi } from "./scheduler-api.ts";
import { figuresOf, sceneOf } from "./scheduler-scene.ts";
import { readPart, writePart } from "./world-parts.ts";
import { linkTo, newWorldState, type WorldState } from "./world-state.ts";

/** More events at one instant than any healthy network has. */
const EVENTS_MAX = 10_000;

/** The `Host` it was sent to, virtual or loopback, beside the request. */
export type HostRequest = WireRequest & { readonly host: string };

export type WorldSetup = {
  readonly nowMs: number;
  readonly cores: readonly Core[];
  readonly roster?: readonly RosterEntry[];
};

export class World {
  readonly cores: readonly Core[];
  readonly roster: readonly RosterEntry[];
  readonly nodes: readonly ComputeNode[];
  state: WorldState;
  readonly #dirty = new Set<string>();

  constructor(setup: WorldSetup) {
    this.cores = setup.cores;
    this.roster = setup.roster ?? ROSTER;
    this.state = newWorldState(setup.nowMs);
    this.nodes = this.roster.map((entry) => this.#nodeOf(entry));
    for (const [from, core] of this.cores.entries())
      core.publishTo((envelope, nowMs) => this.#gossip(from, envelope, nowMs));
    // Their jobs run by the clock from here on.
    for (const core of this.cores) core.tick(setup.nowMs);
    for (const name of this.partNames()) this.#dirty.add(name);
  }

  #nodeOf(entry: RosterEntry): ComputeNode {
    const core = this.cores[entry.coreIndex];
    if (core === undefined) throw new Error(`no core node ${entry.coreIndex}`);
    const origin = `https://${CORE_HOSTS[entry.coreIndex] ?? ""}`;
    return new ComputeNode(
      entry.spec,
      linkTo(core, origin, () => this.state.coresDown[entry.coreIndex] === true),
    );
  }

  // A core node that is down is so for clients only; what was published meanwhile it knows when it is back.
  #gossip(from: number, envelope: Json, nowMs: number): void {
    for (const [to, lagMs] of this.state.gossipLagMs.entries()) {
      if (to !== from && to < this.cores.length) this.state.gossip.push({ to, envelope, dueMs: nowMs + lagMs });
    }
    this.#dirty.add("world");
  }

  handle(request: HostRequest, nowMs: number): Answer {
    this.advanceTo(nowMs);
    const domains = this.roster.map((entry) => entry.spec.domain);
    const asked = askedOf(request.host, this.state.origins, domains);
    if (asked === undefined) return proxyPage(530, "Origin DNS error");
    const hit = hitBy(this.state.faults, asked.virtualHost, request);
    if (hit !== undefined) {
      this.state.faults = [...hit.left];
      this.#dirty.add("world");
    }
    const answer = hit === undefined ? this.#route(asked, request) : this.#faulty(hit.fault, asked, request);
    this.advanceTo(nowMs);
    return answer;
  }

  #faulty(fault: Fault, asked: Asked, request: WireRequest): Answer {
    const lost = proxyPage(522, "Connection timed out");
    if (fault.kind === "drop_request") return later(lost, fault.delayMs);
    if (fault.kind === "status") return later(proxyPage(fault.status, "Fault"), fault.delayMs);
    const answer = this.#route(asked, request);
    const after = (isDelayed(answer) ? answer.after : 0) + fault.delayMs;
    const finish = (nowMs: number) => (isDelayed(answer) ? answer.finish(nowMs) : answer);
    if (fault.kind === "delay") return { after, finish, patient: true };
    const swallow = (nowMs: number) => {
      finish(nowMs);
      return lost;
    };
    return after > 0 ? { after, finish: swallow, patient: fault.delayMs > 0 } : swallow(this.state.clockMs);
  }

  #route(asked: Asked, request: WireRequest): Answer {
    const { part } = asked;
    switch (part.kind) {
      case "core":
        return this.#askCore(part.index, asked, request);
      case "node":
        return this.#askNode(part.index, asked, request);
      case "list":
        return this.#spoken(asked, this.#list(request));
      case "scheduler":
        this.#dirty.add("world");
        observe(this.state.scheduler, this.#scene(), this.state.clockMs);
        return this.#spoken(asked, schedulerApi(this.state.scheduler, figuresOf(this.nodes, this.roster), request));
    }
  }

  #askCore(index: number, asked: Asked, request: WireRequest): Answer {
    const core = this.cores[index];
    if (core === undefined || this.state.coresDown[index] === true) return proxyPage(521, "Web server is down");
    const name = `core${index}`;
    if (request.method !== "GET") this.#dirty.add(name);
    const answer = core.handle(request, this.state.clockMs);
    const speak = (response: WireResponse) =>
      request.path.includes(CORECHANNEL_ADDRESS) ? this.#spoken(asked, response) : response;
    if (!("after" in answer)) return speak(answer);
    const finish = (nowMs: number) => {
      this.advanceTo(nowMs);
      this.#dirty.add(name);
      return speak(answer.finish(nowMs));
    };
    return { after: answer.after, finish, patient: true };
  }

  #askNode(index: number, asked: Asked, request: WireRequest): Answer {
    const node = this.node(index);
    if (request.method !== "GET") this.#dirty.add(`node${index}`);
    const answer = node.handle(
      request,
      this.state.clockMs,
      nodeNames(asked, CORE_HOSTS[this.roster[index]?.coreIndex ?? 0] ?? "", this.state.origins),
    );
    if (!isDelayed(answer)) return answer;
    const finish = (nowMs: number) => {
      this.advanceTo(nowMs);
      this.#dirty.add(`node${index}`);
      return answer.finish(nowMs);
    };
    return { ...answer, finish };
  }

  #spoken(asked: Asked, answer: WireResponse): WireResponse {
    return asked.loopback ? { ...answer, body: spokenThroughLoopback(answer.body, this.state.origins) } : answer;
  }

  #list(request: WireRequest): WireResponse {
    if (request.path.split("?")[0] !== "/crns.json") return json(404, { detail: "Not Found" });
    const { clockMs, list } = this.state;
    if (refreshList(list, this.roster, (index, ask) => this.node(index).handle(ask, clockMs), clockMs))
      this.#dirty.add("world");
    return crnsJson(list, this.roster, clockMs);
  }

  #scene(): Scene {
    const start = (nodeIndex: number, hash: string) =>
      this.#touch(`node${nodeIndex}`, () => this.node(nodeIndex).schedule(hash, this.state.clockMs));
    return sceneOf(this.core(0), this.nodes, start, this.state.clockMs);
  }

  /** Lets everything happen that is due up to `nowMs`, in order. A time in the past changes nothing. */
  advanceTo(nowMs: number): void {
    let events = 0;
    for (let due = this.nextDueMs(); due !== undefined && due <= nowMs; due = this.nextDueMs()) {
      const before = this.state.clockMs;
      this.#happen(Math.max(due, before));
      events = this.state.clockMs > before ? 0 : events + 1;
      if (events > EVENTS_MAX) throw new Error("the clock of the twin is stuck");
    }
    if (nowMs > this.state.clockMs) this.state.clockMs = nowMs;
  }

  nextDueMs(): number | undefined {
    const { state } = this;
    const single = [state.windowEndMs, state.scheduler.nextMs];
    const many = [...state.gossip, ...state.bills].map((one) => one.dueMs);
    const parts = [...this.cores, ...this.nodes].map((part) => part.nextDueMs());
    const due = [...single, ...many, ...parts].filter((ms) => ms !== null && ms !== undefined);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  #happen(nowMs: number): void {
    this.state.clockMs = nowMs;
    for (const [index, core] of this.cores.entries()) {
      if (isDue(core.nextDueMs(), nowMs)) this.#touch(`core${index}`, () => core.tick(nowMs));
    }
    this.#deliver(nowMs);
    for (const [index, node] of this.nodes.entries()) {
      if (isDue(node.nextDueMs(), nowMs)) this.#touch(`node${index}`, () => node.tick(nowMs));
    }
    this.#charge(nowMs);
    const { scheduler } = this.state;
    wake(scheduler, this.core(0).liveInstances(), nowMs);
    if (isDue(scheduler.nextMs ?? undefined, nowMs)) this.#touch("world", () => poll(scheduler, this.#scene(), nowMs));
  }

  #deliver(nowMs: number): void {
    const arrived = this.state.gossip.filter((one) => one.dueMs <= nowMs);
    if (arrived.length === 0) return;
    this.state.gossip = this.state.gossip.filter((one) => one.dueMs > nowMs);
    this.#dirty.add("world");
    for (const one of arrived) this.#touch(`core${one.to}`, () => this.core(one.to).receive(one.envelope, nowMs));
  }

  #charge(nowMs: number): void {
    if (this.state.windowEndMs <= nowMs) {
      const endMs = this.state.windowEndMs;
      this.state.windowEndMs += WINDOW_MS;
      const lines = this.nodes.flatMap((node, index) => this.#touch(`node${index}`, () => node.drainRunTimes(endMs)));
      const charged = misread(lines, this.state.billPercent);
      this.state.bills.push(...billsOf(charged, endMs, this.cores.length));
      this.#dirty.add("world");
    }
    const due = this.state.bills.filter((bill) => bill.dueMs <= nowMs);
    if (due.length === 0) return;
    this.state.bills = this.state.bills.filter((bill) => bill.dueMs > nowMs);
    for (const bill of due) this.#touch(`core${bill.core}`, () => this.core(bill.core).bill(bill.lines, nowMs));
    this.#dirty.add("world");
  }

  #touch<T>(name: string, act: () => T): T {
    this.#dirty.add(name);
    return act();
  }

  core(index: number): Core {
    const core = this.cores[index];
    if (core === undefined) throw new Error(`no core node ${index}`);
    return core;
  }

  node(index: number): ComputeNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no compute node ${index}`);
    return node;
  }

  /** For whoever changes a part from outside. */
  touched(...names: readonly string[]): void {
    for (const name of names) this.#dirty.add(name);
  }

  partNames(): readonly string[] {
    return ["world", ...this.cores.map((_, index) => `core${index}`), ...this.nodes.map((_, index) => `node${index}`)];
  }

  /** The parts that may have changed since the last call. */
  takeDirty(): readonly string[] {
    const names = [...this.#dirty];
    this.#dirty.clear();
    return names;
  }

  part(name: string): Json {
    return readPart(this, name);
  }

  /** All parts: plain JSON, from which `restore` makes a network that goes on where this one stands. */
  snapshot(): Record<string, Json> {
    return Object.fromEntries(this.partNames().map((name) => [name, this.part(name)]));
  }

  restore(parts: Readonly<Record<string, Json>>): void {
    for (const name of this.partNames()) {
      const value = parts[name];
      if (value !== undefined) writePart(this, name, value);
    }
  }
}

function isDue(dueMs: number | undefined, nowMs: number): boolean {
  return dueMs !== undefined && dueMs <= nowMs;
}

function later(answer: WireResponse, ms: number): Answer {
  return ms > 0 ? { after: ms, finish: () => answer, patient: true } : answer;
}
