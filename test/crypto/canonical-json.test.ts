/** RFC 8785 within strings, safe integers, booleans, null, arrays and plain objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, type JsonValue } from "../../src/crypto/canonical-json.ts";
import { AllowanceError } from "../../src/errors.ts";

const leaf = fc.oneof(fc.string({ unit: "binary" }), fc.maxSafeInteger(), fc.boolean(), fc.constant(null));
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

function reversed(some: JsonValue): JsonValue {
  if (Array.isArray(some)) return some.map((item: JsonValue) => reversed(item));
  if (typeof some !== "object" || some === null) return some;
  return Object.fromEntries(
    Object.entries(some)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe("canonicalJson", () => {
  it("sorts keys by UTF-16 code units at every depth and leaves no space", () => {
    const keys = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 };
    const order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\u{1f600}", "\ufb33"];
    expect(Object.keys(JSON.parse(canonicalJson([keys]))[0] as object).toSorted()).toEqual(order);
    const spelt = '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}';
    expect(canonicalJson(keys)).toBe(spelt);
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: true })).toBe('{"a":true,"b":[{"c":null,"d":1}]}');
  });

  it("escapes what it must and nothing else", () => {
    expect(canonicalJson('\u20ac$\u000f\nA\'B"\\\\"/\u2028\u007f')).toBe(
      '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u2028\u007f"',
    );
  });

  it("writes minus zero as 0 and integers in full", () => {
    expect(canonicalJson([-0, 9007199254740991, -9007199254740991])).toBe("[0,9007199254740991,-9007199254740991]");
  });

  it("says the same for the same value, whatever the order of its keys, and loses nothing", () => {
    fc.assert(
      fc.property(value, (some) => {
        const text = canonicalJson(some);
        expect(canonicalJson(reversed(some))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(some)));
        expect(canonicalJson(JSON.parse(text) as JsonValue)).toBe(text);
      }),
    );
  });

  it("calls everything else a programmer's error", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const bad: readonly unknown[] = [
      0.1,
      2 ** 53,
      NaN,
      Infinity,
      1n,
      undefined,
      () => 1,
      Symbol("x"),
      "\ud800",
      { "\udc00": 1 },
      { a: undefined },
      [undefined],
      Array(1),
      new Date(0),
      new Uint8Array(2),
      new Map(),
      cycle,
    ];
    for (const some of bad) expect(() => canonicalJson(some as JsonValue)).toThrow(AllowanceError);
  });
});
