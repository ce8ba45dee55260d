/**
 * Small values that a browser keeps for us in a cookie: encrypted, authenticated and bound to one purpose, so that a
 * challenge can never be presented as a login. Asynchronous (WebCrypto). A token carries no time of its own: callers put
 * an expiry inside the value and check it.
 */
import type { Random } from "../ports.ts";
import { IV_BYTES, decrypt, deriveAesKey, encrypt } from "./aead.ts";
import { concat, fromBase64Url, fromUtf8, toBase64Url, utf8 } from "./bytes.ts";
import type { JsonValue } from "./canonical-json.ts";

/** Browsers keep 4,096 bytes of a cookie; anything much longer is not ours, and is not decoded. */
const CHARS_MAX = 8_192;

const SALT = utf8("token|v1");

/** base64url of IV, ciphertext and tag. Throws `internal.invariant` unless `key` has 32 bytes. */
export async function sealToken(value: JsonValue, key: Uint8Array, purpose: string, random: Random): Promise<string> {
  const iv = random.bytes(IV_BYTES);
  const plain = utf8(JSON.stringify(value));
  return toBase64Url(concat(iv, await encrypt(plain, await purposeKey(key, purpose), iv, utf8(purpose))));
}

/** `undefined` for another key, another purpose, any change, or what was never a token. Throws only for a key that is not 32 bytes. */
export async function openToken(token: string, key: Uint8Array, purpose: string): Promise<JsonValue | undefined> {
  const bytes = token.length <= CHARS_MAX ? fromBase64Url(token) : undefined;
  if (bytes === undefined) return undefined;
  const derived = await purposeKey(key, purpose);
  const plain = await decrypt(bytes.subarray(IV_BYTES), derived, bytes.subarray(0, IV_BYTES), utf8(purpose));
  // What was authenticated was written by sealToken, so it parses.
  return plain === undefined ? undefined : (JSON.parse(fromUtf8(plain)) as JsonValue);
}

function purposeKey(key: Uint8Array, purpose: string): Promise<CryptoKey> {
  return deriveAesKey(key, SALT, utf8(`token|${purpose}`));
}
