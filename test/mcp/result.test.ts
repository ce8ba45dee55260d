import { describe, expect, it } from "vitest";
import { CODES, entryOf, refusal, refuse } from "../../src/errors.ts";
import type { Code } from "../../src/errors.ts";
import { asksTheOwner } from "../../src/mcp/output.ts";
import { outputOf, refusalFields, toolResult, wireFacts } from "../../src/mcp/result.ts";
import { TOOLS } from "../../src/mcp/tools/all.ts";
import { APPROVAL_ID, QUOTE_ID } from "./fake-front.ts";

const ORIGIN = "https://allowance.example";
const SPOKEN: Code[] = Object.keys(CODES).map(
  (code) => (code === "policy.window" ? "policy.window_86400s" : code) as Code,
);

describe("outputOf", () => {
  it.each(SPOKEN)("says %s in a form that every tool's schema takes", (code) => {
    const output: unknown = JSON.parse(
      JSON.stringify(outputOf(refuse(code, { askedCredits: 5, reason: null }), ORIGIN)),
    );
    const spending = TOOLS.filter((tool) => tool.scope === "vm:create");
    for (const tool of asksTheOwner(code) ? spending : TOOLS)
      expect(tool.output.safeParse(output).error).toBeUndefined();
  });
  it.each(SPOKEN)("names for %s only a tool that exists and a page on our own origin", (code) => {
    const { next_tool, owner_url, who, message } = refusalFields(refusal(code, { approvalId: APPROVAL_ID }), ORIGIN);
    expect([undefined, ...TOOLS.map(({ name }) => name)]).toContain(next_tool);
    expect(new URL(owner_url ?? ORIGIN).origin).toBe(ORIGIN);
    expect({ who, message }).toEqual({ who: entryOf(code).who, message: entryOf(code).says });
  });
  it("says a window's limit with its span, amounts in both units and when it frees", () => {
    const limited = refuse(
      "policy.window_86400s",
      { askedCredits: 275_000, leftCredits: 100, freesAtMs: 0, limitS: 86_400 },
      120,
    );
    expect(outputOf(limited, ORIGIN)).toEqual({
      status: "refused",
      code: "policy.window_86400s",
      facts: {
        asked_credits: 275_000,
        asked_usd: 0.275,
        left_credits: 100,
        left_usd: 0.0001,
        frees_at: "1970-01-01T00:00:00.000Z",
        limit_s: 86_400,
      },
      retry: "after",
      retry_after_s: 120,
      next_tool: undefined,
      who: "owner",
      owner_url: `${ORIGIN}/dashboard/policy`,
      message: "The limit for this span of time would be passed.",
    });
  });
  it("makes no failure of a request that waits for the owner", () => {
    const output = outputOf(refuse("approval.pending", { approvalId: APPROVAL_ID, quoteId: QUOTE_ID }), ORIGIN);
    expect(output).toMatchObject({
      status: "approval_required",
      approval_id: APPROVAL_ID,
      approval_url: `${ORIGIN}/approve/${APPROVAL_ID}`,
      owner_url: `${ORIGIN}/approve/${APPROVAL_ID}`,
      facts: { approval_id: APPROVAL_ID, quote_id: QUOTE_ID },
      retry: "same_key",
      retry_after_s: 15,
      next_tool: "aleph_get_approval",
    });
    expect(toolResult(output).isError).toBeUndefined();
  });
  it("sends whoever extends or tops up for a new quote to the same tool, and everybody else to the price of a VM", () => {
    const next = (code: Code, kind?: "create" | "extend" | "top_up") =>
      refusalFields(refusal(code), ORIGIN, kind).next_tool;
    const anew = SPOKEN.filter((code) => entryOf(code).anew === true);
    expect(anew).toEqual([
      "input.key_reused_differently",
      "quote.expired",
      "quote.price_moved",
      "policy.ttl",
      "approval.expired",
      "approval.stale",
    ]);
    for (const code of anew)
      expect([next(code), next(code, "create"), next(code, "extend"), next(code, "top_up")]).toEqual([
        "aleph_quote_vm",
        "aleph_quote_vm",
        "aleph_extend_vm",
        "aleph_top_up_credits",
      ]);
    expect(next("vm.ended", "extend")).toBe("aleph_quote_vm");
  });
  it("looks for an unknown id where such ids are listed", () => {
    const next = (id: string, kind?: "extend") =>
      refusalFields(refusal("input.unknown_id", { id }), ORIGIN, kind).next_tool;
    expect([next("vm"), next("approval"), next("quote"), next("quote", "extend")]).toEqual([
      "aleph_list_my_vms",
      "aleph_get_approval",
      "aleph_quote_vm",
      "aleph_extend_vm",
    ]);
  });
  it("points to the dashboard when an approval's id is not known", () => {
    expect(outputOf(refuse("approval.required"), ORIGIN)).toMatchObject({ owner_url: `${ORIGIN}/dashboard` });
  });
  it("always says how long to wait where waiting helps", () => {
    const waits = SPOKEN.filter((one) => entryOf(one).retry === "after").map(
      (code) => refusalFields(refusal(code), ORIGIN).retry_after_s,
    );
    expect(waits.every((waitS) => waitS !== undefined && waitS > 0)).toBe(true);
  });
});

describe("toolResult", () => {
  it("says the same as text and as data, and calls a refusal an error", () => {
    const result = toolResult(outputOf(refuse("auth.scope", { needs: "vm:create" }), ORIGIN));
    expect(result.isError).toBe(true);
    expect(JSON.parse((result.content[0] as { text: string }).text)).toEqual(result.structuredContent);
  });
});

describe("wireFacts", () => {
  it("writes names in snake case and leaves words alone", () => {
    expect(wireFacts({ credits: 1_000_000, hourlyCredits: 1, vmId: "vm_1", limit: null, ok: true })).toEqual({
      credits: 1_000_000,
      usd: 1,
      hourly_credits: 1,
      hourly_usd: 0.000_001,
      vm_id: "vm_1",
      limit: null,
      ok: true,
    });
  });
});
