/**
 * The hashes that the house uses. Pure and synchronous on purpose: hashes of messages are made inside a storage
 * transaction, where nothing may await, and WebCrypto has no synchronous digest.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as sha2 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { toHex, utf8 } from "./bytes.ts";

export function sha256(bytes: Uint8Array): Uint8Array {
  return sha2(bytes);
}

/** Of the text's UTF-8 bytes; 64 lower-case digits without 0x, the form of an Aleph item hash. */
export function sha256Hex(text: string): string {
  return toHex(sha256(utf8(text)));
}

/** Ethereum's hash: the padding of the Keccak submission, not that of SHA3-256. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes);
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(sha2, key, message);
}
