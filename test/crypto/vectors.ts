/**
 * The recorded vectors as the crypto tests read them, and chance that repeats. Files are read as bytes, since one of them
 * holds raw U+2028 characters that a bundler may rewrite.
 */
import { readFileSync, readdirSync } from "node:fs";
import { fromHex } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import type { Random } from "../../src/ports.ts";

const FOLDER = `${import.meta.dirname}/../vectors`;

export type Message = {
  readonly chain: "ETH" | "SOL";
  readonly sender: string;
  readonly type: string;
  readonly item_content: string;
  readonly item_hash: string;
  readonly signature: string;
};

export type MessageVector = {
  readonly name: string;
  readonly message: Message;
  readonly content: unknown;
  readonly item_content_utf8_bytes: number;
  readonly verification_buffer: string;
  readonly verification_buffer_hex: string;
  readonly eip191_digest?: string;
};

export function readVector<T>(name: string): T {
  return JSON.parse(readFileSync(`${FOLDER}/${name}.json`, "utf8")) as T;
}

/** Every signed message: the recordings of answers and the unsigned price request are no such files. */
export function messageVectors(): readonly MessageVector[] {
  return readdirSync(FOLDER)
    .filter((file) => file.startsWith("ccn-") && file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => name !== "ccn-golden-responses" && name !== "ccn-price-estimate-request")
    .map((name) => readVector<MessageVector>(name));
}

/** Published development keys of Anvil and Hardhat; worthless by design. */
export const OWNER_KEY = fromHex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
export const OWNER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const DELEGATE_KEY = fromHex("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
export const DELEGATE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

export function keyOf(address: string): Uint8Array {
  if (address === OWNER) return OWNER_KEY;
  if (address === DELEGATE) return DELEGATE_KEY;
  throw new Error(`no published key for ${address}`);
}

/** The same bytes for the same seed, other bytes at each call. */
export function repeatable(seed: number): Random {
  let calls = 0;
  return {
    bytes: (length) => {
      const out = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) {
        const block = sha256(Uint8Array.of(seed, calls++ & 255, at >> 8, at & 255));
        out.set(block.subarray(0, Math.min(32, length - at)), at);
      }
      return out;
    },
  };
}
