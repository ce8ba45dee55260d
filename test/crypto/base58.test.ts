/** Base58: the published examples, round trips, and what is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase58, toBase58 } from "../../src/crypto/base58.ts";
import { fromHex, utf8 } from "../../src/crypto/bytes.ts";

describe("toBase58", () => {
  it("spells the examples of the base58 internet draft", () => {
    expect(toBase58(utf8("Hello World!"))).toBe("2NEpo7TZRRrLZSi2U");
    expect(toBase58(fromHex("0000287fb4cd"))).toBe("11233QC4");
    expect(toBase58(new Uint8Array())).toBe("");
    expect(toBase58(new Uint8Array(3))).toBe("111");
  });
});

describe("fromBase58", () => {
  it("gives back what toBase58 spelt, leading zeros included", () => {
    const bytes = fc.tuple(fc.nat({ max: 4 }), fc.uint8Array({ maxLength: 64 }));
    fc.assert(
      fc.property(bytes, ([zeros, some]) => {
        const whole = Uint8Array.of(...new Uint8Array(zeros), ...some);
        expect(fromBase58(toBase58(whole))).toEqual(whole);
      }),
    );
  });

  it("refuses the characters that look alike, spaces, and overlong text", () => {
    const bad = ["0", "O", "I", "l", "a b", "a\n", "é", "😀", "1".repeat(129)];
    expect(bad.filter((text) => fromBase58(text) !== undefined)).toEqual([]);
    expect(fromBase58("1".repeat(128))).toEqual(new Uint8Array(128));
    expect(fromBase58("")).toEqual(new Uint8Array());
  });
});
