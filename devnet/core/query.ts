/**
 * Query parameters with the checks and the error texts of pydantic, and the opaque cursors of the lists. Pure, but for
 * the errors that a reader collects.
 */
import { fromBase64Url, toBase64Url, utf8 } from "../../src/crypto/bytes.ts";
import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { invalidFields, text } from "./wire.ts";
import type { WireResponse } from "../wire.ts";
import type { FieldError } from "./wire.ts";

export const CURSOR_PAGE_MAX = 200;

type Range = { readonly min?: number; readonly max?: number };

export class QueryReader {
  readonly #query: URLSearchParams;
  readonly #errors: FieldError[] = [];

  constructor(query: URLSearchParams) {
    this.#query = query;
  }

  text(name: string): string | undefined {
    return this.#query.get(name) ?? undefined;
  }

  list(name: string): readonly string[] | undefined {
    return this.text(name)?.split(",");
  }

  flag(name: string): boolean {
    return ["true", "1", "yes", "on", "t", "y"].includes((this.text(name) ?? "").toLowerCase());
  }

  whole(name: string, fallback: number, range: Range = {}): number {
    return this.#number(name, fallback, range, /^[+-]?\d+$/, "int", "integer");
  }

  number(name: string, fallback: number, range: Range = {}): number {
    return this.#number(name, fallback, range, /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, "float", "number");
  }

  oneOf(name: string, allowed: readonly string[], fallback: string): string {
    const given = this.text(name);
    if (given === undefined || allowed.includes(given)) return given ?? fallback;
    this.#notIn([name], given, allowed);
    return fallback;
  }

  listOf(name: string, allowed: readonly string[]): readonly string[] | undefined {
    const given = this.list(name);
    given?.forEach((one, index) => {
      if (!allowed.includes(one)) this.#notIn([name, index], one, allowed);
    });
    return given;
  }

  /** Items that must pass `check`, else the value error with `says`. */
  listChecked(
    name: string,
    check: (item: string) => boolean,
    says: (item: string) => string,
  ): readonly string[] | undefined {
    const given = this.list(name);
    given?.forEach((input, index) => {
      if (check(input)) return;
      const error = says(input);
      this.#errors.push({
        type: "value_error",
        loc: [name, index],
        msg: `Value error, ${error}`,
        input,
        ctx: { error },
      });
    });
    return given;
  }

  /** All faults of the query as one answer. */
  get refusal(): WireResponse | undefined {
    return this.#errors.length === 0 ? undefined : invalidFields(...this.#errors);
  }

  #number(name: string, fallback: number, range: Range, form: RegExp, kind: string, words: string): number {
    const input = this.text(name);
    if (input === undefined) return fallback;
    const value = Number(input);
    const { min, max } = range;
    if (!form.test(input.trim())) {
      const msg = `Input should be a valid ${words}, unable to parse string as ${kind === "int" ? "an integer" : "a number"}`;
      this.#errors.push({ type: `${kind}_parsing`, loc: [name], msg, input });
    } else if (min !== undefined && value < min) {
      const msg = `Input should be greater than or equal to ${min}`;
      this.#errors.push({ type: "greater_than_equal", loc: [name], msg, input, ctx: { ge: min } });
    } else if (max !== undefined && value > max) {
      const msg = `Input should be less than or equal to ${max}`;
      this.#errors.push({ type: "less_than_equal", loc: [name], msg, input, ctx: { le: max } });
    } else return value;
    return fallback;
  }

  #notIn(loc: readonly (string | number)[], input: string, allowed: readonly string[]): void {
    const quoted = allowed.map((one) => `'${one}'`);
    const expected =
      quoted.length === 1 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`;
    this.#errors.push({ type: "enum", loc, msg: `Input should be ${expected}`, input, ctx: { expected } });
  }
}

export function encodeCursor(value: JsonObject): string {
  return toBase64Url(utf8(JSON.stringify(value)));
}

/** The empty text is the start. */
export function decodeCursor(cursor: string): JsonObject | WireResponse {
  if (cursor === "") return {};
  const bytes = fromBase64Url(cursor) ?? bytesLoosely(cursor);
  const at = firstBadByte(bytes);
  if (at !== undefined) {
    const bad = (bytes[at] ?? 0).toString(16).padStart(2, "0");
    const why = isStart(bytes[at] ?? 0) ? "invalid continuation byte" : "invalid start byte";
    return text(422, `Invalid cursor: 'utf-8' codec can't decode byte 0x${bad} in position ${at}: ${why}`);
  }
  const value = jsonOf(new TextDecoder().decode(bytes));
  return isObject(value) ? value : text(422, "Invalid cursor: Expecting value: line 1 column 1 (char 0)");
}

/** `undefined` if cursors are not asked for; the refusal if the page is not possible with them. */
export function cursorPage(cursor: string | undefined, pagination: number): number | WireResponse | undefined {
  if (cursor === undefined) return undefined;
  if (pagination === 0) return text(422, "pagination=0 is not allowed with cursor-based pagination");
  return Math.min(pagination, CURSOR_PAGE_MAX);
}

function bytesLoosely(text_: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text_.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function firstBadByte(bytes: Uint8Array): number | undefined {
  for (let at = 0; at < bytes.length;) {
    const size = sequenceLength(bytes[at] ?? 0);
    const rest = bytes.subarray(at + 1, at + size);
    if (size === 0 || rest.length < size - 1 || rest.some((byte) => byte >> 6 !== 2)) return at;
    at += size;
  }
  return undefined;
}

function sequenceLength(byte: number): number {
  if (byte < 0x80) return 1;
  if (!isStart(byte)) return 0;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

function isStart(byte: number): boolean {
  return byte >= 0xc2 && byte <= 0xf4;
}

function jsonOf(words: string): Json | undefined {
  try {
    return JSON.parse(words) as Json;
  } catch {
    return undefined;
  }
}
