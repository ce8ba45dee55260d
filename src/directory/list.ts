/**
 * Owns the snapshot of all nodes: dated, at most five minutes old, one for each network in the isolate's memory.
 *
 * Readers who come while it is being gathered wait for the same gathering. Losing it loses only knowledge.
 */
import type { Network } from "../aleph/network.ts";
import { nodeList } from "../aleph/nodes.ts";
import type { NodeEntry } from "../aleph/nodes.ts";
import type { Clock } from "../ports.ts";

export type NodeSnapshot = {
  readonly nodes: readonly NodeEntry[];
  /** When the gathering began, so a figure in it is at most this old, never older. */
  readonly asOfMs: number;
};

export type NodeListReader = {
  /** Undefined: no list that is fresh enough can be had now. */
  read(): Promise<NodeSnapshot | undefined>;
  /** The next read gathers anew, whatever is known. */
  forget(): void;
};

/** design.md §12.7: an older list is refused as a fact. */
export const LIST_AGE_MS_MAX = 300_000;
/**
 * Somebody else's gathering is waited for no longer than this: it belongs to another request, and when that request is
 * cancelled its promise may never settle. The slowest of its calls has 15 s.
 */
const SHARED_WAIT_MS = 20_000;

type Slot = { snapshot?: NodeSnapshot; gathering?: Promise<NodeSnapshot | undefined> };

const readers = new WeakMap<Network, NodeListReader>();

export function nodeListReader(network: Network, clock: Clock): NodeListReader {
  const known = readers.get(network);
  if (known !== undefined) return known;
  const reader = newReader(network, clock);
  readers.set(network, reader);
  return reader;
}

function newReader(network: Network, clock: Clock): NodeListReader {
  let slot: Slot = {};

  async function read(): Promise<NodeSnapshot | undefined> {
    const { snapshot, gathering } = slot;
    if (snapshot !== undefined && isFresh(snapshot, clock.nowMs())) return snapshot;
    if (gathering === undefined) return startGathering(slot, network, clock);
    const shared = await settledWithin(gathering, SHARED_WAIT_MS);
    if (shared !== "late") return shared;
    // several may have waited in vain: the first of them starts anew, the others join it
    if (slot.gathering === undefined || slot.gathering === gathering) return startGathering(slot, network, clock);
    return slot.gathering;
  }

  /** A gathering that is under way ends in the old slot, where nobody looks any more. */
  function forget(): void {
    slot = {};
  }

  return { read, forget };
}

function startGathering(slot: Slot, network: Network, clock: Clock): Promise<NodeSnapshot | undefined> {
  const gathering = gather(network, clock)
    .then((fresh) => {
      if (fresh !== undefined) slot.snapshot = fresh;
      return fresh;
    })
    .finally(() => {
      if (slot.gathering === gathering) delete slot.gathering;
    });
  slot.gathering = gathering;
  return gathering;
}

async function gather(network: Network, clock: Clock): Promise<NodeSnapshot | undefined> {
  const asOfMs = clock.nowMs();
  const list = await nodeList(network);
  // an empty list is a metrics host that lost its data; kept, it would close the shop for five minutes
  return list.ok && list.value.length > 0 ? { nodes: list.value, asOfMs } : undefined;
}

function isFresh(snapshot: NodeSnapshot, nowMs: number): boolean {
  const ageMs = nowMs - snapshot.asOfMs;
  return ageMs >= 0 && ageMs <= LIST_AGE_MS_MAX;
}

async function settledWithin<T>(promise: Promise<T>, waitMs: number): Promise<T | "late"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), waitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
