/** An account as an earlier version of the service left it: its rows in the schema that it had then. */

/**
 * Puts an account back to the schema that these files make, with every row and column it had then, as if it had never
 * known more. What is built on it now has to be started anew: abort the object afterwards.
 */
export async function rewind(storage: DurableObjectStorage, files: readonly string[]): Promise<void> {
  const { sql } = storage;
  const kept = new Map(tablesOf(sql).map((name) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]));
  await storage.deleteAll();
  sql.exec("CREATE TABLE _schema (version INTEGER NOT NULL)");
  for (const [index, file] of files.entries()) {
    sql.exec(file);
    sql.exec("INSERT INTO _schema (version) VALUES (?)", index + 1);
  }
  for (const name of tablesOf(sql)) {
    const { columnNames } = sql.exec(`SELECT * FROM ${name}`);
    // a table may be born with a row: what the account had stands in its place
    const insert = `INSERT OR REPLACE INTO ${name} (${columnNames.join()}) VALUES (${columnNames.map(() => "?").join()})`;
    for (const row of kept.get(name) ?? []) sql.exec(insert, ...columnNames.map((column) => row[column] ?? null));
  }
}

/** In the order in which they were made, so that what refers to another table comes after it. */
const tablesOf = (sql: SqlStorage): readonly string[] =>
  sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY rowid",
    )
    .toArray()
    .map(({ name }) => name);
