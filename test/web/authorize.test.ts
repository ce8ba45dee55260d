import { describe, expect, test } from "vitest";
import { ACCOUNT, BOUNDS, emptyOverview, fullOverview, grant, policy } from "./account.ts";
import {
  AUTHORIZE,
  Browser,
  type Consent,
  type House,
  NOW_MS,
  alice,
  bob,
  body,
  code,
  house,
  openConsent,
  signInFor,
} from "./browser.ts";
import { DEFAULTS, defaultValues } from "../../src/web/policy-form.ts";

type Ready = { readonly browser: Browser; readonly handle: string; readonly consent: Consent };

async function ready(home: House): Promise<Ready> {
  const browser = new Browser(home);
  const { handle } = await openConsent(browser);
  return { browser, handle, consent: await signInFor(browser, handle, alice) };
}

const allow = (
  { browser, handle, consent }: Ready,
  more: readonly (readonly [string, string])[] = [],
): Promise<Response> =>
  browser.form("/authorize", [
    ["handle", handle],
    ["csrf", consent.csrf],
    ["verdict", "allow"],
    ["agent", "new"],
    ["budget_usd", "5"],
    ...more,
  ]);

const json = (response: Response) => body<{ code: string; facts: Record<string, unknown> }>(response);
const added = (home: House) =>
  home.front.calls.find(({ name }) => name === "addGrant")?.ask as Record<string, unknown> | undefined;

describe("the consent page", () => {
  test("names the client, its redirect host, scopes, budget, limits and funding, and loads only our scripts", async () => {
    const { page } = await openConsent(new Browser(house({ pageScripts: ["/__dev/wallet.js"] })));
    expect(page).toContain("An Agent asks for a compute budget");
    expect(page).toContain("<b>client.example</b>");
    expect(page).toContain("It registered itself; its name is not verified.");
    expect(page).toContain('href="/dashboard/funding" target="_blank"');
    for (const name of Object.keys(DEFAULTS)) expect(page).toContain(`name="${name}"`);
    for (const name of ["budget_usd", "agent", "scope", "expires_on"]) expect(page).toContain(`name="${name}"`);
    expect([...page.matchAll(/<script[^>]*src="([^"]+)"/g)].map((found) => found[1])).toEqual([
      "/__dev/wallet.js",
      "/consent.js",
    ]);
  });

  test("takes no end that is over and no count that the server would refuse", async () => {
    const { page } = await openConsent(new Browser(house()));
    const inputOf = (name: string): string => new RegExp(`<input[^>]*name="${name}"[^>]*>`).exec(page)?.[0] ?? "";
    expect(inputOf("agent_expires_on")).toContain('min="2026-11-24"');
    for (const name of ["agent_vms_live_max", "agent_creates_per_min_max"])
      expect(inputOf(name)).toMatch(/step="1"\s+min="0"\s+max="999"/);
  });

  test("ticks reading and creating, and never topping up, whatever was asked for", async () => {
    const home = house();
    home.oauth.request = { ...home.oauth.request, scope: ["funds:topup"] };
    const { page } = await openConsent(new Browser(home));
    const boxes = [...page.matchAll(/<input\s+type="checkbox"\s+name="scope"\s+value="([^"]+)"([^>]*)>/g)];
    expect(boxes.map(([, scope, rest]) => [scope, /checked/.test(rest ?? ""), /disabled/.test(rest ?? "")])).toEqual([
      ["vm:read", true, true],
      ["vm:create", true, false],
      ["funds:topup", false, false],
    ]);
    expect(page).toContain("hands you a link to the funding page, and buys nothing");
  });

  test("warns when access goes to a program on this computer", async () => {
    const home = house();
    home.oauth.request = { ...home.oauth.request, redirectUri: "http://127.0.0.1:3118/cb" };
    expect((await openConsent(new Browser(home))).page).toContain("This client cannot prove who it is");
    expect((await openConsent(new Browser(house()))).page).not.toContain("program on your own computer");
  });

  test("a client with a domain of its own is shown with it", async () => {
    const home = house();
    home.oauth.described = { clientDomain: "agents.example" };
    expect((await openConsent(new Browser(home))).page).toContain("Published by agents.example.");
  });

  test("no PKCE, or plain, is refused", async () => {
    for (const change of [{ codeChallengeMethod: "plain" }, { codeChallenge: "" }, { codeChallengeMethod: "s256" }]) {
      const home = house();
      home.oauth.request = { ...home.oauth.request, ...change };
      const answer = await new Browser(home).json(AUTHORIZE);
      expect([answer.status, await code(answer)]).toEqual([400, "input.invalid"]);
    }
  });

  test("sets no limits itself and asks the account nothing before somebody signs in", async () => {
    const home = house();
    await openConsent(new Browser(home));
    expect(home.front.calls).toEqual([]);
  });
});

describe("consent", () => {
  test("with a signed policy makes a grant and sends the client its code", async () => {
    const home = house();
    home.front.overviewOf = emptyOverview;
    const at = await ready(home);
    expect(at.consent.overview.policy).toBeNull();
    const draft = { ...defaultValues(NOW_MS, BOUNDS), per_vm_usd: 2 };
    const offer = await body<{ nonce: string; typed_data: string; worst_case_usd: number }>(
      await at.browser.post("/authorize/policy", { handle: at.handle, draft }),
    );
    expect(offer.worst_case_usd).toBe(20);
    const typed = JSON.parse(offer.typed_data);
    expect(typed).toMatchObject({ primaryType: "Policy", message: { per_vm_credits_max: "2000000" } });
    expect(typed.types.EIP712Domain).toBeDefined();
    const signature = await alice.signTypedData(typed);
    const done = await allow(at, [
      ["scope", "vm:create"],
      ["policy_nonce", offer.nonce],
      ["policy_signature", signature],
    ]);
    expect([done.status, done.headers.get("Location")]).toEqual([
      302,
      "https://client.example/callback?code=c0de&state=xyz",
    ]);
    expect(home.front.changes()).toEqual(["consumeNonce", "offerPolicy", "savePolicy", "addGrant"]);
    expect(added(home)).toEqual({
      clientId: "client-1",
      clientName: "An Agent",
      redirectHost: "client.example",
      scopes: ["vm:read", "vm:create"],
      creditsMax: 5_000_000,
      vmsLiveMax: 3,
      createsPerMinMax: 2,
      windows: [],
      expiresAtMs: Date.UTC(2027, 1, 22, 23, 59, 59),
    });
  });

  test("what was ticked travels into the token, and nothing else does", async () => {
    const home = house();
    const at = await ready(home);
    await allow(at, [
      ["scope", "vm:create"],
      ["scope", "funds:topup"],
    ]);
    const scope = ["vm:read", "vm:create", "funds:topup", "offline_access"];
    expect(home.oauth.approved).toEqual([{ handle: at.handle, options: { scope } }]);
    expect(home.oauth.completed).toEqual([
      {
        request: { ...home.oauth.request, scope },
        userId: ACCOUNT,
        metadata: { grant_id: "gr_new" },
        scope,
        props: { account: ACCOUNT, grant_id: "gr_new" },
        revokeExistingGrants: false,
      },
    ]);
  });

  test("an unticked offline_access is not added, and an unknown scope is refused", async () => {
    const home = house();
    home.oauth.request = { ...home.oauth.request, scope: [] };
    const at = await ready(home);
    expect((await json(await allow(at, [["scope", "vm:everything"]]).then(asJson))).facts).toEqual({ field: "scope" });
    await allow(at);
    expect(home.oauth.completed[0]?.scope).toEqual(["vm:read"]);
  });

  test("nothing remembers it: the next authorization of the same client asks again", async () => {
    const home = house();
    const at = await ready(home);
    await allow(at);
    expect(home.oauth.approved[0]?.options).not.toHaveProperty("remember");
    const again = await openConsent(at.browser);
    expect(again.page).toContain("An Agent asks for a compute budget");
    const withoutSignIn = await at.browser.form("/authorize", {
      handle: again.handle,
      csrf: at.consent.csrf,
      verdict: "allow",
    });
    expect(withoutSignIn.status).toBe(401);
    expect(home.oauth.completed).toHaveLength(1);
  });

  test("a handle works once", async () => {
    const home = house();
    const at = await ready(home);
    const kept = new Map(at.browser.jar);
    expect((await allow(at)).status).toBe(302);
    expect((await allow(at)).status).toBe(401);
    for (const [name, value] of kept) at.browser.jar.set(name, value);
    expect((await allow(at)).status).toBe(400);
    expect(home.oauth.completed).toHaveLength(1);
    expect(home.front.calls.filter(({ name }) => name === "revokeGrant").map(({ ask }) => ask)).toEqual([
      { grantId: "gr_new", keepVms: false },
    ]);
  });

  test("it cannot be completed from another browser, or after ten minutes", async () => {
    const home = house();
    const at = await ready(home);
    const elsewhere = { ...at, browser: new Browser(home) };
    expect((await allow(elsewhere)).status).toBe(401);
    home.time.nowMs += 600_000;
    expect((await allow(at)).status).toBe(401);
    expect(home.oauth.approved).toEqual([]);
  });

  test("whoever comes back to its page later is told to start again from the agent, whatever they press", async () => {
    const home = house();
    const at = await ready(home);
    home.time.nowMs += 600_000;
    const again = "Start again from your agent.";
    expect(await (await allow(at)).text()).toContain(again);
    expect(await (await at.browser.form("/authorize", { handle: at.handle, verdict: "refuse" })).text()).toContain(
      again,
    );
    for (const [step, rest] of [
      ["challenge", { address: alice.address }],
      ["sign-in", { signature: "0x" }],
      ["policy", { draft: {} }],
    ] as const) {
      const told = await body<{ hint: string }>(
        await at.browser.post(`/authorize/${step}`, { handle: at.handle, ...rest }),
      );
      expect(told.hint).toContain(again);
    }
  });

  test("the sign-in of one authorization does not complete another", async () => {
    const home = house();
    const at = await ready(home);
    const other = await openConsent(at.browser);
    expect((await allow({ ...at, handle: other.handle })).status).toBe(401);
  });

  test("two tabs can authorize at once", async () => {
    const home = house();
    const browser = new Browser(home);
    const [one, two] = [await openConsent(browser), await openConsent(browser)];
    const [first, second] = [await signInFor(browser, one.handle, alice), await signInFor(browser, two.handle, bob)];
    expect((await allow({ browser, handle: one.handle, consent: first })).status).toBe(302);
    expect((await allow({ browser, handle: two.handle, consent: second })).status).toBe(302);
    expect(home.front.calls.filter(({ name }) => name === "addGrant").map(({ owner }) => owner)).toEqual([
      alice.address,
      bob.address,
    ]);
  });

  test("a wrong token, verdict, budget or count is refused and the handle lives on", async () => {
    const home = house();
    const at = await ready(home);
    const fieldOf = async (fields: Record<string, string>): Promise<unknown> => {
      const all = { handle: at.handle, csrf: at.consent.csrf, verdict: "allow", agent: "new", ...fields };
      return (await json(await at.browser.form("/authorize", all, { Accept: "application/json" }))).facts["field"];
    };
    expect(await fieldOf({ csrf: "x" })).toBe("csrf");
    expect(await fieldOf({ verdict: "maybe" })).toBe("verdict");
    expect(await fieldOf({ budget_usd: "-1" })).toBe("budget_usd");
    expect(await fieldOf({ budget_usd: "1e3" })).toBe("budget_usd");
    expect(await fieldOf({ agent_day_usd: "much" })).toBe("agent_day_usd");
    expect(await fieldOf({ agent_vms_live_max: "1.5" })).toBe("agent_vms_live_max");
    expect(await fieldOf({ agent_expires_on: "soon" })).toBe("agent_expires_on");
    expect(await fieldOf({ agent: "gr_unknown" })).toBe("agent");
    expect(home.front.changes()).toEqual(["consumeNonce"]);
    expect((await allow(at)).status).toBe(302);
  });

  test("without a policy nothing is connected", async () => {
    const home = house();
    home.front.overviewOf = emptyOverview;
    const at = await ready(home);
    expect((await allow(at)).status).toBe(400);
    expect(added(home)).toBeUndefined();
  });

  test("a policy signed by somebody else, or offered to another session, is refused", async () => {
    const home = house();
    const at = await ready(home);
    const offer = await body<{ nonce: string; typed_data: string }>(
      await at.browser.post("/authorize/policy", { handle: at.handle, draft: defaultValues(NOW_MS, BOUNDS) }),
    );
    const byBob = await bob.signTypedData(JSON.parse(offer.typed_data));
    expect(
      (
        await allow(at, [
          ["policy_nonce", offer.nonce],
          ["policy_signature", byBob],
        ])
      ).status,
    ).toBe(400);
    const other = await ready(home);
    const byAlice = await alice.signTypedData(JSON.parse(offer.typed_data));
    expect(
      (
        await allow(other, [
          ["policy_nonce", offer.nonce],
          ["policy_signature", byAlice],
        ])
      ).status,
    ).toBe(400);
    expect(home.oauth.approved).toEqual([]);
  });

  test("an agent that comes back keeps what it had where nothing is said, and its older logins end after the new one is stored", async () => {
    const home = house();
    home.oauth.logins = [
      { id: "old", userId: ACCOUNT, metadata: { grant_id: grant.grantId } },
      { id: "other agent", userId: ACCOUNT, metadata: { grant_id: "gr_other" } },
    ];
    const at = await ready(home);
    expect(at.consent.overview.grants.map((one) => one.grant_id)).toEqual([grant.grantId]);
    const fields = {
      handle: at.handle,
      csrf: at.consent.csrf,
      verdict: "allow",
      agent: grant.grantId,
    };
    expect((await at.browser.form("/authorize", fields)).status).toBe(302);
    expect(added(home)).toMatchObject({
      existingGrantId: grant.grantId,
      creditsMax: grant.creditsMax,
      vmsLiveMax: grant.vmsLiveMax,
      expiresAtMs: grant.expiresAtMs,
    });
    expect(home.oauth.ended).toEqual(["old"]);
    expect(home.oauth.logins.map(({ id }) => id)).toEqual(["other agent", "login1"]);
  });

  test("an agent that comes back gets the budget and the end that the owner sets, and nothing else of the form", async () => {
    const home = house();
    const at = await ready(home);
    const done = await allow(at, [
      ["agent", grant.grantId],
      ["budget_usd", "9.5"],
      ["agent_expires_on", "2026-12-31"],
      ["agent_vms_live_max", "99"],
      ["agent_day_usd", "1"],
    ]);
    expect(done.status).toBe(302);
    expect(added(home)).toMatchObject({
      existingGrantId: grant.grantId,
      creditsMax: 9_500_000,
      expiresAtMs: Date.UTC(2026, 11, 31, 23, 59, 59),
      vmsLiveMax: grant.vmsLiveMax,
      createsPerMinMax: grant.createsPerMinMax,
      windows: [],
    });
  });

  test("an agent whose access has run out comes back, with the end that a new one gets where none is said", async () => {
    const home = house();
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), grants: [{ ...grant, expiresAtMs: NOW_MS - 1 }] });
    const at = await ready(home);
    expect((await allow(at, [["agent", grant.grantId]])).status).toBe(302);
    expect(added(home)).toMatchObject({
      existingGrantId: grant.grantId,
      expiresAtMs: Date.UTC(2027, 1, 22, 23, 59, 59),
    });
  });

  test("the agent's fields are refused before the limits are saved, and by a step of their own before anything is signed", async () => {
    const home = house();
    const at = await ready(home);
    const offer = await body<{ nonce: string; typed_data: string }>(
      await at.browser.post("/authorize/policy", { handle: at.handle, draft: defaultValues(NOW_MS, BOUNDS) }),
    );
    const signature = await alice.signTypedData(JSON.parse(offer.typed_data));
    for (const [field, value] of [
      ["budget_usd", "much"],
      ["agent_expires_on", "2026-11-23"],
      ["agent_vms_live_max", "1000"],
      ["agent_day_usd", "1,5"],
      ["agent", "gr_unknown"],
    ] as const) {
      const sent = { handle: at.handle, agent: { agent: "new", budget_usd: "5", [field]: value } };
      expect((await json(await at.browser.post("/authorize/agent", sent))).facts).toEqual({ field });
      const more = [
        ["policy_nonce", offer.nonce],
        ["policy_signature", signature],
        [field, value],
      ] as const;
      expect((await json(await allow(at, more).then(asJson))).facts).toEqual({ field });
    }
    expect(home.front.changes()).toEqual(["consumeNonce", "offerPolicy"]);
    const good = {
      handle: at.handle,
      agent: { agent: grant.grantId, budget_usd: ".5", agent_expires_on: "2026-11-24" },
    };
    expect(await body(await at.browser.post("/authorize/agent", good))).toEqual({});
  });

  test("a revoked agent cannot come back", async () => {
    const home = house();
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), grants: [{ ...grant, state: "revoked" }] });
    const at = await ready(home);
    const answer = await at.browser.form("/authorize", {
      handle: at.handle,
      csrf: at.consent.csrf,
      verdict: "allow",
      agent: grant.grantId,
    });
    expect(answer.status).toBe(404);
  });

  test("a second agent of the same client ends nobody's login", async () => {
    const home = house();
    await allow(await ready(home));
    await allow(await ready(home));
    expect(home.oauth.ended).toEqual([]);
    expect(home.oauth.completed.every(({ revokeExistingGrants }) => revokeExistingGrants === false)).toBe(true);
  });

  test("it needs no funding", async () => {
    const home = house();
    home.front.overviewOf = (owner) => {
      const full = fullOverview(owner);
      return { ...full, balance: { ...full.balance, delegation: "missing", payerCredits: 0 } };
    };
    expect((await allow(await ready(home))).status).toBe(302);
  });
});

describe("refusing", () => {
  test("sends the client access_denied without any sign-in", async () => {
    const home = house();
    const browser = new Browser(home);
    const { handle } = await openConsent(browser);
    const answer = await browser.form("/authorize", { handle, verdict: "refuse" });
    expect([answer.status, answer.headers.get("Location")]).toEqual([
      302,
      "https://client.example/callback?error=access_denied&state=xyz",
    ]);
    expect(home.front.calls).toEqual([]);
    expect([...browser.jar.keys()]).toEqual([]);
  });

  test("only in the browser that was asked", async () => {
    const home = house();
    const { handle } = await openConsent(new Browser(home));
    const answer = await new Browser(home).form("/authorize", { handle, verdict: "refuse" });
    expect(answer.status).toBe(401);
  });
});

describe("the overview that sign-in answers", () => {
  test("holds the limits as form values that mean the same limits", async () => {
    const { consent } = await ready(house());
    expect(consent.overview.policy?.form).toEqual({ ...defaultValues(NOW_MS, BOUNDS), expires_on: "2027-02-22" });
    expect(policy.expiresAtMs).toBe(Date.UTC(2027, 1, 22, 23, 59, 59));
  });
});

/** The page is the answer to a form; its code stands in it. */
async function asJson(response: Response): Promise<Response> {
  const text = await response.text();
  const found = /Code: <code>([^<]+)<\/code>/.exec(text)?.[1] ?? "";
  const field = /<dt>field<\/dt>\s*<dd>([^<]+)<\/dd>/.exec(text)?.[1];
  return Response.json({ code: found, facts: field === undefined ? {} : { field } });
}
