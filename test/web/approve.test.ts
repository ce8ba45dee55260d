import { describe, expect, test } from "vitest";
import type { VmView } from "../../src/account/contract.ts";
import type { ApprovalFacts } from "../../src/account/types.ts";
import { answer } from "../../src/errors.ts";
import { NOW_MS, approval, approvalFacts, fullOverview, vm } from "./account.ts";
import { Browser, alice, approvalPath, bob, body, code, house } from "./browser.ts";

type Opened = { readonly nonce: string; readonly typed_data: string; readonly by: string; readonly state: string };
const open = async (browser: Browser): Promise<Opened> => body<Opened>(await browser.json(approvalPath));
const signed = (typedData: string) => alice.signTypedData(JSON.parse(typedData));

describe("the approval page", () => {
  test("asks to sign in first and comes back to the same address", async () => {
    const home = house();
    const browser = new Browser(home);
    const before = await browser.get(approvalPath);
    expect(before.status).toBe(200);
    const text = await before.text();
    expect(text).toContain("Sign in to go on");
    expect(text).not.toContain("debian12");
    expect(home.front.calls).toEqual([]);
    await browser.signIn(alice);
    expect(await (await browser.get(approvalPath)).text()).toContain("Sign and approve");
  });

  test("shows every fact that is signed", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    const page = await (await browser.get(approvalPath)).text();
    for (const shown of [
      "$0.1800",
      "180000 credits",
      "4 h",
      "2 vCPU, 4 GB memory, 20 GB disk",
      "none",
      "debian12",
      approvalFacts.sshKeyFingerprint,
      "any node the policy allows",
      approvalFacts.grant,
      "Known agent",
      "(14400 s)",
    ]) {
      expect(page).toContain(shown);
    }
  });

  test("of a create names no VM, since there is none yet", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    const page = await (await browser.get(approvalPath)).text();
    expect(page).toContain("Lives for");
    expect(page).not.toMatch(/<dt>VM<|\(no name\)/);
  });

  test("of an extension tells the added time and its cost apart from the whole life that is signed", async () => {
    const extension = { ...approvalFacts, kind: "extend", vmId: vm.vmId, ttlS: 3 * 3_600 + 60 } as const;
    const rows = await shownOf(extension, vm);
    expect(rows.slice(0, 5)).toEqual([
      ["This extension costs at most", "$0.1800 (180000 credits)"],
      ["VM", `build-box ${vm.vmId}`],
      ["Longer by", "2 h"],
      ["Then ends at", "2026-11-24 15:00 UTC"],
      ["Its whole life, from its creation on", "3 h (10860 s)"],
    ]);
    const used = { ...vm, expiresAtMs: vm.expiresAtMs + 2 * 3_600_000 };
    for (const now of [used, { ...vm, state: "TERMINATED", endedAtMs: NOW_MS } as const, null])
      expect((await shownOf(extension, now)).map(([label]) => label)).not.toContain("Longer by");
  });

  /** The rows of the page, as they are read. */
  async function shownOf(facts: ApprovalFacts, now: VmView | null): Promise<readonly (readonly string[])[]> {
    const home = house();
    home.front.approvalFacts = facts;
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), vms: now === null ? [] : [now] });
    const browser = new Browser(home);
    await browser.signIn(alice);
    const page = await (await browser.get(approvalPath)).text();
    const bare = (html = ""): string =>
      html
        .replace(/<[^>]*>/g, "")
        .replace(/\s+/g, " ")
        .trim();
    return [...page.matchAll(/<dt>([^]*?)<\/dt>\s*<dd>([^]*?)<\/dd>/g)].map(([, dt, dd]) => [bare(dt), bare(dd)]);
  }

  test("another owner sees exactly what they see for an id that does not exist", async () => {
    const home = house();
    const browser = new Browser(home);
    await browser.signIn(bob);
    const real = await browser.get(approvalPath);
    const invented = await browser.get("/approve/ap_zzzzzzzzzzzzzzzzzzzzzzzzzz");
    expect([real.status, invented.status]).toEqual([404, 404]);
    expect(await real.text()).toBe(await invented.text());
    const verdict = { nonce: "nonce1", verdict: "approve", signature: "0x" };
    const posted = await Promise.all([
      browser.post(approvalPath, verdict),
      browser.post("/approve/ap_zzzzzzzzzzzzzzzzzzzzzzzzzz", verdict),
    ]);
    expect(await posted[0]?.text()).toBe(await posted[1]?.text());
  });

  test("a decided one has no buttons", async () => {
    const home = house();
    const browser = new Browser(home);
    await browser.signIn(alice);
    const openApproval = home.front.openApproval;
    home.front.openApproval = async (session, ask) => {
      const opened = await openApproval(session, ask);
      return opened.ok ? answer({ ...opened.value, approval: { ...approval, state: "stale" } }) : opened;
    };
    const page = await (await browser.get(approvalPath)).text();
    expect(page).toContain("The limits have changed since it was asked.");
    expect(page).not.toContain("data-approve");
  });

  test("the list names what waits", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    expect(await (await browser.get("/approve")).text()).toContain(`href="${approvalPath}"`);
  });
});

describe("deciding", () => {
  test("the owner's signature in their session approves", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    const { nonce, typed_data: typedData } = await open(browser);
    const answer = await browser.post(approvalPath, { nonce, verdict: "approve", signature: await signed(typedData) });
    expect(await body(answer)).toEqual({ state: "approved" });
  });

  test("a valid signature without the session is refused before the account is asked", async () => {
    const home = house();
    const browser = new Browser(home);
    await browser.signIn(alice);
    const { nonce, typed_data: typedData } = await open(browser);
    const verdict = { nonce, verdict: "approve", signature: await signed(typedData) };
    const before = home.front.calls.length;
    const outside = await new Browser(home).post(approvalPath, verdict);
    expect([outside.status, await code(outside)]).toEqual([401, "auth.missing"]);
    expect(home.front.calls).toHaveLength(before);
  });

  test("a valid signature from another session of the same owner is refused", async () => {
    const home = house();
    const [here, there] = [new Browser(home), new Browser(home)];
    await here.signIn(alice);
    await there.signIn(alice);
    const { nonce, typed_data: typedData } = await open(here);
    const verdict = { nonce, verdict: "approve", signature: await signed(typedData) };
    expect((await there.post(approvalPath, verdict)).status).toBe(400);
    expect((await here.post(approvalPath, verdict)).status).toBe(200);
  });

  test("the session that counts is the cookie's, whatever the body says", async () => {
    const home = house();
    const browser = new Browser(home);
    await browser.signIn(bob);
    const refused = await browser.post(approvalPath, {
      nonce: "nonce1",
      verdict: "approve",
      session: "x",
      owner: alice.address,
    });
    expect(refused.status).toBe(404);
    expect(home.front.calls.at(-1)?.owner).toBe(bob.address);
  });

  test("denying needs no signature, a third verdict is refused", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    const { nonce } = await open(browser);
    expect((await browser.post(approvalPath, { nonce, verdict: "later" })).status).toBe(400);
    expect(await body(await browser.post(approvalPath, { nonce, verdict: "deny" }))).toEqual({ state: "denied" });
  });

  test("on a page that was open for too long says so, and the page has a link that loads it again", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    const told = await body(await browser.post(approvalPath, { nonce: "n_of_an_old_page", verdict: "deny" }));
    expect(told).toMatchObject({ code: "input.invalid", facts: { field: "nonce" } });
    expect(told["hint"]).toContain("open for too long");
    const page = await (await browser.get(approvalPath)).text();
    expect(page).toContain(`<p data-reload hidden><a class="button" href="${approvalPath}">`);
  });

  test("by click the page asks for no wallet", async () => {
    const home = house();
    home.front.by = "click";
    const browser = new Browser(home);
    await browser.signIn(alice);
    const page = await (await browser.get(approvalPath)).text();
    expect(page).toContain('data-by="click"');
    expect(page).not.toContain("data-wallets");
  });
});
