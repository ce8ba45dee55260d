/** The whole state as JSON and back. Pure; a restored node goes on exactly where the snapshot was taken. */
import type { Json, JsonObject } from "./json.ts";
import { isObject } from "./json.ts";
import { emptyState } from "./state.ts";
import type { State } from "./state.ts";

const VERSION = 1;

export function toSnapshot(state: State, nowMs: number): Json {
  const flat = {
    version: VERSION,
    nowMs,
    state: {
      ...state,
      records: [...state.records],
      aggregates: [...state.aggregates],
      images: [...state.images],
      files: [...state.files],
      recent: [...state.recent],
    },
  };
  return JSON.parse(JSON.stringify(flat)) as Json;
}

/** `undefined` if it is no snapshot of this version. */
export function fromSnapshot(value: Json): { readonly state: State; readonly nowMs: number } | undefined {
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
  return { state: state as unknown as State, nowMs: copy["nowMs"] };
}

function mapOf(flat: JsonObject, key: string): Map<string, Json> {
  return new Map(flat[key] as unknown as readonly (readonly [string, Json])[]);
}
