/** Planted bugs of holds, bills and books. */
import { plant } from "./plant.ts";

export const MONEY = [
  plant(
    "no grace in the hold",
    "credits.ts",
    "return creditsFor(rateAttoPerS, ttlS + GRACE_S);",
    "return creditsFor(rateAttoPerS, ttlS);",
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
    "the bill of a revived create is not booked",
    "plan.ts",
    'vm.state === "TERMINATED" ? endedMs : quietSinceMs(vm);',
    'vm.state === "TERMINATED" ? endedMs : null;',
  ),
  plant(
    "a hold shrinks from its younger end",
    "settlement.ts",
    'return fill(vm.holds, Math.max(still, seenCredits), (hold) => hold.credits, "shrunk");',
    'return fill(vm.holds.toReversed(), Math.max(still, seenCredits), (hold) => hold.credits, "shrunk").toReversed();',
  ),
  plant(
    "a hold shrinks when its VM is closed, before it has ended",
    "record.ts",
    "const ends = isLive(before) && !isLive(after);",
    'const ends = isLive(before) && (!isLive(after) || (before.state !== "STOPPING" && after.state === "STOPPING"));',
    {
      file: "settlement.ts",
      from: "if (open.length === 0 || vm.endedAtMs === null) return vm.holds;",
      to: "if (open.length === 0) return vm.holds;",
    },
    {
      file: "settlement.ts",
      from: "stillHeld(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs),",
      to: "stillHeld(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs ?? vm.stateSinceMs),",
    },
  ),
  plant(
    "stale reservations are never freed",
    "settlement.ts",
    'if (vm.state === "FAILED") return vm.holds.map((hold) => ({ ...hold, credits: 0, state: "voided" as const }));',
    'if (vm.state === "FAILED") return vm.holds;',
  ),
  plant("freed money does not pay the deficit", "books.ts", "due = repay(balance)) {", "due = []) {"),
  plant(
    "an overrun is not booked",
    "record.ts",
    "bookExtra(moment.store, vm, extra, moment.nowMs);",
    'if (extra.kind !== "overrun") bookExtra(moment.store, vm, extra, moment.nowMs);',
  ),
  plant(
    "settled at once, before the bill is in",
    "credits.ts",
    "export const SETTLE_AFTER_MS = 3 * 3_600_000;",
    "export const SETTLE_AFTER_MS = 60_000;",
  ),
  plant(
    "a drift of the credit history is ignored",
    "charges.ts",
    "const found = judge(vm, perCore, postedCredits);",
    'const found = { says: "agrees" as const, historyCredits: postedCredits };',
  ),
  plant(
    "the credit history is booked on one core node's word",
    "charges.ts",
    'const atLeast = medianOrWorse(figures, "smaller");',
    "const atLeast = figures.length === 0 ? undefined : Math.max(...figures);",
  ),
];
