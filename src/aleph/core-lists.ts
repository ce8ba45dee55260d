/**
 * The lists of one core node: an owner's aggregate messages, and the instances that are alive.
 *
 * Reads every page up to a bound and keeps of each only entries whose text has the hash they claim, before the next is asked
 * for. A list that is longer than the bound is `too_large`, never cut short in silence; a page with more entries than were
 * asked for is no answer.
 */
import { utf8 } from "../crypto/bytes.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { recoverPersonal } from "../crypto/secp256k1.ts";
import { readCore } from "./core-read.ts";
import { verificationText } from "./message.ts";
import { known, unknown } from "./network.ts";
import type { Core, Network, Outcome } from "./network.ts";
import { field, finiteOf, hashOf, isoMs, listOf, parseJson, textLike } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

const PAGE_MESSAGES = 100;
const PAGES_MAX = 20;
const PAGE_BYTES_MAX = 4 * 1_048_576;
/** Texts of what is kept of all pages together: two thousand instances of eight KiB each. */
const KEPT_CHARS_MAX = 16 * 1_048_576;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const VM_ID = /^vm_[a-z0-9]{1,40}$/;

export type ListedMessage = {
  readonly sender: string;
  readonly chain: string;
  readonly type: string;
  readonly channel: string | null;
  readonly item_hash: string;
  readonly item_content: string;
  readonly signature: string;
  /** Of the content, unix seconds: the one that is signed and that decides which of two elements wins. */
  readonly timeS: number;
};

/** The bytes of one whose signature was checked: enough to hand it to a core node that lacks it. */
export type SignedInstance = {
  readonly itemHash: string;
  readonly sender: string;
  readonly itemContent: string;
  readonly signature: `0x${string}`;
  readonly timeS: number;
};

export type ListedInstance = {
  readonly itemHash: string;
  readonly sender: string;
  readonly owner: string;
  readonly timeS: number;
  readonly allowance?: { readonly vmId: string; readonly expiresAtMs: number };
  /** Only where senders were asked for. */
  readonly signed?: SignedInstance;
};

/** The AGGREGATE messages that the owner sent for one key of their own, newest first as the node lists them. */
export async function aggregateMessages(
  network: Network,
  core: Core,
  owner: string,
  key: string,
): Promise<Outcome<readonly ListedMessage[]>> {
  // the node has no filter for aggregate keys, so all of the owner's are read
  const query = `msgTypes=AGGREGATE&owners=${encodeURIComponent(owner)}&addresses=${encodeURIComponent(owner)}`;
  const ofKey = (message: ListedMessage): ListedMessage | undefined =>
    field(parseJson(message.item_content), "key") === key ? message : undefined;
  return allMessages(network, core, query, ofKey);
}

/**
 * Instances that this node calls processed or removing, by owner, by senders, or both. With `senders` only entries that
 * one of them signed come back, so a core node can hide such a VM but not invent one.
 */
export async function liveInstances(
  network: Network,
  core: Core,
  ask: { readonly owner?: string; readonly senders?: readonly string[] },
): Promise<Outcome<readonly ListedInstance[]>> {
  if (ask.owner === undefined && (ask.senders === undefined || ask.senders.length === 0)) return known([]);
  const owners = ask.owner === undefined ? "" : `&owners=${encodeURIComponent(ask.owner)}`;
  const senders = ask.senders === undefined ? "" : `&addresses=${ask.senders.map(encodeURIComponent).join(",")}`;
  const ofWhom = (message: ListedMessage): ListedInstance | undefined => listedInstance(message, ask);
  return allMessages(network, core, `msgTypes=INSTANCE${owners}${senders}`, ofWhom);
}

type Keep<T> = (message: ListedMessage) => T | undefined;

async function allMessages<T>(
  network: Network,
  core: Core,
  query: string,
  keep: Keep<T>,
): Promise<Outcome<readonly T[]>> {
  const sieve = new Sieve(keep);
  let cursor = "";
  for (let page = 0; page < PAGES_MAX; page++) {
    const path = `/api/v0/messages.json?${query}&cursor=${encodeURIComponent(cursor)}&pagination=${PAGE_MESSAGES}`;
    const answer = await readCore(network, core, path, PAGE_BYTES_MAX);
    if (!answer.ok) return answer;
    const found = listOf(field(answer.value, "messages"));
    if (found === undefined || found.length > PAGE_MESSAGES) return unknown("bad_answer");
    if (!sieve.take(found)) return unknown("too_large");
    const next = field(answer.value, "next_cursor");
    if (next === null) return known(sieve.kept);
    const following = textLike(next, /^[\x21-\x7e]{1,1024}$/);
    if (following === undefined) return unknown("bad_answer");
    cursor = following;
  }
  return unknown("too_large");
}

/** Looks at each message once, however often it is listed: a check may cost a signature. */
class Sieve<T> {
  readonly kept: T[] = [];
  private readonly seen = new Set<string>();
  private keptChars = 0;
  private readonly keep: Keep<T>;

  constructor(keep: Keep<T>) {
    this.keep = keep;
  }

  /** False: more was kept than may be. */
  take(found: readonly JsonValue[]): boolean {
    for (const value of found) {
      const message = listedMessage(value);
      if (message === undefined || this.seen.has(message.item_hash)) continue;
      this.seen.add(message.item_hash);
      const one = this.keep(message);
      if (one === undefined) continue;
      this.kept.push(one);
      this.keptChars += message.item_content.length;
    }
    return this.keptChars <= KEPT_CHARS_MAX;
  }
}

function listedMessage(value: JsonValue): ListedMessage | undefined {
  const sender = textLike(field(value, "sender"), ADDRESS);
  const chain = textLike(field(value, "chain"), /^[A-Z0-9]{1,16}$/);
  const type = textLike(field(value, "type"), /^[A-Z-]{1,16}$/);
  const item_hash = hashOf(field(value, "item_hash"));
  const item_content = field(value, "item_content");
  const signature = textLike(field(value, "signature"), /^(0x)?[0-9a-fA-F]{130}$/);
  if (sender === undefined || chain === undefined || type === undefined || item_hash === undefined) return undefined;
  if (typeof item_content !== "string" || signature === undefined || sha256Hex(item_content) !== item_hash)
    return undefined;
  const timeS = finiteOf(field(parseJson(item_content), "time"));
  if (timeS === undefined) return undefined;
  const channel = field(value, "channel");
  return {
    sender,
    chain,
    type,
    channel: typeof channel === "string" ? channel : null,
    item_hash,
    item_content,
    signature,
    timeS,
  };
}

function listedInstance(
  message: ListedMessage,
  ask: { readonly owner?: string; readonly senders?: readonly string[] },
): ListedInstance | undefined {
  if (message.type !== "INSTANCE") return undefined;
  const content = parseJson(message.item_content);
  const owner = textLike(field(content, "address"), ADDRESS);
  if (owner === undefined || (ask.owner !== undefined && owner !== ask.owner)) return undefined;
  if (ask.senders !== undefined && !(ask.senders.includes(message.sender) && isSigned(message))) return undefined;
  const allowance = allowanceOf(field(content, "metadata", "allowance"));
  const { item_hash: itemHash, sender, timeS } = message;
  return {
    itemHash,
    sender,
    owner,
    timeS,
    ...(allowance === undefined ? {} : { allowance }),
    ...(ask.senders === undefined ? {} : { signed: signedOf(message) }),
  };
}

function signedOf({ item_hash, sender, item_content, signature, timeS }: ListedMessage): SignedInstance {
  const hex = `0x${signature.replace(/^0x/i, "").toLowerCase()}` as const;
  return { itemHash: item_hash, sender, itemContent: item_content, signature: hex, timeS };
}

function isSigned(message: ListedMessage): boolean {
  return recoverPersonal(utf8(verificationText(message)), message.signature) === message.sender;
}

function allowanceOf(
  value: JsonValue | undefined,
): { readonly vmId: string; readonly expiresAtMs: number } | undefined {
  const vmId = textLike(field(value, "vm_id"), VM_ID);
  const expiresAtMs = isoMs(field(value, "expires_at"));
  return vmId === undefined || expiresAtMs === undefined ? undefined : { vmId, expiresAtMs };
}
