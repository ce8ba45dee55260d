/**
 * The real account object on a simulated network: its own SQL, transactions, clock rule, alarm handler, drive and sealed
 * key; only the calls to the network and the readings of the payer come from the model. One instance is one incarnation,
 * and one that has died does nothing any more.
 */
import type { Signers } from "../../src/account/attempts.ts";
import type { AccountEnv, AccountSetting } from "../../src/account/base.ts";
import type { Health } from "../../src/account/checks.ts";
import type { Tools } from "../../src/account/tools.ts";
import type { KeyRing } from "../../src/account/keys.ts";
import type { Moment } from "../../src/account/moment.ts";
import { AccountObject } from "../../src/account/object.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import { listedAsRunning } from "../../src/account/readiness.ts";
import type { Store } from "../../src/account/store.ts";
import { seal } from "../../src/crypto/sealed.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import type { Calls } from "../../src/aleph/calls.ts";
import type { Answer } from "../../src/errors.ts";

/** What this incarnation is told by, and tells to, the world outside. */
export type Life = {
  alive: boolean;
  /** The store that this incarnation works with, over the one that it was born with. */
  readonly noting: (store: Store) => Store;
  readonly calls: Calls;
  readonly readPayer: (agent: string) => Promise<PayerFacts>;
  readonly nowMs: () => number;
  readonly committed: () => void;
  readonly disarmed: () => void;
  readonly began: () => void;
  readonly ended: (error: unknown) => void;
};

/** A private key as it is; sealed it is longer. */
const CLEAR_BYTES = 32;
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

  look(nowMs: number): Moment {
    return this.moment(nowMs);
  }

  protected override tools(signers: Signers): Tools {
    const tools = super.tools(signers);
    const keys = this.sealedFirst(tools.keys);
    return { ...tools, calls: this.life.calls, readiness: listedAsRunning, keys };
  }

  /** An owner of a history brings a key in one turn, in the clear, since sealing takes more: here it is made up for. */
  private sealedFirst(keys: KeyRing): KeyRing {
    return {
      isOld: keys.isOld,
      use: async (address, work) => {
        await this.sealClear(address);
        return keys.use(address, work);
      },
    };
  }

  private async sealClear(address: Address): Promise<void> {
    const row = this.store.loadKey(address);
    const [kek] = this.setting.keks;
    if (row === undefined || kek === undefined || row.ciphertext.length !== CLEAR_BYTES) return;
    const about = { account: this.store.loadAccount()?.name ?? "", address, purpose: "agent" };
    const sealed = await seal(row.ciphertext, kek, about, this.setting.ports.random);
    if (this.life.alive) this.store.saveKey({ address, ...sealed }, 0);
  }

  protected override readPayer(_owner: Address, agent: Address): Promise<PayerFacts> {
    return this.life.readPayer(agent);
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
