/** One to five thousand compute nodes: every part of the network speaks of the same ones, and other calls stay fast. */
import { describe, expect, it } from "vitest";
import { newWorld } from "../../devnet/new-world.ts";
import { CORE_HOSTS, CORECHANNEL_ADDRESS, CRN_LIST_HOST, SCHEDULER_HOSTS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { OWNER } from "./crn/scripted-core.ts";
import { NODE, START_MS, Surface } from "./surface.ts";

const SCHEDULER = SCHEDULER_HOSTS[0] ?? "";

type Listed = { readonly hash: string; readonly address: string };

function channelOf(twin: Surface, host: string): readonly Listed[] {
  const { data } = twin.read(host, `/api/v0/aggregates/${CORECHANNEL_ADDRESS}.json?keys=corechannel`);
  return ((data as JsonObject)["corechannel"] as JsonObject)["resource_nodes"] as unknown as readonly Listed[];
}

function schedulerOf(twin: Surface): readonly string[] {
  const hashes: string[] = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const { items, pagination } = twin.read(SCHEDULER, `/api/v1/nodes?page=${page}&page_size=200`);
    hashes.push(...(items as readonly JsonObject[]).map((one) => String(one["node_hash"])));
    pages = Number((pagination as JsonObject)["total_pages"]);
  }
  return hashes;
}

const namesOf = (nodes: readonly Listed[]) => nodes.map(({ hash, address }) => `${hash} ${address}`).toSorted();

describe("a network of any size", () => {
  it.each([1, 9, 10, 11, 500])("of %i nodes has the same ones in every part, and each of them answers", (nodes) => {
    const twin = new Surface();
    twin.turn("reset", { nodes });
    const listed = namesOf((twin.read(CRN_LIST_HOST, "/crns.json") as unknown as { crns: readonly Listed[] }).crns);
    expect(new Set(listed).size).toBe(nodes);
    for (const host of CORE_HOSTS) expect(namesOf(channelOf(twin, host))).toEqual(listed);
    expect(schedulerOf(twin).toSorted()).toEqual(listed.map((one) => one.split(" ")[0]));
    const last = channelOf(twin, CORE_HOSTS[0]).at(-1);
    const domain = new URL(last?.address ?? "").host;
    expect(twin.read(domain, "/status/config")).toMatchObject({ DOMAIN_NAME: domain, node_hash: last?.hash });
  });

  it("has no more and no fewer than asked, from 1 to 5,000", () => {
    for (const nodes of [0, 5_001, 1.5]) expect(() => new Surface().turn("reset", { nodes })).toThrow("nodes");
  });

  it("goes on alike after a restore into a network of the same size, without storing the list", () => {
    const world = newWorld(START_MS, 500);
    const parts = JSON.parse(JSON.stringify(world.snapshot())) as Record<string, never>;
    expect(JSON.stringify(parts["core0"]).length).toBeLessThan(60_000);
    const copy = newWorld(START_MS + 1, 500);
    copy.restore(parts);
    expect(copy.snapshot()).toEqual(world.snapshot());
    expect(copy.core(0).aggregateOf(CORECHANNEL_ADDRESS, "corechannel")).toEqual(
      world.core(0).aggregateOf(CORECHANNEL_ADDRESS, "corechannel"),
    );
  });

  it("of 5,000 nodes makes a create, a balance and a node's page no slower than ten times what they are with ten", () => {
    const small = timesOf(10);
    const large = timesOf(5_000);
    // Generous, because the machine is shared; what it rules out is work per node in every call.
    for (const [name, ms] of Object.entries(large))
      expect({ name, ms: ms < (small[name] ?? 0) * 10 + 20 }).toEqual({ name, ms: true });
  });
});

/** Median milliseconds of a few calls that have nothing to do with the number of nodes. */
function timesOf(nodes: number): Readonly<Record<string, number>> {
  const twin = new Surface();
  twin.turn("reset", { nodes });
  const calls = {
    create: () => void twin.create(),
    balance: () => void twin.ask(CORE_HOSTS[0], `GET /api/v0/addresses/${OWNER}/balance`),
    config: () => void twin.ask(NODE, "GET /status/config"),
    vms: () => void twin.ask(SCHEDULER, "GET /api/v1/vms"),
  };
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, medianOf(call)]));
}

function medianOf(call: () => void): number {
  const times = Array.from({ length: 9 }, () => {
    const from = performance.now();
    call();
    return performance.now() - from;
  });
  return times.toSorted((a, b) => a - b)[4] ?? 0;
}
