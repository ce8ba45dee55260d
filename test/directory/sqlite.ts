/** Plain SQLite behind the one method of a Durable Object's storage that the directory uses. For tests in Node. */
import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../../src/directory/sql.ts";

type Row = Record<string, SqlStorageValue>;

export function memorySql(): SqlStorage {
  const database = new DatabaseSync(":memory:");
  const exec = (query: string, ...bindings: (string | number | null)[]): object => {
    if (query.includes(";")) {
      database.exec(query);
      return cursor([]);
    }
    return cursor(database.prepare(query).all(...bindings) as Row[]);
  };
  return { exec } satisfies Record<keyof Sql, unknown> as unknown as SqlStorage;
}

function cursor(rows: Row[]): object {
  const one = (): Row => {
    const [row, ...more] = rows;
    if (row === undefined || more.length > 0) throw new Error(`expected one row, got ${rows.length}`);
    return row;
  };
  return { toArray: () => rows, one };
}
