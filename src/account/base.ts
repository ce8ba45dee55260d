/**
 * The account object's machinery: its clock, its transactions, its alarm, its word with `Watch`, and the drive.
 *
 * Rules live in the pure files. This class only guarantees how they are applied: decided and recorded in one synchronous
 * transaction, then acted on; armed after every commit; nothing sent before the second clock knows.
 */
import { DurableObject } from "cloudflare:workers";
import type { Network } from "../aleph/network.ts";
import type { Kek } from "../crypto/sealed.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { shardOf, type WatchReport } from "../directory/watch.ts";
import { type Answer, answer, AllowanceError, refuse } from "../errors.ts";
import { faultOf } from "../fault.ts";
import type { Ports } from "../ports.ts";
import { carry } from "./carried.ts";
import type { Health } from "./checks.ts";
import type { Dated, NetworkState } from "./contract.ts";
import type { Signers } from "./attempts.ts";
import { Drive } from "./drive.ts";
import { readWatchedPayer } from "./facts.ts";
import { migrate } from "./migrate.ts";
import type { NodesFor } from "./next-node.ts";
import { type AccountConfig, Moment } from "./moment.ts";
import type { PayerFacts } from "./payer.ts";
import { noteRestored } from "./restored.ts";
import { sqlStore, type Store } from "./store.ts";
import { type Tools, toolsOver } from "./tools.ts";

export type AccountEnv = {
  readonly WATCH: {
    getByName(name: string): {
      report(report: WatchReport, nowMs: number): Promise<{ readonly commitSeqBefore: number }>;
    };
  };
};
export type AccountSetting = {
  readonly ports: Ports;
  readonly network: Network;
  readonly config: AccountConfig;
  readonly keks: readonly Kek[];
  readonly nodes: NodesFor;
};

/** Backwards by more than this, or two clocks further apart, and nothing new is admitted (design.md §12.12). */
const CLOCK_SLACK_MS = 120_000;
const WATCH_MS = 2_000;
const WATCH_RETRY_MS = 5_000;
const ALARM_SOON_MS = 250;

export abstract class AccountBase extends DurableObject<AccountEnv> {
  protected readonly setting: AccountSetting;
  protected readonly drive: Drive;
  protected readonly store: Store;
  private readonly schemaKnown: boolean;
  /** The last number that `Watch` may know, when this instance woke; its answer is compared with it. */
  private readonly wokenSeq: number;
  private heard = false;
  private acknowledged = "";
  private watchIsSilent = false;
  private silentSinceMs: number | null = null;
  private waiting: (() => void)[] = [];

  constructor(ctx: DurableObjectState, env: AccountEnv, setting: AccountSetting) {
    super(ctx, env);
    this.setting = setting;
    this.schemaKnown = migrate(ctx.storage);
    this.store = sqlStore(ctx.storage.sql);
    if (this.schemaKnown && this.store.isCarrying()) ctx.storage.transactionSync(() => carry(this.store));
    const account = this.store.loadAccount();
    this.wokenSeq = account?.wokenSeq ?? account?.commitSeq ?? 0;
    this.drive = new Drive({
      commit: (work) => this.commit(this.nowMs(), work),
      read: (work) => work(this.moment(this.nowMs())),
      tools: (signers) => this.tools(signers),
      readPayer: (owner, agent) => this.readPayer(owner, agent),
      report: (nextDueMs) => this.report(nextDueMs),
      hear: () => this.hear(),
      arm: (dueMs) => this.arm(dueMs),
      changed: () => this.changed(),
      reached: (answered) => this.reached(answered),
      log: setting.ports.log,
    });
  }

  protected get born(): boolean {
    return this.store.loadAccount() !== undefined;
  }

  protected health(): Health {
    return { watchHeard: this.heard, schemaKnown: this.schemaKnown };
  }

  protected moment(nowMs: number): Moment {
    return new Moment(this.store, nowMs, this.setting.config, this.setting.ports.random, this.health());
  }

  /** The object's clock never runs backwards: a machine that lags behind the last one is overruled. */
  protected nowMs(): number {
    return Math.max(this.setting.ports.clock.nowMs(), this.store.loadAccount()?.lastNowMs ?? 0);
  }

  /** What is stored before `Watch` was heard goes with the number that it will be asked about, lest it hide a restore. */
  private count(lastNowMs: number): void {
    this.store.countCommit(lastNowMs, this.heard ? null : this.wokenSeq);
  }

  /** One synchronous transaction with one now; counted, and so reported, if anything was stored. */
  protected commit<T>(nowMs: number, work: (moment: Moment) => T): T {
    return this.ctx.storage.transactionSync(() => {
      const moment = this.moment(nowMs);
      const result = work(moment);
      if (moment.touched) this.count(0);
      return result;
    });
  }

  /**
   * A call that may change something: clocks agree, decided and recorded at once, then the drive is started. What only
   * `narrows` is done also while the clock is behind: that refuses admission and nothing else (design.md §12.12).
   */
  protected decide<T>(workerNowMs: number, work: (moment: Moment) => Answer<T>, narrows = false): Answer<T> {
    if (!this.born) return refuse("auth.revoked");
    const now = this.agreedNow(workerNowMs, narrows);
    if (!now.ok) return now;
    const result = this.guarded(() =>
      this.ctx.storage.transactionSync(() => {
        const moment = this.moment(now.value);
        const decided = work(moment);
        if (decided.ok || moment.touched) this.count(now.value);
        return decided;
      }),
    );
    this.changed();
    this.arm(this.drive.nextDueMs());
    this.ctx.waitUntil(this.drive.run());
    return result;
  }

  /** A programmer's error changes nothing, is told to the operator, and is a refusal to the caller. */
  private guarded<T>(work: () => Answer<T>): Answer<T> {
    try {
      return work();
    } catch (error) {
      const code = error instanceof AllowanceError ? error.code : "internal.invariant";
      this.setting.ports.log("account.internal", { code, ...faultOf(error) });
      return refuse(code);
    }
  }

  private agreedNow(workerNowMs: number, narrows: boolean): Answer<number> {
    const own = this.setting.ports.clock.nowMs();
    const lastMs = this.store.loadAccount()?.lastNowMs ?? 0;
    if (Math.abs(own - workerNowMs) > CLOCK_SLACK_MS)
      return refuse("account.clock", { apartS: Math.round(Math.abs(own - workerNowMs) / 1_000) }, 60);
    if (lastMs - own > CLOCK_SLACK_MS && !narrows)
      return refuse(
        "account.clock",
        { behindS: Math.round((lastMs - own) / 1_000) },
        Math.ceil((lastMs - own) / 1_000),
      );
    return answer(Math.max(own, lastMs));
  }

  protected readPayer(owner: Address, agent: Address): Promise<PayerFacts> {
    return readWatchedPayer(this.setting.network, owner, agent, this.setting.ports.clock.nowMs());
  }

  protected tools(signers: Signers): Tools {
    return toolsOver(this.setting, this.store, signers);
  }

  /** Armed for the earliest due time; a due time that has passed rings at once. */
  protected arm(dueMs: number | null): void {
    if (dueMs === null) return void this.ctx.storage.deleteAlarm();
    const { clock } = this.setting.ports;
    // What is overdue although the drive has just looked waits for something else: look again soon, not at once.
    void this.ctx.storage.setAlarm(clock.alarmAtMs(Math.max(dueMs, clock.nowMs() + ALARM_SOON_MS)));
  }

  /** True once `Watch` has acknowledged the latest commit; within two seconds or not at all. */
  protected async report(nextDueMs: number | null): Promise<boolean> {
    const account = this.store.loadAccount();
    if (account === undefined) return false;
    // Until it was heard: the commit that this object woke with. A later one of its own, kept by `Watch` while the answer
    // was lost, would come back looking like one that the storage has forgotten.
    const first = !this.heard;
    const commitSeq = first ? this.wokenSeq : account.commitSeq;
    const kekVersion = this.store.kekVersion();
    const key = `${commitSeq}:${nextDueMs}:${kekVersion}`;
    if (!first && this.acknowledged === key) return true;
    const { name, objectId } = account;
    const row = { name, objectId, nextDueMs, commitSeq, kekVersion, live: this.store.liveCount() };
    const told = await within(WATCH_MS, this.env.WATCH.getByName(shardOf(name)).report(row, this.nowMs()));
    this.watchIsSilent = told === undefined;
    if (told === undefined) return this.watchSilent();
    this.acknowledged = key;
    if (!first) return true;
    this.compare(told.commitSeqBefore);
    return this.report(nextDueMs);
  }

  private watchSilent(): false {
    const { clock } = this.setting.ports;
    this.arm(clock.nowMs() + WATCH_RETRY_MS);
    return false;
  }

  /** `Watch` saw more commits than are stored here: the storage was restored to an older state (design.md §7). */
  private compare(commitSeqBefore: number): void {
    if (this.heard) return;
    this.heard = true;
    if (commitSeqBefore > this.wokenSeq)
      return this.commit(this.nowMs(), (moment) => noteRestored(moment, commitSeqBefore));
    // from here on `Watch` may hear of a larger one
    if (this.store.loadAccount()?.wokenSeq !== null) this.count(0);
  }

  /** Admission and voiding need `Watch` to have been heard since waking. */
  protected async hear(): Promise<void> {
    if (!this.heard && this.born) await this.report(this.drive.nextDueMs());
  }

  private reached(answered: boolean): void {
    if (answered) this.silentSinceMs = null;
    else this.silentSinceMs ??= this.nowMs();
  }

  protected networkState(): NetworkState {
    if (this.watchIsSilent) return "watch_silent";
    return this.silentSinceMs === null ? "reachable" : "unreachable";
  }

  protected dated(): Dated {
    const network = this.setting.config.network;
    const networkUnreachableSinceMs = this.silentSinceMs;
    return { asOfMs: this.nowMs(), networkState: this.networkState(), networkUnreachableSinceMs, network };
  }

  private changed(): void {
    const woken = this.waiting;
    this.waiting = [];
    for (const wake of woken) wake();
  }

  /** Waits in memory until `done` says so or the time is up; polls nothing, and may be lost with the instance. */
  protected async waitUntil(done: () => boolean, waitS: number): Promise<void> {
    let open = true;
    const timer = setTimeout(
      () => {
        open = false;
        this.changed();
      },
      Math.min(25, waitS) * 1_000,
    );
    while (open && !done()) await new Promise<void>((resolve) => this.waiting.push(resolve));
    clearTimeout(timer);
  }

  /** Called by the second clock and, in dev, by the clock's keeper. A wake that finds no account does nothing. */
  async wake(): Promise<void> {
    if (this.born) await this.drive.run();
  }

  override async alarm(): Promise<void> {
    if (!this.born) return;
    try {
      await this.drive.run();
    } catch (error) {
      // Never thrown on: the platform gives up after six failed tries. The next try is armed below.
      this.setting.ports.log("account.alarm_failed", faultOf(error));
      this.arm(this.setting.ports.clock.nowMs() + 30_000);
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
