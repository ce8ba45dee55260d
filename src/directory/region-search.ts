/**
 * Finds the best nodes of one region: walks the ranked list in order, learns where the next few are, and stops with a
 * full page or at the bounds of the call. It says where it stopped, so that the next page begins exactly there: a node is
 * neither shown twice nor passed over because a call ran out of look-ups.
 */
import type { NodeEntry } from "../aleph/nodes.ts";
import type { Region } from "../aleph/region.ts";
import type { LookUps, Regions } from "./regions.ts";

export type RegionPage = {
  readonly nodes: readonly NodeEntry[];
  /** Place in the ranked list of the first node that was not judged. */
  readonly next: number;
  /** Of those judged for this page: estimated to be elsewhere, or nothing can be said. */
  readonly other: number;
  readonly unknown: number;
  /** The bounds of the call ended it, not the page or the list. */
  readonly cutShort: boolean;
};

export type RegionAsk = { readonly region: Region; readonly from: number; readonly limit: number };

export async function nodesIn(
  { region, from, limit }: RegionAsk,
  ranked: readonly NodeEntry[],
  regions: Regions,
  call: LookUps,
): Promise<RegionPage> {
  const nodes: NodeEntry[] = [];
  let [next, other, unknown] = [from, 0, 0];
  for (let node = ranked[next]; node !== undefined && nodes.length < limit; node = ranked[next]) {
    const seen = regions.known(node);
    if (seen === undefined) {
      if (await regions.learnSome(ranked.slice(next), call)) continue;
      return { nodes, next, other, unknown, cutShort: true };
    }
    if (seen === region) nodes.push(node);
    else if (seen === null) unknown++;
    else other++;
    next++;
  }
  return { nodes, next, other, unknown, cutShort: false };
}
