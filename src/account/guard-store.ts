/** Rows ⇄ values for what was seen of the payer's line and of each VM's bill. Inside the caller's transaction; no rules. */
import type { Bill } from "./bill.ts";
import type { Watched } from "./payer-watch.ts";

export function loadWatched(sql: SqlStorage): Watched | undefined {
  const row = sql.exec<{ watch_json: string }>("SELECT watch_json FROM payer_watch").toArray()[0];
  return row === undefined ? undefined : (JSON.parse(row.watch_json) as Watched);
}

export function saveWatched(sql: SqlStorage, watched: Watched): void {
  sql.exec(
    "INSERT INTO payer_watch (one, watch_json) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET watch_json = ?1",
    JSON.stringify(watched),
  );
}

export function loadBill(sql: SqlStorage, vmId: string): Bill | undefined {
  const row = sql.exec<{ bill_json: string }>("SELECT bill_json FROM vm_bill WHERE vm_id = ?", vmId).toArray()[0];
  return row === undefined ? undefined : (JSON.parse(row.bill_json) as Bill);
}

export function saveBill(sql: SqlStorage, vmId: string, bill: Bill): void {
  sql.exec(
    `INSERT INTO vm_bill (vm_id, booked_credits, bill_json) VALUES (?1, ?2, ?3)
     ON CONFLICT (vm_id) DO UPDATE SET booked_credits = ?2, bill_json = ?3`,
    vmId,
    bill.bookedCredits,
    JSON.stringify(bill),
  );
}
