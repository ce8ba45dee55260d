/**
 * Decides which nodes may carry a VM, which of them are the best, and which one it becomes.
 *
 * Pure: chance comes in as bytes. A node has no price of its own (the network has one price list), so price does not
 * rank; what ranks is what we measured, then what the list says.
 */
import type { NodeView } from "../account/contract.ts";
import type { Place, Shape } from "../account/types.ts";
import { versionAtLeast } from "../aleph/nodes.ts";
import type { Gpu, NodeEntry } from "../aleph/nodes.ts";
import type { Figures } from "./figures.ts";

export type Wanted = {
  readonly shape: Shape;
  /** The device ids that core nodes price as the GPU that is asked for; without them no device is taken for it. */
  readonly gpuDevices?: ReadonlySet<string>;
  /** The one node that the agent asked for. */
  readonly nodeHash?: string;
  /** Nodes that failed within the last minutes, whoever used them. */
  readonly cooling: ReadonlySet<string>;
  /** Nodes that earlier attempts of this VM have used. */
  readonly tried: ReadonlySet<string>;
  /** The owner's rules. Left out for a node that was asked for: the account itself says why it may not be used. */
  readonly place?: Place;
};

export type Filter =
  | "other_node"
  | "inactive"
  | "not_linked"
  | "score_too_low"
  | "version_too_old"
  | "ipv6_broken"
  | "qemu_missing"
  | "terms_not_accepted"
  | "not_allowed"
  | "capacity_unknown"
  | "vcpus_too_few"
  | "memory_too_small"
  | "disk_too_small"
  | "gpu_not_free"
  | "failed_recently"
  | "tried_already";

export type Choice = {
  readonly fit: readonly NodeEntry[];
  /** How many nodes each filter took away; every node counts once, under the first filter that refuses it. */
  readonly leftOut: Readonly<Record<string, number>>;
};

/** crn.md §1.5; backups and the patient stop after a FORGET come with 1.10.0, delegation with 1.9.0. */
export const VERSION_MIN = "1.10.0";
/** From here on a node refuses what it cannot hold at once, instead of failing minutes later. */
export const VERSION_PREFERRED = "1.11.3";
export const SCORE_MIN = 0.8;
/** How many of the ranked nodes chance may choose from. */
export const BEST_FEW = 8;

/** In the order in which they are asked: what is wrong with the node itself comes before what does not fit. */
const FILTERS: readonly (readonly [Filter, (node: NodeEntry, wanted: Wanted) => boolean])[] = [
  ["other_node", (node, { nodeHash }) => nodeHash !== undefined && node.nodeHash !== nodeHash],
  ["inactive", (node) => node.inactive],
  ["not_linked", (node) => !node.linked],
  // a score that is no number compares as false and is left out too
  ["score_too_low", (node) => !(node.score >= SCORE_MIN)],
  ["version_too_old", (node) => !versionAtLeast(node.version, VERSION_MIN)],
  ["ipv6_broken", (node) => !node.ipv6Ok],
  ["qemu_missing", (node) => !node.qemu],
  ["terms_not_accepted", (node, wanted) => node.termsHash !== undefined && !acceptsTerms(node.termsHash, wanted)],
  ["not_allowed", (node, { place }) => place !== undefined && !isAllowed(node, place)],
  ["capacity_unknown", (node) => node.vcpus === null || node.memoryMibFree === null || node.diskMibFree === null],
  ["vcpus_too_few", (node, { shape }) => !hasRoom(node.vcpus, shape.vcpus)],
  ["memory_too_small", (node, { shape }) => !hasRoom(node.memoryMibFree, shape.memoryMib)],
  ["disk_too_small", (node, { shape }) => !hasRoom(node.diskMibFree, shape.diskMib)],
  ["gpu_not_free", (node, wanted) => wanted.shape.gpu !== undefined && freeGpu(node, wanted) === undefined],
  ["failed_recently", (node, { cooling }) => cooling.has(node.nodeHash)],
  ["tried_already", (node, { tried }) => tried.has(node.nodeHash)],
];

/** Accepting an operator's terms is the owner's to do; of a node that was asked for the account says itself which they are. */
const acceptsTerms = (termsHash: string, { place, nodeHash }: Wanted): boolean =>
  place === undefined ? nodeHash !== undefined : place.termsAccepted.includes(termsHash);

function isAllowed(node: NodeEntry, place: Place): boolean {
  if (place.nodesDeny.includes(node.nodeHash)) return false;
  if (place.nodesAllow.length > 0 && !place.nodesAllow.includes(node.nodeHash)) return false;
  return scorePctOf(node) >= place.scorePctMin;
}

/** In whole percent, rounded down: what decides is an integer. */
export const scorePctOf = (node: NodeEntry): number => Math.floor(Math.round(node.score * 1e6) / 1e4);

/** Every filter is hard, for a node that was asked for as well: its flaws do not go away by asking. */
export function eligible(nodes: readonly NodeEntry[], wanted: Wanted): Choice {
  const fit: NodeEntry[] = [];
  const leftOut: Record<string, number> = {};
  for (const node of nodes) {
    const filter = refusedBy(node, wanted);
    if (filter === undefined) fit.push(node);
    else leftOut[filter] = (leftOut[filter] ?? 0) + 1;
  }
  return { fit, leftOut };
}

/** The first filter that takes this node away, or undefined. */
export function refusedBy(node: NodeEntry, wanted: Wanted): Filter | undefined {
  return FILTERS.find(([, refuses]) => refuses(node, wanted))?.[0];
}

/** What we measured of nodes; a node that is not in it is neither praised nor blamed. */
export type Measured = ReadonlyMap<string, Figures>;
const NOTHING_MEASURED: Measured = new Map();

type Merits = {
  readonly node: NodeEntry;
  readonly preferred: number;
  readonly provenTenths: number;
  readonly scorePct: number;
  readonly memoryMibFree: number;
};

/** Best first. The hash decides between equals, so that two readers of one list see one order. */
export function rank(fit: readonly NodeEntry[], measured = NOTHING_MEASURED): readonly NodeEntry[] {
  // what a node is worth is worked out once, not at each of the many comparisons
  const merits = fit.map((node) => meritsOf(node, measured));
  return merits.sort(better).map(({ node }) => node);
}

const meritsOf = (node: NodeEntry, measured: Measured): Merits => ({
  node,
  preferred: Number(isPreferred(node)),
  provenTenths: provenTenths(node, measured),
  // hundredths: the list's score moves in the third digit from hour to hour
  scorePct: Math.round(node.score * 100),
  memoryMibFree: node.memoryMibFree ?? 0,
});

const better = (a: Merits, b: Merits): number =>
  b.preferred - a.preferred ||
  b.provenTenths - a.provenTenths ||
  b.scorePct - a.scorePct ||
  b.memoryMibFree - a.memoryMibFree ||
  (a.node.nodeHash < b.node.nodeHash ? -1 : 1);

/** A node of which nothing is known stands between those that start nearly always and those that do not. */
const UNKNOWN_TENTHS = 9;

/** Starts that answered over SSH, and erases obeyed, in tenths: a difference of a few percent is chance. */
function provenTenths({ nodeHash }: NodeEntry, measured: Measured): number {
  const figures = measured.get(nodeHash);
  const tenths = (pct: number | null | undefined): number =>
    pct === null || pct === undefined ? UNKNOWN_TENTHS : Math.round(pct / 10);
  return Math.min(tenths(figures?.startPct.value), tenths(figures?.erasedPct.value) + 1);
}

/**
 * One of the best few: of n the first weighs n, the last 1. Always the best would send every account to the same node.
 * Four bytes of chance decide; the bias of the remainder, 36 in 2^32, does not matter here.
 */
export function pickWeighted(ranked: readonly NodeEntry[], randomBytes: Uint8Array): NodeEntry | undefined {
  const few = ranked.slice(0, BEST_FEW);
  const weightAll = (few.length * (few.length + 1)) / 2;
  if (weightAll === 0) return undefined;
  let ticket = numberOf(randomBytes) % weightAll;
  return few.find((_, place) => {
    ticket -= few.length - place;
    return ticket < 0;
  });
}

/** What an agent may see of a node: what is free on it now. Every text in it is of our own spelling. */
export function nodeView(
  node: NodeEntry,
  hourlyCredits: number | null,
  latencyMs: number | null,
  regionEstimated: NodeView["regionEstimated"],
): NodeView {
  return {
    crnId: node.nodeHash,
    vcpus: node.vcpus,
    memoryMib: node.memoryMibFree,
    diskMib: node.diskMibFree,
    gpus: node.gpusFree.map(({ model }) => model),
    version: node.version,
    score: node.score,
    latencyMs,
    hourlyCredits,
    regionEstimated,
  };
}

/** A free device of that model, by its node's word and the core nodes'; its `spec` is what the VM asks for, to the letter. */
export function freeGpu(node: NodeEntry, { shape, gpuDevices }: Wanted): Gpu | undefined {
  const wanted = shape.gpu?.toLowerCase();
  return node.gpusFree.find(
    ({ model, spec }) => model.toLowerCase() === wanted && gpuDevices?.has(spec.device_id) === true,
  );
}

/** 25 % headroom (crn.md §1.5), in whole numbers: the figures are minutes old and others create too. */
function hasRoom(has: number | null, needs: number): boolean {
  return has !== null && has * 4 >= needs * 5;
}

function isPreferred(node: NodeEntry): boolean {
  return versionAtLeast(node.version, VERSION_PREFERRED);
}

function numberOf(bytes: Uint8Array): number {
  return bytes.slice(0, 4).reduce((sum, byte) => sum * 256 + byte, 0);
}
