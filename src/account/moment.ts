/**
 * One moment of an account: everything that a synchronous decision may read and write, with one `now`.
 *
 * The object opens a moment inside one `transactionSync`; whoever gets it must not await. Minting ids is the only
 * chance in here.
 */
import { randomId } from "../crypto/bytes.ts";
import { AllowanceError, type Facts } from "../errors.ts";
import type { Random } from "../ports.ts";
import { type AccountRow } from "./account-store.ts";
import { audit } from "./books.ts";
import type { Health } from "./checks.ts";
import { recorded } from "./recorded.ts";
import type { Seen } from "./sample.ts";
import type { Store } from "./store.ts";
import type { NoticeKind, Policy } from "./types.ts";

export type AccountConfig = {
  readonly origin: string;
  readonly network: "aleph" | "twin";
  /** A loopback origin on the real network without ALLOW_UNATTENDED: creates are refused. */
  readonly unattendedRefused: boolean;
  /** Loopback origin: alarms sleep when this machine does. */
  readonly unattended: boolean;
  /** The operator lets nothing new start, in any account; whatever ends or narrows goes on. */
  readonly paused: boolean;
};

export class Moment {
  readonly store: Store;
  readonly nowMs: number;
  readonly config: AccountConfig;
  readonly health: Health;
  /** Set once anything was stored: the object then counts a commit. */
  touched = false;
  /** What the changes say of nodes, for the directory once they are stored; losing it loses only knowledge. */
  readonly seen: Seen[] = [];
  private readonly random: Random;

  constructor(store: Store, nowMs: number, config: AccountConfig, random: Random, health: Health) {
    this.store = recorded(store, (kind, facts) => this.audit(kind, facts));
    this.nowMs = nowMs;
    this.config = config;
    this.random = random;
    this.health = health;
  }

  /** What looks unsent may have left in a past that this storage has forgotten; then nothing is voided (design.md §7). */
  get mayHaveLeft(): boolean {
    return !this.health.watchHeard || this.account.restored;
  }

  get account(): AccountRow {
    const account = this.store.loadAccount();
    if (account === undefined) throw new AllowanceError("internal.invariant", { born: false });
    return account;
  }

  get policy(): Policy | null {
    return this.store.currentPolicy();
  }

  id(prefix: string): string {
    return randomId(prefix, this.random);
  }

  audit(kind: string, facts: Facts): void {
    this.touched = true;
    audit(this.store, this.nowMs, kind, facts);
  }

  tellOwner(kind: NoticeKind, about: string, facts: Facts = {}): void {
    this.store.notify({ noticeId: this.id("no"), kind, about, facts, sinceMs: this.nowMs });
  }
}
