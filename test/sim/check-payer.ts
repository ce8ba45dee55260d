/**
 * G5, from the truth: no admission leaves the payer below the line; below it ours stop by the second reading, newest
 * first and not on one reading; what the network took beyond a VM's holds is booked once and freezes. The formulas are
 * written again from design.md §5.
 */
import type { PayerFacts } from "../../src/account/payer.ts";
import type { Hold, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { extrasOf } from "./check-money.ts";
import { type Checker, GRACE_S, isOpen, isOver, S } from "./checker.ts";

const ATTO = 10n ** 18n;
const MILLI = 10n ** 15n;
const DAY_S = 86_400;
const LAG_S = 5_400;
const APART_MS = 60_000;
/** No history burns a tenth of this in a day, so the sum need not be made. */
const BEYOND_REACH = 1_000_000_000;

type Memo = {
  pending: { readonly isAlive: () => boolean; readonly atMs: number; readonly listed: ReadonlySet<string> } | null;
  shortSinceMs: number | null;
  /**
   * The same by the darkest figures that an honest core node may tell: what is billed it may not know yet. By the account's
   * clock, which may catch up between two readings: it has no other to count the minute by (design.md §12.12).
   */
  maybeSinceMs: number | null;
  readonly overSinceMs: Map<string, number>;
  /** By attempt, what was billed when two honest core nodes last listed it: what comes later shows in the last bill. */
  readonly shown: Map<string, number>;
  extras: number;
  restored: number;
};
type View = { readonly gone: ReadonlySet<string>; readonly darkest: boolean };

export class PayerCheck {
  private readonly checker: Checker;
  private readonly memos = new Map<string, Memo>();

  constructor(checker: Checker) {
    this.checker = checker;
  }

  private memo(account: SimAccount): Memo {
    const known = this.memos.get(account.name);
    if (known !== undefined && known.restored === account.restoredTimes) return known;
    const bills = { overSinceMs: new Map<string, number>(), shown: new Map<string, number>() };
    // a restore may leave the account what it had seen: what could have been its first look stays one
    const maybeSinceMs = known?.maybeSinceMs ?? null;
    const fresh = { pending: null, shortSinceMs: null, maybeSinceMs, ...bills };
    const memo = { ...fresh, extras: account.data.extras.size, restored: account.restoredTimes };
    this.memos.set(account.name, memo);
    return memo;
  }

  /** With the new hold among the rows: what is left above one day when everything of ours is spent. */
  admitted(account: SimAccount, vm: VmRecord): void {
    if (!account.clockIsRight) return;
    const { line } = this.lineOf(account, { gone: new Set(), darkest: false });
    this.checker.must(line >= 0n, "G5", () => `admitted ${-line / ATTO} credits below the line (${vm.vmId})`);
  }

  /**
   * Atto-credits above the line (negative: it fails), and whether the margin is under an hour. The money is what it truly
   * is now; how long ours may still run is counted by the account's own clock, wrong or right (design.md §12.12).
   */
  private lineOf(account: SimAccount, { gone, darkest }: View): { readonly line: bigint; readonly underHour: boolean } {
    const trueMs = this.checker.time.nowMs;
    const nowMs = account.nowMs();
    const { purse } = account.payer;
    const vms = [...account.data.vms.values()].map((row) => row.vm);
    const running = vms.filter((vm) => !isOver(vm) && !gone.has(vm.vmId));
    const endMs = Math.max(nowMs, ...running.map((vm) => vm.expiresAtMs + GRACE_S * S));
    const lasting = purse.lotsAt(trueMs).filter((lot) => lot.expiresAtMs === null || lot.expiresAtMs >= endMs);
    const credits = lasting.reduce((sum, lot) => sum + BigInt(lot.credits), 0n) * ATTO;
    const theirs =
      purse.running(trueMs).reduce((sum, one) => sum + BigInt(one.rate), 0n) * MILLI +
      (darkest ? this.strays(account, vms) : 0n);
    const burn = running.reduce((sum, vm) => sum + vm.rateAttoPerS, theirs);
    const unbilled = vms.reduce((sum, vm) => sum + this.unbilled(account, vm, gone.has(vm.vmId), darkest), 0n);
    const spanS = BigInt(Math.min(DAY_S, Math.ceil((endMs - nowMs) / S)) + LAG_S);
    const above = credits - unbilled - burn * BigInt(DAY_S);
    return { line: above - theirs * spanS, underHour: burn > 0n && above < burn * 3_600n };
  }

  private unbilled(account: SimAccount, vm: VmRecord, gone: boolean, darkest: boolean): bigint {
    const open = vm.holds.filter(isOpen).reduce((sum, hold: Hold) => sum + hold.credits, 0);
    const sentMs = vm.attempts[0]?.firstSendMs ?? null;
    const s = sentMs === null ? 0 : (account.nowMs() - sentMs) / S + 900;
    const took = Number((vm.rateAttoPerS * BigInt(Math.ceil(s)) + ATTO - 1n) / ATTO) + Math.ceil(s / 3_600);
    const left = gone ? Math.min(open, sentMs === null ? 0 : took) : open;
    const billed = darkest
      ? 0
      : vm.attempts.reduce((sum, one) => sum + account.payer.purse.billed(one.itemHash, this.checker.time.nowMs), 0);
    return BigInt(Math.max(0, left - billed)) * ATTO;
  }

  /** What lives on the network and in no live row: a revived create, or one that a restore made the account forget. */
  private strays(account: SimAccount, vms: readonly VmRecord[]): bigint {
    const known = new Set(vms.filter((vm) => !isOver(vm)).flatMap((vm) => vm.attempts.map((one) => one.itemHash)));
    return account.payer.hashes
      .filter((hash) => !known.has(hash) && this.checker.core.aliveOn(hash) > 0)
      .reduce(
        (sum, hash) => sum + BigInt(Math.max(...(this.checker.core.messages.get(hash)?.frozen ?? [0]))) * MILLI,
        0n,
      );
  }

  private isShort(account: SimAccount, darkest: boolean): boolean {
    if (account.payer.purse.lastingAt(this.checker.time.nowMs) > BEYOND_REACH) return false;
    const gone = new Set(stopping(account).map((vm) => vm.vmId));
    const { line, underHour } = this.lineOf(account, { gone, darkest });
    return line < 0n && underHour;
  }

  /** The drive has been told these facts; it commits before the next event, unless it dies first. */
  read(account: SimAccount, facts: PayerFacts, isAlive: () => boolean): void {
    const memo = this.memo(account);
    const honest = facts.perCore.filter((one, core) => one !== null && this.checker.core.honest(core as 0)).length;
    if (honest === 0) return;
    const atMs = this.checker.time.nowMs;
    const maybe = this.isShort(account, true);
    // a reading counts for the account whatever its clock says; only what it made of it is not judged then
    if (maybe) memo.maybeSinceMs ??= account.nowMs();
    // one honest node's denial and a silence may be the end of it, or not yet
    if (!this.isShort(account, false)) memo.shortSinceMs = null;
    if (!account.clockIsRight) return;
    if (!maybe && honest >= 2) memo.maybeSinceMs = null;
    if (honest < 2) return;
    memo.pending = { isAlive, atMs, listed: this.listedIn(facts) };
  }

  /** What two honest core nodes list in this very reading. */
  private listedIn({ perCore }: PayerFacts): ReadonlySet<string> {
    const honest = perCore.filter((one, core) => one !== null && this.checker.core.honest(core as 0));
    const hashes = honest.flatMap((one) => one?.lines.map((line) => line.itemHash) ?? []);
    return new Set(hashes.filter((hash, at) => hashes.indexOf(hash) !== at));
  }

  /** Between two events: the commit of the last reading is in, or will never be. */
  between(account: SimAccount): void {
    const memo = this.memo(account);
    this.checkExtras(account, memo);
    const { pending } = memo;
    memo.pending = null;
    if (pending === null || !pending.isAlive() || pending.atMs !== this.checker.time.nowMs) return;
    this.checkOverruns(account, memo, pending);
    // what this very reading stopped, for an overrun say, may be what the line lacked
    if (!this.isShort(account, false)) memo.shortSinceMs = null;
    else this.checkStopped(account, memo, pending.atMs);
  }

  private checkStopped(account: SimAccount, memo: Memo, atMs: number): void {
    const rule = account.data.store.currentPolicy()?.on.payerLine;
    memo.shortSinceMs ??= atMs;
    if (atMs - memo.shortSinceMs < APART_MS || rule === "alert") return;
    this.checker.must(
      running(account).length === 0,
      "G5",
      () => `${running(account).length} of ours run on below the line`,
    );
  }

  /** A VM was closed for the line: twice seen, by an owner who wants that, and nothing newer of ours runs on. */
  closedForLine(account: SimAccount, vm: VmRecord): boolean {
    const { maybeSinceMs } = this.memo(account);
    const newer = running(account).some((one) => one.admittedAtMs > vm.admittedAtMs);
    this.checker.must(!newer, "G5", () => `an older VM was stopped before a newer one (${vm.vmId})`);
    this.checker.seen.see("the payer's line stops a VM");
    if (!account.clockIsRight) return true;
    this.checker.must(
      this.wasNeeded(account, vm),
      "G5",
      () => `stopped although the line held without it (${vm.vmId})`,
    );
    const twice = maybeSinceMs !== null && account.nowMs() - maybeSinceMs >= APART_MS;
    return twice && account.data.store.currentPolicy()?.on.payerLine !== "alert";
  }

  /** With what was stopping before it, and what is newer, already gone. */
  private wasNeeded(account: SimAccount, vm: VmRecord): boolean {
    if (isOver(vm)) return true;
    const rows = [...account.data.vms.values()].map((row) => row.vm.vmId);
    // of two that were admitted in one moment the one whose row came later is the newer
    const isOlder = (one: VmRecord): boolean =>
      one.admittedAtMs < vm.admittedAtMs ||
      (one.admittedAtMs === vm.admittedAtMs && rows.indexOf(one.vmId) < rows.indexOf(vm.vmId));
    const after = (one: VmRecord): boolean => one.stopAskedAtMs === vm.stopAskedAtMs && isOlder(one);
    const gone = stopping(account).filter((one) => one.vmId !== vm.vmId && !after(one));
    const { line, underHour } = this.lineOf(account, { gone: new Set(gone.map((one) => one.vmId)), darkest: true });
    return line < 0n && underHour;
  }

  private published(account: SimAccount, vm: VmRecord): number {
    const { nowMs } = this.checker.time;
    return vm.attempts.reduce((sum, one) => sum + account.payer.purse.billed(one.itemHash, nowMs), 0);
  }

  /** Two honest core nodes have shown it in two readings that were recorded: then it is in the books. */
  private checkOverruns(account: SimAccount, memo: Memo, { atMs, listed }: NonNullable<Memo["pending"]>): void {
    const { purse } = account.payer;
    for (const hash of listed) memo.shown.set(hash, purse.billed(hash, atMs));
    for (const { vm } of account.data.vms.values()) {
      if (vm.settledAtMs !== null || !vm.attempts.some((one) => listed.has(one.itemHash))) continue;
      const shown = vm.attempts.reduce((sum, one) => sum + (memo.shown.get(one.itemHash) ?? 0), 0);
      const beyond = shown - originalOf(vm);
      if (beyond <= 0) continue;
      const sinceMs = memo.overSinceMs.get(vm.vmId) ?? atMs;
      memo.overSinceMs.set(vm.vmId, sinceMs);
      if (atMs - sinceMs < APART_MS) continue;
      const booked = extrasOf(account, vm.vmId, "overrun");
      this.checker.must(booked >= beyond, "I7", () => `booked ${booked} of an overrun of ${beyond} (${vm.vmId})`);
      // an orphan has no hold, so whatever is billed for it is beyond one; it lives until its time (design.md §12.1)
      const mayLive = vm.orphan !== undefined || isOver(vm) || vm.endReason !== null;
      this.checker.must(mayLive, "I7", () => `lives on after an overrun (${vm.vmId})`);
    }
  }

  /** A new overrun row: no more than was taken, and the account is frozen unless it is only late. */
  private checkExtras(account: SimAccount, memo: Memo): void {
    if (account.data.extras.size === memo.extras) return;
    const rows = [...account.data.extras.values()];
    const fresh = rows.slice(memo.extras);
    memo.extras = rows.length;
    for (const { vmId } of fresh.filter((row) => row.kind === "overrun")) {
      const vm = account.data.vm(vmId);
      if (vm === undefined || vm.settledAtMs !== null) continue;
      this.checker.seen.see("an overrun is booked while alive");
      const booked = extrasOf(account, vmId, "overrun");
      const most = this.published(account, vm) - originalOf(vm);
      this.checker.must(booked <= most, "I7", () => `booked ${booked}, the network took ${most} more (${vmId})`);
      const { state } = account.row;
      this.checker.must(
        state === "frozen" || isLate(vm, booked, this.checker.time.nowMs),
        "I7",
        () => `not frozen (${vmId})`,
      );
    }
  }

  /** Settled: each credit of an overrun once. */
  settled(account: SimAccount, vm: VmRecord): void {
    const beyond = extrasOf(account, vm.vmId, "overrun");
    if (beyond === 0) return;
    const posted = vm.holds.reduce((sum, hold) => sum + hold.credits, 0);
    const { core, time } = this.checker;
    const took = vm.attempts.reduce((sum, one) => sum + core.consumed(one.itemHash, time.nowMs), 0);
    const all = posted + extrasOf(account, vm.vmId);
    this.checker.must(
      all <= Math.max(took, posted),
      "I7",
      () => `booked ${all}, the network took ${took} (${vm.vmId})`,
    );
  }
}

const live = (account: SimAccount): readonly VmRecord[] =>
  [...account.data.vms.values()].map((row) => row.vm).filter((vm) => !isOver(vm));
const stopping = (account: SimAccount): readonly VmRecord[] => live(account).filter((vm) => vm.endReason !== null);
const running = (account: SimAccount): readonly VmRecord[] => live(account).filter((vm) => vm.endReason === null);

const originalOf = (vm: VmRecord): number =>
  vm.state === "FAILED" ? 0 : vm.holds.reduce((sum, hold) => sum + hold.creditsOriginal, 0);

/** Closed, and within what an unreachable network goes on billing (safety.md a.4). An orphan froze when found. */
function isLate(vm: VmRecord, excess: number, nowMs: number): boolean {
  if (vm.state === "FAILED" || vm.orphan !== undefined) return true;
  const overS = Math.max(0, (nowMs - vm.expiresAtMs) / S + 900 - GRACE_S);
  const bound = Number((vm.rateAttoPerS * BigInt(Math.ceil(overS)) + ATTO - 1n) / ATTO) + Math.ceil(overS / 3_600);
  return vm.attempts.every((one) => one.closedAtMs !== null) && excess <= bound;
}
