/**
 * Stand-ins for the curves and hashes in simulated histories: same functions, a thousand times cheaper. SHA-256 is the
 * real one (Node's own), so item hashes are those of the real code; a signature names its digest and its signer.
 */
import { createHash, createHmac } from "node:crypto";

type Bytes = Uint8Array;
const hex = (bytes: Bytes): string => Buffer.from(bytes).toString("hex");

export const sha256 = (bytes: Bytes): Bytes => new Uint8Array(createHash("sha256").update(bytes).digest());
export const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");
export const keccak256 = sha256;
export const hmacSha256 = (key: Bytes, message: Bytes): Bytes =>
  new Uint8Array(createHmac("sha256", key).update(message).digest());

const addresses = new Map<string, `0x${string}`>();
export function addressOf(privateKey: Bytes): `0x${string}` {
  const name = hex(privateKey);
  const known = addresses.get(name) ?? (`0x${sha256Hex(name).slice(0, 40)}` as const);
  addresses.set(name, known);
  return known;
}
export const toChecksum = (address: string): string => address;
export const newPrivateKey = (random: { bytes: (length: number) => Bytes }): Bytes => random.bytes(32);
export const personalDigest = (message: Bytes): Bytes => sha256(message);
export const signDigest = (digest: Bytes, privateKey: Bytes): `0x${string}` =>
  `0x${hex(digest)}${addressOf(privateKey).slice(2)}${"0".repeat(24)}1b`;
export function recoverDigest(digest: Bytes, signature: string): `0x${string}` | undefined {
  return signature.slice(2, 66) === hex(digest) ? `0x${signature.slice(66, 106)}` : undefined;
}
export const signPersonal = (message: Bytes, privateKey: Bytes): `0x${string}` =>
  signDigest(personalDigest(message), privateKey);
export const recoverPersonal = (message: Bytes, signature: string): `0x${string}` | undefined =>
  recoverDigest(personalDigest(message), signature);

export const newP256Key = (random: { bytes: (length: number) => Bytes }): Bytes => random.bytes(32);
export const p256Jwk = (): object => ({ kty: "EC", crv: "P-256", x: "x", y: "y" });
export const signP256 = (message: Bytes): Bytes => sha256(message);
export const verifyP256 = (): boolean => true;
