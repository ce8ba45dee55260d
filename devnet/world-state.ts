/** What the network holds besides its core and compute nodes: messages under way, bills, faults, who goes by what name. */
import type { CoreLink } from "./crn/core-link.ts";
import type { Json, WireRequest } from "./wire.ts";
import type { Core } from "./core-port.ts";
import type { Fault } from "./faults.ts";
import { nextWindowEndMs, type Bill } from "./meter.ts";
import { CORE_TIMES } from "./roster.ts";
import { newScheduler, type SchedulerState } from "./scheduler.ts";

export type Gossip = { readonly to: number; readonly envelope: Json; readonly dueMs: number };

/** The `Host` it was sent to, virtual or loopback, beside the request. */
export type HostRequest = WireRequest & { readonly host: string };

/** A request that a fault keeps on its way. */
export type Held = { readonly id: number; readonly request: HostRequest; readonly dueMs: number };

export type WorldState = {
  startedMs: number;
  /** How many compute nodes there are; a stored network is made of as many. */
  nodes: number;
  /** Everything due up to here has happened. */
  clockMs: number;
  gossip: Gossip[];
  /** How long each core node takes to hear of a message that another one has published. */
  gossipLagMs: number[];
  coresDown: boolean[];
  /** Hears nothing of the others; what was said meanwhile reaches it when it hears again. */
  coresDeaf: boolean[];
  /** How much later than the charging service publishes them each core node learns of expenses. */
  booksLagMs: number[];
  held: Held[];
  heldNext: number;
  bills: Bill[];
  windowEndMs: number;
  /** What the meter charges of what it measured, by message hash or `*`, in percent; unnamed: all of it. */
  billPercent: Record<string, number>;
  faults: Fault[];
  faultNext: number;
  scheduler: SchedulerState;
  origins: Record<string, string>;
};

export function newWorldState(nowMs: number, nodes: number): WorldState {
  return {
    startedMs: nowMs,
    nodes,
    clockMs: nowMs,
    gossip: [],
    gossipLagMs: CORE_TIMES.map((times) => times.gossipMs),
    coresDown: CORE_TIMES.map(() => false),
    coresDeaf: CORE_TIMES.map(() => false),
    booksLagMs: CORE_TIMES.map((times) => times.booksMs),
    held: [],
    heldNext: 1,
    bills: [],
    windowEndMs: nextWindowEndMs(nowMs),
    billPercent: {},
    faults: [],
    faultNext: 1,
    scheduler: newScheduler(),
    origins: {},
  };
}

const GONE = { ok: false, status: 410, reason: "Gone" } as const;
const NOT_FOUND = { ok: false, status: 404, reason: "Not Found" } as const;

/** A core node as a compute node sees it: not at all while it is down. */
export function linkTo(core: Core, origin: string, isDown: () => boolean): CoreLink {
  const ended = (hash: string) => ["forgotten", "removed"].includes(core.statusOf(hash));
  const unless = <T>(read: () => T) => (isDown() ? undefined : read());
  return {
    origin,
    status: (hash) => unless(() => core.statusOf(hash)),
    instance: (hash) => unless(() => core.instance(hash)),
    price: (hash) =>
      unless(() => {
        if (ended(hash)) return GONE;
        const perS = core.ratePerS(hash);
        return perS === undefined ? NOT_FOUND : ({ ok: true, perS } as const);
      }),
    creditBalance: (address) => unless(() => core.creditBalance(address)),
    aggregate: (address, key) => unless(() => core.aggregateOf(address, key) ?? "absent"),
  };
}
