/**
 * A whole storage as a value: taken from one object's SQLite and put back later, as a point-in-time restore would. The
 * local runtime has none, so the tables are emptied and filled; their own triggers rest meanwhile.
 */
type Rows = readonly Record<string, SqlStorageValue>[];
export type Copy = ReadonlyMap<string, Rows>;

const INTERNAL = /^(sqlite_|_cf_)/;

function names(sql: SqlStorage, type: "table" | "trigger"): readonly { readonly name: string; readonly sql: string }[] {
  return sql
    .exec<{ name: string; sql: string }>("SELECT name, sql FROM sqlite_master WHERE type = ?", type)
    .toArray()
    .filter(({ name }) => !INTERNAL.test(name));
}

export function copyOf(sql: SqlStorage): Copy {
  return new Map(names(sql, "table").map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]));
}

export function putBack(storage: DurableObjectStorage, copy: Copy): void {
  const { sql } = storage;
  withoutTriggers(storage, () => {
    sql.exec("PRAGMA defer_foreign_keys = on");
    for (const { name } of names(sql, "table")) sql.exec(`DELETE FROM ${name}`);
    for (const [table, rows] of copy) for (const row of rows) insert(sql, table, row);
  });
}

/** One transaction in which rows may change that the triggers protect. */
export function withoutTriggers(storage: DurableObjectStorage, work: () => void): void {
  const { sql } = storage;
  storage.transactionSync(() => {
    const triggers = names(sql, "trigger");
    for (const { name } of triggers) sql.exec(`DROP TRIGGER ${name}`);
    work();
    for (const trigger of triggers) sql.exec(trigger.sql);
  });
}

function insert(sql: SqlStorage, table: string, row: Record<string, SqlStorageValue>): void {
  const columns = Object.keys(row);
  sql.exec(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
    ...Object.values(row),
  );
}
