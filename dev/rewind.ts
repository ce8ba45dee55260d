/**
 * Puts an account's storage back to a moment that was remembered, as a point-in-time restore of the platform would: for the
 * demo and for whoever wants to see what follows. Kept in module scope, so it lasts as long as this process.
 */
type Row = Record<string, SqlStorageValue>;
type Table = { readonly name: string; readonly rows: readonly Row[] };

const remembered = new Map<string, readonly Table[]>();

export function remember(id: string, { sql }: DurableObjectStorage): void {
  const tables = tablesOf(sql).map((name) => ({ name, rows: sql.exec<Row>(`SELECT * FROM ${name}`).toArray() }));
  remembered.set(id, tables);
}

/** False: nothing was remembered. What ran on these rows has to be started anew. */
export function putBack(id: string, storage: DurableObjectStorage): boolean {
  const tables = remembered.get(id);
  if (tables === undefined) return false;
  storage.transactionSync(() => {
    const { sql } = storage;
    const query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'";
    const triggers = sql.exec<{ name: string; sql: string }>(query).toArray();
    for (const { name } of triggers) sql.exec(`DROP TRIGGER ${name}`);
    for (const { name } of tables.toReversed()) sql.exec(`DELETE FROM ${name}`);
    for (const { name, rows } of tables) for (const row of rows) insert(sql, name, row);
    for (const trigger of triggers) sql.exec(trigger.sql);
  });
  return true;
}

/** In the order in which they were made, so that what refers to another table comes after it. */
const tablesOf = (sql: SqlStorage): readonly string[] =>
  sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY rowid",
    )
    .toArray()
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("sqlite"));

function insert(sql: SqlStorage, table: string, row: Row): void {
  const marks = Object.keys(row).map(() => "?");
  sql.exec(`INSERT INTO ${table} (${Object.keys(row).join(", ")}) VALUES (${marks.join(", ")})`, ...Object.values(row));
}
