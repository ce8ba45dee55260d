/**
 * What the network's scheduler says of one instance. Evidence for a certificate and a hint while waiting, nothing more:
 * its rows are never deleted and nothing may depend on it.
 */
import { fetchJson } from "./fetch.ts";
import { known, unknown } from "./network.ts";
import type { Network, Outcome } from "./network.ts";
import { field, hashOf, listOf } from "./wire.ts";

const STATUSES = [
  "scheduled",
  "dispatched",
  "duplicated",
  "misplaced",
  "missing",
  "orphaned",
  "migrating",
  "unknown",
  "unscheduled",
  "unschedulable",
  "removed",
] as const;

export type SchedulerStatus = (typeof STATUSES)[number] | "other";

export type SchedulerView = {
  /** Hash of the node that it means to run on. */
  readonly allocatedNode: string | null;
  /** Hashes of the nodes on which it was seen. */
  readonly observedNodes: readonly string[];
  readonly status: SchedulerStatus;
};

const OBSERVED_MAX = 32;

export async function schedulerView(network: Network, hash: string): Promise<Outcome<SchedulerView | "absent">> {
  const answer = await fetchJson(network.net, {
    url: `${network.schedulerOrigin}/api/v1/vms/${encodeURIComponent(hash)}`,
    timeoutMs: 5_000,
    bytesMax: 64 * 1_024,
  });
  if (!answer.ok) return answer.status === 404 ? known("absent") : answer;
  if (field(answer.value, "vm_hash") !== hash) return unknown("bad_answer");
  const observed = (listOf(field(answer.value, "observed_nodes")) ?? []).slice(0, OBSERVED_MAX);
  return known({
    allocatedNode: hashOf(field(answer.value, "allocated_node")) ?? null,
    observedNodes: observed.flatMap((node) => hashOf(node) ?? []),
    status: STATUSES.find((one) => one === field(answer.value, "status")) ?? "other",
  });
}
