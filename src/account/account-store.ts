/** Rows ⇄ values for the account itself: its one row, the policy, grants and the pacing log. */
import type { PayerFacts } from "./payer.ts";
import { revivePolicy } from "./policy-stored.ts";
import type { StepLog, Tried } from "./plan.ts";
import type { Grant, GrantState, Policy } from "./types.ts";

export type AccountRow = {
  readonly name: string;
  readonly objectId: string;
  readonly owner: `0x${string}`;
  readonly agentAddress: `0x${string}`;
  readonly bornAtMs: number;
  readonly state: "active" | "frozen";
  readonly frozenReason: string | null;
  readonly restored: boolean;
  readonly keyLost: boolean;
  readonly commitSeq: number;
  /** What an object woke with that has stored something and not heard `Watch` yet; null: whoever stored last had. */
  readonly wokenSeq: number | null;
  readonly lastNowMs: number;
  readonly delegation: "ok" | "missing" | "too_wide" | "unknown";
};

type Row = Record<string, SqlStorageValue>;

/**
 * Undefined before birth: an object that was merely addressed has no account and does nothing. Without the reading of the
 * payer, which is long, and this is asked for at every turn.
 */
export function loadAccount(sql: SqlStorage): AccountRow | undefined {
  const row = sql
    .exec<Row>(
      `SELECT name, object_id, owner, agent_address, born_at_ms, state, frozen_reason, restored, key_lost, commit_seq,
              woken_seq, last_now_ms, delegation FROM account`,
    )
    .toArray()[0];
  if (row === undefined) return undefined;
  return {
    name: row["name"] as string,
    objectId: row["object_id"] as string,
    owner: row["owner"] as `0x${string}`,
    agentAddress: row["agent_address"] as `0x${string}`,
    bornAtMs: row["born_at_ms"] as number,
    state: row["state"] as AccountRow["state"],
    frozenReason: row["frozen_reason"] as string | null,
    restored: row["restored"] === 1,
    keyLost: row["key_lost"] === 1,
    commitSeq: row["commit_seq"] as number,
    wokenSeq: row["woken_seq"] as number | null,
    lastNowMs: row["last_now_ms"] as number,
    delegation: row["delegation"] as AccountRow["delegation"],
  };
}

export function insertAccount(
  sql: SqlStorage,
  born: Pick<AccountRow, "name" | "objectId" | "owner" | "agentAddress" | "bornAtMs">,
): void {
  sql.exec(
    `INSERT INTO account (one, name, object_id, owner, agent_address, born_at_ms, state, commit_seq, last_now_ms, delegation)
     VALUES (1, ?, ?, ?, ?, ?, 'active', 0, ?, 'unknown')`,
    born.name,
    born.objectId,
    born.owner,
    born.agentAddress,
    born.bornAtMs,
    born.bornAtMs,
  );
  sql.exec("INSERT INTO balance (one, granted, deficit, available, held, posted) VALUES (1, 0, 0, 0, 0, 0)");
}

export function countCommit(sql: SqlStorage, lastNowMs: number, wokenSeq: AccountRow["wokenSeq"]): void {
  sql.exec(
    "UPDATE account SET commit_seq = commit_seq + 1, last_now_ms = max(last_now_ms, ?), woken_seq = ?",
    lastNowMs,
    wokenSeq,
  );
}

export function setFrozen(sql: SqlStorage, reason: string | null): void {
  sql.exec("UPDATE account SET state = ?, frozen_reason = ?", reason === null ? "active" : "frozen", reason);
}

export function setRestored(sql: SqlStorage, restored: boolean): void {
  sql.exec("UPDATE account SET restored = ?", restored ? 1 : 0);
}

export function setKeyLost(sql: SqlStorage, lost: boolean): void {
  sql.exec("UPDATE account SET key_lost = ?", lost ? 1 : 0);
}

/** Bigints as text; a line for each VM of ours that lives or is to be settled. */
export function savePayer(sql: SqlStorage, delegation: AccountRow["delegation"], facts: PayerFacts): void {
  const json = JSON.stringify(facts, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
  sql.exec("UPDATE account SET delegation = ?, payer_json = ?, payer_at_ms = ?", delegation, json, facts.asOfMs);
}

/** The latest reading; null: there was none yet. */
export function loadPayer(sql: SqlStorage): PayerFacts | null {
  const row = sql.exec<{ payer_json: string | null }>("SELECT payer_json FROM account").toArray()[0];
  return typeof row?.payer_json === "string" ? revivePayer(row.payer_json) : null;
}

function revivePayer(json: string): PayerFacts {
  return JSON.parse(json, (key, value: unknown) => (key === "rate" ? BigInt(value as string) : value)) as PayerFacts;
}

export type SealedRow = {
  readonly address: string;
  readonly kekVersion: number;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
};

export function saveKey(sql: SqlStorage, key: SealedRow, atMs: number): void {
  sql.exec(
    "INSERT INTO agent_key (address, kek_version, iv, ciphertext, created_at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (address) DO UPDATE SET kek_version = excluded.kek_version, iv = excluded.iv, ciphertext = excluded.ciphertext",
    key.address,
    key.kekVersion,
    key.iv.slice().buffer,
    key.ciphertext.slice().buffer,
    atMs,
  );
}

export function loadKey(sql: SqlStorage, address: string): SealedRow | undefined {
  const row = sql
    .exec<{ kek_version: number; iv: ArrayBuffer; ciphertext: ArrayBuffer }>(
      "SELECT * FROM agent_key WHERE address = ?",
      address,
    )
    .toArray()[0];
  if (row === undefined) return undefined;
  return {
    address,
    kekVersion: row.kek_version,
    iv: new Uint8Array(row.iv),
    ciphertext: new Uint8Array(row.ciphertext),
  };
}

export function currentPolicy(sql: SqlStorage): Policy | null {
  const row = sql
    .exec<{ policy_json: string }>("SELECT policy_json FROM policy ORDER BY version DESC LIMIT 1")
    .toArray()[0];
  return row === undefined ? null : revivePolicy(row.policy_json);
}

export function insertPolicy(sql: SqlStorage, policy: Policy, signature: string | null, atMs: number): void {
  sql.exec(
    "INSERT INTO policy (version, policy_json, signature, saved_at_ms) VALUES (?, ?, ?, ?)",
    policy.version,
    JSON.stringify(policy),
    signature,
    atMs,
  );
}

export function loadGrant(sql: SqlStorage, grantId: string): Grant | undefined {
  const row = sql
    .exec<{ grant_json: string; state: string }>(
      "SELECT grant_json, state FROM agent_grant WHERE grant_id = ?",
      grantId,
    )
    .toArray()[0];
  return row === undefined ? undefined : { ...(JSON.parse(row.grant_json) as Grant), state: row.state as GrantState };
}

/** All of them, those that can still do something first: as many as the owner ever let in by hand. */
export function loadGrants(sql: SqlStorage): readonly Grant[] {
  return sql
    .exec<{ grant_json: string; state: string }>(
      "SELECT grant_json, state FROM agent_grant ORDER BY state = 'revoked', rowid DESC",
    )
    .toArray()
    .map((row) => ({ ...(JSON.parse(row.grant_json) as Grant), state: row.state as GrantState }));
}

export function saveGrant(sql: SqlStorage, grant: Grant): void {
  sql.exec(
    `INSERT INTO agent_grant (grant_id, state, credits_max, grant_json) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (grant_id) DO UPDATE SET state = ?2, credits_max = ?3, grant_json = ?4`,
    grant.grantId,
    grant.state,
    grant.creditsMax,
    JSON.stringify(grant),
  );
}

export function loadLog(sql: SqlStorage, about: string): StepLog {
  const rows = sql.exec<{ key: string; last_ms: number; tries: number; lease_until_ms: number }>(
    "SELECT key, last_ms, tries, lease_until_ms FROM tried WHERE vm_id = ?",
    about,
  );
  return new Map(
    rows.toArray().map((row) => [row.key, { lastMs: row.last_ms, tries: row.tries, leaseUntilMs: row.lease_until_ms }]),
  );
}

export function saveTried(sql: SqlStorage, key: string, about: string, tried: Tried): void {
  sql.exec(
    "INSERT INTO tried (key, vm_id, last_ms, tries, lease_until_ms) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET last_ms = ?3, tries = ?4, lease_until_ms = ?5",
    key,
    about,
    tried.lastMs,
    tried.tries,
    tried.leaseUntilMs,
  );
}

export function clearTried(sql: SqlStorage, about: string): void {
  sql.exec("DELETE FROM tried WHERE vm_id = ?", about);
}

export function liveCount(sql: SqlStorage): number {
  return sql.exec<{ n: number }>("SELECT count(*) AS n FROM vm WHERE live = 1").one().n;
}

export function databaseBytes(sql: SqlStorage): number {
  return sql.databaseSize;
}

export function raiseCommitSeq(sql: SqlStorage, seen: number): void {
  sql.exec("UPDATE account SET commit_seq = max(commit_seq, ?)", seen);
}
