/**
 * The list of nodes as an agent sees it: who fits, best first, one page of them. Facts are gathered in the Worker; the
 * account adds only the owner's rules of place. Regions are estimates that choose nothing but what this list shows.
 */
import type { NodeEntry } from "../aleph/nodes.ts";
import { eligible, nodeView, rank } from "../directory/choice.ts";
import { nodesIn } from "../directory/region-search.ts";
import { toSearch, toShow } from "../directory/regions.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import { invalid, SIZE } from "./bounds.ts";
import type { Caller, NodeFilter, NodesView } from "./contract.ts";
import { creditsPerHour } from "./credits.ts";
import type { FrontSetting } from "./doors.ts";
import { directoryOf } from "./hearsay.ts";
import { knownFigures } from "./front-public.ts";
import { REACH_RETRY_S } from "./gather.ts";

type Page = Pick<NodesView, "left_out" | "regionSearch"> & {
  readonly nodes: readonly NodeEntry[];
  /** Place in the ranked list where the next page begins. */
  readonly next: number;
};

export async function listNodes(setting: FrontSetting, caller: Caller, filter: NodeFilter): Promise<Answer<NodesView>> {
  const { doors, gather, networkName } = setting;
  const stands = await doors.account(caller.account).standing(caller);
  if (!stands.ok) return stands;
  const from = Number(filter.cursor ?? 0);
  if (!Number.isSafeInteger(from) || from < 0) return { ok: false, refusal: invalid("cursor", "invalid_value") };
  const snapshot = await gather.snapshot();
  if (snapshot === undefined) return refuse("network.unreachable", {}, REACH_RETRY_S);
  const shape = shapeOf(filter);
  const [rate, measured, gpus] = await Promise.all([
    gather.rate(shape),
    knownFigures(setting),
    gather.gpuDevices(shape),
  ]);
  const { fit, leftOut } = eligible(snapshot.nodes, {
    shape,
    ...gpus,
    cooling: new Set(await directoryOf(setting).cooling(snapshot.asOfMs)),
    tried: new Set(),
    ...(stands.value.place === null ? {} : { place: stands.value.place }),
  });
  const ranked = rank(fit, measured);
  const page = await pageOf(setting, ranked, from, filter);
  const hourly = rate === undefined ? null : creditsPerHour(rate);
  return answer({
    asOfMs: snapshot.asOfMs,
    networkState: "reachable",
    network: networkName,
    nodes: page.nodes.map((node) => nodeView(node, hourly, gather.regions.known(node) ?? null)),
    total: ranked.length,
    left_out: { ...leftOut, ...page.left_out },
    cursor: page.next < ranked.length ? String(page.next) : null,
    regionSearch: page.regionSearch,
  });
}

const shapeOf = (filter: NodeFilter) => ({
  vcpus: filter.vcpus ?? SIZE.vcpus,
  memoryMib: filter.memoryMib ?? SIZE.memoryMib,
  diskMib: filter.diskMib ?? SIZE.diskMib,
  ...(filter.gpu === undefined ? {} : { gpu: filter.gpu }),
});

async function pageOf(
  { gather, ports }: FrontSetting,
  ranked: readonly NodeEntry[],
  from: number,
  { region, limit }: NodeFilter,
): Promise<Page> {
  const { regions } = gather;
  if (region === undefined) {
    const nodes = ranked.slice(from, from + limit);
    await regions.learn(nodes, toShow(ports.clock));
    return { nodes, next: from + limit, left_out: {}, regionSearch: null };
  }
  const found = await nodesIn({ region, from, limit }, ranked, regions, toSearch(ports.clock));
  const { nodes, next, other, unknown, cutShort } = found;
  const left_out = { region_other: other, region_unknown: unknown };
  return { nodes, next, left_out, regionSearch: cutShort ? "cut_short" : "complete" };
}
