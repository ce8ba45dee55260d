/** Rows ⇄ VM values. Reads and writes SQLite inside the caller's transaction; decides nothing. */
import { RATE_MAX } from "../aleph/amounts.ts";
import { isLive } from "./lifecycle.ts";
import type { Attempt, Forget, Hold, VmRecord } from "./types.ts";

type VmRow = { vm_id: string; vm_json: string };
type StoredVm = Omit<VmRecord, "attempts" | "forgets" | "holds" | "rateAttoPerS"> & { readonly rate: string };

export function loadVm(sql: SqlStorage, vmId: string): VmRecord | undefined {
  const row = sql.exec<VmRow>("SELECT vm_id, vm_json FROM vm WHERE vm_id = ?", vmId).toArray()[0];
  return row === undefined ? undefined : assemble(sql, row);
}

/** Those for which the plan still has something to do; bounded by what may live and settle at once. */
export function loadTended(sql: SqlStorage): readonly VmRecord[] {
  return sql
    .exec<VmRow>("SELECT vm_id, vm_json FROM vm WHERE tended = 1 ORDER BY admitted_at_ms")
    .toArray()
    .map((row) => assemble(sql, row));
}

export function loadLive(sql: SqlStorage): readonly VmRecord[] {
  return sql
    .exec<VmRow>("SELECT vm_id, vm_json FROM vm WHERE live = 1 ORDER BY admitted_at_ms")
    .toArray()
    .map((row) => assemble(sql, row));
}

const GONE = [0, 1, 2].map(
  (core) => `json_extract(attempt.attempt_json, '$.views[${core}].says') IN ('forgotten', 'removed')`,
);

/** The agents of the VMs with a create that this key signed, that was refused and that could be revived; one entry a VM. */
export function dormantOf(sql: SqlStorage, sender: string): readonly string[] {
  return sql
    .exec<{ grant_id: string }>(
      `SELECT vm.grant_id FROM attempt JOIN vm ON vm.vm_id = attempt.vm_id
       WHERE attempt.sender = ? AND json_extract(attempt.attempt_json, '$.dormant') = 1
       AND coalesce(${GONE.join(" AND ")}, 0) = 0 AND json_extract(vm.vm_json, '$.orphan') IS NULL GROUP BY vm.vm_id`,
      sender,
    )
    .toArray()
    .map((row) => row.grant_id);
}

/** Newest first; `grantId` null: of every grant. The cursor is the id of the last one shown. */
export function loadPage(
  sql: SqlStorage,
  ask: { readonly grantId: string | null; readonly liveOnly: boolean; readonly limit: number; readonly after?: string },
): readonly VmRecord[] {
  // Said outright, not as "or null", so that each question finds its index whatever the account's age.
  const whose = ask.grantId === null ? "?1 IS NULL" : "grant_id = ?1";
  const older = `rowid < (SELECT rowid FROM vm WHERE vm_id = ?2 AND ${whose})`;
  return sql
    .exec<VmRow>(
      `SELECT vm_id, vm_json FROM vm WHERE ${whose} AND ${ask.liveOnly ? "live = 1" : "true"}
       AND ${ask.after === undefined ? "?2 IS NULL" : older} ORDER BY rowid DESC LIMIT ?3`,
      ask.grantId,
      ask.after ?? null,
      ask.limit,
    )
    .toArray()
    .map((row) => assemble(sql, row));
}

function assemble(sql: SqlStorage, row: VmRow): VmRecord {
  const { rate, ...stored } = JSON.parse(row.vm_json) as StoredVm;
  return {
    ...stored,
    ...believed(BigInt(rate), stored),
    attempts: attemptsOf(sql, row.vm_id),
    forgets: forgetsOf(sql, row.vm_id),
    holds: holdsOf(sql, row.vm_id),
  };
}

/** A rate from before rates had a bound. An orphan's was one core node's word, so that the network is asked for it again. */
function believed(rate: bigint, { orphan, priceCheckedAtMs }: Pick<VmRecord, "orphan" | "priceCheckedAtMs">) {
  if (rate <= RATE_MAX) return { rateAttoPerS: rate };
  return { rateAttoPerS: RATE_MAX, priceCheckedAtMs: orphan === undefined ? priceCheckedAtMs : null };
}

type AttemptRow = {
  item_content: string;
  signature: string | null;
  first_send_ms: number | null;
  attempt_json: string;
};

function attemptsOf(sql: SqlStorage, vmId: string): readonly Attempt[] {
  return sql
    .exec<AttemptRow>(
      "SELECT item_content, signature, first_send_ms, attempt_json FROM attempt WHERE vm_id = ? ORDER BY number",
      vmId,
    )
    .toArray()
    .map((row) => ({
      ...(JSON.parse(row.attempt_json) as Attempt),
      itemContent: row.item_content,
      signature: row.signature,
      firstSendMs: row.first_send_ms,
    }));
}

function forgetsOf(sql: SqlStorage, vmId: string): readonly Forget[] {
  return sql
    .exec<{ item_content: string; signature: string | null; forget_json: string }>(
      "SELECT item_content, signature, forget_json FROM forget WHERE vm_id = ? ORDER BY rowid",
      vmId,
    )
    .toArray()
    .map((row) => ({
      ...(JSON.parse(row.forget_json) as Forget),
      itemContent: row.item_content,
      signature: row.signature,
    }));
}

type HoldRow = {
  hold_id: string;
  vm_id: string;
  grant_id: string;
  kind: string;
  state: string;
  credits: number;
  credits_original: number;
  at_ms: number;
  approved: number;
};

export function holdsOf(sql: SqlStorage, vmId: string): readonly Hold[] {
  return sql
    .exec<HoldRow>("SELECT * FROM hold WHERE vm_id = ? ORDER BY at_ms, rowid", vmId)
    .toArray()
    .map((row) => ({
      holdId: row.hold_id,
      vmId: row.vm_id,
      grantId: row.grant_id,
      kind: row.kind as Hold["kind"],
      state: row.state as Hold["state"],
      credits: row.credits,
      creditsOriginal: row.credits_original,
      atMs: row.at_ms,
      approved: row.approved === 1,
    }));
}

/** Writes the VM with its attempts and FORGETs; holds are written by the ledger alone. */
export function saveVm(sql: SqlStorage, vm: VmRecord, tended: boolean): void {
  const { attempts, forgets, holds: _holds, rateAttoPerS, ...rest } = vm;
  const json = JSON.stringify({ ...rest, rate: rateAttoPerS.toString() });
  sql.exec(
    `INSERT INTO vm (vm_id, grant_id, quote_id, state, live, tended, admitted_at_ms, expires_at_ms, vm_json)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (vm_id) DO UPDATE
     SET state = ?4, live = ?5, tended = ?6, expires_at_ms = ?8, vm_json = ?9`,
    vm.vmId,
    vm.grantId,
    vm.quoteId,
    vm.state,
    isLive(vm) ? 1 : 0,
    tended ? 1 : 0,
    vm.admittedAtMs,
    vm.expiresAtMs,
    json,
  );
  for (const attempt of attempts) saveAttempt(sql, attempt);
  for (const forget of forgets) saveForget(sql, vm.vmId, forget);
}

function saveAttempt(sql: SqlStorage, attempt: Attempt): void {
  const { itemContent, signature, firstSendMs, ...rest } = attempt;
  sql.exec(
    `INSERT INTO attempt (item_hash, vm_id, number, item_content, sender, signature, first_send_ms, attempt_json)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (item_hash) DO UPDATE
     SET signature = ?6, first_send_ms = ?7, attempt_json = ?8`,
    attempt.itemHash,
    attempt.vmId,
    attempt.number,
    itemContent,
    attempt.sender,
    signature,
    firstSendMs,
    JSON.stringify(rest),
  );
}

function saveForget(sql: SqlStorage, vmId: string, forget: Forget): void {
  const { itemContent, signature, ...rest } = forget;
  sql.exec(
    `INSERT INTO forget (item_hash, vm_id, target, item_content, signature, forget_json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (item_hash) DO UPDATE SET signature = ?5, forget_json = ?6`,
    forget.itemHash,
    vmId,
    forget.target,
    itemContent,
    signature,
    JSON.stringify(rest),
  );
}
