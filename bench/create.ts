/**
 * The same create until a core node calls it processed: through the service (an accepted quote over MCP; quoting comes
 * before) and through the official TypeScript SDK; one twin, one run, in turns. The service decides, stores, seals and tells the
 * second clock on the way, and publishes to two core nodes; the SDK signs and publishes to one.
 */
import { AuthenticatedAlephHttpClient } from "@aleph-sdk/client";
import { importAccountFromPrivateKey } from "@aleph-sdk/ethereum";
import { PaymentType } from "@aleph-sdk/message";
import { Agent, SHAPE } from "../scripts/agent.ts";
import { DEV_WALLET_KEY, loginAsOwner } from "../scripts/owner.ts";
import { startPair } from "../scripts/pair.ts";
import { openPipes } from "../scripts/pipes.ts";
import { inTurns, type Pair } from "./pairs.ts";

/** With one to warm up no more quotes than an agent has in a minute. */
const ROUNDS = 10;
const POLL_MS = 5;
const PATIENCE_MS = 30_000;
const CORE_HOST = "api.aleph.im";
const UBUNTU_24 = "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e";
const ASK = { ...SHAPE, ttl_hours: 1 };
/** The SDK's own account, so that neither side's machines weigh on the other's budget. */
const SDK_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const NO_LIMIT = { per_vm_usd: 1, burn_usd_per_h: 50, window_86400_usd: 500, lifetime_usd: 500, vms_live_max: 100 };

export async function creating(): Promise<Pair> {
  const pair = await startPair();
  const pipes = await openPipes(pair.port, [CORE_HOST]);
  const [host = ""] = Object.keys(pipes.origins);
  const core = `http://${host}`;
  try {
    await control(pair.origin, "origins", pipes.origins);
    const theirs = await bySdk(pair.origin, core);
    const ours = await byService(pair.origin, core);
    const { aMs, bMs } = await inTurns(ROUNDS, ours, theirs);
    return { name: "create until processed", a: "the service", b: "official SDK", aMs, bMs };
  } finally {
    pipes.close();
    await pair.stop();
  }
}

async function control(origin: string, call: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json", origin };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const told = await fetch(`${origin}/__twin/api/${call}`, init);
  if (!told.ok) throw new Error(`${call}: ${told.status} ${await told.text()}`);
}

/** Milliseconds until the core node has one instance more of this sender than before. */
async function untilProcessed(core: string, address: string, create: () => Promise<unknown>): Promise<number> {
  const before = await processed(core, address);
  const beganMs = performance.now();
  const created = create();
  while ((await processed(core, address)) === before) {
    if (performance.now() - beganMs > PATIENCE_MS) throw new Error("nothing was processed");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const tookMs = performance.now() - beganMs;
  await created;
  return tookMs;
}

async function processed(core: string, address: string): Promise<number> {
  const asked = `msgTypes=INSTANCE&owners=${address}&pagination=1`;
  const answer = (await (await fetch(`${core}/api/v0/messages.json?${asked}`)).json()) as { pagination_total: number };
  return answer.pagination_total;
}

async function bySdk(origin: string, core: string): Promise<() => Promise<number>> {
  const account = importAccountFromPrivateKey(SDK_KEY);
  await control(origin, "grant", { address: account.address, credits: 100_000_000 });
  const client = new AuthenticatedAlephHttpClient(account, core);
  const instance = {
    channel: "ALEPH-CLOUDSOLUTIONS",
    authorized_keys: [SHAPE.ssh_pubkey],
    resources: { vcpus: 1, memory: 2_048, seconds: 30 },
    rootfs: { parent: { ref: UBUNTU_24 }, size_mib: 20_480 },
    payment: { chain: account.getChain(), type: PaymentType.credit },
  };
  let count = 0;
  return () => {
    count++;
    const create = () => client.createInstance({ ...instance, metadata: { name: `bench-${count}` }, sync: false });
    return untilProcessed(core, account.address, create);
  };
}

async function byService(origin: string, core: string): Promise<() => Promise<number>> {
  const limits = { ...NO_LIMIT, creates_per_min_max: 100, approval_first_vm: "no", unapproved_per_day_usd: 500 };
  const { accessToken, owner } = await loginAsOwner(origin, {
    limits,
    budgetUsd: 500,
    agentLimits: { agent_vms_live_max: "100", agent_creates_per_min_max: "100" },
    privateKey: DEV_WALLET_KEY,
  });
  await control(origin, "grant", { address: owner.address, credits: 500_000_000 });
  const agent = await Agent.connect(origin, accessToken);
  return async () => {
    const quote = await agent.must("aleph_quote_vm", ASK);
    return untilProcessed(core, owner.address, async () => {
      const made = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
      if (made["status"] === "approval_required") throw new Error("the bench has no owner at hand");
    });
  };
}
