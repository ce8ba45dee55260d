/** Every tool with every id that is another's: a sibling agent's of the same account, and another owner's agent's (I15). */
import { beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import { shardOf } from "../../src/directory/watch.ts";
import { outputOf, toolResult } from "../../src/mcp/result.ts";
import type { Tool } from "../../src/mcp/tool.ts";
import { TOOLS } from "../../src/mcp/tools/all.ts";
import { askingPolicy, belongings, type Belongings, idsOf, nobodys } from "./belongings.ts";
import { alone, dumpOf, inAccount } from "./evidence.ts";
import { ASK, everyCall, House, HOUR_S, SSH_KEY, value } from "./house.ts";
import { ORIGIN, type Said } from "./pages.ts";

/** What the caller has itself, for calls in which one id is theirs and the other is not. */
type Own = { readonly vmId: string; readonly create: string; readonly extend: string };
type Tested = {
  /** Parameters that may hold an id. */
  readonly ids: readonly string[];
  readonly plain: readonly string[];
  readonly calls: readonly ((id: string, own: Own) => Said)[];
};

const SHAPE = ["cpu", "ram_gb", "disk_gb", "os_image", "ssh_pubkey", "gpu", "max_hourly_cost_usd", "ttl_hours", "name"];
const VM = { cpu: 1, ram_gb: 2, disk_gb: 20, os_image: "ubuntu24", ssh_pubkey: SSH_KEY };
const NOTHING: Tested = { ids: [], plain: [], calls: [] };
/** The longest wait that a call may ask for, and what none of these calls may take of it. */
const WAIT_S = 25;
const SLOW_MS = 10_000;

const TESTED: Readonly<Record<string, Tested>> = {
  aleph_check_balance: NOTHING,
  aleph_emergency_stop: NOTHING,
  aleph_list_crns: {
    ids: ["cursor"],
    plain: ["min_cpu", "min_ram_gb", "min_disk_gb", "region", "gpu", "limit"],
    calls: [(cursor) => ({ cursor })],
  },
  aleph_quote_vm: { ids: ["crn_id"], plain: SHAPE, calls: [(crn_id) => ({ ...VM, crn_id })] },
  aleph_create_vm: {
    ids: ["quote_id", "crn_id"],
    plain: [...SHAPE, "dry_run"],
    calls: [
      (quote_id) => ({ quote_id }),
      (quote_id) => ({ quote_id, ...VM }),
      (quote_id) => ({ quote_id, dry_run: true }),
      (crn_id) => ({ ...VM, crn_id }),
      (crn_id, own) => ({ crn_id, quote_id: own.create }),
    ],
  },
  aleph_get_vm: {
    ids: ["vm_id"],
    plain: ["wait_s"],
    calls: [(vm_id) => ({ vm_id }), (vm_id) => ({ vm_id, wait_s: WAIT_S })],
  },
  aleph_list_my_vms: {
    ids: ["cursor"],
    plain: ["state", "limit"],
    calls: [(cursor) => ({ cursor }), (cursor) => ({ cursor, state: "all" })],
  },
  aleph_extend_vm: {
    ids: ["vm_id", "quote_id"],
    plain: ["additional_hours", "dry_run"],
    calls: [
      (vm_id) => ({ vm_id, additional_hours: 1 }),
      (vm_id) => ({ vm_id, additional_hours: 1, dry_run: true }),
      (quote_id) => ({ quote_id }),
      (quote_id, own) => ({ quote_id, vm_id: own.vmId, additional_hours: 1 }),
      (vm_id, own) => ({ vm_id, quote_id: own.extend }),
    ],
  },
  aleph_destroy_vm: {
    ids: ["vm_id"],
    plain: ["dry_run"],
    calls: [(vm_id) => ({ vm_id, dry_run: true }), (vm_id) => ({ vm_id })],
  },
  aleph_top_up_credits: {
    ids: ["quote_id"],
    plain: ["amount_usd", "dry_run"],
    calls: [(quote_id) => ({ quote_id }), (quote_id) => ({ quote_id, amount_usd: 1 })],
  },
  aleph_get_approval: {
    ids: ["approval_id"],
    plain: ["withdraw", "wait_s"],
    calls: [
      (approval_id) => ({ approval_id }),
      (approval_id) => ({ approval_id, wait_s: WAIT_S }),
      (approval_id) => ({ approval_id, withdraw: true }),
    ],
  },
  aleph_get_spending: {
    ids: ["cursor"],
    plain: ["since", "group_by", "limit"],
    calls: [(cursor) => ({ cursor }), (cursor) => ({ cursor, group_by: "vm" })],
  },
};

const CALLS = TOOLS.flatMap((tool) => (TESTED[tool.name]?.calls ?? []).map((call) => ({ tool, call })));

/** The bytes that the agent's client gets. */
async function told(house: House, caller: Caller, tool: Tool, args: Said): Promise<string> {
  const use = { front: house.agents, caller, origin: ORIGIN, network: "twin" } as const;
  const beganMs = Date.now();
  const text = JSON.stringify(toolResult(outputOf(await tool.run(args, use), ORIGIN)));
  return Date.now() - beganMs > SLOW_MS ? `late: ${text}` : text;
}

/** All rows but the caller's own: what a refused accept counts against is its agent. Each commit has a number. */
const othersRows = (house: House, { grantId }: Caller): Promise<string> =>
  inAccount(house, (sql) =>
    dumpOf(sql)
      .split("\n")
      .filter((row) => row !== "" && !row.includes(grantId))
      .join("\n")
      .replace(/"commit_seq":\d+/, ""),
  );

describe("the matrix", () => {
  it("knows every tool and every parameter of it: a new one has to say whether it may hold an id", () => {
    expect(TOOLS.map((tool) => tool.name).toSorted()).toEqual(Object.keys(TESTED).toSorted());
    for (const { name, input } of TOOLS) {
      const { ids = [], plain = [] } = TESTED[name] ?? {};
      expect({ name, parameters: [...ids, ...plain].toSorted() }).toEqual({
        name,
        parameters: Object.keys(input.shape).toSorted(),
      });
    }
  });

  it("puts an id into every parameter that may hold one", () => {
    const own = { vmId: "", create: "", extend: "" };
    for (const [name, { ids, calls }] of Object.entries(TESTED)) {
      const filled = calls.flatMap((call) => Object.entries(call("theirs", own)));
      const tested = new Set(filled.flatMap(([parameter, said]) => (said === "theirs" ? [parameter] : [])));
      expect({ name, tested: [...tested].toSorted() }).toEqual({ name, tested: ids.toSorted() });
    }
  });
});

describe("an id that is not the caller's", () => {
  let house: House;
  let neighbour: House;
  let agent: Caller;
  let own: Own;
  let sibling: Caller;
  let stranger: Caller;
  let theirs: { readonly sibling: Belongings; readonly stranger: Belongings };

  beforeAll(async () => {
    house = await alone(askingPolicy());
    neighbour = await House.join(askingPolicy());
    house.shards = [shardOf(house.name), shardOf(neighbour.name)];
    neighbour.shards = house.shards;
    [agent, sibling, stranger] = [await house.agent(), await house.agent(), await neighbour.agent()];
    const vmId = await house.healthy(agent);
    theirs = { sibling: await belongings(house, sibling), stranger: await belongings(neighbour, stranger) };
    const create = value(await house.agents.quoteVm(agent, ASK)).quoteId;
    own = { vmId, create, extend: value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S })).quoteId };
  }, 120_000);

  for (const who of ["sibling", "stranger"] as const)
    it(`is answered byte for byte as one that does not exist, and changes no row: a ${who}'s, in every tool`, async () => {
      const before = [await othersRows(house, agent), await othersRows(neighbour, agent)];
      for (const { tool, call } of CALLS) {
        const nothing = new Map<string, string>();
        for (const id of idsOf(theirs[who])) {
          const args = call(id, own);
          const nobody = nobodys(id);
          nothing.set(nobody, nothing.get(nobody) ?? (await told(house, agent, tool, call(nobody, own))));
          const says = await told(house, agent, tool, args);
          expect({ tool: tool.name, args, says }).toEqual({ tool: tool.name, args, says: nothing.get(nobody) });
        }
      }
      expect([await othersRows(house, agent), await othersRows(neighbour, agent)]).toEqual(before);
    });

  // last but one, since it uses them up: an answer that is the same for everybody would prove nothing above
  it("is good for its holder, who is answered otherwise by every tool that takes an id of ours", async () => {
    const ids = idsOf(theirs.sibling);
    const good = new Set<string>();
    for (const { tool, call } of CALLS)
      for (const args of ids.map((id) => call(id, own)))
        if (!good.has(tool.name) && (await told(house, sibling, tool, args)) !== (await told(house, agent, tool, args)))
          good.add(tool.name);
    const takers = new Set<string>(CALLS.map(({ tool }) => tool.name));
    // their ids are a node's and a row's number: nobody's own
    for (const name of ["aleph_list_crns", "aleph_quote_vm", "aleph_get_spending"]) takers.delete(name);
    expect([...good]).toEqual(expect.arrayContaining([...takers]));
  });

  it("is no way in either: a token of another account gets what an unknown one gets, from every method", async () => {
    const tokens: readonly Caller[] = [
      { ...agent, grantId: `gr_${"a".repeat(26)}` },
      { ...stranger, account: house.name },
      { ...agent, account: neighbour.name },
      { ...agent, account: "nobody" },
    ];
    const before = await othersRows(house, stranger);
    const ids = { vmId: own.vmId, quoteId: own.create, approvalId: theirs.sibling.approvals[1] ?? "" };
    for (const caller of tokens)
      for (const [name, call] of Object.entries(everyCall(house.agents, caller, ids)))
        expect({ name, ...(await call()) }).toEqual({
          name,
          ok: false,
          refusal: { code: "auth.revoked", facts: {}, retry: "never" },
        });
    expect(await othersRows(house, stranger)).toBe(before);
  });
});
