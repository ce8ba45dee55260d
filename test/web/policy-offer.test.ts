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
    const offer = { typedData: null, nonce: "n", version: 2, worstCaseCredits: 1_000_000, shadow, frozenFor: [] };
    const told = { nonce: "n", version: 2, worst_case_usd: 1, shadow: shadowText(shadow), typed_data: null };
    expect(offerJson(offer, "")).toEqual({ ...told, why: null });
    const frozen = { ...offer, frozenFor: ["owner_stop", "orphan"] };
    expect(offerJson(frozen, "account").why).toBe(
      "you stopped everything (in your wallet: owner_stop); found besides: a machine was found that the books do not know",
    );
    expect(offerJson({ ...offer, frozenFor: ["stop"] }, "gr_1").why).toBe("it stopped itself and all its VMs");
  });
});
