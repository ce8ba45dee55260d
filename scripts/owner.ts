/**
 * Plays the owner without a browser: a cookie jar, a private key, and the HTTP contract of our own pages.
 *
 * The demo, the kill test and CI use it; the key is the public test key of the dev wallet unless another is given.
 */
import { privateKeyToAccount } from "viem/accounts";
import {
  authorizeQuery,
  exchangeCode,
  type Json,
  type Login,
  newVerifier,
  readJson,
  registerClient,
} from "./oauth-client.ts";

export const DEV_WALLET_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const REDIRECT = "http://127.0.0.1:33418/callback";
const DAY_MS = 86_400_000;

export type LoginAsk = {
  /** Fields of the limits form (src/web/policy-form.ts) that differ from its defaults. */
  readonly limits?: Readonly<Record<string, string | number>>;
  readonly scopes?: readonly string[];
  readonly clientName?: string;
  readonly budgetUsd?: number;
  readonly agentLimits?: Readonly<Record<string, string>>;
};

/** What a newcomer finds in the limits form. */
const LIMITS: Readonly<Record<string, string | number>> = {
  per_vm_usd: 1,
  burn_usd_per_h: 0.5,
  window_86400_usd: 5,
  lifetime_usd: 20,
  vms_live_max: 3,
  creates_per_min_max: 2,
  ttl_h_default: 4,
  ttl_h_max: 24,
  vcpus_max: 8,
  memory_gb_max: 16,
  disk_gb_max: 160,
  extend_h_total_max: 24,
  gpus: "",
  images: "",
  nodes_allow: "",
  nodes_deny: "",
  terms_accepted: "",
  score_pct_min: 80,
  approval_by: "signature",
  approval_first_vm: "yes",
  approval_gpu: "yes",
  approval_above_usd: 1,
  unapproved_per_day_usd: 5,
  vm_unreachable: "destroy",
  vm_unreachable_min: 30,
  payer_line: "stop_ours",
  price_rise_pct_max: 10,
  delegation_expires_on: "",
};

export class Owner {
  readonly address: string;
  private readonly origin: string;
  private readonly wallet: ReturnType<typeof privateKeyToAccount>;
  private readonly jar = new Map<string, string>();

  constructor(origin: string, privateKey: string = DEV_WALLET_KEY) {
    this.origin = origin;
    this.wallet = privateKeyToAccount(privateKey as `0x${string}`);
    this.address = this.wallet.address;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("cookie", [...this.jar].map(([name, value]) => `${name}=${value}`).join("; "));
    if (init.method === "POST") {
      headers.set("origin", this.origin);
      headers.set("sec-fetch-site", "same-origin");
    }
    const response = await fetch(new URL(path, this.origin), { ...init, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
    return response;
  }

  private keep(cookie: string): void {
    const [pair = ""] = cookie.split(";");
    const cut = pair.indexOf("=");
    if (/max-age=0/i.test(cookie)) this.jar.delete(pair.slice(0, cut));
    else this.jar.set(pair.slice(0, cut), pair.slice(cut + 1));
  }

  async post(path: string, body: Json): Promise<Json> {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const response = await this.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return readJson(response, path);
  }

  async get(path: string): Promise<Json> {
    return readJson(await this.fetch(path, { headers: { accept: "application/json" } }), path);
  }

  /** Signs in for the dashboard, funding and approvals. */
  async signIn(): Promise<void> {
    const { text } = await this.post("/signin/challenge", { address: this.address });
    await this.post("/signin", { signature: await this.wallet.signMessage({ message: String(text) }) });
  }

  private signTyped(typedData: unknown): Promise<string> {
    return this.wallet.signTypedData(JSON.parse(String(typedData)));
  }

  /** Registers a client, consents, signs the policy if one is needed, and exchanges the code. */
  async connect(ask: LoginAsk = {}): Promise<Login> {
    const client = await registerClient(this.origin, ask.clientName ?? "Scripted agent", REDIRECT);
    const verifier = newVerifier();
    const scopes = ask.scopes ?? ["vm:read", "vm:create"];
    const handle = await this.openConsent(authorizeQuery(client, verifier, scopes));
    const { text } = await this.post("/authorize/challenge", { handle, address: this.address });
    const signature = await this.wallet.signMessage({ message: String(text) });
    const signedIn = await this.post("/authorize/sign-in", { handle, signature });
    const policy = await this.policyFields(handle, (signedIn["overview"] as Json)["policy"] !== null, ask.limits);
    const form = new URLSearchParams({
      handle,
      csrf: String(signedIn["csrf"]),
      verdict: "allow",
      agent: "new",
      budget_usd: String(ask.budgetUsd ?? 5),
      ...policy,
      ...ask.agentLimits,
    });
    for (const scope of ask.scopes ?? ["vm:create"]) form.append("scope", scope);
    const done = await this.fetch("/authorize", { method: "POST", body: form });
    const location = done.headers.get("location");
    if (location === null) throw new Error(`consent was refused: ${done.status} ${(await done.text()).slice(0, 500)}`);
    return exchangeCode(client, verifier, new URL(location).searchParams.get("code") ?? "");
  }

  private async policyFields(
    handle: string,
    stands: boolean,
    limits: LoginAsk["limits"],
  ): Promise<Record<string, string>> {
    if (stands && limits === undefined) return {};
    const offer = await this.post("/authorize/policy", {
      handle,
      draft: { ...LIMITS, expires_on: dayFromNow(89), ...limits },
    });
    const nonce = { policy_nonce: String(offer["nonce"]) };
    return offer["typed_data"] === null
      ? nonce
      : { ...nonce, policy_signature: await this.signTyped(offer["typed_data"]) };
  }

  private async openConsent(query: URLSearchParams): Promise<string> {
    const page = await this.fetch(`/authorize?${query}`);
    const text = await page.text();
    const handle = /name="handle"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="handle"/.exec(text);
    if (handle === null) throw new Error(`no consent page: ${page.status} ${text.slice(0, 500)}`);
    return handle[1] ?? handle[2] ?? "";
  }

  /** Signs the filtered `security` aggregate on the funding page and waits until two core nodes show it. */
  async delegate(): Promise<void> {
    const offered = await this.get("/dashboard/funding");
    const toSign = offered["to_sign"] as Json | null;
    if (toSign === null) return;
    const signature = await this.wallet.signMessage({ message: String(toSign["text"]) });
    await this.post("/dashboard/funding", {
      item_hash: toSign["item_hash"],
      signature,
      ticked_everything: true,
      ticked_doubtful: true,
    });
    for (let tries = 0; tries < 60; tries++) {
      if ((await this.get("/dashboard/funding"))["state"] === "ok") return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error("the delegation did not come into force");
  }

  /** Opens an approval by the link that the agent was given, reads it, and signs it. */
  async approve(url: string): Promise<Json> {
    const path = new URL(url).pathname;
    const page = await this.get(path);
    const signature = await this.signTyped(page["typed_data"]);
    await this.post(path, { nonce: page["nonce"], verdict: "approve", signature });
    return page["facts"] as Json;
  }
}

/** One agent's login through the real pages, ready to rent: consent, policy and delegation. */
export async function loginAsOwner(
  origin: string,
  ask: LoginAsk & { readonly privateKey?: string; readonly delegate?: boolean } = {},
): Promise<Login & { readonly owner: Owner }> {
  const owner = new Owner(origin, ask.privateKey);
  const login = await owner.connect(ask);
  await owner.signIn();
  if (ask.delegate !== false) await owner.delegate();
  return { ...login, owner };
}

const dayFromNow = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
