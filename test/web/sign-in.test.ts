import { describe, expect, test } from "vitest";
import {
  AUTHORIZE,
  Browser,
  NOW_MS,
  ORIGIN,
  type Wallet,
  alice,
  bob,
  body,
  code,
  house,
  openConsent,
  signInFor,
} from "./browser.ts";

const challengeText = async (browser: Browser, wallet: Wallet): Promise<string> =>
  (await body<{ text: string }>(await browser.post("/signin/challenge", { address: wallet.address }))).text;

describe("signing in to the dashboard", () => {
  test("works with a wallet's signature over the text and opens the dashboard", async () => {
    const home = house();
    const browser = new Browser(home);
    expect(await (await browser.get("/dashboard")).text()).toContain("Sign in to go on");
    await browser.signIn(alice);
    const page = await browser.get("/dashboard");
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("<h1>Dashboard</h1>");
    expect(home.front.calls.find(({ name }) => name === "arrive")?.owner).toBe(alice.address);
  });

  test("the text is EIP-4361 with our domain, a nonce, five minutes and the MCP address", async () => {
    const text = await challengeText(new Browser(house()), alice);
    expect(text.replace(/Nonce: [0-9a-f]{32}/, "Nonce: N")).toMatchInlineSnapshot(`
      "localhost:8787 wants you to sign in with your Ethereum account:
      ${alice.address}

      Sign in to Allowance to see and change what your agents may spend. This costs nothing and moves nothing.

      URI: http://localhost:8787/dashboard
      Version: 1
      Chain ID: 1
      Nonce: N
      Issued At: 2026-11-24T12:00:00.000Z
      Expiration Time: 2026-11-24T12:05:00.000Z
      Request ID: dashboard
      Resources:
      - http://localhost:8787/mcp"
    `);
  });

  test("the text is verified byte for byte", async () => {
    for (const change of [
      (text: string) => `${text}\n`,
      (text: string) => text.replace("12:05", "12:06"),
      (text: string) => text.toLowerCase(),
    ]) {
      const browser = new Browser(house());
      const text = await challengeText(browser, alice);
      const answer = await browser.post("/signin", { signature: await alice.signMessage({ message: change(text) }) });
      expect(answer.status).toBe(401);
      expect(await body(answer)).toMatchObject({ code: "auth.missing", facts: { reason: "signature" } });
    }
  });

  test("another wallet's signature over the same text is refused", async () => {
    const browser = new Browser(house());
    const text = await challengeText(browser, alice);
    const answer = await browser.post("/signin", { signature: await bob.signMessage({ message: text }) });
    expect(await code(answer)).toBe("auth.missing");
  });

  test("a challenge works once, even with its cookie put back", async () => {
    const browser = new Browser(house());
    const text = await challengeText(browser, alice);
    const cookie = browser.jar.get("__Host-challenge") ?? "";
    const signature = await alice.signMessage({ message: text });
    expect((await browser.post("/signin", { signature })).status).toBe(200);
    expect(browser.jar.has("__Host-challenge")).toBe(false);
    expect(await body(await browser.post("/signin", { signature }))).toMatchObject({ facts: { reason: "challenge" } });
    browser.jar.set("__Host-challenge", cookie);
    expect(await body(await browser.post("/signin", { signature }))).toMatchObject({ facts: { reason: "used" } });
  });

  test("a challenge ends after five minutes, to the millisecond", async () => {
    for (const [lateMs, status] of [
      [299_999, 200],
      [300_000, 401],
    ] as const) {
      const home = house();
      const browser = new Browser(home);
      const signature = await alice.signMessage({ message: await challengeText(browser, alice) });
      home.time.nowMs = NOW_MS + lateMs;
      expect((await browser.post("/signin", { signature })).status).toBe(status);
    }
  });

  test("another browser cannot use the challenge", async () => {
    const home = house();
    const text = await challengeText(new Browser(home), alice);
    const answer = await new Browser(home).post("/signin", { signature: await alice.signMessage({ message: text }) });
    expect(await body(answer)).toMatchObject({ facts: { reason: "challenge" } });
  });

  test("a challenge of one purpose does not serve another", async () => {
    const home = house();
    const browser = new Browser(home);
    const { handle } = await openConsent(browser);
    const forDashboard = await alice.signMessage({ message: await challengeText(browser, alice) });
    expect(await body(await browser.post("/authorize/sign-in", { handle, signature: forDashboard }))).toMatchObject({
      facts: { reason: "purpose" },
    });
    const { text } = await body<{ text: string }>(
      await browser.post("/authorize/challenge", { handle, address: alice.address }),
    );
    const forConsent = await alice.signMessage({ message: text });
    expect(await body(await browser.post("/signin", { signature: forConsent }))).toMatchObject({
      facts: { reason: "purpose" },
    });
    const other = await openConsent(browser);
    expect(
      await body(await browser.post("/authorize/sign-in", { handle: other.handle, signature: forConsent })),
    ).toMatchObject({ facts: { reason: "purpose" } });
  });

  test("cookies of one kind are nothing under another's name", async () => {
    const home = house();
    const browser = new Browser(home);
    await challengeText(browser, alice);
    browser.jar.set("__Host-owner", browser.jar.get("__Host-challenge") ?? "");
    expect((await browser.json("/api/overview")).status).toBe(401);
    await browser.signIn(alice);
    const owner = browser.jar.get("__Host-owner") ?? "";
    browser.jar.set("__Host-owner", `${owner.slice(0, -2)}${owner.endsWith("A") ? "B" : "A"}A`);
    expect((await browser.json("/api/overview")).status).toBe(401);
  });

  test("a session lasts twelve hours", async () => {
    const home = house();
    const browser = new Browser(home);
    await browser.signIn(alice);
    home.time.nowMs += 12 * 3_600_000 - 1;
    expect((await browser.json("/api/overview")).status).toBe(200);
    home.time.nowMs += 1;
    expect((await browser.json("/api/overview")).status).toBe(401);
  });

  test("all cookies are host-only, Secure, HttpOnly and Lax", async () => {
    const browser = new Browser(house());
    const responses = [
      await browser.get(AUTHORIZE),
      await browser.post("/signin/challenge", { address: alice.address }),
    ];
    const cookies = responses.flatMap((response) => response.headers.getSetCookie());
    expect(cookies).toHaveLength(3);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^__Host-[^;]+; .*Path=\//);
      for (const part of ["Secure", "HttpOnly", "SameSite=Lax"]) expect(cookie).toContain(part);
      expect(cookie).not.toContain("Domain");
    }
  });

  test("what a contract wallet returns is named as such", async () => {
    const browser = new Browser(house());
    await challengeText(browser, alice);
    for (const signature of [`0x${"00".repeat(64)}`, `0x${"ab".repeat(200)}`, "0x"]) {
      const answer = await browser.post("/signin", { signature });
      expect(await code(answer)).toBe("auth.smart_wallet_unsupported");
      expect(answer.status).toBe(403);
    }
    expect(await code(await browser.post("/signin", { signature: "hello" }))).toBe("auth.missing");
  });

  test("a stranger is told which line to set, and no session begins", async () => {
    const home = house({ owners: new Set([alice.address]) });
    const browser = new Browser(home);
    const text = await challengeText(browser, bob);
    const answer = await browser.post("/signin", { signature: await bob.signMessage({ message: text }) });
    expect(answer.status).toBe(403);
    expect(await body(answer)).toMatchObject({
      code: "auth.stranger",
      facts: { owners_line: `OWNERS=${bob.address}` },
    });
    expect(browser.jar.has("__Host-owner")).toBe(false);
    expect(home.front.changes()).toEqual([]);
  });

  test("a session that ended while something was typed is told alike to a script and on a page", async () => {
    const home = house();
    const browser = new Browser(home);
    const csrf = await browser.signIn(alice);
    home.time.nowMs += 12 * 3_600_000;
    const told = await browser.post("/dashboard/policy/offer", { draft: {} });
    const { hint } = await body<{ hint: string }>(told);
    expect([told.status, hint]).toEqual([401, expect.stringContaining("Sign in again in another tab")]);
    expect(await (await browser.form("/dashboard/freeze", { csrf })).text()).toContain(hint);
  });

  test("an owner who was taken off the list sees the line on a page", async () => {
    const owners = new Set<string>([alice.address]);
    const browser = new Browser(house({ owners }));
    await browser.signIn(alice);
    owners.clear();
    for (const path of ["/dashboard", "/dashboard/policy", "/dashboard/audit.csv", "/approve"]) {
      const page = await browser.get(path);
      expect([path, page.status]).toEqual([path, 403]);
      expect(await page.text()).toContain(`OWNERS=${alice.address}`);
    }
  });

  test("an owner who was taken off the list changes nothing any more, nor finishes connecting an agent", async () => {
    const owners = new Set<string>([alice.address]);
    const home = house({ owners });
    const browser = new Browser(home);
    const { handle } = await openConsent(browser);
    const { csrf } = await signInFor(browser, handle, alice);
    const token = await browser.signIn(alice);
    const before = home.front.calls.length;
    owners.clear();
    for (const answer of [
      await browser.form("/dashboard/stop", { csrf: token }),
      await browser.post("/dashboard/policy/offer", { draft: {} }),
      await browser.post("/authorize/policy", { handle, draft: {} }),
      await browser.form("/authorize", { handle, csrf, verdict: "allow", agent: "new" }),
    ])
      expect(answer.status).toBe(403);
    expect(home.front.calls).toHaveLength(before);
  });

  test("something that is no address is refused", async () => {
    const answer = await new Browser(house()).post("/signin/challenge", { address: "0x1234" });
    expect(await body(answer)).toMatchObject({ code: "input.invalid", facts: { field: "address" } });
  });

  test("signing out needs the token and ends the session", async () => {
    const browser = new Browser(house());
    const csrf = await browser.signIn(alice);
    expect((await browser.form("/signout", { csrf: "wrong" })).status).toBe(400);
    const out = await browser.form("/signout", { csrf });
    expect([out.status, out.headers.get("Location")]).toEqual([303, "/"]);
    expect((await browser.json("/api/overview")).status).toBe(401);
  });
});

describe("signing in for one authorization", () => {
  test("the text names the client, where its access goes, and what it asked for", async () => {
    const home = house();
    home.oauth.described = { clientName: "Evil\nURI: https://evil.example\u202e" };
    const browser = new Browser(home);
    const { handle } = await openConsent(browser);
    const { text } = await body<{ text: string }>(
      await browser.post("/authorize/challenge", { handle, address: alice.address }),
    );
    const lines = text.split("\n");
    expect(lines[3]).toBe(
      "Sign in to Allowance to decide what Evil URI: https://evil.example may do. Its access would go to client.example. It asks for: vm:read, vm:create, offline_access.",
    );
    expect(lines.filter((line) => line.startsWith("URI: "))).toEqual([`URI: ${ORIGIN}/authorize`]);
    expect(text).toMatch(/\nRequest ID: [0-9a-f]{64}\n/);
  });

  test("it signs the browser in, so that funding can be opened beside it", async () => {
    const browser = new Browser(house());
    const { handle } = await openConsent(browser);
    const signedIn = await signInFor(browser, handle, alice);
    expect(signedIn.owner).toBe(alice.address);
    expect((await browser.get("/dashboard/funding")).status).toBe(200);
  });

  test("a handle that this browser never got is refused", async () => {
    const home = house();
    const { handle } = await openConsent(new Browser(home));
    const answer = await new Browser(home).post("/authorize/challenge", { handle, address: alice.address });
    expect(await body(answer)).toMatchObject({ code: "auth.missing", facts: { reason: "authorization" } });
  });
});
