/** Rows ⇄ values for nonces: of a sign-in, and of each page that something is signed on. Inside the caller's transaction; no rules. */

export type NonceRow = {
  readonly nonce: string;
  readonly sessionId: string;
  readonly purpose: string;
  readonly payload: unknown;
  readonly expiresAtMs: number;
};

export function mintNonce(sql: SqlStorage, row: NonceRow, nowMs: number): void {
  sql.exec("DELETE FROM nonce WHERE expires_at_ms < ?", nowMs - 86_400_000);
  sql.exec(
    "INSERT INTO nonce (nonce, session_id, purpose, payload_json, expires_at_ms) VALUES (?, ?, ?, ?, ?)",
    row.nonce,
    row.sessionId,
    row.purpose,
    JSON.stringify(row.payload),
    row.expiresAtMs,
  );
}

/** Shown again: good for as long as the page of now. False: there is none, or it has been used. */
export function renewNonce(sql: SqlStorage, { nonce, payload, expiresAtMs }: NonceRow): boolean {
  const renewed = sql.exec(
    "UPDATE nonce SET payload_json = ?, expires_at_ms = ? WHERE nonce = ? AND used_at_ms IS NULL RETURNING 1",
    JSON.stringify(payload),
    expiresAtMs,
    nonce,
  );
  return renewed.toArray().length > 0;
}

export function nonceKnown(sql: SqlStorage, nonce: string): boolean {
  return sql.exec("SELECT 1 FROM nonce WHERE nonce = ?", nonce).toArray().length > 0;
}

export type NonceAsk = {
  readonly nonce: string;
  readonly sessionId: string;
  readonly purpose: string;
  readonly nowMs: number;
};

const FRESH_NONCE = "nonce = ?1 AND session_id = ?2 AND purpose = ?3 AND used_at_ms IS NULL AND expires_at_ms > ?4";

/** The payload of a fresh nonce that was minted for this session and purpose; it stays fresh. */
export function readNonce(sql: SqlStorage, ask: NonceAsk): unknown {
  return payloadOf(sql, `SELECT payload_json FROM nonce WHERE ${FRESH_NONCE}`, ask);
}

/** The same, and it is used up. */
export function takeNonce(sql: SqlStorage, ask: NonceAsk): unknown {
  return payloadOf(sql, `UPDATE nonce SET used_at_ms = ?4 WHERE ${FRESH_NONCE} RETURNING payload_json`, ask);
}

function payloadOf(sql: SqlStorage, query: string, { nonce, sessionId, purpose, nowMs }: NonceAsk): unknown {
  const row = sql.exec<{ payload_json: string }>(query, nonce, sessionId, purpose, nowMs).toArray()[0];
  return row === undefined ? undefined : JSON.parse(row.payload_json);
}
