import { describe, expect, test } from "vitest";
import { contentSecurityPolicy, formActionFor, isSameOrigin } from "../../src/web/guards.ts";
import { endedVm, grant, notice, vm } from "./account.ts";
import { AUTHORIZE, Browser, ORIGIN, alice, approvalPath, body, code, house, openConsent } from "./browser.ts";

const PAGES = [
  "/",
  "/dashboard",
  "/dashboard/policy",
  "/dashboard/policy?unfreeze=account",
  "/dashboard/funding",
  "/dashboard/leave",
  "/dashboard/leave/revoke",
  "/dashboard/leave/compromised",
  "/dashboard/leave/rotate",
  "/dashboard/stop",
  `/dashboard/vm/${vm.vmId}`,
  `/dashboard/vm/${endedVm.vmId}`,
  `/dashboard/grant/${grant.grantId}/revoke`,
  "/approve",
  approvalPath,
  "/api/overview",
];
const JSON_POSTS = [
  "/signin/challenge",
  "/signin",
  "/authorize/challenge",
  "/authorize/sign-in",
  "/authorize/agent",
  "/authorize/policy",
  "/dashboard/policy/offer",
  "/dashboard/policy",
  "/dashboard/funding",
  "/dashboard/leave/sign",
  approvalPath,
];
const FORM_POSTS = [
  "/signout",
  "/authorize",
  "/dashboard/freeze",
  "/dashboard/stop",
  "/dashboard/leave/revoke",
  "/dashboard/leave/compromised",
  "/dashboard/leave/rotate",
  `/dashboard/vm/${vm.vmId}/destroy`,
  `/dashboard/grant/${grant.grantId}/freeze`,
  `/dashboard/grant/${grant.grantId}/revoke`,
  `/dashboard/notice/${notice.noticeId}/seen`,
];
const FORM = "application/x-www-form-urlencoded";

describe("isSameOrigin", () => {
  test.each([
    [null, null, false],
    ["same-origin", null, true],
    [null, ORIGIN, true],
    ["same-origin", ORIGIN, true],
    ["same-origin", "https://evil.example", false],
    ["same-origin", "null", false],
    [null, "null", false],
    [null, "http://localhost:8788", false],
    [null, "https://localhost:8787", false],
    ["same-site", ORIGIN, false],
    ["cross-site", ORIGIN, false],
    ["cross-site", null, false],
    ["none", null, false],
    ["none", ORIGIN, false],
  ])("Sec-Fetch-Site %s and Origin %s: %s", (site, origin, expected) => {
    const headers = new Headers();
    if (site !== null) headers.set("Sec-Fetch-Site", site);
    if (origin !== null) headers.set("Origin", origin);
    expect(isSameOrigin(headers, ORIGIN)).toBe(expected);
  });
});

describe("POSTs from elsewhere", () => {
  test.each([...JSON_POSTS.map((path) => [path, "application/json"]), ...FORM_POSTS.map((path) => [path, FORM])])(
    "%s changes nothing when asked from another page",
    async (path, type) => {
      const home = house();
      const browser = new Browser(home);
      const csrf = await browser.signIn(alice);
      const before = home.front.calls.length;
      const sources: Record<string, string>[] = [
        { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
        { Origin: ORIGIN, "Sec-Fetch-Site": "same-site" },
        { Origin: "null" },
        {},
      ];
      for (const source of sources) {
        const sent = type === FORM ? `csrf=${csrf}&verdict=refuse` : JSON.stringify({ nonce: "n", verdict: "approve" });
        const answer = await browser.send(path ?? "", {
          method: "POST",
          headers: { ...source, "Content-Type": type ?? "" },
          body: sent,
        });
        expect(answer.status).toBe(400);
        expect(home.front.calls).toHaveLength(before);
      }
    },
  );

  test.each(JSON_POSTS)("%s takes JSON only, so that no form of another page can send it", async (path) => {
    const browser = new Browser(house());
    await browser.signIn(alice);
    for (const type of ["text/plain", FORM, "multipart/form-data; boundary=x", ""]) {
      const answer = await browser.post(
        path,
        { address: alice.address },
        { "Content-Type": type, Accept: "application/json" },
      );
      expect(await body(answer)).toMatchObject({ code: "input.invalid", facts: { field: "content_type" } });
    }
  });

  test.each(FORM_POSTS.filter((path) => path !== "/authorize"))(
    "%s needs the token of this very session",
    async (path) => {
      const home = house();
      const [mine, hers] = [new Browser(home), new Browser(home)];
      await mine.signIn(alice);
      const foreign = await hers.signIn(alice);
      for (const csrf of ["", "wrong", foreign]) {
        const answer = await mine.form(path, { csrf }, { Accept: "application/json" });
        expect(await body(answer)).toMatchObject({ code: "input.invalid", facts: { field: "csrf" } });
      }
      expect(home.front.changes().filter((name) => name !== "consumeNonce")).toEqual([]);
    },
  );

  test.each(
    [...JSON_POSTS, ...FORM_POSTS].filter((path) => path.startsWith("/dashboard") || path.startsWith("/approve")),
  )("%s needs a session", async (path) => {
    const home = house();
    const answer = await new Browser(home).post(path, {});
    expect([answer.status, await code(answer)]).toEqual([401, "auth.missing"]);
    expect(home.front.calls).toEqual([]);
  });

  test("a body above 64 KiB is not read", async () => {
    const answer = await new Browser(house()).post("/signin", { signature: "0x".padEnd(70_000, "0") });
    expect(await body(answer)).toMatchObject({ code: "input.invalid", facts: { field: "body" } });
  });

  test("nor is one that declares no length read further than that", async () => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          pulled += 1;
          controller.enqueue(new Uint8Array(16 * 1_024));
        },
        cancel: () => {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { "Content-Type": "application/json", Origin: ORIGIN };
    const init: RequestInit & { readonly duplex: "half" } = { method: "POST", headers, body: endless, duplex: "half" };
    const answer = await new Browser(house()).send("/signin/challenge", init);
    expect(await body(answer)).toMatchObject({ code: "input.invalid", facts: { field: "body" } });
    expect([pulled, cancelled]).toEqual([5, true]);
  });

  test("broken JSON and wrong types are refused by the field's name only", async () => {
    const browser = new Browser(house());
    expect(await body(await browser.post("/signin", { signature: 7 }))).toMatchObject({
      facts: { field: "signature" },
    });
    const headers = { "Content-Type": "application/json", Origin: ORIGIN };
    const broken = await browser.send("/signin", { method: "POST", headers, body: "{<script>" });
    expect(await broken.text()).not.toContain("script");
  });
});

describe("headers", () => {
  const expectGuarded = (response: Response, formAction = "form-action 'self'"): void => {
    const csp = response.headers.get("Content-Security-Policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      formAction,
    ]) {
      expect(csp.split("; ")).toContain(part);
    }
    expect(csp).not.toMatch(/unsafe|\*|https:(?!\/)|data:/);
    expect(response.headers.get("X-Frame-Options")).toBe("DENY");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(response.headers.get("Referrer-Policy")).toBe("same-origin");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  };

  test.each(PAGES)("%s carries them, signed in or not", async (path) => {
    const home = house();
    const browser = new Browser(home);
    expectGuarded(await browser.get(path));
    await browser.signIn(alice);
    const page = await browser.get(path);
    expect(page.status).toBe(200);
    expectGuarded(page);
    const text = await page.text();
    expect(text).not.toMatch(
      /<script(?! type="module" src="\/[a-z]+\.js"><\/script>)|<style|\sstyle=|\son[a-z]+=|javascript:/i,
    );
  });

  test("answers of POSTs, redirects, refusals, unknown paths and errors carry them too", async () => {
    const home = house();
    const browser = new Browser(home);
    const csrf = await browser.signIn(alice);
    for (const path of JSON_POSTS) expectGuarded(await browser.post(path, {}));
    for (const path of FORM_POSTS.filter((one) => one !== "/authorize" && one !== "/signout"))
      expectGuarded(await browser.form(path, { csrf }));
    expectGuarded(await browser.get("/nowhere"));
    expectGuarded(await browser.send("/dashboard", { method: "DELETE" }));
    home.oauth.parseError = new Error("boom");
    const failed = await browser.get(AUTHORIZE);
    expect(failed.status).toBe(500);
    expectGuarded(failed);
  });

  test("the consent page lets its form end at the client's redirect and nowhere else", async () => {
    const page = await new Browser(house()).get(AUTHORIZE);
    expect(page.status).toBe(200);
    expectGuarded(page, "form-action 'self' https://client.example");
  });

  test("a redirect's origin becomes a source expression that browsers can read", () => {
    expect(formActionFor("https://client.example/cb?x=1")).toBe("https://client.example");
    expect(formActionFor("http://127.0.0.1:3118/cb")).toBe("http://127.0.0.1:3118");
    expect(formActionFor("http://[::1]:3118/cb")).toBe("http:");
    expect(formActionFor("com.example.app:/cb")).toBe("com.example.app:");
    expect(contentSecurityPolicy()).toContain("form-action 'self';");
  });
});

describe("the host", () => {
  test("a page under another host is sent to the public origin, and no POST is taken there", async () => {
    const { app } = house();
    const away = await app.request("http://127.0.0.1:8787/dashboard?x=1");
    expect([away.status, away.headers.get("Location")]).toEqual([302, `${ORIGIN}/dashboard?x=1`]);
    const posted = await app.request("http://evil.example/signin", { method: "POST", headers: { Origin: ORIGIN } });
    expect(posted.status).toBe(400);
  });
});

describe("the owner's lane", () => {
  test("a full lane answers 429 with a time, before the account is asked", async () => {
    const home = house();
    const browser = new Browser(home);
    await browser.signIn(alice);
    const before = home.front.calls.length;
    home.lane.open = false;
    const answer = await browser.json("/dashboard");
    expect([answer.status, answer.headers.get("Retry-After"), await code(answer)]).toEqual([
      429,
      "60",
      "busy.rate_limited",
    ]);
    expect(home.front.calls).toHaveLength(before);
    expect(home.lane.keys.at(-1)).toBe(alice.address);
  });

  test("before signing in it is counted by address", async () => {
    const home = house();
    await new Browser(home).post("/signin/challenge", { address: alice.address }, { "CF-Connecting-IP": "192.0.2.7" });
    expect(home.lane.keys).toEqual(["ip:192.0.2.7"]);
    home.lane.open = false;
    await expect(openConsent(new Browser(home))).rejects.toThrow("429");
  });
});

test("an error is logged by its class and place, and nobody reads a word of its message", async () => {
  const home = house();
  home.oauth.parseError = new RangeError("secret\n    at stolen (y:1:1)");
  const failed = await new Browser(home).get(AUTHORIZE);
  const at = expect.stringMatching(/^\d+:\d+ < /) as string;
  expect(home.logged).toEqual([["web.error", { path: "/authorize", error: "RangeError", at }]]);
  expect(JSON.stringify(home.logged) + (await failed.text())).not.toMatch(/secret|stolen/);
});
