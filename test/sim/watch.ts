/** A model of `Watch`: remembers how far each account has come and when it is due, may be silent, and wakes the overdue. */
import type { Dice } from "./dice.ts";
import type { CoreNetwork } from "./network.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Cancel, Timeline } from "./timeline.ts";

const OVERDUE_MS = 300_000;

type Row = { seq: number; dueMs: number | null; sweep: { readonly atMs: number; readonly cancel: Cancel } | null };

export class WatchModel {
  private readonly rows = new Map<string, Row>();
  private readonly dice: Dice;
  private readonly time: Timeline;
  private readonly core: CoreNetwork;
  private readonly seen: Sometimes;

  constructor(dice: Dice, time: Timeline, core: CoreNetwork, seen: Sometimes) {
    this.dice = dice;
    this.time = time;
    this.core = core;
    this.seen = seen;
  }

  seqOf(name: string): number {
    return this.rows.get(name)?.seq ?? 0;
  }

  dueOf(name: string): number | null {
    return this.rows.get(name)?.dueMs ?? null;
  }

  /** The largest commit heard of before; undefined: silence. */
  report(name: string, seq: number, dueMs: number | null, wake: () => void): number | undefined {
    if (this.dice.yes(this.core.faults.watchSilent)) {
      this.seen.see("Watch is silent");
      // the word may have been heard all the same
      if (this.dice.yes(0.5)) return undefined;
      this.keep(name, seq, dueMs, wake);
      return undefined;
    }
    return this.keep(name, seq, dueMs, wake);
  }

  private keep(name: string, seq: number, dueMs: number | null, wake: () => void): number {
    const row: Row = this.rows.get(name) ?? { seq: 0, dueMs: null, sweep: null };
    const before = row.seq;
    row.seq = Math.max(before, seq);
    row.dueMs = dueMs;
    this.rows.set(name, row);
    this.plan(row, wake);
    return before;
  }

  private plan(row: Row, wake: () => void): void {
    if (row.dueMs === null) return;
    const atMs = Math.max(row.dueMs + OVERDUE_MS, this.time.nowMs + 1);
    if (row.sweep !== null && row.sweep.atMs <= atMs) return;
    row.sweep?.cancel();
    const cancel = this.time.at(atMs, () => this.sweep(row, wake));
    row.sweep = { atMs, cancel };
  }

  private sweep(row: Row, wake: () => void): void {
    row.sweep = null;
    if (row.dueMs === null) return;
    if (this.time.nowMs - row.dueMs < OVERDUE_MS) return this.plan(row, wake);
    this.seen.see("the second clock wakes an account");
    wake();
    // still overdue in five minutes: woken again
    row.sweep = {
      atMs: this.time.nowMs + OVERDUE_MS,
      cancel: this.time.after(OVERDUE_MS, () => this.sweep(row, wake)),
    };
  }
}
