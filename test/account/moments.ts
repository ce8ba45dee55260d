/** An account in memory that was just born, and moments of it, for tests of what a moment reads and writes. */
import type { Health } from "../../src/account/checks.ts";
import { type AccountConfig, Moment } from "../../src/account/moment.ts";
import type { Store } from "../../src/account/store.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { T0 } from "./vms.ts";

export const CONFIG: AccountConfig = {
  origin: "https://a.example",
  network: "twin",
  unattendedRefused: false,
  unattended: false,
  paused: false,
};
export const HEALTH: Health = { watchHeard: true, schemaKnown: true };

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

export function born(owner: `0x${string}` = "0xowner", agentAddress: `0x${string}` = "0xkey"): MemoryStore {
  const data = new MemoryStore();
  data.store.insertAccount({ name: "acc", objectId: "o", owner, agentAddress, bornAtMs: T0 });
  return data;
}

/** All is well with it, but for what is said. */
export const momentOf = (
  store: Store,
  nowMs: number,
  { health, config }: { readonly health?: Partial<Health>; readonly config?: Partial<AccountConfig> } = {},
): Moment => new Moment(store, nowMs, { ...CONFIG, ...config }, random, { ...HEALTH, ...health });
