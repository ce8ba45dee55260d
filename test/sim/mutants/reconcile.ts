/** Planted bugs in what compares the ledger with the network's lists, and in what ends a restore. */
import type { Mutant } from "../mutants.ts";

export const RECONCILE_MUTANTS: readonly Mutant[] = [
  {
    name: "orphans are not looked for",
    file: "lists.ts",
    from: "for (const one of found.orphans) adoptOrphan(moment, one);",
    to: "",
  },
  {
    name: "what one core node alone shows is left alone",
    file: "lists.ts",
    from: "for (const one of found.strays) adoptStray(moment, one);",
    to: "",
  },
  {
    name: "one core node's list makes an orphan",
    file: "reconcile.ts",
    from: "lists.filter((list) => shows(list, hash)).length;",
    to: "2 * lists.filter((list) => shows(list, hash)).length;",
  },
  {
    name: "an orphan is killed before its time",
    file: "adoption.ts",
    from: "const expiresAtMs = diesAtMs(one);",
    to: "const expiresAtMs = nowMs;",
  },
  {
    name: "the lists are filtered by channel",
    file: "lists.ts",
    from: "calls.liveInstances(core, { owner, senders }),",
    to: 'calls.liveInstances(core, { owner, senders, channel: "ALLOWANCE" }),',
  },
  {
    name: "a restored account is unfrozen before it is compared",
    file: "restored.ts",
    from: "if (!account.restored || state.reconciledAtMs !== null) return null;",
    to: "if (!account.restored || state.readAtMs >= 0) return null;",
  },
  {
    name: "one reading is enough after a restore",
    file: "reconcile.ts",
    from: "const twice = nowMs - firstFullMs >= TWICE_APART_MS && !hunting;",
    to: "const twice = !hunting;",
  },
  {
    name: "one core node's list is enough after a restore",
    file: "reconcile.ts",
    from: "if (complete < 2) return { ...next, restoredAtMs };",
    to: "if (complete < 1) return { ...next, restoredAtMs };",
  },
];
