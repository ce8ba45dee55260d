/** Rows ⇄ values for quotes and approvals. A burnt quote keeps its answer for ever; an expired one keeps only its id. */
import type { Refusal } from "../errors.ts";
import type { QuoteView } from "./contract.ts";
import type { Approval, Credits, NodeRef, QuoteKind, VmSpec } from "./types.ts";

/** What a quote offered; the parameters decide whether a repeat is the same request. */
export type Offer = {
  readonly params:
    | { readonly kind: "create"; readonly spec: VmSpec }
    | { readonly kind: "extend"; readonly vmId: string; readonly seconds: number }
    | { readonly kind: "top_up"; readonly credits: Credits };
  readonly costCreditsMax: Credits;
  readonly node: NodeRef | null;
  readonly view: QuoteView;
};

/** What an id answers for ever: the VM it made, the extension it gave, the link, or one of the four final refusals. */
export type Burnt =
  | { readonly kind: "vm"; readonly vmId: string; readonly additionalCredits: Credits | null }
  | { readonly kind: "top_up"; readonly creditsAsked: Credits; readonly creditsThen?: Credits | null }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export type QuoteRow = {
  readonly quoteId: string;
  readonly grantId: string;
  readonly kind: QuoteKind;
  readonly madeAtMs: number;
  readonly expiresAtMs: number;
  readonly offer: Offer | null;
  readonly burnt: Burnt | null;
};

type Row = {
  quote_id: string;
  grant_id: string;
  kind: string;
  made_at_ms: number;
  expires_at_ms: number;
  offer_json: string | null;
  burnt_json: string | null;
};

export function loadQuote(sql: SqlStorage, quoteId: string): QuoteRow | undefined {
  const row = sql.exec<Row>("SELECT * FROM quote WHERE quote_id = ?", quoteId).toArray()[0];
  if (row === undefined) return undefined;
  return {
    quoteId: row.quote_id,
    grantId: row.grant_id,
    kind: row.kind as QuoteKind,
    madeAtMs: row.made_at_ms,
    expiresAtMs: row.expires_at_ms,
    offer: row.offer_json === null ? null : (JSON.parse(row.offer_json) as Offer),
    burnt: row.burnt_json === null ? null : (JSON.parse(row.burnt_json) as Burnt),
  };
}

export function insertQuote(sql: SqlStorage, quote: QuoteRow): void {
  sql.exec(
    "INSERT INTO quote (quote_id, grant_id, kind, made_at_ms, expires_at_ms, offer_json) VALUES (?, ?, ?, ?, ?, ?)",
    quote.quoteId,
    quote.grantId,
    quote.kind,
    quote.madeAtMs,
    quote.expiresAtMs,
    JSON.stringify(quote.offer),
  );
}

export function burnQuote(sql: SqlStorage, quoteId: string, burnt: Burnt): void {
  sql.exec("UPDATE quote SET burnt_json = ? WHERE quote_id = ? AND burnt_json IS NULL", JSON.stringify(burnt), quoteId);
}

/** Offers that ran out without an open or given approval are pruned, and their ids burnt as expired. */
export function pruneQuotes(sql: SqlStorage, grantId: string, nowMs: number, expired: Burnt): void {
  sql.exec(
    `UPDATE quote SET offer_json = NULL, burnt_json = ?3 WHERE grant_id = ?1 AND burnt_json IS NULL AND expires_at_ms <= ?2
     AND NOT EXISTS (SELECT 1 FROM approval WHERE approval.quote_id = quote.quote_id AND approval.state IN ('pending', 'approved'))`,
    grantId,
    nowMs,
    JSON.stringify(expired),
  );
}

export function openQuotes(sql: SqlStorage, grantId: string): number {
  return sql
    .exec<{ n: number }>("SELECT count(*) AS n FROM quote WHERE grant_id = ? AND burnt_json IS NULL", grantId)
    .one().n;
}

type ApprovalRow = { approval_json: string; state: string };
const toApproval = (row: ApprovalRow): Approval => ({
  ...(JSON.parse(row.approval_json) as Approval),
  state: row.state as Approval["state"],
});

export function loadApproval(sql: SqlStorage, approvalId: string): Approval | undefined {
  const row = sql
    .exec<ApprovalRow>("SELECT approval_json, state FROM approval WHERE approval_id = ?", approvalId)
    .toArray()[0];
  return row === undefined ? undefined : toApproval(row);
}

export function approvalOfQuote(sql: SqlStorage, quoteId: string): Approval | undefined {
  const row = sql
    .exec<ApprovalRow>("SELECT approval_json, state FROM approval WHERE quote_id = ?", quoteId)
    .toArray()[0];
  return row === undefined ? undefined : toApproval(row);
}

/** Pending and given ones; `grantId` null: of all grants. */
export function openApprovals(sql: SqlStorage, grantId: string | null): readonly Approval[] {
  return sql
    .exec<ApprovalRow>(
      "SELECT approval_json, state FROM approval WHERE (?1 IS NULL OR grant_id = ?1) AND state IN ('pending', 'approved') ORDER BY rowid DESC LIMIT 100",
      grantId,
    )
    .toArray()
    .map(toApproval);
}

export function saveApproval(sql: SqlStorage, approval: Approval, signature: string | null = null): void {
  sql.exec(
    `INSERT INTO approval (approval_id, grant_id, quote_id, state, approval_json, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (approval_id) DO UPDATE SET state = ?4, approval_json = ?5, signature = coalesce(?6, signature)`,
    approval.approvalId,
    approval.grantId,
    approval.quoteId,
    approval.state,
    JSON.stringify(approval),
    signature,
  );
}
