/**
 * A real account as one of the players of a simulated history: it crashes by being built anew over the same storage, sleeps,
 * is restored to an older storage, and has its alarm rung early, late, twice or not at all. It decides nothing itself.
 */
import type { AccountSetting } from "../../src/account/base.ts";
import type { Health } from "../../src/account/checks.ts";
import type { Moment } from "../../src/account/moment.ts";
import type { Kek } from "../../src/crypto/sealed.ts";
import { type Address, addressOf } from "../../src/crypto/secp256k1.ts";
import type { Answer } from "../../src/errors.ts";
import type { WatchReport } from "../../src/directory/watch.ts";
import type { SimAccount } from "../sim/account.ts";
import type { Caller } from "../sim/calls.ts";
import type { Payer } from "../sim/network.ts";
import type { Cancel } from "../sim/timeline.ts";
import type { World } from "../sim/world.ts";
import { HistoryObject, type Life } from "./object.ts";
import { Rows } from "./rows.ts";
import type { Planted } from "./play.ts";
import { type Copy, copyOf, putBack } from "./storage.ts";

const CONFIG = {
  origin: "https://real.example",
  network: "twin",
  unattendedRefused: false,
  unattended: false,
} as const;
const KEK: Kek = { version: 1, bytes: new Uint8Array(32).fill(7) };
const SLEEP_MAX_MS = 6 * 3_600_000;
/** Real alarms are armed so far ahead that only the history's own clock rings them. */
export const ALARM_SHIFT_MS = 100 * 366 * 86_400_000;

type Incarnation = Life & { running: number; ringing: boolean; rang: boolean; acknowledged: number };

export class RealAccount implements Omit<Pick<SimAccount, keyof SimAccount>, "data"> {
  readonly name: string;
  readonly data: Rows;
  readonly payer: Payer;
  readonly ownerKey = new Uint8Array(32).fill(101);
  readonly owner: Address = addressOf(this.ownerKey);
  readonly key = new Uint8Array(0);
  keyGone = false;
  asleepUntilMs = 0;
  restoredTimes = 0;
  alarmAtMs: number | null = null;
  /** When the platform was last told to ring; null: not at all. */
  armedMs: number | null = null;
  /** Counts whatever an incarnation does; while it grows, promises are still settling. */
  stirs = 0;
  private wasRestored = false;
  private clockOffsetMs = 0;
  private armedByOffsetMs = 0;
  private cancelAlarm: Cancel | null = null;
  private kept: Copy | null = null;
  private now: Incarnation;
  private object: HistoryObject;
  private readonly setting: AccountSetting;
  private readonly state: DurableObjectState;
  private readonly world: World;
  private readonly planted: Planted;

  constructor(world: World, state: DurableObjectState, name: string, planted: Planted) {
    this.world = world;
    this.state = state;
    this.name = name;
    this.planted = planted;
    this.data = new Rows(state.storage.sql);
    this.payer = { index: 0, delegated: true, credits: 5_000_000_000, hashes: [] };
    this.setting = this.settle();
    [this.now, this.object] = this.incarnate();
    void this.object.birth({ name, owner: this.owner });
  }

  private settle(): AccountSetting {
    const { time, dice, judge } = this.world;
    const keksNow = (): readonly Kek[] => (this.keyGone ? [] : [KEK]);
    const noNet = (): Promise<Response> => Promise.reject(new Error("a history has no network but its model"));
    return {
      ports: {
        clock: { nowMs: () => time.nowMs + this.clockOffsetMs, alarmAtMs: (dueMs) => this.armed(dueMs) },
        random: dice.random(),
        net: noNet,
        log: (event, facts) => judge.fail("I20", `${event} ${JSON.stringify(facts)}`),
      },
      network: { net: noNet, coreOrigins: ["", "", ""], crnListOrigin: "", schedulerOrigin: "" },
      config: CONFIG,
      get keks() {
        return keksNow();
      },
    };
  }

  private incarnate(): [Incarnation, HistoryObject] {
    const { wire, judge, seen } = this.world;
    const caller: Caller = {
      payer: this.payer,
      isAlive: () => life.alive,
      crash: () => life.alive && this.crash(),
      sends: (...message) => life.alive && judge.sends(this.asPlayer, ...message),
    };
    const life: Incarnation = {
      alive: true,
      running: 0,
      ringing: false,
      rang: false,
      acknowledged: 0,
      noting: (store) => {
        const noted = { ...store, ...this.data.noting(store) };
        return { ...noted, ...this.planted(noted) };
      },
      calls: wire.over(caller),
      readPayer: () => wire.readPayer(caller),
      nowMs: () => this.nowMs(),
      committed: () => {
        this.stirs++;
        judge.committed(this.asPlayer);
        const { restored } = this.data.row;
        if (restored && !this.wasRestored) seen.see("a restore");
        this.wasRestored = restored;
      },
      disarmed: () => this.disarm(),
      began: () => {
        this.stirs++;
        life.running++;
        this.world.time.stirred = true;
      },
      ended: (error) => {
        this.stirs++;
        life.running--;
        if (error !== null && life.alive) judge.fail("I20", `the drive threw ${String(error)}`);
      },
    };
    const report = (row: WatchReport): Promise<{ readonly commitSeqBefore: number }> => this.report(life, row);
    const env = { WATCH: { getByName: () => ({ report }) } };
    return [life, new HistoryObject(this.state, env, this.setting, life)];
  }

  /** As the histories' own players are typed; every member that they use is here. */
  get asPlayer(): SimAccount {
    return this as unknown as SimAccount;
  }

  get health(): Health {
    return this.object.healthNow;
  }

  get isRunning(): boolean {
    return this.now.running > 0;
  }

  get isAsleep(): boolean {
    return this.asleepUntilMs > this.world.time.nowMs;
  }

  get acknowledgedSeq(): number {
    return this.now.acknowledged;
  }

  get clockIsRight(): boolean {
    return this.clockOffsetMs === 0 && this.armedByOffsetMs === 0;
  }

  get row() {
    return this.data.row;
  }

  nowMs(): number {
    return Math.max(this.world.time.nowMs + this.clockOffsetMs, this.row.lastNowMs);
  }

  moment(): Moment {
    throw new Error("only the object opens moments");
  }

  private report(life: Incarnation, row: WatchReport): Promise<{ readonly commitSeqBefore: number }> {
    const before = this.world.watch.report(this.name, row.commitSeq, row.nextDueMs, () => this.wake());
    if (before === undefined) return Promise.reject(new Error("silent"));
    life.acknowledged = row.commitSeq;
    return Promise.resolve({ commitSeqBefore: before });
  }

  /** A call of an agent or the owner. Undefined: nobody answered, whether or not it was decided. */
  decide<T>(work: (moment: Moment) => Answer<T>): Answer<T> | undefined {
    if (this.isAsleep) return undefined;
    const { dice, core, time } = this.world;
    time.stirred = true;
    const decided = this.object.ask(time.nowMs + this.clockOffsetMs, work);
    if (dice.yes(core.faults.crashAtCommand)) {
      this.crash();
      return undefined;
    }
    if (dice.yes(core.faults.asleep)) {
      this.sleep(dice.below(SLEEP_MAX_MS));
      return undefined;
    }
    return decided;
  }

  private disarm(): void {
    this.cancelAlarm?.();
    this.cancelAlarm = null;
    this.alarmAtMs = null;
    this.armedMs = null;
  }

  /** The object arms its alarm: the history's clock rings it, the platform is given a time that never comes. */
  private armed(dueMs: number): number {
    this.ringAt(dueMs);
    this.armedMs = dueMs + ALARM_SHIFT_MS;
    return this.armedMs;
  }

  private ringAt(dueMs: number): void {
    const { dice, core, time } = this.world;
    this.cancelAlarm?.();
    this.armedByOffsetMs = this.clockOffsetMs;
    // the platform rings by the machine's own clock
    this.alarmAtMs = Math.max(dueMs - this.clockOffsetMs, time.nowMs);
    const lateMs = dice.yes(core.faults.alarmLate) ? dice.below(240_000) : 0;
    this.cancelAlarm = time.at(this.alarmAtMs + lateMs, () => this.ring());
  }

  private ring(): void {
    this.alarmAtMs = null;
    const { dice, core, time, seen, watch } = this.world;
    if (this.isAsleep) return this.ringAt(this.asleepUntilMs);
    // one of the two clocks fails at a time
    const known = (watch.dueOf(this.name) ?? Infinity) <= time.nowMs;
    if (known && dice.yes(core.faults.alarmLost)) return seen.see("an alarm is lost");
    if (dice.yes(core.faults.alarmTwice)) {
      seen.see("an alarm rings twice");
      time.after(1_000, () => this.wake());
    }
    void this.alarm();
  }

  /** One alarm at a time: what falls due while its handler runs rings again after it. */
  private async alarm(): Promise<void> {
    const self = this.now;
    if (self.ringing) {
      self.rang = true;
      return;
    }
    self.ringing = true;
    this.world.time.stirred = true;
    await this.object.alarm();
    self.ringing = false;
    if (self.rang && self.alive) this.ringAt(this.world.time.nowMs);
    self.rang = false;
  }

  wake(): void {
    if (this.isAsleep) return;
    this.world.time.stirred = true;
    void this.object.wake();
  }

  private replace(): void {
    this.now.alive = false;
    this.data.readAgain();
    [this.now, this.object] = this.incarnate();
  }

  /** What was in memory is gone; what was stored stays, its alarm included, which the platform rings again. */
  crash(): void {
    const { seen, time, dice } = this.world;
    seen.see("a crash");
    this.replace();
    if (this.alarmAtMs === null) this.ringAt(time.nowMs + dice.between(1, 60) * 1_000);
    this.listen();
  }

  /** The next call of anybody would ask Watch before it is decided; here the question comes first. */
  private listen(): void {
    this.world.time.stirred = true;
    void this.object.listen();
  }

  private sleep(forMs: number): void {
    this.replace();
    this.asleepUntilMs = this.world.time.nowMs + forMs;
  }

  /** A machine whose clock lags takes the object over; it catches up after a while. */
  clockBack(byMs: number, forMs: number): void {
    this.clockOffsetMs = -byMs;
    this.world.time.after(forMs, () => {
      this.clockOffsetMs = 0;
    });
  }

  remember(): void {
    if (this.world.core.faults.restore > 0) this.kept = copyOf(this.state.storage.sql);
  }

  /** Puts back what `remember` kept; false when there is nothing. */
  restore(): boolean {
    if (this.kept === null) return false;
    this.now.alive = false;
    putBack(this.state.storage, this.kept);
    this.kept = null;
    this.restoredTimes++;
    this.replace();
    this.ringAt(this.world.time.nowMs + 5_000);
    return true;
  }

  heal(): void {
    this.clockOffsetMs = 0;
    this.asleepUntilMs = 0;
    this.keyGone = false;
    this.payer.delegated = true;
    this.wake();
  }
}
