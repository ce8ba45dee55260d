/**
 * The charging service: at every full hour it reads how long each VM ran on each node and 13 minutes later the core
 * nodes learn of it, each with a lag of its own. Whole seconds are billed; a VM that runs on two nodes is billed twice.
 */
import type { BillLine } from "./core-port.ts";

export const WINDOW_MS = 3_600_000;
const PUBLISH_AFTER_MS = 13 * 60_000;

export type Bill = { readonly dueMs: number; readonly core: number; readonly lines: readonly BillLine[] };

export function nextWindowEndMs(nowMs: number): number {
  return (Math.floor(nowMs / WINDOW_MS) + 1) * WINDOW_MS;
}

/** A meter that measures wrongly: seconds are charged at so many percent, by message hash or `*`. */
export function misread(lines: readonly BillLine[], percent: Readonly<Record<string, number>>): readonly BillLine[] {
  const chargedOf = (hash: string): number => percent[hash] ?? percent["*"] ?? 100;
  return lines.map((line) => ({ ...line, seconds: (line.seconds * chargedOf(line.itemHash)) / 100 }));
}

/** One bill per core node, each after its own lag, for a window that ended at `endMs`; none if nothing ran. */
export function billsOf(lines: readonly BillLine[], endMs: number, lagsMs: readonly number[]): readonly Bill[] {
  if (lines.length === 0) return [];
  return lagsMs.map((lagMs, core) => ({ dueMs: endMs + PUBLISH_AFTER_MS + lagMs, core, lines }));
}
