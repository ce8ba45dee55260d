/**
 * The independent checker: it sees every committed transition and every message that leaves, knows what is true on the
 * network, and says which invariant of safety.md a.5 is broken. It shares no rule with src/account: formulas are
 * written again from the document.
 */
import type { Hold, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { checkAdmission, checkExtension } from "./check-admission.ts";
import { checkCertified } from "./check-copies.ts";
import { checkDormant, checkForgets } from "./check-forgets.ts";
import { checkCharges, isComparedAnew } from "./check-charges.ts";
import { toldOtherwise } from "./check-fold.ts";
import { checkEnd, checkHolds, checkSettled, extrasOf } from "./check-money.ts";
import {
  checkAdoption,
  checkForgotten,
  checkNoticed,
  checkUnfrozen,
  type Listed,
  noteListed,
} from "./check-orphans.ts";
import { PaceCheck } from "./check-pace.ts";
import { PayerCheck } from "./check-payer.ts";
import { checkSuccessor, checkSuccessorSigned, othersAreGone } from "./check-successor.ts";
import type { Core, CoreNetwork } from "./network.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";

export const GRACE_S = 3_600;
export const S = 1_000;

export type Broken = { readonly invariant: string; readonly what: string; readonly atMs: number };

/** What the checker remembers of one account: what it was told to do, and what left it. */
export type Memo = {
  /** Why a VM may have been closed, by VM. */
  readonly asked: Map<string, Set<string>>;
  /** VMs whose end was asked for and answered: no other attempt of them may follow. */
  readonly obeyed: Set<string>;
  readonly firstSend: Map<string, number>;
  readonly firstForget: Map<string, number>;
  readonly lastForget: Map<string, number>;
  readonly signedSeq: Map<string, number>;
  readonly approvalState: Map<string, string>;
  readonly approvalUses: Map<string, number>;
  readonly vmOfQuote: Map<string, string>;
  readonly listed: Listed;
  /** Since when two core nodes have shown a refused create alive, by hash. */
  readonly shownAliveMs: Map<string, number>;
  /** Refused creates for whose return the account has been frozen: the owner may have let go since. */
  readonly freezeSeen: Set<string>;
  frozen: boolean;
  frozenFor: string | null;
  restored: boolean;
  restoredTimes: number;
  /** An older state was put back than `Watch` knows of, and the account has not noticed it yet. */
  unnoticed: boolean;
  /** It has just noticed that: what it writes down then has to tell what became of everything. */
  toCompare: boolean;
  freezeAsked: boolean;
  balance: unknown;
  /** For which rows and alarms `armed` has been looked at. */
  armedAt: number;
  armedMs: number | null;
  watchDueMs: number | null;
};

/** An owner's own reasons to freeze, which stand for no evidence. */
const OWNERS_FREEZE: ReadonlySet<string> = new Set(["owner", "owner_stop", "owner_revoke"]);

export class Checker {
  broken: Broken | null = null;
  healedMs = Infinity;
  readonly core: CoreNetwork;
  readonly time: Timeline;
  readonly seen: Sometimes;
  readonly calm: boolean;
  trace: ((line: string) => void) | null = null;
  readonly pace = new PaceCheck(this);
  private hash = 0x811c9dc5;
  private readonly memos = new Map<string, Memo>();
  readonly payers = new PayerCheck(this);

  constructor(core: CoreNetwork, time: Timeline, seen: Sometimes, calm: boolean) {
    this.core = core;
    this.time = time;
    this.seen = seen;
    this.calm = calm;
  }

  fail(invariant: string, what: string): void {
    this.note(`BROKEN ${invariant} ${what}`);
    this.broken ??= { invariant, what, atMs: this.time.nowMs };
  }

  must(holds: boolean, invariant: string, what: () => string): void {
    if (!holds) this.fail(invariant, what());
  }

  /** Everything that happens goes into one running hash, and into the trace if somebody reads it. */
  note(line: string): void {
    let hash = this.hash ^ (this.time.nowMs >>> 0);
    for (let at = 0; at < line.length; at++) hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
    this.hash = hash;
    this.trace?.(line);
  }

  get traceHash(): number {
    return this.hash >>> 0;
  }

  memo(account: SimAccount): Memo {
    let memo = this.memos.get(account.name);
    if (memo === undefined) {
      const maps = {
        asked: new Map(),
        firstSend: new Map(),
        firstForget: new Map(),
        lastForget: new Map(),
        signedSeq: new Map(),
      };
      const asks = { approvalState: new Map(), approvalUses: new Map(), vmOfQuote: new Map(), shownAliveMs: new Map() };
      const looked = { freezeSeen: new Set<string>(), armedAt: -1, armedMs: null, watchDueMs: null };
      const lists = {
        listed: new Map(),
        obeyed: new Set<string>(),
        frozenFor: null,
        restored: false,
        restoredTimes: 0,
        unnoticed: false,
        toCompare: false,
      };
      memo = { ...maps, ...asks, ...looked, ...lists, frozen: false, freezeAsked: false, balance: null };
      this.memos.set(account.name, memo);
    }
    return memo;
  }

  /** A command that justifies closing these VMs. */
  asked(account: SimAccount, vmIds: readonly string[], reason: string): void {
    const { asked } = this.memo(account);
    for (const vmId of vmIds) asked.set(vmId, new Set([...(asked.get(vmId) ?? []), reason]));
  }

  /** Such a command, and what came of it: an end that was answered stays asked for. */
  obeyed(account: SimAccount, vmIds: readonly string[], answer: { readonly ok: boolean } | undefined): void {
    if (answer?.ok === true) for (const vmId of vmIds) this.memo(account).obeyed.add(vmId);
  }

  sends(
    account: SimAccount,
    kind: "INSTANCE" | "FORGET",
    hash: string,
    signature: string,
    target: string | null,
  ): void {
    const memo = this.memo(account);
    this.note(`${account.name} sends ${kind} ${hash.slice(0, 8)}`);
    if (kind === "FORGET") {
      checkForgotten(this, target);
      if (target !== null && !memo.firstForget.has(target)) memo.firstForget.set(target, this.time.nowMs);
      if (target !== null) memo.lastForget.set(target, this.time.nowMs);
      return;
    }
    if (!memo.firstSend.has(hash)) memo.firstSend.set(hash, this.time.nowMs);
    const vm = vmOfHash(account, hash);
    const attempt = vm?.attempts.find((one) => one.itemHash === hash);
    this.must(attempt !== undefined, "I9", () => `sent ${hash.slice(0, 8)}, which the ledger does not hold`);
    if (attempt === undefined || vm === undefined) return;
    const forgets = vm.forgets.filter((one) => one.target === hash && one.signature !== null).length;
    const stored = attempt.signature === signature && attempt.firstSendMs !== null && forgets >= 4;
    this.must(stored, "I5", () => `sent before bytes, FORGETs and first send were stored (${vm.vmId})`);
    const seq = memo.signedSeq.get(hash) ?? 0;
    this.must(account.acknowledgedSeq >= seq, "I5", () => `sent before Watch knew of commit ${seq} (${vm.vmId})`);
    this.must(attempt.endedAtMs === null, "I10", () => `INSTANCE sent again after its end (${vm.vmId})`);
    othersAreGone(this, vm, attempt);
  }

  /** After every commit. */
  committed(account: SimAccount): void {
    const changed = account.data.takeChanged();
    const memo = this.memo(account);
    this.checkBalance(account, memo);
    for (const [vmId, before] of changed) {
      const after = account.data.vm(vmId);
      if (after === undefined || after === before) continue;
      this.checkVm(account, memo, before, after);
    }
    checkNoticed(this, account, memo);
    this.checkFreeze(account, memo);
    for (const vmId of changed.keys()) checkDormant(this, account, memo, account.data.vm(vmId));
    this.pace.committed(account);
    if (memo.toCompare) this.compareWithChain(account, memo);
  }

  private compareWithChain(account: SimAccount, memo: Memo): void {
    memo.toCompare = false;
    const otherwise = toldOtherwise(account);
    this.must(otherwise === null, "I17", () => `the audit tells another state after a restore: ${otherwise}`);
  }

  private checkVm(account: SimAccount, memo: Memo, before: VmRecord | undefined, after: VmRecord): void {
    if (before?.state !== after.state || before.expiresAtMs !== after.expiresAtMs)
      this.note(`${account.name} ${after.vmId.slice(0, 8)} ${after.state} ${after.endReason ?? ""} ${heldNow(after)}`);
    if (before === undefined) {
      this.checkKey(account, memo, after);
      if (after.orphan !== undefined) return checkAdoption(this, account, after);
      return checkAdmission(this, account, memo, after);
    }
    this.sight(before, after);
    if (after.attempts.length !== before.attempts.length) checkSuccessor(this, account, memo, before, after);
    this.pace.changed(account, before, after);
    if (after.holds.length > before.holds.length) checkExtension(this, account, memo, before, after);
    else if (after.expiresAtMs !== before.expiresAtMs)
      this.fail("I14", `lifetime changed without a hold (${after.vmId})`);
    this.checkSigned(account, memo, before, after);
    checkHolds(this, before, after);
    this.checkClose(account, memo, before, after);
    checkCertified(this, before, after);
    if (isOver(after) && !isOver(before)) checkEnd(this, account, memo, before, after);
    if (after.settledAtMs !== null && before.settledAtMs === null) {
      checkSettled(this, account, memo, before, after);
      this.payers.settled(account, after);
    }
    if (isComparedAnew(before, after)) checkCharges(this, account, before, after);
  }

  private sight(before: VmRecord, after: VmRecord): void {
    if (before.healthyAtMs === null && after.healthyAtMs !== null) this.seen.see("a VM becomes healthy");
    if (before.state === "PROVISIONING" && after.state === "HEALTHY" && after.attempts.length > 1)
      this.seen.see("a successor becomes healthy");
    if (before.state === "UNKNOWN" && after.state === "PROVISIONING") this.seen.see("an unknown create appears later");
    if (after.forgets.length > before.forgets.length) this.seen.see("FORGETs are replenished");
  }

  private checkKey(account: SimAccount, memo: Memo, vm: VmRecord): void {
    const known = memo.vmOfQuote.get(vm.quoteId);
    this.must(known === undefined || account.restoredTimes > 0, "I4", () => `a second VM for one quote (${vm.vmId})`);
    memo.vmOfQuote.set(vm.quoteId, vm.vmId);
  }

  private checkSigned(account: SimAccount, memo: Memo, before: VmRecord, after: VmRecord): void {
    for (const [at, attempt] of after.attempts.entries()) {
      const was = before.attempts[at];
      if (attempt.firstSendMs !== null && was?.firstSendMs === null) {
        memo.signedSeq.set(attempt.itemHash, account.row.commitSeq);
        checkSuccessorSigned(this, account, after, attempt);
      }
      const swapped = was !== undefined && was.signature !== null && was.signature !== attempt.signature;
      this.must(
        !swapped && (was === undefined || was.itemHash === attempt.itemHash),
        "I4",
        () => "new bytes for an attempt",
      );
    }
    checkForgets(this, account, before, after);
    const possible = after.attempts.filter((one) => one.endedAtMs === null && one.rejectedAtMs === null);
    this.must(isOver(after) || possible.length <= 1, "I4", () => `two attempts at once (${after.vmId})`);
  }

  private checkBalance(account: SimAccount, memo: Memo): void {
    const balance = account.data.store.balanceOf();
    if (balance === memo.balance) return;
    memo.balance = balance;
    const { granted, deficit, available, held, posted } = balance;
    const whole = [granted, deficit, available, held, posted].every((one) => Number.isSafeInteger(one) && one >= 0);
    const adds = granted + deficit === available + held + posted && (available === 0 || deficit === 0);
    let open = 0;
    let spent = 0;
    for (const hold of account.data.holds.values()) {
      if (isOpen(hold)) open += hold.credits;
      else if (hold.state === "posted") spent += hold.credits;
    }
    for (const extra of account.data.extras.values()) spent += extra.credits;
    this.must(
      whole && adds && open === held && spent === posted,
      "I3",
      () => `books do not balance: ${JSON.stringify(balance)}`,
    );
    const summed = account.data.store.spentBy(null);
    this.must(summed === open + spent, "I3", () => `summed up to ${summed}, the rows say ${open + spent}`);
  }

  /** A VM is closed for a reason that is true. */
  private checkClose(account: SimAccount, memo: Memo, before: VmRecord, after: VmRecord): void {
    const { endReason: reason, vmId } = after;
    if (reason === null || before.endReason !== null) return;
    const hash = after.attempts.at(-1)?.itemHash ?? "";
    const nowMs = account.nowMs();
    const asked = memo.asked.get(vmId) ?? new Set<string>();
    const { core } = this;
    const just: Record<string, () => boolean> = {
      destroyed: () => asked.has("destroyed"),
      stopped: () => asked.has("stopped"),
      revoked: () => asked.has("revoked"),
      ttl: () => nowMs >= after.expiresAtMs,
      never_sent: () => !memo.firstSend.has(hash),
      boot_failed: () => before.state !== "HEALTHY" && before.state !== "UNHEALTHY",
      unreachable: () => after.healthyAtMs !== null,
      rejected: () => this.was(hash, "rejected"),
      restored: () => account.restoredTimes > 0 && core.aliveOn(hash) < 2,
      price: () => [0, 1, 2].some((one) => core.honest(one as 0) && this.frozenAbove(hash, one as 0, after)),
      payer_line: () => this.payers.closedForLine(account, after),
      overrun: () => extrasOf(account, vmId, "overrun") > 0,
      ended_by_network: () => this.was(hash, "removed") || this.was(hash, "forgotten"),
      ended_by_owner_elsewhere: () => this.was(hash, "forgotten") || this.was(hash, "removed"),
    };
    const invariant = reason === "ttl" ? "I11" : "I6";
    this.must(just[reason]?.() ?? false, invariant, () => `closed as ${reason} without cause (${vmId})`);
    if (this.calm && reason === "ttl")
      this.must(
        nowMs - after.expiresAtMs <= 5 * S,
        "I11",
        () => `closed ${nowMs - after.expiresAtMs} ms late (${vmId})`,
      );
  }

  private frozenAbove(hash: string, core: 0 | 1 | 2, vm: VmRecord): boolean {
    return BigInt(this.core.messages.get(hash)?.frozen[core] ?? 0) * 10n ** 15n > vm.rateAttoPerS;
  }

  /** Whether an honest core node ever said so. */
  was(hash: string, word: string): boolean {
    return this.core.everSaid.has(`${hash} ${word}`);
  }

  private checkFreeze(account: SimAccount, memo: Memo): void {
    const { state, frozenReason, restored } = account.row;
    const frozen = state === "frozen";
    // an older state took the place of the present one, which is nobody's decision; it is noticed when Watch is heard
    if (memo.restoredTimes !== account.restoredTimes) {
      Object.assign(memo, { restoredTimes: account.restoredTimes, frozen, frozenFor: frozenReason, restored });
      return;
    }
    if (frozen && frozenReason !== memo.frozenFor) {
      this.note(`${account.name} frozen ${frozenReason}`);
      const true_ = {
        dormant_alive: () => [...memo.firstSend.keys()].some((hash) => this.was(hash, "processed")),
        overrun: () => [...account.data.extras.values()].some((extra) => extra.kind === "overrun"),
        restored: () => restored,
        orphan: () => [...account.data.vms.values()].some(({ vm }) => vm.orphan !== undefined),
      }[frozenReason ?? ""];
      this.must(true_?.() ?? memo.freezeAsked, "I6", () => `frozen for ${frozenReason} without evidence`);
      const hidden = memo.frozen && !OWNERS_FREEZE.has(memo.frozenFor ?? "") && OWNERS_FREEZE.has(frozenReason ?? "");
      this.must(!hidden, "I6", () => `what was found (${memo.frozenFor}) is hidden behind ${frozenReason}`);
      if (frozenReason === "dormant_alive") this.seen.see("a dormant create comes back and freezes");
    }
    if (!frozen && memo.frozen) checkUnfrozen(this, account, memo.listed, memo.restored);
    memo.frozen = frozen;
    memo.frozenFor = frozenReason;
    memo.restored = restored;
  }

  /** An older state is put back: what was read before it counts for nothing, and it has to be noticed if `Watch` knows. */
  putBack(account: SimAccount, watchSeq: number): void {
    const memo = this.memo(account);
    if (watchSeq <= account.row.commitSeq) return;
    memo.unnoticed = true;
    memo.listed.clear();
  }

  /** The account has noticed it, and compares itself from the beginning. */
  noticed(account: SimAccount): void {
    const memo = this.memo(account);
    memo.unnoticed = false;
    memo.toCompare = true;
    memo.listed.clear();
  }

  /** A core node gave its list of what this account's key signed; dated by the account's clock, which may catch up. */
  lists(account: SimAccount, core: Core): void {
    noteListed(this.memo(account).listed, core, account.nowMs());
  }
}

export const isOpen = (hold: Hold): boolean => hold.state === "held" || hold.state === "shrunk";
export const isOver = (vm: VmRecord): boolean => vm.state === "TERMINATED" || vm.state === "FAILED";
export const heldNow = (vm: VmRecord): number => vm.holds.reduce((sum, hold) => sum + hold.credits, 0);

export function vmOfHash(account: SimAccount, hash: string): VmRecord | undefined {
  for (const { vm } of account.data.vms.values()) if (vm.attempts.some((one) => one.itemHash === hash)) return vm;
  return undefined;
}
