/** Cookie values open under their own key and purpose, unchanged, and in no other case. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../src/crypto/canonical-json.ts";
import { openToken, sealToken } from "../../src/crypto/tokens.ts";
import { AllowanceError } from "../../src/errors.ts";
import { repeatable } from "./vectors.ts";

const KEY = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);
const VALUE = { owner: "0xA", expiresAtMs: 1_790_000_000_000, text: "é😀\n" };

describe("sealToken", () => {
  it("is fit for a cookie and differs each time", async () => {
    const random = repeatable(1);
    const tokens = [await sealToken(VALUE, KEY, "owner", random), await sealToken(VALUE, KEY, "owner", random)];
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(tokens[0]).not.toBe(tokens[1]);
  });

  it("wants a key of 32 bytes", async () => {
    await expect(sealToken(VALUE, new Uint8Array(16), "owner", repeatable(1))).rejects.toThrow(AllowanceError);
  });
});

describe("openToken", () => {
  it("gives any JSON value back", async () => {
    const random = repeatable(2);
    const same = fc.asyncProperty(fc.jsonValue(), async (some) => {
      const value = JSON.parse(JSON.stringify(some)) as JsonValue;
      expect(await openToken(await sealToken(value, KEY, "p", random), KEY, "p")).toEqual(value);
    });
    await fc.assert(same, { numRuns: 40 });
  });

  it("is undefined for another purpose or another key", async () => {
    const token = await sealToken(VALUE, KEY, "challenge", repeatable(3));
    expect(await openToken(token, KEY, "challenge")).toEqual(VALUE);
    for (const purpose of ["owner", "challenge ", "", "Challenge"]) {
      expect(await openToken(token, KEY, purpose)).toBeUndefined();
    }
    expect(await openToken(token, OTHER, "challenge")).toBeUndefined();
  });

  it("is undefined when any character is changed, dropped or added", async () => {
    const token = await sealToken({ a: 1 }, KEY, "p", repeatable(4));
    for (let at = 0; at < token.length; at++) {
      const char = token.charAt(at) === "A" ? "B" : "A";
      expect(await openToken(token.slice(0, at) + char + token.slice(at + 1), KEY, "p")).toBeUndefined();
      expect(await openToken(token.slice(0, at) + token.slice(at + 1), KEY, "p")).toBeUndefined();
    }
    for (const bad of [`${token}A`, `${token}=`, ` ${token}`, token.slice(0, 16)]) {
      expect(await openToken(bad, KEY, "p")).toBeUndefined();
    }
  });

  it("is undefined for what was never a token, however long", async () => {
    for (const bad of ["", "A", "AAAA", "null", "{}", "A".repeat(10_000), "é"]) {
      expect(await openToken(bad, KEY, "p")).toBeUndefined();
    }
  });
});
