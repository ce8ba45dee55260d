/**
 * The real curve with a memory: who made a signature here is known without recovering the key from it again (3 ms each),
 * and an address is worked out once for each key. Every signature is a real one; a strange one is recovered as ever.
 */
import * as curve from "../../src/crypto/secp256k1.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import { toHex } from "../../src/crypto/bytes.ts";

export const { toChecksum, newPrivateKey, personalDigest } = curve;

const addresses = new Map<string, Address>();
const signers = new Map<string, Address>();

export function addressOf(privateKey: Uint8Array): Address {
  const name = toHex(privateKey);
  const known = addresses.get(name) ?? curve.addressOf(privateKey);
  addresses.set(name, known);
  return known;
}

export function signDigest(digest: Uint8Array, privateKey: Uint8Array): `0x${string}` {
  const signature = curve.signDigest(digest, privateKey);
  signers.set(`${toHex(digest)} ${signature}`, addressOf(privateKey));
  return signature;
}

export const recoverDigest = (digest: Uint8Array, signature: string): Address | undefined =>
  signers.get(`${toHex(digest)} ${signature}`) ?? curve.recoverDigest(digest, signature);

export const signPersonal = (message: Uint8Array, privateKey: Uint8Array): `0x${string}` =>
  signDigest(personalDigest(message), privateKey);

export const recoverPersonal = (message: Uint8Array, signature: string): Address | undefined =>
  recoverDigest(personalDigest(message), signature);
