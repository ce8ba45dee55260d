/**
 * JSON as the core node's Python software sees it: the difference between 1 and 1.0 survives parsing, texts that its
 * parser refuses are refused here, and objects can be put in the two key orders of its answers. Pure.
 */
import type { Json, JsonObject } from "../wire.ts";

export type { Json, JsonObject };

/** Where numbers were written with a point or an exponent: holder → keys. */
export type Floats = { readonly has: (holder: object, key: string) => boolean };

export type Parsed = { readonly value: Json; readonly floats: Floats };

type Reviver = (this: object, key: string, value: Json, context: { readonly source?: string }) => Json;
type ParseWithSource = (text: string, reviver: Reviver) => Json;

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

/** `undefined` for what orjson refuses: no JSON, an integer beyond 64 bits, a lone surrogate in a string. */
export function parseJson(text: string): Parsed | undefined {
  const found = new WeakMap<object, Set<string>>();
  let refused = false;
  const reviver: Reviver = function (key, value, context) {
    if (!isWellFormed(key) || !isAcceptable(value, context.source)) refused = true;
    if (typeof value === "number" && /[.eE]/.test(context.source ?? "")) remember(found, this, key);
    return value;
  };
  try {
    const value = (JSON.parse as ParseWithSource)(text, reviver);
    return refused ? undefined : { value, floats: { has: (holder, key) => found.get(holder)?.has(key) ?? false } };
  } catch {
    return undefined;
  }
}

function remember(found: WeakMap<object, Set<string>>, holder: object, key: string): void {
  const keys = found.get(holder) ?? new Set<string>();
  keys.add(key);
  found.set(holder, keys);
}

function isAcceptable(value: Json, source: string | undefined): boolean {
  if (typeof value === "string") return isWellFormed(value);
  if (typeof value !== "number" || source === undefined || /[.eE]/.test(source)) return true;
  const exact = BigInt(source);
  return exact >= INTEGER_MIN && exact <= INTEGER_MAX;
}

function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** PostgreSQL's jsonb keeps short keys first. Rejected and pending messages come out of such columns. */
export function jsonbOrder(value: Json): Json {
  return inOrder(value, (a, b) => a.length - b.length || byCode(a, b));
}

/** Lists are written with sorted keys. */
export function sortedKeys(value: Json): Json {
  return inOrder(value, byCode);
}

function inOrder(value: Json, compare: (a: string, b: string) => number): Json {
  if (isList(value)) return value.map((one) => inOrder(one, compare));
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort(compare);
  return Object.fromEntries(keys.map((key) => [key, inOrder(value[key] ?? null, compare)]));
}

export function byCode(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
