/**
 * Tables in memory with transactions: maps of immutable values and an undo journal. A throw rolls back; a snapshot is a
 * shallow copy, and a restore puts one back. Knows nothing of accounts.
 */

/** What a key held before; undefined: nothing. */
type Undo = { readonly table: Table<never>; readonly key: string; readonly before: unknown };

export class Table<V> {
  /** Grows with every change, also with one that is undone: what was derived from the rows is good for one value. */
  version = 0;
  private rows = new Map<string, V>();
  private readonly journal: Undo[];
  private readonly all: { version: number };

  constructor(journal: Undo[], all: { version: number }) {
    this.journal = journal;
    this.all = all;
  }

  private changed(): void {
    this.version++;
    this.all.version++;
  }

  get(key: string): V | undefined {
    return this.rows.get(key);
  }

  has(key: string): boolean {
    return this.rows.has(key);
  }

  get size(): number {
    return this.rows.size;
  }

  /** In the order in which the keys first came. */
  values(): IterableIterator<V> {
    return this.rows.values();
  }

  set(key: string, value: V): void {
    this.journal.push({ table: this as unknown as Table<never>, key, before: this.rows.get(key) });
    this.changed();
    this.rows.set(key, value);
  }

  delete(key: string): void {
    const before = this.rows.get(key);
    if (before === undefined) return;
    this.journal.push({ table: this as unknown as Table<never>, key, before });
    this.changed();
    this.rows.delete(key);
  }

  undo(key: string, before: V | undefined): void {
    this.changed();
    if (before === undefined) this.rows.delete(key);
    else this.rows.set(key, before);
  }

  copy(): ReadonlyMap<string, V> {
    return new Map(this.rows);
  }

  restore(rows: ReadonlyMap<string, V>): void {
    this.changed();
    this.rows = new Map(rows);
  }

  /** A value derived from the rows, made again only when they have changed. */
  derived<D>(make: () => D): () => D {
    let madeAt = -1;
    let value: D;
    return () => {
      if (madeAt !== this.version) {
        value = make();
        madeAt = this.version;
      }
      return value;
    };
  }
}

export class Memory {
  private readonly journal: Undo[] = [];
  private readonly tables: Table<never>[] = [];
  private readonly clock = { version: 0 };

  /** Grows with every change of any table. */
  get version(): number {
    return this.clock.version;
  }

  table<V>(): Table<V> {
    const table = new Table<V>(this.journal, this.clock);
    this.tables.push(table as unknown as Table<never>);
    return table;
  }

  transaction<T>(work: () => T): T {
    const { journal } = this;
    journal.length = 0;
    try {
      return work();
    } catch (error) {
      for (let at = journal.length - 1; at >= 0; at--) {
        const { table, key, before } = journal[at] as Undo;
        table.undo(key, before as undefined);
      }
      journal.length = 0;
      throw error;
    }
  }

  snapshot(): readonly ReadonlyMap<string, never>[] {
    return this.tables.map((table) => table.copy());
  }

  restore(snapshot: readonly ReadonlyMap<string, never>[]): void {
    for (const [at, table] of this.tables.entries()) table.restore(snapshot[at] ?? new Map<string, never>());
  }
}
