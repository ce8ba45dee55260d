/**
 * Credits: lots that are drained in the order in which they were granted, and the history of what was booked. Works on
 * the state it is given. There is no debt: what a lot cannot pay is dropped, though the history shows the full amount.
 */
import type { HistoryRow, Lot, State } from "./state.ts";
import { byCode } from "./json.ts";

export type Portion = { amount: number; readonly expiresMs: number | null };

const EMPTY_ROW: HistoryRow = {
  address: "",
  amount: 0,
  price: null,
  bonusAmount: null,
  txHash: null,
  token: null,
  chain: null,
  provider: null,
  origin: null,
  originRef: null,
  paymentMethod: null,
  ref: "",
  index: 0,
  expiresMs: null,
  messageMs: 0,
  expenseCount: null,
  expenseSizeMib: null,
  bookedMs: 0,
};

export function historyRow(fields: Partial<HistoryRow>): HistoryRow {
  return { ...EMPTY_ROW, ...fields };
}

/** Whole credits of all lots that have not expired. */
export function creditBalance(state: State, address: string, nowMs: number): number {
  return lotsOf(state, address, nowMs).reduce((sum, lot) => sum + lot.remaining, 0);
}

/** Never-expiring credits first, then by expiry. */
export function balanceDetails(state: State, address: string, nowMs: number): readonly Portion[] {
  const byExpiry = new Map<number | null, number>();
  for (const { expiresMs, remaining } of lotsOf(state, address, nowMs)) {
    if (remaining > 0) byExpiry.set(expiresMs, (byExpiry.get(expiresMs) ?? 0) + remaining);
  }
  const portions = [...byExpiry].map(([expiresMs, amount]) => ({ amount, expiresMs }));
  return portions.sort((a, b) => (a.expiresMs ?? 0) - (b.expiresMs ?? 0));
}

export function creditHolders(state: State): readonly string[] {
  return [...new Set(state.lots.map((lot) => lot.address))].sort(byCode);
}

/** A lot that is already there under the same reference is left as it is. */
export function addLot(state: State, lot: Lot): void {
  const known = state.lots.some((one) => one.address === lot.address && one.ref === lot.ref && one.index === lot.index);
  if (!known) state.lots.push({ ...lot });
}

/** Takes from lots that existed and were valid at `atMs`, oldest grant first. Tells what was taken from where. */
export function consume(state: State, address: string, amount: number, atMs: number): readonly Portion[] {
  const usable = state.lots.filter((lot) => lot.address === address && lot.grantedMs <= atMs && isValid(lot, atMs));
  const taken: Portion[] = [];
  let left = amount;
  for (const lot of usable.sort(byGrant)) {
    const take = Math.min(lot.remaining, left);
    if (take <= 0) continue;
    lot.remaining -= take;
    left -= take;
    taken.push({ amount: take, expiresMs: lot.expiresMs });
  }
  return taken;
}

export function book(state: State, row: HistoryRow): void {
  const known = state.history.some((one) => one.ref === row.ref && one.index === row.index);
  if (!known) state.history.push(row);
}

/** Credits charged for a resource, or for an address, or both. */
export function consumedCredits(
  state: State,
  wanted: { readonly resource?: string; readonly address?: string },
): number {
  const rows = state.history.filter(
    (row) =>
      row.paymentMethod === "credit_expense" &&
      (wanted.resource === undefined || resourceOf(row) === wanted.resource) &&
      (wanted.address === undefined || row.address === wanted.address),
  );
  return rows.reduce((sum, row) => sum - row.amount, 0);
}

export function resourceOf(row: HistoryRow): string | null {
  return row.origin === null || row.origin === "" ? row.originRef : row.origin;
}

function lotsOf(state: State, address: string, nowMs: number): readonly Lot[] {
  return state.lots.filter((lot) => lot.address === address && isValid(lot, nowMs));
}

function isValid(lot: Lot, atMs: number): boolean {
  return lot.expiresMs === null || lot.expiresMs > atMs;
}

function byGrant(a: Lot, b: Lot): number {
  return a.grantedMs - b.grantedMs || byCode(a.ref, b.ref) || a.index - b.index;
}
