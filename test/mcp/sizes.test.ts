import { describe, expect, it } from "vitest";
import type { AgentFront } from "../../src/account/contract.ts";
import { GPU_MODELS } from "../../src/aleph/prices.ts";
import { answer } from "../../src/errors.ts";
import { POLICY } from "../account/vms.ts";
import { ask } from "./connect.ts";
import { approval, balance, endedVm, NODE, node, NOW_MS, spent, vm, VM_ID } from "./fake-front.ts";

const dated = { asOfMs: NOW_MS, networkState: "reachable", network: "twin" } as const;

describe("sizes", () => {
  const many = <T>(one: T): T[] => Array.from({ length: 100 }, () => one);
  const longest: typeof vm = {
    ...endedVm,
    name: "n".repeat(32),
    endReason: "ended_by_owner_elsewhere",
    costCredits: 123_456_789_012,
    timeline: many({ atMs: NOW_MS, event: "e".repeat(40) }),
  };
  const cursor = "c".repeat(256);
  const wide = {
    ...node,
    gpus: many("RTX 6000 ADA GENERATION LONG NAME 000000"),
    version: "1234.1234.1234",
    score: 0.123_456_789,
    regionEstimated: "north_america" as const,
  };
  const facts = {
    ...approval.facts,
    vmId: VM_ID,
    gpu: "g".repeat(40),
    nodeOrAny: NODE,
    image: "i".repeat(64),
    sshKeyFingerprint: `SHA256:${"f".repeat(43)}`,
  };
  const { shape } = POLICY;
  const images = Array.from({ length: 50 }, () => "i".repeat(64));
  const policy = { ...POLICY, shape: { ...shape, gpus: GPU_MODELS, images } };
  const limits = Array.from({ length: 20 }, () => ({
    name: "grant_window_2592000s" as const,
    max: 123_456_789_012,
    used: 123_456_789_012,
    left: 123_456_789_012,
    freesAtMs: NOW_MS,
  }));
  const LONG: readonly (readonly [string, Record<string, unknown>, Partial<AgentFront>])[] = [
    ["aleph_check_balance", {}, { checkBalance: async () => answer({ ...balance, policy, limits }) }],
    [
      "aleph_list_crns",
      { limit: 20 },
      {
        listNodes: async () =>
          answer({ ...dated, nodes: many(wide), total: 100, left_out: {}, cursor, regionSearch: null }),
      },
    ],
    [
      "aleph_list_my_vms",
      { limit: 25, state: "all" },
      { listVms: async () => answer({ ...dated, vms: many(longest), cursor }) },
    ],
    [
      "aleph_get_spending",
      { limit: 40 },
      {
        getSpending: async () =>
          answer({
            ...dated,
            heldCredits: 1,
            spentCredits: 1,
            rows: many({ ...spent, kind: "correction", credits: -123_456_789_012 }),
            groups: many({ key: VM_ID, heldCredits: 123_456_789_012, spentCredits: 123_456_789_012, vms: 1 }),
            groupsTotal: 1_000,
            cursor,
          }),
      },
    ],
    ["aleph_get_approval", {}, { getApproval: async () => answer({ approvals: many({ ...approval, facts }) }) }],
    ["aleph_emergency_stop", {}, { emergencyStop: async () => answer({ frozen: true, vms: many(longest) }) }],
    ["aleph_get_vm", { vm_id: VM_ID }, { getVm: async () => answer({ ...longest, ...dated }) }],
  ];
  it.each(LONG)("%s stays under 20 KB at its longest, text and data together", async (name, args, replaced) => {
    const { data, text, isError } = await ask(name, args, replaced);
    expect(isError).toBe(false);
    expect(text.length + JSON.stringify(data).length).toBeLessThan(20_000);
  });
});
