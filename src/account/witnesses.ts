/**
 * Asks who can confirm that a VM is gone: the core nodes, its node and whoever else was seen running it, the scheduler.
 *
 * Witnesses are evidence for the certificate, never a condition for the end: a dead node cannot confirm anything and the
 * scheduler never deletes a row (safety.md a.4).
 */
import type { Calls } from "../aleph/calls.ts";
import { CORES } from "../aleph/network.ts";
import { isAliveWord } from "./attempts.ts";
import type { Witness } from "./certificate.ts";
import type { Attempt, VmRecord } from "./types.ts";

const GONE = new Set(["forgotten", "removed", "rejected"]);

export async function witnesses(calls: Calls, vm: VmRecord, nowMs: number): Promise<readonly Witness[]> {
  const perAttempt = await Promise.all(
    vm.attempts.filter((attempt) => attempt.firstSendMs !== null).map((attempt) => about(calls, attempt, nowMs)),
  );
  return perAttempt.flat();
}

async function about(calls: Calls, attempt: Attempt, nowMs: number): Promise<readonly Witness[]> {
  const asked = await Promise.all([
    ...CORES.map((core) => coreNode(calls, core, attempt.itemHash)),
    // an orphan's node was never chosen by us, so there is no address at which to ask it
    ...(attempt.node.origin === "" ? [] : [node(calls, attempt)]),
    scheduler(calls, attempt.itemHash),
  ]);
  return asked.map((witness) => ({ ...witness, atMs: nowMs }));
}

type Said = Omit<Witness, "atMs">;

async function coreNode(calls: Calls, core: 0 | 1 | 2, hash: string): Promise<Said> {
  const status = await calls.messageStatus(core, hash);
  const word = status.ok ? status.value.status : null;
  const says = word !== null && GONE.has(word) ? "confirmed" : isAliveWord(word) ? "denied" : "silent";
  return { kind: "core_node", id: String(core + 1), says };
}

async function node(calls: Calls, attempt: Attempt): Promise<Said> {
  const seen = await calls.execution(attempt.node.origin, attempt.itemHash);
  const says = !seen.ok ? "silent" : seen.value === "absent" || !seen.value.running ? "confirmed" : "denied";
  return { kind: "node", id: attempt.node.nodeHash, says };
}

async function scheduler(calls: Calls, hash: string): Promise<Said> {
  const view = await calls.schedulerView(hash);
  if (!view.ok) return { kind: "scheduler", id: "scheduler", says: "silent" };
  const gone = view.value === "absent" || view.value.observedNodes.length === 0;
  return { kind: "scheduler", id: "scheduler", says: gone ? "confirmed" : "denied" };
}
