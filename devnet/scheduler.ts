/**
 * The scheduler: what it intends (`allocated_node`) and what it saw (`observed_nodes`) of every instance, and its read
 * API. Rows are never deleted. It also dispatches, once, an instance that is pinned and that nobody has started a
 * minute after it was first seen. The state is plain data; the network is reached through the scene it is given.
 */
import { needsOf } from "./crn/admission.ts";
import type { CoreStatus } from "./crn/core-link.ts";
import { ownerOf, pinnedNode } from "./crn/notify.ts";
import { pythonTime } from "./crn/figures.ts";
import type { JsonObject } from "./wire.ts";

const POLL_MS = 30_000;
const DISPATCH_AFTER_MS = 60_000;
const ENDED = new Set<CoreStatus>(["forgotten", "removed", "rejected"]);

export type VmStatus =
  | "scheduled"
  | "dispatched"
  | "duplicated"
  | "misplaced"
  | "missing"
  | "unschedulable"
  | "removed";

export type Row = {
  readonly hash: string;
  readonly owner: string;
  readonly sender: string;
  readonly allocatedNode: string | null;
  readonly requirements: { readonly vcpus: number; readonly memoryMib: number; readonly diskMib: number };
  readonly gpus: readonly JsonObject[];
  readonly firstSeenMs: number;
  observed: readonly string[];
  lastObservedMs: number | null;
  status: VmStatus;
  updatedMs: number;
  dispatched: boolean;
};

export type Happening = { readonly hash: string; readonly status: VmStatus; readonly atMs: number };

export type SchedulerState = {
  rows: Record<string, Row>;
  history: Happening[];
  nextMs: number | null;
  dispatch: boolean;
};

export type Scene = {
  readonly liveInstances: readonly string[];
  readonly instance: (hash: string) => { readonly content: JsonObject; readonly sender: string } | undefined;
  readonly status: (hash: string) => CoreStatus;
  /** Hashes of the nodes on which a VM is seen now; one that does not answer keeps what it was last seen with. */
  readonly observed: (hash: string, before: readonly string[]) => readonly string[];
  readonly knows: (nodeHash: string) => boolean;
  readonly start: (nodeHash: string, hash: string) => void;
};

export function newScheduler(): SchedulerState {
  return { rows: {}, history: [], nextMs: null, dispatch: true };
}

/** Arms the next poll while there is an instance that nobody is known to have started. */
export function wake(state: SchedulerState, live: readonly string[], nowMs: number): void {
  if (state.nextMs !== null || !live.some((hash) => waits(state.rows[hash]))) return;
  state.nextMs = nextPollMs(nowMs);
}

/** One poll of all nodes: new rows, what is observed where, and the one dispatch of what nobody started. */
export function poll(state: SchedulerState, scene: Scene, nowMs: number): void {
  observe(state, scene, nowMs);
  for (const row of Object.values(state.rows)) dispatch(state, row, scene, nowMs);
  // What runs is looked at again when somebody asks.
  state.nextMs = scene.liveInstances.some((hash) => waits(state.rows[hash])) ? nextPollMs(nowMs) : null;
}

function nextPollMs(nowMs: number): number {
  return (Math.floor(nowMs / POLL_MS) + 1) * POLL_MS;
}

function waits(row: Row | undefined): boolean {
  return row === undefined || (row.status === "scheduled" && !row.dispatched);
}

export function observe(state: SchedulerState, scene: Scene, nowMs: number): void {
  for (const hash of scene.liveInstances) {
    const found = state.rows[hash] === undefined ? scene.instance(hash) : undefined;
    if (found !== undefined) state.rows[hash] = newRow(hash, found.content, found.sender, nowMs);
  }
  for (const row of Object.values(state.rows)) look(state, row, scene, nowMs);
}

function newRow(hash: string, content: JsonObject, sender: string, nowMs: number): Row {
  const { gpus, ...requirements } = needsOf(content);
  return {
    hash,
    owner: ownerOf(content),
    sender,
    allocatedNode: pinnedNode(content) ?? null,
    requirements,
    gpus,
    firstSeenMs: nowMs,
    observed: [],
    lastObservedMs: null,
    status: "scheduled",
    updatedMs: nowMs,
    dispatched: false,
  };
}

function look(state: SchedulerState, row: Row, scene: Scene, nowMs: number): void {
  row.observed = scene.observed(row.hash, row.observed);
  if (row.observed.length > 0) row.lastObservedMs = nowMs;
  const status = statusOf(row, scene);
  if (status === row.status) return;
  row.status = status;
  row.updatedMs = nowMs;
  state.history.push({ hash: row.hash, status, atMs: nowMs });
}

function statusOf(row: Row, scene: Scene): VmStatus {
  if (ENDED.has(scene.status(row.hash))) return "removed";
  if (row.observed.length > 1) return "duplicated";
  if (row.observed.length === 1) {
    return row.allocatedNode === null || row.observed[0] === row.allocatedNode ? "dispatched" : "misplaced";
  }
  if (row.lastObservedMs !== null) return "missing";
  return row.allocatedNode !== null && scene.knows(row.allocatedNode) ? "scheduled" : "unschedulable";
}

function dispatch(state: SchedulerState, row: Row, scene: Scene, nowMs: number): void {
  if (!state.dispatch || row.dispatched || row.status !== "scheduled" || row.allocatedNode === null) return;
  if (nowMs - row.firstSeenMs < DISPATCH_AFTER_MS) return;
  row.dispatched = true;
  scene.start(row.allocatedNode, row.hash);
}

/** The row of one VM as `/api/v1/vms/{hash}` shows it. */
export function vmJson(row: Row): JsonObject {
  return {
    vm_hash: row.hash,
    vm_type: "instance",
    owner: row.owner,
    sender: row.sender,
    allocated_node: row.allocatedNode,
    allocated_at: pythonTime(row.firstSeenMs).replace(" ", "T"),
    observed_nodes: row.observed,
    last_observed_at: row.lastObservedMs === null ? null : pythonTime(row.lastObservedMs).replace(" ", "T"),
    status: row.status,
    scheduling_status: row.status === "removed" ? "unscheduled" : "scheduled",
    requirements_vcpus: row.requirements.vcpus,
    requirements_memory_mb: row.requirements.memoryMib,
    requirements_disk_mb: row.requirements.diskMib,
    payment_type: "credit",
    payment_status: row.status === "removed" ? "invalidated" : "validated",
    requires_confidential: false,
    gpu_requirements: row.gpus,
    migration_target: null,
    migration_started_at: null,
    updated_at: pythonTime(row.updatedMs).replace(" ", "T"),
  };
}
