import { describe, expect, test } from "vitest";
import { approvalFacts, covers, GIVEN_MS, REQUEST_MS, sameAsked, standing } from "../../src/account/approvals.ts";
import type { Approval, ApprovalFacts } from "../../src/account/types.ts";
import { H, requested, T0, TTL_S } from "./vms.ts";

const { spec } = requested();
const ASKED = approvalFacts({
  account: "0xowner",
  grant: "Agent",
  kind: "create",
  vmId: "",
  spec,
  ttlS: TTL_S,
  costCreditsMax: 198_000,
  policyVersion: 3,
});
const approval = (change: Partial<Approval> = {}): Approval => ({
  approvalId: "ap_a",
  grantId: "gr_a",
  quoteId: "q_a",
  state: "pending",
  facts: ASKED,
  askedAtMs: T0,
  requestExpiresAtMs: T0 + REQUEST_MS,
  decidedAtMs: null,
  validUntilMs: null,
  ...change,
});

describe("approvalFacts", () => {
  test("are readable, and name what is not asked for", () => {
    expect(ASKED).toEqual({
      account: "0xowner",
      grant: "Agent",
      kind: "create",
      vmId: "",
      vcpus: 1,
      memoryMib: 2_048,
      diskGib: 20,
      gpu: "none",
      image: "debian12",
      sshKeyFingerprint: "SHA256:abc",
      nodeOrAny: "any node the policy allows",
      costCreditsMax: 198_000,
      ttlS: TTL_S,
      policyVersion: 3,
    });
  });

  test("a disk is shown in whole GiB, never as less than it is", () => {
    const sized = (diskMib: number): number =>
      approvalFacts({ ...asking(), spec: { ...spec, shape: { ...spec.shape, diskMib } } }).diskGib;
    expect([sized(20_480), sized(20_481), sized(1)]).toEqual([20, 21, 1]);
  });

  test("a GPU and a node that were asked for are named", () => {
    const chosen = { ...spec, shape: { ...spec.shape, gpu: "H100" }, nodeAsked: "bb" };
    expect(approvalFacts({ ...asking(), spec: chosen })).toMatchObject({ gpu: "H100", nodeOrAny: "bb" });
  });

  const asking = (): Parameters<typeof approvalFacts>[0] => ({
    account: "0xowner",
    grant: "Agent",
    kind: "create",
    vmId: "",
    spec,
    ttlS: TTL_S,
    costCreditsMax: 1,
    policyVersion: 3,
  });
});

describe("standing", () => {
  test("a request waits a day, a given approval is good for twelve hours; both ends are out", () => {
    expect([REQUEST_MS, GIVEN_MS]).toEqual([24 * H, 12 * H]);
    expect(standing(approval(), 3, T0 + REQUEST_MS - 1)).toBe("pending");
    expect(standing(approval(), 3, T0 + REQUEST_MS)).toBe("expired");
    const given = approval({ state: "approved", decidedAtMs: T0 + H, validUntilMs: T0 + H + GIVEN_MS });
    expect(standing(given, 3, T0 + 13 * H - 1)).toBe("approved");
    expect(standing(given, 3, T0 + 13 * H)).toBe("expired");
    expect(standing(approval({ state: "approved" }), 3, T0)).toBe("expired");
  });

  test("a changed policy makes open and given ones stale, also those whose time is up", () => {
    for (const state of ["pending", "approved"] as const) {
      expect(standing(approval({ state, validUntilMs: T0 + H }), 4, T0)).toBe("stale");
      expect(standing(approval({ state, validUntilMs: T0 + H }), 4, T0 + 90 * H)).toBe("stale");
    }
  });

  test("what was decided otherwise stays as it was decided", () => {
    for (const state of ["denied", "expired", "stale", "withdrawn", "used"] as const) {
      expect(standing(approval({ state }), 4, T0 + 90 * H)).toBe(state);
    }
  });
});

describe("covers", () => {
  test("the same thing for the same or less money", () => {
    expect(covers(ASKED, ASKED)).toBe(true);
    expect(covers(ASKED, { ...ASKED, costCreditsMax: 0 })).toBe(true);
    expect(covers(ASKED, { ...ASKED, costCreditsMax: 198_001 })).toBe(false);
  });

  test("any other difference, in any field and in either direction, is not covered", () => {
    const fields = (Object.keys(ASKED) as (keyof ApprovalFacts)[]).filter(
      (field) => field !== "costCreditsMax" && field !== "grant",
    );
    expect(fields).toHaveLength(12);
    for (const field of fields) {
      const was = ASKED[field];
      const others = typeof was === "number" ? [was - 1, was + 1] : [`${was} `, ""].filter((text) => text !== was);
      for (const other of others) expect(covers(ASKED, { ...ASKED, [field]: other })).toBe(false);
    }
  });
});

describe("sameAsked", () => {
  test("knows an agent that came back under another name: whose approvals these are says its grant", () => {
    expect(found([given], { grant: "Agent 2" })).toBe("ap_g");
  });

  const pending = approval({ approvalId: "ap_p", facts: ASKED });
  const given = approval({ approvalId: "ap_g", facts: ASKED, state: "approved", validUntilMs: T0 + H });
  const found = (open: readonly Approval[], asked: Partial<ApprovalFacts> = {}, nowMs = T0): string | undefined =>
    sameAsked(open, { ...ASKED, ...asked }, 0, nowMs)?.approvalId;

  test("finds the open question that says the same, whichever quote it came with, a given one first", () => {
    expect(found([])).toBeUndefined();
    expect(found([{ ...pending, quoteId: "q_other" }])).toBe("ap_p");
    expect(found([pending, given])).toBe("ap_g");
    expect(found([pending], { costCreditsMax: ASKED.costCreditsMax - 1 })).toBe("ap_p");
  });

  test("a dearer or any other request is another question", () => {
    expect(found([pending, given], { costCreditsMax: ASKED.costCreditsMax + 1 })).toBeUndefined();
    expect(found([pending, given], { memoryMib: ASKED.memoryMib + 1_024 })).toBeUndefined();
    expect(found([pending, given], { policyVersion: 4 })).toBeUndefined();
  });

  test("one that time has closed, or that was used, is none", () => {
    expect(found([given], {}, T0 + H)).toBeUndefined();
    expect(found([pending], {}, T0 + REQUEST_MS)).toBeUndefined();
    expect(
      found([
        { ...given, state: "used" },
        { ...pending, state: "denied" },
      ]),
    ).toBeUndefined();
  });
});
