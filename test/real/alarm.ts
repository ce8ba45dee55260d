/**
 * The platform's alarm of one real account: rung by the history's clock, early, late, twice or not at all. The platform
 * itself is given a time that never comes.
 */
import type { Cancel } from "../sim/timeline.ts";
import type { World } from "../sim/world.ts";

/** Real alarms are armed so far ahead that only the history's own clock rings them. */
export const ALARM_SHIFT_MS = 100 * 366 * 86_400_000;

/** Whose alarm it is. */
export type Sleeper = {
  readonly name: string;
  readonly isAsleep: boolean;
  readonly asleepUntilMs: number;
  readonly wake: () => void;
  readonly rung: () => void;
};

export class Alarm {
  /** When the history's clock rings. */
  atMs: number | null = null;
  /** When the platform was last told to ring; null: not at all. */
  armedMs: number | null = null;
  /** How far the machine's clock is from the true one, and how far it was when the alarm was set. */
  offsetMs = 0;
  private armedByOffsetMs = 0;
  private cancel: Cancel | null = null;
  private readonly world: World;
  private readonly sleeper: Sleeper;

  constructor(world: World, sleeper: Sleeper) {
    this.world = world;
    this.sleeper = sleeper;
  }

  get clockIsRight(): boolean {
    return this.offsetMs === 0 && this.armedByOffsetMs === 0;
  }

  disarm(): void {
    this.cancel?.();
    this.cancel = null;
    this.atMs = null;
    this.armedMs = null;
  }

  /** The object arms it: what the platform is to be told. */
  arm(dueMs: number): number {
    this.ringAt(dueMs);
    this.armedMs = dueMs + ALARM_SHIFT_MS;
    return this.armedMs;
  }

  ringAt(dueMs: number): void {
    const { dice, core, time } = this.world;
    this.cancel?.();
    this.armedByOffsetMs = this.offsetMs;
    // the platform rings by the machine's own clock
    this.atMs = Math.max(dueMs - this.offsetMs, time.nowMs);
    const lateMs = dice.yes(core.faults.alarmLate) ? dice.below(240_000) : 0;
    this.cancel = time.at(this.atMs + lateMs, () => this.ring());
  }

  private ring(): void {
    this.atMs = null;
    const { sleeper } = this;
    const { dice, core, time, seen, watch } = this.world;
    if (sleeper.isAsleep) return this.ringAt(sleeper.asleepUntilMs);
    // one of the two clocks fails at a time
    const known = (watch.dueOf(sleeper.name) ?? Infinity) <= time.nowMs;
    if (known && dice.yes(core.faults.alarmLost)) return seen.see("an alarm is lost");
    if (dice.yes(core.faults.alarmTwice)) {
      seen.see("an alarm rings twice");
      time.after(1_000, () => sleeper.wake());
    }
    sleeper.rung();
  }
}
