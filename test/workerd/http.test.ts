/** The whole Worker through its fetch handler: OAuth, the owner's pages and MCP, with the stage's network and time. */
import { reset } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import { shardOf } from "../../src/directory/watch.ts";
import { booksOf } from "./evidence.ts";
import { SSH_KEY } from "./house.ts";
import {
  Agent,
  Browser,
  type ConnectAsk,
  type Era,
  type Login,
  mcp,
  MODERN,
  moving,
  ORIGIN,
  passing,
  refresh,
  register,
  said,
  type Said,
  send,
  tryRefresh,
  turn,
} from "./pages.ts";
import { stage } from "./stage.ts";

const SHAPE = { cpu: 1, ram_gb: 2, disk_gb: 20, os_image: "ubuntu24", ssh_pubkey: SSH_KEY };
const TOOLS = 12;
const ERAS: readonly (readonly [string, Era])[] = [
  ["2025", "legacy"],
  ["2026", MODERN],
];

beforeEach(async () => {
  await reset();
  stage.reset();
});

function stranger(): Browser {
  const browser = new Browser();
  browser.house.shards = [shardOf(browser.house.name)];
  return browser;
}

/** An owner who has consented once, is signed in and funded. */
async function owner(ask: ConnectAsk = {}): Promise<{ browser: Browser; login: Login }> {
  const browser = stranger();
  const login = await browser.connect(ask);
  await browser.signIn();
  await browser.fund();
  return { browser, login };
}

async function quoteId(agent: Agent): Promise<unknown> {
  return (await agent.call("aleph_quote_vm", SHAPE))["quote_id"];
}

const callOf = (name: string, args: Said): Said => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name, arguments: args },
});

describe("an agent of either protocol era", () => {
  it.each(ERAS)("of %s rents a VM with the owner's approval and gives it back", async (_name, era) => {
    const { browser, login } = await owner();
    const agent = await Agent.connect(login, era);
    expect((await agent.client.listTools()).tools).toHaveLength(TOOLS);
    expect(await agent.call("aleph_check_balance")).toMatchObject({
      status: "ok",
      balance_usd: 50,
      active_vms: 0,
      delegation: "ok",
      network: "twin",
    });
    const quote = await agent.call("aleph_quote_vm", SHAPE);
    expect(quote).toMatchObject({ status: "quote", approval: "required" });
    const asked = await agent.call("aleph_create_vm", { quote_id: quote["quote_id"] });
    expect(asked).toMatchObject({ status: "approval_required", who: "owner", next_tool: "aleph_get_approval" });
    expect(String(asked["approval_url"])).toBe(`${ORIGIN}/approve/${String(asked["approval_id"])}`);
    expect(await browser.approve(asked["approval_url"])).toEqual({ state: "approved" });
    const told = await agent.call("aleph_get_approval", { approval_id: asked["approval_id"] });
    expect(told).toMatchObject({ status: "approved", next_tool: "aleph_create_vm" });
    const vm = await passing(browser.house, agent.call("aleph_create_vm", { quote_id: quote["quote_id"] }));
    expect(vm).toMatchObject({ status: "healthy", simulated: true });
    expect(browser.house.machines()).toEqual([vm["item_hash"]]);
    const dead = await passing(browser.house, agent.call("aleph_destroy_vm", { vm_id: vm["vm_id"] }));
    expect(dead).toMatchObject({ status: "terminated", end_reason: "destroyed" });
    await browser.house.advance(300);
    const certified = await agent.call("aleph_get_vm", { vm_id: vm["vm_id"] });
    expect(certified["certificate"]).toMatchObject({ end_reason: "destroyed", item_hashes: [vm["item_hash"]] });
    expect(browser.house.machines()).toEqual([]);
    await agent.client.close();
  });

  it.each(ERAS)("of %s that can show pages has its owner approve within the call", async (_name, era) => {
    const { browser, login } = await owner();
    const agent = await Agent.connect(login, era, async (url) => {
      expect(await browser.approve(url)).toEqual({ state: "approved" });
      return { action: "accept" };
    });
    const vm = await passing(browser.house, agent.call("aleph_create_vm", { quote_id: await quoteId(agent) }));
    expect(vm["status"]).toBe("healthy");
    expect(browser.house.machines()).toEqual([vm["item_hash"]]);
    await agent.client.close();
  });

  it.each(ERAS)("of %s that shows the page and says yes by itself has approved nothing", async (_name, era) => {
    const { browser, login } = await owner();
    const agent = await Agent.connect(login, era, async () => ({ action: "accept" }));
    const answer = await agent.call("aleph_create_vm", { quote_id: await quoteId(agent) });
    expect(answer["status"]).toBe("approval_required");
    await browser.house.advance(60);
    expect(browser.house.machines()).toEqual([]);
    await agent.client.close();
  });
});

describe("an owner's approval", () => {
  type Page = {
    readonly browser: Browser;
    readonly path: string;
    readonly body: Said;
    readonly state: () => Promise<unknown>;
  };

  /** The page is open in the owner's browser and the wallet has signed; the signature is on its way. */
  async function signedPage(): Promise<Page> {
    const { browser, login } = await owner();
    const agent = await Agent.connect(login);
    const asked = await agent.call("aleph_create_vm", { quote_id: await quoteId(agent) });
    const path = new URL(String(asked["approval_url"])).pathname;
    const page = await browser.get(path);
    const signature = browser.signTyped(page["typed_data"]);
    const state = async () => (await agent.call("aleph_get_approval", { approval_id: asked["approval_id"] }))["status"];
    return { browser, path, body: { nonce: page["nonce"], verdict: "approve", signature }, state };
  }

  async function codeOf(response: Response): Promise<readonly unknown[]> {
    const { code } = await response.json<Said>();
    return [response.status, code];
  }

  it("counts in the browser session that opened the page, once", async () => {
    const { browser, path, body, state } = await signedPage();
    expect(await browser.post(path, body)).toEqual({ state: "approved" });
    expect(await codeOf(await browser.postJson(path, body))).toEqual([400, "input.invalid"]);
    expect(await state()).toBe("approved");
  });

  it("is refused without the session's cookie", async () => {
    const { browser, path, body, state } = await signedPage();
    expect(await codeOf(await new Browser(browser.house).postJson(path, body))).toEqual([401, "auth.missing"]);
    expect(await state()).toBe("pending");
    expect(await browser.post(path, body)).toEqual({ state: "approved" });
  });

  it("is refused from another session of the same owner", async () => {
    const { browser, path, body, state } = await signedPage();
    const other = await new Browser(browser.house).signIn();
    expect(await codeOf(await other.postJson(path, body))).toEqual([400, "input.invalid"]);
    expect(await state()).toBe("pending");
    expect(await browser.post(path, body)).toEqual({ state: "approved" });
  });

  it("does not exist for another owner", async () => {
    const { path, body, state } = await signedPage();
    const other = await stranger().signIn();
    const unknown = await other.fetch("/approve/ap_none", { headers: { accept: "application/json" } });
    const foreign = await other.fetch(path, { headers: { accept: "application/json" } });
    expect([foreign.status, await foreign.json()]).toEqual([unknown.status, await unknown.json()]);
    expect((await other.postJson(path, body)).status).toBe(400);
    expect(await state()).toBe("pending");
  });

  it.each([
    ["another origin", { origin: "https://allowance.example.net", "sec-fetch-site": "cross-site" }],
    ["another origin that names no site", { origin: "https://allowance.example.net", "sec-fetch-site": "same-origin" }],
    ["a sibling site", { "sec-fetch-site": "same-site" }],
    ["a sandboxed page", { origin: "null" }],
  ])("is refused from %s, cookie or not", async (_name, headers) => {
    const { browser, path, body, state } = await signedPage();
    expect(await codeOf(await browser.postJson(path, body, headers))).toEqual([400, "input.invalid"]);
    expect(await state()).toBe("pending");
    expect(await browser.post(path, body)).toEqual({ state: "approved" });
  });

  it("is refused when somebody else's wallet signed it", async () => {
    const { browser, path, body, state } = await signedPage();
    const page = await browser.get(path);
    const signature = new Browser().signTyped(page["typed_data"]);
    const forged = await browser.postJson(path, { ...body, nonce: page["nonce"], signature });
    expect(await codeOf(forged)).toEqual([400, "input.invalid"]);
    expect(await state()).toBe("pending");
  });
});

describe("a token", () => {
  it("that is missing or made up is asked for, with the way to get one", async () => {
    for (const given of [null, "made-up", "a:b:c"]) {
      const response = await mcp(given, callOf("aleph_check_balance", {}));
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain(
        `resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp"`,
      );
    }
    const resource = await said(await send("/.well-known/oauth-protected-resource/mcp"));
    expect(resource).toMatchObject({ resource: `${ORIGIN}/mcp`, authorization_servers: [ORIGIN] });
    const server = await said(await send("/.well-known/oauth-authorization-server"));
    expect(server).toMatchObject({
      issuer: ORIGIN,
      authorization_endpoint: `${ORIGIN}/authorize`,
      token_endpoint: `${ORIGIN}/oauth/token`,
      registration_endpoint: `${ORIGIN}/oauth/register`,
      code_challenge_methods_supported: ["S256"],
    });
  });

  it("of another account finds nothing of this one, as if it did not exist", async () => {
    const { browser, login } = await owner();
    const agent = await Agent.connect(login);
    const quoted = await quoteId(agent);
    const asked = await agent.call("aleph_create_vm", { quote_id: quoted });
    await browser.approve(asked["approval_url"]);
    const vm = await passing(browser.house, agent.call("aleph_create_vm", { quote_id: quoted }));
    const other = await Agent.connect((await owner()).login);
    const same = async (tool: string, name: string, foreign: unknown, none: string) => {
      const answers = await Promise.all([foreign, none].map((id) => other.call(tool, { [name]: id })));
      expect(answers[0]).toMatchObject({ status: "refused", code: "input.unknown_id" });
      expect(answers[0]).toEqual(answers[1]);
    };
    await same("aleph_get_vm", "vm_id", vm["vm_id"], "vm_none");
    await same("aleph_destroy_vm", "vm_id", vm["vm_id"], "vm_none");
    await same("aleph_create_vm", "quote_id", quoted, "q_none");
    await same("aleph_get_approval", "approval_id", asked["approval_id"], "ap_none");
    expect((await other.call("aleph_list_my_vms", { state: "all" }))["vms"]).toEqual([]);
    expect(browser.house.machines()).toEqual([vm["item_hash"]]);
  });

  it("of another account cannot take over the connection of a 2025 client", async () => {
    const { login } = await owner();
    const agent = await Agent.connect(login, "legacy", async () => ({ action: "cancel" }));
    const session = { "mcp-session-id": agent.transport.sessionId ?? "" };
    expect(session["mcp-session-id"]).toMatch(/^ms_/);
    const other = await stranger().connect();
    const taken = await mcp(other.accessToken, callOf("aleph_check_balance", {}), session);
    expect(taken.status).toBe(404);
    expect((await agent.call("aleph_check_balance"))["status"]).toBe("ok");
    await agent.client.close();
  });

  it("without vm:create may look, and is told the scope that creating needs", async () => {
    const { browser, login } = await owner({ scopes: ["vm:read"] });
    const agent = await Agent.connect(login);
    expect((await agent.call("aleph_check_balance"))["status"]).toBe("ok");
    const quoted = await quoteId(agent);
    expect(await agent.call("aleph_create_vm", { quote_id: quoted })).toMatchObject({
      status: "refused",
      code: "auth.scope",
      facts: { needs: "vm:create" },
    });
    expect(await agent.call("aleph_get_approval")).toMatchObject({ status: "ok", total: 0 });
    const topUp = await mcp(login.accessToken, callOf("aleph_top_up_credits", { amount_usd: 1 }));
    expect(topUp.status).toBe(403);
    expect(topUp.headers.get("www-authenticate")).toMatch(/insufficient_scope.*vm:read funds:topup/);
    expect(browser.house.machines()).toEqual([]);
  });

  it("is renewed, and the old one dies with the first use of the new", async () => {
    const { login } = await owner();
    const renewed = await refresh(login);
    expect(renewed.accessToken).not.toBe(login.accessToken);
    const agent = await Agent.connect(renewed);
    expect((await agent.call("aleph_check_balance"))["status"]).toBe("ok");
    const again = await refresh(renewed);
    expect((await tryRefresh(login)).status).toBe(400);
    expect((await Agent.connect(again)).client.getServerVersion()?.name).toBe("allowance");
  });

  it("of a grant that the owner has revoked ends at once, on the page and for good", async () => {
    const { browser, login } = await owner();
    const { grants } = (await browser.get("/api/overview")) as { grants: readonly { readonly grant_id: string }[] };
    const path = `/dashboard/grant/${grants[0]?.grant_id ?? ""}/revoke`;
    expect((await browser.form(path, { csrf: "wrong" })).status).toBe(400);
    expect((await mcp(login.accessToken, callOf("aleph_check_balance", {}))).status).not.toBe(401);
    expect((await browser.form(path, { csrf: browser.csrf })).status).toBe(303);
    expect((await mcp(login.accessToken, callOf("aleph_check_balance", {}))).status).toBe(401);
    const refused = await tryRefresh(login);
    expect([refused.status, (await refused.json<Said>())["error"]]).toEqual([400, "invalid_grant"]);
  });

  it("of a revoked grant is worth nothing while the token store has not heard of it", async () => {
    const { browser, login } = await owner();
    const agent = await Agent.connect(login);
    const { grants } = (await browser.get("/api/overview")) as { grants: readonly { readonly grant_id: string }[] };
    // the account alone, as in the moment before the logins are ended
    await browser.house.owners.revokeGrant(browser.house.session, {
      grantId: grants[0]?.grant_id ?? "",
      keepVms: false,
    });
    for (const [tool, args] of [
      ["aleph_check_balance", {}],
      ["aleph_quote_vm", SHAPE],
      ["aleph_list_my_vms", { state: "all" }],
    ] as const)
      expect(await agent.call(tool, args)).toMatchObject({ status: "refused", code: "auth.revoked" });
    const refused = await tryRefresh(login);
    expect([refused.status, (await refused.json<Said>())["error"]]).toEqual([400, "invalid_grant"]);
  });
});

describe("registering a client", () => {
  it.each([
    ["a script as redirect", { redirect_uris: ["javascript:alert(1)"] }],
    ["plain http to another machine", { redirect_uris: ["http://agent.example/callback"] }],
    ["no redirect", { redirect_uris: [] }],
    ["a name without end", { client_name: "a".repeat(201) }],
  ])("refuses %s", async (_name, more) => {
    expect((await register("Agent", more)).status).toBe(400);
  });

  it("is followed by consent every time, although the owner is signed in and has consented before", async () => {
    const { browser } = await owner();
    const clientId = String((await said(await register("Another")))["client_id"]);
    const handle = await browser.openConsent(clientId, "v".repeat(43));
    const early = await browser.form("/authorize", { handle, csrf: browser.csrf, verdict: "allow", agent: "new" });
    expect([early.status, early.headers.get("location")]).toEqual([401, null]);
  });
});

describe("two hundred accepts at once through /mcp with the default limits", () => {
  const AGENTS = 10;
  const QUOTES = 20;
  const QUOTES_PER_MIN = 12;

  type Wave = { readonly made: readonly Said[]; readonly refused: ReadonlyMap<unknown, readonly Said[]> };

  /** All at once; time stands still until everything that can answer without it has answered. */
  async function wave(browser: Browser, asked: readonly { agent: Agent; quote: unknown }[]): Promise<Wave> {
    const answers: Said[] = [];
    const calls = asked.map(async ({ agent, quote }) =>
      answers.push(await agent.call("aleph_create_vm", { quote_id: quote })),
    );
    while (answers.length + (await moving(browser.house)) < asked.length) await turn();
    await passing(browser.house, Promise.all(calls));
    return {
      made: answers.filter((one) => one["status"] === "healthy"),
      refused: Map.groupBy(
        answers.filter((one) => one["status"] === "refused"),
        (one) => one["code"],
      ),
    };
  }

  it("make no more VMs than the owner allows, and each refusal names the limit that bit", async () => {
    const { browser, login } = await owner({ limits: { approval_first_vm: "no" } });
    const first = await Agent.connect(login);
    const agents = [first];
    for (let more = 1; more < AGENTS; more++) agents.push(await Agent.connect(await browser.connect()));
    await minute(browser);
    const early = await quotesOf(agents, QUOTES_PER_MIN + 1);
    const tooMany = early.filter((one) => one["status"] === "refused");
    expect(tooMany).toHaveLength(AGENTS);
    for (const one of tooMany)
      expect(one).toMatchObject({ code: "busy.rate_limited", retry: "after", retry_after_s: 60 });
    await minute(browser);
    const late = await quotesOf(agents, QUOTES - QUOTES_PER_MIN);
    const quotes = [...early, ...late].filter((one) => one["status"] === "quote");
    expect(quotes).toHaveLength(AGENTS * QUOTES);
    expect(new Set(quotes.map((one) => one["approval"]))).toEqual(new Set(["not_required"]));
    const asked = quotes.map((one) => ({ agent: one["agent"] as Agent, quote: one["quote_id"] }));
    await minute(browser);
    const one = await wave(browser, asked);
    expect(one.made).toHaveLength(2);
    expect([...one.refused.keys()].filter((code) => code !== "busy.leases")).toEqual(["policy.rate"]);
    expect(one.refused.get("policy.rate")?.[0]).toMatchObject({ facts: { limit: 2, left: 0 }, retry: "after" });
    await minute(browser);
    const made = new Set(one.made.map((each) => each["vm_id"]));
    const two = await wave(browser, asked);
    const fresh = two.made.filter((each) => !made.has(each["vm_id"]));
    expect([two.made.length, fresh.length]).toEqual([3, 1]);
    expect([...two.refused.keys()].filter((code) => code !== "busy.leases")).toEqual(["policy.vms_live"]);
    expect(two.refused.get("policy.vms_live")?.[0]).toMatchObject({ facts: { limit: 3, left: 0 }, retry: "after" });
    expect(browser.house.machines()).toHaveLength(3);
    const books = await booksOf(browser.house);
    const held = books.holds.filter((hold) => hold.state === "held");
    expect(held).toHaveLength(3);
    expect(new Set(held.map((hold) => hold.credits)).size).toBe(1);
    expect([books.balanced, books.audited]).toEqual([true, true]);
    const { balance_usd, held_usd } = await first.call("aleph_check_balance");
    expect(Number(held_usd)).toBeLessThanOrEqual(5);
    expect(balance_usd).toBeLessThanOrEqual(50);
  });

  /** The start of the stage's next minute, in which every flood limit counts anew. */
  async function minute(browser: Browser): Promise<void> {
    await browser.house.advance(60 - ((stage.nowMs / 1_000) % 60) + 1);
  }

  async function quotesOf(agents: readonly Agent[], each: number): Promise<readonly Said[]> {
    const all = agents.flatMap((agent) =>
      Array.from({ length: each }, async () => ({ ...(await agent.call("aleph_quote_vm", SHAPE)), agent })),
    );
    return Promise.all(all);
  }
});
