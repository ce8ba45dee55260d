/** The endpoints about credits: balance, holders and history. Pure. */
import { byCode } from "./json.ts";
import type { Json } from "./json.ts";
import { balanceDetails, creditBalance, creditHolders, resourceOf } from "./ledger.ts";
import { lieAbout } from "./lies.ts";
import { isAnswer, slice } from "./message-lists.ts";
import { cursorPage, decodeCursor, encodeCursor, QueryReader } from "./query.ts";
import type { HistoryRow } from "./state.ts";
import type { Asked, View } from "./view.ts";
import { isoOffset, isoZulu, json, text } from "./wire.ts";
import type { WireResponse } from "../wire.ts";

export function balanceTold(view: Pick<View, "state" | "lie" | "nowMs">, address: string): number {
  return lieAbout(view.lie?.balances, address) ?? creditBalance(view.state, address, view.nowMs);
}

export function readBalance(view: View, asked: Asked): WireResponse {
  const address = asked.parts[0] ?? "";
  const query = new QueryReader(asked.query);
  const portions = balanceDetails(view.state, address, view.nowMs).map(({ amount, expiresMs }) => ({
    expiration_date: expiresMs === null ? null : isoZulu(expiresMs),
    amount,
  }));
  const tokens = { balance: 0, details: {}, locked_amount: 0 };
  const credit_balance_details = query.flag("include_credit_details") ? portions : null;
  return json({ address, ...tokens, credit_balance: balanceTold(view, address), credit_balance_details });
}

export function listCreditBalances(view: View, asked: Asked): WireResponse {
  const query = new QueryReader(asked.query);
  const [pagination, page] = [query.whole("pagination", 100, { min: 0 }), query.whole("page", 1, { min: 1 })];
  const least = query.whole("min_balance", 0, { min: 1 });
  if (query.refusal !== undefined) return query.refusal;
  const all = creditHolders(view.state)
    .map((address) => ({ address, credits: balanceTold(view, address) }))
    .filter((one) => one.credits >= least);
  const size = cursorPage(query.text("cursor"), pagination);
  if (typeof size === "object") return size;
  if (size === undefined) {
    const about = { pagination_item: "credit_balances", pagination_page: page, pagination_per_page: pagination };
    return json({ credit_balances: slice(all, { page, pagination }), ...about, pagination_total: all.length });
  }
  const after = decodeCursor(query.text("cursor") ?? "");
  if (isAnswer(after)) return after;
  const rest = all.filter((one) => one.address > String(after["a"] ?? ""));
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  const next_cursor = last !== undefined && rest.length > size ? encodeCursor({ a: last.address }) : null;
  return json({ credit_balances: shown, next_cursor, pagination_per_page: size });
}

export function readHistory(view: View, asked: Asked): WireResponse {
  const address = asked.parts[0] ?? "";
  const query = new QueryReader(asked.query);
  const rows = historyOf(view, address, query);
  const [pagination, page] = [query.whole("pagination", 0, { min: 0 }), query.whole("page", 1, { min: 1 })];
  const descending = query.oneOf("sort_order", ["-1", "1"], "-1") === "-1";
  const sortBy = query.oneOf("sort_by", SORTS, "message_timestamp");
  if (query.refusal !== undefined) return query.refusal;
  const sorted = rows.sort((a, b) => (descending ? -1 : 1) * compareRows(a, b, sortBy));
  const cursor = query.text("cursor");
  if (cursor !== undefined) return historyByCursor(address, sorted, cursor, pagination, { sortBy, descending });
  const shown = slice(sorted, { page, pagination });
  if (shown.length === 0) return text(404, "No credit history found for this address");
  const about = { pagination_page: page, pagination_total: sorted.length, pagination_per_page: pagination };
  return json({ address, credit_history: shown.map(rowByPage), ...about });
}

const SORTS = ["message_timestamp", "expiration_date", "payment_method", "amount", "origin", "tx_hash", "provider"];

type Sorting = { readonly sortBy: string; readonly descending: boolean };

function historyByCursor(
  address: string,
  sorted: readonly HistoryRow[],
  cursor: string,
  pagination: number,
  { sortBy, descending }: Sorting,
): WireResponse {
  const size = cursorPage(cursor, pagination === 0 ? 200 : pagination);
  const after = decodeCursor(cursor);
  if (isAnswer(after) || typeof size !== "number") return isAnswer(after) ? after : (size as WireResponse);
  const from = sorted.findIndex((row) => row.ref === after["r"] && row.index === after["i"]) + 1;
  const shown = sorted.slice(from, from + size);
  const last = shown.at(-1);
  if (last === undefined) return text(404, "No credit history found for this address");
  const more = sorted.length > from + size;
  const value = sortValue(last, sortBy);
  const mark = { i: last.index, o: descending ? -1 : 1, r: last.ref, s: sortBy, v: value };
  return json({
    address,
    credit_history: shown.map(rowByCursor),
    next_cursor: more ? encodeCursor(mark) : null,
    pagination_per_page: size,
  });
}

export function readHistorySummary(view: View, asked: Asked): WireResponse {
  const address = asked.parts[0] ?? "";
  const query = new QueryReader(asked.query);
  const rows = historyOf(view, address, query);
  if (query.refusal !== undefined) return query.refusal;
  const sum = (chosen: readonly HistoryRow[]): number => chosen.reduce((total, row) => total + row.amount, 0);
  const incoming = sum(rows.filter((row) => row.amount > 0));
  const outgoing = sum(rows.filter((row) => row.amount < 0));
  const totals = { total_amount: incoming + outgoing, total_incoming: incoming, total_outgoing: outgoing };
  return json({ address, entry_count: rows.length, ...totals });
}

function historyOf(view: View, address: string, query: QueryReader): HistoryRow[] {
  const wants = {
    txHash: query.text("tx_hash"),
    token: query.text("token"),
    chain: query.text("chain"),
    provider: query.text("provider"),
    origin: query.text("origin"),
    originRef: query.text("origin_ref"),
    paymentMethod: query.text("payment_method"),
  } as const;
  const [startS, endS] = [query.number("startDate", 0, { min: 0 }), query.number("endDate", 0, { min: 0 })];
  const direction = query.oneOf("direction", ["incoming", "outgoing"], "");
  const expiring = query.text("has_expiration") === undefined ? undefined : query.flag("has_expiration");
  const [excluded, resource, types] = [
    query.list("exclude_payment_method"),
    query.text("resource"),
    query.list("resourceTypes"),
  ];
  return view.state.history.filter((row) => {
    const exact = Object.entries(wants).every(
      ([key, value]) => value === undefined || row[key as keyof typeof wants] === value,
    );
    const timeS = row.messageMs / 1000;
    return (
      row.address === address &&
      exact &&
      timeS >= startS &&
      (endS === 0 || timeS <= endS) &&
      (direction === "" || (direction === "incoming" ? row.amount > 0 : row.amount < 0)) &&
      (expiring === undefined || expiring === (row.expiresMs !== null)) &&
      !(excluded?.includes(row.paymentMethod ?? "") ?? false) &&
      (resource === undefined || resourceOf(row) === resource) &&
      (types?.includes(view.state.records.get(resourceOf(row) ?? "")?.envelope.type ?? "") ?? true)
    );
  });
}

function sortValue(row: HistoryRow, sortBy: string): string | number | null {
  switch (sortBy) {
    case "expiration_date":
      return row.expiresMs === null ? null : isoOffset(row.expiresMs);
    case "amount":
      return row.amount;
    case "message_timestamp":
      return isoOffset(row.messageMs);
    default:
      return (
        { payment_method: row.paymentMethod, origin: row.origin, tx_hash: row.txHash, provider: row.provider }[
          sortBy
        ] ?? null
      );
  }
}

function compareRows(a: HistoryRow, b: HistoryRow, sortBy: string): number {
  const [left, right] = [sortValue(a, sortBy), sortValue(b, sortBy)];
  const byValue =
    typeof left === "number" && typeof right === "number"
      ? left - right
      : byCode(String(left ?? ""), String(right ?? ""));
  return byValue || byCode(a.ref, b.ref) || a.index - b.index;
}

function rowByPage(row: HistoryRow): Json {
  return {
    amount: row.amount,
    price: row.price,
    bonus_amount: row.bonusAmount,
    tx_hash: row.txHash,
    token: row.token,
    chain: row.chain,
    provider: row.provider,
    origin: row.origin,
    origin_ref: row.originRef,
    payment_method: row.paymentMethod,
    credit_ref: row.ref,
    credit_index: row.index,
    expiration_date: row.expiresMs === null ? null : isoZulu(row.expiresMs),
    message_timestamp: isoZulu(row.messageMs),
    expense_count: row.expenseCount,
    expense_size_mib: row.expenseSizeMib,
  };
}

/** Sorted keys, times as seconds, and numbers in place of decimal texts. */
function rowByCursor(row: HistoryRow): Json {
  return {
    amount: row.amount,
    bonus_amount: row.bonusAmount === null ? null : Number(row.bonusAmount),
    chain: row.chain,
    credit_index: row.index,
    credit_ref: row.ref,
    expense_count: row.expenseCount,
    expense_size_mib: row.expenseSizeMib,
    expiration_date: row.expiresMs === null ? null : row.expiresMs / 1000,
    message_timestamp: row.messageMs / 1000,
    origin: row.origin,
    origin_ref: row.originRef,
    payment_method: row.paymentMethod,
    price: row.price === null ? null : Number(row.price),
    provider: row.provider,
    token: row.token,
    tx_hash: row.txHash,
  };
}
