/**
 * The bindings through which the fronts reach the objects, and the names that accounts have. Wiring with one rule: an
 * account's name comes from the owner's address and a key that is never rotated (design.md §7).
 */
import type { Network } from "../aleph/network.ts";
import { fromHex, toHex, utf8 } from "../crypto/bytes.ts";
import { hmacSha256 } from "../crypto/hash.ts";
import type { DirectoryObject } from "../directory/object.ts";
import { NAME_CHECK_SHARD, type WatchObject } from "../directory/watch.ts";
import { type Refusal, refusal } from "../errors.ts";
import type { Ports } from "../ports.ts";
import { Gatherer } from "./gather.ts";
import { orElse } from "./hearsay.ts";
import type { AccountObject } from "./object.ts";

/** What a Durable Object's methods look like from outside: every answer is awaited. */
export type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};
export type AccountStub = Remote<AccountObject>;

export type Doors = {
  readonly account: (name: string) => AccountStub;
  readonly directory: () => Pick<
    Remote<DirectoryObject>,
    "lease" | "release" | "cooling" | "noteFailure" | "noteSample" | "league"
  >;
  readonly watch: (shard: string) => Pick<Remote<WatchObject>, "checkName">;
};

export type FrontSetting = {
  readonly doors: Doors;
  readonly ports: Ports;
  readonly network: Network;
  readonly gather: Gatherer;
  readonly nameKey: Uint8Array;
  readonly owners: string;
  readonly origin: string;
  readonly networkName: "aleph" | "twin";
  /** As in the account's own settings; a Worker hears of a deployment minutes before an object that is awake. */
  readonly paused: boolean;
};

export function frontSetting(
  ask: Omit<FrontSetting, "gather" | "nameKey"> & { readonly nameKeyHex: string },
): FrontSetting {
  const { nameKeyHex, ...rest } = ask;
  return {
    ...rest,
    nameKey: fromHex(nameKeyHex),
    gather: new Gatherer(ask.network, ask.ports.clock, ask.ports.random),
  };
}

export function accountName(setting: FrontSetting, owner: string): string {
  return toHex(hmacSha256(setting.nameKey, utf8(`v1|ETH|${owner}`)));
}

/** Compared once per isolate before the first sign-in or admission: with another key every account would be a new one. */
export async function nameKeyFault(setting: FrontSetting): Promise<Refusal | null> {
  if (checked.get(setting) === true) return null;
  const check = toHex(hmacSha256(setting.nameKey, utf8("v1|check")));
  const same = await orElse(undefined, setting.doors.watch(NAME_CHECK_SHARD).checkName(check));
  if (same === undefined) return refusal("account.watch_silent", {}, 10);
  checked.set(setting, same);
  return same ? null : refusal("account.name_key");
}

const checked = new WeakMap<FrontSetting, boolean>();

/** `OWNERS` names addresses; `*` means everybody, nothing means nobody (design.md §12.14). */
export function mayOwn(owners: string, address: string): boolean {
  const listed = owners.split(",").map((one) => one.trim().toLowerCase());
  return listed.includes("*") || listed.includes(address.toLowerCase());
}
