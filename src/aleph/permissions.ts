/**
 * The owner's delegation: which entries of a `security` aggregate are ours, whether they are exactly as wide as they must
 * be, and how a list looks with or without them.
 *
 * Pure. The network knows no amount and no expiry, so width is all there is to judge; a missing or empty list means
 * "everything" there, and that is how it is read here.
 */
import type { Address } from "../crypto/secp256k1.ts";
import { toChecksum } from "../crypto/secp256k1.ts";
import { CHANNEL } from "./network.ts";
import { field, listOf, objectOf } from "./wire.ts";
import type { JsonObject, JsonValue } from "./wire.ts";

export { decidingMessage, rebuiltSecurity } from "./security.ts";
export type { RebuiltSecurity } from "./security.ts";

/** One entry of the list; keys that we do not know are kept, because the list is always replaced as a whole. */
export type Authorization = JsonObject;

export type DelegationState = "ok" | "missing" | "too_wide";

/** Of the owner's own aggregate that the second entry opens. Nothing is kept there: the inventory has an address of its own. */
export const AGGREGATE_KEY = "allowance";

const OUR_TYPES = ["INSTANCE", "FORGET", "AGGREGATE"];
const LISTS = ["types", "channels", "post_types", "aggregate_keys"];

/** The two entries to be signed by the owner, and nothing beyond them. */
export function ourEntries(agent: Address): readonly Authorization[] {
  return [
    { address: agent, types: ["INSTANCE", "FORGET"], channels: [CHANNEL], chain: "ETH" },
    { address: agent, types: ["AGGREGATE"], aggregate_keys: [AGGREGATE_KEY], channels: [CHANNEL], chain: "ETH" },
  ];
}

/** How one core node sees our standing. One entry that is too wide spoils all: the network takes the widest. */
export function delegationState(security: JsonObject | "absent" | undefined, agent: Address): DelegationState {
  if (security === undefined || security === "absent") return "missing";
  const entries = listOf(field(security, "authorizations")) ?? [];
  const ours = entries.filter((entry) => isFor(entry, agent));
  if (ours.some((entry) => !isNarrow(entry))) return "too_wide";
  // an entry without a readable address makes core nodes fail on every message of every delegate
  if (entries.some((entry) => typeof field(entry, "address") !== "string")) return "missing";
  const granted = new Set(ours.flatMap((entry) => listOf(field(entry, "types")) ?? []));
  return OUR_TYPES.every((type) => granted.has(type)) ? "ok" : "missing";
}

function isFor(entry: JsonValue, agent: string): boolean {
  const address = field(entry, "address");
  return typeof address === "string" && address.toLowerCase() === agent.toLowerCase();
}

function isNarrow(entry: JsonValue): boolean {
  if (LISTS.some((name) => field(entry, name) !== undefined && wordsOf(entry, name) === undefined)) return false;
  if (field(entry, "chain") !== "ETH") return false;
  if (!isOnly(wordsOf(entry, "types"), OUR_TYPES) || !isOnly(wordsOf(entry, "channels"), [CHANNEL])) return false;
  const aggregates = wordsOf(entry, "types")?.includes("AGGREGATE") === true;
  return !aggregates || isOnly(wordsOf(entry, "aggregate_keys"), [AGGREGATE_KEY]);
}

function isOnly(words: readonly string[] | undefined, allowed: readonly string[]): boolean {
  return words !== undefined && words.length > 0 && words.every((word) => allowed.includes(word));
}

function wordsOf(entry: JsonValue, name: string): readonly string[] | undefined {
  const list = listOf(field(entry, name));
  return list?.every((word) => typeof word === "string") ? list : undefined;
}

/** The list with exactly our two entries for this agent, and none for the keys that it replaces. */
export function withDelegation(
  existing: readonly Authorization[],
  agent: Address,
  formerAgents: readonly Address[] = [],
): readonly Authorization[] {
  return [...withoutDelegation(existing, [agent, ...formerAgents]), ...ourEntries(agent)];
}

export function withoutDelegation(
  existing: readonly Authorization[],
  agents: readonly Address[],
): readonly Authorization[] {
  return existing.filter((entry) => !agents.some((agent) => isFor(entry, agent)));
}

/** One entry as a sentence for the owner, and whether it needs a tick of its own: "this address can take everything". */
export function inWords(entry: Authorization): { readonly words: string; readonly canTakeEverything: boolean } {
  const address = field(entry, "address");
  const who = (typeof address === "string" ? toChecksum(address) : undefined) ?? "An unreadable address";
  const types = shown(entry, "types");
  const what = types === undefined ? "anything" : types.map((type) => typeInWords(entry, type)).join(", ");
  const channels = shown(entry, "channels");
  const where = channels === undefined ? "on any channel" : `on the channel ${channels.join(" or ")}`;
  const chain = shownWord(field(entry, "chain"));
  return {
    words: `${who} may send ${what}, ${where}${chain === "" ? "" : `, signed on ${chain}`}.`,
    canTakeEverything: canTakeEverything(entry),
  };
}

function typeInWords(entry: Authorization, type: string): string {
  const name = type === "POST" ? "post_types" : type === "AGGREGATE" ? "aggregate_keys" : undefined;
  if (name === undefined) return type;
  const filter = shown(entry, name);
  return filter === undefined ? `${type} of any kind` : `${type} of the kind ${filter.join(" or ")}`;
}

function canTakeEverything(entry: Authorization): boolean {
  const types = wordsOf(entry, "types");
  if (types === undefined || types.length === 0) return true;
  const posts = wordsOf(entry, "post_types") ?? [];
  const keys = wordsOf(entry, "aggregate_keys") ?? [];
  if (types.includes("POST") && (posts.length === 0 || posts.includes("aleph_credit_transfer"))) return true;
  return types.includes("AGGREGATE") && (keys.length === 0 || keys.includes("security"));
}

/** `undefined` where the network would see no restriction. */
function shown(entry: Authorization, name: string): readonly string[] | undefined {
  const list = listOf(objectOf(entry)?.[name]) ?? [];
  return list.length === 0 ? undefined : list.slice(0, 20).map(shownWord);
}

/** The owner's own words, but written by whoever wrote the entry: visible ASCII only, and short. */
function shownWord(value: JsonValue | undefined): string {
  return typeof value === "string" ? value.replace(/[^\x21-\x7e]/g, "?").slice(0, 40) : "";
}
