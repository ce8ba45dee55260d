import { describe, expect, it } from "vitest";
import { TOOLS } from "../../src/mcp/tools/all.ts";
import { ask, connect, house, MODERN } from "./connect.ts";
import { APPROVAL_ID, NODE, QUOTE_ID, VM_ID } from "./fake-front.ts";

const shape = { cpu: 2, ram_gb: 4, disk_gb: 40, os_image: "debian12", ssh_pubkey: "ssh-ed25519 AAAA" };
const HAPPY: readonly (readonly [string, Record<string, unknown>])[] = [
  ["aleph_check_balance", {}],
  ["aleph_list_crns", { min_cpu: 2, min_ram_gb: 4, region: "europe", limit: 5 }],
  ["aleph_quote_vm", { ...shape, ttl_hours: 0.5, max_hourly_cost_usd: 0.1, crn_id: NODE, name: "worker" }],
  ["aleph_create_vm", shape],
  ["aleph_create_vm", { quote_id: QUOTE_ID }],
  ["aleph_create_vm", { quote_id: QUOTE_ID, ...shape, dry_run: true }],
  ["aleph_get_vm", { vm_id: VM_ID, wait_s: 25 }],
  ["aleph_list_my_vms", {}],
  ["aleph_extend_vm", { vm_id: VM_ID, additional_hours: 2 }],
  ["aleph_extend_vm", { quote_id: QUOTE_ID }],
  ["aleph_destroy_vm", { vm_id: VM_ID }],
  ["aleph_top_up_credits", { amount_usd: 5 }],
  ["aleph_top_up_credits", { amount_usd: 5, quote_id: QUOTE_ID }],
  ["aleph_get_approval", {}],
  ["aleph_get_approval", { approval_id: APPROVAL_ID, wait_s: 20 }],
  ["aleph_get_spending", { since: "2026-01-01", group_by: "vm" }],
  ["aleph_emergency_stop", {}],
];

describe("TOOLS", () => {
  it("are these twelve, with these schemas, in both protocol versions", async () => {
    const modern = await (await connect(house(), MODERN)).client.listTools();
    const legacy = await (await connect(house(), "legacy")).client.listTools();
    expect(legacy.tools).toEqual(modern.tools);
    expect(modern.tools).toMatchSnapshot();
  });
  it.each(TOOLS.map((tool) => [tool.name, tool] as const))(
    "%s has one flat object as answer, few words and all hints",
    async (name, tool) => {
      const { tools } = await (await connect(house())).client.listTools();
      const listed = tools.find((one) => one.name === name);
      expect(listed?.outputSchema).toMatchObject({ type: "object", required: ["status"] });
      for (const schema of [listed?.inputSchema, listed?.outputSchema])
        expect(Object.keys(schema ?? {}).filter((key) => /^(any|one|all)Of$/.test(key))).toEqual([]);
      expect(tool.description.length).toBeLessThan(1_024);
      expect(Object.values(tool.annotations).every((hint) => typeof hint === "boolean")).toBe(true);
      expect(tool.annotations.readOnlyHint && tool.annotations.destructiveHint).toBe(false);
    },
  );
});

describe("run", () => {
  it.each(HAPPY)("%s %j asks the account and answers", async (name, args) => {
    const { data, text, isError, asked } = await ask(name, args);
    expect({ asked: asked.map(({ method, ask: what }) => [method, what]), data }).toMatchSnapshot();
    expect(JSON.parse(text)).toEqual(data);
    expect(isError).toBe(false);
    expect(asked[0]?.caller).toEqual({
      account: "account",
      grantId: "gr_1",
      scopes: ["vm:read", "vm:create", "funds:topup"],
    });
  });
});
