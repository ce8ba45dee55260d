/** Planted bugs of what the words of core nodes decide. */
import { plant } from "./plant.ts";

const REJECTED =
  'const now = round.said.filter((word) => word === "rejected").length >= 2;\n  return now && attempt.rejectedSinceMs !== null &&';

export const ATTEMPTS = [
  plant(
    "voided on silence",
    "lifecycle.ts",
    'if (vm.state === "SENT" && nowMs - attempt.firstSendMs >= UNKNOWN_AFTER_MS) return into(vm, "UNKNOWN", nowMs);',
    'if (vm.state === "SENT" && nowMs - attempt.firstSendMs >= UNKNOWN_AFTER_MS) return neverSent(vm, nowMs);',
  ),
  plant(
    "absent counts as rejected",
    "attempts.ts",
    REJECTED,
    'const now = round.said.filter((word) => word === "rejected" || word === "absent").length >= 2;\n  return now && (attempt.rejectedSinceMs ?? attempt.firstSendMs) !== null && attempt.rejectedSinceMs === null ||  now && attempt.rejectedSinceMs !== null &&',
  ),
  plant(
    "one core node's word rejects",
    "attempts.ts",
    REJECTED,
    'const now = round.said.filter((word) => word === "rejected").length >= 1;\n  return now || attempt.rejectedSinceMs !== null &&',
  ),
  plant("one core node's word ends a VM", "attempts.ts", "if (done === 3) return true;", "if (done >= 1) return true;"),
  plant(
    "one word says that others ended a VM",
    "attempts.ts",
    "goneSinceMs: goneCount(heard) >= 2 ?",
    "goneSinceMs: goneCount(heard) >= 1 ?",
    {
      file: "attempts.ts",
      from: "since >= TWICE_APART_MS && heardAt(attempt, nowMs, isGone) >= 2;",
      to: "since >= TWICE_APART_MS && heardAt(attempt, nowMs, isGone) >= 1;",
    },
  ),
  plant(
    "one word freezes",
    "attempts.ts",
    "if (heardAt(attempt, round.atMs, isAliveWord) >= 2) return",
    "if (heardAt(attempt, round.atMs, isAliveWord) >= 1) return",
    {
      file: "attempts.ts",
      from: "return heardAt(attempt, nowMs, isAliveWord) >= 2;",
      to: "return heardAt(attempt, nowMs, isAliveWord) >= 1;",
    },
    {
      file: "attempts.ts",
      from: "return attempt.views.filter((view) => isAliveWord(view?.says)).length >= 2 ?",
      to: "return attempt.views.filter((view) => isAliveWord(view?.says)).length >= 1 ?",
    },
  ),
  plant(
    "one core node's price kills",
    "lifecycle.ts",
    "if (above >= 2) return close({",
    "if (above >= 1) return close({",
  ),
  plant(
    "the third core node has no chance",
    "attempts.ts",
    "return done === 2 && attempt.twoDoneSinceMs !== null && nowMs - attempt.twoDoneSinceMs >= THIRD_HAD_ITS_CHANCE_MS;",
    "return done === 2;",
  ),
  plant(
    "every core node has a veto",
    "attempts.ts",
    "return done === 2 && attempt.twoDoneSinceMs !== null &&",
    "return done === 4 && attempt.twoDoneSinceMs !== null &&",
  ),
  plant(
    "the first core node has a veto",
    "attempts.ts",
    "return done === 2 && attempt.twoDoneSinceMs !== null &&",
    "return done === 2 && isDone(attempt.views[0]?.says) && attempt.twoDoneSinceMs !== null &&",
  ),
  plant(
    "REJECTED is not done",
    "attempts.ts",
    'const isDone = (word: CoreWord | null | undefined): boolean => isGone(word) || word === "rejected";',
    "const isDone = (word: CoreWord | null | undefined): boolean => isGone(word);",
  ),
  plant("a refused create that comes back freezes nobody", "record.ts", 'freeze(moment, "dormant_alive");', ""),
  plant("the TTL is forgotten", "lifecycle.ts", 'if (nowMs >= vm.expiresAtMs) return close(vm, "ttl", nowMs);', ""),
  plant(
    "the TTL counts three times",
    "lifecycle.ts",
    'if (nowMs >= vm.expiresAtMs) return close(vm, "ttl", nowMs);',
    'if (nowMs >= vm.expiresAtMs + 2 * (vm.expiresAtMs - vm.admittedAtMs)) return close(vm, "ttl", nowMs);',
  ),
  plant(
    "a second core node is sent other bytes",
    "effects.ts",
    "calls.publish(core, message)));",
    "calls.publish(core, core === 1 ? { ...message, item_hash: `${message.item_hash.slice(1)}0` } : message)));",
  ),
  plant(
    "no INSTANCE is sent while closed",
    "effects.ts",
    "if (tried.heard) await offer(tools, vm, message, lacking(said), isUnresolved);",
    "",
  ),
];
