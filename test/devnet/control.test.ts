import { parseSync } from "vite";
import { describe, expect, it } from "vitest";
import { control, type ControlAnswer } from "../../devnet/control.ts";
import { CONTROL_PAGE } from "../../devnet/control-page.ts";
import { CONTROL_SCRIPT } from "../../devnet/control-script.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { misread } from "../../devnet/meter.ts";
import { SETTINGS_OWNER } from "../../devnet/core/price-tables.ts";
import { ROSTER } from "../../devnet/roster.ts";
import { World } from "../../devnet/world.ts";
import { PlainCore } from "./plain-core.ts";

const NOW_MS = Date.parse("2026-11-25T10:20:00Z");
const ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

function stage() {
  const cores = [new PlainCore(1), new PlainCore(1), new PlainCore(1)] as const;
  const world = new World({ nowMs: NOW_MS, cores });
  const moved: number[] = [];
  const clock = () => ({ now_ms: NOW_MS, offset_ms: 0, next_due_ms: null });
  const move = (ms: number) => {
    moved.push(ms);
    return clock();
  };
  const scene = {
    world,
    nowMs: NOW_MS,
    clock,
    setOffset: move,
    advanceStep: move,
    advance: move,
    reset: () => void moved.push(-1),
  };
  const post = (path: string, body: unknown): ControlAnswer =>
    control(scene, { method: "POST", path, body: JSON.stringify(body) });
  const get = (path: string): JsonObject => control(scene, { method: "GET", path, body: "" }).body as JsonObject;
  return { world, cores, moved, post, get };
}

describe("control", () => {
  it("shows clock, core nodes, compute nodes with their machines, faults", () => {
    const state = stage().get("state");
    expect(Object.keys(state)).toEqual(
      expect.arrayContaining(["clock", "cores", "nodes", "scheduler", "faults", "origins"]),
    );
    expect(state["nodes"]).toHaveLength(ROSTER.length);
    expect((state["nodes"] as readonly JsonObject[])[0]).toMatchObject({
      domain: "crn-paris.twin.example",
      knobs: { fail_boot: "none" },
      vms: [],
    });
  });

  it("grants credits on all core nodes, or on the one that is named", () => {
    const { cores, post } = stage();
    expect(post("grant", { address: ADDRESS, credits: 5 }).status).toBe(200);
    expect(post("grant", { address: ADDRESS, credits: 2, core: 1 }).status).toBe(200);
    expect(post("take", { address: ADDRESS, credits: 1 }).status).toBe(200);
    expect(cores.map((core) => core.creditBalance(ADDRESS))).toEqual([4, 6, 4]);
  });

  it("turns a node's knobs by hash or by name and leaves the others as they are", () => {
    const { world, post } = stage();
    post("node", { node: "crn-paris.twin.example", knobs: { down: true, vanish_after_ms: 5 } });
    post("node", { node: ROSTER[0]?.spec.hash, knobs: { down: false } });
    expect(world.node(0).knobs).toMatchObject({ down: false, vanishAfterMs: 5, downloadMs: 3_000 });
    expect(post("node", { node: "nobody", knobs: {} }).status).toBe(404);
  });

  it("takes a core node down, changes its lag, and marks what it changed", () => {
    const { world, post } = stage();
    world.takeDirty();
    post("core", { core: 2, down: true, gossip_lag_ms: 9 });
    expect(world.state.coresDown).toEqual([false, false, true]);
    expect(world.state.gossipLagMs[2]).toBe(9);
    expect(world.takeDirty().toSorted()).toEqual(["core2", "world"]);
  });

  it("adds faults with usable defaults and clears one or all", () => {
    const { world, post } = stage();
    expect(post("fault", { kind: "lose_reply", host: "api.aleph.im" }).body).toEqual({ ok: true, id: 1 });
    post("fault", { kind: "delay", delay_ms: 10 });
    expect(world.state.faults).toMatchObject([
      { id: 1, remaining: 1, pathPrefix: "/" },
      { id: 2, delayMs: 10 },
    ]);
    post("fault-clear", { id: 1 });
    expect(world.state.faults.map((fault) => fault.id)).toEqual([2]);
    post("fault-clear", {});
    expect(world.state.faults).toEqual([]);
  });

  it("changes one price and keeps the rest of the table", () => {
    const { cores, post } = stage();
    const entity = { price: { compute_unit: { credit: "14250", holding: "1" } }, tiers: [] };
    for (const core of cores) core.setPricing({ instance: entity, storage: {} });
    post("price", { entity: "instance", credits_per_cu_hour: "20000", core: 0 });
    expect(cores[0].aggregateOf(SETTINGS_OWNER, "pricing")).toMatchObject({
      instance: { price: { compute_unit: { credit: "20000", holding: "1" } } },
    });
    expect(cores[1].aggregateOf(SETTINGS_OWNER, "pricing")).toMatchObject({
      instance: { price: { compute_unit: { credit: "14250" } } },
    });
  });

  it("hands clock calls to its keeper, stores origins, resets", () => {
    const { world, moved, post, get } = stage();
    post("advance-step", { to_ms: 5 });
    post("advance", { to_ms: 6 });
    post("offset", { offset_ms: 7 });
    post("reset", {});
    expect(moved).toEqual([5, 6, 7, -1]);
    post("origins", { "127.0.0.1:4101": "api.aleph.im" });
    expect(world.state.origins).toEqual({ "127.0.0.1:4101": "api.aleph.im" });
    expect(get("clock")).toMatchObject({ now_ms: NOW_MS });
    expect(get("listening?host=203.0.113.10&port=22")).toEqual({ state: "refused" });
  });

  it("refuses what it does not know, saying which field is wrong", () => {
    const { post } = stage();
    expect(post("nothing", {}).status).toBe(404);
    expect(post("grant", { address: ADDRESS, credits: -1 })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("credits") as string },
    });
    expect(post("node", { node: "x", knobs: { dwon: true } }).status).toBe(400);
  });
});

describe("misread", () => {
  it("charges one VM, or all, so many percent of what was measured", () => {
    const lines = [
      { itemHash: "aa", seconds: 3_600 },
      { itemHash: "bb", seconds: 90 },
    ];
    const charged = (percent: Record<string, number>) => misread(lines, percent).map((line) => line.seconds);
    expect(charged({})).toEqual([3_600, 90]);
    expect(charged({ aa: 200 })).toEqual([7_200, 90]);
    expect(charged({ "*": 0, bb: 100 })).toEqual([0, 90]);
  });

  it("is set by a call, and shown", () => {
    const { post, get } = stage();
    post("billing", { percent: 300, hash: "aa" });
    post("billing", { percent: 50 });
    expect(get("state")).toMatchObject({ bill_percent: { aa: 300, "*": 50 } });
  });
});

describe("CONTROL_PAGE", () => {
  it("loads nothing from elsewhere, and its script parses", () => {
    expect(CONTROL_PAGE).not.toMatch(/src=|href=|https?:\/\//);
    expect(parseSync("control.js", CONTROL_SCRIPT).errors).toEqual([]);
  });

  it("names every element that its script draws into", () => {
    const wanted = [...CONTROL_SCRIPT.matchAll(/\$\("([a-z]+)"\)/g)].map((match) => match[1]);
    expect(wanted.filter((id) => !CONTROL_PAGE.includes(`id="${id}"`))).toEqual([]);
  });
});
