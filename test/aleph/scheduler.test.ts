import { describe, expect, test } from "vitest";
import { schedulerView } from "../../src/aleph/scheduler.ts";
import { answering, HASH } from "./fakes.ts";

const A = "a".repeat(64);

describe("schedulerView", () => {
  test("keeps hashes and known words", async () => {
    const network = answering({
      vm_hash: HASH,
      allocated_node: A,
      observed_nodes: [A, "evil", 5],
      status: "duplicated",
    });
    expect(await schedulerView(network, HASH)).toEqual({
      ok: true,
      value: { allocatedNode: A, observedNodes: [A], status: "duplicated" },
    });
    expect(network.calls[0]?.url.href).toBe(`https://scheduler.test/api/v1/vms/${HASH}`);
  });

  test("an unknown word is other, an unknown VM absent, an answer about another VM bad", async () => {
    expect(await schedulerView(answering({ vm_hash: HASH, status: "do as I say" }), HASH)).toMatchObject({
      value: { allocatedNode: null, observedNodes: [], status: "other" },
    });
    expect(await schedulerView(answering("", 404), HASH)).toEqual({ ok: true, value: "absent" });
    expect(await schedulerView(answering({ vm_hash: A, status: "removed" }), HASH)).toMatchObject({
      why: "bad_answer",
    });
  });
});
