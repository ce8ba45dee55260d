/**
 * Asks who can confirm that a VM is gone: the core nodes, its node and whoever else was seen running it, the scheduler.
 *
 * Witnesses are evidence for the certificate, never a condition for the end: a dead node cannot confirm anything and the
 * scheduler never deletes a row (safety.md a.4).
 */
import { messageStatus } from "../aleph/core-nodes.ts";
import { CORES, type Network } from "../aleph/network.ts";
import { execution } from "../aleph/nodes.ts";
import { schedulerView } from "../aleph/scheduler.ts";
import { isAliveWord } from "./attempts.ts";
import type { Witness } from "./certificate.ts";
import type { Attempt, VmRecord } from "./types.ts";

const GONE = new Set(["forgotten", "removed", "rejected"]);

export async function witnesses(network: Network, vm: VmRecord, nowMs: number): Promise<readonly Witness[]> {
  const perAttempt = await Promise.all(
    vm.attempts.filter((attempt) => attempt.firstSendMs !== null).map((attempt) => about(network, attempt, nowMs)),
  );
  return perAttempt.flat();
}

async function about(network: Network, attempt: Attempt, nowMs: number): Promise<readonly Witness[]> {
  const asked = await Promise.all([
    ...CORES.map((core) => coreNode(network, core, attempt.itemHash)),
    node(network, attempt),
    scheduler(network, attempt.itemHash),
  ]);
  return asked.map((witness) => ({ ...witness, atMs: nowMs }));
}

type Said = Omit<Witness, "atMs">;

async function coreNode(network: Network, core: 0 | 1 | 2, hash: string): Promise<Said> {
  const status = await messageStatus(network, core, hash);
  const word = status.ok ? status.value.status : null;
  const says = word !== null && GONE.has(word) ? "confirmed" : isAliveWord(word) ? "denied" : "silent";
  return { kind: "core_node", id: String(core + 1), says };
}

async function node(network: Network, attempt: Attempt): Promise<Said> {
  const seen = await execution(network, attempt.node.origin, attempt.itemHash);
  const says = !seen.ok ? "silent" : seen.value === "absent" || !seen.value.running ? "confirmed" : "denied";
  return { kind: "node", id: attempt.node.nodeHash, says };
}

async function scheduler(network: Network, hash: string): Promise<Said> {
  const view = await schedulerView(network, hash);
  if (!view.ok) return { kind: "scheduler", id: "scheduler", says: "silent" };
  const gone = view.value === "absent" || view.value.observedNodes.length === 0;
  return { kind: "scheduler", id: "scheduler", says: gone ? "confirmed" : "denied" };
}
