import { describe, expect, test } from "vitest";
import { CODES } from "../../src/errors.ts";
import {
  ACCOUNT,
  BOUNDS,
  balance,
  emptyOverview,
  endedVm,
  fullOverview,
  grant,
  notice,
  policy,
  vm,
} from "./account.ts";
import { Browser, NOW_MS, alice, body, code, house } from "./browser.ts";
import { openDelegation } from "./fake-front.ts";
import { defaultValues } from "../../src/web/policy-form.ts";

async function signedIn(home = house()) {
  const browser = new Browser(home);
  const csrf = await browser.signIn(alice);
  const before = home.front.calls.length;
  return { home, browser, csrf, done: () => home.front.calls.slice(before).filter(({ name }) => name !== "overview") };
}

const text = async (browser: Browser, path: string): Promise<string> => (await browser.get(path)).text();

describe("the front page", () => {
  test("says what this is and how to add it", async () => {
    const page = await text(new Browser(house()), "/");
    expect(page).toContain("claude mcp add --transport http allowance http://localhost:8787/mcp");
    expect(page).toContain("&quot;url&quot;: &quot;http://localhost:8787/mcp&quot;");
    expect(page).toContain("data-sign-in");
    expect(page).toContain("asks you to sign anything anywhere but on http://localhost:8787.");
  });

  test("shows the way on to somebody who is signed in", async () => {
    const { browser } = await signedIn();
    expect(await text(browser, "/")).toContain('href="/dashboard"');
  });
});

describe("the pages that refusal codes send owners to", () => {
  const pages = [...new Set(Object.values(CODES).flatMap((entry) => ("page" in entry ? [entry.page] : [])))];

  test.each(pages)("%s exists, signed in or not", async (path) => {
    const home = house();
    expect((await new Browser(home).get(path)).status).toBe(200);
    const { browser } = await signedIn(home);
    expect((await browser.get(path)).status).toBe(200);
  });
});

describe("the dashboard", () => {
  test("lists VMs with their certificates, money, limits, agents, approvals and notices", async () => {
    const { browser } = await signedIn();
    const page = await text(browser, "/dashboard");
    for (const shown of [
      "build-box",
      "HEALTHY",
      `/dashboard/vm/${endedVm.vmId}#certificate`,
      "$0.0123",
      "$4.85 of $5.00 left",
      "2 of 3 left",
      "Known agent",
      "$7.00",
      "/approve/ap_",
      "Your credits come close",
    ]) {
      expect(page).toContain(shown);
    }
  });

  test("a machine that the books did not know is listed, with its end one click away", async () => {
    const home = house();
    const orphan = { ...vm, vmId: "vm_found", name: null, state: "UNHEALTHY", orphan: true } as const;
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), vms: [orphan, vm] });
    const { browser } = await signedIn(home);
    const page = await text(browser, "/dashboard");
    expect(page).toContain("Found on the network");
    expect(page.match(/action="[^"]*\/destroy"/g)).toEqual(['action="/dashboard/vm/vm_found/destroy"']);
  });

  test("a restored account offers the end of its freeze only once it was compared with the network", async () => {
    const home = house();
    const compared = { restored: true, reconciledAtMs: null, readAtMs: NOW_MS, foreign: 2 };
    const frozen = (owner: string) => ({ ...fullOverview(owner), state: "frozen", frozenReason: "restored" }) as const;
    home.front.overviewOf = (owner) => ({ ...frozen(owner), compared });
    const { browser } = await signedIn(home);
    const before = await text(browser, "/dashboard");
    expect(before).toContain("being compared with the network");
    expect(before).not.toContain("unfreeze=account");
    home.front.overviewOf = (owner) => ({ ...frozen(owner), compared: { ...compared, reconciledAtMs: NOW_MS } });
    expect(await text(browser, "/dashboard")).toContain("unfreeze=account");
  });

  test("says of which agent the access has run out, and how any agent's access is changed", async () => {
    const home = house();
    const { browser } = await signedIn(home);
    expect(await text(browser, "/dashboard")).not.toContain("access has run out");
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), grants: [{ ...grant, expiresAtMs: NOW_MS }] });
    const page = (await text(browser, "/dashboard")).replace(/\s+/g, " ");
    expect(page).toContain("access has run out");
    expect(page).toContain("connect it again from its client and choose it on the page that opens");
  });

  test("an empty account is told what to do next", async () => {
    const home = house();
    home.front.overviewOf = emptyOverview;
    const { browser } = await signedIn(home);
    const page = await text(browser, "/dashboard");
    expect(page).toContain("No limits are set");
    expect(page).toContain("http://localhost:8787/mcp");
  });

  test("says when it is frozen, paused by the operator, unattended, not delegated, or the network is silent", async () => {
    const home = house();
    home.front.overviewOf = (owner) => ({
      ...fullOverview(owner),
      state: "frozen",
      frozenReason: "overrun",
      paused: true,
      unattended: true,
      balance: { ...balance, delegation: "too_wide", networkState: "unreachable" },
    });
    const { browser } = await signedIn(home);
    const page = await text(browser, "/dashboard");
    for (const shown of [
      "The account is frozen: the network billed more than was held for a VM. Running VMs go on to their end.",
      "/dashboard/policy?unfreeze=account",
      "The operator of this service has paused everything new",
      "may sleep",
      "Delegation: too wide",
      "The network does not answer now",
    ]) {
      expect(page).toContain(shown);
    }
    expect(page).not.toContain('action="/dashboard/freeze"');
  });

  test("every button asks the account for its own thing and comes back", async () => {
    const { browser, csrf, done } = await signedIn();
    const press = async (path: string, more: Record<string, string> = {}) => {
      const answer = await browser.form(path, { csrf, ...more });
      return [answer.status, answer.headers.get("Location")];
    };
    expect(await press("/dashboard/freeze")).toEqual([303, "/dashboard"]);
    expect(await press("/dashboard/stop")).toEqual([303, "/dashboard"]);
    expect(await press(`/dashboard/vm/${vm.vmId}/destroy`)).toEqual([303, `/dashboard/vm/${vm.vmId}`]);
    expect(await press(`/dashboard/grant/${grant.grantId}/freeze`)).toEqual([303, "/dashboard"]);
    expect(await press(`/dashboard/notice/${notice.noticeId}/seen`)).toEqual([303, "/dashboard"]);
    expect(done().map(({ name, ask }) => [name, ask])).toEqual([
      ["freeze", undefined],
      ["stopEverything", undefined],
      ["destroyVm", { vmId: vm.vmId }],
      ["freezeGrant", { grantId: grant.grantId }],
      ["seeNotice", { noticeId: notice.noticeId }],
    ]);
  });

  test("stopping everything stands behind a page that names what dies", async () => {
    const { browser, done } = await signedIn();
    const page = await text(browser, "/dashboard/stop");
    expect(page).toContain("build-box");
    expect(page).toContain("Stop everything now");
    expect(done()).toEqual([]);
  });

  test("disconnecting ends the agent's logins after the account knows, and keeps VMs only when ticked", async () => {
    const { home, browser, csrf, done } = await signedIn();
    home.oauth.logins = [
      { id: "one", userId: ACCOUNT, metadata: { grant_id: grant.grantId } },
      { id: "two", userId: ACCOUNT, metadata: { grant_id: "gr_other" } },
    ];
    const path = `/dashboard/grant/${grant.grantId}/revoke`;
    expect(await text(browser, path)).toContain("SSH key still opens them");
    await browser.form(path, { csrf });
    await browser.form(path, { csrf, keep_vms: "yes" });
    expect(done().map(({ ask }) => ask)).toEqual([
      { grantId: grant.grantId, keepVms: false },
      { grantId: grant.grantId, keepVms: true },
    ]);
    expect(home.oauth.ended).toEqual(["one"]);
    expect((await browser.get("/dashboard/grant/gr_unknown/revoke")).status).toBe(404);
  });

  test("a VM's page has its timeline and certificate; an unknown one is not found", async () => {
    const { browser, csrf } = await signedIn();
    expect(await text(browser, `/dashboard/vm/${vm.vmId}`)).toContain("requested");
    const ended = await text(browser, `/dashboard/vm/${endedVm.vmId}`);
    for (const shown of ["Death certificate", "Final cost", "Core node", "confirmed", "silent"])
      expect(ended).toContain(shown);
    expect(ended).not.toContain("Destroy it now");
    expect((await browser.get("/dashboard/vm/vm_unknown")).status).toBe(404);
    expect((await browser.form("/dashboard/vm/vm_unknown/destroy", { csrf })).status).toBe(404);
  });
});

describe("GET /api/overview", () => {
  test("gives figures in dollars and a revision that changes with what is drawn", async () => {
    const { home, browser } = await signedIn();
    const first = await body<{ revision: string; spent_usd: number; vms: unknown[] }>(
      await browser.get("/api/overview"),
    );
    expect(first.spent_usd).toBe(0.012345);
    expect(first.vms).toHaveLength(2);
    const page = await text(browser, "/dashboard");
    expect(page).toContain(`data-revision="${first.revision}"`);
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), vms: [{ ...vm, costCredits: 99_999 }, endedVm] });
    expect((await body<{ revision: string }>(await browser.get("/api/overview"))).revision).toBe(first.revision);
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), vms: [{ ...vm, state: "STOPPING" }, endedVm] });
    expect((await body<{ revision: string }>(await browser.get("/api/overview"))).revision).not.toBe(first.revision);
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), paused: true });
    const paused = await body<{ revision: string; paused: boolean }>(await browser.get("/api/overview"));
    expect([paused.paused, paused.revision === first.revision]).toEqual([true, false]);
  });

  test("answers JSON, never a page, to somebody who is not signed in", async () => {
    const answer = await new Browser(house()).get("/api/overview");
    expect([answer.status, await code(answer)]).toEqual([401, "auth.missing"]);
  });
});

describe("the limits page", () => {
  test("shows what is saved and takes a signed change", async () => {
    const { browser, done } = await signedIn();
    const page = await text(browser, "/dashboard/policy");
    expect(page).toMatch(/name="lifetime_usd"\s+value="20"/);
    const draft = { ...defaultValues(NOW_MS, BOUNDS), lifetime_usd: "30" };
    const offer = await body<{ nonce: string; version: number; typed_data: string }>(
      await browser.post("/dashboard/policy/offer", { draft, unfreeze: "" }),
    );
    const signature = await alice.signTypedData(JSON.parse(offer.typed_data));
    expect(await body(await browser.post("/dashboard/policy", { nonce: offer.nonce, signature }))).toEqual({
      version: 2,
    });
    expect(done()[0]?.ask).toEqual({
      draft: { ...withoutVersion(), limits: { ...policy.limits, lifetimeCreditsMax: 30_000_000 } },
    });
  });

  test("when limits end is asked for by itself, not among what the owner wants to be asked about", async () => {
    const { browser } = await signedIn();
    const page = await text(browser, "/dashboard/policy");
    const [, asked = "", term = ""] = page.split(/<legend>(?:When I want to be asked|How long these limits hold)</);
    const ends = ["expires_on", "delegation_expires_on"];
    expect(ends.map((name) => [asked, term].map((part) => part.includes(`name="${name}"`)))).toEqual([
      [false, true],
      [false, true],
    ]);
  });

  test("ending a freeze says why it was frozen and what runs, and asks for that freeze only", async () => {
    const home = house();
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), state: "frozen", frozenReason: "overrun" });
    const { browser, done } = await signedIn(home);
    const page = await text(browser, "/dashboard/policy?unfreeze=account");
    expect(page).toContain("<span data-why>the network billed more than was held for a VM (in your wallet: overrun)<");
    expect(page).toContain("build-box");
    expect(await text(browser, `/dashboard/policy?unfreeze=${grant.grantId}`)).toContain(
      "The agent Known agent is frozen",
    );
    expect(await text(browser, "/dashboard/policy?unfreeze=gr_unknown")).toContain('data-unfreeze=""');
    await browser.post("/dashboard/policy/offer", { draft: defaultValues(NOW_MS, BOUNDS), unfreeze: "account" });
    await browser.post("/dashboard/policy/offer", { draft: defaultValues(NOW_MS, BOUNDS), unfreeze: grant.grantId });
    expect(done().map(({ ask }) => (ask as { unfreeze: unknown }).unfreeze)).toEqual([
      "account",
      { grantId: grant.grantId },
    ]);
  });

  test("ending a freeze shows what was found besides the weightiest reason, and the offer says the same", async () => {
    const home = house();
    const lighter = { ...notice, kind: "overrun", facts: {} } as const;
    const frozen = { state: "frozen", frozenReason: "orphan", notices: [notice, lighter] } as const;
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), ...frozen });
    home.front.frozenFor = ["orphan", "overrun"];
    const { browser } = await signedIn(home);
    const page = await text(browser, "/dashboard/policy?unfreeze=account");
    const [, why = ""] = /<span data-why>([^<]*)</.exec(page) ?? [];
    expect(why).toMatch(/^a machine was found .*found besides: the network billed more than was held for a VM$/);
    const draft = defaultValues(NOW_MS, BOUNDS);
    const offer = await body(await browser.post("/dashboard/policy/offer", { draft, unfreeze: "account" }));
    expect(offer["why"]).toBe(why);
  });

  test("ending an agent's freeze says who froze it", async () => {
    const home = house();
    const stopped = { ...grant, state: "frozen", frozenFor: ["owner", "stop"] } as const;
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), grants: [stopped] });
    const { browser } = await signedIn(home);
    const page = await text(browser, `/dashboard/policy?unfreeze=${grant.grantId}`);
    expect(page).toContain("<span data-why>you froze it; it stopped itself and all its VMs<");
  });

  test("a field that cannot be is named", async () => {
    const { browser, done } = await signedIn();
    const answer = await browser.post("/dashboard/policy/offer", {
      draft: { ...defaultValues(NOW_MS, BOUNDS), per_vm_usd: "lots" },
    });
    expect(await body(answer)).toMatchObject({ code: "input.invalid", facts: { field: "per_vm_usd" } });
    expect(done()).toEqual([]);
  });
});

describe("the funding page", () => {
  test("tells every entry in words, and demands a tick for what can take everything and for doubts", async () => {
    const { browser } = await signedIn();
    const page = await text(browser, "/dashboard/funding");
    for (const shown of [
      "Not yet",
      "rent and forget VMs",
      "0x2222 may do everything",
      "This address can take everything",
      'name="ticked_everything"',
      "0x3333 may post",
      'name="ticked_doubtful"',
      "e".repeat(64),
      "{&quot;key&quot;:&quot;security&quot;}",
    ]) {
      expect(page).toContain(shown);
    }
    expect(page).toContain(`data-text="${openDelegation.toSign?.text}"`);
  });

  test("a plain list needs no tick", async () => {
    const home = house();
    home.front.delegation = {
      ...openDelegation,
      kept: [{ words: "0x4444 may forget", canTakeEverything: false }],
      doubtful: [],
    };
    const { browser } = await signedIn(home);
    expect(await text(browser, "/dashboard/funding")).not.toContain("ticked_");
  });

  test("what was signed goes to the account with the ticks as they were given", async () => {
    const { browser, done } = await signedIn();
    const sent = { item_hash: "e".repeat(64), signature: "0xabc", ticked_everything: true };
    expect(await body(await browser.post("/dashboard/funding", sent))).toMatchObject({
      to_sign: null,
      sent: { item_hash: "e".repeat(64), core_nodes_done: 1 },
    });
    expect(done()[0]?.ask).toEqual({
      itemHash: "e".repeat(64),
      signature: "0xabc",
      tickedEverything: true,
      tickedDoubtful: false,
    });
  });

  test("while one is on its way, no second signature is asked for", async () => {
    const home = house();
    home.front.delegation = {
      ...openDelegation,
      sent: { itemHash: "f".repeat(64), sinceMs: NOW_MS, coreNodesDone: 1 },
    };
    const { browser } = await signedIn(home);
    const page = await text(browser, "/dashboard/funding");
    expect(page).toContain("Sent, unconfirmed since 2026-11-24 12:00 UTC: 1 of 3 core nodes");
    expect(page).not.toContain("data-sign-delegation");
  });

  test("tells apart what is needed now, what will be spent and what is protected, and where core nodes differ", async () => {
    const { browser } = await signedIn();
    const page = await text(browser, "/dashboard/funding");
    for (const shown of [
      "Needed now",
      "$1.15",
      "Will cost: your agents",
      "$0.1400",
      "Protected: one day of burn",
      "$0.9600",
      "100 h until one day of burn is left",
      "2, $0.0100 per hour",
      "3 of 3 answer; they differ: 1 on the balance",
    ])
      expect(page).toContain(shown);
    expect(page).not.toContain("Missing");
  });

  test("says what to add, in dollars, once too little is left", async () => {
    const home = house();
    const poor = { ...balance, marginCredits: -1_500_000, runwayH: 0 };
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), balance: poor });
    const { browser } = await signedIn(home);
    const page = await text(browser, "/dashboard/funding");
    expect(page).toContain("Add $1.50, or the network may come to remove machines of yours.");
    expect(page).toContain("Missing");
  });

  test("the same in JSON, for a script that plays the owner", async () => {
    const { browser } = await signedIn();
    expect(await body(await browser.json("/dashboard/funding"))).toEqual({
      state: "missing",
      agent_address: openDelegation.agentAddress,
      sent: null,
      to_sign: {
        item_hash: "e".repeat(64),
        text: openDelegation.toSign?.text,
        item_content: openDelegation.toSign?.itemContent,
      },
      kept: [{ words: "0x2222 may do everything", can_take_everything: true }],
      added: ["rent and forget VMs"],
      doubtful: ["0x3333 may post"],
    });
  });
});

function withoutVersion() {
  const { version: _version, ...draft } = policy;
  return draft;
}
