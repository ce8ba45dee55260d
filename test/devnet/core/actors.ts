/** People with public test keys who sign messages, and the few calls with which tests speak to a core node. */
import { fromHex, utf8 } from "../../../src/crypto/bytes.ts";
import { sha256Hex } from "../../../src/crypto/hash.ts";
import { addressOf, signPersonal } from "../../../src/crypto/secp256k1.ts";
import type { CoreNode } from "../../../devnet/core/core-node.ts";
import type { Json, JsonObject } from "../../../devnet/core/json.ts";
import { isDelayed } from "../../../devnet/wire.ts";
import type { WireResponse } from "../../../devnet/wire.ts";

export const T0_MS = 1_795_600_000_000;
export const UBUNTU_24 = "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e";
export const NODE_HASH = "a".repeat(64);

export type Actor = { readonly address: string; readonly key: Uint8Array };

function actor(hex: string): Actor {
  const key = fromHex(hex);
  return { address: addressOf(key), key };
}

export const OWNER = actor("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
export const DELEGATE = actor("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
export const STRANGER = actor("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a");
export const DELEGATE_2 = actor("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6");

export type Draft = {
  readonly type: "INSTANCE" | "POST" | "AGGREGATE" | "FORGET" | "STORE";
  readonly content: JsonObject;
  readonly channel?: string | null;
  readonly timeS?: number;
  /** What stands in the envelope as the sender, if not the signer's own address. */
  readonly sender?: string;
};

export function signed(by: Actor, draft: Draft): JsonObject & { readonly item_hash: string } {
  const item_content = JSON.stringify(draft.content);
  const item_hash = sha256Hex(item_content);
  const sender = draft.sender ?? by.address;
  const signature = signPersonal(utf8(`ETH\n${sender}\n${draft.type}\n${item_hash}`), by.key);
  const channel = draft.channel === undefined ? "ALLOWANCE" : draft.channel;
  const time = draft.timeS ?? T0_MS / 1000;
  return {
    sender,
    chain: "ETH",
    type: draft.type,
    channel,
    time,
    item_type: "inline",
    item_content,
    item_hash,
    signature,
  };
}

let serial = 0;

/** One vCPU, 2 GiB, 20 GiB: 342,000 credits a day. Every call gives another content. */
export function instance(owner: string, more: JsonObject = {}): JsonObject {
  serial += 1;
  return {
    address: owner,
    time: T0_MS / 1000,
    allow_amend: false,
    metadata: { name: `vm-${serial}` },
    authorized_keys: [],
    environment: { internet: true, aleph_api: true, hypervisor: "qemu", reproducible: false, shared_cache: false },
    resources: { vcpus: 1, memory: 2048, seconds: 30 },
    payment: { type: "credit" },
    requirements: { node: { node_hash: NODE_HASH } },
    volumes: [],
    rootfs: { parent: { ref: UBUNTU_24, use_latest: true }, persistence: "host", size_mib: 20_480 },
    ...more,
  };
}

export function post(owner: string, type: string, content: Json, more: JsonObject = {}): JsonObject {
  serial += 1;
  return { address: owner, time: T0_MS / 1000 + serial / 1000, type, content, ...more };
}

export function aggregate(owner: string, key: string, content: JsonObject): JsonObject {
  serial += 1;
  return { address: owner, key, time: T0_MS / 1000 + serial / 1000, content };
}

export function forget(owner: string, ...hashes: readonly string[]): JsonObject {
  serial += 1;
  return { address: owner, time: T0_MS / 1000 + serial / 1000, hashes, aggregates: [] };
}

export function transfer(owner: string, to: string, amount: number, more: JsonObject = {}): JsonObject {
  return post(owner, "aleph_credit_transfer", { transfer: { credits: [{ address: to, amount, ...more }] } });
}

export function get(node: CoreNode, path: string, nowMs = T0_MS): { readonly status: number; readonly body: Json } {
  return told(node.handle({ method: "GET", path, headers: {}, body: "" }, nowMs));
}

/** The answer to a synchronous submission, with all the waiting that it takes. */
export function submit(
  node: CoreNode,
  message: JsonObject,
  nowMs = T0_MS,
): { readonly status: number; readonly body: Json } {
  const body = JSON.stringify({ sync: true, message });
  return told(node.handle({ method: "POST", path: "/api/v0/messages", headers: {}, body }, nowMs));
}

export function told(answer: ReturnType<CoreNode["handle"]>): { readonly status: number; readonly body: Json } {
  const response: WireResponse = isDelayed(answer) ? answer.finish(0) : answer;
  const isJson = response.contentType.startsWith("application/json");
  return { status: response.status, body: isJson ? (JSON.parse(response.body) as Json) : response.body };
}

/** `processed`, `pending`, or the error code of the rejection. */
export function verdictOn(node: CoreNode, by: Actor, draft: Draft, nowMs = T0_MS): string | number {
  const message = signed(by, draft);
  submit(node, message, nowMs);
  return verdictOf(node, message.item_hash, nowMs);
}

export function verdictOf(node: CoreNode, hash: string, nowMs = T0_MS): string | number {
  const { body } = get(node, `/api/v0/messages/${hash}`, nowMs);
  const { status, error_code: code } = body as { readonly status: string; readonly error_code?: number };
  return code ?? status;
}
