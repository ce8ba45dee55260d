/**
 * Tables in memory with transactions: maps of immutable values and an undo journal. A throw rolls back; a snapshot is a
 * shallow copy, and a restore puts one back. Knows nothing of accounts.
 */
export class Table<V> {
  private rows = new Map<string, V>();
  private readonly journal: (() => void)[];

  constructor(journal: (() => void)[]) {
    this.journal = journal;
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
    const { rows } = this;
    const had = rows.has(key);
    const old = rows.get(key) as V;
    this.journal.push(had ? () => rows.set(key, old) : () => rows.delete(key));
    rows.set(key, value);
  }

  delete(key: string): void {
    const { rows } = this;
    const old = rows.get(key);
    if (old === undefined) return;
    this.journal.push(() => rows.set(key, old));
    rows.delete(key);
  }

  copy(): ReadonlyMap<string, V> {
    return new Map(this.rows);
  }

  restore(rows: ReadonlyMap<string, V>): void {
    this.rows = new Map(rows);
  }
}

export class Memory {
  readonly journal: (() => void)[] = [];
  readonly tables: Table<never>[] = [];

  table<V>(): Table<V> {
    const table = new Table<V>(this.journal);
    this.tables.push(table as unknown as Table<never>);
    return table;
  }

  transaction<T>(work: () => T): T {
    this.journal.length = 0;
    try {
      return work();
    } catch (error) {
      for (const undo of this.journal.toReversed()) undo();
      throw error;
    } finally {
      this.journal.length = 0;
    }
  }

  snapshot(): readonly ReadonlyMap<string, never>[] {
    return this.tables.map((table) => table.copy());
  }

  restore(snapshot: readonly ReadonlyMap<string, never>[]): void {
    for (const [at, table] of this.tables.entries()) table.restore(snapshot[at] ?? new Map<string, never>());
  }
}
