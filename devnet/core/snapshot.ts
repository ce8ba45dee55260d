/**
 * The whole state as JSON and back. Pure; a restored node goes on exactly where the snapshot was taken. Contents that the
 * node was seeded with are named instead of copied: the list of thousands of nodes is megabytes, and always the same.
 */
import type { Json, JsonObject } from "./json.ts";
import { isObject } from "./json.ts";
import { emptyState } from "./state.ts";
import type { Element, State } from "./state.ts";

const VERSION = 1;

export type Seeds = ReadonlyMap<string, JsonObject>;
type Content = { readonly owner: string; readonly key: string; readonly content: JsonObject };

export function seedName(owner: string, key: string): string {
  return `${owner} ${key}`;
}

function folded<T extends Content>(one: T, seeds: Seeds): T {
  const name = seedName(one.owner, one.key);
  return one.content === seeds.get(name) ? { ...one, content: { seed: name } } : one;
}

function unfolded<T extends Content>(one: T, seeds: Seeds): T {
  const { seed } = one.content;
  const content = typeof seed === "string" && Object.keys(one.content).length === 1 ? seeds.get(seed) : undefined;
  return content === undefined ? one : { ...one, content };
}

export function toSnapshot(state: State, nowMs: number, seeds: Seeds = new Map()): Json {
  const fold = (one: Element) => folded(one, seeds);
  const flat = {
    version: VERSION,
    nowMs,
    state: {
      ...state,
      records: [...state.records],
      elements: state.elements.map(fold),
      aggregates: [...state.aggregates].map(([name, one]) => [name, { ...folded(one, seeds), last: fold(one.last) }]),
      images: [...state.images],
      files: [...state.files],
      recent: [...state.recent],
    },
  };
  return JSON.parse(JSON.stringify(flat)) as Json;
}

/** `undefined` if it is no snapshot of this version. */
export function fromSnapshot(
  value: Json,
  seeds: Seeds = new Map(),
): { readonly state: State; readonly nowMs: number } | undefined {
  const copy = JSON.parse(JSON.stringify(value)) as Json;
  if (!isObject(copy) || copy["version"] !== VERSION || typeof copy["nowMs"] !== "number") return undefined;
  const flat = copy["state"];
  if (!isObject(flat)) return undefined;
  const state = {
    ...emptyState(),
    ...flat,
    records: mapOf(flat, "records"),
    aggregates: mapOf(flat, "aggregates"),
    images: mapOf(flat, "images"),
    files: mapOf(flat, "files"),
    recent: new Set(flat["recent"] as readonly string[]),
  };
  const taken = state as unknown as State;
  const unfold = (one: Element) => unfolded(one, seeds);
  taken.elements = taken.elements.map(unfold);
  for (const [name, one] of taken.aggregates)
    taken.aggregates.set(name, { ...unfolded(one, seeds), last: unfold(one.last) });
  return { state: taken, nowMs: copy["nowMs"] };
}

function mapOf(flat: JsonObject, key: string): Map<string, Json> {
  return new Map(flat[key] as unknown as readonly (readonly [string, Json])[]);
}
