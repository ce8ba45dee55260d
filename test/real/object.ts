/**
 * The real account object on a simulated network: its own SQL, transactions, clock rule, alarm handler, drive and sealed
 * key; only the calls to the network and the readings of the payer come from the model. One instance is one incarnation,
 * and one that has died does nothing any more.
 */
import type { AccountEnv, AccountSetting } from "../../src/account/base.ts";
import type { Health } from "../../src/account/checks.ts";
import type { Tools } from "../../src/account/effects.ts";
import type { Moment } from "../../src/account/moment.ts";
import { AccountObject } from "../../src/account/object.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import type { Store } from "../../src/account/store.ts";
import type { Calls } from "../../src/aleph/calls.ts";
import type { Answer } from "../../src/errors.ts";

/** What this incarnation is told by, and tells to, the world outside. */
export type Life = {
  alive: boolean;
  /** The store that this incarnation works with, over the one that it was born with. */
  readonly noting: (store: Store) => Store;
  readonly calls: Calls;
  readonly readPayer: () => Promise<PayerFacts>;
  readonly nowMs: () => number;
  readonly committed: () => void;
  readonly disarmed: () => void;
  readonly began: () => void;
  readonly ended: (error: unknown) => void;
};

const never = <T>(): Promise<T> => new Promise(() => undefined);

export class HistoryObject extends AccountObject {
  private readonly life: Life;

  constructor(ctx: DurableObjectState, env: AccountEnv, setting: AccountSetting, life: Life) {
    super(ctx, env, setting);
    this.life = life;
    Object.assign(this.store, life.noting({ ...this.store }));
    const run = this.drive.run.bind(this.drive);
    this.drive.run = () => {
      life.began();
      return run().then(
        () => life.ended(null),
        (error: unknown) => life.ended(error),
      );
    };
  }

  get healthNow(): Health {
    return this.health();
  }

  ask<T>(workerNowMs: number, work: (moment: Moment) => Answer<T>): Answer<T> {
    const answered = this.decide(workerNowMs, work);
    this.life.committed();
    return answered;
  }

  /** What every call of an agent or owner does first. */
  listen(): Promise<void> {
    return this.hear();
  }

  protected override commit<T>(nowMs: number, work: (moment: Moment) => T): T {
    if (!this.life.alive) throw new Error("this incarnation is gone");
    const result = super.commit(nowMs, work);
    this.life.committed();
    return result;
  }

  protected override tools(delegationInForce: boolean): Tools {
    return { ...super.tools(delegationInForce), calls: this.life.calls };
  }

  protected override readPayer(): Promise<PayerFacts> {
    return this.life.readPayer();
  }

  protected override arm(dueMs: number | null): void {
    if (!this.life.alive) return;
    this.life.disarmed();
    super.arm(dueMs);
  }

  protected override async report(nextDueMs: number | null): Promise<boolean> {
    if (!this.life.alive) return never();
    return super.report(nextDueMs);
  }

  protected override async hear(): Promise<void> {
    if (!this.life.alive) return never();
    return super.hear();
  }
}
