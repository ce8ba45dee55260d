/**
 * Ethereum addresses, keys and signatures. Pure; keys come from the random source that is handed in.
 *
 * Signatures are deterministic (RFC 6979) and checked strictly: 65 bytes and low s only, so one signature has one
 * spelling and nobody can turn it into a second valid one. Only plain wallets can be recovered, never contracts.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { AllowanceError } from "../errors.ts";
import type { Random } from "../ports.ts";
import { concat, fromHex, isHex, toHex, utf8 } from "./bytes.ts";
import type { Hex } from "./bytes.ts";
import { keccak256 } from "./hash.ts";

/** Always in the mixed case of EIP-55: Aleph keys its balances by the exact letters. */
export type Address = `0x${string}`;

const SEED_BYTES = 48;
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 65;

/** Any case is taken, a wrong mix included, and put right; `undefined` unless it is 0x and 40 digits. */
export function toChecksum(address: string): Address | undefined {
  if (!address.startsWith("0x") || !isHex(address, 20)) return undefined;
  return checksummed(address.slice(2).toLowerCase());
}

function checksummed(lowerDigits: string): Address {
  const hash = toHex(keccak256(utf8(lowerDigits)));
  const digits = Array.from(lowerDigits, (digit, at) => (hash.charAt(at) >= "8" ? digit.toUpperCase() : digit));
  return `0x${digits.join("")}`;
}

export function addressOf(privateKey: Uint8Array): Address {
  assertPrivateKey(privateKey);
  return addressOfPublic(secp256k1.getPublicKey(privateKey, false));
}

function addressOfPublic(uncompressed: Uint8Array): Address {
  return checksummed(toHex(keccak256(uncompressed.subarray(1)).subarray(12)));
}

/** 48 random bytes reduced to a scalar: the bias is below 2^-128, and no draw ever has to be repeated. */
export function newPrivateKey(random: Random): Uint8Array {
  const seed = random.bytes(SEED_BYTES);
  const key = secp256k1.utils.randomSecretKey(seed);
  seed.fill(0);
  return key;
}

/** What a wallet's `personal_sign` hashes (EIP-191, version 0x45). The length is counted in bytes. */
export function personalDigest(message: Uint8Array): Uint8Array {
  return keccak256(concat(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
}

/** 65 bytes r, s, v with v = 27 or 28. Throws `internal.invariant` for what is no 32-byte digest or no key. */
export function signDigest(digest: Uint8Array, privateKey: Uint8Array): Hex {
  assertDigest(digest);
  assertPrivateKey(privateKey);
  const signed = secp256k1.sign(digest, privateKey, { prehash: false, lowS: true, format: "recovered" });
  const recovery = signed[0] ?? 0;
  // 2 and 3 exist on paper (once in 2^127), and Ethereum has no v for them.
  if (recovery > 1) throw new AllowanceError("internal.invariant", { what: "recovery" });
  return `0x${toHex(signed.subarray(1))}${toHex(Uint8Array.of(27 + recovery))}`;
}

/** `undefined` for high s, any length but 65 bytes, any v but 27, 28, 0, 1, and whatever recovers to no key. */
export function recoverDigest(digest: Uint8Array, signature: string): Address | undefined {
  assertDigest(digest);
  if (!isHex(signature, SIGNATURE_BYTES)) return undefined;
  const bytes = fromHex(signature);
  const recovery = recoveryOf(bytes[SIGNATURE_BYTES - 1] ?? 255);
  if (recovery === undefined) return undefined;
  try {
    const parsed = secp256k1.Signature.fromBytes(bytes.subarray(0, 64), "compact");
    if (parsed.hasHighS()) return undefined;
    return addressOfPublic(parsed.addRecoveryBit(recovery).recoverPublicKey(digest).toBytes(false));
  } catch {
    return undefined;
  }
}

function recoveryOf(v: number): number | undefined {
  const recovery = v >= 27 ? v - 27 : v;
  return recovery === 0 || recovery === 1 ? recovery : undefined;
}

export function signPersonal(message: Uint8Array, privateKey: Uint8Array): Hex {
  return signDigest(personalDigest(message), privateKey);
}

/** As strict as `recoverDigest`. */
export function recoverPersonal(message: Uint8Array, signature: string): Address | undefined {
  return recoverDigest(personalDigest(message), signature);
}

function assertDigest(digest: Uint8Array): void {
  if (digest.length !== DIGEST_BYTES) throw new AllowanceError("internal.invariant", { what: "digest" });
}

function assertPrivateKey(privateKey: Uint8Array): void {
  if (!secp256k1.utils.isValidSecretKey(privateKey)) throw new AllowanceError("internal.invariant", { what: "key" });
}
