/**
 * What was read from a store and has not been written since, so that 500 histories take a minute of SQLite and not ten.
 * Each function of the store is in one of the two lists: one that is new does not compile until it says what it writes, or
 * what it reads. `differs` compares all that was remembered with the storage itself.
 */
import type { Store } from "../../src/account/store.ts";

export type Kind =
  | "account"
  | "approval"
  | "audit"
  | "balance"
  | "bill"
  | "extra"
  | "grant"
  | "inventory"
  | "key"
  | "leaving"
  | "lists"
  | "message"
  | "next_key"
  | "policy"
  | "sighting"
  | "vm"
  | "watched";

/** What each function writes of the kinds that are remembered. */
const WRITES = {
  insertAccount: ["account", "balance"],
  countCommit: ["account"],
  setFrozen: ["account"],
  setRestored: ["account"],
  setKeyLost: ["account"],
  savePayer: ["account"],
  raiseCommitSeq: ["account"],
  setAgentAddress: ["account"],
  saveKey: ["key"],
  saveNextKey: ["next_key"],
  insertPolicy: ["policy"],
  saveGrant: ["grant"],
  saveVm: ["vm"],
  insertHold: ["vm"],
  updateHold: ["vm"],
  saveBalance: ["balance"],
  insertExtra: ["extra"],
  appendAudit: ["audit"],
  saveApproval: ["approval"],
  storeOwnerMessage: ["message"],
  recordRelay: ["message"],
  saveWatched: ["watched"],
  saveBill: ["bill"],
  saveSighting: ["sighting"],
  dropSighting: ["sighting"],
  saveLists: ["lists"],
  saveLeaving: ["leaving"],
  saveInventory: ["inventory"],
  appendEntry: [],
  burnQuote: [],
  clearTried: [],
  deleteRun: [],
  endCarrying: [],
  insertQuote: [],
  keepRead: [],
  mintNonce: [],
  noteAsked: [],
  notify: [],
  pruneQuotes: [],
  renewNonce: [],
  savePace: [],
  saveRun: [],
  saveTried: [],
  seeNotice: [],
  seeNoticeAbout: [],
  takeNonce: [],
} as const satisfies Partial<Readonly<Record<keyof Store, readonly Kind[]>>>;

/** Of what each answer is made, by functions of at most one id; null: asked anew each time. */
const READS: Readonly<Record<Exclude<keyof Store, keyof typeof WRITES>, readonly Kind[] | null>> = {
  loadAccount: ["account"],
  loadPayer: ["account"],
  loadKey: ["key"],
  keysEver: ["key"],
  kekVersion: ["account", "key", "next_key"],
  nextKey: ["next_key"],
  currentPolicy: ["policy"],
  loadGrant: ["grant"],
  loadGrants: ["grant"],
  loadVm: ["vm"],
  loadTended: ["vm"],
  loadLive: ["vm"],
  liveCount: ["vm"],
  dormantOf: ["vm"],
  hadAnyVm: ["vm"],
  vmIdOfHash: ["vm"],
  balanceOf: ["balance"],
  spentBy: ["vm", "extra"],
  lastLink: ["audit"],
  loadApproval: ["approval"],
  openOwnerMessages: ["message"],
  newestListTimeS: ["message"],
  listInForce: ["message"],
  loadWatched: ["watched"],
  loadBill: ["bill"],
  loadSightings: ["sighting"],
  loadLists: ["lists"],
  loadLeaving: ["leaving"],
  loadInventory: ["inventory"],
  approvalOfQuote: null,
  askedCreates: null,
  auditHolds: null,
  readsAfter: null,
  chainAfter: null,
  committedBy: null,
  countFindings: null,
  createdSince: null,
  databaseBytes: null,
  entriesAfter: null,
  heldBy: null,
  entriesOf: null,
  hadVm: null,
  holdsOf: null,
  isCarrying: null,
  loadLog: null,
  loadNotices: null,
  loadPace: null,
  loadPage: null,
  loadQuote: null,
  loadRun: null,
  nonceKnown: null,
  openApprovals: null,
  readNonce: null,
  openQuotes: null,
  runsUntil: null,
  spendingGroups: null,
};

type Work = (...args: readonly unknown[]) => unknown;
type Remembered = {
  readonly stamp: number;
  readonly kinds: readonly Kind[];
  readonly value: unknown;
  readonly again: () => unknown;
};

export class Kept {
  private readonly versions = new Map<Kind, number>();
  private readonly values = new Map<string, Remembered>();

  /** Grows with each write of one of these kinds. */
  version(...kinds: readonly Kind[]): number {
    return kinds.reduce((sum, kind) => sum + (this.versions.get(kind) ?? 0), 0);
  }

  /** The answer of `work`, asked for again only after a write of one of these kinds. */
  read<T>(name: string, kinds: readonly Kind[], work: () => T): T {
    const stamp = this.version(...kinds);
    const known = this.values.get(name);
    if (known !== undefined && known.stamp === stamp) return known.value as T;
    const value = work();
    this.values.set(name, { stamp, kinds, value, again: work });
    return value;
  }

  /** `whose` keeps apart what different readers ask in different ways. */
  over(store: Store, whose: string): Store {
    const entries = Object.entries<Work>(store as unknown as Record<string, Work>).map(([name, work]) => {
      const writes: readonly Kind[] | undefined = (WRITES as Readonly<Record<string, readonly Kind[]>>)[name];
      if (writes !== undefined) return [name, this.writing(writes, work)];
      const kinds = (READS as Readonly<Record<string, readonly Kind[] | null>>)[name] ?? null;
      return [name, kinds === null ? work : this.reading(`${whose} ${name}`, kinds, work)];
    });
    return Object.fromEntries(entries) as Store;
  }

  private writing(kinds: readonly Kind[], work: Work): Work {
    return (...args) => {
      this.written(...kinds);
      return work(...args);
    };
  }

  private reading(name: string, kinds: readonly Kind[], work: Work): Work {
    return (...args) => this.read(`${name} ${String(args[0] ?? "")}`, kinds, () => work(...args));
  }

  private written(...kinds: readonly Kind[]): void {
    for (const kind of kinds) this.versions.set(kind, (this.versions.get(kind) ?? 0) + 1);
  }

  /** After another storage was put in place; versions go on, for those who remember one. */
  forget(): void {
    this.values.clear();
    this.written("account", "approval", "extra", "grant", "vm");
  }

  /** The first answer that the storage gives otherwise now. */
  differs(): string | undefined {
    for (const [name, { stamp, kinds, value, again }] of this.values)
      if (stamp === this.version(...kinds) && asText(again()) !== asText(value)) return name;
    return undefined;
  }
}

export const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) => (typeof one === "bigint" ? `${one}` : one)) ?? "undefined";
