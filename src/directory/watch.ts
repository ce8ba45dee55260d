/**
 * The Durable Object `WatchObject`, 16 shards: the second clock, which wakes accounts whose own alarm has given up.
 *
 * A shell around `watch-rows.ts`. It knows when an account is due and how far it has come, nothing of money, and an
 * account that fails to wake never stops the others.
 */
import { DurableObject } from "cloudflare:workers";
import { sha256Hex } from "../crypto/hash.ts";
import type { Clock } from "../ports.ts";
import {
  alarmDueMs,
  anythingToWatch,
  countByKek,
  createWatchTables,
  earliestDueMs,
  keepAlarmDue,
  keepNameCheck,
  keepReport,
  lastSeqOf,
  takeOtherKeks,
  takeOverdue,
  WAKES_PER_RUN_MAX,
} from "./watch-rows.ts";
import type { Sleeper, WatchReport } from "./watch-rows.ts";

export type { WatchReport } from "./watch-rows.ts";

/** What of the account's namespace is used here. */
export type WatchEnv = {
  readonly ACCOUNT: {
    idFromString(objectId: string): DurableObjectId;
    get(id: DurableObjectId): { wake(): Promise<void> };
  };
};

export const SHARDS: readonly string[] = Array.from({ length: 16 }, (_, shard) => String(shard));
/** This shard also keeps the name check. */
export const NAME_CHECK_SHARD = "0";
/** An alarm has this long to ring by itself before the second clock takes over (design.md §7). */
export const THRESHOLD_MS = 300_000;
const SWEEP_EVERY_MS = 300_000;
/** After a run that reached its bound: the rest is overdue now, not in five minutes. */
const SWEEP_AGAIN_MS = 10_000;
/** One account that hangs costs the run this much, once, since all are woken at the same time. */
const WAKE_MS_MAX = 20_000;

/** One run of one shard, for its caller and the operator. */
export type SweepReport = {
  readonly tried: number;
  readonly woken: number;
  /** Accounts whose agent key another version of the sealing key seals. */
  readonly otherKeks: number;
  readonly earliestMs: number | null;
};

/** Which shard watches the account of this name. */
export function shardOf(name: string): string {
  return String(Number.parseInt(sha256Hex(name).slice(0, 1), 16));
}

const sealedOtherwise = (counted: readonly { kekVersion: number; accounts: number }[], version: number): number =>
  counted.reduce((sum, { kekVersion, accounts }) => (kekVersion === version ? sum : sum + accounts), 0);

export class WatchObject extends DurableObject<WatchEnv> {
  readonly #clock: Clock;

  constructor(ctx: DurableObjectState, env: WatchEnv, clock: Clock) {
    super(ctx, env);
    this.#clock = clock;
    createWatchTables(ctx.storage.sql);
  }

  /** Answers the largest `commit_seq` seen before this one; larger than the account's own means a restore. */
  report(report: WatchReport, nowMs: number): { readonly commitSeqBefore: number } {
    const before = keepReport(this.#sql, report, nowMs);
    this.#armIfIdle();
    return before;
  }

  /** 0 if nothing was ever heard of it. */
  lastSeq(name: string): number {
    return lastSeqOf(this.#sql, name);
  }

  checkName(check: string): boolean {
    return keepNameCheck(this.#sql, check);
  }

  kekVersions(): readonly { readonly kekVersion: number; readonly accounts: number }[] {
    return countByKek(this.#sql);
  }

  nextDueMs(): number | null {
    return earliestDueMs(this.#sql);
  }

  /** With `kekVersion` it also wakes accounts whose key is sealed with another one (safety.md b.5). */
  async sweep(nowMs: number, thresholdMs: number, kekVersion?: number): Promise<SweepReport> {
    const { tried, woken } = await this.#wakeOverdue(nowMs, thresholdMs);
    let otherKeks = 0;
    if (kekVersion !== undefined) {
      const others = takeOtherKeks(this.#sql, nowMs, kekVersion, WAKES_PER_RUN_MAX - tried);
      await Promise.allSettled(others.map((sleeper) => this.#wake(sleeper)));
      otherKeks = sealedOtherwise(this.kekVersions(), kekVersion);
    }
    return { tried, woken, otherKeks, earliestMs: this.nextDueMs() };
  }

  /** Armed again before anything else: an alarm that throws is retried six times and then never. */
  override async alarm(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (!anythingToWatch(this.#sql)) return keepAlarmDue(this.#sql, null);
    this.#arm(nowMs + SWEEP_EVERY_MS);
    const { tried } = await this.#wakeOverdue(nowMs, THRESHOLD_MS);
    if (tried === WAKES_PER_RUN_MAX) this.#arm(nowMs + SWEEP_AGAIN_MS);
  }

  get #sql(): SqlStorage {
    return this.ctx.storage.sql;
  }

  async #wakeOverdue(nowMs: number, thresholdMs: number): Promise<{ readonly tried: number; readonly woken: number }> {
    const sleepers = takeOverdue(this.#sql, nowMs, thresholdMs);
    const results = await Promise.allSettled(sleepers.map((sleeper) => this.#wake(sleeper)));
    return { tried: sleepers.length, woken: results.filter((result) => result.status === "fulfilled").length };
  }

  async #wake({ objectId }: Sleeper): Promise<void> {
    const { ACCOUNT } = this.env;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hung = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("wake timed out")), WAKE_MS_MAX);
    });
    try {
      await Promise.race([ACCOUNT.get(ACCOUNT.idFromString(objectId)).wake(), hung]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * An alarm whose time has passed is no alarm: it gave up, or the twin's clock was moved past it. So is one that lies
   * further ahead than any was ever set: the clock went back. Any other is left alone, or accounts that report every
   * minute would push it away for ever.
   */
  #armIfIdle(): void {
    const nowMs = this.#clock.nowMs();
    const dueMs = alarmDueMs(this.#sql);
    if (dueMs !== null && dueMs > nowMs && dueMs <= nowMs + SWEEP_EVERY_MS) return;
    if (anythingToWatch(this.#sql)) this.#arm(nowMs + SWEEP_EVERY_MS);
  }

  /** Not awaited: the platform writes it together with the row, and holds our answer back until both are stored. */
  #arm(dueMs: number): void {
    keepAlarmDue(this.#sql, dueMs);
    void this.ctx.storage.setAlarm(this.#clock.alarmAtMs(dueMs));
  }
}
