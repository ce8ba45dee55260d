/**
 * Rebuilds an owner's `security` list from the messages that the owner signed, as the list is replaced as a whole.
 *
 * Pure. A core node's merged answer is not believed: an entry slipped into it would be served to the owner for signature.
 * From signed messages a lying node can hide one or show a forgotten one, but never invent one.
 */
import { utf8 } from "../crypto/bytes.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { recoverPersonal } from "../crypto/secp256k1.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { ListedMessage } from "./core-lists.ts";
import { type SignedMessage, verificationText } from "./message.ts";
import { SECURITY_CHANNEL } from "./network.ts";
import { field, finiteOf, listOf, objectOf, parseJson, stableText } from "./wire.ts";
import type { JsonObject, JsonValue } from "./wire.ts";

export type RebuiltSecurity = {
  /** The list according to all genuine messages that any core node showed. */
  readonly authorizations: readonly JsonObject[];
  /** Entries that fewer than two core nodes stand behind, or that the list lacks although a node has them; empty if two agree. */
  readonly doubtful: readonly JsonObject[];
  /** Unix seconds of the newest genuine message: the next one must be later. Zero if there is none. */
  readonly lastTimeS: number;
  /** How many core nodes show messages that give this very list. */
  readonly agreeing: number;
};

type Element = { readonly hash: string; readonly timeS: number; readonly content: JsonObject };

/** `undefined` stands for a core node without an answer; it neither agrees nor contradicts. */
export function rebuiltSecurity(
  perCore: readonly (readonly ListedMessage[] | undefined)[],
  owner: Address,
): RebuiltSecurity {
  const genuine = new Map<string, Element | undefined>();
  const views = perCore.flatMap((messages) => {
    if (messages === undefined) return [];
    return [messages.flatMap((message) => genuineElement(message, owner, genuine) ?? [])];
  });
  const all = new Map(views.flat().map((element) => [element.hash, element]));
  const authorizations = mergedList([...all.values()]);
  const lists = views.map(mergedList);
  const agreeing = lists.filter((list) => stableText(list) === stableText(authorizations)).length;
  const lastTimeS = Math.max(0, ...[...all.values()].map((element) => element.timeS));
  return { authorizations, doubtful: agreeing >= 2 ? [] : inDoubt(authorizations, lists), lastTimeS, agreeing };
}

/** The message that decides the list, ready for a core node that lacks it. Channel and envelope time are not signed. */
export function decidingMessage(listed: readonly ListedMessage[], owner: Address): SignedMessage | undefined {
  const newestFirst = listed.toSorted((a, b) => b.timeS - a.timeS || (a.item_hash < b.item_hash ? -1 : 1));
  const newest = newestFirst.find((message) => {
    const element = verified(message, owner);
    return element !== undefined && Object.hasOwn(element.content, "authorizations");
  });
  if (newest === undefined) return undefined;
  const { item_hash, item_content, timeS: time } = newest;
  const signature = newest.signature as SignedMessage["signature"];
  const envelope = { chain: "ETH", type: "AGGREGATE", channel: SECURITY_CHANNEL, item_type: "inline" } as const;
  return { ...envelope, sender: owner, time, item_content, item_hash, signature };
}

/** Three nodes show the same messages, so each is verified once; the text is part of what is remembered. */
function genuineElement(
  message: ListedMessage,
  owner: Address,
  seen: Map<string, Element | undefined>,
): Element | undefined {
  const key = `${message.sender} ${message.item_hash} ${message.signature} ${message.item_content}`;
  if (!seen.has(key)) seen.set(key, verified(message, owner));
  return seen.get(key);
}

function verified(message: ListedMessage, owner: Address): Element | undefined {
  if (message.sender !== owner || message.chain !== "ETH" || message.type !== "AGGREGATE") return undefined;
  if (sha256Hex(message.item_content) !== message.item_hash) return undefined;
  if (recoverPersonal(utf8(verificationText(message)), message.signature) !== owner) return undefined;
  const json = parseJson(message.item_content);
  const content = objectOf(field(json, "content"));
  const timeS = finiteOf(field(json, "time"));
  if (field(json, "address") !== owner || field(json, "key") !== "security") return undefined;
  return content === undefined || timeS === undefined ? undefined : { hash: message.item_hash, timeS, content };
}

/** Top-level keys merge by time, so the newest element that has the list decides it alone. */
function mergedList(elements: readonly Element[]): readonly JsonObject[] {
  const newestFirst = elements.toSorted((a, b) => b.timeS - a.timeS || (a.hash < b.hash ? -1 : 1));
  const deciding = newestFirst.find((element) => Object.hasOwn(element.content, "authorizations"));
  const list: readonly JsonValue[] = listOf(deciding?.content["authorizations"]) ?? [];
  return list.map(objectOf).filter((entry) => entry !== undefined);
}

function inDoubt(list: readonly JsonObject[], views: readonly (readonly JsonObject[])[]): readonly JsonObject[] {
  const entries = new Map([...list, ...views.flat()].map((entry) => [stableText(entry), entry]));
  const inList = new Set(list.map(stableText));
  const held = views.map((view) => new Set(view.map(stableText)));
  return [...entries]
    .filter(([text]) => !inList.has(text) || held.filter((view) => view.has(text)).length < 2)
    .map(([, entry]) => entry);
}
