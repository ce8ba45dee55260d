import { describe, expect, it } from "vitest";
import type { Region } from "../../src/aleph/region.ts";
import { nodesIn, type RegionAsk } from "../../src/directory/region-search.ts";
import { LOOK_UPS_MAX, regionsOf, toSearch, toShow } from "../../src/directory/regions.ts";
import { entry, fixedClock, networkOf } from "./nodes.ts";

const NOW = 1_790_000_000_000;
const MINUTE_MS = 60_000;
const ADDRESSES: Readonly<Record<Region, string>> = {
  europe: "2a01:4f8::1",
  north_america: "2600::1",
  asia_pacific: "2400::1",
  latin_america: "2800::1",
  africa: "2c00::1",
};

const nodeAt = (at: number) => entry("a", { nodeHash: at.toString(16).padStart(64, "0"), origin: originAt(at) });
const originAt = (at: number) => `https://crn-${at}.example.org`;
const nodes = (many: number) => Array.from({ length: many }, (_, at) => nodeAt(at));

/** A resolver that knows the region of the node at each place; `slowMs` pass with each batch of questions. */
function scene(regionAt: (at: number) => Region | null | "fails", slowMs = 0) {
  const clock = fixedClock(NOW);
  const asked: number[] = [];
  let [underWay, mostAtOnce] = [0, 0];
  const network = networkOf(async (request) => {
    const url = new URL(request.url);
    expect(url.origin).toBe("https://resolver.example.org");
    const at = Number(/^crn-(\d+)\.example\.org$/.exec(url.searchParams.get("name") ?? "")?.[1]);
    asked.push(at);
    mostAtOnce = Math.max(mostAtOnce, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, 1));
    underWay--;
    if (underWay === 0) clock.set(clock.nowMs() + slowMs);
    const region = regionAt(at);
    if (region === "fails") return new Response("no", { status: 503 });
    const rows = region === null ? [] : [{ name: "x", type: 28, TTL: 1, data: ADDRESSES[region] }];
    return Response.json({ Status: 0, Answer: rows });
  });
  const regions = regionsOf(network, clock);
  const search = (ask: Partial<RegionAsk>, list = nodes(100)) =>
    nodesIn({ region: "europe", from: 0, limit: 5, ...ask }, list, regions, toSearch(clock));
  const placesOf = (found: { readonly nodes: readonly { readonly nodeHash: string }[] }) =>
    found.nodes.map(({ nodeHash }) => Number(`0x${nodeHash.slice(-8)}`));
  return { clock, network, regions, asked, mostAtOnce: () => mostAtOnce, search, placesOf };
}

describe("regionsOf", () => {
  it("asks for what is shown and nothing else, six at a time, each name once", async () => {
    const { regions, asked, mostAtOnce, clock } = scene(() => "africa");
    const shown = nodes(20);
    await regions.learn([...shown, ...shown], toShow(clock));
    expect(asked.toSorted((a, b) => a - b)).toEqual(shown.map((_, at) => at));
    expect(mostAtOnce()).toBe(6);
    expect(shown.map((node) => regions.known(node))).toEqual(shown.map(() => "africa"));
    expect(regions.known(nodeAt(20))).toBeUndefined();
  });

  it("keeps an estimate for a day, whatever it says", async () => {
    const { regions, asked, clock } = scene((at) => (at === 0 ? "europe" : null));
    await regions.learn(nodes(2), toShow(clock));
    clock.set(NOW + 1_440 * MINUTE_MS - 1);
    expect(nodes(2).map((node) => regions.known(node))).toEqual(["europe", null]);
    await regions.learn(nodes(2), toShow(clock));
    expect(asked).toHaveLength(2);
    clock.set(NOW + 1_440 * MINUTE_MS);
    expect(regions.known(nodeAt(0))).toBeUndefined();
    await regions.learn(nodes(2), toShow(clock));
    expect(asked).toHaveLength(4);
  });

  it("asks again ten minutes after a failure", async () => {
    let isDown = true;
    const { regions, asked, clock } = scene(() => (isDown ? "fails" : "europe"));
    await regions.learn(nodes(1), toShow(clock));
    expect(regions.known(nodeAt(0))).toBeNull();
    isDown = false;
    clock.set(NOW + 10 * MINUTE_MS - 1);
    await regions.learn(nodes(1), toShow(clock));
    expect(asked).toHaveLength(1);
    clock.set(NOW + 10 * MINUTE_MS);
    await regions.learn(nodes(1), toShow(clock));
    expect(regions.known(nodeAt(0))).toBe("europe");
  });

  it("asks for at most forty names in one call, and goes on with the next", async () => {
    const { regions, asked, clock } = scene(() => "europe");
    await regions.learn(nodes(200), toShow(clock));
    expect(asked).toHaveLength(LOOK_UPS_MAX);
    await regions.learn(nodes(200), toShow(clock));
    expect(new Set(asked).size).toBe(2 * LOOK_UPS_MAX);
  });

  it("begins no further batch for a page once half a second is over", async () => {
    const { regions, asked, clock } = scene(() => "europe", 300);
    await regions.learn(nodes(40), toShow(clock));
    expect(asked).toHaveLength(12);
  });

  it("forgets the oldest of more than 5,000 names", async () => {
    const { regions, clock } = scene(() => "europe");
    const many = nodes(5_001);
    for (let from = 0; from < many.length; from += LOOK_UPS_MAX)
      await regions.learn(many.slice(from, from + LOOK_UPS_MAX), toShow(clock));
    expect(many.filter((node) => regions.known(node) === undefined)).toEqual([nodeAt(0)]);
  });

  it("keeps one memory for each network", async () => {
    const { network, clock, regions } = scene(() => "europe");
    await regions.learn(nodes(1), toShow(clock));
    expect(regionsOf(network, clock).known(nodeAt(0))).toBe("europe");
    expect(regionsOf({ ...network }, clock).known(nodeAt(0))).toBeUndefined();
  });
});

describe("nodesIn", () => {
  const mixed = (at: number) => (["europe", "africa", null, "europe", "fails"] as const)[at % 5] ?? null;

  it("takes the best of that region in their order, and counts those that it passed by", async () => {
    const { search, placesOf } = scene(mixed);
    const found = await search({ limit: 4 });
    expect(placesOf(found)).toEqual([0, 3, 5, 8]);
    expect(found).toMatchObject({ next: 9, other: 2, unknown: 3, cutShort: false });
  });

  it("asks for little more than it shows", async () => {
    const { search, asked } = scene(() => "europe");
    await search({ limit: 3 }, nodes(5_000));
    expect(asked).toHaveLength(6);
  });

  it("ends with the list", async () => {
    const { search, placesOf } = scene(mixed);
    const found = await search({ limit: 20 }, nodes(7));
    expect(placesOf(found)).toEqual([0, 3, 5]);
    expect(found).toMatchObject({ next: 7, cutShort: false });
    expect(await search({ from: 7 }, nodes(7))).toMatchObject({ nodes: [], next: 7, cutShort: false });
    expect(await search({ from: 99 }, nodes(7))).toMatchObject({ nodes: [], cutShort: false });
  });

  it("says that it was cut short after forty names, and the next call begins where it ended", async () => {
    const { search, asked, placesOf } = scene((at) => (at === 60 ? "europe" : "africa"));
    const first = await search({});
    expect(first).toMatchObject({ nodes: [], next: 40, other: 40, unknown: 0, cutShort: true });
    expect(asked).toHaveLength(40);
    const second = await search({ from: first.next });
    expect(placesOf(second)).toEqual([60]);
    expect(second).toMatchObject({ next: 80, other: 39, cutShort: true });
  });

  it("walks past what is known without asking", async () => {
    const { search, asked } = scene((at) => (at < 60 ? "africa" : "europe"));
    await search({});
    const again = await search({ limit: 1 });
    expect(again).toMatchObject({ next: 61, other: 60, cutShort: false });
    // the forty of before, and four batches up to the one with the place 60
    expect(asked).toHaveLength(64);
  });

  it("comes forward even if no name can be looked up in time", async () => {
    const { search, asked } = scene(() => "fails", 1_500);
    const found = await search({});
    // at 0, 1.5, 3 and 4.5 s; the last one ends at 6 s
    expect(asked).toHaveLength(24);
    expect(found).toMatchObject({ nodes: [], next: 24, unknown: 24, cutShort: true });
  });

  it("shows every node of the region once, page by page, whatever the limits cut", async () => {
    const { search, placesOf } = scene(mixed, 400);
    const seen: number[] = [];
    let from = 0;
    while (from < 100) {
      const page = await search({ from, limit: 7 });
      expect(page.next).toBeGreaterThan(from);
      seen.push(...placesOf(page));
      from = page.next;
    }
    expect(seen).toEqual(nodes(100).flatMap((_, at) => (mixed(at) === "europe" ? [at] : [])));
  });
});
