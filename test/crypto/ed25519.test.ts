/** Ed25519 as Solana accounts use it: recorded messages, a recorded call to a node, and RFC 8032. */
import { describe, expect, it } from "vitest";
import { fromBase58, toBase58 } from "../../src/crypto/base58.ts";
import { fromHex, utf8 } from "../../src/crypto/bytes.ts";
import { verifyEd25519 } from "../../src/crypto/ed25519.ts";
import { messageVectors, readVector } from "./vectors.ts";

const SOLANA = messageVectors().filter(({ message }) => message.chain === "SOL");

describe("verifyEd25519", () => {
  it("finds both recorded messages", () => {
    expect(SOLANA.map(({ name }) => name)).toEqual(["instance-sol", "post-sol"]);
  });

  it.each(SOLANA)("accepts $name, whose key is its sender", ({ message, verification_buffer }) => {
    const pair = JSON.parse(message.signature) as { signature: string; publicKey: string };
    const signature = fromBase58(pair.signature) ?? new Uint8Array();
    const publicKey = fromBase58(pair.publicKey) ?? new Uint8Array();
    expect(toBase58(publicKey)).toBe(message.sender);
    expect(verifyEd25519(utf8(verification_buffer), signature, publicKey)).toBe(true);
    expect(verifyEd25519(utf8(`${verification_buffer} `), signature, publicKey)).toBe(false);
  });

  it("accepts the recorded call to a node, signed over the hexadecimal text", () => {
    type Call = { address: string; payload_hex: string; signature_hex: string };
    const call = readVector<{ styles: { solana_reference_only: Call } }>("crn-auth").styles.solana_reference_only;
    const publicKey = fromBase58(call.address) ?? new Uint8Array();
    expect(verifyEd25519(utf8(call.payload_hex), fromHex(call.signature_hex), publicKey)).toBe(true);
    expect(verifyEd25519(fromHex(call.payload_hex), fromHex(call.signature_hex), publicKey)).toBe(false);
  });

  it("refuses wrong lengths and bytes that are no point, and never throws", () => {
    const message = utf8("x");
    expect(verifyEd25519(message, new Uint8Array(63), new Uint8Array(32))).toBe(false);
    expect(verifyEd25519(message, new Uint8Array(64), new Uint8Array(31))).toBe(false);
    expect(verifyEd25519(message, new Uint8Array(64), new Uint8Array(32).fill(255))).toBe(false);
    expect(verifyEd25519(message, new Uint8Array(64).fill(255), new Uint8Array(32))).toBe(false);
  });

  it("refuses a key of small order, under which one signature would fit any text", () => {
    const neutral = Uint8Array.of(1, ...new Uint8Array(31));
    expect(verifyEd25519(utf8("anything"), Uint8Array.of(...neutral, ...new Uint8Array(32)), neutral)).toBe(false);
  });
});
