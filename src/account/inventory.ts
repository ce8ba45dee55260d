/**
 * The inventory: one line on the network for each VM that may live, in an aggregate of the agent key's own address, so
 * that a lost ledger can be rebuilt (design.md §12.1). Says when it is behind, what it must say, and what may be believed
 * of it. Pure.
 *
 * It is public: ids, times, hashes and rates, nothing about the owner. A VM that is over has a null in its place, since an
 * aggregate only ever merges. What is read back counts where two core nodes show the same.
 */
import { RATE_MAX } from "../aleph/amounts.ts";
import type { SignedMessage } from "../aleph/message.ts";
import { field, hashOf, isoMs, type JsonObject, type JsonValue, textLike } from "../aleph/wire.ts";
import { currentAttempt, firstSendMs, isLive } from "./lifecycle.ts";
import type { Hash, VmRecord } from "./types.ts";

export const INVENTORY_KEY = "allowance-inventory";
const VM_ID = /^vm_[a-z0-9]{1,40}$/;
const GRANT_ID = /^(?:gr_[a-z0-9]{1,40})?$/;
const RATE = /^\d{1,30}$/;

/** What the ledger knows of a VM and its INSTANCE does not say, or no longer says truly. */
export type Kept = {
  readonly expiresAtMs: number;
  readonly itemHash: Hash;
  readonly grantId: string;
  readonly rateAttoPerS: string;
};
export type Entries = Readonly<Record<string, Kept | null>>;
export type Live = ReadonlyMap<string, Kept>;

/** The latest message, stored before it was sent; done once two core nodes have processed it. */
export type Written = {
  readonly sender: string;
  readonly timeMs: number;
  readonly entries: Entries;
  readonly message: SignedMessage;
  readonly doneAtMs: number | null;
  /** Two core nodes refused these bytes: others have to be written. */
  readonly refused: boolean;
};

/** Whatever may be on the network; what never left is nobody's to find. */
export function liveOf(vms: readonly VmRecord[]): Live {
  const sent = vms.filter((vm) => isLive(vm) && firstSendMs(vm) !== null);
  return new Map(sent.map((vm) => [vm.vmId, keptOf(vm)]));
}

const keptOf = (vm: VmRecord): Kept => ({
  expiresAtMs: vm.expiresAtMs,
  itemHash: currentAttempt(vm).itemHash,
  grantId: vm.grantId,
  rateAttoPerS: vm.rateAttoPerS.toString(),
});

const isSame = (a: Kept, b: Kept): boolean =>
  a.expiresAtMs === b.expiresAtMs &&
  a.itemHash === b.itemHash &&
  a.grantId === b.grantId &&
  a.rateAttoPerS === b.rateAttoPerS;

/** Something was sent, extended, moved to another node or ended since the last message, or another key has to say it. */
export function isBehind(written: Written | null, live: Live, sender: string): boolean {
  if (written === null || written.sender !== sender) return live.size > 0;
  const standing = Object.entries(written.entries).flatMap(([vmId, kept]) => (kept === null ? [] : [{ vmId, kept }]));
  if (written.refused || standing.length !== live.size) return true;
  return standing.some(({ vmId, kept }) => !isSame(kept, live.get(vmId) ?? { ...kept, itemHash: "" }));
}

/**
 * All that lives, so that a core node which missed a message knows it from the next one, and a null for whatever the last
 * one called live; also for its nulls, as long as it is not known to have arrived.
 */
export function nextEntries(written: Written | null, live: Live, sender: string): Entries {
  const before = written === null || written.sender !== sender ? [] : Object.entries(written.entries);
  const over = before.filter(([vmId, kept]) => !live.has(vmId) && (kept !== null || written?.doneAtMs === null));
  return { ...Object.fromEntries(over.map(([vmId]) => [vmId, null])), ...Object.fromEntries(live) };
}

/** Of two elements with one time the second changes nothing (ccn.md §3.2), so each is later than the last. */
export const nextTimeMs = (written: Written | null, nowMs: number): number =>
  Math.max(nowMs, (written?.timeMs ?? 0) + 1);

export function inventoryContent(sender: string, timeMs: number, entries: Entries): object {
  const content = Object.fromEntries(Object.entries(entries).map(([vmId, kept]) => [vmId, kept && lineOf(kept)]));
  return { address: sender, key: INVENTORY_KEY, time: timeMs / 1_000, content };
}

const lineOf = ({ expiresAtMs, itemHash, grantId, rateAttoPerS }: Kept): object => ({
  expires_at: new Date(expiresAtMs).toISOString(),
  item_hash: itemHash,
  grant_id: grantId,
  rate_atto_credits_per_s: rateAttoPerS,
});

function keptIn(value: JsonValue): Kept | undefined {
  const expiresAtMs = isoMs(field(value, "expires_at"));
  const itemHash = hashOf(field(value, "item_hash"));
  const grantId = textLike(field(value, "grant_id"), GRANT_ID);
  const rateAttoPerS = textLike(field(value, "rate_atto_credits_per_s"), RATE);
  if (expiresAtMs === undefined || itemHash === undefined || grantId === undefined || rateAttoPerS === undefined)
    return undefined;
  if (BigInt(rateAttoPerS) > RATE_MAX) return undefined;
  return { expiresAtMs, itemHash, grantId, rateAttoPerS };
}

/** What one core node shows of each of our keys, the oldest first, so that the newest key's word stands. */
export type Shown = readonly JsonObject[] | null;

/** What two core nodes show alike; null: fewer than two could be read whole. */
export function agreedOn(perCore: readonly Shown[]): Live {
  const votes = new Map<string, { readonly vmId: string; readonly kept: Kept; count: number }>();
  for (const shown of perCore) {
    for (const [vmId, value] of Object.entries(Object.assign({}, ...(shown ?? [])) as JsonObject)) {
      const kept = VM_ID.test(vmId) ? keptIn(value) : undefined;
      if (kept === undefined) continue;
      const text = `${vmId} ${JSON.stringify(kept)}`;
      const vote = votes.get(text) ?? { vmId, kept, count: 0 };
      votes.set(text, { ...vote, count: vote.count + 1 });
    }
  }
  return new Map([...votes.values()].flatMap(({ vmId, kept, count }) => (count >= 2 ? [[vmId, kept] as const] : [])));
}

/** By its hash, or by the id that its signed content carries: another attempt of it may be what was written. */
export function keptFor(live: Live, one: { readonly itemHash: Hash; readonly vmId: string | null }): Kept | undefined {
  const byHash = [...live.values()].find((kept) => kept.itemHash === one.itemHash);
  return byHash ?? (one.vmId === null ? undefined : live.get(one.vmId));
}

/** Only an extension moves an end, and only to later: no word of the network makes a VM die sooner than it says itself. */
export const movedTo = (expiresAtMs: number | null, kept: Kept | undefined): number | null =>
  kept === undefined ? expiresAtMs : Math.max(expiresAtMs ?? 0, kept.expiresAtMs);
