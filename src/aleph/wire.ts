/**
 * Reads untrusted JSON: text to plain values, then single fields to numbers and words of a known form.
 *
 * Pure. Nothing here hands a stranger's text on unless it matches a pattern that the caller names.
 */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/** Deeper than any answer of the network (seven levels), shallower than any parser's stack. */
const DEPTH_MAX = 32;

const HASH = /^[0-9a-f]{64}$/;
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?$/;

/** `undefined` for anything that is no JSON or is nested too deeply. Keys named `__proto__` are dropped. */
export function parseJson(text: string): JsonValue | undefined {
  if (deeperThan(text, DEPTH_MAX)) return undefined;
  try {
    // the reviver costs a pass over every value, so it runs only where the key could be spelt, escapes included
    return /__proto__|\\u005f/i.test(text) ? JSON.parse(text, withoutProto) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withoutProto(key: string, value: JsonValue): JsonValue | undefined {
  return key === "__proto__" ? undefined : value;
}

function deeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === 0x5c) at++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthMax) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

export function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] | undefined {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : undefined;
}

/** A field of an object; `undefined` when the value is no object or lacks the field. */
export function field(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const key of path) {
    const object = objectOf(found);
    found = object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
  }
  return found;
}

/** The text itself if it has the given form. */
export function textLike(value: JsonValue | undefined, form: RegExp): string | undefined {
  return typeof value === "string" && form.test(value) ? value : undefined;
}

/** A safe integer of zero or more. */
export function countOf(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function finiteOf(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** 64 lower-case hex digits: the hash of an inline message, or a node's. */
export function hashOf(value: JsonValue | undefined): string | undefined {
  return textLike(value, HASH);
}

/**
 * Milliseconds of an ISO time; one without a zone is read as UTC, digits beyond milliseconds are cut. What is before 1970 is
 * no time of anything here.
 */
export function isoMs(value: JsonValue | undefined): number | undefined {
  const parts = typeof value === "string" ? ISO.exec(value) : null;
  if (parts === null) return undefined;
  const [, day, time, fraction = "", zone = "Z"] = parts;
  const ms = Date.parse(`${day}T${time}.${fraction.padEnd(3, "0").slice(0, 3)}${zone}`);
  return ms >= 0 ? ms : undefined;
}

/** The same text for the same value, whatever the order of its keys: for comparing what two nodes said. */
export function stableText(value: JsonValue): string {
  const list = listOf(value);
  if (list !== undefined) return `[${list.map(stableText).join(",")}]`;
  const object = objectOf(value);
  if (object === undefined) return JSON.stringify(value);
  const keys = Object.keys(object).toSorted();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${stableText(object[key] ?? null)}`).join(",")}}`;
}
