/**
 * A machine's host key: whether it signed what it must have signed, and how it is written down for people and for
 * `known_hosts`. Pure but for WebCrypto, which works asynchronously.
 *
 * The key's own bytes come from a stranger; what is kept of them is base64, so no text of theirs goes further.
 */
import { concat, toBase64 } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { Fields, Malformed, withoutLeadingZeros } from "./wire.ts";

export const HOST_KEY_ALGORITHMS = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"] as const;
export type HostKeyAlgorithm = (typeof HOST_KEY_ALGORITHMS)[number];

export type HostKey = {
  /** As known_hosts names it: a key of `rsa-sha2-*` signatures is an `ssh-rsa` key. */
  readonly type: "ssh-ed25519" | "ecdsa-sha2-nistp256" | "ssh-rsa";
  /** The key blob of RFC 4253 §6.6, base64 with padding. */
  readonly base64: string;
  /** `SHA256:` and 43 characters, as `ssh-keygen -l` shows it. */
  readonly fingerprint: string;
};

const TYPE = {
  "ssh-ed25519": "ssh-ed25519",
  "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
  "rsa-sha2-512": "ssh-rsa",
  "rsa-sha2-256": "ssh-rsa",
} as const satisfies Record<HostKeyAlgorithm, HostKey["type"]>;

const RSA_BYTES_MIN = 256;
const P256_BYTES = 32;

/** Undefined when the signature does not hold for exactly this algorithm, key and hash. Throws `Malformed`. */
export async function signedBy(
  algorithm: HostKeyAlgorithm,
  blob: Uint8Array,
  signature: Uint8Array,
  hash: Uint8Array,
): Promise<HostKey | undefined> {
  const type = TYPE[algorithm];
  const key = new Fields(blob);
  if (key.text() !== type) throw new Malformed("another kind of key");
  const sealed = new Fields(signature);
  if (sealed.text() !== algorithm) throw new Malformed("another kind of signature");
  const signed = sealed.field();
  sealed.end();
  if (!(await VERIFY[algorithm](key, signed, hash))) return undefined;
  return { type, base64: toBase64(blob), fingerprint: `SHA256:${toBase64(sha256(blob)).replace(/=+$/, "")}` };
}

type Verify = (key: Fields, signature: Uint8Array, hash: Uint8Array) => Promise<boolean>;

const ed25519: Verify = async (key, signature, hash) => {
  const raw = key.field();
  key.end();
  if (raw.length !== 32 || signature.length !== 64) throw new Malformed("length");
  const imported = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, hash);
};

const p256: Verify = async (key, signature, hash) => {
  if (key.text() !== "nistp256") throw new Malformed("curve");
  const point = key.field();
  key.end();
  const parts = new Fields(signature);
  const raw = concat(scalar(parts.field()), scalar(parts.field()));
  parts.end();
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const imported = await crypto.subtle.importKey("raw", point, curve, false, ["verify"]);
  const how = { name: "ECDSA", hash: "SHA-256" };
  return crypto.subtle.verify(how, imported, raw, hash);
};

/** An mpint as the 32 bytes that WebCrypto wants. */
function scalar(mpintBytes: Uint8Array): Uint8Array {
  const digits = withoutLeadingZeros(mpintBytes);
  if (digits.length > P256_BYTES) throw new Malformed("scalar");
  return concat(new Uint8Array(P256_BYTES - digits.length), digits);
}

const rsa =
  (hashName: "SHA-256" | "SHA-512"): Verify =>
  async (key, signature, hash) => {
    const e = withoutLeadingZeros(key.field());
    const n = withoutLeadingZeros(key.field());
    key.end();
    if (n.length < RSA_BYTES_MIN || e.length === 0) throw new Malformed("a key that short proves nothing");
    const jwk = { kty: "RSA", n: base64Url(n), e: base64Url(e) };
    const how = { name: "RSASSA-PKCS1-v1_5", hash: hashName };
    const imported = await crypto.subtle.importKey("jwk", jwk, how, false, ["verify"]);
    return crypto.subtle.verify(how.name, imported, signature, hash);
  };

const base64Url = (bytes: Uint8Array): string =>
  toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const VERIFY: Record<HostKeyAlgorithm, Verify> = {
  "ssh-ed25519": ed25519,
  "ecdsa-sha2-nistp256": p256,
  "rsa-sha2-512": rsa("SHA-512"),
  "rsa-sha2-256": rsa("SHA-256"),
};

/** One line of `known_hosts`; other ports than 22 stand in brackets (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export function knownHostsLine(host: string, port: number, key: Pick<HostKey, "type" | "base64">): string {
  return `${port === 22 ? host : `[${host}]:${port}`} ${key.type} ${key.base64}`;
}
