/**
 * Finds one node for a VM now: the filtered list, then live probes of three of the best few, then the answer.
 *
 * A probe has to confirm who the node is and that there is still room: the list is minutes old, and its address may lead
 * elsewhere. What a node says is used as figures and as its own name only, never as text for anybody.
 *
 * A node starts nothing while the core node that it follows is down, so such a node is the last choice. It stays one: that
 * core node may be silent to us alone, and no single one may refuse for long.
 */
import type { NodeRef } from "../account/types.ts";
import { CORES, type Network, type Outcome } from "../aleph/network.ts";
import { probeNode, versionAtLeast } from "../aleph/nodes.ts";
import type { NodeEntry, NodeProbe } from "../aleph/nodes.ts";
import { answer, refuse } from "../errors.ts";
import type { Answer, Code } from "../errors.ts";
import type { Clock, Random } from "../ports.ts";
import { eligible, pickWeighted, rank, refusedBy } from "./choice.ts";
import type { Filter, Measured, Wanted } from "./choice.ts";
import type { NodeSnapshot } from "./list.ts";

export type Found = {
  readonly node: NodeRef;
  readonly entry: NodeEntry;
  readonly latencyMs: number;
  /** The core node that it follows does not answer us. */
  readonly coreSilent: boolean;
};

export type FindAsk = {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly snapshot: NodeSnapshot;
  readonly wanted: Wanted;
  readonly measured?: Measured;
  /** Three unless said otherwise. */
  readonly probesAtOnce?: number;
};

/** Why a node that passed the list failed its probe. */
export type ProbeFlaw = "unreachable" | "bad_answer" | "other_node_hash" | "other_domain" | Filter;
type Probed = { readonly ok: true; readonly found: Found } | { readonly ok: false; readonly flaw: ProbeFlaw };

const PROBES_AT_ONCE = 3;
/** A probe is two calls of at most 5 s each, so a search ends within 20 s: a tool call waits 25 s. */
const ROUNDS_MAX = 2;
/** Whoever passed but follows a silent core node is no reason to stop: two rounds more, if these 20 s allow it. */
const LOOKS_MAX = 4;
const LOOK_ON_MS = 10_000;
/** The list is gathered anew every five minutes; asking sooner sees the same figures. */
const RETRY_AFTER_S = 300;
/** `/status/config` names the node's hash from this version on (crn.md §2.2). */
const NODE_HASH_SINCE = "1.11.0";

/**
 * Refuses with `node.no_capacity` (facts: how many nodes each filter and each probe took away); for a node that was
 * asked for also with `node.unreachable` or `node.bad_answer`.
 */
export async function findNode(ask: FindAsk): Promise<Answer<Found>> {
  const { fit, leftOut } = eligible(ask.snapshot.nodes, ask.wanted);
  const counts: Record<string, number> = { nodes: ask.snapshot.nodes.length, ...leftOut };
  let left = rank(fit, ask.measured);
  let lastChoice: Found | undefined;
  const startedMs = ask.clock.nowMs();
  const looksOn = (): boolean => lastChoice !== undefined && ask.clock.nowMs() - startedMs <= LOOK_ON_MS;
  for (let round = 0; left.length > 0 && round < LOOKS_MAX && (round < ROUNDS_MAX || looksOn()); round += 1) {
    const drawn = draw(left, ask.random, ask.probesAtOnce ?? PROBES_AT_ONCE);
    left = left.filter((node) => !drawn.includes(node));
    const probes = await Promise.all(drawn.map((entry) => probe(ask, entry)));
    // they were drawn by chance and weight, so the first one that passed is the choice
    const passed = probes.flatMap((one) => (one.ok ? [one.found] : []));
    const choice = passed.find((one) => !one.coreSilent);
    if (choice !== undefined) return answer(choice);
    lastChoice ??= passed[0];
    for (const one of probes) if (!one.ok) count(counts, one.flaw);
    const [first] = probes;
    if (ask.wanted.nodeHash !== undefined && first?.ok === false) return refuseAsked(first.flaw, counts);
  }
  if (lastChoice !== undefined) return answer(lastChoice);
  return refuse("node.no_capacity", counts, RETRY_AFTER_S);
}

function draw(ranked: readonly NodeEntry[], random: Random, most: number): readonly NodeEntry[] {
  const drawn: NodeEntry[] = [];
  while (drawn.length < most) {
    const one = pickWeighted(
      ranked.filter((node) => !drawn.includes(node)),
      random.bytes(4),
    );
    if (one === undefined) break;
    drawn.push(one);
  }
  return drawn;
}

async function probe(ask: FindAsk, entry: NodeEntry): Promise<Probed> {
  const outcome = await probeNode(ask.network, { origin: entry.origin }, ask.clock);
  if (!outcome.ok) return { ok: false, flaw: silence(outcome) };
  const seen = outcome.value;
  const stranger = strangeness(entry, seen);
  if (stranger !== undefined) return { ok: false, flaw: stranger };
  const now = refreshed(entry, seen);
  const filter = refusedBy(now, ask.wanted);
  if (filter !== undefined) return { ok: false, flaw: filter };
  const followsCore = CORES.find((core) => ask.network.coreOrigins[core] === seen.apiServer);
  const node = {
    nodeHash: entry.nodeHash,
    origin: entry.origin,
    domain: seen.domain,
    ...(followsCore === undefined ? {} : { followsCore }),
  };
  return { ok: true, found: { node, entry: now, latencyMs: seen.latencyMs, coreSilent: seen.coreSilent } };
}

function silence(outcome: Extract<Outcome<NodeProbe>, { ok: false }>): "unreachable" | "bad_answer" {
  const { why } = outcome;
  return why === "timeout" || why === "unreachable" || why === "http_error" ? "unreachable" : "bad_answer";
}

/** Whether the one that answers is the one that the list means. Operator calls are signed for its DOMAIN_NAME. */
function strangeness(entry: NodeEntry, seen: NodeProbe): "other_node_hash" | "other_domain" | undefined {
  const mayBeSilent = seen.nodeHash === null && !versionAtLeast(seen.version, NODE_HASH_SINCE);
  if (!mayBeSilent && seen.nodeHash !== entry.nodeHash) return "other_node_hash";
  const host = URL.parse(entry.origin)?.hostname;
  return seen.domain.toLowerCase() === host ? undefined : "other_domain";
}

/** The list's entry with the figures of now. What the probe does not know stays as the list has it. */
function refreshed(entry: NodeEntry, seen: NodeProbe): NodeEntry {
  const listed = [...entry.gpus, ...entry.gpusFree];
  return {
    ...entry,
    version: seen.version,
    vcpus: seen.vcpus ?? entry.vcpus,
    memoryMibFree: seen.memoryMibFree ?? entry.memoryMibFree,
    diskMibFree: seen.diskMibFree ?? entry.diskMibFree,
    // only devices that the list knows: its words are what a VM has to ask for
    gpusFree: seen.gpusFree.flatMap(({ deviceId }) => listed.find((gpu) => gpu.deviceId === deviceId) ?? []),
  };
}

function refuseAsked(flaw: ProbeFlaw, counts: Readonly<Record<string, number>>): Answer<Found> {
  const code = codeOf(flaw);
  return refuse(code, { ...counts, reason: flaw }, code === "node.no_capacity" ? RETRY_AFTER_S : undefined);
}

function codeOf(flaw: ProbeFlaw): Code {
  if (flaw === "unreachable") return "node.unreachable";
  if (flaw === "bad_answer" || flaw === "other_node_hash" || flaw === "other_domain") return "node.bad_answer";
  return "node.no_capacity";
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
