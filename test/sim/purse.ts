/**
 * One payer's money as the network keeps it: lots that expire and are drained in the order in which they were granted,
 * machines of the owner that burn beside ours, and bills that arrive with the lag of the books. What is true, not what
 * a core node says. Written from credits.md §3–4; shares nothing with the client.
 */
import type { CoreNetwork } from "./network.ts";
import type { World } from "./world.ts";

export type SimLot = { credits: number; readonly expiresAtMs: number | null };
/** Credits per 1,000 s; `toMs` Infinity while it runs. `removing` as each core node has it. */
export type Foreign = {
  readonly hash: string;
  readonly rate: number;
  readonly fromMs: number;
  toMs: number;
  readonly removing: [boolean, boolean, boolean];
};

export class Purse {
  /** Rich enough for the line never to matter; most histories are about other things. */
  readonly rich: boolean;
  private lots: SimLot[];
  readonly foreign: Foreign[] = [];
  private drained = 0;
  /** For which moment and what all is in it; what is published lags behind, so nothing that happens now changes it. */
  private settledAtMs = -1;
  private settledFor = 0;
  private readonly core: CoreNetwork;
  private readonly hashes: readonly string[];

  constructor(core: CoreNetwork, hashes: readonly string[], credits: number, rich: boolean) {
    this.core = core;
    this.hashes = hashes;
    this.rich = rich;
    this.lots = [{ credits, expiresAtMs: null }];
  }

  /** Everything published by now has left the lots; what had expired before is gone, and there is no debt. */
  private settle(nowMs: number): void {
    const messages = this.hashes.length + this.foreign.length;
    if (nowMs === this.settledAtMs && messages === this.settledFor) return;
    this.settledAtMs = nowMs;
    this.settledFor = messages;
    this.lots = this.lots.filter((lot) => lot.expiresAtMs === null || lot.expiresAtMs > nowMs);
    const published = this.published(nowMs);
    let left = published - this.drained;
    this.drained = published;
    for (const lot of this.lots) {
      const take = Math.min(lot.credits, left);
      lot.credits -= take;
      left -= take;
    }
  }

  private published(nowMs: number): number {
    const ours = this.hashes.reduce((sum, hash) => sum + this.billed(hash, nowMs), 0);
    return this.foreign.reduce((sum, one) => sum + this.foreignBilled(one, nowMs), ours);
  }

  /** What the books show as taken for one of our messages. */
  billed(hash: string, nowMs: number): number {
    return this.core.consumed(hash, nowMs - this.core.booksLagMs);
  }

  foreignBilled({ rate, fromMs, toMs }: Foreign, nowMs: number): number {
    const ms = Math.max(0, Math.min(toMs, nowMs - this.core.booksLagMs) - fromMs);
    return Math.ceil((rate * ms) / 1_000_000);
  }

  running(nowMs: number): readonly Foreign[] {
    return this.foreign.filter((one) => one.fromMs <= nowMs && one.toMs > nowMs);
  }

  /** The lots as a balance lists them; together they are the balance. */
  lotsAt(nowMs: number): readonly Readonly<SimLot>[] {
    this.settle(nowMs);
    return this.lots.filter((lot) => lot.credits > 0).map((lot) => ({ ...lot }));
  }

  /** Without what expires. */
  lastingAt(nowMs: number): number {
    this.settle(nowMs);
    return this.lots.reduce((sum, lot) => (lot.expiresAtMs === null ? sum + lot.credits : sum), 0);
  }

  balanceAt(nowMs: number): number {
    return this.lotsAt(nowMs).reduce((sum, lot) => sum + lot.credits, 0);
  }

  grant(credits: number, expiresAtMs: number | null, nowMs: number): void {
    this.settle(nowMs);
    this.lots.push({ credits, expiresAtMs });
  }

  /** A part of every lot is gone at once. */
  spend(share: number, nowMs: number): void {
    this.settle(nowMs);
    for (const lot of this.lots) lot.credits -= Math.floor(lot.credits * share);
  }

  stopForeign(nowMs: number): void {
    for (const one of this.running(nowMs)) one.toMs = nowMs;
  }
}

/** Two payers in five own little enough for the line to matter; calm ones never. */
export function drawPurse(world: World, hashes: readonly string[]): Purse {
  const { dice, core } = world;
  const troubled = Object.values(core.faults).some((chance) => chance > 0);
  const rich = !troubled || !dice.yes(0.4);
  return new Purse(core, hashes, rich ? 5_000_000_000 : dice.between(300_000, 4_000_000), rich);
}
