/**
 * Checks Ed25519 signatures, as Solana accounts make them. Pure. Only the twin needs it, to accept and refuse what core
 * nodes and nodes do; the service itself signs and reads Ethereum signatures alone.
 */
import { ed25519 } from "@noble/curves/ed25519.js";

const SIGNATURE_BYTES = 64;
const PUBLIC_KEY_BYTES = 32;

/** Never throws. RFC 8032 rules, as libsodium's, not the laxer ones of ZIP 215. */
export function verifyEd25519(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return false;
  return ed25519.verify(signature, message, publicKey, { zip215: false });
}
