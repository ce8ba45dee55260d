/**
 * What anybody may know of the network: how many nodes there are, and how they did when VMs of ours were on them. Figures
 * and hashes only; a node's name, like every text of its operator, never comes this far.
 */
import type { Region } from "../aleph/region.ts";
import { eligible, type Measured } from "../directory/choice.ts";
import type { Figures } from "../directory/figures.ts";
import type { LeagueTable } from "../directory/object.ts";
import { toShow } from "../directory/regions.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import type { FrontSetting } from "./doors.ts";
import { REACH_RETRY_S } from "./gather.ts";

export type NetworkRow = {
  readonly nodeHash: string;
  readonly version: string | null;
  readonly scorePct: number;
  readonly regionEstimated: Region | null;
  readonly figures: Figures | null;
};
export type NetworkView = {
  readonly asOfMs: number;
  readonly network: "aleph" | "twin";
  readonly nodesListed: number;
  /** That pass every rule for the smallest VM. */
  readonly nodesFit: number;
  readonly whole: Figures;
  /** Fit ones, those with the most samples first. */
  readonly rows: readonly NetworkRow[];
};
export type PublicFront = { readonly network: () => Promise<Answer<NetworkView>> };

const SMALLEST = { vcpus: 1, memoryMib: 2_048, diskMib: 20_480 };
const ROWS_MAX = 200;
const KNOWN_MS = 60_000;

type Kept = { readonly table: LeagueTable; readonly atMs: number };
const kept = new WeakMap<FrontSetting, Kept>();

/** Asked of the directory once a minute by each isolate; without an answer nothing is known, and nobody waits for it. */
async function leagueTable(setting: FrontSetting): Promise<LeagueTable | undefined> {
  const nowMs = setting.ports.clock.nowMs();
  const known = kept.get(setting);
  if (known !== undefined && nowMs - known.atMs < KNOWN_MS && nowMs >= known.atMs) return known.table;
  const table = await setting.doors
    .directory()
    .league(nowMs)
    .catch(() => undefined);
  if (table !== undefined) kept.set(setting, { table, atMs: nowMs });
  return table ?? known?.table;
}

const byHash = (nodes: LeagueTable["nodes"]): Measured =>
  new Map(nodes.map(({ nodeHash, figures }) => [nodeHash, figures]));

export async function knownFigures(setting: FrontSetting): Promise<Measured> {
  return byHash((await leagueTable(setting))?.nodes ?? []);
}

export function publicFront(setting: FrontSetting): PublicFront {
  return {
    async network() {
      const [snapshot, table] = await Promise.all([setting.gather.snapshot(), leagueTable(setting)]);
      if (snapshot === undefined || table === undefined) return refuse("network.unreachable", {}, REACH_RETRY_S);
      const { fit } = eligible(snapshot.nodes, { shape: SMALLEST, cooling: new Set(), tried: new Set() });
      const figures = byHash(table.nodes);
      const samples = (nodeHash: string): number => figures.get(nodeHash)?.startPct.samples ?? 0;
      const shown = fit
        .toSorted((a, b) => samples(b.nodeHash) - samples(a.nodeHash) || (a.nodeHash < b.nodeHash ? -1 : 1))
        .slice(0, ROWS_MAX);
      const { regions } = setting.gather;
      await regions.learn(shown, toShow(setting.ports.clock));
      return answer({
        asOfMs: snapshot.asOfMs,
        network: setting.networkName,
        nodesListed: snapshot.nodes.length,
        nodesFit: fit.length,
        whole: table.whole,
        rows: shown.map((node) => ({
          nodeHash: node.nodeHash,
          version: node.version,
          scorePct: Math.floor(node.score * 100),
          regionEstimated: regions.known(node) ?? null,
          figures: figures.get(node.nodeHash) ?? null,
        })),
      });
    },
  };
}
