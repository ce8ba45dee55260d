import { describe, expect, test } from "vitest";
import { countOf, field, hashOf, isoMs, parseJson, stableText } from "../../src/aleph/wire.ts";

describe("parseJson", () => {
  test("text that is no JSON gives nothing", () => {
    for (const text of ["", "<html>", "{", "NaN", "Infinity"]) expect(parseJson(text)).toBeUndefined();
  });

  test("a key named __proto__ is dropped, however it is spelt", () => {
    for (const text of ['{"a":{"__proto__":{"x":1},"b":2}}', '{"a":{"\\u005f_proto\\u005F_":{"x":1},"b":2}}']) {
      const inner = field(parseJson(text), "a");
      expect(inner).toEqual({ b: 2 });
      expect(Object.getPrototypeOf(inner)).toBe(Object.prototype);
    }
  });

  test("nesting beyond the cap gives nothing, and brackets inside text do not count", () => {
    expect(parseJson(`${"[".repeat(32)}${"]".repeat(32)}`)).toBeDefined();
    expect(parseJson(`${"[".repeat(33)}${"]".repeat(33)}`)).toBeUndefined();
    expect(parseJson("[".repeat(200_000))).toBeUndefined();
    expect(parseJson(`["${"[{".repeat(100)}\\"${"[".repeat(100)}"]`)).toBeDefined();
  });
});

describe("field", () => {
  test("finds own fields only, along a path", () => {
    expect(field({ a: { b: 1 } }, "a", "b")).toBe(1);
    expect(field({ a: 1 }, "a", "b")).toBeUndefined();
    expect(field({}, "constructor")).toBeUndefined();
    expect(field(["x"], "0")).toBeUndefined();
  });
});

describe("countOf and hashOf", () => {
  test("let nothing but safe counts and full hashes through", () => {
    expect([0, 7].map(countOf)).toEqual([0, 7]);
    for (const value of [-1, 1.5, 2 ** 53, "1", null]) expect(countOf(value)).toBeUndefined();
    expect(hashOf("a".repeat(64))).toBe("a".repeat(64));
    for (const value of ["A".repeat(64), "a".repeat(63), `${"a".repeat(64)}\n`, 1])
      expect(hashOf(value)).toBeUndefined();
  });
});

describe("isoMs", () => {
  test("reads the forms that nodes write", () => {
    const ms = Date.UTC(2026, 10, 24, 13, 53, 28, 64);
    expect(isoMs("2026-11-24T13:53:28.064000Z")).toBe(ms);
    expect(isoMs("2026-11-24 13:53:28.064229+00:00")).toBe(ms);
    expect(isoMs("2026-11-24T13:53:28.064")).toBe(ms);
    expect(isoMs("2026-11-24T14:53:28+01:00")).toBe(ms - 64);
  });

  test("refuses what is no time", () => {
    for (const value of ["", "2026", "2026-13-40T00:00:00Z", "0001-01-01T00:00:00Z", 5, null])
      expect(isoMs(value)).toBeUndefined();
  });
});

describe("stableText", () => {
  test("does not depend on the order of keys, but on that of lists", () => {
    expect(stableText({ a: 1, b: [1, { d: 1, c: null }] })).toBe(stableText({ b: [1, { c: null, d: 1 }], a: 1 }));
    expect(stableText([1, 2])).not.toBe(stableText([2, 1]));
  });
});
