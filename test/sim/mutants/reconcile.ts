/** Planted bugs in what compares the ledger with the network's lists, and in what ends a restore. */
import { type Mutant, plant } from "./plant.ts";

export const RECONCILE: readonly Mutant[] = [
  plant(
    "orphans are not looked for",
    "lists.ts",
    "for (const one of found.orphans) adoptOrphan(moment, one, keptFor(kept, one));",
    "",
  ),
  plant(
    "what is over is not looked for in the lists",
    "reconcile.ts",
    "if (standing.revivable) return 5 * MINUTE_MS;",
    "",
  ),
  plant(
    "what one core node alone shows is left alone",
    "lists.ts",
    "for (const one of found.strays) adoptStray(moment, one, keptFor(kept, one));",
    "",
  ),
  plant(
    "the audit is not told what a restore made doubtful",
    "restored.ts",
    'moment.audit("vm.unknown", { vmId: vm.vmId, reason: vm.endReason });',
    "",
  ),
  plant(
    "one core node's list makes an orphan",
    "reconcile.ts",
    "lists.filter((list) => shows(list, hash)).length;",
    "2 * lists.filter((list) => shows(list, hash)).length;",
  ),
  plant(
    "an orphan is killed before its time",
    "adoption.ts",
    "const expiresAtMs = diesAtMs(one, boundOf(moment));",
    "const expiresAtMs = nowMs;",
  ),
  plant(
    "an orphan outlives its owner's leaving",
    "adoption.ts",
    "return store.loadLeaving() !== null || changed;",
    "return changed;",
  ),
  plant(
    "the lists are filtered by channel",
    "lists.ts",
    "calls.liveInstances(core, { owner, senders }),",
    'calls.liveInstances(core, { owner, senders, channel: "ALLOWANCE" }),',
  ),
  plant(
    "a restored account is unfrozen before it is compared",
    "restored.ts",
    "if (!account.restored || state.reconciledAtMs !== null) return null;",
    "if (!account.restored || state.readAtMs >= 0) return null;",
  ),
  plant(
    "one reading is enough after a restore",
    "reconcile.ts",
    "const twice = nowMs - firstFullMs >= TWICE_APART_MS && !hunting;",
    "const twice = !hunting;",
  ),
  plant(
    "one core node's list is enough after a restore",
    "reconcile.ts",
    "if (complete < 2) return { ...next, restoredAtMs };",
    "if (complete < 1) return { ...next, restoredAtMs };",
  ),
];
