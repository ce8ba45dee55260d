/** The rows of history in memory: runs of equal calls and the ring of reads. Pages are for owners; nobody asks here. */
import type { CallRun } from "../../src/account/call-log.ts";
import type { Store } from "../../src/account/store.ts";
import type { Memory } from "./memory.ts";

export function historyRows(memory: Memory): Partial<Store> {
  const runs = memory.table<CallRun>();
  const reads = memory.table<{ readonly number: number; readonly facts: unknown }>();
  const key = (...parts: readonly string[]): string => parts.join(" ");
  let count = 0;
  return {
    // every account here is born under the present schema
    isCarrying: () => false,
    endCarrying: () => undefined,
    keepRead({ facts }, rows) {
      reads.set(String(count % rows), { number: count, facts });
      count++;
    },
    loadRun: (grantId, tool, outcome) => runs.get(key(grantId, tool, outcome)),
    runsUntil: (sinceMs, limit) => [...runs.values()].filter((run) => run.sinceMs <= sinceMs).slice(0, limit),
    saveRun: (run) => runs.set(key(run.grantId, run.tool, run.outcome), run),
    deleteRun: (run) => runs.delete(key(run.grantId, run.tool, run.outcome)),
    readsAfter: () => [],
    chainAfter: () => [],
    entriesAfter: () => [],
  };
}
