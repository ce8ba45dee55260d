/** Rows of history beside the chain: whether an older account's standing still has to be told in it. No rules. */

export const isCarrying = (sql: SqlStorage): boolean => sql.exec("SELECT 1 FROM carrying").toArray().length > 0;

export function endCarrying(sql: SqlStorage): void {
  sql.exec("DELETE FROM carrying");
}
