/**
 * Does the signature of a message belong to its sender? EIP-191 for every EVM chain, ed25519 for Solana. Pure.
 * Chains that the real node verifies in other ways are refused here.
 */
import { fromBase58 } from "../../src/crypto/base58.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { verifyEd25519 } from "../../src/crypto/ed25519.ts";
import { recoverPersonal } from "../../src/crypto/secp256k1.ts";
import type { Envelope } from "./envelope.ts";
import { isObject, parseJson } from "./json.ts";

const NO_VERIFIER = ["AURORA", "STT"];
const NOT_EVM = ["CSDK", "DOT", "CYBER", "NEO", "NULS", "NULS2", "TEZOS", "ES"];

export type SignatureVerdict = "valid" | "invalid" | "no verifier";

export function verifySignature(envelope: Envelope): SignatureVerdict {
  const { chain, sender, type, itemHash, signature } = envelope;
  if (NO_VERIFIER.includes(chain)) return "no verifier";
  if (signature === null || NOT_EVM.includes(chain)) return "invalid";
  const signed = utf8(`${chain}\n${sender}\n${type}\n${itemHash}`);
  const good = chain === "SOL" ? isSolana(signed, signature, sender) : isEvm(signed, signature, sender);
  return good ? "valid" : "invalid";
}

function isEvm(signed: Uint8Array, signature: string, sender: string): boolean {
  return recoverPersonal(signed, signature)?.toLowerCase() === sender.toLowerCase();
}

/** The signature is a text that holds JSON. */
function isSolana(signed: Uint8Array, signature: string, sender: string): boolean {
  const parts = parseJson(signature)?.value;
  if (!isObject(parts) || parts["publicKey"] !== sender || (parts["version"] ?? 1) !== 1) return false;
  const bytes = typeof parts["signature"] === "string" ? fromBase58(parts["signature"]) : undefined;
  const key = fromBase58(sender);
  return bytes?.length === 64 && key?.length === 32 && verifyEd25519(signed, bytes, key);
}
