/** A browser with a cookie jar, and a house of pages for it to visit. Times are set by the test. */
import type { NetworkView } from "../../src/account/front-public.ts";
import { type Answer, refuse } from "../../src/errors.ts";
import "./workers-module.ts";
import { privateKeyToAccount } from "viem/accounts";
import type { Config } from "../../src/env.ts";
import type { Random } from "../../src/ports.ts";
import { createApp } from "../../src/web/app.ts";
import { NOW_MS, approval } from "./account.ts";
import { FakeFront, ORIGIN } from "./fake-front.ts";
import { FakeHistory } from "./fake-history.ts";
import { FakeOAuth } from "./fake-oauth.ts";

export { NOW_MS, ORIGIN };
export const alice = privateKeyToAccount(`0x${"a1".repeat(32)}`);
export const bob = privateKeyToAccount(`0x${"b2".repeat(32)}`);
export type Wallet = typeof alice;

export const config: Config = {
  PUBLIC_ORIGIN: ORIGIN,
  OWNERS: "*",
  CORE_NODES: ["https://one.example", "https://two.example", "https://three.example"],
  CRN_LIST_ORIGIN: "https://list.example",
  SCHEDULER_ORIGIN: "https://scheduler.example",
  RESOLVER_ORIGIN: "https://resolver.example",
  ALLOW_UNATTENDED: "0",
  NEW_SPENDING: "on",
  NETWORK: "aleph",
  ACCOUNT_NAME_KEY: "11".repeat(32),
  KEK_CURRENT: "22".repeat(32),
  KEK_CURRENT_VERSION: 1,
  COOKIE_KEY: "33".repeat(32),
};

/** Counts up, so that no two values are the same and every run is. */
export function countingRandom(): Random {
  let count = 0;
  return {
    bytes: (length) => {
      count += 1;
      return Uint8Array.from({ length }, (_, at) => (count * 31 + at * 7) % 256);
    },
  };
}

export type House = ReturnType<typeof house>;

export function house(
  ask: {
    readonly owners?: ReadonlySet<string>;
    readonly config?: Partial<Config>;
    readonly pageScripts?: readonly string[];
    readonly network?: Answer<NetworkView>;
  } = {},
) {
  const front = new FakeFront(ask.owners ?? "*");
  front.approver = alice.address;
  const history = new FakeHistory();
  const oauth = new FakeOAuth();
  const time = { nowMs: NOW_MS };
  const lane = { open: true, keys: [] as string[] };
  const logged: unknown[] = [];
  const app = createApp({
    config: { ...config, ...ask.config },
    front,
    publicFront: { network: async () => ask.network ?? refuse("network.unreachable", {}, 120) },
    history,
    clock: { nowMs: () => time.nowMs, alarmAtMs: (dueMs) => dueMs },
    random: countingRandom(),
    oauth: () => oauth.helpers(),
    pageScripts: ask.pageScripts ?? [],
    limiter: {
      take: async (_lane, key) => {
        lane.keys.push(key);
        return lane.open;
      },
    },
    log: (event, facts) => logged.push([event, facts]),
  });
  return { app, front, history, oauth, time, lane, logged };
}

export class Browser {
  readonly jar = new Map<string, string>();
  private readonly house: House;

  constructor(home: House) {
    this.house = home;
  }

  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.jar.size > 0)
      headers.set("Cookie", Array.from(this.jar, ([name, value]) => `${name}=${value}`).join("; "));
    const response = await this.house.app.request(new Request(new URL(path, ORIGIN), { ...init, headers }));
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
    return response;
  }

  private keep(cookie: string): void {
    const [pair = "", ...attributes] = cookie.split(";").map((part) => part.trim());
    const cut = pair.indexOf("=");
    if (attributes.includes("Max-Age=0")) this.jar.delete(pair.slice(0, cut));
    else this.jar.set(pair.slice(0, cut), pair.slice(cut + 1));
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.send(path, { headers });
  }

  json(path: string): Promise<Response> {
    return this.get(path, { Accept: "application/json" });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const all = { "Content-Type": "application/json", Origin: ORIGIN, "Sec-Fetch-Site": "same-origin", ...headers };
    return this.send(path, { method: "POST", headers: all, body: JSON.stringify(body) });
  }

  form(
    path: string,
    fields: Record<string, string> | readonly (readonly [string, string])[],
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const all = {
      "Content-Type": "application/x-www-form-urlencoded",
      Origin: ORIGIN,
      "Sec-Fetch-Site": "same-origin",
      ...headers,
    };
    const body = new URLSearchParams(
      Array.isArray(fields) ? fields.map(([name, value]) => [name, value]) : (fields as Record<string, string>),
    );
    return this.send(path, { method: "POST", headers: all, body: body.toString() });
  }

  /** Signs in for the dashboard; returns the token that its forms need. */
  async signIn(wallet: Wallet): Promise<string> {
    const { text } = await body<{ text: string }>(await this.post("/signin/challenge", { address: wallet.address }));
    const signed = await this.post("/signin", { signature: await wallet.signMessage({ message: text }) });
    if (signed.status !== 200) throw new Error(`not signed in: ${await signed.text()}`);
    return (await body<{ csrf: string }>(signed)).csrf;
  }
}

export function body<T = Record<string, unknown>>(response: Response): Promise<T> {
  return response.json() as Promise<T>;
}

export async function code(response: Response): Promise<string> {
  return String((await body<{ code?: string }>(response)).code);
}

export const AUTHORIZE = "/authorize?response_type=code&client_id=client-1";

/** Opens the consent page; returns the handle that stands in it. */
export async function openConsent(browser: Browser): Promise<{ readonly handle: string; readonly page: string }> {
  const response = await browser.get(AUTHORIZE);
  const page = await response.text();
  const handle = /name="handle" value="([^"]+)"/.exec(page)?.[1];
  if (handle === undefined) throw new Error(`no consent page: ${response.status} ${page}`);
  return { handle, page };
}

export type Consent = {
  readonly owner: string;
  readonly csrf: string;
  readonly overview: {
    readonly policy: { readonly form: Record<string, string> } | null;
    readonly grants: readonly { readonly grant_id: string }[];
  };
};

export async function signInFor(browser: Browser, handle: string, wallet: Wallet): Promise<Consent> {
  const { text } = await body<{ text: string }>(
    await browser.post("/authorize/challenge", { handle, address: wallet.address }),
  );
  return body<Consent>(
    await browser.post("/authorize/sign-in", { handle, signature: await wallet.signMessage({ message: text }) }),
  );
}

export const approvalPath = `/approve/${approval.approvalId}`;
