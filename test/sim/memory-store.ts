/**
 * The account's memory behind the same functions as the SQL one, so that the very rules run on it. Values are immutable:
 * a load hands out what was stored, a snapshot is a shallow copy.
 */
import type { AccountRow, SealedRow } from "../../src/account/account-store.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import type { Bill } from "../../src/account/bill.ts";
import { isGoneEverywhere } from "../../src/account/attempts.ts";
import { linkOf } from "../../src/account/chain.ts";
import { listed } from "../../src/account/committed.ts";
import { type Pace, unpaced } from "../../src/account/breaker.ts";
import type { Balance } from "../../src/account/ledger.ts";
import { EMPTY_BALANCE } from "../../src/account/ledger.ts";
import type { About, AuditRow } from "../../src/account/ledger-store.ts";
import type { Written } from "../../src/account/inventory.ts";
import type { Leaving } from "../../src/account/leave-store.ts";
import type { OwnerMessage } from "../../src/account/message-store.ts";
import { isLive } from "../../src/account/lifecycle.ts";
import type { Watched } from "../../src/account/payer-watch.ts";
import type { Tried } from "../../src/account/plan.ts";
import type { NonceAsk, NonceRow } from "../../src/account/nonce-store.ts";
import type { QuoteRow } from "../../src/account/quote-store.ts";
import { type ListsState, NEVER_READ, type Sighting } from "../../src/account/reconcile.ts";
import type { Store } from "../../src/account/store.ts";
import type { Approval, Attempt, Grant, Hold, Notice, Policy, VmRecord } from "../../src/account/types.ts";
import { historyRows } from "./memory-history.ts";
import { Memory, type Table } from "./memory.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";

const couldRevive = (attempt: Attempt): boolean => attempt.dormant && !isGoneEverywhere(attempt);
const isFinding = ({ kind, facts }: Notice): boolean =>
  ["dormant_alive", "orphan", "overrun"].includes(kind) && facts["late"] !== true;
type VmRow = { readonly vm: VmRecord; readonly live: boolean; readonly tended: boolean };
type EntryRow = About & { readonly seq: number; readonly kind: string; readonly credits: number };
export type ExtraRow = {
  readonly vmId: string;
  readonly grantId: string;
  readonly kind: string;
  readonly credits: number;
  readonly atMs: number;
};
type Kept = OwnerMessage & { readonly open: boolean; readonly inForce: boolean };

export type Changed = ReadonlyMap<string, VmRecord | undefined>;

export class MemoryStore {
  readonly memory = new Memory();
  readonly accounts = this.memory.table<AccountRow>();
  private readonly payers = this.memory.table<PayerFacts>();
  readonly balances = this.memory.table<Balance>();
  readonly policies = this.memory.table<Policy>();
  readonly grants = this.memory.table<Grant>();
  readonly vms = this.memory.table<VmRow>();
  readonly holds = this.memory.table<Hold>();
  readonly extras = this.memory.table<ExtraRow>();
  readonly quotes = this.memory.table<QuoteRow>();
  readonly approvals = this.memory.table<Approval>();
  readonly audits = this.memory.table<AuditRow>();
  readonly bills = this.memory.table<Bill>();
  readonly watched = this.memory.table<Watched>();
  /** What each scope has committed in all, kept with each change as the tables keep it. */
  readonly sums = this.memory.table<number>();
  private readonly entries = this.memory.table<EntryRow>();
  private readonly keys = this.memory.table<SealedRow>();
  private readonly paces = this.memory.table<Pace>();
  private readonly nonces = this.memory.table<NonceRow & { readonly used: boolean }>();
  private readonly notices = this.memory.table<Notice>();
  private readonly tried = this.memory.table<ReadonlyMap<string, Tried>>();
  private readonly messages = this.memory.table<Kept>();
  private readonly leavings = this.memory.table<Leaving>();
  private readonly nextKeys = this.memory.table<Address>();
  private readonly vmIds = this.memory.table<string>();
  private readonly sightings = this.memory.table<Sighting>();
  private readonly lists = this.memory.table<ListsState>();
  private readonly inventories = this.memory.table<Written>();
  /** VMs written since the last look, each as it was before. */
  private changed = new Map<string, VmRecord | undefined>();
  private readonly tended = this.vms.derived(() => this.select((row) => row.tended));
  private readonly live = this.vms.derived(() => this.select((row) => row.live));
  private readonly seenOnce = this.sightings.derived(() => [...this.sightings.values()]);
  private readonly openMessages = this.messages.derived(() => [...this.messages.values()].filter((one) => one.open));
  readonly store: Store = {
    ...this.accountRows(),
    ...this.bookRows(),
    ...historyRows(this.memory),
    ...this.askRows(),
    ...this.vmRows(),
    ...this.listRows(),
    /** Of what steps are planned from; a worker that remembers steps asks for it. */
    version: () => this.vms.version + this.tried.version,
    memory: this.memory,
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
    for (const { itemHash } of row.vm.attempts) if (!this.vmIds.has(itemHash)) this.vmIds.set(itemHash, vmId);
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
        const unheard = { wokenSeq: null, delegation: "unknown" } as const;
        this.accounts.set("one", { ...born, ...rest, ...unheard, lastNowMs: born.bornAtMs });
        this.balances.set("one", EMPTY_BALANCE);
      },
      countCommit: (lastNowMs, wokenSeq) => {
        const row = this.accounts.get("one");
        if (row !== undefined)
          this.alter({ commitSeq: row.commitSeq + 1, lastNowMs: Math.max(row.lastNowMs, lastNowMs), wokenSeq });
      },
      setFrozen: (reason) => this.alter({ state: reason === null ? "active" : "frozen", frozenReason: reason }),
      setRestored: (restored) => this.alter({ restored }),
      setKeyLost: (keyLost) => this.alter({ keyLost }),
      savePayer: (delegation, payer) => {
        this.alter({ delegation });
        this.payers.set("one", payer);
      },
      loadPayer: () => this.payers.get("one") ?? null,
      raiseCommitSeq: (seen) => this.alter({ commitSeq: Math.max(this.accounts.get("one")?.commitSeq ?? 0, seen) }),
      saveKey: (key) => this.keys.set(key.address, key),
      loadKey: (address) => this.keys.get(address),
      currentPolicy: () => this.policies.get(String(this.policies.size - 1)) ?? null,
      insertPolicy: (policy) => append(this.policies, policy),
      loadGrant: (grantId) => this.grants.get(grantId),
      loadGrants: () => [...this.grants.values()],
      saveGrant: (grant) => this.grants.set(grant.grantId, grant),
      mintNonce: (row) => this.nonces.set(row.nonce, { ...row, used: false }),
      renewNonce: (row) => {
        const unused = this.nonces.get(row.nonce)?.used === false;
        if (unused) this.nonces.set(row.nonce, { ...row, used: false });
        return unused;
      },
      readNonce: (ask) => this.freshNonce(ask)?.payload,
      takeNonce: (ask) => {
        const row = this.freshNonce(ask);
        if (row !== undefined) this.nonces.set(row.nonce, { ...row, used: true });
        return row?.payload;
      },
      nonceKnown: (nonce) => this.nonces.has(nonce),
      notify: ({ about, ...notice }) => {
        const key = `${notice.kind} ${about}`;
        if (!this.notices.has(key)) this.notices.set(key, { ...notice, seenAtMs: null });
      },
      loadNotices: () => [...this.notices.values()],
      countFindings: () => [...this.notices.values()].filter(isFinding).length,
      seeNotice: () => undefined,
      seeNoticeAbout: () => undefined,
      liveCount: () => this.live().length,
      kekVersion: () => 1,
      databaseBytes: () => 0,
    };
    return part;
  }

  private bookRows() {
    const append = <V>(table: Table<V>, value: V): void => table.set(String(table.size), value);
    const add = (grantId: string, credits: number): void => {
      for (const scope of ["account", grantId]) this.sums.set(scope, (this.sums.get(scope) ?? 0) + credits);
    };
    const refresh = (vmId: string): void => {
      const row = this.vms.get(vmId);
      if (row !== undefined) this.put({ ...row, vm: { ...row.vm, holds: this.holdsOf(vmId) } });
    };
    const part: Partial<Store> = {
      balanceOf: () => this.balances.get("one") ?? EMPTY_BALANCE,
      saveBalance: (balance) => this.balances.set("one", balance),
      appendEntry: (about, entry) => append(this.entries, { ...about, ...entry, seq: this.entries.size }),
      insertHold: (hold) => {
        add(hold.grantId, hold.credits);
        this.holds.set(hold.holdId, hold);
        refresh(hold.vmId);
      },
      updateHold: (hold) => {
        const old = this.holds.get(hold.holdId);
        add(hold.grantId, hold.credits - (old?.credits ?? 0));
        if (old !== undefined) this.holds.set(hold.holdId, { ...old, state: hold.state, credits: hold.credits });
        refresh(hold.vmId);
      },
      insertExtra: (vm, extra, atMs) => {
        add(vm.grantId, extra.credits);
        append(this.extras, { vmId: vm.vmId, grantId: vm.grantId, kind: extra.kind, credits: extra.credits, atMs });
      },
      spentBy: (grantId) => this.sums.get(grantId ?? "account") ?? 0,
      committedBy: (scope) => {
        const of = ({ grantId }: { readonly grantId: string }) => scope === "account" || grantId === scope;
        const holds = [...this.holds.values()];
        if (scope === "unapproved") return listed(holds.filter((hold) => !hold.approved));
        const spent = [...holds.filter(of), ...[...this.extras.values()].filter(of)];
        return listed(spent.toSorted((a, b) => a.atMs - b.atMs));
      },
      createdSince: (grantId, sinceMs) => {
        const times: number[] = [];
        for (const { vm } of this.vms.values())
          if (vm.admittedAtMs > sinceMs && (grantId === null || vm.grantId === grantId)) times.push(vm.admittedAtMs);
        return times;
      },
      hadVm: (grantId) => this.count(({ vm }) => vm.state !== "FAILED" && vm.grantId === grantId) > 0,
      heldBy: (grantId) => {
        const open = [...this.holds.values()].filter(({ state }) => state === "held" || state === "shrunk");
        return open.reduce((sum, hold) => (hold.grantId === grantId ? sum + hold.credits : sum), 0);
      },
      entriesOf: () => ({ rows: [], place: 0 }),
      spendingGroups: () => ({ groups: [], total: 0 }),
      loadPace: (grantId) => this.paces.get(grantId) ?? unpaced(grantId),
      savePace: (pace) => this.paces.set(pace.grantId, pace),
      // Only what an owner is shown beside a changed policy; no rule reads it.
      noteAsked: () => undefined,
      askedCreates: () => [],
      loadWatched: () => this.watched.get("one"),
      saveWatched: (watched) => this.watched.set("one", watched),
      loadBill: (vmId) => this.bills.get(vmId),
      saveBill: (vmId, bill) => this.bills.set(vmId, bill),
      lastLink: () => this.audits.get(String(this.audits.size - 1))?.chain ?? "",
      appendAudit: (row) => append(this.audits, row),
      auditHolds: () => this.chainHolds(),
    };
    return part;
  }

  private chainHolds(): boolean {
    let before = "";
    for (const row of this.audits.values()) {
      if (row.chain !== linkOf(before, row)) return false;
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
      ...this.messageRows(),
    };
    return part;
  }

  private messageRows() {
    const isNewer = (one: Kept, kind: string): boolean => kind === "security" && one.kind === "security" && one.open;
    const part: Partial<Store> = {
      storeOwnerMessage: (kind, message, storedAtMs, about) => {
        for (const one of this.messages.values())
          if (isNewer(one, kind)) this.messages.set(one.itemHash, { ...one, open: false });
        const { purpose, about: of } = about ?? { purpose: kind === "forget" ? "forget" : "delegate", about: "" };
        const fresh = { storedAtMs, coreNodesDone: 0, judgedAtMs: null, open: true, inForce: false };
        const itemHash = message.item_hash;
        if (this.messages.get(itemHash) === undefined)
          this.messages.set(itemHash, { itemHash, kind, message, purpose, about: of, ...fresh });
      },
      openOwnerMessages: () => this.openMessages(),
      recordRelay: (itemHash, { judged, outcome }, nowMs) => {
        const one = this.messages.get(itemHash);
        if (one === undefined || !one.open) return;
        const judgedAtMs = one.judgedAtMs ?? (judged >= 2 ? nowMs : null);
        this.messages.set(itemHash, {
          ...one,
          coreNodesDone: judged,
          judgedAtMs,
          open: outcome === null,
          inForce: outcome === "in_force",
        });
      },
      listInForce: () => {
        const lists = [...this.messages.values()].filter((one) => one.kind === "security" && one.inForce);
        return lists.toSorted((a, b) => b.message.time - a.message.time)[0]?.message ?? null;
      },
      newestListTimeS: () =>
        Math.max(
          0,
          ...[...this.messages.values()].filter((one) => one.kind === "security").map((one) => one.message.time),
        ),
      loadLeaving: () => this.leavings.get("one") ?? null,
      saveLeaving: (leaving) => {
        if (leaving === null) this.leavings.delete("one");
        else this.leavings.set("one", leaving);
      },
      nextKey: () => this.nextKeys.get("one") ?? null,
      saveNextKey: (address) => {
        if (address === null) this.nextKeys.delete("one");
        else this.nextKeys.set("one", address);
      },
      setAgentAddress: (agentAddress) => this.alter({ agentAddress }),
      keysEver: () => [...this.keys.values()].map((one) => one.address as Address),
    };
    return part;
  }

  private freshNonce({ nonce, sessionId, purpose, nowMs }: NonceAsk) {
    const row = this.nonces.get(nonce);
    const fresh = row !== undefined && !row.used && row.expiresAtMs > nowMs;
    return fresh && row.sessionId === sessionId && row.purpose === purpose ? row : undefined;
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
      dormantOf: (sender) =>
        this.select(
          ({ vm }) => vm.orphan === undefined && vm.attempts.some((one) => couldRevive(one) && one.sender === sender),
        ).map((vm) => vm.grantId),
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

  private listRows() {
    const part: Partial<Store> = {
      vmIdOfHash: (itemHash) => this.vmIds.get(itemHash),
      hadAnyVm: () => this.vms.size > 0,
      loadSightings: () => this.seenOnce(),
      saveSighting: (sighting) => this.sightings.set(sighting.itemHash, sighting),
      dropSighting: (itemHash) => this.sightings.delete(itemHash),
      loadLists: () => this.lists.get("one") ?? NEVER_READ,
      saveLists: (state) => this.lists.set("one", state),
      loadInventory: () => this.inventories.get("one") ?? null,
      saveInventory: (written) => this.inventories.set("one", written),
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
