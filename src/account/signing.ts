/**
 * Puts signatures on what the ledger composed, and makes messages of what was signed. One opening of the key a call, and
 * all of its signatures or none; sends nothing and records nothing.
 */
import { type SignedMessage, signMessage, type UnsignedMessage } from "../aleph/message.ts";
import { CHANNEL } from "../aleph/network.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { KeyRing } from "./keys.ts";
import type { Attempt, Forget } from "./types.ts";

type Signable = "INSTANCE" | "FORGET";

const unsigned = (
  type: Signable,
  one: { readonly itemHash: string; readonly itemContent: string; readonly timeS: number; readonly sender: string },
): UnsignedMessage => ({
  chain: "ETH",
  sender: one.sender as Address,
  type,
  channel: CHANNEL,
  time: one.timeS,
  item_type: "inline",
  item_content: one.itemContent,
  item_hash: one.itemHash,
});

export const signed = (
  type: Signable,
  one: Parameters<typeof unsigned>[1] & { readonly signature: string | null },
): SignedMessage | undefined =>
  one.signature === null
    ? undefined
    : { ...unsigned(type, one), signature: one.signature as SignedMessage["signature"] };

/** A FORGET that the owner's wallet signed, as one of those of its attempt. */
export const ownersForget = (message: SignedMessage, target: string): Forget => ({
  itemHash: message.item_hash,
  target,
  itemContent: message.item_content,
  timeS: message.time,
  sender: message.sender,
  signature: message.signature,
  spent: [false, false, false],
});

/** An INSTANCE and all its FORGETs: nothing of ours may exist that we could not undo. */
export function signBirth(
  keys: KeyRing,
  attempt: Attempt,
  forgets: readonly Forget[],
): Promise<{ readonly signature: string; readonly forgets: readonly Forget[] } | undefined> {
  return keys.use(attempt.sender as Address, (key) => {
    const instance = signMessage(unsigned("INSTANCE", attempt), key);
    const done = signForgets(forgets, key);
    return instance === undefined || done === undefined ? undefined : { signature: instance.signature, forgets: done };
  });
}

export function signEach(
  keys: KeyRing,
  sender: Address,
  forgets: readonly Forget[],
): Promise<readonly Forget[] | undefined> {
  return keys.use(sender, (key) => signForgets(forgets, key));
}

/** The FORGETs of many machines. */
export function signAll<T extends { readonly forgets: readonly Forget[] }>(
  keys: KeyRing,
  sender: Address,
  drafts: readonly T[],
): Promise<readonly T[] | undefined> {
  return keys.use(sender, (key) => {
    const done = drafts.flatMap((draft) => {
      const forgets = signForgets(draft.forgets, key);
      return forgets === undefined ? [] : [{ ...draft, forgets }];
    });
    return done.length === drafts.length ? done : undefined;
  });
}

function signForgets(forgets: readonly Forget[], key: Uint8Array): readonly Forget[] | undefined {
  const done = forgets.map((forget) => ({
    ...forget,
    signature: forget.signature ?? signMessage(unsigned("FORGET", forget), key)?.signature ?? null,
  }));
  return done.every((forget) => forget.signature !== null) ? done : undefined;
}
