/**
 * A small schema language for message contents: what is accepted, and how a model writes back what it has read, with
 * nulls and defaults filled in. Pure. Numbers given as text are refused, which the real models would still convert.
 */
import { isList, isObject } from "./json.ts";
import type { Floats, Json, JsonObject } from "./json.ts";

/** Where a value stands, so that 1 and 1.0 can be told apart. */
export type Spot = { readonly holder: object; readonly key: string; readonly floats: Floats };

export type Schema = {
  readonly check: (value: Json, spot: Spot) => boolean;
  readonly dump: (value: Json) => Json;
};

export type Field = { readonly schema: Schema; readonly required: boolean; readonly missing: Json };

const asIs = (value: Json): Json => value;

function leaf(check: Schema["check"]): Schema {
  return { check, dump: asIs };
}

export const anything = leaf(() => true);
export const flag = leaf((value) => typeof value === "boolean");
export const anyObject = leaf((value) => isObject(value));

export function chars(max = Number.POSITIVE_INFINITY, pattern?: RegExp): Schema {
  return leaf(
    (value) =>
      typeof value === "string" && Array.from(value).length <= max && (pattern === undefined || pattern.test(value)),
  );
}

export function oneOf(...values: readonly string[]): Schema {
  return leaf((value) => typeof value === "string" && values.includes(value));
}

/** 2.0 passes as 2, 2.5 does not. */
export function whole(min: number, max: number): Schema {
  return leaf((value) => typeof value === "number" && Number.isInteger(value) && value >= min && value <= max);
}

/** 2.0 does not pass. */
export function strictWhole(min: number, max: number): Schema {
  const lax = whole(min, max);
  return leaf((value, spot) => lax.check(value, spot) && !spot.floats.has(spot.holder, spot.key));
}

export function between(min: number, max: number): Schema {
  return leaf((value) => typeof value === "number" && value >= min && value <= max);
}

export function list(of: Schema, max = Number.POSITIVE_INFINITY): Schema {
  return {
    check: (value, { floats }) =>
      isList(value) &&
      value.length <= max &&
      value.every((one, at) => of.check(one, { holder: value, key: String(at), floats })),
    dump: (value) => (isList(value) ? value.map(of.dump) : value),
  };
}

export function dictionary(of: Schema, maxEntries: number, maxKeyChars = Number.POSITIVE_INFINITY): Schema {
  return leaf((value, { floats }) => {
    if (!isObject(value)) return false;
    const entries = Object.entries(value);
    const fits = ([key, one]: [string, Json]) =>
      key.length <= maxKeyChars && of.check(one, { holder: value, key, floats });
    return entries.length <= maxEntries && entries.every(fits);
  });
}

/** The first that accepts also writes. */
export function union(...options: readonly Schema[]): Schema {
  const loose: Spot = { holder: {}, key: "", floats: { has: () => false } };
  return {
    check: (value, spot) => options.some((one) => one.check(value, spot)),
    dump: (value) => options.find((one) => one.check(value, loose))?.dump(value) ?? value,
  };
}

export function nullable(schema: Schema): Schema {
  return {
    check: (value, spot) => value === null || schema.check(value, spot),
    dump: (value) => (value === null ? null : schema.dump(value)),
  };
}

export function required(schema: Schema): Field {
  return { schema, required: true, missing: null };
}

/** Left out or null. */
export function optional(schema: Schema): Field {
  return { schema: nullable(schema), required: false, missing: null };
}

export function withDefault(schema: Schema, missing: Json): Field {
  return { schema, required: false, missing };
}

export type Extra = "forbid" | "ignore" | "allow";

export function object(
  fields: Readonly<Record<string, Field>>,
  extra: Extra,
  rule?: (value: JsonObject) => boolean,
): Schema {
  return {
    check: (value, { floats }) => {
      if (!isObject(value)) return false;
      if (extra === "forbid" && Object.keys(value).some((key) => !Object.hasOwn(fields, key))) return false;
      return Object.entries(fields).every(([key, field]) => fits(value, key, field, floats)) && (rule?.(value) ?? true);
    },
    dump: (value) => (isObject(value) ? dumped(value, fields, extra) : value),
  };
}

function fits(holder: JsonObject, key: string, field: Field, floats: Floats): boolean {
  const value = holder[key];
  if (value === undefined) return !field.required;
  return field.schema.check(value, { holder, key, floats });
}

function dumped(value: JsonObject, fields: Readonly<Record<string, Field>>, extra: Extra): JsonObject {
  const known = Object.entries(fields).map(([key, field]): [string, Json] => {
    const given = value[key];
    return [key, given === undefined ? field.missing : field.schema.dump(given)];
  });
  const others = extra === "allow" ? Object.entries(value).filter(([key]) => !Object.hasOwn(fields, key)) : [];
  return Object.fromEntries([...known, ...others]);
}
