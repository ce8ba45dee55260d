import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { describe, expect, it, vi } from "vitest";
import { answer } from "../../src/errors.ts";
import type { AgentFront } from "../../src/account/contract.ts";
import { createServer } from "../../src/mcp/server.ts";
import { TOOLS } from "../../src/mcp/tools/all.ts";
import { call, connect, house, login, MODERN } from "./connect.ts";
import type { Answering, Era } from "./connect.ts";
import { accepting, APPROVAL_ID, fakeFront, QUOTE_ID, vm, VM_ID } from "./fake-front.ts";

const ARGS: Readonly<Record<string, Record<string, unknown>>> = {
  aleph_quote_vm: { cpu: 1, ram_gb: 2, disk_gb: 20, os_image: "debian12", ssh_pubkey: "ssh-ed25519 AAAA" },
  aleph_create_vm: { quote_id: QUOTE_ID },
  aleph_get_vm: { vm_id: VM_ID },
  aleph_extend_vm: { quote_id: QUOTE_ID },
  aleph_destroy_vm: { vm_id: VM_ID },
};
/** `vm:destroy` stands in older logins and gives nothing: every agent may end its own VMs. */
const SCOPE_SETS: readonly (readonly string[])[] = [
  ["vm:read"],
  ["vm:read", "vm:create"],
  ["vm:read", "vm:destroy"],
  ["vm:read", "vm:create", "vm:destroy"],
];
const NEEDS: Readonly<Record<string, string>> = {
  aleph_create_vm: "vm:create",
  aleph_extend_vm: "vm:create",
  aleph_top_up_credits: "funds:topup",
};

describe("createServer", () => {
  const matrix = TOOLS.filter(({ name }) => name !== "aleph_top_up_credits").flatMap(({ name }) =>
    SCOPE_SETS.map((scope) => [name, scope] as const),
  );
  const isAllowed = ([name, scope]: readonly [string, readonly string[]]) => scope.includes(NEEDS[name] ?? "vm:read");
  it.each(matrix.filter(isAllowed))("%s runs with %j", async (name, scope) => {
    const { front, asked } = fakeFront();
    const { client } = await connect(house(front), MODERN, { ...login, auth: { clientId: "c", scope } });
    expect((await call(client, name, ARGS[name])).data["status"]).not.toBe("refused");
    expect(asked).toHaveLength(1);
  });
  it.each(matrix.filter((pair) => !isAllowed(pair)))(
    "%s with %j is refused, and the account is not asked",
    async (name, scope) => {
      const { front, asked } = fakeFront();
      const { client } = await connect(house(front), MODERN, { ...login, auth: { clientId: "c", scope } });
      const { data, isError } = await call(client, name, ARGS[name]);
      expect(data).toMatchObject({
        status: "refused",
        code: "auth.scope",
        facts: { needs: NEEDS[name] },
        who: "owner",
        owner_url: "https://allowance.example/dashboard",
      });
      expect([isError, asked.length]).toEqual([true, 0]);
    },
  );
  it("counts as many allowed and refused pairs as the table of scopes says", () => {
    expect([matrix.filter(isAllowed).length, matrix.length]).toEqual([40, 44]);
  });
  it("repeats in the tool the check that HTTP made for funds:topup", async () => {
    const { front, asked } = fakeFront();
    const [mine, theirs] = InMemoryTransport.createLinkedPair();
    const deps = {
      front,
      origin: "https://allowance.example",
      network: "twin",
      limiter: { take: async () => true },
    } as const;
    await createServer({ account: "account", grant_id: "gr_1" }, deps).connect(theirs);
    const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "legacy" } });
    await client.connect(mine);
    expect((await call(client, "aleph_top_up_credits", { amount_usd: 1 })).data).toMatchObject({
      code: "auth.scope",
      facts: { needs: "vm:read" },
    });
    expect(asked).toHaveLength(0);
  });
  it("names the rules in its instructions", async () => {
    const { client } = await connect(house());
    // Claude Code 2.1.84 and later cut them at 2 KB (its changelog)
    expect(client.getInstructions()?.length).toBeLessThan(2_048);
    expect(client.getInstructions()).toMatchInlineSnapshot(
      `"Rents virtual machines on Aleph Cloud within a budget that the owner set. Read aleph_check_balance first. Spending is quote, then accept: ask aleph_quote_vm, then call aleph_create_vm with its quote_id; repeating a quote_id never spends twice. status approval_required: give approval_url to the owner, then poll aleph_get_approval; only the owner can approve, on that page. A refusal has status refused with code, facts, next_tool and retry. retry same_key: repeat the call with the same quote_id once its cause is gone; after: repeat it after retry_after_s seconds; new_key: change what was refused, or ask for a new quote; never: do not repeat it; who says whose help it takes, owner_url where the owner gives it. Look at would_refuse before you accept: accepts refused with policy.*, input.*, node.* or network.*, the owner's denials and failed creates count. 3 in a row stop new VMs for about 15 minutes; 3 such stops of your own doing within a day freeze this agent. Every VM is destroyed at its expires_at. status unknown means ordered and not yet confirmed: ask aleph_get_vm, never create again. Times are UTC. Amounts are US dollars. 1 GB = 1024 MiB."`,
    );
  });
  it("limits calls per grant, quotes besides, before it looks at scope or input", async () => {
    const taken: string[] = [];
    const take = (allow: boolean) => async (lane: string, key: string) =>
      taken.push(`${lane} ${key}`) > 0 && (allow || lane !== "quotes");
    const { front, asked } = fakeFront();
    const { client } = await connect(house(front, { limiter: { take: take(false) } }), MODERN, {
      ...login,
      auth: { clientId: "c", scope: ["vm:read"] },
    });
    expect((await call(client, "aleph_create_vm", { cpu: "many" })).data).toMatchObject({
      code: "busy.rate_limited",
      retry: "after",
      retry_after_s: 60,
    });
    expect((await call(client, "aleph_check_balance")).data).toMatchObject({ status: "ok" });
    expect((await call(client, "aleph_create_vm", { quote_id: QUOTE_ID })).data).toMatchObject({ code: "auth.scope" });
    expect((await call(client, "aleph_create_vm", { quote_id: QUOTE_ID, dry_run: true })).data).toMatchObject({
      code: "busy.rate_limited",
    });
    expect(taken).toEqual(["calls gr_1", "quotes gr_1", "calls gr_1", "calls gr_1", "calls gr_1", "quotes gr_1"]);
    expect(asked).toHaveLength(1);
  });
});

describe("offerPage", () => {
  /** Waits for the owner until `decided` is set, as the account would. */
  function waiting(state: { decided: boolean }): Partial<AgentFront> {
    const created = { kind: "vm", vm, additionalCredits: null, networkState: "reachable", unattended: false } as const;
    return { accept: async () => answer(state.decided ? created : accepting) };
  }

  async function create(era: Era, state: { decided: boolean }, answering?: Answering) {
    const { front, asked } = fakeFront(waiting(state));
    const { client } = await connect(house(front), era, login, answering);
    return { ...(await call(client, "aleph_create_vm", { quote_id: QUOTE_ID })), asked };
  }

  const ERAS: readonly Era[] = ["legacy", MODERN];
  const ACTIONS = ["accept", "decline", "cancel"] as const;
  it.each(ERAS.flatMap((era) => ACTIONS.map((action) => [era, action] as const)))(
    "%j: after %s the answer is what the account says, never what the client says",
    async (era, action) => {
      const shown: unknown[] = [];
      const { data, isError, asked } = await create(
        era,
        { decided: false },
        async () => (shown.push(action), { action }),
      );
      expect(shown).toEqual([action]);
      expect(asked).toHaveLength(2);
      expect(data).toMatchObject({ status: "approval_required", approval_id: APPROVAL_ID, code: "approval.required" });
      expect(isError).toBe(false);
    },
  );
  it.each(ERAS)("%j: an owner who decides while the page is open sees the VM in the same call", async (era) => {
    const state = { decided: false };
    const { data } = await create(era, state, async () => ((state.decided = true), { action: "cancel" }));
    expect(data).toMatchObject({ status: "healthy", vm_id: VM_ID });
  });
  it.each(ERAS)("%j: a client that cannot open pages is not asked and gets the link", async (era) => {
    const { data, asked } = await create(era, { decided: false });
    expect(asked).toHaveLength(1);
    expect(data).toMatchObject({
      status: "approval_required",
      approval_url: `https://allowance.example/approve/${APPROVAL_ID}`,
    });
  });
  it("answers a 2025 client that shows nothing to anybody after 20 s, with the link", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { data, isError } = await create("legacy", { decided: false }, async () => {
        vi.advanceTimersByTime(20_001);
        return new Promise(() => {});
      });
      expect(data).toMatchObject({ status: "approval_required", approval_id: APPROVAL_ID });
      expect(isError).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
  it("still answers with the link when a 2025 client fails to answer", async () => {
    const { data, isError } = await create("legacy", { decided: false }, async () => {
      throw new Error("no display");
    });
    expect(data).toMatchObject({ status: "approval_required", approval_id: APPROVAL_ID });
    expect(isError).toBe(false);
  });
});
