/** First chapter: a stranger looks around, an agent asks, the owner signs in, consents, sets limits and lets it rent. */
import { Agent } from "../agent.ts";
import { authorizeQuery, exchangeCode, newVerifier, registerClient } from "../oauth-client.ts";
import type { Loopback } from "./loopback.ts";
import type { Wallet } from "./wallet.ts";
import { WALLET_NAME } from "./wallet.ts";
import type { Walk } from "./walk.ts";

export type Scene = {
  readonly walk: Walk;
  readonly wallet: Wallet;
  readonly origin: string;
  readonly loopback: Loopback;
};

export async function lookAround({ walk, origin }: Scene): Promise<void> {
  await walk.tab.open(origin);
  await walk.stop("front page", "Give your AI agent a compute budget");
  await walk.tab.open(`${origin}/network`);
  await walk.stop("network", "The network, as we measured it");
  walk.expect(404);
  await walk.tab.open(`${origin}/nowhere`);
  await walk.stop("a page that does not exist", "Code: input.unknown_id");
  await walk.tab.allowScripts(false);
  await walk.tab.open(`${origin}/dashboard`);
  await walk.stop("sign in, JavaScript off", "Signing with a wallet needs JavaScript.");
  await walk.tab.allowScripts(true);
}

/** Returns the agent with its login. */
export async function consent(scene: Scene): Promise<Agent> {
  const { walk, wallet, origin, loopback } = scene;
  const client = await registerClient(origin, "Agent on a phone", loopback.redirect);
  const verifier = newVerifier();
  await walk.tab.open(`${origin}/authorize?${authorizeQuery(client, verifier, ["vm:read", "vm:create"])}`);
  await walk.stop("consent, before the sign-in", "asks for a compute budget");
  wallet.denyNext();
  await walk.tab.tap("button.wallet", WALLET_NAME);
  await walk.stop("consent, the wallet says no", "You said no in the wallet. Nothing was signed.");
  await walk.tab.tap("button.wallet", WALLET_NAME);
  await walk.stop("consent, signed in", "Signed in as");
  await refusedLimits(walk);
  await walk.tab.tap("[data-allow]");
  const { accessToken } = await exchangeCode(client, verifier, await loopback.code);
  return Agent.connect(origin, accessToken);
}

/** What was typed has to stand there still after a refusal, and be seen where the browser itself refuses it. */
async function refusedLimits(walk: Walk): Promise<void> {
  const { tab } = walk;
  await tab.tap("summary", "VM sizes");
  await tab.fill("ttl_h_default", "99");
  await tab.tap("[data-allow]");
  walk.expect(400);
  await walk.stop("consent, limits refused", "A VM lives, if nothing is said: between 0.1667 and 24 hours.");
  if ((await tab.valueOf("ttl_h_default")) !== "99") throw new Error("a refused form lost what was typed");
  await tab.fill("ttl_h_default", "4");
  await tab.fill("vms_live_max", "500");
  await tab.tap("summary", "VM sizes");
  await tab.tap("[data-allow]");
  await tab.until(`document.activeElement.name === "vms_live_max"`, "the field that the browser refuses");
  await walk.stop("consent, limits refused by the browser");
  await tab.fill("vms_live_max", "3");
}

/** The same agent once more: the form shows what it has, a refusal keeps what was typed, and the owner's change is kept. */
export async function comeBack({ walk, origin, loopback }: Scene): Promise<void> {
  const { tab } = walk;
  const client = await registerClient(origin, "Agent on a phone", loopback.redirect);
  await tab.open(`${origin}/authorize?${authorizeQuery(client, newVerifier(), ["vm:read"])}`);
  await tab.tap("button.wallet", WALLET_NAME);
  await tab.untilSays("Signed in as");
  await tab.fill("budget_usd", "3");
  await tab.tap("label.tick", "comes back");
  if ((await tab.valueOf("budget_usd")) !== "5") throw new Error("the form does not show the agent's own budget");
  await tab.fill("budget_usd", "7e0");
  await tab.tap("[data-allow]");
  walk.expect(400);
  await walk.stop("consent, an agent comes back, its budget refused", "included: between 0 and 999999999 USD.");
  await tab.fill("budget_usd", "7");
  await tab.tap("[data-allow]");
  await tab.untilSays("Back at the agent.");
  await tab.open(`${origin}/dashboard`);
  await walk.stop("dashboard, an agent came back", "of $7.00");
}

export async function fund({ walk, origin }: Scene): Promise<void> {
  await walk.tab.open(`${origin}/dashboard`);
  await walk.stop("dashboard, nothing delegated", "Delegation: missing");
  await walk.tab.open(`${origin}/dashboard/funding`);
  await walk.stop("funding, to be signed", "Not yet: your agents cannot rent anything.");
  await walk.tab.follow("[data-sign-delegation]");
  for (let tries = 0; tries < 40; tries++) {
    await walk.tab.open(`${origin}/dashboard/funding`);
    if ((await walk.tab.words()).includes("In place")) break;
  }
  await walk.stop("funding, in place", "In place: your agents can rent on your account.");
}
