/** The audit chain of a real account: folded it is the account, whoever changed what. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { toHex, utf8 } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import type { Store } from "../../src/account/store.ts";
import { alone, booksOf, inAccount } from "./evidence.ts";
import { ASK, code, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { Agent, Browser } from "./pages.ts";
import { stage } from "./stage.ts";
import { chainOf, told } from "./told.ts";

const FULL = 8_000_000_001;

/** From here on the account's storage counts as nearly full. */
const filled = (house: House): Promise<void> =>
  runInDurableObject(house.account, (object) => {
    Object.assign((object as unknown as { readonly store: Store }).store, { databaseBytes: () => FULL });
  });

/** Every table with what is in it, but for the reading of the payer, which is kept in one place. */
const everything = (house: House): Promise<string> =>
  inAccount(house, (sql) =>
    JSON.stringify(
      sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
        )
        .toArray()
        .filter(({ name }) => name !== "account")
        .map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]),
    ),
  );

describe("an account whose storage is nearly full", () => {
  it("quotes, admits and notes nothing, and ends what lives", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const before = value(await house.agents.quoteVm(agent, ASK));
    await filled(house);
    const stored = await everything(house);
    expect(code(await house.agents.quoteVm(agent, ASK))).toBe("account.storage");
    expect(code(await house.agents.quoteTopUp(agent, { credits: 5 }))).toBe("account.storage");
    expect(code(await house.agents.accept(agent, { quoteId: before.quoteId, kind: "create", waitS: 0 }))).toBe(
      "account.storage",
    );
    expect(code(await house.agents.accept(agent, { quoteId: "q_none", kind: "create", waitS: 0 }))).toBe(
      "input.unknown_id",
    );
    expect(code(await house.owners.offerPolicy(house.session, { draft: draftPolicy() }))).toBe("account.storage");
    const call = { tool: "aleph_get_vm", changes: false, latencyMs: 1, costCredits: null, parameters: {} };
    for (const said of ["ok", "policy.burn"]) await house.account.noteCall(agent, { ...call, code: said });
    expect(await everything(house)).toBe(stored);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    expect((await house.until(agent, vmId, ["TERMINATED"])).certificate).not.toBeNull();
    await house.advance(4 * HOUR_S);
    expect((await booksOf(house)).holds.map(({ state }) => state)).toEqual(["posted"]);
  });
});

describe("what agents called over HTTP", () => {
  it("stands in the chain that the owner takes with them, which can be verified, and without what was secret", async () => {
    stage.reset();
    const browser = new Browser();
    const login = await browser.connect();
    const agent = await Agent.connect(login);
    const ssh_pubkey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfXyBCWJkqVJZC6cUfWdTr2bGuVsuyFZR1MFIqHGlC me@home";
    await agent.call("aleph_check_balance");
    await agent.call("aleph_create_vm", { quote_id: "q_none", ssh_pubkey });
    await agent.call("aleph_create_vm", { quote_id: "q_none", ssh_pubkey });
    await agent.call("aleph_destroy_vm", { vm_id: "vm_none" });
    const calls = async () => (await chainOf(browser.house)).filter(({ kind }) => kind === "call.made");
    await vi.waitFor(async () => expect(await calls()).toHaveLength(2), 10_000);
    expect((await calls()).map(({ facts }) => [facts["tool"], facts["code"]])).toEqual([
      ["aleph_create_vm", "input.unknown_id"],
      ["aleph_destroy_vm", "input.unknown_id"],
    ]);
    await browser.signIn();
    const text = await (await browser.fetch("/dashboard/audit.jsonl")).text();
    expect(text).not.toMatch(/AAAAC3|me@home/);
    const rows = text
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const end = rows.pop();
    let link = "";
    for (const { at_ms, kind, facts, link: said } of rows) {
      link = toHex(sha256(utf8([link, at_ms, kind, facts].join("\n"))));
      expect(said).toBe(link);
    }
    expect(end).toEqual({ end: true, rows: (await chainOf(browser.house)).length, head: link });
    const ledger = await (await browser.fetch("/dashboard/ledger.csv")).text();
    expect(ledger.split("\r\n")[1]).toMatch(/^"1","[^"]+","budget","granted","available","\d+",,$/);
  });
});

describe("the ring of reads", () => {
  it("keeps the latest five hundred and grows no further", async () => {
    const house = await alone();
    const agent = await house.agent();
    const call = { tool: "aleph_get_vm", changes: false, code: "ok", costCredits: null, parameters: {} };
    for (let latencyMs = 1; latencyMs <= 510; latencyMs++) await house.account.noteCall(agent, { ...call, latencyMs });
    const kept = await inAccount(house, (sql) =>
      sql.exec<{ n: number; least: number }>("SELECT count(*) AS n, min(number) AS least FROM read_call").one(),
    );
    expect(kept).toEqual({ n: 500, least: 10 });
    const pages = [value(await house.account.readPage(0)), value(await house.account.readPage(260))];
    expect(pages.map((rows) => [rows[0]?.seq, rows.at(-1)?.seq])).toEqual([
      [11, 260],
      [261, 510],
    ]);
    expect(pages[0]?.[0]).toMatchObject({ grantId: agent.grantId, factsJson: expect.stringContaining("aleph_get_vm") });
    expect(value(await house.account.readPage(510))).toEqual([]);
  });
});

describe("the chain of an account (I17)", () => {
  it("tells policies, agents, approvals, VMs, holds and the balance as the tables hold them", async () => {
    const house = await alone(draftPolicy({ approval: { by: "click", firstVm: true } }));
    const [first, second] = [await house.agent(), await house.agent()];
    const quote = value(await house.agents.quoteVm(first, ASK));
    const waits = value(await house.agents.accept(first, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (waits.kind !== "approval_required") throw new Error(waits.kind);
    const { approvalId } = waits.approval;
    const { nonce } = value(await house.owners.openApproval(house.session, { approvalId }));
    value(await house.owners.decideApproval(house.session, { approvalId, nonce, verdict: "approve" }));
    const made = value(await house.agents.accept(first, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (made.kind !== "vm") throw new Error(made.kind);
    await house.until(first, made.vm.vmId, ["HEALTHY"]);
    const longer = value(await house.agents.quoteExtend(first, { vmId: made.vm.vmId, seconds: HOUR_S }));
    value(await house.agents.accept(first, { quoteId: longer.quoteId, kind: "extend", waitS: 0 }));
    await house.setPolicy(draftPolicy({ limits: { lifetimeCreditsMax: 50_000 } }));
    value(await house.owners.revokeGrant(house.session, { grantId: second.grantId, keepVms: false }));
    const living = await told(house);
    expect(living.chain).toEqual(living.tables);
    value(await house.owners.stopEverything(house.session));
    await house.until(first, made.vm.vmId, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    const ended = await told(house);
    expect(ended.chain).toEqual(ended.tables);
    expect((await booksOf(house)).audited).toBe(true);
    expect(Object.values(ended.tables["holds"] as object).map((hold) => hold.state)).toEqual(["posted", "voided"]);
  });

  it("names the owner's acts, in their order, and what became of what the owner signed", async () => {
    const house = await alone();
    const agent = await house.agent();
    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    value(await house.owners.freeze(house.session));
    await house.setPolicy(draftPolicy(), "account");
    const acts = (await chainOf(house))
      .map(({ kind }) => kind)
      .filter((kind) => !/\.state$|^budget|^delegation/.test(kind));
    expect(acts).toEqual([
      "account.born",
      "policy.saved",
      "owner_message.over",
      "grant.added",
      "grant.frozen",
      "account.frozen",
      "policy.saved",
      "unfrozen",
    ]);
  });
});
