/**
 * The official @aleph-sdk packages, unchanged, against the twin: a real HTTP server on loopback in front of its first
 * core node. Time is the twin's; the SDK reads it as the date of this machine.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { AuthenticatedAlephHttpClient } from "@aleph-sdk/client";
import { importAccountFromPrivateKey, type ETHAccount } from "@aleph-sdk/ethereum";
import { ForgottenMessageError, InvalidMessageError, MessageType, PaymentType } from "@aleph-sdk/message";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newWorld } from "../../devnet/new-world.ts";
import { CORE_HOSTS, DEV_WALLET_CREDITS, ROSTER } from "../../devnet/roster.ts";
import { isDelayed } from "../../devnet/wire.ts";
import type { World } from "../../devnet/world.ts";

/** Public test keys: the dev wallet, which owns $50 on the twin, and one that owns nothing. */
const OWNER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const OTHER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const UBUNTU_24 = "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e";
const START_MS = Date.parse("2026-11-25T10:20:00Z");
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
/** 1 vCPU, 2 GiB, 20 GiB: 3.958333… credits a second. */
const CREDITS_PER_H = 14_250;
const NODE = ROSTER[0]?.spec.hash ?? "";

let nowMs: number;
let world: World;
let server: Server;
let origin: string;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: START_MS });
  nowMs = START_MS;
  world = newWorld(START_MS);
  server = createServer((request, response) => {
    void answer(request).then(({ status, type, body }) =>
      response.writeHead(status, { "content-type": type }).end(body),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  origin = `http://${host}`;
  world.state.origins = { [host]: CORE_HOSTS[0] };
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  vi.useRealTimers();
});

async function answer(request: IncomingMessage): Promise<{ status: number; type: string; body: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const { method = "GET", url: path = "/" } = request;
  const asked = { host: headers["host"] ?? "", method, path, headers, body: Buffer.concat(chunks).toString("utf8") };
  const given = world.handle(asked, nowMs);
  if (isDelayed(given)) pass(given.after);
  const { status, contentType: type, body } = isDelayed(given) ? given.finish(nowMs) : given;
  return { status, type, body };
}

function pass(ms: number): void {
  nowMs += ms;
  vi.setSystemTime(nowMs);
  world.advanceTo(nowMs);
}

function clientOf(key: string): { readonly account: ETHAccount; readonly client: AuthenticatedAlephHttpClient } {
  const account = importAccountFromPrivateKey(key);
  return { account, client: new AuthenticatedAlephHttpClient(account, origin) };
}

function instanceFor(account: ETHAccount) {
  return {
    channel: "ALEPH-CLOUDSOLUTIONS",
    metadata: { name: "by-the-sdk" },
    authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA sdk@example"],
    resources: { vcpus: 1, memory: 2_048, seconds: 30 },
    requirements: { node: { node_hash: NODE } },
    rootfs: { parent: { ref: UBUNTU_24 }, size_mib: 20_480 },
    payment: { chain: account.getChain(), type: PaymentType.credit },
  };
}

/** The SDK has no call for it; any client asks for it so. */
async function balanceOf(address: string): Promise<unknown> {
  const response = await fetch(`${origin}/api/v0/addresses/${address}/balance`);
  return ((await response.json()) as { readonly credit_balance: unknown }).credit_balance;
}

const machines = (): readonly string[] => world.nodes.flatMap((node) => node.vms().map((vm) => vm.hash));

async function running(): Promise<{ readonly hash: string } & ReturnType<typeof clientOf>> {
  const owner = clientOf(OWNER_KEY);
  const { item_hash: hash } = await owner.client.createInstance({ ...instanceFor(owner.account), sync: true });
  pass(120 * SECOND_MS);
  return { ...owner, hash };
}

describe("an instance of the official SDK on the twin", () => {
  it("is created with credits, judged at once, and runs on the node that it names", async () => {
    const { account, client } = clientOf(OWNER_KEY);
    const created = await client.createInstance({ ...instanceFor(account), sync: true });
    expect(world.core(0).statusOf(created.item_hash)).toBe("processed");
    expect(machines()).toEqual([]);
    pass(120 * SECOND_MS);
    expect(machines()).toEqual([created.item_hash]);
    expect(
      world
        .node(0)
        .vms()
        .map((vm) => vm.hash),
    ).toEqual([created.item_hash]);
  });

  it("is listed among the owner's messages and read back as it was signed", async () => {
    const { account, client, hash } = await running();
    const listed = await client.getMessages({ addresses: [account.address], messageTypes: [MessageType.instance] });
    expect(listed.messages.map((message) => message.item_hash)).toEqual([hash]);
    const message = await client.getMessage<MessageType.instance>(hash);
    expect(message.content).toMatchObject({
      address: account.address,
      metadata: { name: "by-the-sdk" },
      resources: { vcpus: 1, memory: 2_048 },
      payment: { type: "credit" },
      rootfs: { parent: { ref: UBUNTU_24 }, size_mib: 20_480 },
    });
  });

  it("costs what the twin estimated before, and is billed by the hour", async () => {
    const before = clientOf(OWNER_KEY);
    const estimated = await before.client.instanceClient.getEstimatedCost({
      ...instanceFor(before.account),
      account: before.account,
    });
    const { account, client, hash } = await running();
    const cost = await client.instanceClient.getCost(hash);
    expect([estimated.cost, cost.cost, cost.payment_type]).toEqual([
      "3.958333333333333333",
      "3.958333333333333333",
      "credit",
    ]);
    pass(3 * HOUR_MS);
    // bills for the hours until 11, 12 and 13 o'clock are in by 13:22
    const startedMs = world.node(0).vms()[0]?.startedMs ?? 0;
    const firstS = Math.floor((Date.parse("2026-11-25T11:00:00Z") - startedMs) / SECOND_MS);
    const billed = Math.ceil((firstS * CREDITS_PER_H) / 3_600) + 2 * CREDITS_PER_H;
    expect(await balanceOf(account.address)).toBe(DEV_WALLET_CREDITS - billed);
  });

  it("is gone after FORGET: from the core nodes at once, from its node within minutes, and costs nothing more", async () => {
    const { account, client, hash } = await running();
    await client.forget({ hashes: [hash], reason: "done", channel: "ALEPH-CLOUDSOLUTIONS", sync: true });
    await expect(client.getMessage(hash)).rejects.toThrow(ForgottenMessageError);
    const listed = await client.getMessages({ addresses: [account.address], messageTypes: [MessageType.instance] });
    expect(listed.messages).toEqual([]);
    pass(240 * SECOND_MS);
    expect(machines()).toEqual([]);
    expect(world.cores.flatMap((core) => core.liveInstances())).toEqual([]);
    pass(2 * HOUR_MS);
    const settled = await balanceOf(account.address);
    expect(settled).toBeLessThan(DEV_WALLET_CREDITS);
    pass(2 * HOUR_MS);
    expect(await balanceOf(account.address)).toBe(settled);
  });

  it("is refused to an account without credits for a day, and nothing starts", async () => {
    const { account, client } = clientOf(OTHER_KEY);
    await expect(client.createInstance({ ...instanceFor(account), sync: true })).rejects.toThrow(InvalidMessageError);
    pass(300 * SECOND_MS);
    expect(machines()).toEqual([]);
  });

  it("cannot be forgotten by somebody else", async () => {
    const { hash } = await running();
    const other = clientOf(OTHER_KEY);
    await expect(other.client.forget({ hashes: [hash], channel: "ALEPH-CLOUDSOLUTIONS", sync: true })).rejects.toThrow(
      InvalidMessageError,
    );
    pass(300 * SECOND_MS);
    expect(machines()).toEqual([hash]);
  });
});

describe("what else the official SDK writes to the twin", () => {
  it("merges aggregates and gives them back by key", async () => {
    const { account, client } = clientOf(OWNER_KEY);
    const write = async (content: Record<string, number>): Promise<void> => {
      await client.createAggregate({ key: "notes", content, channel: "TEST", sync: true });
      pass(SECOND_MS);
    };
    await write({ first: 1, second: 1 });
    await write({ second: 2 });
    expect(await client.fetchAggregate(account.address, "notes")).toEqual({ first: 1, second: 2 });
    expect(Object.keys(await client.fetchAggregates(account.address, ["notes"]))).toEqual(["notes"]);
    await expect(client.fetchAggregate(account.address, "absent")).rejects.toThrow(/no aggregate found/);
  });

  it("posts, amends, and shows the newest content of a post", async () => {
    const { account, client } = clientOf(OWNER_KEY);
    const post = await client.createPost({
      postType: "note",
      content: { says: "héllo ✓" },
      channel: "TEST",
      sync: true,
    });
    pass(SECOND_MS);
    const amend = { postType: "amend", content: { says: "better" }, channel: "TEST", ref: post.item_hash, sync: true };
    await client.createPost(amend);
    pass(SECOND_MS);
    const { posts } = await client.getPosts<{ readonly says: string }>({
      addresses: [account.address],
      types: ["note"],
    });
    expect(posts.map((one) => [one.original_item_hash, one.content.says])).toEqual([[post.item_hash, "better"]]);
  });

  it("transfers credits, which the receiver then spends and the sender no longer has", async () => {
    const [owner, other] = [clientOf(OWNER_KEY), clientOf(OTHER_KEY)];
    const amount = 1_000_000;
    const transfer = { transfer: { credits: [{ address: other.account.address, amount }] } };
    const ask = { postType: "aleph_credit_transfer", content: transfer, channel: "ALEPH_CREDIT", sync: true };
    await owner.client.createPost(ask);
    expect(await balanceOf(owner.account.address)).toBe(DEV_WALLET_CREDITS - amount);
    expect(await balanceOf(other.account.address)).toBe(amount);
    pass(5 * SECOND_MS);
    expect(world.cores.map((core) => core.creditBalance(other.account.address))).toEqual([amount, amount, amount]);
    const { item_hash: hash } = await other.client.createInstance({ ...instanceFor(other.account), sync: true });
    pass(120 * SECOND_MS);
    expect(machines()).toEqual([hash]);
  });

  it("moves no credits that the sender does not have", async () => {
    const [owner, other] = [clientOf(OWNER_KEY), clientOf(OTHER_KEY)];
    const transfer = { transfer: { credits: [{ address: owner.account.address, amount: 1 }] } };
    const ask = { postType: "aleph_credit_transfer", content: transfer, channel: "ALEPH_CREDIT", sync: true };
    await expect(other.client.createPost(ask)).rejects.toThrow(InvalidMessageError);
    expect(await balanceOf(owner.account.address)).toBe(DEV_WALLET_CREDITS);
  });
});
