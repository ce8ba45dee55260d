/**
 * Who may act for whom: the `security` aggregate, read exactly as the real node reads it. That includes what is
 * dangerous about it: an empty list means everything, AGGREGATE without keys may rewrite `security` itself, and an open
 * POST may move the owner's credits. Pure.
 */
import { isList, isObject } from "./json.ts";
import type { Json } from "./json.ts";
import { ownerOf } from "./state.ts";
import type { MessageRecord } from "./state.ts";

/** `broken` stands for an exception in the real node: the message is tried again until it is rejected. */
export type Permission = "allowed" | "denied" | "broken";

export type SecurityOf = (owner: string) => Json | undefined;

/** May `sender` create `target` for `owner`? The target's own type, channel, chain and kind are what is judged. */
export function permissionFor(
  sender: string,
  owner: string,
  target: MessageRecord,
  securityOf: SecurityOf,
): Permission {
  if (sender.toLowerCase() === owner.toLowerCase()) return "allowed";
  const security = securityOf(owner);
  if (!isObject(security)) return "denied";
  const list = security["authorizations"] ?? null;
  if (!Object.hasOwn(security, "authorizations")) return "denied";
  if (!isList(list)) return isEmpty(list) ? "denied" : "broken";
  for (const entry of list) {
    const answer = matches(entry, sender, target);
    if (answer !== "denied") return answer;
  }
  return "denied";
}

/** Step by step, because a null counts only when it is reached. */
function matches(entry: Json, sender: string, target: MessageRecord): Permission {
  if (!isObject(entry)) return "broken";
  const address = Object.hasOwn(entry, "address") ? entry["address"] : "";
  if (typeof address !== "string") return "broken";
  if (address.toLowerCase() !== sender.toLowerCase()) return "denied";
  const { type, channel, chain } = target.envelope;
  if (isTruthy(entry["chain"]) && entry["chain"] !== chain) return "denied";
  const steps: [key: string, value: Json | undefined][] = [
    ["channels", channel],
    ["types", type],
  ];
  if (type === "POST") steps.push(["post_types", target.content["type"]]);
  if (type === "AGGREGATE") steps.push(["aggregate_keys", target.content["key"]]);
  for (const [key, value] of steps) {
    const answer = Object.hasOwn(entry, key) ? admits(entry[key] ?? null, value) : "allowed";
    if (answer !== "allowed") return answer;
  }
  return "allowed";
}

/** Empty admits everything; null and numbers have no length; a text admits its own parts. */
function admits(filter: Json, value: Json | undefined): Permission {
  if (isEmpty(filter)) return "allowed";
  if (isList(filter)) return value !== undefined && filter.includes(value) ? "allowed" : "denied";
  if (isObject(filter)) return typeof value === "string" && Object.hasOwn(filter, value) ? "allowed" : "denied";
  if (typeof filter !== "string" || typeof value !== "string") return "broken";
  return filter.includes(value) ? "allowed" : "denied";
}

function isEmpty(value: Json): boolean {
  if (isList(value)) return value.length === 0;
  return value === "" || (isObject(value) && Object.keys(value).length === 0);
}

function isTruthy(value: Json | undefined): boolean {
  if (value === undefined || value === null || isEmpty(value)) return false;
  return value !== false && value !== 0;
}

/** The rule for sending a message; an amend is judged by the post that it changes, if that is known. */
export function maySend(
  record: MessageRecord,
  original: MessageRecord | undefined,
  securityOf: SecurityOf,
): Permission {
  const { sender } = record.envelope;
  const owner = ownerOf(record);
  if (sender.toLowerCase() === owner.toLowerCase()) return "allowed";
  if (original === undefined) return permissionFor(sender, owner, record, securityOf);
  const originalOwner = ownerOf(original);
  if (owner.toLowerCase() !== originalOwner.toLowerCase()) return "denied";
  return permissionFor(sender, originalOwner, original, securityOf);
}
