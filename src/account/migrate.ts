/**
 * Applies the numbered schema files that this object has not seen, each in its own transaction. Forward only.
 * Synchronous, so no gate is needed. An object whose schema is newer than this code knows admits nothing.
 */
import first from "../../migrations/0001_account.sql";
import pace from "../../migrations/0002_pace.sql";
import guard from "../../migrations/0003_guard.sql";
import reconcile from "../../migrations/0004_reconcile.sql";
import leave from "../../migrations/0005_leave.sql";
import growth from "../../migrations/0006_growth.sql";
import inventory from "../../migrations/0007_inventory.sql";
import woken from "../../migrations/0008_woken.sql";
import bounded from "../../migrations/0009_bounded.sql";
import topUp from "../../migrations/0010_top_up.sql";

/** In their order; a stored schema has the number of the last one that it has seen. */
export const MIGRATIONS: readonly string[] = [
  first,
  pace,
  guard,
  reconcile,
  leave,
  growth,
  inventory,
  woken,
  bounded,
  topUp,
];

/** Returns false when the stored schema is newer than the code. */
export function migrate(storage: DurableObjectStorage): boolean {
  storage.sql.exec("CREATE TABLE IF NOT EXISTS _schema (version INTEGER NOT NULL)");
  const { v } = storage.sql.exec<{ v: number | null }>("SELECT max(version) AS v FROM _schema").one();
  const from = v ?? 0;
  for (let version = from; version < MIGRATIONS.length; version++) {
    storage.transactionSync(() => {
      storage.sql.exec(MIGRATIONS[version] as string);
      storage.sql.exec("INSERT INTO _schema (version) VALUES (?)", version + 1);
    });
  }
  return from <= MIGRATIONS.length;
}
