/**
 * AES-256-GCM under keys derived by HKDF-SHA-256: the one place that encrypts. WebCrypto, hence asynchronous, and never
 * inside a storage transaction. Derived keys cannot be exported, not even by us.
 */
import { AllowanceError } from "../errors.ts";

/** What WebCrypto's types ask for; bytes that several threads share do not exist in a Worker. */
type Unshared = Uint8Array<ArrayBuffer>;

export const IV_BYTES = 12;
const SECRET_BYTES = 32;
const AES_BITS = 256;

/** Different salts or infos give unrelated keys. Throws `internal.invariant` unless the secret has 32 bytes. */
export async function deriveAesKey(secret: Uint8Array, salt: Uint8Array, info: Uint8Array): Promise<CryptoKey> {
  if (secret.length !== SECRET_BYTES) throw new AllowanceError("internal.invariant", { what: "secret" });
  const base = await crypto.subtle.importKey("raw", secret as Unshared, "HKDF", false, ["deriveKey"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: salt as Unshared, info: info as Unshared };
  return crypto.subtle.deriveKey(hkdf, base, { name: "AES-GCM", length: AES_BITS }, false, ["encrypt", "decrypt"]);
}

/** The 16-byte tag is the end of the answer. An IV must never serve twice under one key: 12 fresh random bytes. */
export async function encrypt(
  plain: Uint8Array,
  key: CryptoKey,
  iv: Uint8Array,
  additionalData: Uint8Array,
): Promise<Uint8Array> {
  if (iv.length !== IV_BYTES) throw new AllowanceError("internal.invariant", { what: "iv" });
  return new Uint8Array(await crypto.subtle.encrypt(gcm(iv, additionalData), key, plain as Unshared));
}

/** `undefined` if a single bit of ciphertext, tag, IV or additional data differs, or the key is another one. */
export async function decrypt(
  ciphertext: Uint8Array,
  key: CryptoKey,
  iv: Uint8Array,
  additionalData: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (iv.length !== IV_BYTES) return undefined;
  try {
    return new Uint8Array(await crypto.subtle.decrypt(gcm(iv, additionalData), key, ciphertext as Unshared));
  } catch {
    return undefined;
  }
}

function gcm(iv: Uint8Array, additionalData: Uint8Array): { name: "AES-GCM"; iv: Unshared; additionalData: Unshared } {
  return { name: "AES-GCM", iv: iv as Unshared, additionalData: additionalData as Unshared };
}
