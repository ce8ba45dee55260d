/**
 * The Durable Object `DirectoryObject`, one named "main": leases and failures of nodes, as everybody has to see them.
 *
 * A shell around `leases.ts`. It never calls out and is asked once per accept, so one object serves the whole network.
 */
import { DurableObject } from "cloudflare:workers";
import { coolingNodes, createLeaseTables, dropLease, keepFailure, takeLease } from "./leases.ts";
import type { LeaseAsk } from "./leases.ts";

export const DIRECTORY_NAME = "main";

export class DirectoryObject extends DurableObject<object> {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    createLeaseTables(ctx.storage.sql);
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

  cooling(nowMs: number): readonly string[] {
    return coolingNodes(this.ctx.storage.sql, nowMs);
  }
}
