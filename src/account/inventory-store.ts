/** Rows ⇄ values for the latest inventory message. Inside the caller's transaction; no rules. */
import type { Written } from "./inventory.ts";

export function loadInventory(sql: SqlStorage): Written | null {
  const [row] = sql.exec<{ written_json: string }>("SELECT written_json FROM inventory").toArray();
  return row === undefined ? null : (JSON.parse(row.written_json) as Written);
}

export function saveInventory(sql: SqlStorage, written: Written): void {
  sql.exec(
    "INSERT INTO inventory (one, written_json) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET written_json = ?1",
    JSON.stringify(written),
  );
}
