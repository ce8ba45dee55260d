/** Planted bugs of the guard over the payer and of the comparison with the network's bill. */
import { plant } from "./plant.ts";

export const GUARD = [
  plant(
    "the line is not watched while VMs run",
    "payer-guard.ts",
    "compare(moment, vm, facts);\n  watch(moment, facts);",
    "compare(moment, vm, facts);",
  ),
  plant(
    "the oldest VM is stopped first",
    "payer-watch.ts",
    ".toSorted((a, b) => b.admittedAtMs - a.admittedAtMs);",
    ".toSorted((a, b) => a.admittedAtMs - b.admittedAtMs);",
  ),
  plant(
    "one reading stops a VM",
    "payer-watch.ts",
    "nowMs - belowSinceMs >= TWICE_APART_MS ? candidates",
    "nowMs - belowSinceMs >= 0 ? candidates",
  ),
  plant(
    "an owner who wants to be told only loses VMs",
    "payer-watch.ts",
    'rule === "stop_ours" && belowSinceMs !== null ?',
    "belowSinceMs !== null ?",
  ),
  plant(
    "more is stopped than must be",
    "payer-watch.ts",
    "if (isShort(sight, gone, nowMs).filter(Boolean).length < 2) break;",
    "",
  ),
  plant(
    "the owner's own burn is ignored",
    "payer.ts",
    "(ours.has(line.itemHash) ? sum : sum + line.rate)",
    "(ours.has(line.itemHash) || line.rate > 0n ? sum : sum + line.rate)",
  ),
  plant(
    "lots that run out are counted",
    "payer.ts",
    "return Math.max(0, reading.credits - gone);",
    "return Math.max(reading.credits, gone);",
  ),
  plant("what is held is not set aside", "payer.ts", "- sums.unbilled - oneDayCredits;", "- oneDayCredits;"),
  plant(
    "the new VM does not burn",
    "checks.ts",
    'part.burnAttoPerS + (ask.kind === "create" ? ask.rateAttoPerS : 0n),',
    "part.burnAttoPerS,",
  ),
  plant(
    "an overrun of a VM that runs is not booked",
    "payer-guard.ts",
    "bookExtra(moment.store, vm, overrun, moment.nowMs);",
    "",
  ),
  plant("an overrun does not freeze", "payer-guard.ts", 'freeze(moment, "overrun");', ""),
  plant("an overrun ends nothing", "payer-guard.ts", 'stop(moment, vm, "overrun");', ""),
  plant(
    "settlement books an overrun again",
    "record.ts",
    "settle(vm, billed, booked);",
    "settle(vm, billed, booked * 0);",
  ),
  plant(
    "an overrun grows and only its first part is booked",
    "bill.ts",
    "const books = beyond > 0 &&",
    "const books = beyond > 0 && before.bookedCredits === 0 &&",
  ),
];
