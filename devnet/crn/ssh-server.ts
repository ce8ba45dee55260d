/**
 * What answers on port 22 of a machine: an SSH server up to the end of the key exchange (RFC 4253, RFC 8731), after which it
 * hangs up. Written from the protocol alone and sharing nothing with the service's client, so that a mistake on one side
 * is not forgiven by the other. The host key comes from the machine's hash: the same machine, the same key.
 */
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "../../src/crypto/hash.ts";
import { concat, utf8 } from "../../src/crypto/bytes.ts";

const GREETING = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10";
const MSG_DISCONNECT = 1;
const MSG_KEXINIT = 20;
const MSG_ECDH_INIT = 30;
const MSG_ECDH_REPLY = 31;
/** What a stock Debian 12 offers, shortened to what it can be asked for here. */
const OFFER = [
  "curve25519-sha256,curve25519-sha256@libssh.org,kex-strict-s-v00@openssh.com",
  "ssh-ed25519",
  ...Array<string>(2).fill("chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com"),
  ...Array<string>(2).fill("umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com"),
  ...Array<string>(2).fill("none,zlib@openssh.com"),
  "",
  "",
];

export type Wire = { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };

/** The raw 32-byte public host key of the machine with this item hash; `generation` changes it, as a reinstall does. */
export function hostKeyOf(hash: string, generation = 0): { readonly seed: Uint8Array; readonly publicKey: Uint8Array } {
  const seed = sha256(utf8(`twin host key|${hash}|${generation}`));
  return { seed, publicKey: ed25519.getPublicKey(seed) };
}

/** Serves one connection to its end; a client that breaks the protocol is hung up on. */
export async function serveSsh(wire: Wire, seed: Uint8Array): Promise<void> {
  const writer = wire.writable.getWriter();
  const input = new Input(wire.readable.getReader());
  try {
    await writer.write(utf8(`${GREETING}\r\n`));
    const theirGreeting = await input.line();
    const offer = concat(
      Uint8Array.of(MSG_KEXINIT),
      sha256(seed).subarray(0, 16),
      ...OFFER.map((one) => string(utf8(one))),
      new Uint8Array(5),
    );
    await writer.write(framed(offer));
    const theirOffer = await input.packet(MSG_KEXINIT);
    if (!canTalk(theirOffer)) await writer.write(framed(disconnect()));
    else
      await writer.write(framed(answer(seed, { theirGreeting, theirOffer, offer }, await input.packet(MSG_ECDH_INIT))));
    await input.ended();
  } catch {
    // the client went away or is no SSH client; either way the connection is over
  } finally {
    await writer.close().catch(() => undefined);
  }
}

function canTalk(theirOffer: Uint8Array): boolean {
  const kexLength = new DataView(theirOffer.buffer, theirOffer.byteOffset + 17, 4).getUint32(0);
  const kex = new TextDecoder().decode(theirOffer.subarray(21, 21 + kexLength)).split(",");
  return kex.some((one) => one.startsWith("curve25519-sha256"));
}

type Greeted = { readonly theirGreeting: string; readonly theirOffer: Uint8Array; readonly offer: Uint8Array };

function answer(seed: Uint8Array, greeted: Greeted, init: Uint8Array): Uint8Array {
  const clientPublic = init.subarray(5, 37);
  const secretKey = sha256(concat(seed, clientPublic));
  const serverPublic = x25519.getPublicKey(secretKey);
  const hostKey = concat(string(utf8("ssh-ed25519")), string(ed25519.getPublicKey(seed)));
  const hash = sha256(
    concat(
      ...[utf8(greeted.theirGreeting), utf8(GREETING), greeted.theirOffer, greeted.offer].map(string),
      ...[hostKey, clientPublic, serverPublic].map(string),
      string(positive(x25519.getSharedSecret(secretKey, clientPublic))),
    ),
  );
  const signature = concat(string(utf8("ssh-ed25519")), string(ed25519.sign(hash, seed)));
  return concat(Uint8Array.of(MSG_ECDH_REPLY), string(hostKey), string(serverPublic), string(signature));
}

const disconnect = (): Uint8Array =>
  concat(
    Uint8Array.of(MSG_DISCONNECT),
    new Uint8Array(3),
    Uint8Array.of(3),
    string(utf8("no match")),
    string(new Uint8Array(0)),
  );

function string(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concat(length, bytes);
}

/** Two's complement of a non-negative number: without superfluous zeros, with one where the first bit is set. */
function positive(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  const digits = from < 0 ? new Uint8Array(0) : bytes.subarray(from);
  return (digits[0] ?? 0) > 127 ? concat(Uint8Array.of(0), digits) : digits;
}

function framed(payload: Uint8Array): Uint8Array {
  let padding = 8 - ((payload.length + 5) % 8);
  if (padding < 4) padding += 8;
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(0, payload.length + padding + 1);
  head[4] = padding;
  return concat(head, payload, new Uint8Array(padding));
}

/** The client's bytes, cut into its greeting and its packets. */
class Input {
  #held: Uint8Array = new Uint8Array(0);
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
  }

  async #until(ready: () => boolean): Promise<void> {
    while (!ready()) {
      if (this.#held.length > 70_000) throw new Error("too much");
      const { done, value } = await this.#reader.read();
      if (done) throw new Error("ended");
      this.#held = concat(this.#held, value);
    }
  }

  #cut(bytes: number): Uint8Array {
    const part = this.#held.slice(0, bytes);
    this.#held = this.#held.slice(bytes);
    return part;
  }

  async line(): Promise<string> {
    await this.#until(() => this.#held.includes(10));
    return new TextDecoder().decode(this.#cut(this.#held.indexOf(10) + 1)).trimEnd();
  }

  async packet(kind: number): Promise<Uint8Array> {
    await this.#until(() => this.#held.length >= 4);
    const length = new DataView(this.#held.buffer, this.#held.byteOffset, 4).getUint32(0);
    await this.#until(() => this.#held.length >= 4 + length);
    const whole = this.#cut(4 + length);
    const payload = whole.slice(5, 4 + length - (whole[4] ?? 0));
    if (payload[0] !== kind) throw new Error("another packet");
    return payload;
  }

  /** The client has what it came for and hangs up; a few stray packets are read away. */
  async ended(): Promise<void> {
    for (let packets = 0; packets < 8; packets++) if ((await this.#reader.read()).done) return;
  }
}
