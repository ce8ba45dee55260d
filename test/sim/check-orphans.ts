/**
 * I9 and what follows a restore: what the account adopts must be true, what is true must be adopted in time, and a freeze
 * after a restore ends only once two core nodes were read twice. Written from safety.md a.4, not from the rules.
 */
import type { VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { FOREIGN } from "./calls.ts";
import { type Checker, isOver, type Memo, vmOfHash } from "./checker.ts";
import type { Core } from "./network.ts";

const S = 1_000;
const MIN = 60 * S;
/** A reading takes as long as its slowest answer, and two of them lie a minute apart. */
const READ_MS = 2 * MIN;
/** 15 minutes, a minute for the second look, and what an alarm may be late. */
const FOUND_WITHIN_MS = 25 * MIN;

/** Per account: which core nodes gave their list since the last restore, first and last. */
export type Listed = Map<Core, { readonly firstMs: number; lastMs: number }>;

export function checkAdoption(checker: Checker, account: SimAccount, vm: VmRecord): void {
  const hash = vm.attempts[0]?.itemHash ?? "";
  const { core, time, seen } = checker;
  const bytes = core.messages.get(hash)?.bytes ?? null;
  checker.must(account.restoredTimes > 0, "I9", () => `an orphan, and nothing was ever forgotten (${vm.vmId})`);
  checker.must(bytes !== null, "I9", () => `an orphan that was never signed (${vm.vmId})`);
  const says = bytes === null ? Number.NaN : diesAtMs(bytes.content);
  // only an extension moves an end, and only the inventory can tell a restored account of one
  const moved = vm.expiresAtMs > says && bytes !== null && core.inventories.tells(idOf(bytes.content), vm.expiresAtMs);
  const dies = moved ? vm.expiresAtMs : says;
  checker.must(vm.expiresAtMs === dies, "I11", () => `an orphan ends at ${vm.expiresAtMs}, not at ${dies}`);
  checker.must(vm.holds.length === 0, "I3", () => `an orphan with a hold (${vm.vmId})`);
  const leaves = account.data.store.loadLeaving() !== null;
  checker.must(
    !leaves || vm.endReason !== null,
    "I11",
    () => `its owner leaves, and an orphan may live on (${vm.vmId})`,
  );
  if (isOver(vm)) {
    seen.see("a stray is forgotten");
    return checker.must(account.nowMs() >= dies, "I11", () => `a stray is ended before its time (${vm.vmId})`);
  }
  seen.see("an orphan is found");
  checker.must(
    time.nowMs - core.lastAliveMs(hash) <= READ_MS,
    "I6",
    () => `an orphan on no honest core node's word (${vm.vmId})`,
  );
}

type Content = { readonly metadata: { readonly allowance: { readonly vm_id: string; readonly expires_at: string } } };
const allowanceOf = (content: string) => (JSON.parse(content) as Content).metadata.allowance;
const diesAtMs = (content: string): number => Date.parse(allowanceOf(content).expires_at);
/** A further attempt of a VM that the ledger still has comes into it under an id of its own. */
const idOf = (content: string): string => allowanceOf(content).vm_id;

export function checkForgotten(checker: Checker, target: string | null): void {
  checker.must(target !== FOREIGN.itemHash, "I9", () => "the owner's own machine is forgotten");
}

export function noteListed(listed: Listed, core: Core, nowMs: number): void {
  const before = listed.get(core);
  if (before === undefined) listed.set(core, { firstMs: nowMs, lastMs: nowMs });
  else before.lastMs = nowMs;
}

/** Whoever has heard `Watch` since it woke knows that it was restored, if `Watch` had heard of more. */
export function checkNoticed(checker: Checker, account: SimAccount, memo: Pick<Memo, "unnoticed">): void {
  const missed = memo.unnoticed && account.health.watchHeard;
  checker.must(!missed, "I9", () => "Watch was heard, and the restore went unnoticed");
}

/** A freeze ends. */
export function checkUnfrozen(checker: Checker, account: SimAccount, listed: Listed, wasRestored: boolean): void {
  if (!wasRestored) return;
  checker.seen.see("a restored account is unfrozen");
  checker.must(account.health.watchHeard, "I9", () => "unfrozen after a restore before Watch was heard");
  const [, firstTwoMs = Infinity] = [...listed.values()].map(({ firstMs }) => firstMs).toSorted((a, b) => a - b);
  // a minute between what was written down; the answers themselves may lie a few seconds closer
  const again = [...listed.values()].filter(({ lastMs }) => lastMs - firstTwoMs >= 50 * S).length;
  checker.must(again >= 2, "I9", () => `unfrozen after a restore with ${again} core nodes read a second time`);
  checker.must(!account.row.restored, "I9", () => "unfrozen, and still called restored");
}

/** Looked at between events once everything is healed: since when a hash lives that the ledger does not know. */
export function checkFound(checker: Checker, account: SimAccount, since: Map<string, number>): void {
  const { core, time } = checker;
  checkShown(checker, account);
  for (const hash of account.payer.hashes) {
    if (core.aliveOn(hash) < 2 || vmOfHash(account, hash) !== undefined || isOfLostKey(checker, account, hash)) {
      since.delete(hash);
      continue;
    }
    const fromMs = since.get(hash) ?? time.nowMs;
    since.set(hash, fromMs);
    const lately = time.nowMs - account.restoredAtMs < 24 * 60 * MIN;
    const boundMs = lately ? FOUND_WITHIN_MS : 25 * 60 * MIN;
    checker.must(
      time.nowMs - fromMs <= boundMs,
      "I9",
      () => `alive and unknown for ${time.nowMs - fromMs} ms: ${hash.slice(0, 8)}`,
    );
  }
}

/**
 * Signed by a key that a restore took back with everything that told of it: to the account it is one of the owner's own
 * machines, counted on the owner's page (`foreign`), and the owner alone can end it.
 */
export function isOfLostKey({ core }: Checker, account: SimAccount, hash: string): boolean {
  const sender = core.messages.get(hash)?.bytes?.sender;
  return account.restoredTimes > 0 && sender !== undefined && !account.data.store.keysEver().includes(sender as never);
}

/** Counted since the latest reading of two core nodes, if it lived by then. */
function checkShown(checker: Checker, account: SimAccount): void {
  const { complete, readAtMs, foreign } = account.data.store.loadLists();
  if (complete < 2 || readAtMs < checker.healedMs || !account.clockIsRight) return;
  const lost = account.payer.hashes.filter((hash) => {
    const sinceMs = checker.core.messages.get(hash)?.aliveSinceMs ?? Infinity;
    return checker.core.aliveOn(hash) === 3 && sinceMs < readAtMs && isOfLostKey(checker, account, hash);
  });
  checker.must(
    (foreign ?? 0) > lost.length || lost.length === 0,
    "I9",
    () => `${lost.length} of a lost key live, ${foreign} machines are shown beside the account's own`,
  );
  if (lost.length > 0) checker.note(`${lost.length} of a lost key live on ${account.name}`);
}
