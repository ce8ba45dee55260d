/**
 * A real account as one of the players of a simulated history: it crashes by being built anew over the same storage, sleeps,
 * is restored to an older storage, and has its alarm rung early, late, twice or not at all. It decides nothing itself.
 */
import type { Health } from "../../src/account/checks.ts";
import type { Moment } from "../../src/account/moment.ts";
import { type Address, addressOf } from "../../src/crypto/secp256k1.ts";
import type { Store } from "../../src/account/store.ts";
import type { Answer } from "../../src/errors.ts";
import type { Random } from "../../src/ports.ts";
import type { WatchReport } from "../../src/directory/watch.ts";
import type { SimAccount } from "../sim/account.ts";
import type { Caller } from "../sim/calls.ts";
import type { Payer } from "../sim/network.ts";
import type { World } from "../sim/world.ts";
import { drawPurse } from "../sim/purse.ts";
import { Alarm } from "./alarm.ts";
import { HistoryObject, type Life } from "./object.ts";
import { Rows } from "./rows.ts";
import { settingOf } from "./setting.ts";
import type { Planted } from "./play.ts";
import { type Copy, copyOf, putBack } from "../../dev/storage.ts";

const SLEEP_MAX_MS = 6 * 3_600_000;

/** What only the simulated account's own tools ask it for; the real one has sealed keys and SQL. */
type OfMemory = "data" | "key" | "keep" | "keyOf";
type Incarnation = Life & { running: number; ringing: boolean; rang: boolean; acknowledged: number };

export class RealAccount implements Omit<Pick<SimAccount, keyof SimAccount>, OfMemory> {
  readonly name: string;
  readonly data: Rows;
  readonly payer: Payer;
  readonly ownerKey = new Uint8Array(32).fill(101);
  readonly owner: Address = addressOf(this.ownerKey);
  keyGone = false;
  asleepUntilMs = 0;
  restoredTimes = 0;
  restoredAtMs = 0;
  /** Counts whatever an incarnation does; while it grows, promises are still settling. */
  stirs = 0;
  private readonly clock: Alarm;
  private kept: Copy | null = null;
  private now: Incarnation;
  private object: HistoryObject;
  private readonly random: Random;
  private readonly state: DurableObjectState;
  private readonly world: World;
  private readonly planted: Planted;

  constructor(world: World, state: DurableObjectState, name: string, planted: Planted) {
    this.world = world;
    this.state = state;
    this.name = name;
    this.planted = planted;
    this.data = new Rows(state.storage.sql);
    this.clock = new Alarm(world, this);
    this.random = world.dice.random();
    const list = { timeS: 0, letsIn: [] };
    const hashes: string[] = [];
    const lists: Payer["lists"] = [list, list, list];
    this.payer = { index: 0, delegated: true, silentUntilMs: 0, purse: drawPurse(world, hashes), hashes, lists };
    [this.now, this.object] = this.incarnate();
    void this.object.birth({ name, owner: this.owner }).then(() => this.letIn());
  }

  /** The agent key is drawn at birth; the owner has let it in before the history begins. */
  private letIn(): void {
    this.payer.lists.fill({ timeS: 0, letsIn: [this.row.agentAddress] });
  }

  private incarnate(): [Incarnation, HistoryObject] {
    const { wire, judge } = this.world;
    const caller: Caller = {
      payer: this.payer,
      owner: this.owner,
      isAlive: () => life.alive,
      crash: () => life.alive && this.crash(),
      lists: (core) => life.alive && judge.lists(this.asPlayer, core),
      sends: (...message) => life.alive && judge.sends(this.asPlayer, ...message),
    };
    const life: Incarnation = {
      alive: true,
      running: 0,
      ringing: false,
      rang: false,
      acknowledged: 0,
      noting: (store) => {
        const kept = this.data.noting(store);
        const noted = { ...store, ...kept, ...this.noticing(kept) };
        return { ...noted, ...this.planted(noted) };
      },
      calls: wire.over(caller),
      readPayer: async (agent) => {
        const facts = await wire.readPayer(caller, agent);
        judge.payerRead(this.asPlayer, facts, () => life.alive);
        return facts;
      },
      nowMs: () => this.nowMs(),
      committed: () => {
        this.stirs++;
        judge.committed(this.asPlayer);
      },
      disarmed: () => this.clock.disarm(),
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
    const given = { world: this.world, alarm: this.clock, random: this.random, nodes: wire.nodesFor(caller) };
    const setting = settingOf({ ...given, keyGone: () => this.keyGone });
    return [life, new HistoryObject(this.state, env, setting, life)];
  }

  /** Only an account that has noticed a restore goes on from the number that `Watch` knows. */
  private noticing(store: Store): Pick<Store, "raiseCommitSeq"> {
    return {
      raiseCommitSeq: (seen) => {
        store.raiseCommitSeq(seen);
        this.world.seen.see("a restore");
        this.world.judge.restored(this.asPlayer);
      },
    };
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
    return this.clock.clockIsRight;
  }

  get alarmAtMs(): number | null {
    return this.clock.atMs;
  }

  get armedMs(): number | null {
    return this.clock.armedMs;
  }

  get row() {
    return this.data.row;
  }

  nowMs(): number {
    return Math.max(this.world.time.nowMs + this.clock.offsetMs, this.row.lastNowMs);
  }

  /** For pages that only show. */
  moment(nowMs: number): Moment {
    return this.object.look(nowMs);
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
    const decided = this.object.ask(time.nowMs + this.clock.offsetMs, work);
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

  rung(): void {
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
    if (self.rang && self.alive) this.clock.ringAt(this.world.time.nowMs);
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
    this.world.judge.forgot(this.asPlayer);
  }

  /** What was in memory is gone; what was stored stays, its alarm included, which the platform rings again. */
  crash(): void {
    const { seen, time, dice } = this.world;
    seen.see("a crash");
    this.replace();
    if (this.clock.atMs === null) this.clock.ringAt(time.nowMs + dice.between(1, 60) * 1_000);
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
    this.clock.offsetMs = -byMs;
    this.world.time.after(forMs, () => {
      this.clock.offsetMs = 0;
    });
  }

  remember(always = false): void {
    if (always || this.world.core.faults.restore > 0) this.kept = copyOf(this.state.storage.sql);
  }

  /** Puts back what `remember` kept; false when there is nothing. */
  restore(): boolean {
    if (this.kept === null) return false;
    this.now.alive = false;
    putBack(this.state.storage, this.kept);
    this.kept = null;
    this.restoredTimes++;
    this.restoredAtMs = this.world.time.nowMs;
    this.replace();
    this.world.judge.putBack(this.asPlayer);
    this.clock.ringAt(this.world.time.nowMs + 5_000);
    return true;
  }

  heal(): void {
    this.clock.offsetMs = 0;
    this.asleepUntilMs = 0;
    this.keyGone = false;
    this.payer.delegated = true;
    this.payer.silentUntilMs = 0;
    this.wake();
  }
}
