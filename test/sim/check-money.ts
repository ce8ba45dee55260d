/** I6, I7 and I8: what a hold may become, and when. The network's truth decides, not the ledger's opinion of it. */
import type { CoreWord, Hold, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { creditsFor } from "./check-admission.ts";
import { CORES } from "./network.ts";
import { type Checker, GRACE_S, heldNow, type Memo, S } from "./checker.ts";

/** safety.md a.4, table of clocks: what the network took shows in its books hours later. */
const BILL_LAG_MS = 3 * 3_600_000;

const MAY_BECOME: Readonly<Record<Hold["state"], readonly Hold["state"][]>> = {
  held: ["held", "shrunk", "voided"],
  shrunk: ["shrunk", "posted", "voided"],
  posted: ["posted"],
  voided: ["voided"],
};

export function checkHolds(checker: Checker, before: VmRecord, after: VmRecord): void {
  for (const [at, was] of before.holds.entries()) {
    const is = after.holds[at];
    if (is === was) continue;
    if (is === undefined) return checker.fail("I8", `a hold is gone (${after.vmId})`);
    checker.must(
      MAY_BECOME[was.state].includes(is.state),
      "I8",
      () => `${was.state} became ${is.state} (${after.vmId})`,
    );
    checker.must(is.credits <= was.credits, "I8", () => `a hold grew (${after.vmId})`);
    const stillLive = after.state !== "TERMINATED" && after.state !== "FAILED";
    checker.must(!stillLive || is.credits === was.credits, "I6", () => `a hold fell while live (${after.vmId})`);
  }
  checkOrder(checker, before, after);
}

/** The bill fills the holds oldest first: none keeps anything while an older one gave some up (design.md §12.3). */
function checkOrder(checker: Checker, before: VmRecord, after: VmRecord): void {
  if (after.holds.length < 2 || after.state !== "TERMINATED") return;
  const short = after.holds.findIndex((hold, at) => hold.credits < (before.holds[at]?.credits ?? 0));
  const younger = short < 0 ? [] : after.holds.slice(short + 1);
  checker.must(
    younger.every((hold) => hold.credits === 0),
    "I7",
    () => `a younger hold is filled before an older one (${after.vmId})`,
  );
}

/** A VM has just left the live part of the ledger. */
export function checkEnd(checker: Checker, account: SimAccount, memo: Memo, before: VmRecord, after: VmRecord): void {
  const { core, seen } = checker;
  for (const one of account.data.approvals.values()) {
    if (one.returned !== true || one.state !== "approved" || memo.approvalState.get(one.approvalId) !== "used")
      continue;
    seen.see("an approval returns after a failed boot");
    memo.approvalState.set(one.approvalId, "approved");
  }
  for (const { itemHash } of after.attempts) {
    const sent = memo.firstSend.has(itemHash);
    const aliveOn = core.aliveOn(itemHash);
    checker.must(
      aliveOn < 2,
      "I6",
      () => `${after.state} (${after.endReason}) while two honest core nodes have it (${after.vmId})`,
    );
    const tries = account.data.store.loadLog(after.vmId).get(`end:${itemHash}`)?.tries ?? 0;
    if (tries > 10) seen.see("a teardown takes more than ten tries");
    if (!sent) {
      seen.see("a VM is voided unsent");
      continue;
    }
    const done = ["forgotten", "removed", "rejected"].some((word) => checker.was(itemHash, word));
    checker.must(done, "I6", () => `${after.state} (${after.endReason}) on no honest core node's word (${after.vmId})`);
    if (after.state === "FAILED") {
      seen.see("a create is rejected");
      checker.must(checker.was(itemHash, "rejected"), "I6", () => `voided what was sent (${after.vmId})`);
    } else if (aliveOn === 1) seen.see("a core node lags after the end");
  }
  if (after.state === "TERMINATED") {
    checkShrunk(checker, account, memo, before, after);
    checkThird(checker, account, after);
  }
  if (after.endReason === "ttl") seen.see("a VM ends by its TTL");
  if (after.endReason === "destroyed") seen.see("a VM ends by its agent");
  if (after.endReason === "boot_failed") seen.see("a VM never boots");
  if (after.endReason === "price") seen.see("a price above the hold ends a VM");
}

/** Two are done: the third has ten minutes, in which every poll offers it what it lacks. */
function checkThird(checker: Checker, account: SimAccount, vm: VmRecord): void {
  const attempt = vm.attempts.at(-1);
  if (attempt === undefined || attempt.firstSendMs === null) return;
  if (account.nowMs() - (attempt.closedAtMs ?? 0) >= 600 * S) return;
  const { core } = checker;
  const done = (word: CoreWord): boolean => word === "forgotten" || word === "removed" || word === "rejected";
  // a refusal may be taken back between the reading and its being written down
  if (checker.was(attempt.itemHash, "rejected")) return;
  const waiting = CORES.filter((one) => core.honest(one) && core.has(one, attempt.itemHash, (word) => !done(word)));
  checker.must(waiting.length === 0, "I8", () => `a third core node had no chance (${vm.vmId})`);
}

/** What stays held covers our own meter, which runs from the first byte that left. */
function checkShrunk(checker: Checker, account: SimAccount, memo: Memo, before: VmRecord, after: VmRecord): void {
  const [attempt] = after.attempts;
  const firstMs = account.restoredTimes > 0 ? undefined : memo.firstSend.get(attempt?.itemHash ?? "");
  const sentMs = firstMs ?? attempt?.firstSendMs ?? account.nowMs();
  const meter = creditsFor(after.rateAttoPerS, Math.max(0, account.nowMs() - sentMs) / S);
  const least = Math.min(heldNow(before), meter);
  checker.must(
    heldNow(after) >= least,
    "I7",
    () => `holds shrank to ${heldNow(after)}, meter ${meter} (${after.vmId})`,
  );
  if (!checker.calm) return;
  const closedMs = attempt?.closedAtMs ?? account.nowMs();
  const forgetMs = memo.firstForget.get(attempt?.itemHash ?? "");
  if (forgetMs !== undefined)
    checker.must(
      forgetMs - closedMs <= 100 * S,
      "I11",
      () => `first FORGET after ${forgetMs - closedMs} ms (${after.vmId})`,
    );
  checker.must(
    account.nowMs() - closedMs <= 900 * S,
    "I11",
    () => `ended ${account.nowMs() - closedMs} ms after it was closed`,
  );
}

export function extrasOf(account: SimAccount, vmId: string, kind?: string): number {
  let sum = 0;
  for (const extra of account.data.extras.values())
    if (extra.vmId === vmId && (kind === undefined || extra.kind === kind)) sum += extra.credits;
  return sum;
}

export function checkSettled(
  checker: Checker,
  account: SimAccount,
  memo: Memo,
  before: VmRecord,
  after: VmRecord,
): void {
  const { core, time } = checker;
  const waitedMs = account.nowMs() - (after.endedAtMs ?? 0);
  const awaited = after.state !== "TERMINATED" || waitedMs >= BILL_LAG_MS;
  checker.must(awaited, "I7", () => `settled ${waitedMs} ms after its end (${after.vmId})`);
  // read a moment before it was written down
  const readMs = time.nowMs - 15 * S;
  const published = after.attempts.reduce((sum, one) => sum + core.consumed(one.itemHash, readMs - core.booksLagMs), 0);
  const booked = heldNow(after) + extrasOf(account, after.vmId);
  checker.must(booked >= published, "I7", () => `booked ${booked}, the network took ${published} (${after.vmId})`);
  // a first send that a restore made the account forget shows only in the bill
  const [first] = after.attempts;
  const sentMs =
    account.restoredTimes > 0 ? (first?.firstSendMs ?? undefined) : memo.firstSend.get(first?.itemHash ?? "");
  const endedMs = after.endedAtMs ?? 0;
  const meter = sentMs === undefined ? 0 : creditsFor(after.rateAttoPerS, Math.max(0, endedMs - sentMs) / S);
  const least = after.state === "FAILED" ? 0 : Math.min(meter, heldNow(before));
  checker.must(booked >= least, "I7", () => `booked ${booked}, our meter says ${least} (${after.vmId})`);
  if (extrasOf(account, after.vmId, "overrun") === 0 || account.row.state === "frozen") return;
  // a revived create: what freezes is that two core nodes showed it alive
  if (after.state === "FAILED" || after.orphan !== undefined) return;
  // only what an unreachable network goes on billing may be called late
  const original = after.holds.reduce((sum, hold) => sum + hold.creditsOriginal, 0);
  const overS = Math.max(0, (endedMs - after.expiresAtMs) / S + 900 - GRACE_S);
  const bound = creditsFor(after.rateAttoPerS, overS) + Math.ceil(overS / 3_600);
  checker.must(booked - original <= bound, "I7", () => `an overrun without a freeze (${after.vmId})`);
}
