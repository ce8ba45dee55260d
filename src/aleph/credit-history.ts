/**
 * What one core node's credit history of a payer says was taken for one message: the expense rows of its hash, summed.
 *
 * Reads every page up to a bound; a history that is longer, has an unreadable row, or is not whole is unknown, never cut
 * short in silence. The reading of a page is pure. Rows are told apart by message and place in it, since a row that
 * arrives between two pages shifts what the next one shows.
 */
import { CREDITS_MAX } from "./amounts.ts";
import { readCore } from "./core-read.ts";
import { known, unknown } from "./network.ts";
import type { Core, Network, Outcome } from "./network.ts";
import { countOf, field, hashOf, listOf, textLike } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

const PAGE_ROWS = 200;
/** 4,000 hours of one message, at a row an hour. */
const PAGES_MAX = 20;
/** A recorded row has 540 bytes. */
const PAGE_BYTES_MAX = 512 * 1_024;

export type HistoryRow = {
  readonly key: string;
  /** Of the message that was charged for; null where the row is about something else. */
  readonly itemHash: string | null;
  readonly takenCredits: number;
};
export type HistoryPage = { readonly rows: readonly HistoryRow[]; readonly total: number };

/** Sum of what was taken for `hash` from `payer` (exact EIP-55 spelling). A 404 is how a node says that there is no row. */
export async function historyCharges(
  network: Network,
  core: Core,
  payer: string,
  hash: string,
): Promise<Outcome<number>> {
  const path = `/api/v0/addresses/${encodeURIComponent(payer)}/credit_history`;
  const ask = `direction=outgoing&resource=${encodeURIComponent(hash)}&sort_order=1&pagination=${PAGE_ROWS}`;
  const rows = new Map<string, HistoryRow>();
  for (let page = 1; page <= PAGES_MAX; page++) {
    const answer = await readCore(network, core, `${path}?${ask}&page=${page}`, PAGE_BYTES_MAX);
    if (!answer.ok) return answer.status === 404 && page === 1 ? known(0) : answer;
    const read = historyPage(answer.value, payer);
    if (read === undefined) return unknown("bad_answer");
    for (const row of read.rows) rows.set(row.key, row);
    if (rows.size >= read.total) return sumOf([...rows.values()], hash);
    if (read.rows.length < PAGE_ROWS) return unknown("bad_answer");
  }
  return unknown("too_large");
}

/** One page as numbered pages are answered; `undefined` if anything in it is not what it should be. */
export function historyPage(answer: JsonValue, payer: string): HistoryPage | undefined {
  const total = countOf(field(answer, "pagination_total"));
  const rows = listOf(field(answer, "credit_history"))?.map(historyRow);
  if (field(answer, "address") !== payer || total === undefined || rows === undefined) return undefined;
  return rows.every((row) => row !== undefined) ? { rows, total } : undefined;
}

/** Expenses name the message in `origin`, older ones in `origin_ref` alone (credits.md §3.3). */
function historyRow(value: JsonValue): HistoryRow | undefined {
  const ref = textLike(field(value, "credit_ref"), /^[A-Za-z0-9]{1,128}$/);
  const index = countOf(field(value, "credit_index"));
  const amount = field(value, "amount");
  if (ref === undefined || index === undefined || !Number.isSafeInteger(amount)) return undefined;
  const taken = -(amount as number);
  const isExpense = field(value, "payment_method") === "credit_expense" && taken >= 0;
  const origin = field(value, "origin") || field(value, "origin_ref");
  return {
    key: `${ref} ${index}`,
    itemHash: isExpense ? (hashOf(origin) ?? null) : null,
    takenCredits: isExpense ? taken : 0,
  };
}

/** A node that does not know the filter lists all of the payer's rows: only those of `hash` are its charge. */
function sumOf(rows: readonly HistoryRow[], hash: string): Outcome<number> {
  const sum = rows.reduce((all, row) => (row.itemHash === hash ? all + row.takenCredits : all), 0);
  return sum <= CREDITS_MAX ? known(sum) : unknown("bad_answer");
}
