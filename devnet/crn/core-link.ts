/**
 * What a compute node asks its core node, and for how long it believes the answer. The link itself is given by whoever
 * builds the network; `undefined` means that the core node cannot be reached. Failures are never cached.
 */
import type { Cached, CacheTimes, KnownInstance, NodeSpec, NodeState } from "./spec.ts";
import type { JsonObject } from "../wire.ts";

export type CoreStatus = "absent" | "pending" | "processed" | "rejected" | "forgotten" | "removing" | "removed";

export type Price =
  | { readonly ok: true; readonly perS: string }
  | { readonly ok: false; readonly status: number; readonly reason: string };

export type CoreLink = {
  /** The API_SERVER of the node's settings. */
  readonly origin: string;
  readonly status: (hash: string) => CoreStatus | undefined;
  readonly instance: (hash: string) => KnownInstance | undefined;
  readonly price: (hash: string) => Price | undefined;
  readonly creditBalance: (address: string) => number | undefined;
  readonly aggregate: (address: string, key: string) => JsonObject | "absent" | undefined;
};

/** One node's cached view of its core node. */
export class CoreView {
  readonly link: CoreLink;
  readonly #caches: Record<string, Cached>;
  readonly #times: CacheTimes;

  constructor(link: CoreLink, state: NodeState, times: CacheTimes) {
    this.link = link;
    this.#caches = state.caches;
    this.#times = times;
  }

  status(hash: string, nowMs: number): CoreStatus | undefined {
    return this.#cached(`status ${hash}`, this.#times.status, nowMs, () => this.link.status(hash));
  }

  balance(address: string, nowMs: number): number | undefined {
    return this.#cached(`balance ${address}`, this.#times.balance, nowMs, () => this.link.creditBalance(address));
  }

  security(address: string, nowMs: number): JsonObject | "absent" | undefined {
    const read = () => this.link.aggregate(address, "security");
    return this.#cached(`security ${address}`, this.#times.security, nowMs, read);
  }

  price(hash: string, nowMs: number): Price | undefined {
    const kept = this.#read<string>(`price ${hash}`, this.#times.price, nowMs);
    if (kept !== undefined) return { ok: true, perS: kept };
    const fresh = this.link.price(hash);
    if (fresh?.ok) this.#caches[`price ${hash}`] = { value: JSON.stringify(fresh.perS), atMs: nowMs };
    return fresh;
  }

  #cached<T>(key: string, ttlMs: number, nowMs: number, read: () => T | undefined): T | undefined {
    const kept = this.#read<T>(key, ttlMs, nowMs);
    if (kept !== undefined) return kept;
    const fresh = read();
    if (fresh !== undefined) this.#caches[key] = { value: JSON.stringify(fresh), atMs: nowMs };
    return fresh;
  }

  #read<T>(key: string, ttlMs: number, nowMs: number): T | undefined {
    const kept = this.#caches[key];
    if (kept === undefined) return undefined;
    if (nowMs - kept.atMs < ttlMs) return JSON.parse(kept.value) as T;
    delete this.#caches[key];
    return undefined;
  }
}

/** What every handler of a node works on. */
export type Node = { readonly spec: NodeSpec; readonly state: NodeState; readonly core: CoreView };
