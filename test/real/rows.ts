/**
 * The committed rows of a real account, read back from its SQLite in the shape that the checker knows. A VM is read anew
 * after each commit that wrote it; `isFaithful` compares everything that was remembered with the storage itself.
 */
import { sqlStore, type Store } from "../../src/account/store.ts";
import type { Approval, Grant, Hold, VmRecord } from "../../src/account/types.ts";
import type { AccountRow } from "../../src/account/account-store.ts";
import type { StepLog } from "../../src/account/plan.ts";
import type { AuditRow } from "../../src/account/ledger-store.ts";
import type { QuoteRow } from "../../src/account/quote-store.ts";
import type { Changed, ExtraRow } from "../sim/memory-store.ts";
import { asText, Kept, type Kind } from "./kept.ts";

type VmRow = { readonly vm: VmRecord; readonly live: boolean; readonly tended: boolean };

/** Reads like a table of memory. */
type Read<V> = {
  /** Grows with every write. */
  readonly version: number;
  readonly size: number;
  readonly get: (key: string) => V | undefined;
  readonly values: () => Iterable<V>;
};

export class Rows {
  readonly store: Store;
  readonly vms = new Map<string, VmRow>();
  private readonly sql: SqlStorage;
  private readonly stored: Store;
  private readonly written = new Set<string>();
  private readonly logs = new Map<string, StepLog>();
  private readonly kept = new Kept();

  constructor(sql: SqlStorage) {
    this.sql = sql;
    this.stored = sqlStore(sql);
    this.store = {
      ...this.kept.over(this.stored, "checker"),
      loadTended: () => this.select((row) => row.tended),
      loadLive: () => this.select((row) => row.live),
    };
  }

  /** Of what decides when an account has to look at its VMs. */
  get version(): number {
    return this.kept.version("account", "vm");
  }

  /**
   * The account's own store, with a note of each VM that it writes. What was read and has not been written since is not
   * read and parsed again; a new incarnation remembers nothing.
   */
  noting(store: Store): Store {
    const note = (vmId: string): void => void this.written.add(vmId);
    const load = (vmId: string): VmRecord | undefined =>
      this.written.has(vmId) ? store.loadVm(vmId) : (this.vm(vmId) ?? store.loadVm(vmId));
    const loadAll = (which: "tended" | "live"): VmRecord[] =>
      this.sql
        .exec<{ id: string }>(`SELECT vm_id AS id FROM vm WHERE ${which} = 1 ORDER BY admitted_at_ms`)
        .toArray()
        .flatMap(({ id }) => load(id) ?? []);
    const noting: Store = {
      ...store,
      ...this.remembering(store),
      saveVm: (vm, tended) => (note(vm.vmId), store.saveVm(vm, tended)),
      insertHold: (hold) => (note(hold.vmId), store.insertHold(hold)),
      updateHold: (hold) => (note(hold.vmId), store.updateHold(hold)),
      loadVm: load,
      loadTended: () => loadAll("tended"),
      loadLive: () => loadAll("live"),
    };
    return this.kept.over(noting, "account");
  }

  /** The log of tries by what they are about: one is written while others are read. */
  private remembering(store: Store): Pick<Store, "loadLog" | "saveTried" | "clearTried"> {
    const { logs } = this;
    return {
      loadLog: (about) => {
        const log = logs.get(about) ?? store.loadLog(about);
        logs.set(about, log);
        return log;
      },
      saveTried: (key, about, tried) => (logs.delete(about), store.saveTried(key, about, tried)),
      clearTried: (about) => (logs.delete(about), store.clearTried(about)),
    };
  }

  get row(): AccountRow {
    const account = this.store.loadAccount();
    if (account === undefined) throw new Error("unborn");
    return account;
  }

  /** What was committed since the last look, each VM as it was before. */
  takeChanged(): Changed {
    const before = new Map<string, VmRecord | undefined>();
    for (const vmId of this.written) {
      const now = this.read(vmId);
      before.set(vmId, this.vms.get(vmId)?.vm);
      if (now !== undefined) this.vms.set(vmId, now);
    }
    this.written.clear();
    return before;
  }

  /** After another storage was put in place. */
  readAgain(): void {
    this.kept.forget();
    this.logs.clear();
    this.written.clear();
    this.vms.clear();
    for (const { vm_id: vmId } of this.sql.exec<{ vm_id: string }>("SELECT vm_id FROM vm ORDER BY rowid").toArray())
      this.vms.set(vmId, this.read(vmId) as VmRow);
  }

  isFaithful(): boolean {
    const stored = this.sql.exec<{ vm_id: string }>("SELECT vm_id FROM vm").toArray();
    return (
      this.kept.differs() === undefined &&
      stored.length === this.vms.size &&
      stored.every(({ vm_id: vmId }) => asText(this.read(vmId)) === asText(this.vms.get(vmId)))
    );
  }

  vm(vmId: string): VmRecord | undefined {
    return this.vms.get(vmId)?.vm;
  }

  get policies(): { readonly size: number } {
    return { size: this.sql.exec<{ n: number }>("SELECT count(*) AS n FROM policy").one().n };
  }

  readonly grants = this.table<Grant>(
    "grant",
    () => this.stored.loadGrants(),
    (grant) => grant.grantId,
  );

  readonly quotes = { get: (quoteId: string): QuoteRow | undefined => this.stored.loadQuote(quoteId) };

  readonly approvals = this.table<Approval>(
    "approval",
    () =>
      this.sql
        .exec<{ approval_id: string }>("SELECT approval_id FROM approval ORDER BY rowid")
        .toArray()
        .flatMap((row) => this.stored.loadApproval(row.approval_id) ?? []),
    (approval) => approval.approvalId,
  );

  readonly extras = this.table<ExtraRow>(
    "extra",
    () =>
      this.sql
        .exec<ExtraRow>("SELECT vm_id AS vmId, grant_id AS grantId, kind, credits, at_ms AS atMs FROM extra")
        .toArray(),
    (extra) => extra.vmId,
  );

  /** The chain, in its order; asked for once a history. */
  readonly audits = {
    values: (): Iterable<AuditRow> =>
      this.sql
        .exec<AuditRow>("SELECT at_ms AS atMs, kind, facts_json AS factsJson, chain FROM audit ORDER BY seq")
        .toArray(),
  };

  get holds(): { readonly size: number; readonly values: () => Iterable<Hold> } {
    const holds = [...this.vms.values()].flatMap(({ vm }) => vm.holds);
    return { size: holds.length, values: () => holds };
  }

  private table<V>(kind: Kind, load: () => readonly V[], keyOf: (row: V) => string): Read<V> {
    const { kept } = this;
    const values = (): readonly V[] => kept.read(`table ${kind}`, [kind], load);
    return {
      get version() {
        return kept.version(kind);
      },
      get size() {
        return values().length;
      },
      get: (key) => values().find((row) => keyOf(row) === key),
      values,
    };
  }

  private read(vmId: string): VmRow | undefined {
    const flags = this.sql
      .exec<{ live: number; tended: number }>("SELECT live, tended FROM vm WHERE vm_id = ?", vmId)
      .toArray()[0];
    const vm = this.stored.loadVm(vmId);
    if (flags === undefined || vm === undefined) return undefined;
    return { vm, live: flags.live === 1, tended: flags.tended === 1 };
  }

  private select(is: (row: VmRow) => boolean): VmRecord[] {
    return [...this.vms.values()].filter(is).map((row) => row.vm);
  }
}
