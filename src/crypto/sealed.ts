/**
 * Private keys at rest: sealed under a key-encryption key (KEK) and bound to the account, the address and the purpose,
 * so that a row copied elsewhere opens nothing. Asynchronous (WebCrypto); the IV comes from the random source.
 *
 * The limit, plainly: whoever can deploy the Worker can read the KEK, and JavaScript cannot promise to wipe memory. A
 * caller still does `fill(0)` on what `open` gave it as soon as it has signed.
 */
import { AllowanceError } from "../errors.ts";
import type { Random } from "../ports.ts";
import { IV_BYTES, decrypt, deriveAesKey, encrypt } from "./aead.ts";
import { utf8 } from "./bytes.ts";

/** 32 random bytes from the Worker's secrets. A version is never given to other bytes. */
export type Kek = { readonly version: number; readonly bytes: Uint8Array };

export type Sealed = { readonly kekVersion: number; readonly iv: Uint8Array; readonly ciphertext: Uint8Array };

type About = { readonly account: string; readonly address: string; readonly purpose: string };

/** Throws `internal.invariant` for a KEK that is not 32 bytes or a name that holds the separator `|`. */
export async function seal(plain: Uint8Array, kek: Kek, about: About, random: Random): Promise<Sealed> {
  if (!isUnambiguous(about)) throw new AllowanceError("internal.invariant", { what: "sealed about" });
  const iv = random.bytes(IV_BYTES);
  const ciphertext = await encrypt(plain, await accountKey(kek, about.account), iv, boundTo(about, kek.version));
  return { kekVersion: kek.version, iv, ciphertext };
}

/**
 * Never throws. `undefined`: no KEK of that version, other KEK bytes, another account, address or purpose, or damage.
 * During a rotation `keks` holds the current and the previous one, and rows of both open.
 */
export async function open(sealed: Sealed, keks: readonly Kek[], about: About): Promise<Uint8Array | undefined> {
  const kek = keks.find(({ version }) => version === sealed.kekVersion);
  if (kek === undefined || !isUnambiguous(about)) return undefined;
  try {
    const key = await accountKey(kek, about.account);
    return await decrypt(sealed.ciphertext, key, sealed.iv, boundTo(about, kek.version));
  } catch {
    return undefined;
  }
}

function accountKey(kek: Kek, account: string): Promise<CryptoKey> {
  return deriveAesKey(kek.bytes, utf8(String(kek.version)), utf8(`kek|${account}`));
}

function boundTo(about: About, kekVersion: number): Uint8Array {
  return utf8(`v1|${about.account}|${about.address}|${about.purpose}|${kekVersion}`);
}

function isUnambiguous(about: About): boolean {
  return [about.account, about.address, about.purpose].every((name) => !name.includes("|"));
}
