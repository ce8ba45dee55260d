/** Hashes against Node's, against published values and against the recorded messages. */
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "../../src/crypto/bytes.ts";
import { hmacSha256, keccak256, sha256, sha256Hex } from "../../src/crypto/hash.ts";
import { messageVectors, readVector } from "./vectors.ts";

const bytes = fc.uint8Array({ maxLength: 200 });

describe("sha256", () => {
  it("is Node's", () => {
    const nodes = (some: Uint8Array): string => createHash("sha256").update(some).digest("hex");
    fc.assert(
      fc.property(bytes, (some) => {
        expect(toHex(sha256(some))).toBe(nodes(some));
      }),
    );
  });
});

describe("sha256Hex", () => {
  it.each(messageVectors())(
    "of the content of $name is its item hash",
    ({ message, item_content_utf8_bytes, content }) => {
      expect(utf8(message.item_content)).toHaveLength(item_content_utf8_bytes);
      expect(sha256Hex(message.item_content)).toBe(message.item_hash);
      expect(JSON.parse(message.item_content)).toEqual(content);
    },
  );

  it("of the recorded operations of a node is theirs", () => {
    type Auth = { styles: { recommended: { operations: Record<string, { payload_json: string; sha256: string }> } } };
    const operations = Object.values(readVector<Auth>("crn-auth").styles.recommended.operations);
    expect(operations).toHaveLength(8);
    for (const operation of operations) expect(sha256Hex(operation.payload_json)).toBe(operation.sha256);
  });
});

describe("keccak256", () => {
  it("is Ethereum's, not SHA3-256", () => {
    const empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    expect(toHex(keccak256(new Uint8Array()))).toBe(empty);
  });

  it("makes the nonce of a recorded payment from the id of its intent", () => {
    type Payment = { typedData: { message: { nonce: string } } };
    const { nonce } = readVector<Payment>("credits-x402").typedData.message;
    expect(`0x${toHex(keccak256(utf8("allowance:x402:topup_01J0EXAMPLE")))}`).toBe(nonce);
  });
});

describe("hmacSha256", () => {
  it("is Node's, for keys shorter and longer than a block", () => {
    fc.assert(
      fc.property(bytes, bytes, (key, message) => {
        expect(toHex(hmacSha256(key, message))).toBe(createHmac("sha256", key).update(message).digest("hex"));
      }),
    );
  });
});
