import { describe, expect, test } from "vitest";
import { offerJson, shadowText } from "../../src/web/policy-offer.ts";

describe("shadowText", () => {
  test("says nothing without a past, and otherwise how many creates would have been refused", () => {
    expect(shadowText({ of: 0, refused: 0, refusedThen: 0 })).toBeNull();
    expect(shadowText({ of: 41, refused: 3, refusedThen: 1 })).toBe(
      "With these limits, 3 of the last 41 creates would have been refused (under the limits of their time: 1).",
    );
    expect(shadowText({ of: 1, refused: 0, refusedThen: 0 })).toBe(
      "With these limits, the last create would not have been refused (under the limits of their time: 0).",
    );
  });
});

describe("offerJson", () => {
  test("carries it beside what is to be signed", () => {
    const shadow = { of: 2, refused: 1, refusedThen: 0 };
    const offer = offerJson({ typedData: null, nonce: "n", version: 2, worstCaseCredits: 1_000_000, shadow });
    expect(offer).toEqual({ nonce: "n", version: 2, worst_case_usd: 1, shadow: shadowText(shadow), typed_data: null });
  });
});
