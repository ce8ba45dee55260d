/**
 * The Durable Object `DirectoryObject`, one named "main": leases, failures and samples of nodes, as everybody has to see
 * them.
 *
 * A shell around `leases.ts` and `samples.ts`. It never calls out and is asked once per accept, so one object serves the whole network.
 */
import { DurableObject } from "cloudflare:workers";
import { type Figures, leagueOf } from "./figures.ts";
import { coolingNodes, createLeaseTables, dropLease, keepFailure, takeLease } from "./leases.ts";
import type { LeaseAsk } from "./leases.ts";
import { createSampleTable, keepSample, type Sample, samplesOf } from "./samples.ts";

export const DIRECTORY_NAME = "main";

/** How nodes did of late; computed at most once a minute, whoever asks. */
export type LeagueTable = {
  readonly asOfMs: number;
  readonly whole: Figures;
  readonly nodes: readonly { readonly nodeHash: string; readonly figures: Figures }[];
};
const LEAGUE_AGE_MS = 60_000;

export class DirectoryObject extends DurableObject<object> {
  private table: LeagueTable | undefined;

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    createLeaseTables(ctx.storage.sql);
    createSampleTable(ctx.storage.sql);
  }

  lease(ask: LeaseAsk): boolean {
    return takeLease(this.ctx.storage.sql, ask);
  }

  release(ask: { readonly account: string; readonly key: string }): void {
    dropLease(this.ctx.storage.sql, ask);
  }

  noteFailure(nodeHash: string, failedAtMs: number, account: string): void {
    keepFailure(this.ctx.storage.sql, { nodeHash, failedAtMs, account });
  }

  noteSample(sample: Sample): void {
    keepSample(this.ctx.storage.sql, sample);
  }

  league(nowMs: number): LeagueTable {
    const age = this.table === undefined ? Infinity : nowMs - this.table.asOfMs;
    if (this.table !== undefined && age >= 0 && age < LEAGUE_AGE_MS) return this.table;
    const { whole, byNode } = leagueOf(samplesOf(this.ctx.storage.sql, nowMs));
    this.table = { asOfMs: nowMs, whole, nodes: [...byNode].map(([nodeHash, figures]) => ({ nodeHash, figures })) };
    return this.table;
  }

  cooling(nowMs: number): readonly string[] {
    return coolingNodes(this.ctx.storage.sql, nowMs);
  }
}
