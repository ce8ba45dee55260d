/**
 * The network's own rule for those who cannot pay for a day: each core node walks a payer's machines every hour, oldest
 * first, sets a day of burn aside for each, and marks the first that does not fit and all newer ones; what is still
 * marked a day later is gone. Only what the chain has confirmed is looked at (credits.md §4.3).
 */
import { CORES, type Core, type CoreNetwork } from "./network.ts";
import type { Purse } from "./purse.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";

const HOUR_MS = 3_600_000;
const DAY_S = 86_400;
/** The chain confirms a message within about half an hour. */
const CONFIRMED_AFTER_MS = HOUR_MS / 2;

type Machine = {
  /** Credits per 1,000 s. */
  readonly rate: number;
  readonly sinceMs: number;
  readonly mark: (removing: boolean) => void;
  readonly end: () => void;
  readonly marked: boolean;
};

export class Removal {
  private readonly core: CoreNetwork;
  private readonly time: Timeline;
  private readonly seen: Sometimes;
  private readonly purse: Purse;
  private readonly hashes: readonly string[];
  private over = false;

  constructor(core: CoreNetwork, time: Timeline, seen: Sometimes, purse: Purse, hashes: readonly string[]) {
    this.core = core;
    this.time = time;
    this.seen = seen;
    this.purse = purse;
    this.hashes = hashes;
    this.time.after(HOUR_MS, () => this.hour(1));
  }

  stop(): void {
    this.over = true;
  }

  private hour(count: number): void {
    if (this.over) return;
    for (const core of CORES) this.walk(core, count % 24 === 0);
    this.time.after(HOUR_MS, () => this.hour(count + 1));
  }

  private walk(core: Core, collects: boolean): void {
    let left = this.purse.balanceAt(this.time.nowMs);
    for (const machine of this.machines(core)) {
      if (collects && machine.marked) {
        machine.end();
        continue;
      }
      const day = (machine.rate * DAY_S) / 1_000;
      const fits = left >= day;
      left = fits ? left - day : 0;
      if (!fits && !machine.marked) this.seen.see("the network removes for lack of credits");
      machine.mark(!fits);
    }
  }

  private machines(core: Core): readonly Machine[] {
    return [...this.theirs(core), ...this.ours(core)].toSorted((a, b) => a.sinceMs - b.sinceMs);
  }

  private theirs(core: Core): readonly Machine[] {
    const { nowMs } = this.time;
    return this.purse.running(nowMs).map((one) => ({
      rate: one.rate,
      sinceMs: one.fromMs,
      marked: one.removing[core],
      mark: (removing) => {
        one.removing[core] = removing;
      },
      end: () => {
        one.toMs = Math.min(one.toMs, nowMs);
      },
    }));
  }

  private ours(core: Core): readonly Machine[] {
    return this.hashes.flatMap((hash) => {
      const message = this.core.messages.get(hash);
      const word = message?.words[core];
      const sinceMs = message?.billedSinceMs ?? null;
      if (message === undefined || (word !== "processed" && word !== "removing")) return [];
      if (sinceMs === null || this.time.nowMs - sinceMs < CONFIRMED_AFTER_MS) return [];
      return {
        rate: message.frozen[core],
        sinceMs,
        marked: word === "removing",
        mark: (removing) => {
          const next = removing ? "removing" : "processed";
          if (next !== word) this.core.set(message, core, next);
        },
        end: () => this.core.set(message, core, "removed"),
      };
    });
  }
}
