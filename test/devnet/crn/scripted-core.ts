/** A core node that says what a test tells it to, and signatures of the test's own accounts. */
import { fromHex, toHex, utf8 } from "../../../src/crypto/bytes.ts";
import { p256Jwk, signP256 } from "../../../src/crypto/p256.ts";
import { addressOf, signPersonal } from "../../../src/crypto/secp256k1.ts";
import type { CoreLink, CoreStatus, Price } from "../../../devnet/crn/core-link.ts";
import { CACHE_MS, type NodeSpec } from "../../../devnet/crn/spec.ts";
import type { JsonObject } from "../../../devnet/wire.ts";

export const OWNER_KEY = fromHex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
export const AGENT_KEY = fromHex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
export const STRANGER_KEY = fromHex("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a");
export const OWNER = addressOf(OWNER_KEY);
export const AGENT = addressOf(AGENT_KEY);
export const STRANGER = addressOf(STRANGER_KEY);
const EPHEMERAL = fromHex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");

export class ScriptedCore implements CoreLink {
  readonly origin = "https://api.example.org";
  readonly statuses = new Map<string, CoreStatus>();
  readonly instances = new Map<string, { content: JsonObject; sender: string }>();
  readonly prices = new Map<string, Price>();
  readonly balances = new Map<string, number>();
  readonly aggregates = new Map<string, JsonObject>();
  reachable = true;
  aggregatesFail = false;

  /** A processed instance with a price and nothing else. */
  add(hash: string, content: JsonObject, perS: string): void {
    this.statuses.set(hash, "processed");
    this.instances.set(hash, { content, sender: AGENT });
    this.prices.set(hash, { ok: true, perS });
  }

  status = (hash: string) => (this.reachable ? (this.statuses.get(hash) ?? "absent") : undefined);
  instance = (hash: string) => this.instances.get(hash);
  price = (hash: string): Price | undefined =>
    this.reachable ? (this.prices.get(hash) ?? { ok: false, status: 404, reason: "Not Found" }) : undefined;
  creditBalance = (address: string) => (this.reachable ? (this.balances.get(address) ?? 0) : undefined);
  aggregate = (address: string, key: string) =>
    this.reachable && !this.aggregatesFail ? (this.aggregates.get(`${address} ${key}`) ?? "absent") : undefined;
}

export const RTX_4000 = {
  vendor: "NVIDIA",
  model: "RTX 4000 ADA",
  device_name: "AD104GL [RTX 4000 SFF Ada Generation]",
  device_class: "0300",
  pci_host: "01:00.0",
  device_id: "10de:27b0",
  compatible: true,
} as const;

export function nodeSpec(changes: Partial<NodeSpec> = {}): NodeSpec {
  return {
    hash: "ab".repeat(32),
    domain: "localhost",
    version: "1.14.0",
    cores: 8,
    memoryMib: 24_684,
    diskMib: 264_000,
    ipv4: "203.0.113.10",
    ipv6Pool: "2001:db8:1:2",
    gpus: [RTX_4000],
    monitorMs: 60_000,
    cacheMs: CACHE_MS,
    ...changes,
  };
}

export function instanceContent(owner: string, changes: JsonObject = {}): JsonObject {
  return {
    address: owner,
    time: 1_786_000_000,
    allow_amend: false,
    environment: { internet: true, aleph_api: true, hypervisor: "qemu", reproducible: false, shared_cache: false },
    resources: { vcpus: 1, memory: 2048, seconds: 30 },
    payment: { chain: "ETH", type: "credit" },
    volumes: [{ persistence: "host", name: "data", mount: "/data", size_mib: 10 }],
    rootfs: { parent: { ref: "63".repeat(32), use_latest: false }, persistence: "host", size_mib: 1000 },
    ...changes,
  };
}

/** Operator headers as our own client would make them, but written here on their own. */
export function operatorHeaders(
  key: Uint8Array,
  method: string,
  path: string,
  domain: string,
  nowMs: number,
): Record<string, string> {
  const time = new Date(nowMs).toISOString();
  const { x, y } = p256Jwk(EPHEMERAL);
  const expires = new Date(nowMs + 3_600_000).toISOString();
  const pubkey = { kty: "EC", crv: "P-256", x, y };
  const outer = utf8(JSON.stringify({ pubkey, alg: "ECDSA", domain, address: addressOf(key), chain: "ETH", expires }));
  const operation = utf8(JSON.stringify({ time, method, path: path.split("?")[0], domain }));
  return {
    "X-SignedPubKey": JSON.stringify({ payload: toHex(outer), signature: signPersonal(outer, key) }),
    "X-SignedOperation": JSON.stringify({
      payload: toHex(operation),
      signature: toHex(signP256(operation, EPHEMERAL)),
    }),
  };
}
