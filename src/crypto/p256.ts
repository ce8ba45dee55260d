/**
 * ECDSA over P-256 with SHA-256 (ES256), the short-lived keys that sign calls to a node. Pure; keys come from the random
 * source that is handed in. Unlike a wallet's signatures these are not normalised to low s: aleph-vm takes both forms.
 */
import { p256 } from "@noble/curves/nist.js";
import type { Random } from "../ports.ts";
import { concat, fromBase64Url, toBase64Url } from "./bytes.ts";

export type P256Jwk = { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string };

const SEED_BYTES = 48;
const COORDINATE_BYTES = 32;
const UNCOMPRESSED = Uint8Array.of(4);

export function newP256Key(random: Random): Uint8Array {
  const seed = random.bytes(SEED_BYTES);
  const key = p256.utils.randomSecretKey(seed);
  seed.fill(0);
  return key;
}

/** The public half. Its keys are in the order in which the payload for a node is written. */
export function p256Jwk(privateKey: Uint8Array): P256Jwk {
  const point = p256.getPublicKey(privateKey, false);
  const x = toBase64Url(point.subarray(1, 1 + COORDINATE_BYTES));
  const y = toBase64Url(point.subarray(1 + COORDINATE_BYTES));
  return { kty: "EC", crv: "P-256", x, y };
}

/** Raw r and s, 64 bytes, deterministic (RFC 6979), so that the same call gives the same bytes. */
export function signP256(message: Uint8Array, privateKey: Uint8Array): Uint8Array {
  return p256.sign(message, privateKey, { prehash: true, lowS: false, format: "compact" });
}

/** Never throws. High s counts; DER, points off the curve and padded or short coordinates do not. */
export function verifyP256(
  message: Uint8Array,
  signature: Uint8Array,
  jwk: { readonly x: string; readonly y: string },
): boolean {
  const x = fromBase64Url(jwk.x);
  const y = fromBase64Url(jwk.y);
  if (x?.length !== COORDINATE_BYTES || y?.length !== COORDINATE_BYTES) return false;
  if (signature.length !== 2 * COORDINATE_BYTES) return false;
  return p256.verify(signature, message, concat(UNCOMPRESSED, x, y), { prehash: true, lowS: false, format: "compact" });
}
