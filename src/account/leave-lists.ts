/**
 * The lists of entries that an owner signs on the way out: who stays, who comes, who goes. Pure.
 *
 * A list replaces the whole one on the network, so what stays is kept letter by letter.
 */
import { aggregateContent } from "../aleph/contents.ts";
import { buildMessage, type UnsignedMessage } from "../aleph/message.ts";
import { SECURITY_CHANNEL } from "../aleph/network.ts";
import {
  type Authorization,
  inWords,
  ourEntries,
  type RebuiltSecurity,
  withDelegation,
  withoutDelegation,
} from "../aleph/permissions.ts";
import { stableText } from "../aleph/wire.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { LeaveFacts } from "./leave.ts";
import type { Offer } from "./owner-messages.ts";

export type ListDraft = {
  readonly offer: Offer;
  readonly kept: readonly Authorization[];
  readonly added: readonly Authorization[];
  readonly ended: readonly Authorization[];
  readonly doubtful: readonly Authorization[];
};

/** Never stops at doubt: entries that the core nodes do not agree on are dropped with ours, never added (safety.md b.2). */
export function revocationDraft(
  { owner, agentAddress, keys }: Pick<LeaveFacts, "owner" | "agentAddress" | "keys">,
  { authorizations, doubtful }: RebuiltSecurity,
  timeS: number,
): ListDraft {
  const others = withoutDelegation(authorizations, keys);
  const doubts = withoutDelegation(doubtful, keys);
  const doubted = new Set(doubts.map((entry) => stableText(entry)));
  const kept = others.filter((entry) => !doubted.has(stableText(entry)));
  const ours = authorizations.filter((entry) => !others.includes(entry));
  const message = listMessage(owner, kept, timeS);
  const ticks = { everything: kept.some((entry) => inWords(entry).canTakeEverything), doubtful: false };
  const offer: Offer = { purpose: "revoke", about: agentAddress, message, ticks };
  return { offer, kept, added: [], ended: [...ours, ...doubts], doubtful: doubts };
}

/** One signature lets the new key in and every older one out. */
export function rotationDraft(
  { owner, keys }: Pick<LeaveFacts, "owner" | "keys">,
  next: Address,
  { authorizations, doubtful }: RebuiltSecurity,
  timeS: number,
): ListDraft {
  const kept = withoutDelegation(authorizations, keys);
  const doubts = withoutDelegation(doubtful, keys);
  const message = listMessage(owner, withDelegation(authorizations, next, keys), timeS);
  const ticks = {
    everything: kept.some((entry) => inWords(entry).canTakeEverything),
    doubtful: doubts.length > 0,
  };
  const ended = authorizations.filter((entry) => !kept.includes(entry));
  const offer: Offer = { purpose: "rotate", about: next, message, ticks };
  return { offer, kept, added: ourEntries(next), ended, doubtful: doubts };
}

function listMessage(owner: Address, authorizations: readonly Authorization[], timeS: number): UnsignedMessage {
  const content = aggregateContent({ owner, timeS, key: "security", content: { authorizations } });
  return buildMessage({ sender: owner, type: "AGGREGATE", channel: SECURITY_CHANNEL, timeS, content });
}
