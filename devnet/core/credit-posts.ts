/**
 * The POST types that move credits: distribution and expense by the credit publishers, transfer by anyone who has
 * credits. Only on the channel ALEPH_CREDIT. Everything is checked before anything is moved.
 */
import { isList, isObject, parseJson } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { addLot, book, consume, creditBalance, historyRow } from "./ledger.ts";
import type { Portion } from "./ledger.ts";
import type { MessageRecord, State } from "./state.ts";
import { ownerOf } from "./state.ts";
import { CODE, PROCESSED, rejected } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";
import { toMs } from "./wire.ts";

const CHANNEL = "ALEPH_CREDIT";

type Entry = { readonly address: string; readonly amount: number; readonly raw: JsonObject };

export type CreditRules = { readonly publishers: readonly string[] };

/** Does the post move credits, and does it do so rightly? Books it if so. */
export function applyCreditPost(state: State, record: MessageRecord, rules: CreditRules, nowMs: number): Verdict {
  const { type, content } = record.content;
  if (record.envelope.channel !== CHANNEL || !isObject(content) || Object.keys(content).length === 0) return PROCESSED;
  const publisher = rules.publishers.includes(ownerOf(record));
  if (type === "aleph_credit_distribution" && publisher) return distribute(state, record, content, nowMs);
  if (type === "aleph_credit_expense" && publisher) return spend(state, record, content, nowMs);
  if (type === "aleph_credit_transfer") return transfer(state, record, content, publisher, nowMs);
  return PROCESSED;
}

function distribute(state: State, record: MessageRecord, content: JsonObject, nowMs: number): Verdict {
  const entries = entriesOf(content, "distribution");
  if (!isList(entries)) return rejected(CODE.format, entries as string);
  const about = content["distribution"] as JsonObject;
  const messageMs = messageMsOf(record);
  (entries as readonly Entry[]).forEach(({ address, amount, raw }, index) => {
    const expiresMs = numberOrNull(raw["expiration"]);
    addLot(state, { address, ref: record.hash, index, remaining: amount, expiresMs, grantedMs: messageMs });
    const from = {
      price: textOrNull(raw["price"]),
      txHash: textOrNull(raw["tx_hash"]),
      provider: textOrNull(raw["provider"]),
    };
    const origin = { origin: textOrNull(raw["origin"]), originRef: textOrNull(raw["ref"]) };
    const paid = { paymentMethod: textOrNull(raw["payment_method"]), bonusAmount: textOrNull(raw["bonus_amount"]) };
    const coin = { token: textOrNull(about["token"]), chain: textOrNull(about["chain"]) };
    const where = { address, amount, ref: record.hash, index, expiresMs, messageMs, bookedMs: nowMs };
    book(state, historyRow({ ...from, ...origin, ...paid, ...coin, ...where }));
  });
  return PROCESSED;
}

function spend(state: State, record: MessageRecord, content: JsonObject, nowMs: number): Verdict {
  const entries = entriesOf(content, "expense");
  if (!isList(entries)) return rejected(CODE.format, entries as string);
  const messageMs = messageMsOf(record);
  (entries as readonly Entry[]).forEach(({ address, amount, raw }, index) => {
    consume(state, address, amount, messageMs);
    const from = {
      origin: textOrNull(raw["execution_id"]),
      originRef: textOrNull(raw["ref"]),
      txHash: textOrNull(raw["node_id"]),
    };
    const size = { expenseCount: numberOrNull(raw["count"]), expenseSizeMib: numberOrNull(raw["size"]) };
    const how = { price: textOrNull(raw["price"]), provider: "ALEPH", paymentMethod: "credit_expense" };
    book(
      state,
      historyRow({
        ...from,
        ...size,
        ...how,
        address,
        amount: -amount,
        ref: record.hash,
        index,
        messageMs,
        bookedMs: nowMs,
      }),
    );
  });
  return PROCESSED;
}

function transfer(
  state: State,
  record: MessageRecord,
  content: JsonObject,
  publisher: boolean,
  nowMs: number,
): Verdict {
  const entries = entriesOf(content, "transfer");
  if (!isList(entries)) return rejected(CODE.format, entries as string);
  const list = entries as readonly Entry[];
  const sender = ownerOf(record);
  if (list.some((entry) => entry.address === sender)) {
    return rejected(CODE.format, `Self-transfer not allowed: sender and recipient are both ${sender}`);
  }
  const required = list.reduce((sum, entry) => sum + entry.amount, 0);
  const available = creditBalance(state, sender, nowMs);
  if (!publisher && available < required) {
    const words = `Insufficient credit balance for transfer. Required: ${required}, Available: ${available}`;
    return rejected(CODE.format, words);
  }
  moveAll(state, record, list, publisher, nowMs);
  return PROCESSED;
}

function moveAll(
  state: State,
  record: MessageRecord,
  entries: readonly Entry[],
  publisher: boolean,
  nowMs: number,
): void {
  const sender = ownerOf(record);
  const messageMs = messageMsOf(record);
  const common = { ref: record.hash, messageMs, bookedMs: nowMs, provider: "ALEPH", paymentMethod: "credit_transfer" };
  let index = 0;
  for (const { address, amount, raw } of entries) {
    const asked = numberOrNull(raw["expiration"]) === 0 ? null : numberOrNull(raw["expiration"]);
    const taken = publisher ? [] : consume(state, sender, amount, messageMs);
    const portions = taken.length === 0 ? [{ amount, expiresMs: asked }] : capped(taken, asked);
    for (const portion of portions) {
      const { expiresMs } = portion;
      addLot(state, { address, ref: record.hash, index, remaining: portion.amount, expiresMs, grantedMs: messageMs });
      book(state, historyRow({ ...common, address, amount: portion.amount, index, expiresMs, origin: sender }));
      index += 1;
    }
    if (publisher) continue;
    book(state, historyRow({ ...common, address: sender, amount: -amount, index, origin: address }));
    index += 1;
  }
}

/** Nobody can lengthen the life of credits by passing them on; neighbours with the same end become one. */
function capped(taken: readonly Portion[], asked: number | null): readonly Portion[] {
  const portions: Portion[] = [];
  for (const { amount, expiresMs: source } of taken) {
    const expiresMs = source === null || asked === null ? (source ?? asked) : Math.min(source, asked);
    const last = portions.at(-1);
    if (last !== undefined && last.expiresMs === expiresMs) last.amount += amount;
    else portions.push({ amount, expiresMs });
  }
  return portions;
}

/** The entries, or the sentence that the rejection carries. */
function entriesOf(content: JsonObject, kind: "distribution" | "expense" | "transfer"): readonly Entry[] | string {
  const about = content[kind];
  const raw = isObject(about) ? about["credits"] : undefined;
  if (!isList(raw) || raw.length === 0)
    return `Invalid credit ${kind} content: [{'type': 'missing', 'loc': ('${kind}',)}]`;
  const entries: Entry[] = [];
  for (const [index, one] of raw.entries()) {
    const problem = problemOf(one, kind, index);
    if (problem !== undefined) return `Invalid credit ${kind} content: [${problem}]`;
    const fields = one as JsonObject;
    entries.push({ address: fields["address"] as string, amount: fields["amount"] as number, raw: fields });
  }
  const twice = new Set(entries.map((entry) => entry.address)).size !== entries.length;
  if (kind === "transfer" && twice) {
    return "Invalid credit transfer content: [Duplicate recipient addresses are not allowed in a single transfer]";
  }
  return entries;
}

function problemOf(one: Json, kind: string, index: number): string | undefined {
  const amount = isObject(one) ? one["amount"] : undefined;
  const address = isObject(one) ? one["address"] : undefined;
  const place = `'loc': ('${kind}', 'credits', ${index}, 'amount')`;
  if (typeof address !== "string" || address.trim() === "") return "address must not be empty";
  if (typeof amount !== "number" || !Number.isSafeInteger(amount)) return `{'type': 'value_error', ${place}}`;
  if (amount > 0) return undefined;
  const tail = `'ctx': {'gt': 0}, 'url': 'https://errors.pydantic.dev/2.13/v/greater_than'`;
  return `{'type': 'greater_than', ${place}, 'msg': 'Input should be greater than 0', 'input': ${amount}, ${tail}}`;
}

/** Amounts such as 5.0 are no integers to the real node. */
export function hasFloatAmount(itemContent: string): boolean {
  const parsed = parseJson(itemContent);
  if (parsed === undefined || !isObject(parsed.value)) return false;
  const transfer = isObject(parsed.value["content"]) ? parsed.value["content"]["transfer"] : undefined;
  const entries = isObject(transfer) ? transfer["credits"] : undefined;
  return isList(entries) && entries.some((one) => isObject(one) && parsed.floats.has(one, "amount"));
}

function messageMsOf(record: MessageRecord): number {
  return toMs(Number(record.content["time"]));
}

function textOrNull(value: Json | undefined): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}

function numberOrNull(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}
