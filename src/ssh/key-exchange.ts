/**
 * The key exchange as far as a scan needs it (RFC 4253 §7, RFC 8731): what we offer, what is agreed, and the hash that the
 * host key has to sign. Pure; only X25519 is WebCrypto's and so asynchronous.
 */
import { concat } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { HOST_KEY_ALGORITHMS, type HostKeyAlgorithm } from "./host-key.ts";
import { bytesField, Fields, Malformed, mpint, nameList, textField, u32 } from "./wire.ts";

export const KEXINIT = 20;
export const ECDH_INIT = 30;
export const ECDH_REPLY = 31;

const KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org"];
/** Nothing is ever encrypted: we hang up before. But without a common cipher a server ends the exchange itself. */
const CIPHERS = [
  "aes256-gcm@openssh.com",
  "aes128-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes256-ctr",
  "aes128-ctr",
];
const MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"];
const COOKIE_BYTES = 16;

/** Our KEXINIT; `cookie` is 16 random bytes. */
export function ourKexInit(cookie: Uint8Array): Uint8Array {
  // the mark of strict key exchange (CVE-2023-48795): nothing but its messages, in their order, is accepted until its end
  const kex = [...KEX, "kex-strict-c-v00@openssh.com"];
  const lists = [kex, HOST_KEY_ALGORITHMS, CIPHERS, CIPHERS, MACS, MACS, ["none"], ["none"], [], []];
  return concat(Uint8Array.of(KEXINIT), cookie, ...lists.map((names) => nameList(names)), Uint8Array.of(0), u32(0));
}

export type Agreed = {
  readonly algorithm: HostKeyAlgorithm;
  /** The server sent a guess that was wrong: its next packet is to be ignored. */
  readonly skipNext: boolean;
};

/** Undefined when there is no common ground. Throws `Malformed`. */
export function agreed(theirKexInit: Uint8Array): Agreed | undefined {
  const fields = new Fields(theirKexInit);
  if (fields.byte() !== KEXINIT) throw new Malformed("not a KEXINIT");
  fields.take(COOKIE_BYTES);
  const [kex, hostKeys] = [fields.names(), fields.names()];
  for (let list = 0; list < 8; list++) fields.names();
  const follows = fields.byte() !== 0;
  fields.number();
  fields.end();
  const algorithm = HOST_KEY_ALGORITHMS.find((name) => hostKeys.includes(name));
  const exchange = KEX.find((name) => kex.includes(name));
  if (algorithm === undefined || exchange === undefined) return undefined;
  const guessedRight = kex[0] === KEX[0] && hostKeys[0] === HOST_KEY_ALGORITHMS[0];
  return { algorithm, skipNext: follows && !guessedRight };
}

export type Reply = { readonly hostKey: Uint8Array; readonly theirPublic: Uint8Array; readonly signature: Uint8Array };

export function parseReply(packet: Uint8Array): Reply {
  const fields = new Fields(packet);
  if (fields.byte() !== ECDH_REPLY) throw new Malformed("not the reply");
  const reply = { hostKey: fields.field(), theirPublic: fields.field(), signature: fields.field() };
  fields.end();
  if (reply.theirPublic.length !== 32) throw new Malformed("not an X25519 key");
  return reply;
}

/** The exchange hash of RFC 8731 §3: the versions, both KEXINITs, the host key, both public keys, the secret. */
export function exchangeHash(parts: {
  readonly ourVersion: string;
  readonly theirVersion: string;
  readonly ourKexInit: Uint8Array;
  readonly theirKexInit: Uint8Array;
  readonly hostKey: Uint8Array;
  readonly ourPublic: Uint8Array;
  readonly theirPublic: Uint8Array;
  readonly secret: Uint8Array;
}): Uint8Array {
  const versions = [textField(parts.ourVersion), textField(parts.theirVersion)];
  const public_ = [parts.hostKey, parts.ourPublic, parts.theirPublic];
  const fields = [parts.ourKexInit, parts.theirKexInit, ...public_].map((part) => bytesField(part));
  return sha256(concat(...versions, ...fields, mpint(parts.secret)));
}

/** PKCS#8 of an X25519 key is these sixteen bytes and the key (RFC 8410): so our own random source makes it. */
const PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);
const BASE_POINT = Uint8Array.of(9, ...new Uint8Array(31));

export type Ephemeral = {
  readonly ourPublic: Uint8Array;
  /** Undefined for a public key of small order: the secret would be known to everybody. */
  readonly secretWith: (theirPublic: Uint8Array) => Promise<Uint8Array | undefined>;
};

/** `seed` is 32 random bytes, used once. */
export async function ephemeral(seed: Uint8Array): Promise<Ephemeral> {
  const key = await crypto.subtle.importKey("pkcs8", concat(PKCS8, seed), "X25519", false, ["deriveBits"]);
  const times = async (point: Uint8Array): Promise<Uint8Array> => {
    const their = await crypto.subtle.importKey("raw", point, "X25519", true, []);
    // the runtime reads `public`, as the standard says; its generated types call it `$public`
    const how = { name: "X25519", public: their } as unknown as SubtleCryptoDeriveKeyAlgorithm;
    return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
  };
  return {
    ourPublic: await times(BASE_POINT),
    async secretWith(theirPublic) {
      const secret = await times(theirPublic).catch(() => undefined);
      return secret === undefined || secret.every((byte) => byte === 0) ? undefined : secret;
    },
  };
}
