/** Rows ⇄ values for what the network's lists showed: sightings, how far they were read, and which hashes are known. */
import type { ListsState, Sighting } from "./reconcile.ts";
import type { Hash } from "./types.ts";

export function vmIdOfHash(sql: SqlStorage, itemHash: Hash): string | undefined {
  return sql.exec<{ vm_id: string }>("SELECT vm_id FROM attempt WHERE item_hash = ?", itemHash).toArray()[0]?.vm_id;
}

/** Whether anything of this account can be on the network at all. */
export function hadAnyVm(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM vm LIMIT 1").toArray().length > 0;
}

export function loadSightings(sql: SqlStorage): readonly Sighting[] {
  return sql
    .exec<{ sighting_json: string }>("SELECT sighting_json FROM sighting ORDER BY rowid")
    .toArray()
    .map((row) => JSON.parse(row.sighting_json) as Sighting);
}

export function saveSighting(sql: SqlStorage, sighting: Sighting): void {
  sql.exec(
    "INSERT INTO sighting (item_hash, sighting_json) VALUES (?1, ?2) ON CONFLICT (item_hash) DO UPDATE SET sighting_json = ?2",
    sighting.itemHash,
    JSON.stringify(sighting),
  );
}

export function dropSighting(sql: SqlStorage, itemHash: Hash): void {
  sql.exec("DELETE FROM sighting WHERE item_hash = ?", itemHash);
}

type Row = {
  restored_at_ms: number | null;
  first_full_ms: number | null;
  reconciled_at_ms: number | null;
  read_at_ms: number;
  complete: number;
  foreign_: number | null;
};

export function loadLists(sql: SqlStorage): ListsState {
  const row = sql.exec<Row>("SELECT * FROM lists").one();
  return {
    restoredAtMs: row.restored_at_ms,
    firstFullMs: row.first_full_ms,
    reconciledAtMs: row.reconciled_at_ms,
    readAtMs: row.read_at_ms,
    complete: row.complete,
    foreign: row.foreign_,
  };
}

export function saveLists(sql: SqlStorage, state: ListsState): void {
  sql.exec(
    "UPDATE lists SET restored_at_ms = ?, first_full_ms = ?, reconciled_at_ms = ?, read_at_ms = ?, complete = ?, foreign_ = ?",
    state.restoredAtMs,
    state.firstFullMs,
    state.reconciledAtMs,
    state.readAtMs,
    state.complete,
    state.foreign,
  );
}
