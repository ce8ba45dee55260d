/** The key scan against the twin's own server, which shares no code with it, and against peers that break the rules. */
import { createSign, generateKeyPairSync, type KeyObject, sign as signWith } from "node:crypto";
import { x25519 } from "@noble/curves/ed25519.js";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hostKeyOf, serveSsh, type Wire } from "../../devnet/crn/ssh-server.ts";
import { concat, toBase64, utf8 } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { keyscan } from "../../src/ssh/keyscan.ts";
import { bytesField, Fields, mpint, nameList, textField, u32 } from "../../src/ssh/wire.ts";
import { dialling } from "./pipe.ts";

const HASH = "ab".repeat(32);
let drawn = 0;
const random = { bytes: (length: number) => new Uint8Array(length).fill(++drawn) };
const scan = (serve: (wire: Wire) => unknown) =>
  keyscan({ dial: dialling(serve).dial, random }, "203.0.113.10", 24_000);

describe("keyscan", () => {
  it("reads the key of the twin's machine, checks its signature, and hangs up", async () => {
    const { seed, publicKey } = hostKeyOf(HASH);
    const line = dialling((wire) => serveSsh(wire, seed));
    const found = await keyscan({ dial: line.dial, random }, "203.0.113.10", 24_000);
    const blob = concat(textField("ssh-ed25519"), bytesField(publicKey));
    const fingerprint = `SHA256:${toBase64(sha256(blob)).replace(/=+$/, "")}`;
    expect(found).toEqual({ ok: true, key: { type: "ssh-ed25519", base64: toBase64(blob), fingerprint } });
    expect(line.closed()).toBe(true);
  });

  it("holds through a hundred exchanges, whatever the leading zeros of the secret", async () => {
    for (let round = 0; round < 100; round++) {
      const { seed } = hostKeyOf(`${round}`);
      expect((await scan((wire) => serveSsh(wire, seed))).ok, `round ${round}`).toBe(true);
    }
  });

  it.each(["rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256"] as const)("takes a key of %s", async (algorithm) => {
    const server = otherKey(algorithm);
    const found = await scan((wire) => serve(wire, server));
    expect(found).toMatchObject({ ok: true, key: { base64: toBase64(server.blob) } });
  });

  it("refuses a signature that is not the host key's", async () => {
    const server = otherKey("ecdsa-sha2-nistp256");
    const forged = { ...server, sign: (hash: Uint8Array) => server.sign(sha256(hash)) };
    expect(await scan((wire) => serve(wire, forged))).toEqual({ ok: false, fault: "bad_signature", phase: "exchange" });
  });

  it("takes no RSA key below 2,048 bits", async () => {
    const server = otherKey("rsa-sha2-256", 1_024);
    expect(await scan((wire) => serve(wire, server))).toEqual({ ok: false, fault: "protocol", phase: "exchange" });
  });

  it("finds no common ground with a server of other algorithms", async () => {
    const server = { ...otherKey("rsa-sha2-256"), offers: "ssh-dss" };
    const found = await scan((wire) => serve(wire, server));
    expect(found).toEqual({ ok: false, fault: "no_common_algorithm", phase: "exchange" });
  });

  it("accepts nothing before or between the messages of the exchange", async () => {
    const server = { ...otherKey("rsa-sha2-256"), before: Uint8Array.of(2, 0, 0, 0, 0) };
    expect(await scan((wire) => serve(wire, server))).toEqual({ ok: false, fault: "protocol", phase: "exchange" });
  });

  it("takes a point of small order for an attack", async () => {
    const server = { ...otherKey("ecdsa-sha2-nistp256"), publicKey: new Uint8Array(32) };
    expect(await scan((wire) => serve(wire, server))).toMatchObject({ ok: false, fault: "protocol" });
  });
});

describe("a peer that is no SSH server", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  const says = (text: string) => async (wire: Wire) => {
    const writer = wire.writable.getWriter();
    await writer.write(utf8(text));
    await writer.close();
  };
  const pumps = (chunk: string) => async (wire: Wire) => {
    const writer = wire.writable.getWriter();
    for (let sent = 0; sent < 10_000; sent++) await writer.write(utf8(chunk));
  };

  it.each([
    ["speaks HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), "closed"],
    ["speaks an older protocol", says("SSH-1.5-old\r\n"), "not_ssh"],
    ["sends lines without end", pumps("hello\r\n"), "not_ssh"],
    ["sends one line without end", pumps("x".repeat(500)), "not_ssh"],
  ] as const)("and %s is told from one, within bounds", async (_name, serve, fault) => {
    expect(await scan(serve)).toEqual({ ok: false, fault, phase: "greeting" });
  });

  it("and announces a packet of a gigabyte is not waited for", async () => {
    const found = await scan(says("SSH-2.0-x\r\n\x3f\x00\x00\x00"));
    expect(found).toEqual({ ok: false, fault: "protocol", phase: "exchange" });
  });

  it.each([
    ["never answers", () => undefined, "greeting"],
    [
      "falls silent after its greeting",
      (wire: Wire) => wire.writable.getWriter().write(utf8("SSH-2.0-x\r\n")),
      "exchange",
    ],
  ] as const)("and %s is left after eight seconds", async (_name, serve, phase) => {
    const scanned = scan(serve);
    await vi.advanceTimersByTimeAsync(7_999);
    let done = false;
    void scanned.then(() => (done = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(done).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await scanned).toEqual({ ok: false, fault: "timeout", phase });
  });

  it("and cannot be reached is refused, whether dialling throws or opening fails", async () => {
    const refused = { ok: false, fault: "refused", phase: "connect" };
    const { dial } = dialling(() => undefined);
    const closed = (host: string, port: number) => ({ ...dial(host, port), opened: Promise.reject(new Error("no")) });
    expect(await keyscan({ dial: closed, random }, "203.0.113.10", 22)).toEqual(refused);
    const throws = (): never => {
      throw new TypeError("bad address");
    };
    expect(await keyscan({ dial: throws, random }, "203.0.113.10", 22)).toEqual(refused);
  });
});

type Server = {
  readonly algorithm: string;
  readonly offers: string;
  readonly blob: Uint8Array;
  readonly sign: (hash: Uint8Array) => Uint8Array;
  readonly before?: Uint8Array;
  readonly publicKey?: Uint8Array;
};

/** Keys and signatures by Node's own cryptography. */
function otherKey(algorithm: "rsa-sha2-512" | "rsa-sha2-256" | "ecdsa-sha2-nistp256", rsaBits = 2_048): Server {
  const wrapped = (signature: Uint8Array): Uint8Array => concat(textField(algorithm), bytesField(signature));
  if (algorithm === "ecdsa-sha2-nistp256") {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = publicKey.export({ format: "jwk" });
    const point = concat(Uint8Array.of(4), raw(jwk.x), raw(jwk.y));
    const blob = concat(textField(algorithm), textField("nistp256"), bytesField(point));
    const sign = (hash: Uint8Array): Uint8Array => {
      const rs = signWith("sha256", hash, { key: privateKey, dsaEncoding: "ieee-p1363" });
      return wrapped(concat(mpint(rs.subarray(0, 32)), mpint(rs.subarray(32))));
    };
    return { algorithm, offers: algorithm, blob, sign };
  }
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: rsaBits });
  const jwk = publicKey.export({ format: "jwk" });
  const blob = concat(textField("ssh-rsa"), mpint(raw(jwk.e)), mpint(raw(jwk.n)));
  return { algorithm, offers: algorithm, blob, sign: (hash) => wrapped(rsaSign(algorithm, privateKey, hash)) };
}

const raw = (base64url: string | undefined): Uint8Array => new Uint8Array(Buffer.from(base64url ?? "", "base64url"));
const rsaSign = (algorithm: string, key: KeyObject, hash: Uint8Array): Uint8Array =>
  createSign(algorithm === "rsa-sha2-512" ? "sha512" : "sha256")
    .update(hash)
    .sign(key);

/** A server of one exchange, for keys and misdeeds that the twin's has not. */
async function serve(wire: Wire, server: Server): Promise<void> {
  const writer = wire.writable.getWriter();
  const send = (payload: Uint8Array): Promise<void> => {
    const padding = 12 - ((payload.length + 9) % 8);
    return writer.write(
      concat(u32(payload.length + padding + 1), Uint8Array.of(padding), payload, new Uint8Array(padding)),
    );
  };
  const input = wire.readable.getReader();
  let held = new Uint8Array(0);
  const packet = async (): Promise<Uint8Array> => {
    while (held.length < 4 || held.length < 4 + new Fields(held).number())
      held = concat(held, (await input.read()).value ?? new Uint8Array(0)) as Uint8Array<ArrayBuffer>;
    const length = new Fields(held).number();
    const payload = held.slice(5, 4 + length - (held[4] as number));
    held = held.slice(4 + length);
    return payload;
  };
  await writer.write(utf8("welcome\r\nSSH-2.0-other\r\n"));
  held = (await input.read()).value as Uint8Array<ArrayBuffer>;
  const line = held.indexOf(10) + 1;
  const theirVersion = new TextDecoder().decode(held.slice(0, line)).trimEnd();
  held = held.slice(line);
  if (server.before !== undefined) await send(server.before);
  const lists = [["curve25519-sha256"], [server.offers], ...Array<string[]>(6).fill(["none"]), [], []];
  const init = concat(Uint8Array.of(20), new Uint8Array(16), ...lists.map(nameList), new Uint8Array(5));
  await send(init);
  const theirInit = await packet();
  const theirPublic = (await packet()).slice(5);
  const secretKey = new Uint8Array(32).fill(7);
  const publicKey = server.publicKey ?? x25519.getPublicKey(secretKey);
  const hashed = [utf8(theirVersion), utf8("SSH-2.0-other"), theirInit, init, server.blob, theirPublic, publicKey];
  const hash = sha256(concat(...hashed.map(bytesField), mpint(x25519.getSharedSecret(secretKey, theirPublic))));
  await send(concat(Uint8Array.of(31), bytesField(server.blob), bytesField(publicKey), bytesField(server.sign(hash))));
}
