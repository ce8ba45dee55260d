/**
 * The hands on the credits that no message has: grants, removals and the hourly expense. Works on the state, and gives
 * each booking a reference that is the same on every node that is told the same at the same time.
 */
import { sha256Hex } from "../../src/crypto/hash.ts";
import { parseAtto } from "./decimal.ts";
import type { JsonObject } from "./json.ts";
import { addLot, book, consume, historyRow } from "./ledger.ts";
import { ownerOf } from "./state.ts";
import type { HistoryRow, MessageRecord, State } from "./state.ts";

/** The seconds for which a machine ran in the window that is billed. */
export type BillLine = { readonly itemHash: string; readonly seconds: number };

const MS_IN_ATTO = 10n ** 15n;
const CREDIT_IN_ATTO = 10n ** 18n;
const EXPENSE = { provider: "ALEPH", paymentMethod: "credit_expense" } as const;

export function grant(state: State, address: string, credits: number, expiresMs: number | null, nowMs: number): void {
  const ref = referenceOf(state, `grant ${address} ${credits}`, nowMs);
  addLot(state, { address, ref, index: 0, remaining: credits, expiresMs, grantedMs: nowMs });
  const coin = { price: "0.000001", txHash: `0x${ref}`, token: "USDC", chain: "ETH", provider: "WALLET" };
  bookNow(state, { ...coin, address, amount: credits, ref, expiresMs }, nowMs);
}

export function remove(state: State, address: string, credits: number, nowMs: number): void {
  consume(state, address, credits, nowMs);
  const ref = referenceOf(state, `removal ${address} ${credits}`, nowMs);
  bookNow(state, { ...EXPENSE, address, amount: -credits, ref }, nowMs);
}

/** One expense: whole credits upwards for each line, at the price that was frozen at creation. */
export function bill(state: State, lines: readonly BillLine[], nowMs: number): void {
  const ref = referenceOf(state, `expense ${JSON.stringify(lines)}`, nowMs);
  lines.forEach(({ itemHash, seconds }, index) => {
    const record = state.records.get(itemHash);
    const amount = record?.ratePerS === undefined ? 0 : chargeOf(record.ratePerS, seconds);
    if (record === undefined || amount === 0) return;
    const address = ownerOf(record);
    consume(state, address, amount, nowMs);
    const what = { origin: itemHash, originRef: itemHash, txHash: nodeOf(record), price: "0.000001", expenseCount: 1 };
    bookNow(state, { ...what, ...EXPENSE, address, amount: -amount, ref, index }, nowMs);
  });
}

function referenceOf(state: State, what: string, nowMs: number): string {
  return sha256Hex(`${what} ${nowMs} ${state.history.length}`);
}

function bookNow(state: State, fields: Partial<HistoryRow>, nowMs: number): void {
  book(state, historyRow({ ...fields, messageMs: nowMs, bookedMs: nowMs }));
}

/** Milliseconds are the finest that is billed. */
function chargeOf(ratePerS: string, seconds: number): number {
  const exact = parseAtto(ratePerS) * BigInt(Math.round(seconds * 1000)) * MS_IN_ATTO;
  const unit = CREDIT_IN_ATTO * CREDIT_IN_ATTO;
  return Number((exact + unit - 1n) / unit);
}

function nodeOf(record: MessageRecord): string | null {
  const requirements = record.content["requirements"] as JsonObject | null | undefined;
  const node = requirements?.["node"] as JsonObject | null | undefined;
  const hash = node?.["node_hash"];
  return typeof hash === "string" ? hash : null;
}
