import { describe, expect, it } from "vitest";
import type { AgentCall } from "../../src/account/front-history.ts";
import { refuse } from "../../src/errors.ts";
import { callNote } from "../../src/mcp/call-note.ts";
import { TOOLS } from "../../src/mcp/tools/all.ts";
import { call, connect, house, login, MODERN } from "./connect.ts";
import { fakeFront, NODE, QUOTE_ID, VM_ID } from "./fake-front.ts";

const tool = (name: string) => {
  const found = TOOLS.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const note = (name: string, args: unknown, output: Record<string, unknown> = {}): AgentCall =>
  callNote(tool(name), args, { status: "ok", ...output }, 12.4);

describe("callNote", () => {
  it("keeps numbers, switches, our ids and fixed words, and never a key", () => {
    const args = {
      crn_id: NODE,
      cpu: 2,
      ram_gb: 4.5,
      disk_gb: 20,
      os_image: "debian12",
      ssh_pubkey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqf me@home",
      name: "build-box",
      dry_run: true,
    };
    expect(note("aleph_create_vm", args, { max_cost_usd: 1.25 })).toEqual({
      tool: "aleph_create_vm",
      changes: false,
      code: "ok",
      latencyMs: 12,
      costCredits: 1_250_000,
      parameters: {
        crn_id: `${NODE.slice(0, 8)}…`,
        cpu: 2,
        ram_gb: 4.5,
        disk_gb: 20,
        os_image: "debian12",
        name: "build-box",
        dry_run: true,
      },
    });
  });

  it("leaves out whatever could be a secret, wherever an agent puts it", () => {
    const secrets = ["-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", `0x${"ab".repeat(32)}`, "word ".repeat(12), "p@ss!"];
    for (const secret of secrets) {
      const everywhere = Object.fromEntries(
        Object.keys(tool("aleph_create_vm").input.shape).map((name) => [name, secret]),
      );
      const kept = JSON.stringify(note("aleph_create_vm", { ...everywhere, unknown: secret, [secret]: 1 }));
      expect(kept).not.toContain(secret.slice(0, 12));
    }
    expect(JSON.stringify(note("aleph_create_vm", { crn_id: "ab".repeat(32) }))).not.toContain("ab".repeat(8));
  });

  it("takes arguments of any form", () => {
    for (const args of [null, undefined, [], "text", 7]) expect(note("aleph_get_vm", args).parameters).toEqual({});
    expect(note("aleph_get_vm", { vm_id: { deep: 1 }, wait_s: Number.NaN }).parameters).toEqual({});
  });

  it("knows what changes something from what only looks", () => {
    expect(note("aleph_create_vm", { quote_id: QUOTE_ID }).changes).toBe(true);
    expect(note("aleph_create_vm", { cpu: 1 }).changes).toBe(false);
    expect(note("aleph_destroy_vm", { vm_id: VM_ID }).changes).toBe(true);
    expect(note("aleph_get_approval", {}).changes).toBe(false);
    expect(note("aleph_get_approval", { withdraw: true }).changes).toBe(true);
    expect(note("aleph_list_my_vms", {}).changes).toBe(false);
  });
});

describe("createServer", () => {
  function listening(limiter = async () => true) {
    const noted: AgentCall[] = [];
    const { front } = fakeFront({ destroyVm: async () => refuse("vm.ended") });
    const calls = { nowMs: () => 5, note: (_caller: unknown, one: AgentCall) => void noted.push(one) };
    return { noted, home: house(front, { calls, limiter: { take: limiter } }) };
  }

  it("notes each call once, with what came of it", async () => {
    const { noted, home } = listening();
    const { client } = await connect(home, MODERN, login);
    await call(client, "aleph_check_balance");
    await call(client, "aleph_destroy_vm", { vm_id: VM_ID });
    await call(client, "aleph_get_vm", { vm_id: 7 });
    expect(noted.map(({ tool: name, code }) => [name, code])).toEqual([
      ["aleph_check_balance", "ok"],
      ["aleph_destroy_vm", "vm.ended"],
      ["aleph_get_vm", "input.invalid"],
    ]);
  });

  it("does not let a flood reach the account, not even to be noted", async () => {
    const { noted, home } = listening(async () => false);
    const { client } = await connect(home, MODERN, login);
    expect((await call(client, "aleph_check_balance")).data["code"]).toBe("busy.rate_limited");
    expect(noted).toEqual([]);
  });
});
