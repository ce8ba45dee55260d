/**
 * The account's words with the directory: which node may take a VM next, where a node is, who failed, and what was seen of
 * a node.
 *
 * No rules in here. The node is found as for a create (list, filters, probes) and leased; what cannot be had now is asked
 * for again by the plan.
 */
import { nodesCoreAnswers } from "../aleph/nodes.ts";
import type { FrontSetting } from "./doors.ts";
import { directoryOf, orElse } from "./hearsay.ts";
import type { Seen } from "./sample.ts";
import type { Hash, NodeRef, Place, VmSpec } from "./types.ts";

/** A drive shares three connections to nodes with whatever else is due: one is left for an erase. */
export const PROBES_AT_ONCE = 2;

export type NextNodeAsk = {
  /** The quote of its VM: the key of the lease, so that the node that failed is given back for this one. */
  readonly quoteId: string;
  readonly spec: VmSpec;
  /** Nodes that this VM has used. */
  readonly exclude: readonly Hash[];
};

export type Nodes = {
  readonly next: (ask: NextNodeAsk) => Promise<NodeRef | null>;
  /** A node with the address that two core nodes agree on; null: none, or the list cannot be had now. */
  readonly known: (nodeHash: Hash) => Promise<NodeRef | null>;
  /** True once the directory has heard it. */
  readonly failed: (nodeHash: Hash, atMs: number) => Promise<boolean>;
  /** Told once and not waited for: a lost sample is lost knowledge, and no drive is late or fails for it. */
  readonly seen: (seen: Seen) => void;
};

/** Whose nodes: the account's name is the lease's, the owner's rules are those of now; null without a policy. */
export type NodesFor = (account: string, place: Place | null) => Nodes;

export function nodesOver(setting: () => Pick<FrontSetting, "doors" | "gather" | "ports">): NodesFor {
  return (account, place) => ({
    next: (ask) => orElse(null, findAndLease(setting(), account, place, ask)),
    known: (nodeHash) => orElse(null, findKnown(setting(), nodeHash)),
    failed: (nodeHash, atMs) => orElse(false, tellFailure(setting(), account, nodeHash, atMs)),
    seen: (seen) => void orElse(undefined, tellSeen(setting(), account, seen)),
  });
}

async function findAndLease(
  { doors, gather, ports }: Pick<FrontSetting, "doors" | "gather" | "ports">,
  account: string,
  place: Place | null,
  { quoteId, spec, exclude }: NextNodeAsk,
): Promise<NodeRef | null> {
  const directory = directoryOf({ doors });
  const cooling = await directory.cooling(ports.clock.nowMs());
  const found = await gather.place(spec, { cooling, tried: exclude, place, probesAtOnce: PROBES_AT_ONCE });
  if (!found.ok) return null;
  const { nodeHash } = found.value;
  const lease = { account, key: quoteId, nodeHash, nowMs: ports.clock.nowMs() };
  return (await directory.lease(lease)) ? found.value : null;
}

/** Not probed: a node whose DOMAIN_NAME is not its address refuses what is signed for it, and that is all. */
async function findKnown({ gather }: Pick<FrontSetting, "gather">, nodeHash: Hash): Promise<NodeRef | null> {
  const snapshot = await gather.snapshot();
  const origin = snapshot?.nodes.find((node) => node.nodeHash === nodeHash)?.origin;
  return origin === undefined ? null : { nodeHash, origin, domain: new URL(origin).hostname };
}

/** Heard, and not noted while the nodes' own core node is silent: that is no fault of theirs. */
async function tellFailure(
  { doors, gather }: Pick<FrontSetting, "doors" | "gather">,
  account: string,
  nodeHash: Hash,
  atMs: number,
): Promise<boolean> {
  if (await nodesCoreAnswers(gather.network)) await doors.directory().noteFailure(nodeHash, atMs, account);
  return true;
}

async function tellSeen(
  { doors, gather }: Pick<FrontSetting, "doors" | "gather">,
  account: string,
  seen: Seen,
): Promise<void> {
  const praises = seen.start === "ready" || seen.erased === true;
  if (!praises && !(await nodesCoreAnswers(gather.network))) return;
  await doors.directory().noteSample({ ...seen, account });
}
