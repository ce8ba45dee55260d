/**
 * Rows ⇄ values for Aleph messages that the owner signed: stored before they leave, kept for ever, and open until what
 * became of them is known or a newer aggregate takes their place.
 */
import type { SignedMessage } from "../aleph/message.ts";

/** What the owner signed it for. A new list of entries always replaces the whole old one. */
export type Purpose = "delegate" | "revoke" | "rotate" | "forget";
export type Outcome = "in_force" | "refused" | "no_effect";
export type About = {
  readonly purpose: Purpose;
  /** The key that it is about, or the hash that it forgets; empty in rows of an older schema. */
  readonly about: string;
};

export type OwnerMessage = About & {
  readonly itemHash: string;
  readonly kind: "security" | "forget";
  readonly message: SignedMessage;
  readonly storedAtMs: number;
  readonly coreNodesDone: number;
  readonly judgedAtMs: number | null;
};

/** What asking about a message showed: how many core nodes have judged it, and whether it is over. */
export type Relayed = { readonly judged: number; readonly outcome: Outcome | null };

type Row = {
  item_hash: string;
  kind: string;
  message_json: string;
  stored_at_ms: number;
  core_nodes_done: number;
  purpose: string | null;
  about: string | null;
  judged_at_ms: number | null;
};
const OPEN = "done_at_ms IS NULL AND dropped_at_ms IS NULL";

/** A newer aggregate takes the place of an older one that is still on its way. */
export function storeOwnerMessage(
  sql: SqlStorage,
  kind: OwnerMessage["kind"],
  message: SignedMessage,
  nowMs: number,
  { purpose, about }: About = { purpose: kind === "forget" ? "forget" : "delegate", about: "" },
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
  sql.exec(
    "INSERT INTO owner_message_about (item_hash, purpose, about) VALUES (?, ?, ?) ON CONFLICT (item_hash) DO NOTHING",
    message.item_hash,
    purpose,
    about,
  );
}

export function openOwnerMessages(sql: SqlStorage): readonly OwnerMessage[] {
  return sql
    .exec<Row>(
      `SELECT owner_message.*, purpose, about, judged_at_ms FROM owner_message
       LEFT JOIN owner_message_about USING (item_hash) WHERE ${OPEN} ORDER BY stored_at_ms, owner_message.rowid`,
    )
    .toArray()
    .map((row) => ({
      itemHash: row.item_hash,
      kind: row.kind as OwnerMessage["kind"],
      message: JSON.parse(row.message_json) as SignedMessage,
      storedAtMs: row.stored_at_ms,
      coreNodesDone: row.core_nodes_done,
      purpose: (row.purpose ?? (row.kind === "forget" ? "forget" : "delegate")) as Purpose,
      about: row.about ?? "",
      judgedAtMs: row.judged_at_ms,
    }));
}

/** With an outcome the drive stops sending; what a message did is read back from the network, never assumed. */
export function recordRelay(sql: SqlStorage, itemHash: string, { judged, outcome }: Relayed, nowMs: number): void {
  sql.exec(
    "UPDATE owner_message SET core_nodes_done = ?2, done_at_ms = ?3 WHERE item_hash = ?1 AND done_at_ms IS NULL",
    itemHash,
    judged,
    outcome === null ? null : nowMs,
  );
  sql.exec(
    `UPDATE owner_message_about SET outcome = ?4,
     judged_at_ms = coalesce(judged_at_ms, CASE WHEN ?2 >= 2 THEN ?3 END) WHERE item_hash = ?1 AND outcome IS NULL`,
    itemHash,
    judged,
    nowMs,
    outcome,
  );
}

/** The newest list that two core nodes showed in force: a third that has missed it is given it again. */
export function listInForce(sql: SqlStorage): SignedMessage | null {
  const [row] = sql
    .exec<{ message_json: string }>(
      `SELECT message_json FROM owner_message JOIN owner_message_about USING (item_hash)
       WHERE kind = 'security' AND outcome = 'in_force' ORDER BY time_s DESC LIMIT 1`,
    )
    .toArray();
  return row === undefined ? null : (JSON.parse(row.message_json) as SignedMessage);
}

/** Unix seconds of the newest list that the owner ever signed here: the next one has to be later to count. */
export function newestListTimeS(sql: SqlStorage): number {
  return (
    sql.exec<{ t: number | null }>("SELECT max(time_s) AS t FROM owner_message WHERE kind = 'security'").one().t ?? 0
  );
}
