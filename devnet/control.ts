/**
 * The JSON calls behind `/__twin/api/`: see everything, change everything. Works on a world and on what its keeper lends
 * it (the clock, the reset); knows nothing of HTTP servers or storage.
 */
import { isCall, parseInput, type CallName, type Input } from "./control-input.ts";
import { stateJson } from "./control-state.ts";
import { KNOBS, type Knobs } from "./crn/spec.ts";
import type { Json, JsonObject } from "./wire.ts";
import { isObject, parseJson } from "./crn/wire.ts";
import { SETTINGS_OWNER } from "./core/price-tables.ts";
import type { World } from "./world.ts";

export type ControlAnswer = { readonly status: number; readonly body: Json };
export type ControlRequest = { readonly method: string; readonly path: string; readonly body: string };

export type ControlScene = {
  readonly world: World;
  readonly nowMs: number;
  readonly clock: () => JsonObject;
  readonly setOffset: (offsetMs: number) => JsonObject;
  readonly advanceStep: (toMs: number) => JsonObject;
  readonly advance: (toMs: number) => JsonObject;
  readonly reset: (nodes?: number) => void;
};

type Handlers = { readonly [N in CallName]: (scene: ControlScene, input: Input<N>) => JsonObject | undefined };

export function control(scene: ControlScene, request: ControlRequest): ControlAnswer {
  const url = new URL(request.path, "http://twin");
  const name = url.pathname.slice(1);
  if (request.method === "GET") return look(scene, name, url.searchParams);
  if (request.method !== "POST" || !isCall(name)) return wrong(404, "no such call");
  const parsed = parseJson(request.body === "" ? "{}" : request.body);
  if (parsed === undefined) return wrong(400, "not JSON");
  return call(scene, name, parsed.value);
}

function look(scene: ControlScene, name: string, query: URLSearchParams): ControlAnswer {
  if (name === "state") return { status: 200, body: stateJson(scene.world, scene.nowMs, scene.clock()) };
  if (name === "clock") return { status: 200, body: scene.clock() };
  if (name !== "listening") return wrong(404, "no such call");
  const [host, port] = [query.get("host") ?? "", Number(query.get("port"))];
  const found = scene.world.nodes
    .map((node) => node.listening(host, port, scene.nowMs))
    .find((one) => one.hash !== undefined);
  return { status: 200, body: found ?? { state: "refused" } };
}

function call<N extends CallName>(scene: ControlScene, name: N, value: unknown): ControlAnswer {
  const parsed = parseInput(name, value);
  if ("error" in parsed) return wrong(400, parsed.error);
  const answer = HANDLERS[name](scene, parsed.input);
  return answer === undefined ? wrong(404, "no such node") : { status: 200, body: answer };
}

const OK: JsonObject = { ok: true };

const HANDLERS: Handlers = {
  "advance-step": (scene, { to_ms }) => scene.advanceStep(to_ms),
  advance: (scene, { to_ms }) => scene.advance(to_ms),
  offset: (scene, { offset_ms }) => scene.setOffset(offset_ms),
  grant: (scene, { address, credits, expires_at_ms, core }) =>
    onCores(scene, core, (index) => scene.world.core(index).grantCredits(address, credits, expires_at_ms, scene.nowMs)),
  take: (scene, { address, credits, core }) =>
    onCores(scene, core, (index) => scene.world.core(index).removeCredits(address, credits, scene.nowMs)),
  node: (scene, { node, knobs }) => onNode(scene, node, (index) => scene.world.node(index).setKnobs(knobsOf(knobs))),
  crash: (scene, { node, hash }) => onNode(scene, node, (index) => scene.world.node(index).crash(hash, scene.nowMs)),
  start: (scene, { node, hash }) => onNode(scene, node, (index) => scene.world.node(index).schedule(hash, scene.nowMs)),
  copy: (scene, { node, hash }) => onNode(scene, node, (index) => scene.world.node(index).copy(hash, scene.nowMs)),
  core: setCore,
  "core-job": (scene, { core, job }) => onCores(scene, core, (index) => runJob(scene, index, job)),
  fault: addFault,
  "fault-clear": ({ world }, { id }) => {
    world.state.faults = id === undefined ? [] : world.state.faults.filter((fault) => fault.id !== id);
    return done(world);
  },
  price: setPrice,
  billing: ({ world }, { percent, hash }) => {
    world.state.billPercent[hash] = percent;
    return done(world);
  },
  scheduler: ({ world }, { dispatch }) => {
    world.state.scheduler.dispatch = dispatch;
    return done(world);
  },
  origins: ({ world }, origins) => {
    world.state.origins = origins;
    return done(world);
  },
  revive: (scene, { hash, core }) => onCores(scene, core, (index) => scene.world.core(index).revive(hash, scene.nowMs)),
  reset: (scene, { nodes }) => {
    scene.reset(nodes);
    return OK;
  },
};

function done(world: World): JsonObject {
  world.touched("world");
  return OK;
}

/** One core node, or all of them when none is named. */
function onCores({ world }: ControlScene, only: number | undefined, act: (index: number) => void): JsonObject {
  for (const index of world.cores.keys()) {
    if (only !== undefined && only !== index) continue;
    act(index);
    world.touched(`core${index}`);
  }
  return OK;
}

function onNode({ world }: ControlScene, name: string, act: (index: number) => void): JsonObject | undefined {
  const index = world.nodes.findIndex((node) => node.spec.hash === name || node.spec.domain === name);
  if (index < 0) return undefined;
  act(index);
  world.touched(`node${index}`, "world");
  return OK;
}

/** `vanish_after_ms` → `vanishAfterMs`; fields that were not named keep their value. */
function knobsOf(input: Input<"node">["knobs"]): Partial<Knobs> {
  const renamed = Object.entries(input).map(([key, value]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(renamed.filter(([key]) => typeof key === "string" && key in KNOBS)) as Partial<Knobs>;
}

function setCore({ world }: ControlScene, input: Input<"core">): JsonObject {
  const { core, down, deaf, gossip_lag_ms: gossipMs, books_lag_ms: booksMs, lie } = input;
  const { processing_ms: processingMs, retry_at: retryAt } = input;
  if (down !== undefined) world.state.coresDown[core] = down;
  if (deaf !== undefined) world.state.coresDeaf[core] = deaf;
  if (gossipMs !== undefined) world.state.gossipLagMs[core] = gossipMs;
  if (booksMs !== undefined) world.state.booksLagMs[core] = booksMs;
  if (processingMs !== undefined) world.core(core).setKnobs({ processingMs });
  if (retryAt !== undefined) world.core(core).setKnobs({ retryAt });
  if (lie !== undefined) world.core(core).setLie(lie === null ? undefined : (lie as JsonObject));
  world.touched(`core${core}`);
  return done(world);
}

function runJob({ world, nowMs }: ControlScene, index: number, job: Input<"core-job">["job"]): void {
  const core = world.core(index);
  if (job === "removal") core.runRemovalJob(nowMs);
  if (job === "garbage") core.runGarbageCollection(nowMs);
  if (job === "restart") core.restart();
  if (job === "confirm") core.confirmOnChain(core.liveInstances());
}

function addFault({ world }: ControlScene, input: Input<"fault">): JsonObject {
  const { path_prefix: pathPrefix, delay_ms: delayMs, ...rest } = input;
  const id = world.state.faultNext++;
  world.state.faults.push({ id, pathPrefix, delayMs, ...rest });
  done(world);
  return { ok: true, id };
}

/** Rewrites one figure of the pricing aggregate: what a rise or a fall of the network's price looks like. */
function setPrice(scene: ControlScene, input: Input<"price">): JsonObject | undefined {
  const { world, nowMs } = scene;
  const pricing = world.core(input.core ?? 0).aggregateOf(SETTINGS_OWNER, "pricing");
  const entity = pricing?.[input.entity];
  const price = isObject(entity) ? entity["price"] : undefined;
  const unit = isObject(price) ? price["compute_unit"] : undefined;
  if (!isObject(entity) || !isObject(price) || !isObject(unit)) return undefined;
  const changed = { ...entity, price: { ...price, compute_unit: { ...unit, credit: input.credits_per_cu_hour } } };
  return onCores(scene, input.core, (index) =>
    world.core(index).setPricing({ ...pricing, [input.entity]: changed }, nowMs),
  );
}

function wrong(status: number, error: string): ControlAnswer {
  return { status, body: { error } };
}
