/**
 * Builds, hashes and signs the envelope of an Aleph message.
 *
 * Pure and synchronous. The text of the content is made once and never again: its hash is the message's id, and the
 * network keeps the very bytes that were sent.
 */
import { utf8 } from "../crypto/bytes.ts";
import type { Hex } from "../crypto/bytes.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { recoverPersonal, signPersonal } from "../crypto/secp256k1.ts";
import type { Address } from "../crypto/secp256k1.ts";

export type MessageType = "INSTANCE" | "FORGET" | "AGGREGATE" | "POST";

export type UnsignedMessage = {
  readonly chain: "ETH";
  readonly sender: Address;
  readonly type: MessageType;
  readonly channel: string;
  /** Unix seconds, the same as in the content; in the envelope it is unsigned. */
  readonly time: number;
  readonly item_type: "inline";
  readonly item_content: string;
  readonly item_hash: string;
};

export type SignedMessage = UnsignedMessage & { readonly signature: Hex };

/** JSON, with `%` escaped: core nodes percent-decode what they hear from each other, which would change the hash. */
export function canonicalText(content: object): string {
  return JSON.stringify(content).replaceAll("%", "\\u0025");
}

export function buildMessage(ask: {
  readonly sender: Address;
  readonly type: MessageType;
  readonly channel: string;
  readonly timeS: number;
  readonly content: object;
}): UnsignedMessage {
  const text = canonicalText(ask.content);
  return {
    chain: "ETH",
    sender: ask.sender,
    type: ask.type,
    channel: ask.channel,
    time: ask.timeS,
    item_type: "inline",
    item_content: text,
    item_hash: sha256Hex(text),
  };
}

/** The four lines that a wallet shows and signs. Channel and time are not among them. */
export function verificationText(message: {
  readonly chain: string;
  readonly sender: string;
  readonly type: string;
  readonly item_hash: string;
}): string {
  return `${message.chain}\n${message.sender}\n${message.type}\n${message.item_hash}`;
}

/** `undefined` if the signature does not recover to the sender: a wrong key, or a fault while signing. */
export function signMessage(message: UnsignedMessage, privateKey: Uint8Array): SignedMessage | undefined {
  return attachSignature(message, signPersonal(utf8(verificationText(message)), privateKey));
}

/** Joins a signature made elsewhere, such as by the owner's wallet; `undefined` if it is not the sender's. */
export function attachSignature(message: UnsignedMessage, signature: string): SignedMessage | undefined {
  if (recoverPersonal(utf8(verificationText(message)), signature) !== message.sender) return undefined;
  const hex: Hex = `0x${signature.replace(/^0x/i, "").toLowerCase()}`;
  return { ...message, signature: hex };
}
