/** Rows ⇄ values for leaving and for keys: what the owner has begun, which key waits, and every key there ever was. */
import type { Address } from "../crypto/secp256k1.ts";
import type { LeaveKind } from "./leave-contract.ts";

export type Leaving = { readonly kind: LeaveKind; readonly sinceMs: number; readonly revokedAtMs: number | null };

export function loadLeaving(sql: SqlStorage): Leaving | null {
  const [row] = sql
    .exec<{ kind: string; since_ms: number; revoked_at_ms: number | null }>("SELECT * FROM leaving")
    .toArray();
  return row === undefined
    ? null
    : { kind: row.kind as LeaveKind, sinceMs: row.since_ms, revokedAtMs: row.revoked_at_ms };
}

export function saveLeaving(sql: SqlStorage, leaving: Leaving | null): void {
  if (leaving === null) return void sql.exec("DELETE FROM leaving");
  sql.exec(
    `INSERT INTO leaving (one, kind, since_ms, revoked_at_ms) VALUES (1, ?1, ?2, ?3)
     ON CONFLICT (one) DO UPDATE SET kind = ?1, since_ms = ?2, revoked_at_ms = ?3`,
    leaving.kind,
    leaving.sinceMs,
    leaving.revokedAtMs,
  );
}

/** The key that a rotation prepares, or null. */
export function nextKey(sql: SqlStorage): Address | null {
  return (sql.exec<{ address: string }>("SELECT address FROM next_key").toArray()[0]?.address ??
    null) as Address | null;
}

export function saveNextKey(sql: SqlStorage, address: Address | null, atMs: number): void {
  sql.exec("DELETE FROM next_key");
  if (address !== null) sql.exec("INSERT INTO next_key (one, address, since_ms) VALUES (1, ?, ?)", address, atMs);
}

export function setAgentAddress(sql: SqlStorage, address: Address): void {
  sql.exec("UPDATE account SET agent_address = ?", address);
}

/** Every key that this account ever had, in order of creation: what one of them signed is ours on the network. */
export function keysEver(sql: SqlStorage): readonly Address[] {
  return sql
    .exec<{ address: string }>("SELECT address FROM agent_key ORDER BY created_at_ms, rowid")
    .toArray()
    .map((row) => row.address as Address);
}

/** The oldest sealing key that a key still in use needs; 0 before birth. Retired keys are never opened again. */
export function kekVersion(sql: SqlStorage): number {
  return (
    sql
      .exec<{ v: number | null }>(
        `SELECT min(kek_version) AS v FROM agent_key
         WHERE address IN (SELECT agent_address FROM account UNION SELECT address FROM next_key)`,
      )
      .one().v ?? 0
  );
}
