/**
 * What befalls a payer's money between two commands: the owner's machines come and go, credits with an end are granted
 * or run out, somebody tops up or spends elsewhere, a meter goes wrong. Only in histories whose payer is not rich.
 */
import type { SimAccount } from "./account.ts";
import { Dice } from "./dice.ts";
import type { CoreNetwork } from "./network.ts";
import type { Purse } from "./purse.ts";
import { Removal } from "./removal.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";

const MIN = 60_000;

export class Hardship {
  private readonly dice: Dice;
  private readonly time: Timeline;
  private readonly core: CoreNetwork;
  private readonly seen: Sometimes;
  private readonly purse: Purse;
  private readonly hashes: readonly string[];
  private readonly removal: Removal | null;
  private readonly misreads: boolean;
  private healed = false;

  constructor(
    world: { readonly dice: Dice; readonly time: Timeline; readonly core: CoreNetwork; readonly seen: Sometimes },
    account: SimAccount,
  ) {
    // a stream of its own: what is drawn here shifts no other choice
    this.dice = new Dice(world.dice.below(4_294_967_296));
    this.time = world.time;
    this.core = world.core;
    this.seen = world.seen;
    this.purse = account.payer.purse;
    this.hashes = account.payer.hashes;
    const { rich } = this.purse;
    this.removal = rich ? null : new Removal(this.core, this.time, this.seen, this.purse, this.hashes);
    this.misreads = this.dice.yes(0.4);
  }

  /** Called once a command. */
  turn(): void {
    const { dice } = this;
    if (this.healed) return;
    if (this.misreads && dice.yes(0.15)) this.misread();
    if (this.purse.rich) return;
    if (dice.yes(0.05)) this.rent();
    if (dice.yes(0.04)) this.release();
    if (dice.yes(0.05)) this.lend();
    if (dice.yes(0.05)) this.topUp();
    if (dice.yes(0.03)) this.purse.spend(0.2 + 0.7 * dice.next(), this.time.nowMs);
    if (dice.yes(0.08)) this.squeeze();
  }

  private rent(): void {
    const { dice, purse, time } = this;
    const hash = `theirs${purse.foreign.length}`;
    const rate = dice.between(1_000, 20_000);
    purse.foreign.push({ hash, rate, fromMs: time.nowMs, toMs: Infinity, removing: [false, false, false] });
    this.seen.see("the owner's own machines burn more");
  }

  private release(): void {
    const running = this.purse.running(this.time.nowMs);
    if (running.length > 0) this.dice.pick(running).toMs = this.time.nowMs;
  }

  /** Credits that run out: within the life of a VM, or long after it. */
  private lend(): void {
    const forMs = this.dice.pick([10 * MIN, 90 * MIN, 48 * 60 * MIN]);
    this.purse.grant(this.dice.between(100_000, 4_000_000), this.time.nowMs + forMs, this.time.nowMs);
    this.time.after(forMs, () => this.seen.see("a lot runs out"));
  }

  private topUp(): void {
    this.purse.grant(this.dice.between(50_000, 3_000_000), null, this.time.nowMs);
  }

  /** The owner spends elsewhere until about a day of everything that burns is left: the edge of the line. */
  private squeeze(): void {
    const { nowMs } = this.time;
    const ours = this.hashes.map((hash) => this.core.messages.get(hash)).filter((one) => one?.billedSinceMs != null);
    if (ours.length === 0) return;
    const theirs = this.purse.running(nowMs).reduce((sum, one) => sum + one.rate, 0);
    const burn = ours.reduce((sum, one) => sum + Math.max(...(one?.frozen ?? [0])), theirs);
    const keep = burn * 86.4 * (0.95 + 0.25 * this.dice.next());
    const has = this.purse.balanceAt(nowMs);
    if (has > keep) this.purse.spend(1 - keep / has, nowMs);
  }

  /** From now on, and for what it has measured already: a VM of ours is billed several times over. */
  private misread(): void {
    const running = this.hashes.filter((hash) => this.core.messages.get(hash)?.billedSinceMs != null);
    if (running.length === 0) return;
    const message = this.core.messages.get(this.dice.pick(running));
    if (message === undefined || message.billedRate > Math.max(...message.frozen)) return;
    message.billedRate *= this.dice.pick([5, 20, 60]);
    this.seen.see("a meter goes wrong");
  }

  heal(): void {
    this.healed = true;
    this.removal?.stop();
    this.purse.stopForeign(this.time.nowMs);
    this.purse.grant(5_000_000_000, null, this.time.nowMs);
    for (const hash of this.hashes) this.restoreWords(hash);
  }

  /** A top-up in time: what was to be removed stays. */
  private restoreWords(hash: string): void {
    const message = this.core.messages.get(hash);
    if (message === undefined || this.removal === null) return;
    for (const core of [0, 1, 2] as const)
      if (message.words[core] === "removing") this.core.set(message, core, "processed");
  }
}
