/** Rows ⇄ values for Aleph messages that the owner signed: stored before they leave, dropped when a newer one exists. */
import type { SignedMessage } from "../aleph/message.ts";

export type OwnerMessage = {
  readonly itemHash: string;
  readonly kind: "security" | "forget";
  readonly message: SignedMessage;
  readonly storedAtMs: number;
  readonly coreNodesDone: number;
};

type Row = { item_hash: string; kind: string; message_json: string; stored_at_ms: number; core_nodes_done: number };
const OPEN = "done_at_ms IS NULL AND dropped_at_ms IS NULL";

/** A newer aggregate takes the place of an older one that is still on its way. */
export function storeOwnerMessage(
  sql: SqlStorage,
  kind: OwnerMessage["kind"],
  message: SignedMessage,
  nowMs: number,
): void {
  if (kind === "security")
    sql.exec(
      `UPDATE owner_message SET dropped_at_ms = ? WHERE kind = 'security' AND ${OPEN} AND item_hash <> ?`,
      nowMs,
      message.item_hash,
    );
  sql.exec(
    "INSERT INTO owner_message (item_hash, kind, message_json, time_s, stored_at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (item_hash) DO NOTHING",
    message.item_hash,
    kind,
    JSON.stringify(message),
    message.time,
    nowMs,
  );
}

export function openOwnerMessages(sql: SqlStorage): readonly OwnerMessage[] {
  return sql
    .exec<Row>(`SELECT * FROM owner_message WHERE ${OPEN} ORDER BY stored_at_ms`)
    .toArray()
    .map((row) => ({
      itemHash: row.item_hash,
      kind: row.kind as OwnerMessage["kind"],
      message: JSON.parse(row.message_json) as SignedMessage,
      storedAtMs: row.stored_at_ms,
      coreNodesDone: row.core_nodes_done,
    }));
}

/** Judged by two: the drive stops sending. What it did is read back from the network, never assumed. */
export function recordRelay(sql: SqlStorage, itemHash: string, coreNodesDone: number, nowMs: number): void {
  sql.exec(
    "UPDATE owner_message SET core_nodes_done = ?2, done_at_ms = CASE WHEN ?2 >= 2 THEN ?3 END WHERE item_hash = ?1 AND done_at_ms IS NULL",
    itemHash,
    coreNodesDone,
    nowMs,
  );
}
