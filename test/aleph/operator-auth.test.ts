import { describe, expect, test } from "vitest";
import { erasePath, makeOperatorKey, operatorHeaders } from "../../src/aleph/operator-auth.ts";
import { fromHex, toHex, utf8 } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { verifyP256 } from "../../src/crypto/p256.ts";
import { personalDigest } from "../../src/crypto/secp256k1.ts";
import vectors from "../vectors/crn-auth.json";
import { OWNER, OWNER_KEY } from "./fakes.ts";

const { inputs, jwk_public } = vectors;
const { recommended } = vectors.styles;
const nowMs = Date.parse(inputs.now);
const ask = {
  walletKey: OWNER_KEY,
  address: OWNER,
  domain: inputs.domain,
  nowMs,
  p256Key: fromHex(inputs.p256_private_scalar),
};

function payloadOf(header: string | undefined): string {
  const { payload } = JSON.parse(header ?? "") as { payload: string };
  return payload;
}

describe("makeOperatorKey", () => {
  const key = makeOperatorKey({ ...ask, lifetimeS: 86_400 });

  test("the header is the recorded one byte for byte", () => {
    expect(key.signedPubKeyHeader).toBe(recommended["X-SignedPubKey"]);
    const payload = fromHex(payloadOf(key.signedPubKeyHeader));
    expect(payload).toEqual(utf8(recommended.signed_pubkey.payload_json));
    expect(`0x${toHex(personalDigest(payload))}`).toBe(recommended.signed_pubkey.eip191_digest);
  });

  test("it lives for an hour unless told otherwise", () => {
    expect(makeOperatorKey(ask).expiresAtMs).toBe(nowMs + 3_600_000);
    expect(key.expiresAtMs).toBe(Date.parse(inputs.expires));
  });
});

describe("operatorHeaders", () => {
  const key = makeOperatorKey({ ...ask, lifetimeS: 86_400 });
  const operations = Object.entries(recommended.operations);

  test("there are operations to compare", () => expect(operations.length).toBeGreaterThanOrEqual(8));

  test.each(operations)("%s: payload, hash and signature are the recorded ones", (_name, operation) => {
    const signed = JSON.parse(operation.payload_json) as { method: "POST" | "GET"; path: string };
    const headers = operatorHeaders(key, { ...ask, method: signed.method, path: signed.path });
    const payload = fromHex(payloadOf(headers["X-SignedOperation"]));
    expect(payload).toEqual(utf8(operation.payload_json));
    expect(toHex(sha256(payload))).toBe(operation.sha256);
    expect(headers["X-SignedOperation"]).toBe(operation["X-SignedOperation"]);
    expect(headers["X-SignedPubKey"]).toBe(recommended["X-SignedPubKey"]);
    expect(verifyP256(payload, fromHex(operation.signature_raw_rs_hex), jwk_public)).toBe(true);
  });
});

describe("erasePath", () => {
  test("is the path that the recorded erase signs", () => {
    const { path } = JSON.parse(recommended.operations.erase.payload_json) as { path: string };
    expect(erasePath(inputs.vm_hash)).toBe(path);
  });
});
