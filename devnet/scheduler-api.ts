/** The scheduler's public read API, v1 and what third parties still read of v0. Pure over rows and node figures. */
import type { JsonObject, WireRequest, WireResponse } from "./wire.ts";
import { json } from "./crn/wire.ts";
import { vmJson, type Row, type SchedulerState } from "./scheduler.ts";

/** A node as the scheduler lists it; `vms` are the rows observed on it. */
export type NodeFigures = JsonObject & {
  readonly node_hash: string;
  readonly address: string;
  readonly supports_ipv6: boolean;
};

const NOT_FOUND = json(404, { error: "Not found" });
const PAGE_MAX = 200;

/** The nodes' figures are worked out only for the calls that show them. */
export function schedulerApi(
  state: SchedulerState,
  nodesNow: () => readonly NodeFigures[],
  request: WireRequest,
): WireResponse {
  if (request.method !== "GET") return json(405, { error: "Method not allowed" });
  const url = new URL(request.path, "http://scheduler");
  const [version, collection, id, detail] = url.pathname.replace(/^\/api\//, "").split("/");
  if (url.pathname === "/health") return json(200, { status: "ok" });
  if (version === "v0") return v0(state, nodesNow(), collection, id);
  if (version !== "v1") return NOT_FOUND;
  if (collection === "stats") return json(200, stats(state, nodesNow()));
  if (collection === "vms")
    return id === undefined ? json(200, vmsPage(state, url.searchParams)) : vm(state, id, detail);
  if (collection === "nodes")
    return id === undefined ? json(200, nodesPage(nodesNow(), url.searchParams)) : node(nodesNow(), id, detail);
  return NOT_FOUND;
}

function stats(state: SchedulerState, nodes: readonly NodeFigures[]): JsonObject {
  const rows = Object.values(state.rows);
  const byStatus: Record<string, number> = {};
  for (const row of rows) byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
  return { total_nodes: nodes.length, total_vms: rows.length, vms_by_status: byStatus };
}

function vm(state: SchedulerState, hash: string, detail: string | undefined): WireResponse {
  const row = state.rows[hash];
  if (row === undefined) return NOT_FOUND;
  if (detail === undefined) return json(200, vmJson(row));
  if (detail !== "history") return NOT_FOUND;
  const items = state.history.filter((one) => one.hash === hash);
  return json(200, {
    items: items.map((one) => ({ vm_hash: hash, status: one.status, at: new Date(one.atMs).toISOString() })),
  });
}

function node(nodes: readonly NodeFigures[], hash: string, detail: string | undefined): WireResponse {
  const found = nodes.find((one) => one.node_hash === hash);
  if (found === undefined) return NOT_FOUND;
  return json(200, detail === "history" ? { items: [] } : found);
}

function vmsPage(state: SchedulerState, query: URLSearchParams): JsonObject {
  const rows = Object.values(state.rows).filter((row) => wanted(row, query));
  return page(rows.map(vmJson), query);
}

function wanted(row: Row, query: URLSearchParams): boolean {
  const owner = query.get("owner") ?? query.get("owners");
  const same = (asked: string | null, has: string) =>
    asked === null || asked.split(",").some((one) => one.toLowerCase() === has.toLowerCase());
  return (
    same(owner, row.owner) &&
    same(query.get("sender"), row.sender) &&
    same(query.get("status"), row.status) &&
    row.hash.startsWith(query.get("vm_hash") ?? "") &&
    same(query.get("node"), row.allocatedNode ?? "")
  );
}

function nodesPage(nodes: readonly NodeFigures[], query: URLSearchParams): JsonObject {
  const part = query.get("hash") ?? "";
  return page(
    nodes.filter((one) => one.node_hash.startsWith(part) || one.node_hash.endsWith(part)),
    query,
  );
}

function page(items: readonly JsonObject[], query: URLSearchParams): JsonObject {
  const size = Math.min(PAGE_MAX, Math.max(1, Number(query.get("page_size") ?? 50) || 50));
  const number = Math.max(1, Number(query.get("page") ?? 1) || 1);
  const pagination = {
    page: number,
    page_size: size,
    total_items: items.length,
    total_pages: Math.ceil(items.length / size),
  };
  return { items: items.slice((number - 1) * size, number * size), pagination };
}

function v0(
  state: SchedulerState,
  nodes: readonly NodeFigures[],
  what: string | undefined,
  hash: string | undefined,
): WireResponse {
  const live = Object.values(state.rows).filter((row) => row.status !== "removed");
  if (what === "plan") {
    const plan = nodes.map((one) => [
      one.node_hash,
      { instances: live.filter((row) => row.allocatedNode === one.node_hash).map((row) => row.hash) },
    ]);
    return json(200, { plan: Object.fromEntries(plan) as JsonObject });
  }
  if (what === "nodes") return json(200, { nodes: nodes.map(v0Node) });
  const row = live.find((one) => one.hash === hash);
  const found = nodes.find((one) => one.node_hash === row?.allocatedNode);
  if (what !== "allocation" || row === undefined || found === undefined) return NOT_FOUND;
  const period = { start_timestamp: new Date(row.firstSeenMs).toISOString(), duration_seconds: 60 };
  return json(200, { vm_hash: row.hash, vm_type: "instance", vm_ipv6: null, period, node: v0Node(found) });
}

function v0Node(found: NodeFigures): JsonObject {
  return { node_id: found.node_hash, url: found.address, ipv6: null, supports_ipv6: found.supports_ipv6 };
}
