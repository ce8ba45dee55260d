/**
 * Owns what this isolate knows of where nodes are: one estimate for each host name, kept for a day, and the bounds on
 * asking for more. Losing it loses only knowledge.
 *
 * Only nodes that are about to be shown are asked for, never a whole list. Requests do not share a look-up that is under
 * way: it would end with whoever began it, and a repeated one costs a resolver nothing.
 */
import { estimatedRegion } from "../aleph/dns.ts";
import type { Network } from "../aleph/network.ts";
import type { NodeEntry } from "../aleph/nodes.ts";
import type { Region } from "../aleph/region.ts";
import type { Clock } from "../ports.ts";

type Placed = Pick<NodeEntry, "origin">;

export type Regions = {
  /** Null: asked, and nothing can be said. Undefined: not asked for a day, or not yet. */
  known(node: Placed): Region | null | undefined;
  /** Asks for the first few that are not known, within the bounds of this call. False: these bounds are reached. */
  learnSome(nodes: readonly Placed[], call: LookUps): Promise<boolean>;
  /** Asks for all of them as far as the bounds reach. */
  learn(nodes: readonly Placed[], call: LookUps): Promise<void>;
};

/** What one call may spend on look-ups. */
export type LookUps = { left: number; readonly lastStartMs: number };

/** A Worker has six connections to others at a time. */
export const AT_ONCE = 6;
/** The smallest plan lets a request call out 50 times: a list of nodes takes four, prices three. */
export const LOOK_UPS_MAX = 40;
/** A batch takes as long as its slowest look-up: 1.5 s (aleph/dns.ts). A page or a plain list then waits 2 s at most. */
const SHOW_START_MS = 500;
/** Who asks for one region waits 6 s at most. */
const SEARCH_START_MS = 4_500;

const KNOWN_MS = 86_400_000;
const FAILED_MS = 600_000;
/** As many as the longest list has nodes; the ones that were learnt first make room. */
const HOSTS_MAX = 5_000;

const within = (clock: Clock, startMs: number): LookUps => ({
  left: LOOK_UPS_MAX,
  lastStartMs: clock.nowMs() + startMs,
});
export const toShow = (clock: Clock): LookUps => within(clock, SHOW_START_MS);
export const toSearch = (clock: Clock): LookUps => within(clock, SEARCH_START_MS);

type Estimate = { readonly region: Region | null; readonly untilMs: number };

const readers = new WeakMap<Network, Regions>();

export function regionsOf(network: Network, clock: Clock): Regions {
  const ready = readers.get(network) ?? newRegions(network, clock);
  readers.set(network, ready);
  return ready;
}

function newRegions(network: Network, clock: Clock): Regions {
  const estimates = new Map<string, Estimate>();

  function known({ origin }: Placed): Region | null | undefined {
    const estimate = estimates.get(origin);
    return estimate !== undefined && clock.nowMs() < estimate.untilMs ? estimate.region : undefined;
  }

  async function ask(origin: string): Promise<void> {
    const outcome = await estimatedRegion(network, { origin });
    const keptMs = outcome.ok ? KNOWN_MS : FAILED_MS;
    estimates.delete(origin);
    estimates.set(origin, { region: outcome.ok ? outcome.value : null, untilMs: clock.nowMs() + keptMs });
    const [oldest] = estimates.keys();
    if (estimates.size > HOSTS_MAX && oldest !== undefined) estimates.delete(oldest);
  }

  async function learnSome(nodes: readonly Placed[], call: LookUps): Promise<boolean> {
    if (clock.nowMs() > call.lastStartMs) return false;
    const origins = firstOf(nodes, Math.min(AT_ONCE, call.left), (node) => known(node) === undefined);
    call.left -= origins.length;
    await Promise.all(origins.map(ask));
    return origins.length > 0;
  }

  async function learn(nodes: readonly Placed[], call: LookUps): Promise<void> {
    while (await learnSome(nodes, call));
  }

  return { known, learnSome, learn };
}

/** Names of the first few that are wanted, each once; the rest of a long list is not looked at. */
function firstOf(nodes: readonly Placed[], most: number, isWanted: (node: Placed) => boolean): readonly string[] {
  const origins = new Set<string>();
  for (const node of nodes) {
    if (origins.size >= most) break;
    if (isWanted(node)) origins.add(node.origin);
  }
  return [...origins];
}
