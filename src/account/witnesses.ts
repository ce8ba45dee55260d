/**
 * Asks who can confirm that a VM is gone: the core nodes, its node and whoever else was seen running it, the scheduler.
 *
 * Witnesses are evidence for the certificate, never a condition for the end: a dead node cannot confirm anything and the
 * scheduler never deletes a row (safety.md a.4). Nodes are asked one after the other, so that a core node waits for none.
 */
import type { Calls } from "../aleph/calls.ts";
import { CORES } from "../aleph/network.ts";
import type { Clock } from "../ports.ts";
import { isAliveWord } from "./attempts.ts";
import type { Witness } from "./certificate.ts";
import { copiesOf, type Sighting, toAsk } from "./copies.ts";
import type { Nodes } from "./next-node.ts";
import type { Attempt, Hash, NodeRef, VmRecord } from "./types.ts";

const GONE = new Set(["forgotten", "removed", "rejected"]);

export type Asking = { readonly calls: Calls; readonly clock: Clock; readonly nodes: Pick<Nodes, "known"> };
export type Testimony = { readonly witnesses: readonly Witness[]; readonly copies: readonly Sighting[] };

/** `turn` counts up: of many nodes that are named each look asks others. */
export async function witnesses(asking: Asking, vm: VmRecord, turn: number): Promise<Testimony> {
  const sent = vm.attempts.filter((attempt) => attempt.firstSendMs !== null);
  const each = await Promise.all(sent.map((attempt) => about(asking, attempt, turn)));
  return { witnesses: each.flatMap((one) => one.witnesses), copies: each.flatMap((one) => one.copies) };
}

async function about(asking: Asking, attempt: Attempt, turn: number): Promise<Testimony> {
  const { calls, clock } = asking;
  const [cores, own, elsewhere] = await Promise.all([
    Promise.all(CORES.map((core) => coreNode(calls, core, attempt.itemHash))),
    // an orphan's node was never chosen by us, so there is no address at which to ask it
    attempt.node.origin === "" ? [] : sight(calls, attempt.node, attempt.itemHash).then((one) => [nodeSaid(one)]),
    lookElsewhere(asking, attempt, turn),
  ]);
  const said = [...cores, ...own, ...elsewhere.copies.map(nodeSaid), elsewhere.scheduler];
  const now = said.map((witness) => ({ ...witness, atMs: clock.nowMs() }));
  return { witnesses: [...now, ...saidBefore(attempt, elsewhere.copies)], copies: elsewhere.copies };
}

/** Copies whose turn it was not: their last word stands, with its time. */
function saidBefore(attempt: Attempt, asked: readonly Sighting[]): readonly Witness[] {
  const now = new Set(asked.map(({ node }) => node.nodeHash));
  const others = copiesOf(attempt).filter(({ node }) => !now.has(node.nodeHash));
  return others.map(({ node, says, atMs }) => ({ kind: "node", id: node.nodeHash, says, atMs }));
}

/** Who else runs it, as the scheduler names them and as they say themselves. */
export async function lookElsewhere({ calls, nodes }: Omit<Asking, "clock">, attempt: Attempt, turn: number) {
  const { itemHash } = attempt;
  const { said, named } = await scheduler(calls, itemHash);
  const copies: Sighting[] = [];
  for (const hash of toAsk(attempt, named, turn)) {
    const recorded = copiesOf(attempt).find(({ node }) => node.nodeHash === hash)?.node;
    const node = recorded ?? (await nodes.known(hash));
    if (node !== null) copies.push(await sight(calls, node, itemHash));
  }
  return { scheduler: said, copies };
}

type Said = Omit<Witness, "atMs">;

async function coreNode(calls: Calls, core: 0 | 1 | 2, hash: string): Promise<Said> {
  const status = await calls.messageStatus(core, hash);
  const word = status.ok ? status.value.status : null;
  const says = word !== null && GONE.has(word) ? "confirmed" : isAliveWord(word) ? "denied" : "silent";
  return { kind: "core_node", id: String(core + 1), says };
}

async function sight(calls: Calls, node: NodeRef, itemHash: Hash): Promise<Sighting> {
  const seen = await calls.execution(node.origin, itemHash);
  const says = !seen.ok ? "silent" : seen.value === "absent" || !seen.value.running ? "confirmed" : "denied";
  return { itemHash, node, says };
}

const nodeSaid = ({ node, says }: Sighting): Said => ({ kind: "node", id: node.nodeHash, says });

async function scheduler(calls: Calls, hash: Hash): Promise<{ readonly said: Said; readonly named: readonly Hash[] }> {
  const view = await calls.schedulerView(hash);
  const said = (says: Said["says"]): Said => ({ kind: "scheduler", id: "scheduler", says });
  if (!view.ok) return { said: said("silent"), named: [] };
  if (view.value === "absent") return { said: said("confirmed"), named: [] };
  const { allocatedNode, observedNodes } = view.value;
  const named = allocatedNode === null ? observedNodes : [...observedNodes, allocatedNode];
  return { said: said(observedNodes.length === 0 ? "confirmed" : "denied"), named };
}
