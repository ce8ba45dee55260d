/**
 * What can be asked of one core node, and how its answers are read. One call, one core node, one typed outcome.
 *
 * Decides nothing across nodes: which of three answers counts is the account's business. The only texts that come back
 * are hashes and the values of aggregates.
 */
import { believedCredits, believedRate, CREDITS_MAX, RATE_MAX, RESOURCES_MAX } from "./amounts.ts";
import { readCore } from "./core-read.ts";
import { parseAtto } from "./decimal.ts";
import type { AttoPerS } from "./decimal.ts";
import { boundedFetch } from "./fetch.ts";
import type { SignedMessage } from "./message.ts";
import { known, unknown } from "./network.ts";
import type { Core, Network, Outcome } from "./network.ts";
import { countOf, field, hashOf, isoMs, listOf, objectOf, parseJson, textLike } from "./wire.ts";
import type { JsonObject, JsonValue } from "./wire.ts";

export { aggregateMessages, liveInstances } from "./core-lists.ts";
export type { ListedInstance, ListedMessage, SignedInstance } from "./core-lists.ts";

/** Publishing waits for two gossip networks, ten seconds each. */
const PUBLISH_TIMEOUT_MS = 25_000;
const KIB = 1_024;
/** A message carries up to 200,000 characters twice, as text and parsed. */
const MESSAGE_BYTES_MAX = 1_024 * KIB;
/** As many as a core node gives at once; a line has some 300 bytes. */
const COST_PAGE_LINES = 1_000;
const COST_PAGE_BYTES_MAX = 1_024 * KIB;
/** Anybody may give an address any number of small lots, each with an end of its own: the answer may be long, what is kept not. */
const BALANCE_BYTES_MAX = 4 * 1_048_576;
const LOTS_KEPT = 100;

const STATUSES = ["pending", "processed", "rejected", "forgotten", "removing", "removed"] as const;
export type CoreStatus = "absent" | (typeof STATUSES)[number];

/**
 * Hands a message over. `accepted` says only that the node will judge it, a refusal on the spot included: the verdict is
 * read with `messageStatus`. `malformed` means that the node neither kept nor passed it on.
 */
export async function publish(
  network: Network,
  core: Core,
  message: SignedMessage,
): Promise<Outcome<"accepted" | "malformed">> {
  const answer = await boundedFetch(network.net, {
    url: `${network.coreOrigins[core]}/api/v0/messages`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sync: false, message }),
    timeoutMs: PUBLISH_TIMEOUT_MS,
    bytesMax: 64 * KIB,
  });
  if (!answer.ok) return answer;
  const { status, text } = answer.value;
  if (status !== 200 && status !== 202 && status !== 422) return unknown("http_error", status);
  const json = parseJson(text);
  if (objectOf(field(json, "publication_status")) !== undefined) return known("accepted");
  if (status !== 422) return unknown("bad_answer", status);
  return text.trim() === "InvalidMessageFormat" || Array.isArray(json)
    ? known("malformed")
    : unknown("bad_answer", status);
}

/** What this node says of a message now. Every 404 is `absent`, which is no verdict. */
export async function messageStatus(
  network: Network,
  core: Core,
  hash: string,
): Promise<Outcome<{ readonly status: CoreStatus; readonly errorCode?: number }>> {
  const answer = await readCore(network, core, `/api/v0/messages/${encodeURIComponent(hash)}`, MESSAGE_BYTES_MAX);
  if (!answer.ok) return answer.status === 404 ? known({ status: "absent" }) : answer;
  const status = STATUSES.find((one) => one === field(answer.value, "status"));
  const about = field(answer.value, "item_hash");
  if (status === undefined || (about !== undefined && about !== hash)) return unknown("bad_answer");
  const errorCode = field(answer.value, "error_code");
  return known(typeof errorCode === "number" && Number.isSafeInteger(errorCode) ? { status, errorCode } : { status });
}

export type Lot = { readonly credits: number; readonly expiresAtMs: number | null };

/** Credits of an address (exact EIP-55 spelling) and the lots they are made of, the small ones told as one. */
export async function balance(
  network: Network,
  core: Core,
  address: string,
): Promise<Outcome<{ readonly credits: number; readonly lots: readonly Lot[] }>> {
  const path = `/api/v0/addresses/${encodeURIComponent(address)}/balance?include_credit_details=true`;
  const answer = await readCore(network, core, path, BALANCE_BYTES_MAX);
  if (!answer.ok) return answer;
  const credits = believedCredits(field(answer.value, "credit_balance"));
  if (credits === undefined) return unknown("bad_answer");
  const details = listOf(field(answer.value, "credit_balance_details"));
  // without its lots a balance might vanish at any moment: that is not known, so it is unknown
  if (details === undefined) return credits === 0 ? known({ credits, lots: [] }) : unknown("bad_answer");
  const lots = details.map(lotOf);
  return areLots(lots) ? known({ credits, lots: fewLots(lots) }) : unknown("bad_answer");
}

function areLots(lots: readonly (Lot | undefined)[]): lots is readonly Lot[] {
  return lots.reduce((sum, lot) => sum + (lot?.credits ?? Infinity), 0) <= CREDITS_MAX;
}

/** The largest lots as they are; the rest as one that ends when the first of them does, so never counted for too much. */
function fewLots(lots: readonly Lot[]): readonly Lot[] {
  if (lots.length <= LOTS_KEPT) return lots;
  const bySize = lots.toSorted((a, b) => b.credits - a.credits);
  const small = bySize.slice(LOTS_KEPT);
  const credits = small.reduce((sum, lot) => sum + lot.credits, 0);
  const ends = small.reduce((first, lot) => Math.min(first, lot.expiresAtMs ?? Infinity), Infinity);
  return [...bySize.slice(0, LOTS_KEPT), { credits, expiresAtMs: ends === Infinity ? null : ends }];
}

function lotOf(value: JsonValue): Lot | undefined {
  const credits = believedCredits(field(value, "amount"));
  if (credits === undefined) return undefined;
  if (field(value, "expiration_date") === null) return { credits, expiresAtMs: null };
  const expiresAtMs = isoMs(field(value, "expiration_date"));
  return expiresAtMs === undefined ? undefined : { credits, expiresAtMs };
}

export type CostLine = {
  readonly itemHash: string;
  readonly rate: AttoPerS;
  readonly consumedCredits: number;
};

/**
 * Every resource that the address pays for with credits. One unreadable line makes the whole sum unknown; more of them than
 * are counted are `too_large`.
 */
export async function costs(network: Network, core: Core, address: string): Promise<Outcome<readonly CostLine[]>> {
  const lines = new Map<string, CostLine>();
  for (let page = 1; page <= RESOURCES_MAX / COST_PAGE_LINES + 1; page++) {
    const query = `address=${encodeURIComponent(address)}&include_details=1&pagination=${COST_PAGE_LINES}&page=${page}`;
    const answer = await readCore(network, core, `/api/v0/costs?${query}`, COST_PAGE_BYTES_MAX);
    if (!answer.ok) return answer;
    const read = costPage(answer.value);
    if (read === undefined || read.length > COST_PAGE_LINES) return unknown("bad_answer");
    for (const line of read) lines.set(line.itemHash, line);
    const total = countOf(field(answer.value, "summary", "resource_count")) ?? 0;
    if (Math.max(total, lines.size) > RESOURCES_MAX) return unknown("too_large");
    if (read.length < COST_PAGE_LINES) return lines.size >= total ? known([...lines.values()]) : unknown("bad_answer");
  }
  // so many full pages with so few lines: it repeats itself
  return unknown("bad_answer");
}

function costPage(answer: JsonValue): readonly CostLine[] | undefined {
  const resources = field(answer, "resources");
  const lines = resources === null ? [] : listOf(resources)?.map(costLine);
  return lines?.every((line) => line !== undefined) ? lines : undefined;
}

function costLine(value: JsonValue): CostLine | undefined {
  // files may be named by an IPFS hash, so the form is wider than a message's
  const itemHash = textLike(field(value, "item_hash"), /^[A-Za-z0-9]{32,128}$/);
  const rate = believedRate(field(value, "cost_credit"));
  const consumedCredits = believedCredits(field(value, "consumed_credits"));
  if (itemHash === undefined || rate === undefined || consumedCredits === undefined) return undefined;
  return { itemHash, rate, consumedCredits };
}

/**
 * The price that the network froze when it processed the message. Asks for the status first: a core node answers a
 * question for the price of a pending message with an interim status, on which a client waits for ever.
 *
 * More than is believed is told as the most that is: two core nodes that say so end the VM for its price, as they must.
 */
export async function frozenRate(network: Network, core: Core, hash: string): Promise<Outcome<AttoPerS | "absent">> {
  const now = await messageStatus(network, core, hash);
  if (!now.ok) return now;
  if (now.value.status !== "processed" && now.value.status !== "removing") return known("absent");
  const answer = await readCore(network, core, `/api/v0/price/${encodeURIComponent(hash)}`, 256 * KIB);
  if (!answer.ok) return answer.status === 404 || answer.status === 410 ? known("absent") : answer;
  const rate = parseAtto(field(answer.value, "cost"));
  if (rate === undefined || field(answer.value, "payment_type") !== "credit") return unknown("bad_answer");
  return known(rate > RATE_MAX ? RATE_MAX : rate);
}

/** What the network has charged for one message so far. */
export async function consumedCredits(network: Network, core: Core, hash: string): Promise<Outcome<number>> {
  const path = `/api/v0/messages/${encodeURIComponent(hash)}/consumed_credits`;
  const answer = await readCore(network, core, path, 64 * KIB);
  if (!answer.ok) return answer;
  const credits = believedCredits(field(answer.value, "consumed_credits"));
  const about = hashOf(field(answer.value, "item_hash"));
  return credits === undefined || about !== hash ? unknown("bad_answer") : known(credits);
}

/** The merged value of one aggregate key as this node holds it. The address is compared letter by letter. */
export async function aggregate(
  network: Network,
  core: Core,
  address: string,
  key: string,
  bytesMax = 1_024 * KIB,
): Promise<Outcome<JsonObject | "absent">> {
  const path = `/api/v0/aggregates/${encodeURIComponent(address)}.json?keys=${encodeURIComponent(key)}`;
  const answer = await readCore(network, core, path, bytesMax);
  if (!answer.ok) return answer.status === 404 ? known("absent") : answer;
  const data = objectOf(field(answer.value, "data"));
  if (data === undefined) return unknown("bad_answer");
  const value = field(data, key);
  if (value === undefined) return known("absent");
  const object = objectOf(value);
  return object === undefined ? unknown("bad_answer") : known(object);
}
