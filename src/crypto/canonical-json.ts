/**
 * One spelling for each value: RFC 8785 canonical JSON of strings, safe integers, booleans, null, arrays and plain
 * objects. Pure. Quotes and policies are hashed in this form, so whatever two programs could spell differently
 * (fractions, large numbers, undefined, dates) is a programmer's error here.
 */
import { AllowanceError } from "../errors.ts";

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Nothing of ours nests deeper than 6; a cycle ends here and not in a stack overflow. */
const DEPTH_MAX = 64;

/** Throws `internal.invariant` for anything that is not in the subset, lone surrogates included. */
export function canonicalJson(value: JsonValue): string {
  return spell(value, 0);
}

function spell(value: unknown, depth: number): string {
  if (depth > DEPTH_MAX) throw unspeakable("depth");
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return spellText(value);
  if (typeof value === "number") return spellInteger(value);
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => spell(item, depth + 1)).join(",")}]`;
  if (isPlain(value)) return spellObject(value, depth);
  throw unspeakable(typeof value);
}

function spellText(text: string): string {
  if (!text.isWellFormed()) throw unspeakable("surrogate");
  return JSON.stringify(text);
}

function spellInteger(value: number): string {
  if (!Number.isSafeInteger(value)) throw unspeakable("number");
  return JSON.stringify(value);
}

function spellObject(value: Readonly<Record<string, unknown>>, depth: number): string {
  // The default order compares UTF-16 code units, which is what RFC 8785 §3.2.3 asks for.
  const keys = Object.keys(value).toSorted();
  return `{${keys.map((key) => `${spellText(key)}:${spell(value[key], depth + 1)}`).join(",")}}`;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function unspeakable(what: string): AllowanceError {
  return new AllowanceError("internal.invariant", { what });
}
