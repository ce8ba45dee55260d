/** Error texts that the core node takes over from Python as they are. Pure. */
import { isList, isObject } from "./json.ts";
import type { Json } from "./json.ts";

const INPUT_CHARS_MAX = 50;
const HEAD_CHARS = 25;
const TAIL_CHARS = 24;

/** pydantic's list of faults as text. Other faults than missing fields are told without detail. */
export function missingFieldsText(value: Json, wanted: readonly string[]): string {
  const missing = wanted.filter((field) => !isObject(value) || !Object.hasOwn(value, field));
  const count = Math.max(1, missing.length);
  const head = `${count} validation error${count === 1 ? "" : "s"} for CostEstimationInstanceContent`;
  const about = `input_value=${shortened(repr(value))}, input_type=${typeName(value)}`;
  const url = "    For further information visit https://errors.pydantic.dev/2.13/v";
  if (missing.length === 0) return `${head}\n  Value error [type=value_error, ${about}]\n${url}/value_error`;
  const lines = missing.map((field) => `${field}\n  Field required [type=missing, ${about}]\n${url}/missing`);
  return [head, ...lines].join("\n");
}

function shortened(text: string): string {
  if (text.length < INPUT_CHARS_MAX) return text;
  return `${text.slice(0, HEAD_CHARS)}...${text.slice(-TAIL_CHARS)}`;
}

function repr(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  if (isList(value)) return `[${value.map(repr).join(", ")}]`;
  if (!isObject(value)) return String(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `'${key}': ${repr(one)}`)
    .join(", ")}}`;
}

function typeName(value: Json): string {
  if (value === null) return "NoneType";
  if (isList(value)) return "list";
  return isObject(value)
    ? "dict"
    : { string: "str", number: "int", boolean: "bool" }[typeof value as "string" | "number" | "boolean"];
}
