/**
 * The account's memory behind the same functions as the SQL one, so that the very rules run on it. Values are immutable:
 * a load hands out what was stored, a snapshot is a shallow copy.
 */
import type { AccountRow, NonceRow, SealedRow } from "../../src/account/account-store.ts";
import { type Pace, unpaced } from "../../src/account/breaker.ts";
import type { Balance } from "../../src/account/ledger.ts";
import { EMPTY_BALANCE } from "../../src/account/ledger.ts";
import type { About, AuditRow } from "../../src/account/ledger-store.ts";
import type { OwnerMessage } from "../../src/account/message-store.ts";
import { isLive } from "../../src/account/lifecycle.ts";
import type { Tried } from "../../src/account/plan.ts";
import type { QuoteRow } from "../../src/account/quote-store.ts";
import type { Store } from "../../src/account/store.ts";
import type { Approval, Grant, Hold, Notice, Policy, VmRecord } from "../../src/account/types.ts";
import { Memory, type Table } from "./memory.ts";
import { sha256Hex } from "../../src/crypto/hash.ts";

type VmRow = { readonly vm: VmRecord; readonly live: boolean; readonly tended: boolean };
type EntryRow = About & { readonly seq: number; readonly kind: string; readonly credits: number };
export type ExtraRow = {
  readonly vmId: string;
  readonly grantId: string;
  readonly kind: string;
  readonly credits: number;
  readonly atMs: number;
};
type Relayed = OwnerMessage & { readonly open: boolean };

export type Changed = ReadonlyMap<string, VmRecord | undefined>;

export class MemoryStore {
  readonly memory = new Memory();
  readonly accounts = this.memory.table<AccountRow>();
  readonly balances = this.memory.table<Balance>();
  readonly policies = this.memory.table<Policy>();
  readonly grants = this.memory.table<Grant>();
  readonly vms = this.memory.table<VmRow>();
  readonly holds = this.memory.table<Hold>();
  readonly extras = this.memory.table<ExtraRow>();
  readonly quotes = this.memory.table<QuoteRow>();
  readonly approvals = this.memory.table<Approval>();
  readonly audits = this.memory.table<AuditRow>();
  private readonly entries = this.memory.table<EntryRow>();
  private readonly keys = this.memory.table<SealedRow>();
  private readonly paces = this.memory.table<Pace>();
  private readonly nonces = this.memory.table<NonceRow & { readonly used: boolean }>();
  private readonly notices = this.memory.table<Notice>();
  private readonly tried = this.memory.table<ReadonlyMap<string, Tried>>();
  private readonly messages = this.memory.table<Relayed>();
  /** VMs written since the last look, each as it was before. */
  private changed = new Map<string, VmRecord | undefined>();
  private readonly tended = this.vms.derived(() => this.select((row) => row.tended));
  private readonly live = this.vms.derived(() => this.select((row) => row.live));
  private readonly openMessages = this.messages.derived(() => [...this.messages.values()].filter((one) => one.open));
  readonly store: Store = {
    ...this.accountRows(),
    ...this.bookRows(),
    ...this.askRows(),
    ...this.vmRows(),
    /** Of what steps are planned from; a worker that remembers steps asks for it. */
    version: () => this.vms.version + this.tried.version + this.messages.version,
  } as Store;

  /** Of what decides when an account has to look at its VMs. */
  get version(): number {
    return this.vms.version + this.accounts.version;
  }

  takeChanged(): Changed {
    const { changed } = this;
    if (changed.size > 0) this.changed = new Map();
    return changed;
  }

  vm(vmId: string): VmRecord | undefined {
    return this.vms.get(vmId)?.vm;
  }

  private put(row: VmRow): void {
    const { vmId } = row.vm;
    if (!this.changed.has(vmId)) this.changed.set(vmId, this.vms.get(vmId)?.vm);
    this.vms.set(vmId, row);
  }

  private holdsOf(vmId: string): readonly Hold[] {
    const found: Hold[] = [];
    for (const hold of this.holds.values()) if (hold.vmId === vmId) found.push(hold);
    return found;
  }

  private alter(change: Partial<AccountRow>): void {
    const row = this.accounts.get("one");
    if (row !== undefined) this.accounts.set("one", { ...row, ...change });
  }

  private accountRows() {
    const append = <V>(table: Table<V>, value: V): void => table.set(String(table.size), value);
    const part: Partial<Store> = {
      loadAccount: () => this.accounts.get("one"),
      insertAccount: (born) => {
        const rest = { state: "active", frozenReason: null, restored: false, keyLost: false, commitSeq: 0 } as const;
        this.accounts.set("one", { ...born, ...rest, lastNowMs: born.bornAtMs, delegation: "unknown", payer: null });
        this.balances.set("one", EMPTY_BALANCE);
      },
      countCommit: (lastNowMs) => {
        const row = this.accounts.get("one");
        if (row !== undefined)
          this.alter({ commitSeq: row.commitSeq + 1, lastNowMs: Math.max(row.lastNowMs, lastNowMs) });
      },
      setFrozen: (reason) => this.alter({ state: reason === null ? "active" : "frozen", frozenReason: reason }),
      setRestored: (restored) => this.alter({ restored }),
      setKeyLost: (keyLost) => this.alter({ keyLost }),
      savePayer: (delegation, payer) => this.alter({ delegation, payer }),
      raiseCommitSeq: (seen) => this.alter({ commitSeq: Math.max(this.accounts.get("one")?.commitSeq ?? 0, seen) }),
      saveKey: (key) => this.keys.set(key.address, key),
      loadKey: (address) => this.keys.get(address),
      currentPolicy: () => this.policies.get(String(this.policies.size - 1)) ?? null,
      insertPolicy: (policy) => append(this.policies, policy),
      loadGrant: (grantId) => this.grants.get(grantId),
      loadGrants: () => [...this.grants.values()],
      saveGrant: (grant) => this.grants.set(grant.grantId, grant),
      mintNonce: (row) => this.nonces.set(row.nonce, { ...row, used: false }),
      takeNonce: ({ nonce, sessionId, purpose, nowMs }) => {
        const row = this.nonces.get(nonce);
        if (row === undefined || row.used || row.sessionId !== sessionId) return undefined;
        if (row.purpose !== purpose || row.expiresAtMs <= nowMs) return undefined;
        this.nonces.set(nonce, { ...row, used: true });
        return row.payload;
      },
      nonceKnown: (nonce) => this.nonces.has(nonce),
      notify: ({ about, ...notice }) => {
        const key = `${notice.kind} ${about}`;
        if (!this.notices.has(key)) this.notices.set(key, { ...notice, seenAtMs: null });
      },
      loadNotices: () => [...this.notices.values()],
      seeNotice: () => undefined,
      liveCount: () => this.live().length,
      kekVersion: () => 1,
      databaseBytes: () => 0,
    };
    return part;
  }

  private bookRows() {
    const append = <V>(table: Table<V>, value: V): void => table.set(String(table.size), value);
    const refresh = (vmId: string): void => {
      const row = this.vms.get(vmId);
      if (row !== undefined) this.put({ ...row, vm: { ...row.vm, holds: this.holdsOf(vmId) } });
    };
    const part: Partial<Store> = {
      balanceOf: () => this.balances.get("one") ?? EMPTY_BALANCE,
      saveBalance: (balance) => this.balances.set("one", balance),
      appendEntry: (about, entry) => append(this.entries, { ...about, ...entry, seq: this.entries.size }),
      insertHold: (hold) => {
        this.holds.set(hold.holdId, hold);
        refresh(hold.vmId);
      },
      updateHold: (hold) => {
        const old = this.holds.get(hold.holdId);
        if (old !== undefined) this.holds.set(hold.holdId, { ...old, state: hold.state, credits: hold.credits });
        refresh(hold.vmId);
      },
      insertExtra: (vm, extra, atMs) =>
        append(this.extras, { vmId: vm.vmId, grantId: vm.grantId, kind: extra.kind, credits: extra.credits, atMs }),
      spentBy: (grantId) => {
        let sum = 0;
        for (const hold of this.holds.values())
          if (hold.state !== "voided" && (grantId === null || hold.grantId === grantId)) sum += hold.credits;
        for (const extra of this.extras.values())
          if (grantId === null || extra.grantId === grantId) sum += extra.credits;
        return sum;
      },
      spendingSince: (sinceMs) => {
        const spent: (Hold | ExtraRow)[] = [];
        for (const hold of this.holds.values()) if (hold.atMs > sinceMs && hold.credits > 0) spent.push(hold);
        for (const extra of this.extras.values()) if (extra.atMs > sinceMs) spent.push(extra);
        return spent.sort((a, b) => a.atMs - b.atMs);
      },
      createdSince: (grantId, sinceMs) => {
        const times: number[] = [];
        for (const { vm } of this.vms.values())
          if (vm.admittedAtMs > sinceMs && (grantId === null || vm.grantId === grantId)) times.push(vm.admittedAtMs);
        return times;
      },
      unapprovedSince: (sinceMs) => {
        let sum = 0;
        for (const hold of this.holds.values())
          if (!hold.approved && hold.state !== "voided" && hold.atMs > sinceMs) sum += hold.credits;
        return sum;
      },
      hadVm: (grantId) => this.count(({ vm }) => vm.state !== "FAILED" && vm.grantId === grantId) > 0,
      entriesOf: () => [],
      spendingGroups: () => [],
      loadPace: (grantId) => this.paces.get(grantId) ?? unpaced(grantId),
      savePace: (pace) => this.paces.set(pace.grantId, pace),
      // Only what an owner is shown beside a changed policy; no rule reads it.
      noteAsked: () => undefined,
      askedCreates: () => [],
      lastLink: () => this.audits.get(String(this.audits.size - 1))?.chain ?? "",
      appendAudit: (row) => append(this.audits, row),
      auditHolds: () => this.chainHolds(),
    };
    return part;
  }

  private chainHolds(): boolean {
    let before = "";
    for (const row of this.audits.values()) {
      if (row.chain !== sha256Hex(`${before}\n${row.atMs}\n${row.kind}\n${row.factsJson}`)) return false;
      before = row.chain;
    }
    return true;
  }

  private askRows() {
    const part: Partial<Store> = {
      loadQuote: (quoteId) => this.quotes.get(quoteId),
      insertQuote: (quote) => this.quotes.set(quote.quoteId, quote),
      burnQuote: (quoteId, burnt) => {
        const quote = this.quotes.get(quoteId);
        if (quote !== undefined && quote.burnt === null) this.quotes.set(quoteId, { ...quote, burnt });
      },
      pruneQuotes: (grantId, nowMs, expired) => {
        for (const quote of this.quotes.values()) {
          if (quote.grantId !== grantId || quote.burnt !== null || quote.expiresAtMs > nowMs) continue;
          const { state } = this.approvalOf(quote.quoteId) ?? { state: "used" };
          if (state === "pending" || state === "approved") continue;
          this.quotes.set(quote.quoteId, { ...quote, offer: null, burnt: expired });
        }
      },
      openQuotes: (grantId) => {
        let open = 0;
        for (const quote of this.quotes.values()) if (quote.grantId === grantId && quote.burnt === null) open++;
        return open;
      },
      loadApproval: (approvalId) => this.approvals.get(approvalId),
      approvalOfQuote: (quoteId) => this.approvalOf(quoteId),
      openApprovals: (grantId) => {
        const open: Approval[] = [];
        for (const one of this.approvals.values())
          if ((one.state === "pending" || one.state === "approved") && (grantId === null || one.grantId === grantId))
            open.push(one);
        return open.reverse();
      },
      saveApproval: (approval) => this.approvals.set(approval.approvalId, approval),
      storeOwnerMessage: (kind, message, storedAtMs) =>
        this.messages.set(message.item_hash, {
          itemHash: message.item_hash,
          kind,
          message,
          storedAtMs,
          coreNodesDone: 0,
          open: true,
        }),
      openOwnerMessages: () => this.openMessages(),
      recordRelay: (itemHash, coreNodesDone) => {
        const one = this.messages.get(itemHash);
        if (one !== undefined) this.messages.set(itemHash, { ...one, coreNodesDone, open: coreNodesDone < 2 });
      },
    };
    return part;
  }

  private approvalOf(quoteId: string): Approval | undefined {
    for (const approval of this.approvals.values()) if (approval.quoteId === quoteId) return approval;
    return undefined;
  }

  private vmRows() {
    const none: ReadonlyMap<string, Tried> = new Map();
    const part: Partial<Store> = {
      loadVm: (vmId) => this.vms.get(vmId)?.vm,
      loadTended: () => this.tended(),
      loadLive: () => this.live(),
      loadPage: ({ grantId, liveOnly, limit }) =>
        this.select((row) => (grantId === null || row.vm.grantId === grantId) && (!liveOnly || row.live)).slice(
          0,
          limit,
        ),
      holdsOf: (vmId) => this.holdsOf(vmId),
      saveVm: (vm, tended) => {
        const holds = this.vms.get(vm.vmId)?.vm.holds ?? [];
        this.put({ vm: vm.holds === holds ? vm : { ...vm, holds }, live: isLive(vm), tended });
      },
      loadLog: (about) => this.tried.get(about) ?? none,
      saveTried: (key, about, tried) => this.tried.set(about, new Map(this.tried.get(about)).set(key, tried)),
      clearTried: (about) => this.tried.delete(about),
    };
    return part;
  }

  private select(is: (row: VmRow) => boolean): VmRecord[] {
    const found: VmRecord[] = [];
    for (const row of this.vms.values()) if (is(row)) found.push(row.vm);
    return found;
  }

  private count(is: (row: VmRow) => boolean): number {
    let n = 0;
    for (const row of this.vms.values()) if (is(row)) n++;
    return n;
  }
}
