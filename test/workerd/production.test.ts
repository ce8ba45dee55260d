/** What is deployed, by its own entry and its own configuration: nothing of the twin, the dev wallet or the dev clock. */
import { createExecutionContext, createScheduledController, listDurableObjectIds, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEV_WALLET_SCRIPT, devWallet } from "../../dev/wallet.ts";
import { agentFront } from "../../src/account/front-agent.ts";
import { shardOf } from "../../src/directory/watch.ts";
import { parseConfig } from "../../src/env.ts";
import { productionPorts } from "../../src/ports.ts";
import production from "../../src/worker.ts";
import { type Bindings, frontOf, service } from "../../src/wiring.ts";
import { instanceHashes } from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { authorizeQuery, Browser, ORIGIN, register, requestOf, said, type Said, type send } from "./pages.ts";
import { stage, stagePorts } from "./stage.ts";

declare global {
  interface ImportMeta {
    readonly glob: (pattern: string | readonly string[], options: object) => Record<string, string>;
  }
}

const SRC = import.meta.glob("../../src/**/*.ts", { query: "?raw", import: "default", eager: true });
const DEV = import.meta.glob(["../../dev/**/*.ts", "../../devnet/**/*.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const PUBLIC = import.meta.glob("../../src/web/public/*", { query: "?raw", import: "default", eager: true });
const [TOML = ""] = Object.values(
  import.meta.glob("../../wrangler.toml", { query: "?raw", import: "default", eager: true }),
);
const [BUNDLE = ""] = Object.values(
  import.meta.glob("../../scripts/bundle.ts", { query: "?raw", import: "default", eager: true }),
);

const SECRETS = { ACCOUNT_NAME_KEY: "a1".repeat(32), KEK_CURRENT: "b2".repeat(32), COOKIE_KEY: "c3".repeat(32) };
const DEV_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const DEV_PATHS = ["/__dev/wallet.js", "/__dev/wallet/request", "/__dev/tick", "/__twin", "/__twin/api/state"];
const MARKERS = ["twin.example", "Dev wallet", DEV_KEY, "__twin", "/__dev/"];

type Settings = Readonly<Record<string, string>>;

/** The bindings of wrangler.toml with exactly these settings; the namespace is wrapped, since fronts are kept by it. */
function deployed(settings: Settings): Bindings {
  const { ACCOUNT, WATCH, DIRECTORY, SESSION, OAUTH_KV } = env as unknown as Bindings;
  const wrapped = { getByName: (name: string) => ACCOUNT.getByName(name) } as unknown as Bindings["ACCOUNT"];
  return { ACCOUNT: wrapped, WATCH, DIRECTORY, SESSION, OAUTH_KV, PUBLIC_ORIGIN: ORIGIN, ...settings } as Bindings;
}

type Fetch = (request: Request, env: Bindings, ctx: ExecutionContext) => Promise<Response>;
const entry: Fetch = (request, bindings, ctx) => production.fetch(request as never, bindings, ctx);

/** The entry keeps what it built from its first settings; other ones need the same wiring anew. */
const anew = (): Fetch =>
  service<Bindings>({ ports: () => ({ ...productionPorts, dial: stagePorts.dial }), pageScripts: [] }).fetch;

const through =
  (fetch: Fetch, bindings: Bindings): typeof send =>
  (input, init) =>
    fetch(requestOf(input, init), bindings, createExecutionContext());

beforeEach(async () => {
  await reset();
  stage.reset();
  // the real clock of the production ports has to agree with the objects, which live on the stage's
  vi.useFakeTimers({ toFake: ["Date"], now: stage.nowMs });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the production entry without its settings", () => {
  const secretless = through(entry, deployed({}));

  it.each(["/", "/dashboard", "/authorize?client_id=x", "/mcp", "/oauth/token", "/approve/ap_1", "/nothing"])(
    "answers %s with a page that names each missing secret",
    async (path) => {
      for (const method of ["GET", "POST"]) {
        const response = await secretless(path, { method });
        const text = await response.text();
        expect([response.status, response.headers.get("content-type")]).toEqual([503, "text/html; charset=utf-8"]);
        for (const name of Object.keys(SECRETS)) expect(text).toContain(`<code>${name}: `);
        expect(text).not.toContain("<script");
        expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
      }
    },
  );

  it.each(Object.keys(SECRETS))("names %s alone when only that is missing, and shows no value", async (missing) => {
    const rest = Object.fromEntries(Object.entries(SECRETS).filter(([name]) => name !== missing));
    const text = await (await through(entry, deployed(rest))("/")).text();
    expect([...text.matchAll(/<li><code>(\w+):/g)].map(([, name]) => name)).toEqual([missing]);
    for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
  });

  it("does not repeat a value that is malformed", async () => {
    const text = await (
      await through(entry, deployed({ ...SECRETS, KEK_CURRENT: "s3cret-and-too-short" }))("/")
    ).text();
    expect(text).toContain("<code>KEK_CURRENT: ");
    expect(text).not.toContain("s3cret");
  });

  it("lets both crons pass", async () => {
    for (const cron of ["*/5 * * * *", "17 3 * * *"]) {
      const event = createScheduledController({ cron, scheduledTime: stage.nowMs });
      await expect(production.scheduled(event, deployed({}))).resolves.toBeUndefined();
    }
  });
});

/** Comments may speak of what is not there. */
const codeOf = (text = ""): string => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

describe("the dev wallet and the twin", () => {
  const served = through(entry, deployed({ ...SECRETS, OWNERS: "*" }));

  it.each(DEV_PATHS)("are not behind %s of the production entry", async (path) => {
    const body = JSON.stringify({ method: "eth_requestAccounts" });
    const headers = { "content-type": "application/json", origin: ORIGIN, accept: "application/json" };
    const answers = await Promise.all([served(path, { headers }), served(path, { method: "POST", headers, body })]);
    for (const answer of answers) {
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: "input.unknown_id" });
    }
  });

  it("would have been found by these calls where they are", async () => {
    const script = await devWallet(requestOf(DEV_WALLET_SCRIPT));
    const body = JSON.stringify({ method: "eth_requestAccounts" });
    const request = requestOf("/__dev/wallet/request", { method: "POST", headers: { origin: ORIGIN }, body });
    expect([script?.status, (await devWallet(request))?.status]).toEqual([200, 200]);
    expect(DEV_PATHS).toContain(DEV_WALLET_SCRIPT);
  });

  it("are imported by nothing that is deployed", () => {
    const imports = (files: Record<string, string>): readonly string[] =>
      Object.entries(files).flatMap(([path, text]) =>
        [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, to]) => `${path} ${to}`),
      );
    const dev = /(^|\/)(dev|devnet|test)\//;
    expect(imports(SRC).length).toBeGreaterThan(300);
    expect(imports(SRC).filter((line) => dev.test(line.split(" ")[1] ?? ""))).toEqual([]);
    expect(
      imports({ "dev/x.ts": 'import { a } from "../devnet/a.ts";' }).filter((line) => dev.test(line)),
    ).toHaveLength(1);
  });

  it("leave none of their marks in what is deployed, and the bundle check looks for each of these", () => {
    const holds = (files: Record<string, string>, mark: string): readonly string[] =>
      Object.keys(files).filter((path) => codeOf(files[path]).toLowerCase().includes(mark.toLowerCase()));
    const [, sought = ""] = /^const MARKERS = \[([^\]]*)\];$/m.exec(BUNDLE) ?? [];
    expect(BUNDLE).toContain(`const ANVIL_KEY = "${DEV_KEY}";`);
    for (const mark of MARKERS) {
      expect(holds(DEV, mark).length).toBeGreaterThan(0);
      expect([...holds(SRC, mark), ...holds(PUBLIC, mark)]).toEqual([]);
      expect(sought).toContain(mark === DEV_KEY ? "ANVIL_KEY" : `"${mark}"`);
    }
  });

  it("are not in the configuration that is deployed, and neither is a secret", () => {
    const lines = TOML.split("\n").filter((line) => !line.trim().startsWith("#"));
    const settings = lines.flatMap((line) => /^([A-Z][A-Z_]+)\s*=/.exec(line)?.[1] ?? []);
    expect(lines).toContain('main = "src/worker.ts"');
    expect(settings).toEqual(["PUBLIC_ORIGIN"]);
    expect(TOML).not.toMatch(/^\[\[services\]\]/m);
    expect(lines.find((line) => line.startsWith("compatibility_flags"))).toContain("global_fetch_strictly_public");
  });
});

describe("a page of the production entry", () => {
  /** Nothing of the network answers here, and without it nobody can be told what to sign for funding. */
  const PAGES: readonly (readonly [path: string, status: number])[] = [
    ["/", 200],
    ["/dashboard", 200],
    ["/dashboard/policy", 200],
    ["/dashboard/funding", 503],
    ["/dashboard/stop", 200],
    ["/approve", 200],
  ];

  const scriptsIn = (page: string): readonly string[] =>
    [...page.matchAll(/<script\b([^>]*)>/g)].map(
      ([, attributes = ""]) => /\bsrc="([^"]*)"/.exec(attributes)?.[1] ?? "inline",
    );

  async function expectOwnScripts(response: Response): Promise<readonly string[]> {
    const page = await response.text();
    const scripts = scriptsIn(page);
    const own = Object.keys(PUBLIC).map((path) => path.replace("../../src/web/public", ""));
    for (const script of scripts) expect(own).toContain(script);
    expect(response.headers.get("content-security-policy")).toMatch(/default-src 'none'; script-src 'self';/);
    expect(page).not.toMatch(/\son[a-z]+\s*=|javascript:/i);
    expect(page).not.toContain("Dev wallet");
    return scripts;
  }

  it.each(PAGES)("loads no script but our own, signed in or not: %s", async (path, status) => {
    const browser = new Browser(House.stranger(), through(anew(), deployed({ ...SECRETS, OWNERS: "*" })));
    expect(await expectOwnScripts(await browser.fetch(path))).toEqual(["/sign.js"]);
    await browser.signIn();
    const response = await browser.fetch(path);
    expect(response.status).toBe(status);
    await expectOwnScripts(response);
  });

  it("for consent loads no script but our own", async () => {
    const at = through(anew(), deployed({ ...SECRETS, OWNERS: "*" }));
    const browser = new Browser(House.stranger(), at);
    const client = await said(await register("<script src=//evil.example></script>", {}, at));
    const page = await browser.fetch(`/authorize?${authorizeQuery(String(client["client_id"]), "v".repeat(43))}`);
    expect(page.status).toBe(200);
    expect(await expectOwnScripts(page)).toEqual(["/consent.js"]);
  });

  it("says that it speaks of the real network", async () => {
    const page = await (await through(anew(), deployed(SECRETS))("/")).text();
    expect(page).toContain('data-network="aleph"');
    expect(page).not.toContain("Local twin");
  });
});

describe("signing in", () => {
  const accounts = async (): Promise<number> =>
    (await listDurableObjectIds((env as unknown as Bindings).ACCOUNT)).length;

  it("while OWNERS is unset lets nobody in, says which line to set, and writes nothing for them", async () => {
    const browser = new Browser(House.stranger(), through(anew(), deployed(SECRETS)));
    const before = await accounts();
    const refused = await browser.trySignIn();
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: "auth.stranger",
      facts: { owners_line: `OWNERS=${browser.address}` },
    });
    expect((await browser.fetch("/api/overview")).status).toBe(401);
    expect(await accounts()).toBe(before);
  });

  it("lets in who is listed, however the address is written, and nobody else", async () => {
    const house = House.stranger();
    const listed = { ...SECRETS, OWNERS: `0x${"0".repeat(40)}, ${house.session.owner.toLowerCase()}` };
    const at = through(anew(), deployed(listed));
    const before = await accounts();
    expect((await (await new Browser(house, at).signIn()).fetch("/dashboard")).status).toBe(200);
    expect((await new Browser(House.stranger(), at).trySignIn()).status).toBe(403);
    expect(await accounts()).toBe(before + 1);
  });
});

describe("the first limits of an owner on this machine", () => {
  it("may be the very ones that the form shows, and no VM may outlive four hours", async () => {
    stage.settings = { NETWORK: "aleph", PUBLIC_ORIGIN: ORIGIN };
    const at = through(anew(), deployed({ ...SECRETS, NETWORK: "aleph", OWNERS: "*" }));
    const browser = await new Browser(House.stranger(), at).signIn();
    const draft = formIn(await (await browser.fetch("/dashboard/policy")).text());
    const offer = await browser.post("/dashboard/policy/offer", { draft });
    const signature = browser.signTyped(offer["typed_data"]);
    expect(await browser.post("/dashboard/policy", { nonce: offer["nonce"], signature })).toEqual({ version: 1 });
    const longer = await browser.postJson("/dashboard/policy/offer", { draft: { ...draft, ttl_h_max: "5" } });
    expect(await longer.json()).toMatchObject({ hint: "A VM lives at most: between 0.1667 and 4 hours." });
  });

  /** What a browser would send of a form that nobody has touched. */
  function formIn(page: string): Said {
    const inputs = [...page.matchAll(/<input\b[^>]*>/g)].map(([tag]) => tag);
    const of = (tag: string, name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
    const sent = inputs.filter((tag) => !/type="(radio|checkbox)"/.test(tag) || /\schecked\b/.test(tag));
    return Object.fromEntries(
      sent.map((tag) => [of(tag, "name"), of(tag, "value")]).filter(([name]) => name !== "csrf"),
    );
  }
});

describe("a create on this machine against the real network", () => {
  /** The account's settings as `wrangler dev` on wrangler.toml has them; the stage's network stands for the real one. */
  async function awake(settings: Settings): Promise<House> {
    stage.settings = { NETWORK: "aleph", PUBLIC_ORIGIN: ORIGIN, ...settings };
    const house = await House.join(draftPolicy({ limits: { ttlSMax: 4 * HOUR_S } }));
    house.shards = [shardOf(house.name)];
    return house;
  }

  function frontsOf(house: House, NETWORK: "aleph") {
    const parsed = parseConfig(env);
    if (!parsed.ok) throw new Error(parsed.missing.join());
    return {
      house,
      agents: agentFront(frontOf(env as unknown as Bindings, { ...parsed.config, NETWORK }, stagePorts)),
    };
  }

  it("is refused without ALLOW_UNATTENDED, by a code that says so, and nothing is sent", async () => {
    const { house, agents } = frontsOf(await awake({}), "aleph");
    const agent = await house.agent();
    const quote = value(await agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse?.code).toBe("account.unattended");
    const accepted = await agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 });
    expect(accepted).toMatchObject({ ok: false, refusal: { code: "account.unattended", retry: "never" } });
    await house.advance(120);
    expect(instanceHashes()).toEqual([]);
  });

  it("passes with ALLOW_UNATTENDED=1, and says that teardown needs this machine awake", async () => {
    const { house, agents } = frontsOf(await awake({ ALLOW_UNATTENDED: "1" }), "aleph");
    const agent = await house.agent();
    const quote = value(await agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse).toBeUndefined();
    const accepted = value(await agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    expect(accepted).toMatchObject({ kind: "vm", unattended: true });
    if (accepted.kind === "vm") await house.until(agent, accepted.vm.vmId, ["HEALTHY"]);
  });

  it("is not called unattended on a name that others can reach", async () => {
    const house = await awake({ PUBLIC_ORIGIN: "https://allowance.example" });
    expect(code(await house.agents.quoteVm(await house.agent(), ASK))).toBe("ok");
    const quote = value(await house.agents.quoteVm(await house.agent(), ASK));
    expect(quote.wouldRefuse).toBeUndefined();
  });
});
