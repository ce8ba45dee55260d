import { describe, expect, test } from "vitest";
import { plain } from "../../src/web/text.ts";
import { approval, balance, endedVm, fullOverview, grant, notice, vm } from "./account.ts";
import { Browser, alice, approvalPath, house, openConsent, signInFor } from "./browser.ts";
import { openDelegation } from "./fake-front.ts";

const PAYLOADS = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'><svg/onload=alert(1)>",
  "</title><script>alert(1)</script>",
  "</textarea><b>",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "javascript:alert(1)",
  "<a href=javascript:alert(1)>x</a>",
  "&lt;script&gt;",
  "--><!--<script>",
  "<iframe srcdoc=x>",
  "` onmouseover=alert(1) `",
  "\u0000<script\u0000>",
];

/** Every tag that our own pages are made of; anything else came from a payload. */
const TAGS = new Set(
  "html head meta title link script body header a nav form input button p main footer b h1 h2 h3 dl div dt dd section fieldset legend label span code details summary ul ol li br pre noscript small".split(
    " ",
  ),
);

function expectInert(page: string): void {
  for (const [, name] of page.matchAll(/<\/?([a-zA-Z!][^\s>/]*)/g)) {
    const tag = (name ?? "").toLowerCase();
    expect(TAGS.has(tag) || tag === "!doctype", `tag ${tag}`).toBe(true);
  }
  for (const [, attributes] of page.matchAll(/<[a-z][^\s>]*((?:[^"'>]|"[^"]*"|'[^']*')*)>/gi)) {
    const bare = (attributes ?? "").replace(/"[^"]*"/g, "");
    expect(bare).not.toMatch(/\son[a-z]+\s*=|srcdoc|javascript:/i);
  }
  expect(page).not.toMatch(/(href|src|action)="(?!\/|https:\/\/app\.aleph\.cloud\/|#)/);
}

describe("what others chose is shown as text", () => {
  test.each(PAYLOADS)("on the consent page: %s", async (payload) => {
    const home = house();
    home.oauth.described = {
      clientName: payload,
      redirectHost: payload,
      clientDomain: payload,
      logoUri: "https://evil.example/logo.png",
      clientUri: "javascript:alert(1)",
    };
    const browser = new Browser(home);
    const { page, handle } = await openConsent(browser);
    expectInert(page);
    expect(page).not.toContain("evil.example");
    expect((await signInFor(browser, handle, alice)).owner).toBe(alice.address);
  });

  test.each(PAYLOADS)("on the pages of the account: %s", async (payload) => {
    const home = house();
    home.front.approvalName = payload;
    home.front.overviewOf = (owner) => ({
      ...fullOverview(owner),
      frozenReason: payload,
      state: "frozen",
      balance: { ...balance, payer: payload },
      vms: [
        { ...vm, name: payload, image: payload, timeline: [{ atMs: 1, event: payload }] },
        { ...endedVm, name: payload },
      ],
      grants: [{ ...grant, clientName: payload, redirectHost: payload, state: "frozen" }],
      approvals: [{ ...approval, clientName: payload }],
      notices: [{ ...notice, facts: { vm_id: payload } }],
    });
    home.front.delegation = {
      ...openDelegation,
      kept: [{ words: payload, canTakeEverything: true }],
      doubtful: [{ words: payload }],
      toSign: { itemHash: "e", text: payload, itemContent: payload },
    };
    const browser = new Browser(home);
    await browser.signIn(alice);
    const pages = [
      "/dashboard",
      "/dashboard/policy?unfreeze=account",
      `/dashboard/policy?unfreeze=${grant.grantId}`,
      "/dashboard/funding",
      "/dashboard/stop",
      `/dashboard/vm/${vm.vmId}`,
      `/dashboard/vm/${endedVm.vmId}`,
      `/dashboard/grant/${grant.grantId}/revoke`,
      "/approve",
      approvalPath,
    ];
    for (const path of pages) {
      const answer = await browser.get(path);
      expect(answer.status).toBe(200);
      expectInert(await answer.text());
    }
  });

  test("paths and queries are not echoed", async () => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    for (const path of [
      "/%3Cscript%3Ealert(1)%3C/script%3E",
      "/approve/%3Cscript%3E",
      "/dashboard/vm/%22%3E%3Csvg%3E",
      "/dashboard/policy?unfreeze=%22%3E%3Cscript%3E",
    ]) {
      const page = await (await browser.get(path)).text();
      expectInert(page);
      expect(page).not.toContain("alert(1)");
    }
  });
});

describe("plain", () => {
  test("drops what could hide, reorder or break a line, and cuts what is long", () => {
    expect(plain("a\u202eb\u200bc\nd\u2028e\u0007f\ufeffg\u2066h")).toBe("a b c d e f g h");
    expect(plain("   ")).toBe("(no name)");
    expect(plain("\u200b\u3164")).toBe("(no name)");
    expect(plain("x".repeat(100), 10)).toBe(`${"x".repeat(9)}…`);
    expect(plain("Grüße 你好 🚀")).toBe("Grüße 你好 🚀");
  });
});
