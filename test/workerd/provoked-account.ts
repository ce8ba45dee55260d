/** How the state of the account, the network or the service itself brings about each code: one small story a code. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { JsonObject } from "../../devnet/wire.ts";
import { agentFront } from "../../src/account/front-agent.ts";
import { ownerFront } from "../../src/account/front-owner.ts";
import type { Store } from "../../src/account/store.ts";
import { AllowanceError, type Refusal } from "../../src/errors.ts";
import { parseConfig } from "../../src/env.ts";
import { type Bindings, frontOf } from "../../src/wiring.ts";
import { coresDown, inAccount, isMessagePost } from "./evidence.ts";
import { ASK, draftPolicy, House, HOUR_S, SSH_KEY, value } from "./house.ts";
import { Agent, Browser, type Said } from "./pages.ts";
import { type Cast, created, guest, joined, refusalOf, type Story } from "./provoked-asks.ts";
import { stage, stagePorts } from "./stage.ts";

const SHAPE = { cpu: 1, ram_gb: 2, disk_gb: 20, os_image: "ubuntu24", ssh_pubkey: SSH_KEY };
const bindings = env as unknown as Bindings;

function config() {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(parsed.missing.join());
  return parsed.config;
}

async function kill({ house }: Cast): Promise<void> {
  await runInDurableObject(house.account, (_, state) => state.abort("planted crash")).catch(() => undefined);
}

/** A slip that no input can cause, planted in the memory of the living object. */
async function planted(part: Partial<Store>): Promise<Cast> {
  const cast = await joined();
  await runInDurableObject(cast.house.account, (object) => {
    Object.assign((object as unknown as { readonly store: Store }).store, part);
  });
  return cast;
}

const security = (cast: Cast, core: number, authorizations: readonly JsonObject[]): void =>
  stage.world.core(core).setAggregate(cast.house.session.owner, "security", { authorizations }, stage.nowMs);

/** What the agent may do on the owner's account, and one entry more. */
async function tooWide(cast: Cast): Promise<readonly JsonObject[]> {
  const { agentAddress } = value(await cast.house.owners.openDelegation(cast.house.session));
  return [{ address: agentAddress }];
}

/** The network refuses what was admitted: its credits have gone meanwhile, and come back. */
async function turnedDown(cast: Cast): Promise<void> {
  const { house, agent } = cast;
  const { owner } = house.session;
  const quote = value(await house.agents.quoteVm(agent, ASK));
  const has = stage.world.core(0).creditBalance(owner);
  stage.accident = (call) => {
    if (isMessagePost(call, "INSTANCE"))
      for (const core of stage.world.cores) core.removeCredits(owner, core.creditBalance(owner), stage.nowMs);
  };
  const accepted = value(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
  if (accepted.kind !== "vm") throw new Error(accepted.kind);
  await house.until(agent, accepted.vm.vmId, ["FAILED"]);
  stage.accident = undefined;
  for (const core of stage.world.cores) core.grantCredits(owner, has, undefined, stage.nowMs);
  // its agent has cooled down by then
  stage.moveTo(stage.nowMs + HOUR_S * 1_000);
}

/** As the web pages and the MCP server say it, over HTTP. */
const spoken = (said: Said): Refusal => said as unknown as Refusal;

export const ACCOUNT = {
  "auth.missing": async () => {
    const house = House.stranger();
    return refusalOf(await house.owners.overview(house.session));
  },
  "auth.stranger": async () => {
    const house = House.stranger();
    return refusalOf(await ownerFront({ ...house.setting, owners: "" }).arrive(house.session));
  },
  "auth.smart_wallet_unsupported": async () => {
    const browser = new Browser();
    await browser.post("/signin/challenge", { address: browser.address });
    const answered = await browser.postJson("/signin", { signature: `0x${"ab".repeat(200)}` });
    return spoken((await answered.json()) as Said);
  },
  "auth.scope": async () => {
    const browser = new Browser();
    const agent = await Agent.connect(await browser.connect({ scopes: ["vm:read"] }));
    const said = await agent.call("aleph_create_vm", { quote_id: "q_nobody" });
    await agent.client.close();
    return spoken(said);
  },
  "approval.required": async () => {
    const browser = new Browser();
    const agent = await Agent.connect(await browser.connect());
    await browser.signIn();
    await browser.fund();
    const { quote_id } = await agent.call("aleph_quote_vm", SHAPE);
    const said = await agent.call("aleph_create_vm", { quote_id });
    await agent.client.close();
    return spoken(said);
  },
  "network.unreachable": async () => {
    const cast = await guest();
    coresDown(0, 1);
    const refused = await created(cast);
    coresDown();
    return refused;
  },
  "network.disagrees": async () => {
    const cast = await joined();
    security(cast, 0, []);
    security(cast, 1, await tooWide(cast));
    return created(cast);
  },
  "account.clock": async () => {
    const { agent } = await guest();
    const clock = { ...stagePorts.clock, nowMs: () => stage.nowMs + 120_001 };
    const front = agentFront(frontOf(bindings, config(), { ...stagePorts, clock }));
    return refusalOf(await front.quoteVm(agent, ASK));
  },
  "account.name_key": async () => {
    const { agent } = await guest();
    const front = agentFront(frontOf(bindings, { ...config(), ACCOUNT_NAME_KEY: "99".repeat(32) }, stagePorts));
    return refusalOf(await front.quoteVm(agent, ASK));
  },
  "service.paused": async () => {
    const cast = await joined();
    stage.settings = { NEW_SPENDING: "off" };
    await kill(cast);
    const refused = await created(cast);
    stage.settings = {};
    return refused;
  },
  "account.watch_silent": async () => {
    const cast = await joined();
    await kill(cast);
    stage.watchAccident = () => "silent";
    const refused = await created(cast);
    stage.watchAccident = undefined;
    return refused;
  },
  "account.restored": async () => {
    const cast = await joined();
    await inAccount(cast.house, (sql) => void sql.exec("UPDATE account SET commit_seq = commit_seq - 1"));
    await kill(cast);
    await cast.house.account.wake();
    return created(cast);
  },
  "account.storage": async () => created(await planted({ databaseBytes: () => 8_000_000_001 })),
  "account.removing": async () => {
    const cast = await joined();
    const { owner } = cast.house.session;
    await cast.house.healthy(cast.agent, { ttlS: 4 * HOUR_S });
    await cast.house.advance(660);
    for (const core of stage.world.cores) {
      core.removeCredits(owner, core.creditBalance(owner) - 10, stage.nowMs);
      core.runRemovalJob(stage.nowMs);
    }
    await cast.house.advance(120);
    return created(cast);
  },
  "account.frozen": async () => {
    const cast = await joined();
    value(await cast.house.owners.freeze(cast.house.session));
    return created(cast);
  },
  "account.frozen_anew": async () => {
    const { house } = await joined();
    value(await house.owners.freeze(house.session));
    const offer = value(await house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" }));
    if (offer.typedData === null) throw new Error("not asked to sign");
    const signed = { nonce: offer.nonce, signature: house.signTyped(offer.typedData) };
    value(await house.owners.stopEverything(house.session));
    return refusalOf(await house.owners.savePolicy(house.session, signed));
  },
  "account.dormant": async () => {
    const cast = await joined();
    for (let refused = 0; refused < 2; refused++) await turnedDown(cast);
    return created(cast);
  },
  "account.not_delegated": async () => created(await joined(draftPolicy(), 50_000_000, false)),
  "account.delegation_too_wide": async () => {
    const cast = await joined();
    const wide = await tooWide(cast);
    for (const core of [0, 1, 2]) security(cast, core, wide);
    return created(cast);
  },
  "account.key_lost": async () => {
    const cast = await joined();
    await inAccount(cast.house, (sql) => void sql.exec("UPDATE agent_key SET ciphertext = zeroblob(48)"));
    await cast.house.create(cast.agent);
    await cast.house.advance(5);
    return created(cast);
  },
  "account.rotating": async () => {
    const cast = await joined();
    const { house } = cast;
    value(await house.owners.beginRotation(house.session));
    const { rotation } = value(await house.owners.openLeave(house.session));
    if (rotation?.list.toSign == null) throw new Error("nothing to sign");
    const { itemHash, text } = rotation.list.toSign;
    // signed, and on its way for ever
    stage.accident = (call) => (isMessagePost(call, "AGGREGATE") ? "lose_request" : undefined);
    const ticks = { tickedEverything: true, tickedDoubtful: true, tickedRunning: false };
    value(await house.owners.signLeave(house.session, { itemHash, signature: house.signText(text), ...ticks }));
    return created(cast);
  },
  "account.schema": async () => {
    const cast = await joined();
    await inAccount(cast.house, (sql) => void sql.exec("INSERT INTO _schema (version) VALUES (1000)"));
    await kill(cast);
    return created(cast);
  },
  "account.unattended": async () => {
    const cast = await joined(draftPolicy({ limits: { ttlSMax: 4 * HOUR_S } }));
    stage.settings = { NETWORK: "aleph", PUBLIC_ORIGIN: "http://localhost:8787" };
    await kill(cast);
    const refused = await created(cast);
    stage.settings = {};
    return refused;
  },
  "internal.invariant": async () => {
    const slip = (): never => {
      throw new TypeError("planted");
    };
    return created(await planted({ burnQuote: slip }));
  },
  "internal.not_credits": async () => {
    const slip = (): never => {
      throw new AllowanceError("internal.not_credits");
    };
    return created(await planted({ committedBy: slip }));
  },
} satisfies Readonly<Record<string, Story>>;
