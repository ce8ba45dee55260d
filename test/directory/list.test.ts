import { afterEach, describe, expect, it, vi } from "vitest";
import { LIST_AGE_MS_MAX, nodeListReader } from "../../src/directory/list.ts";
import type { Net } from "../../src/ports.ts";
import { fixedClock, hashOf, networkOf, usage } from "./nodes.ts";

const NOW = 1_790_000_000_000;

/** Three core nodes and the public list, all of them naming the node "a". */
function listNet(): { net: Net; lists: () => number; be: (answer: "good" | "empty" | "down" | "never") => void } {
  let lists = 0;
  let mode: "good" | "empty" | "down" | "never" = "good";
  const registered = { hash: hashOf("a"), address: "https://crn-a.example.org", score: 0.9, status: "linked" };
  const net: Net = async (request) => {
    const { hostname } = new URL(request.url);
    const isList = hostname === "list.example.org";
    if (isList) lists += 1;
    const answered = mode;
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (answered === "never") return new Promise<Response>(() => undefined);
    if (answered === "down") return new Response("bad gateway", { status: 502 });
    if (!isList) return Response.json({ data: { corechannel: { nodes: [], resource_nodes: [registered] } } });
    const crn = { ...registered, version: "1.14.0", system_usage: usage(1_024), ipv6_check: { host: true, vm: true } };
    return Response.json({ crns: answered === "empty" ? [] : [crn] });
  };
  return {
    net,
    lists: () => lists,
    be: (answer) => {
      mode = answer;
    },
  };
}

describe("nodeListReader", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("dates the snapshot by the moment when gathering began", async () => {
    const clock = fixedClock(NOW);
    const reading = nodeListReader(networkOf(listNet().net), clock).read();
    clock.set(NOW + 3_000);
    const snapshot = await reading;
    expect(snapshot?.asOfMs).toBe(NOW);
    expect(snapshot?.nodes.map((node) => node.origin)).toEqual(["https://crn-a.example.org"]);
  });

  it("lets concurrent readers share one gathering", async () => {
    const { net, lists } = listNet();
    const reader = nodeListReader(networkOf(net), fixedClock(NOW));
    const all = await Promise.all(Array.from({ length: 20 }, () => reader.read()));
    expect(lists()).toBe(1);
    expect(new Set(all).size).toBe(1);
    expect(all[0]).toBeDefined();
  });

  it("keeps one snapshot for each network", async () => {
    const { net, lists } = listNet();
    const network = networkOf(net);
    expect(nodeListReader(network, fixedClock(NOW))).toBe(nodeListReader(network, fixedClock(NOW)));
    await nodeListReader(network, fixedClock(NOW)).read();
    await nodeListReader(network, fixedClock(NOW)).read();
    await nodeListReader(networkOf(net), fixedClock(NOW)).read();
    expect(lists()).toBe(2);
  });

  it("serves a snapshot for five minutes and not a millisecond longer", async () => {
    const { net, lists } = listNet();
    const clock = fixedClock(NOW);
    const reader = nodeListReader(networkOf(net), clock);
    const first = await reader.read();
    clock.set(NOW + LIST_AGE_MS_MAX);
    expect(await reader.read()).toBe(first);
    clock.set(NOW + LIST_AGE_MS_MAX + 1);
    expect((await reader.read())?.asOfMs).toBe(NOW + LIST_AGE_MS_MAX + 1);
    expect(lists()).toBe(2);
  });

  it("does not take a snapshot from the future for a fresh one", async () => {
    const { net, lists } = listNet();
    const clock = fixedClock(NOW);
    const reader = nodeListReader(networkOf(net), clock);
    await reader.read();
    clock.set(NOW - 1);
    await reader.read();
    expect(lists()).toBe(2);
  });

  it("gathers anew after it was told to forget, even while a gathering is under way", async () => {
    const { net, lists } = listNet();
    const reader = nodeListReader(networkOf(net), fixedClock(NOW));
    const first = reader.read();
    reader.forget();
    const second = await reader.read();
    expect(await first).not.toBe(second);
    expect(await reader.read()).toBe(second);
    expect(lists()).toBe(2);
  });

  it.each(["down", "empty"] as const)("answers nothing when the list is %s, and asks again next time", async (mode) => {
    const { net, be } = listNet();
    const reader = nodeListReader(networkOf(net), fixedClock(NOW));
    be(mode);
    expect(await reader.read()).toBeUndefined();
    be("good");
    expect(await reader.read()).toBeDefined();
  });

  it("never serves an old snapshot in place of a new one that cannot be had", async () => {
    const { net, be } = listNet();
    const clock = fixedClock(NOW);
    const reader = nodeListReader(networkOf(net), clock);
    await reader.read();
    be("down");
    clock.set(NOW + LIST_AGE_MS_MAX + 1);
    expect(await reader.read()).toBeUndefined();
  });

  it("stops waiting for another request's gathering that never ends, and those who waited share the next", async () => {
    vi.useFakeTimers();
    vi.spyOn(AbortController.prototype, "abort").mockReturnValue();
    const { net, lists, be } = listNet();
    const reader = nodeListReader(networkOf(net), fixedClock(NOW));
    be("never");
    void reader.read();
    const waiting = [reader.read(), reader.read()];
    be("good");
    await vi.advanceTimersByTimeAsync(20_100);
    const [one, two] = await Promise.all(waiting);
    expect(one).toBeDefined();
    expect(two).toBe(one);
    expect(lists()).toBe(2);
  });
});
