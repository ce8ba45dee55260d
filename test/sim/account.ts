/**
 * One account under simulation: the real rules and the real drive over memory, on a virtual clock, in incarnations that
 * may crash, sleep, be restored, or lose their alarm. It does what the object's shell does and decides nothing itself.
 */
import { type Answer, refuse } from "../../src/errors.ts";
import { Drive, type DriveHost } from "../../src/account/drive.ts";
import { Moment } from "../../src/account/moment.ts";
import { noteRestored } from "../../src/account/restored.ts";
import type { Health } from "../../src/account/checks.ts";
import { toHex } from "../../src/crypto/bytes.ts";
import { type Address, addressOf } from "../../src/crypto/secp256k1.ts";
import type { Random } from "../../src/ports.ts";
import type { Caller } from "./calls.ts";
import { MemoryStore } from "./memory-store.ts";
import type { Payer } from "./network.ts";
import { drawPurse } from "./purse.ts";
import type { Cancel } from "./timeline.ts";
import { toolsOf } from "./tools.ts";
import type { Incarnation, World } from "./world.ts";

const CONFIG = {
  origin: "https://sim.example",
  network: "twin",
  unattendedRefused: false,
  unattended: false,
  paused: false,
} as const;
const CLOCK_SLACK_MS = 120_000;
const SLEEP_MAX_MS = 6 * 3_600_000;

export class SimAccount {
  readonly name: string;
  readonly data = new MemoryStore();
  readonly payer: Payer;
  readonly key: Uint8Array;
  readonly owner: Address;
  readonly ownerKey: Uint8Array;
  keyGone = false;
  asleepUntilMs = 0;
  restoredTimes = 0;
  restoredAtMs = 0;
  alarmAtMs: number | null = null;
  private clockOffsetMs = 0;
  private armedByOffsetMs = 0;
  private cancelAlarm: Cancel | null = null;
  private now: Incarnation;
  private wokenSeq = 0;
  private looked: Moment | undefined;
  private lookedAsHeard = false;
  private snapshot: ReturnType<MemoryStore["memory"]["snapshot"]> | null = null;
  private readonly world: World;
  private readonly random: Random;

  constructor(world: World, index: number) {
    this.world = world;
    this.name = `acc${index}`;
    this.random = world.dice.random();
    this.key = new Uint8Array(32).fill(index + 1);
    const list = { timeS: 0, letsIn: [addressOf(this.key)] };
    const hashes: string[] = [];
    const lists: Payer["lists"] = [list, list, list];
    this.payer = { index, delegated: true, silentUntilMs: 0, purse: drawPurse(world, hashes), hashes, lists };
    this.ownerKey = new Uint8Array(32).fill(index + 101);
    this.owner = addressOf(this.ownerKey);
    this.data.memory.transaction(() => {
      const { store } = this.data;
      const born = { name: this.name, objectId: toHex(this.key), agentAddress: addressOf(this.key) };
      store.insertAccount({ ...born, owner: this.owner, bornAtMs: world.time.nowMs });
      this.keep(this.key);
    });
    this.now = this.incarnate();
  }

  /** A key of this account, sealed in its storage: what a restore takes back is gone. */
  keep(secret: Uint8Array): Address {
    const address = addressOf(secret);
    const sealed = { kekVersion: 1, iv: new Uint8Array(), ciphertext: secret };
    this.data.store.saveKey({ address, ...sealed }, this.world.time.nowMs);
    return address;
  }

  keyOf(address: string): Uint8Array | undefined {
    const lost = this.keyGone && address === addressOf(this.key);
    return lost ? undefined : this.data.store.loadKey(address)?.ciphertext;
  }

  get health(): Health {
    return { watchHeard: this.now.heard, schemaKnown: true };
  }

  get isRunning(): boolean {
    return this.now.running > 0;
  }

  get isAsleep(): boolean {
    return this.asleepUntilMs > this.world.time.nowMs;
  }

  /** The latest commit of which `Watch` has told this account that it knows. */
  get acknowledgedSeq(): number {
    return this.now.heard ? this.now.acknowledgedSeq : 0;
  }

  get clockIsRight(): boolean {
    return this.clockOffsetMs === 0 && this.armedByOffsetMs === 0;
  }

  get row() {
    const row = this.data.accounts.get("one");
    if (row === undefined) throw new Error("unborn");
    return row;
  }

  nowMs(): number {
    return Math.max(this.world.time.nowMs + this.clockOffsetMs, this.row.lastNowMs);
  }

  private incarnate(): Incarnation {
    this.wokenSeq = this.row.wokenSeq ?? this.row.commitSeq;
    const drive = new Drive(this.host(() => self));
    const unheard = { heard: false, acknowledgedSeq: 0, acknowledgedDueMs: null };
    const self: Incarnation = { alive: true, drive, ...unheard, running: 0, ringing: false, rang: false };
    return self;
  }

  private host(self: () => Incarnation): DriveHost {
    const caller: Caller = {
      payer: this.payer,
      owner: this.owner,
      isAlive: () => self().alive,
      crash: () => self().alive && this.crash(),
      lists: (core) => self().alive && this.world.judge.lists(this, core),
      sends: (...message) => self().alive && this.world.judge.sends(this, ...message),
    };
    const lines = { calls: this.world.wire.over(caller), nodes: this.world.wire.nodesFor(caller) };
    return {
      commit: (work) => {
        if (!self().alive) throw new Error("this incarnation is gone");
        return this.commit(this.nowMs(), work);
      },
      read: (work) => work(this.look()),
      tools: (signers) => toolsOf(this, lines, this.random, signers),
      readPayer: async (_owner, agent) => {
        const facts = await this.world.wire.readPayer(caller, agent);
        this.world.judge.payerRead(this, facts, () => self().alive);
        return facts;
      },
      report: (dueMs) => this.report(self(), dueMs),
      hear: () => this.hear(self()),
      arm: (dueMs) => self().alive && this.arm(dueMs),
      changed: () => undefined,
      reached: () => undefined,
      log: (event, facts) => self().alive && this.world.judge.fail("I20", `${event} ${JSON.stringify(facts)}`),
    };
  }

  moment(nowMs: number): Moment {
    return new Moment(this.data.store, nowMs, CONFIG, this.random, this.health);
  }

  /** A moment that only looks is good for as long as its time is, and what woke with it. */
  private look(): Moment {
    const nowMs = this.nowMs();
    const { heard } = this.now;
    if (this.looked?.nowMs !== nowMs || this.lookedAsHeard !== heard) this.looked = this.moment(nowMs);
    this.lookedAsHeard = heard;
    return this.looked;
  }

  private count(lastNowMs: number): void {
    this.data.store.countCommit(lastNowMs, this.now.heard ? null : this.wokenSeq);
  }

  private commit<T>(nowMs: number, work: (moment: Moment) => T): T {
    const result = this.data.memory.transaction(() => {
      const moment = this.moment(nowMs);
      const done = work(moment);
      if (moment.touched) this.count(0);
      return done;
    });
    this.world.judge.committed(this);
    return result;
  }

  /** A call of an agent or the owner. Undefined: nobody answered, whether or not it was decided. */
  decide<T>(work: (moment: Moment) => Answer<T>): Answer<T> | undefined {
    if (this.isAsleep) return undefined;
    const { dice, core } = this.world;
    if (!this.now.heard) this.reportNow(this.now, this.now.drive.nextDueMs());
    const own = this.world.time.nowMs + this.clockOffsetMs;
    if (this.row.lastNowMs - own > CLOCK_SLACK_MS) return refuse("account.clock");
    const nowMs = this.nowMs();
    const decided = this.data.memory.transaction(() => {
      const moment = this.moment(nowMs);
      const answer = work(moment);
      if (answer.ok || moment.touched) this.count(nowMs);
      return answer;
    });
    this.world.judge.committed(this);
    this.arm(this.now.drive.nextDueMs());
    if (dice.yes(core.faults.crashAtCommand)) {
      this.crash();
      return undefined;
    }
    if (dice.yes(core.faults.asleep)) {
      this.sleep(dice.below(SLEEP_MAX_MS));
      return undefined;
    }
    this.drive();
    return decided;
  }

  private drive(then: () => void = () => undefined): void {
    const incarnation = this.now;
    incarnation.running++;
    this.world.time.stirred = true;
    void incarnation.drive.run().then(
      () => {
        incarnation.running--;
        then();
      },
      (error: unknown) => incarnation.alive && this.world.judge.fail("I20", `the drive threw ${String(error)}`),
    );
  }

  private report(self: Incarnation, dueMs: number | null): Promise<boolean> {
    if (!self.alive) return new Promise(() => undefined);
    return Promise.resolve(this.reportNow(self, dueMs));
  }

  private hear(self: Incarnation): Promise<void> {
    if (!self.alive) return new Promise(() => undefined);
    if (!self.heard) this.reportNow(self, self.drive.nextDueMs());
    return Promise.resolve();
  }

  private reportNow(self: Incarnation, dueMs: number | null): boolean {
    const first = !self.heard;
    const commitSeq = first ? this.wokenSeq : this.row.commitSeq;
    if (!first && self.acknowledgedSeq === commitSeq && self.acknowledgedDueMs === dueMs) return true;
    const before = this.world.watch.report(this.name, commitSeq, dueMs, () => this.wake());
    if (before === undefined) {
      this.arm(this.world.time.nowMs + 5_000);
      return false;
    }
    self.acknowledgedSeq = commitSeq;
    self.acknowledgedDueMs = dueMs;
    if (!first) return true;
    self.heard = true;
    if (before > this.wokenSeq) this.noticeRestore(before);
    else if (this.row.wokenSeq !== null) this.count(0);
    return this.reportNow(self, dueMs);
  }

  private noticeRestore(seen: number): void {
    this.world.seen.see("a restore");
    this.world.judge.restored(this);
    this.commit(this.nowMs(), (moment) => noteRestored(moment, seen));
  }

  private arm(dueMs: number | null): void {
    this.cancelAlarm?.();
    this.armedByOffsetMs = this.clockOffsetMs;
    // the platform rings by the machine's own clock
    this.alarmAtMs = dueMs === null ? null : Math.max(dueMs - this.clockOffsetMs, this.world.time.nowMs);
    if (this.alarmAtMs === null) return;
    const { dice, core, time } = this.world;
    const lateMs = dice.yes(core.faults.alarmLate) ? dice.below(240_000) : 0;
    this.cancelAlarm = time.at(this.alarmAtMs + lateMs, () => this.ring());
  }

  private ring(): void {
    this.alarmAtMs = null;
    const { dice, core, time, seen, watch } = this.world;
    if (this.isAsleep) return this.arm(this.asleepUntilMs);
    // one of the two clocks fails at a time
    const known = (watch.dueOf(this.name) ?? Infinity) <= time.nowMs;
    if (known && dice.yes(core.faults.alarmLost)) return seen.see("an alarm is lost");
    if (dice.yes(core.faults.alarmTwice)) {
      seen.see("an alarm rings twice");
      time.after(1_000, () => this.wake());
    }
    this.alarm();
  }

  /** One alarm at a time: what falls due while its handler runs rings again after it. */
  private alarm(): void {
    const self = this.now;
    if (self.ringing) {
      self.rang = true;
      return;
    }
    self.ringing = true;
    this.drive(() => {
      self.ringing = false;
      if (self.rang) this.arm(this.world.time.nowMs);
      self.rang = false;
    });
  }

  wake(): void {
    if (!this.isAsleep) this.drive();
  }

  /** What was in memory is gone; what was stored stays. */
  private replace(): void {
    this.now.alive = false;
    this.now = this.incarnate();
    this.world.judge.forgot(this);
  }

  /** The alarm stays as well, and the platform rings it again. */
  crash(): void {
    this.world.seen.see("a crash");
    this.replace();
    if (this.alarmAtMs === null) this.arm(this.world.time.nowMs + this.world.dice.between(1, 60) * 1_000);
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

  /** A copy of everything is made only where something may ask for it. */
  remember(always = false): void {
    if (always || this.world.core.faults.restore > 0) this.snapshot = this.data.memory.snapshot();
  }

  /** Puts back what `remember` kept; false when there is nothing. */
  restore(): boolean {
    if (this.snapshot === null) return false;
    this.now.alive = false;
    this.data.memory.restore(this.snapshot);
    this.data.takeChanged();
    this.snapshot = null;
    this.restoredTimes++;
    this.restoredAtMs = this.world.time.nowMs;
    this.now = this.incarnate();
    this.world.judge.putBack(this);
    this.arm(this.world.time.nowMs + 5_000);
    return true;
  }

  heal(): void {
    this.clockOffsetMs = 0;
    this.asleepUntilMs = 0;
    this.keyGone = false;
    this.payer.delegated = true;
    this.payer.silentUntilMs = 0;
    this.wake();
  }
}
