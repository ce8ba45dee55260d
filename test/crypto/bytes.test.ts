/** UTF-8, hexadecimal, base64url, base32, ids. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concat,
  equalBytes,
  fromBase64Url,
  fromHex,
  fromUtf8,
  isHex,
  randomId,
  toBase32,
  toBase64Url,
  toHex,
  utf8,
} from "../../src/crypto/bytes.ts";
import { AllowanceError } from "../../src/errors.ts";
import { repeatable } from "./vectors.ts";

const bytes = fc.uint8Array({ maxLength: 80 });

describe("utf8", () => {
  it("and fromUtf8 give every well-formed text back, a byte order mark included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
    expect(fromUtf8(utf8("\uFEFFx"))).toBe("\uFEFFx");
  });
});

describe("fromUtf8", () => {
  it("puts U+FFFD where bytes are no UTF-8, and never throws", () => {
    expect(fromUtf8(Uint8Array.of(0x61, 0xff, 0x62))).toBe("a\uFFFDb");
    fc.assert(
      fc.property(bytes, (some) => {
        expect(() => fromUtf8(some)).not.toThrow();
      }),
    );
  });
});

describe("fromHex", () => {
  it("gives the bytes back that toHex spelt, with or without 0x, in either case", () => {
    fc.assert(
      fc.property(bytes, (some) => {
        const text = toHex(some);
        expect(text).toMatch(/^[0-9a-f]*$/);
        for (const spelling of [text, `0x${text}`, text.toUpperCase()]) expect(fromHex(spelling)).toEqual(some);
      }),
    );
  });

  it("calls bad text a programmer's error", () => {
    for (const text of ["0", "0x123", "zz", "0xzz", " 00", "00\n", "0X00", "0x0x00"]) {
      expect(() => fromHex(text)).toThrow(AllowanceError);
    }
  });
});

describe("isHex", () => {
  it("counts whole bytes, prefix aside", () => {
    expect(isHex("0xabCD", 2)).toBe(true);
    expect(isHex("abCD", 2)).toBe(true);
    expect(isHex("abCD", 3)).toBe(false);
    expect(isHex("")).toBe(true);
    expect(isHex("0x", 0)).toBe(true);
    expect(isHex("abc")).toBe(false);
    expect(isHex("ab cd")).toBe(false);
    expect(isHex("ab\n")).toBe(false);
  });

  it("survives a megabyte", () => {
    expect(isHex("ab".repeat(500_000))).toBe(true);
  });
});

describe("fromBase64Url", () => {
  it("gives the bytes back that toBase64Url spelt, and its spelling is the platform's", () => {
    fc.assert(
      fc.property(bytes, (some) => {
        const text = toBase64Url(some);
        expect(text).toBe(Buffer.from(some).toString("base64url"));
        expect(fromBase64Url(text)).toEqual(some);
      }),
    );
  });

  it("refuses padding, the other alphabet, stray bits and impossible lengths", () => {
    const bad = ["AA==", "AA=", "+_-A", "A/AA", "AB", "AAB", "A", "AAAAA", "AA\n", "AA A", "é"];
    expect(bad.filter((text) => fromBase64Url(text) !== undefined)).toEqual([]);
    expect(fromBase64Url("")).toEqual(new Uint8Array());
    expect(fromBase64Url("AQ")).toEqual(Uint8Array.of(1));
  });

  it("takes no other spelling of the same bytes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const found = fromBase64Url(text);
        expect(found === undefined ? text : toBase64Url(found)).toBe(text);
      }),
    );
  });
});

describe("toBase32", () => {
  it("spells the examples of RFC 4648 in lower case without padding", () => {
    const spelt = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map((text) => toBase32(utf8(text)));
    expect(spelt).toEqual(["", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"]);
  });

  it("loses nothing", () => {
    const read = (text: string): string =>
      Array.from(text, (char) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(char).toString(2).padStart(5, "0")).join(
        "",
      );
    fc.assert(
      fc.property(bytes, (some) => {
        const bits = Array.from(some, (byte) => byte.toString(2).padStart(8, "0")).join("");
        const all = read(toBase32(some));
        expect(all.slice(0, bits.length)).toBe(bits);
        expect(["", "0", "00", "000", "0000"]).toContain(all.slice(bits.length));
      }),
    );
  });
});

describe("concat", () => {
  it("keeps the order and copies", () => {
    const first = Uint8Array.of(1, 2);
    const whole = concat(first, new Uint8Array(), Uint8Array.of(3));
    first.fill(9);
    expect(whole).toEqual(Uint8Array.of(1, 2, 3));
    expect(concat()).toEqual(new Uint8Array());
  });
});

describe("equalBytes", () => {
  it("finds a difference wherever it is", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b));
      }),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (a, n, x) => {
          const b = Uint8Array.from(a);
          const at = n % a.length;
          b[at] = (b[at] ?? 0) ^ x;
          expect(equalBytes(a, Uint8Array.from(a))).toBe(true);
          expect(equalBytes(a, b)).toBe(false);
        },
      ),
    );
  });
});

describe("randomId", () => {
  it("is the prefix and 26 characters of 128 random bits", () => {
    const random = repeatable(1);
    const ids = Array.from({ length: 50 }, () => randomId("vm", random));
    for (const id of ids) expect(id).toMatch(/^vm_[a-z2-7]{26}$/);
    expect(new Set(ids).size).toBe(50);
    expect(randomId("q", { bytes: (length) => new Uint8Array(length).fill(length) })).toBe(
      "q_caibaeaqcaibaeaqcaibaeaqca",
    );
  });
});
