/** Planted bugs of the undoing: FORGETs, teardown, and the watch after the end. */
import { plant } from "./plant.ts";

export const FORGETS = [
  plant("one FORGET is signed", "birth.ts", "export const FORGETS_AT_BIRTH = 4;", "export const FORGETS_AT_BIRTH = 1;"),
  plant(
    "no new FORGETs after the first four",
    "plan.ts",
    "if (unspentForgets(vm.forgets, hash) < 2)",
    "if (unspentForgets(vm.forgets, hash) < -1)",
  ),
  plant(
    "a FORGET refused by one is never replaced there",
    "attempts.ts",
    "const unspent = signed.filter((forget) => !forget.spent[core]);",
    "const unspent = signed.slice(0, 1);",
  ),
  plant("the last FORGET is used up as well", "effects.ts", "refused.slice(0, -1)", "refused"),
  plant(
    "a FORGET refused by one is given up everywhere",
    "lifecycle.ts",
    "spent: forget.spent.map((was, index) => was || index === core) as never",
    "spent: forget.spent.map((was, index) => was || index === core || core >= 0) as never",
  ),
  plant(
    "teardown gives up after five tries",
    "plan.ts",
    'draft.add("end", hash, (tries) => backoff(tries, 5 * S, 300 * S), Math',
    'draft.add("end", hash, (tries) => (tries > 5 ? 1e12 : backoff(tries, 5 * S, 300 * S)), Math',
  ),
  plant(
    "nothing is watched after a rejection",
    "plan.ts",
    "return (attempt.dormant || unfinished) &&",
    "return unfinished &&",
  ),
  plant(
    "nothing is pushed after the end",
    "plan.ts",
    "if (!needsPush(one, endedMs, nowMs)) continue;",
    "if (needsPush(one, endedMs, nowMs) || nowMs > 0) continue;",
  ),
  plant(
    "what has ended is looked at every six hours",
    "plan.ts",
    "const PUSH_EVERY_MS = 300 * S;",
    "const PUSH_EVERY_MS = 21_600 * S;",
  ),
];
