import { describe, expect, it } from "vitest";
import type { OwnerMessage } from "../../src/account/message-store.ts";
import { judgedBy, outcomeOf, waitsFor } from "../../src/account/owner-messages.ts";
import { DAY, HASH, MIN, said, T0 } from "./vms.ts";

const message = (change: Partial<OwnerMessage> = {}): OwnerMessage => ({
  itemHash: "ee".repeat(32),
  kind: "security",
  purpose: "revoke",
  about: "0xaa",
  message: {} as OwnerMessage["message"],
  storedAtMs: T0,
  coreNodesDone: 0,
  judgedAtMs: null,
  ...change,
});
const heard = (words: string, target = "---") => ({ words: said(words), target: said(target) });
const list = (words: string, effect: boolean, change: Partial<OwnerMessage> = {}, nowMs = T0) =>
  outcomeOf(message(change), heard(words), effect, nowMs);

describe("a list that the owner signed", () => {
  it("is in force when two core nodes judged it and its effect was read back, not before", () => {
    expect(list("PPa", true)).toBe("in_force");
    expect(list("PPa", false)).toBeNull();
    expect(list("Paa", true)).toBeNull();
    expect(list("P--", true)).toBeNull();
    expect(list("ppp", true)).toBeNull();
  });

  it("is refused when two core nodes say so; one alone says nothing", () => {
    expect(list("RRP", true)).toBe("refused");
    expect(list("RPa", false)).toBeNull();
    expect(list("R--", false)).toBeNull();
  });

  it("without effect ten minutes after two judged it is over: something newer decides", () => {
    const judged = { judgedAtMs: T0 };
    expect(list("PPP", false, judged, T0 + 10 * MIN - 1)).toBeNull();
    expect(list("PPP", false, judged, T0 + 10 * MIN)).toBe("no_effect");
    expect(list("PPP", false, { judgedAtMs: null }, T0 + 10 * MIN)).toBeNull();
    expect(list("P--", false, judged, T0 + DAY)).toBeNull();
  });

  it("counts who has judged it, silence and absence aside", () => {
    expect([judgedBy(heard("PRF")), judgedBy(heard("pa-"))]).toEqual([3, 0]);
  });
});

describe("a FORGET that the owner signed", () => {
  const outcome = (words: string, target: string, nowMs = T0) =>
    outcomeOf(message({ kind: "forget", purpose: "forget", about: HASH }), heard(words, target), false, nowMs);

  it("is over when two core nodes call the target gone and none shows it alive", () => {
    expect(outcome("PPa", "FFa")).toBe("in_force");
    expect(outcome("PPa", "FX-")).toBe("in_force");
    expect(outcome("PPa", "FFP")).toBeNull();
    expect(outcome("Paa", "F--")).toBeNull();
  });

  it("is refused by two only while the target lives on; then another may be signed", () => {
    expect(outcome("RRP", "PPF")).toBe("refused");
    expect(outcome("RR-", "FF-")).toBe("in_force");
    expect(outcome("R--", "PPP")).toBeNull();
  });

  it("is offered for thirty days to the one core node that withholds it, and no longer", () => {
    expect(outcome("aaa", "aaP", T0 + 30 * DAY - 1)).toBeNull();
    expect(outcome("aaa", "aaP", T0 + 30 * DAY)).toBe("no_effect");
  });
});

describe("a second signature", () => {
  const open = (...purposes: readonly OwnerMessage["purpose"][]) =>
    purposes.map((purpose) => message({ purpose, kind: purpose === "forget" ? "forget" : "security", about: HASH }));
  const waits = (purpose: OwnerMessage["purpose"], on: readonly OwnerMessage[], about = HASH) =>
    waitsFor(on, { purpose, about }) !== undefined;

  it("is asked for by no list while another is on its way, but a revocation waits for nothing but itself", () => {
    for (const purpose of ["delegate", "rotate"] as const)
      for (const other of ["delegate", "rotate", "revoke"] as const) expect(waits(purpose, open(other))).toBe(true);
    expect(waits("revoke", open("delegate", "rotate"))).toBe(false);
    expect(waits("revoke", open("revoke"))).toBe(true);
  });

  it("is asked for by a FORGET only if the one on its way is of another machine", () => {
    expect(waits("forget", open("forget"))).toBe(true);
    expect(waits("forget", open("forget"), "bb".repeat(32))).toBe(false);
    expect(waits("forget", open("delegate", "revoke", "rotate"))).toBe(false);
    expect(waits("delegate", open("forget"))).toBe(false);
    expect(waitsFor([], { purpose: "revoke", about: "" })).toBeUndefined();
  });
});
