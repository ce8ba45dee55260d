/**
 * Where the network is, and what an answer of it can be. The leaf of this ring: types, fixed addresses, no logic.
 *
 * An unknown outcome is a value like any other: the caller decides what it may mean, never this ring.
 */
import type { Net } from "../ports.ts";

export type Core = 0 | 1 | 2;
export const CORES: readonly Core[] = [0, 1, 2];

export type Network = {
  readonly net: Net;
  readonly coreOrigins: readonly [string, string, string];
  readonly crnListOrigin: string;
  readonly schedulerOrigin: string;
  /** Answers DNS questions over HTTPS as JSON; only estimates rest on it. */
  readonly resolverOrigin: string;
  /** Of this service: whoever registers a node under it is not called. */
  readonly ownHost?: string;
};

/** The core node that compute nodes follow unless their operator chose another one (ccn.md §7). */
export const NODES_CORE_ORIGIN = "https://official.aleph.cloud";

export type Unknown =
  | "timeout"
  | "unreachable"
  | "too_large"
  | "redirect"
  | "bad_answer"
  | "http_error"
  | "host_refused";

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: Unknown; readonly status?: number };

/** Every message of ours carries it, because the delegation names it. It is unsigned: never a proof of anything. */
export const CHANNEL = "ALLOWANCE";
export const SECURITY_CHANNEL = "security";
/** The only channel on which core nodes look for credit transfers. */
export const CREDIT_CHANNEL = "ALEPH_CREDIT";

/** Owner of the aggregates `pricing`, `settings` and `vm-images`. */
export const PRICING_ADDRESS = "0xFba561a84A537fCaa567bb7A2257e7142701ae2A";
/** Owner of the aggregate `corechannel`, the list of all nodes. */
export const CORECHANNEL_ADDRESS = "0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10";

export function known<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function unknown(
  why: Unknown,
  status?: number,
): { readonly ok: false; readonly why: Unknown; readonly status?: number } {
  return status === undefined ? { ok: false, why } : { ok: false, why, status };
}
