/**
 * The real account over the twin while every compute node, the list server, the scheduler and the resolver answer with hostility: no
 * held or posted credit moves by a word of theirs, nothing of it reaches a tool's answer, and the machine is ended on
 * the core nodes all the same.
 */
import { describe, expect, it } from "vitest";
import { CANARY, type DistortionKind } from "../../../devnet/distortion.ts";
import { CRN_LIST_HOST, RESOLVER_HOST, SCHEDULER_HOSTS } from "../../../devnet/roster.ts";
import type { Caller } from "../../../src/account/contract.ts";
import { call, connect, house as served, MODERN } from "../../mcp/connect.ts";
import { alone, booksOf, forgetsOf, instanceHashes } from "../../workerd/evidence.ts";
import { ASK, type House } from "../../workerd/house.ts";
import { stage } from "../../workerd/stage.ts";

const MINUTE_S = 60;
/** Short of what ends a machine that nobody reaches: half an hour. */
const SIEGE_S = 12 * MINUTE_S;

const SIEGES: readonly DistortionKind[] = [
  "redirect",
  "gzip_bomb",
  "endless",
  "garbage",
  "proto",
  "huge_numbers",
  "prompt",
  "long_list",
];

/** All strangers say it from now on; the core nodes stay honest. */
function besiege(kind: DistortionKind): void {
  for (const host of ["nodes", CRN_LIST_HOST, RESOLVER_HOST, ...SCHEDULER_HOSTS]) {
    const everything = { method: "", pathPrefix: "/", remaining: -1, delayMs: 0, status: 503, text: "" };
    stage.world.state.faults.push({ id: stage.world.state.faultNext++, kind, host, ...everything });
  }
}

/** What the agent reads: the JSON of four tools, as the MCP server sends it. */
async function toolsOf(house: House, agent: Caller, vmId: string): Promise<string> {
  const login = {
    props: { account: agent.account, grant_id: agent.grantId },
    auth: { clientId: "c", scope: agent.scopes },
  };
  const { client } = await connect(served(house.agents), MODERN, login);
  const shape = { cpu: ASK.vcpus, ram_gb: 2, disk_gb: 20, os_image: ASK.image, ssh_pubkey: ASK.sshPubkey };
  const answers = [
    await call(client, "aleph_get_vm", { vm_id: vmId }),
    await call(client, "aleph_list_my_vms"),
    await call(client, "aleph_quote_vm", shape),
    await call(client, "aleph_list_crns"),
  ];
  expect(answers.every(({ data }) => typeof data["status"] === "string")).toBe(true);
  return JSON.stringify(answers);
}

const heldOf = async (house: House) =>
  (await booksOf(house)).holds.map(({ vmId, state, credits }) => ({ vmId, state, credits }));

describe("hostile nodes and the account", () => {
  it.each(SIEGES)("%s moves no credit and says nothing to the agent", async (kind) => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const before = await heldOf(house);
    besiege(kind);
    const fromMs = stage.nowMs;
    await house.advance(SIEGE_S);
    // strangers were asked, so that there was something to survive
    const asked = stage.sent.filter(({ host, atMs }) => atMs > fromMs && host.startsWith("crn-"));
    expect(asked.length).toBeGreaterThan(0);
    const said = await toolsOf(house, agent, vmId);
    for (const word of ["canary", CANARY.slice(0, 12), "169.254", "polluted", "entry-1"])
      expect(said).not.toContain(word);
    expect(await heldOf(house)).toEqual(before);
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true, extras: [] });
    expect(stage.logged.filter(({ event }) => event === "account.internal")).toEqual([]);
    expect(JSON.stringify(stage.logged)).not.toContain("canary");
  });

  it("a machine is ended by its owner's agent although no node says a sensible word", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    besiege("prompt");
    await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 });
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("destroyed");
    const [hash = ""] = instanceHashes(vmId);
    expect(forgetsOf(hash).length).toBeGreaterThan(0);
    expect(stage.world.cores.map((core) => core.statusOf(hash))).toEqual(["forgotten", "forgotten", "forgotten"]);
    expect(JSON.stringify(vm)).not.toContain("canary");
  });
});
