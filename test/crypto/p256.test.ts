/** ES256 against the recorded calls to a node and against WebCrypto. */
import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../../src/crypto/bytes.ts";
import { newP256Key, p256Jwk, signP256, verifyP256 } from "../../src/crypto/p256.ts";
import { readVector, repeatable } from "./vectors.ts";

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

type Operation = {
  readonly payload_json: string;
  readonly signature_raw_rs_hex?: string;
  readonly signature_raw_hex?: string;
};
type Style = { readonly operations?: Readonly<Record<string, Operation>> };
type Auth = {
  readonly inputs: { readonly p256_private_scalar: string };
  readonly jwk_public: { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string };
  readonly styles: Readonly<Record<string, Style>>;
};

const auth = readVector<Auth>("crn-auth");
const KEY = fromHex(auth.inputs.p256_private_scalar);

type Call = { readonly name: string; readonly payload: Uint8Array; readonly operation: Operation };

const calls: readonly Call[] = Object.entries(auth.styles).flatMap(([style, { operations = {} }]) =>
  Object.entries(operations).map(([name, operation]) => {
    return { name: `${style} ${name}`, payload: utf8(operation.payload_json), operation };
  }),
);
const ours = calls.filter(({ operation }) => operation.signature_raw_rs_hex !== undefined);

describe("p256Jwk", () => {
  it("is the recorded public key, in the recorded order of its members", () => {
    expect(p256Jwk(KEY)).toEqual(auth.jwk_public);
    expect(Object.keys(p256Jwk(KEY))).toEqual(["kty", "crv", "x", "y"]);
  });
});

describe("newP256Key", () => {
  it("comes from the random source alone", () => {
    expect(newP256Key(repeatable(3))).toEqual(newP256Key(repeatable(3)));
    expect(newP256Key(repeatable(3))).not.toEqual(newP256Key(repeatable(4)));
    expect(newP256Key(repeatable(3))).toHaveLength(32);
  });
});

describe("signP256", () => {
  it("finds all recorded calls", () => {
    expect(calls).toHaveLength(13);
    expect(ours).toHaveLength(10);
  });

  it.each(ours)("makes the recorded bytes of $name, high s or not", ({ payload, operation }) => {
    expect(toHex(signP256(payload, KEY))).toBe(operation.signature_raw_rs_hex);
  });

  it("is accepted by WebCrypto", async () => {
    const jwk = p256Jwk(KEY);
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("jwk", { ...jwk }, algorithm, false, ["verify"]);
    const message = new Uint8Array(utf8("stop"));
    const signature = new Uint8Array(signP256(message, KEY));
    expect(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, message)).toBe(true);
  });
});

describe("verifyP256", () => {
  it.each(calls)("accepts $name", ({ payload, operation }) => {
    const signature = fromHex(operation.signature_raw_rs_hex ?? operation.signature_raw_hex ?? "");
    expect(verifyP256(payload, signature, auth.jwk_public)).toBe(true);
    expect(verifyP256(utf8("another"), signature, auth.jwk_public)).toBe(false);
  });

  it("accepts both the low and the high s of one signature", () => {
    const message = utf8("both");
    const raw = signP256(message, KEY);
    const s = BigInt(`0x${toHex(raw.subarray(32))}`);
    const other = fromHex(toHex(raw.subarray(0, 32)) + (ORDER - s).toString(16).padStart(64, "0"));
    expect(verifyP256(message, raw, auth.jwk_public)).toBe(true);
    expect(verifyP256(message, other, auth.jwk_public)).toBe(true);
  });

  it("refuses other lengths, other keys, bad points and zeros, and never throws", () => {
    const message = utf8("x");
    const raw = signP256(message, KEY);
    const { x, y } = auth.jwk_public;
    expect(verifyP256(message, raw.subarray(0, 63), { x, y })).toBe(false);
    expect(verifyP256(message, Uint8Array.of(...raw, 0), { x, y })).toBe(false);
    expect(verifyP256(message, new Uint8Array(64), { x, y })).toBe(false);
    expect(verifyP256(message, raw, p256Jwk(newP256Key(repeatable(9))))).toBe(false);
    for (const bad of [
      { x, y: x },
      { x: "", y: "" },
      { x: `${x}=`, y },
      { x: x.slice(2), y },
      { x: "!", y },
    ]) {
      expect(verifyP256(message, raw, bad)).toBe(false);
    }
  });
});
