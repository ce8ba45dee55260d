/**
 * The network in pieces that can be stored one by one: `world`, `core0` … and `node0` …, each plain JSON.
 */
import type { NodeState } from "./crn/spec.ts";
import type { Json } from "./wire.ts";
import type { World } from "./world.ts";
import { newWorldState, type WorldState } from "./world-state.ts";

export function readPart(world: World, name: string): Json {
  if (name === "world") return structuredClone(world.state) as unknown as Json;
  const { kind, index } = address(name);
  return kind === "core" ? world.core(index).snapshot() : (world.node(index).snapshot() as unknown as Json);
}

export function writePart(world: World, name: string, value: Json): void {
  if (name === "world") {
    const stored = structuredClone(value) as unknown as WorldState;
    world.state = { ...newWorldState(world.state.startedMs, world.roster.length), ...stored };
    return;
  }
  const { kind, index } = address(name);
  if (kind === "core") world.core(index).restore(value);
  else world.node(index).restore(value as unknown as NodeState);
}

function address(name: string): { readonly kind: string; readonly index: number } {
  return { kind: name.slice(0, 4), index: Number(name.slice(4)) };
}
