/** Every page and form with every id that is another owner's, or nobody's: no answer and no row tells them apart (I15). */
import { beforeAll, describe, expect, it } from "vitest";
import { shardOf } from "../../src/directory/watch.ts";
import { createApp, type WebDeps } from "../../src/web/app.ts";
import { DEFAULTS } from "../../src/web/policy-form.ts";
import { askingPolicy, belongings, type Belongings, nobodys } from "./belongings.ts";
import { alone, dumpOf, inAccount } from "./evidence.ts";
import { House } from "./house.ts";
import { Browser, ORIGIN } from "./pages.ts";
import { stage } from "./stage.ts";

type Page = {
  readonly ids: (theirs: Belongings) => readonly string[];
  readonly open: (browser: Browser, id: string) => Promise<Response>;
};

const inAMonth = (): string => new Date(stage.nowMs + 30 * 86_400_000).toISOString().slice(0, 10);
const JSON_ONLY = { headers: { accept: "application/json" } };
const SIGNATURE = `0x${"11".repeat(65)}`;
const get =
  (path: (id: string) => string): Page["open"] =>
  (browser, id) =>
    browser.fetch(path(id), JSON_ONLY);
const form =
  (path: (id: string) => string): Page["open"] =>
  (browser, id) =>
    browser.form(path(id), { csrf: browser.csrf });
const json =
  (path: (id: string) => string, body: (id: string) => object): Page["open"] =>
  (browser, id) =>
    browser.postJson(path(id), { ...body(id) });
const grant = ({ grantId }: Belongings): readonly string[] => [grantId];

async function deny(browser: Browser, id: string): Promise<Response> {
  const page = await browser.fetch(`/approve/${id}`, JSON_ONLY);
  const { nonce = "n".repeat(26) } = (await page.json()) as { nonce?: string };
  return browser.postJson(`/approve/${id}`, { nonce, verdict: "deny" });
}

/** By method and path: where an id goes in. */
const PAGES: Readonly<Record<string, Page>> = {
  "GET /dashboard/vm/:id": { ids: ({ vms }) => vms, open: get((id) => `/dashboard/vm/${id}`) },
  "POST /dashboard/vm/:id/destroy": { ids: ({ vms }) => vms, open: form((id) => `/dashboard/vm/${id}/destroy`) },
  "GET /dashboard/grant/:id/revoke": { ids: grant, open: get((id) => `/dashboard/grant/${id}/revoke`) },
  "POST /dashboard/grant/:id/freeze": { ids: grant, open: form((id) => `/dashboard/grant/${id}/freeze`) },
  "POST /dashboard/grant/:id/revoke": { ids: grant, open: form((id) => `/dashboard/grant/${id}/revoke`) },
  "POST /dashboard/notice/:id/seen": {
    ids: ({ notices }) => notices,
    open: form((id) => `/dashboard/notice/${id}/seen`),
  },
  "GET /approve/:id": { ids: ({ approvals }) => approvals, open: get((id) => `/approve/${id}`) },
  "POST /approve/:id": { ids: ({ approvals }) => approvals.slice(1), open: deny },
  "GET /dashboard/policy": { ids: grant, open: get((id) => `/dashboard/policy?unfreeze=${id}`) },
  "POST /dashboard/policy/offer": {
    ids: grant,
    open: json(
      () => "/dashboard/policy/offer",
      (unfreeze) => ({ draft: { ...DEFAULTS, expires_on: inAMonth() }, unfreeze }),
    ),
  },
  "POST /dashboard/funding": {
    ids: ({ itemHashes }) => itemHashes,
    open: json(
      () => "/dashboard/funding",
      (item_hash) => ({ item_hash, signature: SIGNATURE, ticked_everything: true, ticked_doubtful: true }),
    ),
  },
  "POST /dashboard/leave/sign": {
    ids: ({ itemHashes }) => itemHashes,
    open: json(
      () => "/dashboard/leave/sign",
      (item_hash) => ({ item_hash, signature: SIGNATURE }),
    ),
  },
};

/** Take no id, or one that was given out to this very browser: a nonce, a handle of the OAuth flow. */
const WITHOUT = new Set(
  [
    "GET /, GET /network, GET /network.json, POST /signin/challenge, POST /signin, POST /signout, GET /dashboard",
    "GET /api/overview, GET /dashboard/stop, POST /dashboard/stop, POST /dashboard/freeze, POST /dashboard/policy",
    "GET /dashboard/funding, GET /dashboard/leave, GET /approve, GET /authorize, POST /authorize/challenge",
    "POST /authorize/sign-in, POST /authorize/policy, POST /authorize, GET /dashboard/audit.jsonl",
    "GET /dashboard/audit.csv, GET /dashboard/reads.csv, GET /dashboard/ledger.csv, GET /dashboard/leave/revoke, POST /dashboard/leave/revoke",
    "GET /dashboard/leave/compromised, POST /dashboard/leave/compromised, GET /dashboard/leave/rotate",
    "POST /dashboard/leave/rotate, POST /authorize/agent",
  ].flatMap((line) => line.split(", ")),
);

const routes = createApp({ config: { COOKIE_KEY: "00".repeat(32), PUBLIC_ORIGIN: ORIGIN } } as WebDeps).routes.filter(
  ({ method }) => method !== "ALL",
);

it("every page is known here: a new one has to say whether it takes an id", () => {
  const unknown = routes
    .map(({ method, path }) => `${method} ${path}`)
    .filter((one) => PAGES[one] === undefined && !WITHOUT.has(one));
  expect(unknown).toEqual([]);
  expect(Object.keys(PAGES).filter((one) => !routes.some(({ method, path }) => one === `${method} ${path}`))).toEqual(
    [],
  );
});

describe("an id that is another owner's", () => {
  let neighbour: House;
  let theirs: Belongings;
  let browser: Browser;

  beforeAll(async () => {
    const house = await alone(askingPolicy());
    neighbour = await House.join(askingPolicy());
    house.shards = [shardOf(house.name), shardOf(neighbour.name)];
    neighbour.shards = house.shards;
    theirs = await belongings(neighbour, await neighbour.agent());
    browser = await new Browser(house).signIn();
  }, 120_000);

  const rows = (): Promise<string> => inAccount(neighbour, dumpOf);
  /** What is new in each answer, an id or a nonce, says nothing of the id that was asked for. */
  async function told(page: Page, id: string): Promise<unknown> {
    // so many calls a minute and no more
    stage.moveTo(stage.nowMs + 1_000);
    const response = await page.open(browser, id);
    const text = (await response.text())
      .replaceAll(id, "ID")
      .replaceAll(/"(nonce|deadline|typed_data|csrf)":"[^"]*"/g, "");
    return [
      response.status,
      response.headers.get("location")?.replaceAll(id, "ID") ?? null,
      text.replaceAll(/\d{13}/g, "T"),
    ];
  }

  for (const [name, page] of Object.entries(PAGES))
    it(`is answered by ${name} as one that does not exist, and changes no row of theirs`, async () => {
      const before = await rows();
      for (const id of page.ids(theirs)) expect(await told(page, id)).toEqual(await told(page, nobodys(id)));
      expect(page.ids(theirs).length).toBeGreaterThan(0);
      expect(await rows()).toBe(before);
    });

  it("is good for its owner: the same calls are answered otherwise, or change something", async () => {
    const own = await new Browser(neighbour).signIn();
    const same: string[] = [];
    for (const [name, page] of Object.entries(PAGES)) {
      const [id = ""] = page.ids(theirs);
      const before = await rows();
      const [mine, nobody] = [await page.open(own, id), await page.open(own, nobodys(id))];
      const otherwise = mine.status !== nobody.status || (await mine.text()) !== (await nobody.text());
      if (!otherwise && (await rows()) === before) same.push(name);
    }
    // these take a message that waits for its owner's signature, and this owner has none
    expect(same).toEqual(["POST /dashboard/funding", "POST /dashboard/leave/sign"]);
  });
});
