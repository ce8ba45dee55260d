/**
 * Bytes and their spellings: UTF-8, hexadecimal, base64url, base32, and the random ids made of them. Pure, but for the
 * random source that `randomId` is handed. Decoders of foreign text take exactly one spelling of each value.
 */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { AllowanceError } from "../errors.ts";
import type { Random } from "../ports.ts";

export type Hex = `0x${string}`;

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const ID_BYTES = 16;

/** A lone surrogate becomes U+FFFD, so two ill-formed texts may share their bytes. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Never throws: what is no UTF-8 becomes U+FFFD. A leading byte order mark is kept, so that good text survives exactly. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);
}

/** Lower case, without 0x. */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(bytes);
}

/** With or without 0x, either case. Throws `internal.invariant`: ask `isHex` first about text from outside. */
export function fromHex(text: string): Uint8Array {
  if (!isHex(text)) throw new AllowanceError("internal.invariant", { what: "hex", chars: text.length });
  return hexToBytes(digitsOf(text));
}

/** Whole bytes only, with or without 0x; of exactly `byteLength` bytes if that is given. */
export function isHex(text: string, byteLength?: number): boolean {
  const digits = digitsOf(text);
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return false;
  return byteLength === undefined || digits.length === 2 * byteLength;
}

function digitsOf(text: string): string {
  return text.startsWith("0x") ? text.slice(2) : text;
}

/** Without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return encodeBits(bytes, 6, BASE64URL);
}

/** RFC 4648 §4, with padding: as keys and fingerprints of SSH are written. */
export function toBase64(bytes: Uint8Array): string {
  const text = toBase64Url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** `undefined` for padding, spaces, `+`, `/`, or stray bits at the end: one value has one spelling. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1 || !/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (const char of text) {
    held = (held << 6) | BASE64URL.indexOf(char);
    heldBits += 6;
    if (heldBits < 8) continue;
    heldBits -= 8;
    bytes[at++] = held >> heldBits;
    held &= (1 << heldBits) - 1;
  }
  return held === 0 ? bytes : undefined;
}

/** RFC 4648 in lower case, without padding. */
export function toBase32(bytes: Uint8Array): string {
  return encodeBits(bytes, 5, BASE32);
}

function encodeBits(bytes: Uint8Array, bitsPerChar: number, alphabet: string): string {
  const mask = (1 << bitsPerChar) - 1;
  let text = "";
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    heldBits += 8;
    while (heldBits >= bitsPerChar) {
      heldBits -= bitsPerChar;
      text += alphabet.charAt(held >> heldBits);
      held &= (1 << heldBits) - 1;
    }
  }
  return heldBits === 0 ? text : text + alphabet.charAt((held << (bitsPerChar - heldBits)) & mask);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Takes the same time wherever equally long inputs differ; a difference in length shows at once. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (const [at, byte] of a.entries()) difference |= byte ^ (b[at] ?? 0);
  return difference === 0;
}

/** Opaque: the prefix, an underscore, and 26 characters that hold 128 random bits. */
export function randomId(prefix: string, random: Random): string {
  return `${prefix}_${toBase32(random.bytes(ID_BYTES))}`;
}
