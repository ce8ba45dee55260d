/**
 * The two headers that let a wallet operate its VMs on a compute node.
 *
 * Pure: time and keys are arguments. The wallet signs a short-lived P-256 key once, that key signs each call. The wallet's
 * signature is good on every node until it expires, so a key is made per node and kept for an hour.
 */
import { toHex, utf8 } from "../crypto/bytes.ts";
import { p256Jwk, signP256 } from "../crypto/p256.ts";
import { signPersonal } from "../crypto/secp256k1.ts";
import type { Address } from "../crypto/secp256k1.ts";

export type OperatorKey = {
  readonly privateKey: Uint8Array;
  readonly signedPubKeyHeader: string;
  readonly expiresAtMs: number;
};

const LIFETIME_S = 3_600;

/** `domain` is the node's own `DOMAIN_NAME`; nodes do not compare it here, but say what the key is meant for. */
export function makeOperatorKey(ask: {
  readonly walletKey: Uint8Array;
  readonly address: Address;
  readonly domain: string;
  readonly nowMs: number;
  readonly lifetimeS?: number;
  readonly p256Key: Uint8Array;
}): OperatorKey {
  const expiresAtMs = ask.nowMs + (ask.lifetimeS ?? LIFETIME_S) * 1000;
  const { x, y } = p256Jwk(ask.p256Key);
  const payload = utf8(
    JSON.stringify({
      pubkey: { kty: "EC", crv: "P-256", x, y },
      alg: "ECDSA",
      domain: ask.domain,
      address: ask.address,
      chain: "ETH",
      expires: new Date(expiresAtMs).toISOString(),
    }),
  );
  const signedPubKeyHeader = JSON.stringify({
    sender: ask.address,
    payload: toHex(payload),
    signature: signPersonal(payload, ask.walletKey),
    content: { domain: ask.domain },
  });
  return { privateKey: ask.p256Key, signedPubKeyHeader, expiresAtMs };
}

/**
 * Headers for one call. The node compares method, path (without query) and `domain` exactly, and accepts the time within
 * two minutes of its own clock; body and query are not covered.
 */
export function operatorHeaders(
  key: OperatorKey,
  ask: {
    readonly address: Address;
    readonly domain: string;
    readonly method: "POST" | "GET" | "DELETE";
    readonly path: string;
    readonly nowMs: number;
  },
): Record<string, string> {
  const { domain, method, path } = ask;
  const payload = utf8(JSON.stringify({ time: new Date(ask.nowMs).toISOString(), method, path, domain }));
  const signature = toHex(signP256(payload, key.privateKey));
  return {
    "X-SignedPubKey": key.signedPubKeyHeader,
    "X-SignedOperation": JSON.stringify({ payload: toHex(payload), signature }),
  };
}

/** The path that an erase signs and calls. */
export function erasePath(hash: string): string {
  return `/control/machine/${hash}/erase`;
}
