/**
 * Validation errors as a node sends them: a JSON string that contains the JSON text of pydantic's error list. Pure.
 */
import type { JsonObject, WireResponse } from "../wire.ts";
import { json } from "./wire.ts";

const URL_BASE = "https://errors.pydantic.dev/2.13/v";

/** For each required field that is absent one error, then one for each field that is not `allowed` (if any are named). */
export function missingFields(
  input: JsonObject,
  required: readonly string[],
  allowed: readonly string[],
): WireResponse {
  return doubleEncoded(fieldErrors(input, required, allowed));
}

export function fieldErrors(
  input: JsonObject,
  required: readonly string[],
  allowed: readonly string[],
): readonly unknown[] {
  const missing = required
    .filter((name) => input[name] === undefined)
    .map((name) => ({ type: "missing", loc: [name], msg: "Field required", input, url: `${URL_BASE}/missing` }));
  const extra = Object.entries(input)
    .filter(([name]) => allowed.length > 0 && !allowed.includes(name))
    .map(([name, value]) => ({
      type: "extra_forbidden",
      loc: [name],
      msg: "Extra inputs are not permitted",
      input: value,
      url: `${URL_BASE}/extra_forbidden`,
    }));
  return [...missing, ...extra];
}

export function badHash(field: string, input: unknown): WireResponse {
  if (typeof input !== "string") {
    const msg = "Input should be a valid string";
    return doubleEncoded([{ type: "string_type", loc: [field], msg, input, url: `${URL_BASE}/string_type` }]);
  }
  const error = `Could not determine hash type: '${input}'`;
  const entry = { type: "value_error", loc: [field], msg: `Value error, ${error}`, input, ctx: { error } };
  return doubleEncoded([{ ...entry, url: `${URL_BASE}/value_error` }]);
}

export function doubleEncoded(errors: readonly unknown[]): WireResponse {
  return json(400, JSON.stringify(errors));
}
