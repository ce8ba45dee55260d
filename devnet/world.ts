/**
 * The whole Aleph network as one value: three core nodes that gossip, the compute nodes, the list server, the scheduler
 * and the meter. Synchronous and without timers: what is due happens in `advanceTo`, in the order in which it is due, so
 * many small steps and one long one come to the same.
 */
import { ComputeNode } from "./crn/compute-node.ts";
import type { Answer, Json } from "./wire.ts";
import type { Core } from "./core-port.ts";
import { newCrnList, type CrnListState } from "./crn-list.ts";
import { billsOf, misread, WINDOW_MS } from "./meter.ts";
import { CORE_HOSTS, ROSTER, type RosterEntry } from "./roster.ts";
import { poll, wake, type Scene } from "./scheduler.ts";
import { sceneOf } from "./scheduler-scene.ts";
import { type Listener, Switchboard } from "./switchboard.ts";
import { readPart, writePart } from "./world-parts.ts";
import { linkTo, newWorldState, type Gossip, type HostRequest, type WorldState } from "./world-state.ts";

/** More events at one instant than any healthy network has. */
const EVENTS_MAX = 10_000;

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
  /** In the list server's memory only, as on the real one: who restarts it makes it look anew. */
  readonly list: CrnListState = newCrnList();
  readonly #dirty = new Set<string>();
  readonly #switchboard: Switchboard;

  constructor(setup: WorldSetup) {
    this.cores = setup.cores;
    this.roster = setup.roster ?? ROSTER;
    this.state = newWorldState(setup.nowMs, this.roster.length);
    this.nodes = this.roster.map((entry) => this.#nodeOf(entry));
    this.#switchboard = new Switchboard(this);
    for (const [from, core] of this.cores.entries())
      core.publishTo((envelope, nowMs) => this.#gossip(from, envelope, nowMs));
    // Their jobs run by the clock from here on.
    for (const core of this.cores) core.tick(setup.nowMs);
    // A compute node that nobody has touched is as new, stored or not.
    for (const name of ["world", ...this.cores.map((_, index) => `core${index}`)]) this.#dirty.add(name);
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
    const answer = this.#switchboard.handle(request);
    this.advanceTo(nowMs);
    return answer;
  }

  /** A line to the logs of a VM on one of the nodes. */
  stream(request: HostRequest, nowMs: number): Listener | undefined {
    this.advanceTo(nowMs);
    return this.#switchboard.stream(request);
  }

  /** The network as the scheduler sees it now. */
  scene(): Scene {
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
    const heard = state.gossip.filter((one) => state.coresDeaf[one.to] !== true);
    const many = [...heard, ...state.bills, ...state.held].map((one) => one.dueMs);
    let earliestMs = Math.min(state.windowEndMs, state.scheduler.nextMs ?? Infinity, ...many);
    for (const core of this.cores) earliestMs = Math.min(earliestMs, core.nextDueMs() ?? Infinity);
    for (const node of this.nodes) earliestMs = Math.min(earliestMs, node.nextDueMs() ?? Infinity);
    return earliestMs === Infinity ? undefined : earliestMs;
  }

  #happen(nowMs: number): void {
    this.state.clockMs = nowMs;
    for (const [index, core] of this.cores.entries()) {
      if (isDue(core.nextDueMs(), nowMs)) this.#touch(`core${index}`, () => core.tick(nowMs));
    }
    this.#deliver(nowMs);
    this.#release(nowMs);
    for (const [index, node] of this.nodes.entries()) {
      if (isDue(node.nextDueMs(), nowMs)) this.#touch(`node${index}`, () => node.tick(nowMs));
    }
    this.#charge(nowMs);
    const { scheduler } = this.state;
    wake(scheduler, this.core(0).liveInstances(), nowMs);
    if (isDue(scheduler.nextMs ?? undefined, nowMs)) this.#touch("world", () => poll(scheduler, this.scene(), nowMs));
  }

  #deliver(nowMs: number): void {
    const isHeard = (one: Gossip) => one.dueMs <= nowMs && this.state.coresDeaf[one.to] !== true;
    const arrived = this.state.gossip.filter(isHeard);
    if (arrived.length === 0) return;
    this.state.gossip = this.state.gossip.filter((one) => !isHeard(one));
    this.#dirty.add("world");
    for (const one of arrived) this.#touch(`core${one.to}`, () => this.core(one.to).receive(one.envelope, nowMs));
  }

  #release(nowMs: number): void {
    const due = this.state.held.filter((one) => one.dueMs <= nowMs);
    if (due.length === 0) return;
    this.state.held = this.state.held.filter((one) => one.dueMs > nowMs);
    this.#dirty.add("world");
    for (const one of due) this.#switchboard.release(one);
  }

  #charge(nowMs: number): void {
    if (this.state.windowEndMs <= nowMs) {
      const endMs = this.state.windowEndMs;
      this.state.windowEndMs += WINDOW_MS;
      const lines = this.nodes.flatMap((node, index) =>
        node.isIdle() ? [] : this.#touch(`node${index}`, () => node.drainRunTimes(endMs)),
      );
      const charged = misread(lines, this.state.billPercent);
      this.state.bills.push(...billsOf(charged, endMs, this.state.booksLagMs.slice(0, this.cores.length)));
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
