/**
 * Is this an Aleph message? Checks the outer fields, the hash and the schema of the content, before anything is
 * published or stored. Pure. The fields `time`, `channel` and `item_type` are not covered by the signature.
 */
import { sha256Hex } from "../../src/crypto/hash.ts";
import { CHAINS, isContentOf, isItemHash } from "./contents.ts";
import { isObject, parseJson } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";

export type Envelope = {
  readonly sender: string;
  readonly chain: string;
  readonly type: string;
  readonly itemType: string;
  readonly itemContent: string;
  readonly itemHash: string;
  /** Seconds since 1970, possibly with a fraction. */
  readonly time: number;
  readonly channel: string | null;
  readonly signature: string | null;
};

export type Checked =
  | { readonly kind: "message"; readonly envelope: Envelope; readonly content: JsonObject }
  | { readonly kind: "invalid"; readonly expectedHash?: string }
  /** An exception that the real software does not catch. */
  | { readonly kind: "crash" };

export const TYPES = ["POST", "AGGREGATE", "STORE", "PROGRAM", "INSTANCE", "V-PROGRAM", "FORGET"] as const;

/** Counted in code points. */
const INLINE_CHARS_MAX = 200_000;
/** The end of the year 9999, the last that Python's dates know. */
const TIME_END_S = 253_402_300_800;

const INVALID: Checked = { kind: "invalid" };

export function checkEnvelope(raw: Json): Checked {
  if (!isObject(raw) || !(TYPES as readonly Json[]).includes(raw["type"] ?? null)) return INVALID;
  const outer = outerFields(raw);
  if (outer === "crash") return { kind: "crash" };
  if (outer === undefined) return INVALID;
  const expectedHash = sha256Hex(outer.itemContent);
  if (expectedHash !== outer.itemHash) return { kind: "invalid", expectedHash };
  const parsed = parseJson(outer.itemContent);
  if (parsed === undefined || !isContentOf(outer.type, parsed.value, parsed.floats)) return INVALID;
  return { kind: "message", envelope: outer, content: parsed.value };
}

function outerFields(raw: JsonObject): Envelope | "crash" | undefined {
  const { sender, chain, type, item_hash: itemHash, item_content: itemContent, time } = raw;
  const channel = raw["channel"] ?? null;
  const signature = raw["signature"] ?? null;
  if (typeof itemHash !== "string" || typeof itemContent !== "string" || typeof type !== "string") return undefined;
  if (Array.from(itemContent).length > INLINE_CHARS_MAX || (raw["item_type"] ?? "inline") !== "inline")
    return undefined;
  if (time === undefined) return undefined;
  if (typeof time !== "number") return "crash";
  if (typeof sender !== "string" || typeof chain !== "string" || !CHAINS.includes(chain)) return undefined;
  if (time < 0 || time >= TIME_END_S || !isTextOrNull(channel) || !isTextOrNull(signature)) return undefined;
  return { sender, chain, type, itemType: "inline", itemContent, itemHash, time, channel, signature };
}

function isTextOrNull(value: Json): value is string | null {
  return value === null || typeof value === "string";
}

export function isMessageHash(text: string): boolean {
  return isItemHash(text);
}

/**
 * What arrives over the network of nodes: the text is percent-decoded before it is parsed, so `%41` inside a message
 * becomes `A`. `undefined` if that breaks the JSON; such a message vanishes without a trace.
 */
export function throughPubSub(raw: Json): Json | undefined {
  return parseJson(percentDecoded(JSON.stringify(raw)))?.value;
}

/** Python's `unquote`: bytes that are no UTF-8 become U+FFFD, a lone percent sign stays. */
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
    const bytes = run.match(/[0-9a-fA-F]{2}/g) ?? [];
    return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)));
  });
}
