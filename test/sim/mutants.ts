/**
 * Planted bugs: real edits of real rules, put in by name as the file is loaded. Each has to be found by the histories; one
 * that is not shows a blind spot of the checker or of the world.
 */
import { FAILOVER_MUTANTS } from "./mutants/failover.ts";
import { RECONCILE_MUTANTS } from "./mutants/reconcile.ts";
import { LEAVE } from "./mutants/leave.ts";
import { GUARD } from "./mutants/guard.ts";

export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
};

const plant = (name: string, file: string, from: string, to: string): Mutant => ({ name, file, from, to });

export const MUTANTS: readonly Mutant[] = [
  ...FAILOVER_MUTANTS,
  plant(
    "windows by the calendar",
    "policy.ts",
    "const since = nowMs - seconds * 1_000;\n  return usage",
    "const since = nowMs - (nowMs % (seconds * 1_000));\n  return usage",
  ),
  plant(
    "the windows are not looked at",
    "policy.ts",
    "if (credits <= left) continue;",
    "if (credits <= Infinity) continue;",
  ),
  plant("live VMs are counted one short", "policy.ts", "alive + more > max ?", "alive > max ?"),
  plant(
    "an expired VM is not counted as live",
    "books.ts",
    "const live = store.loadLive();",
    "const live = store.loadLive().filter((vm) => vm.expiresAtMs > nowMs);",
  ),
  plant(
    "a stopping VM is not counted as live",
    "books.ts",
    "const live = store.loadLive();",
    'const live = store.loadLive().filter((vm) => vm.state !== "STOPPING");',
  ),
  plant(
    "creates per minute are not counted",
    "policy.ts",
    "if (times.length < max) return null;",
    "if (times.length < Infinity) return null;",
  ),
  plant(
    "voided on silence",
    "lifecycle.ts",
    'if (vm.state === "SENT" && nowMs - attempt.firstSendMs >= UNKNOWN_AFTER_MS) return into(vm, "UNKNOWN", nowMs);',
    'if (vm.state === "SENT" && nowMs - attempt.firstSendMs >= UNKNOWN_AFTER_MS) return neverSent(vm, nowMs);',
  ),
  plant(
    "absent counts as rejected",
    "attempts.ts",
    'const now = round.said.filter((word) => word === "rejected").length >= 2;\n  return now && attempt.rejectedSinceMs !== null &&',
    'const now = round.said.filter((word) => word === "rejected" || word === "absent").length >= 2;\n  return now && (attempt.rejectedSinceMs ?? attempt.firstSendMs) !== null && attempt.rejectedSinceMs === null ||  now && attempt.rejectedSinceMs !== null &&',
  ),
  plant(
    "undercharged: the bill is ignored",
    "settlement.ts",
    "const due = Math.max(billed, Math.min(meter, shrunk));",
    "const due = Math.min(meter, shrunk, 100);",
  ),
  plant(
    "the meter starts when it is seen alive",
    "settlement.ts",
    "stillHeld(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs),",
    "stillHeld(vm.rateAttoPerS, vm.stateSinceMs, vm.endedAtMs),",
  ),
  plant(
    "no grace in the hold",
    "credits.ts",
    "return creditsFor(rateAttoPerS, ttlS + GRACE_S);",
    "return creditsFor(rateAttoPerS, ttlS);",
  ),
  plant(
    "teardown gives up after five tries",
    "plan.ts",
    'draft.add("end", hash, (tries) => backoff(tries, 5 * S, 300 * S), waits',
    'draft.add("end", hash, (tries) => (tries > 5 ? 1e12 : backoff(tries, 5 * S, 300 * S)), waits',
  ),
  plant(
    "the TTL counts three times",
    "lifecycle.ts",
    'if (nowMs >= vm.expiresAtMs) return close(vm, "ttl", nowMs);',
    'if (nowMs >= vm.expiresAtMs + 2 * (vm.expiresAtMs - vm.admittedAtMs)) return close(vm, "ttl", nowMs);',
  ),
  plant("the TTL is forgotten", "lifecycle.ts", 'if (nowMs >= vm.expiresAtMs) return close(vm, "ttl", nowMs);', ""),
  plant("no alarm after a drive", "drive.ts", "this.host.arm(this.nextDueMs());", "this.host.arm(null);"),
  plant(
    "nothing is watched after a rejection",
    "plan.ts",
    "return (attempt.dormant || unfinished) &&",
    "return unfinished &&",
  ),
  plant(
    "only what said alive is pushed after the end",
    "plan.ts",
    "return (attempt.dormant || unfinished) &&",
    "return attempt.dormant &&",
  ),
  plant(
    "a FORGET refused by one is never replaced there",
    "attempts.ts",
    "return signed.find((forget) => !forget.spent[core]) ??",
    "return signed[0] ??",
  ),
  plant("one FORGET is signed", "birth.ts", "export const FORGETS_AT_BIRTH = 4;", "export const FORGETS_AT_BIRTH = 1;"),
  plant(
    "a restored account admits",
    "checks.ts",
    'if (account.restored) return refusal("account.restored", {}, 60);',
    "",
  ),
  plant("one core node's word ends a VM", "attempts.ts", "if (done === 3) return true;", "if (done >= 1) return true;"),
  plant(
    "the third core node has no chance",
    "attempts.ts",
    "nowMs - attempt.twoDoneSinceMs >= THIRD_HAD_ITS_CHANCE_MS;",
    "nowMs - attempt.twoDoneSinceMs >= 0 && doneCount(attempt) > 5;",
  ),
  plant(
    "one core node's word rejects",
    "attempts.ts",
    'const now = round.said.filter((word) => word === "rejected").length >= 2;\n  return now && attempt.rejectedSinceMs !== null &&',
    'const now = round.said.filter((word) => word === "rejected").length >= 1;\n  return now || attempt.rejectedSinceMs !== null &&',
  ),
  plant(
    "one core node's price kills",
    "lifecycle.ts",
    "if (above >= 2) return close({",
    "if (above >= 1) return close({",
  ),
  plant(
    "a freeze kills",
    "owner-desk.ts",
    'freeze(moment, "owner");\n  voidUnsent(moment, null);',
    'freeze(moment, "owner");\n  closeAll(moment, "stopped", null);',
  ),
  plant(
    "frozen accounts admit",
    "checks.ts",
    'if (account.state === "frozen") return',
    'if (account.state === "frozen" && moment.nowMs < 0) return',
  ),
  plant(
    "no INSTANCE is sent while closed",
    "effects.ts",
    'await Promise.all(CORES.filter((core) => said[core] === "absent").map((core) => tools.calls.publish(core, message)));\n  const undone',
    "const undone",
  ),
  plant("an approval is not used up", "permit.ts", 'moment.store.saveApproval({ ...ask.given, state: "used" });', ""),
  plant("approval is never asked for", "permit.ts", "if (reason === null) {", "if (reason !== undefined) {"),
  plant("a quote is not burnt", "admission.ts", "moment.store.burnQuote(quote.quoteId, burnt);", ""),
  plant(
    "a wider policy needs no signature",
    "owner-desk.ts",
    "const mustSign = unfreeze !== null || isWider(now, ask.draft);",
    "const mustSign = unfreeze !== null;",
  ),
  plant(
    "sent before Watch knows",
    "drive.ts",
    "if (await this.host.report(this.nextDueMs())) for",
    "await this.host.report(this.nextDueMs());\n      if (claimed.length >= 0) for",
  ),
  plant(
    "a hold changes untold",
    "books.ts",
    'audit(store, atMs, "hold.changed", { holdId, vmId, state, credits });',
    "",
  ),
  plant("an agent's freeze is untold", "recorded.ts", "store.saveGrant(grant);", "return store.saveGrant(grant);"),
  plant("freed money does not pay the deficit", "books.ts", "due = repay(balance)) {", "due = []) {"),
  plant(
    "the bill of a revived create is not booked",
    "plan.ts",
    'vm.state === "TERMINATED" ? endedMs : quietSinceMs(vm);',
    'vm.state === "TERMINATED" ? endedMs : null;',
  ),
  ...RECONCILE_MUTANTS,
  ...[...LEAVE, ...GUARD].flatMap(({ name, edits }) => edits.map((edit) => plant(name, edit.file, edit.from, edit.to))),
];
