import { describe, expect, test } from "vitest";
import {
  attachSignature,
  buildMessage,
  canonicalText,
  signMessage,
  verificationText,
} from "../../src/aleph/message.ts";
import type { MessageType } from "../../src/aleph/message.ts";
import { toHex, utf8 } from "../../src/crypto/bytes.ts";
import { sha256Hex } from "../../src/crypto/hash.ts";
import { personalDigest } from "../../src/crypto/secp256k1.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import aggregateInventory from "../vectors/ccn-aggregate-inventory-delegated.json";
import aggregateTombstone from "../vectors/ccn-aggregate-inventory-tombstone.json";
import aggregateEscalation from "../vectors/ccn-aggregate-security-escalation-by-delegate.json";
import aggregateRevoke from "../vectors/ccn-aggregate-security-revoke.json";
import aggregateSecurity from "../vectors/ccn-aggregate-security.json";
import forgetDelegated from "../vectors/ccn-forget-delegated.json";
import forget from "../vectors/ccn-forget.json";
import instanceCredit from "../vectors/ccn-instance-credit.json";
import instanceDelegated from "../vectors/ccn-instance-delegated.json";
import instanceGpu from "../vectors/ccn-instance-gpu.json";
import postAmend from "../vectors/ccn-post-amend.json";
import postTransfer from "../vectors/ccn-post-credit-transfer-by-delegate.json";
import postUnicode from "../vectors/ccn-post-unicode.json";
import post from "../vectors/ccn-post.json";
import trapLowercase from "../vectors/ccn-trap-lowercase-owner.json";
import trapNoPayment from "../vectors/ccn-trap-no-payment.json";
import trapPercent from "../vectors/ccn-trap-percent.json";
import transfer from "../vectors/credits-transfer-message.json";
import { AGENT, AGENT_KEY, OWNER, OWNER_KEY } from "./fakes.ts";

type Vector = {
  readonly name: string;
  readonly message: {
    readonly sender: string;
    readonly channel: string;
    readonly time: number;
    readonly type: string;
    readonly item_content: string;
    readonly item_hash: string;
    readonly signature: string;
  };
  readonly content: object;
  readonly verification_buffer: string;
  readonly verification_buffer_hex: string;
  readonly eip191_digest: string;
};

const vectors: readonly Vector[] = [
  aggregateInventory,
  aggregateTombstone,
  aggregateEscalation,
  aggregateRevoke,
  aggregateSecurity,
  forgetDelegated,
  forget,
  instanceCredit,
  instanceDelegated,
  instanceGpu,
  postAmend,
  postTransfer,
  postUnicode,
  post,
  trapLowercase,
  trapNoPayment,
];

function rebuild({ message, content }: Vector) {
  return buildMessage({
    sender: message.sender as Address,
    type: message.type as MessageType,
    channel: message.channel,
    timeS: message.time,
    content,
  });
}

const keyOf = (sender: string): Uint8Array => (sender === OWNER ? OWNER_KEY : AGENT_KEY);

describe("buildMessage and signMessage", () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))(
    "%s: the same content gives the same text, hash and signature",
    (_name, vector) => {
      const message = rebuild(vector);
      expect(message.item_content).toBe(vector.message.item_content);
      expect(message.item_hash).toBe(vector.message.item_hash);
      expect(message.time).toBe(vector.message.time);
      expect(verificationText(message)).toBe(vector.verification_buffer);
      expect(`0x${toHex(utf8(verificationText(message)))}`).toBe(vector.verification_buffer_hex);
      expect(`0x${toHex(personalDigest(utf8(verificationText(message))))}`).toBe(vector.eip191_digest);
      expect(signMessage(message, keyOf(message.sender))?.signature).toBe(vector.message.signature);
    },
  );

  test("the transfer of credits that another client made comes out byte for byte", () => {
    const { message } = transfer.body;
    const content = JSON.parse(message.item_content) as object;
    const built = buildMessage({ sender: OWNER, type: "POST", channel: message.channel, timeS: message.time, content });
    expect(built.item_hash).toBe(message.item_hash);
    expect(verificationText(built)).toBe(transfer.verificationBuffer);
    expect(signMessage(built, OWNER_KEY)?.signature).toBe(message.signature);
  });

  test("a wrong key signs nothing", () => {
    expect(signMessage(rebuild(instanceDelegated), OWNER_KEY)).toBeUndefined();
  });
});

describe("canonicalText", () => {
  test("a percent sign is escaped, so the hash differs from the trap's and the meaning does not", () => {
    const message = rebuild(trapPercent);
    expect(message.item_content).not.toContain("%");
    expect(message.item_content).toContain("\\u0025");
    expect(JSON.parse(message.item_content)).toEqual(trapPercent.content);
    expect(message.item_hash).not.toBe(trapPercent.message.item_hash);
    expect(message.item_hash).toBe(sha256Hex(message.item_content));
  });

  test("a percent sign in a key is escaped too", () => {
    expect(canonicalText({ "a%41": "%" })).toBe('{"a\\u002541":"\\u0025"}');
  });
});

describe("attachSignature", () => {
  const { signature } = forgetDelegated.message;

  test("a signature of the sender is accepted as it is", () => {
    expect(attachSignature(rebuild(forgetDelegated), signature)?.signature).toBe(signature);
  });

  test("one of somebody else, of another message, or none at all is refused", () => {
    expect(attachSignature(rebuild(forget), signature)).toBeUndefined();
    expect(attachSignature({ ...rebuild(forgetDelegated), sender: OWNER }, signature)).toBeUndefined();
    expect(attachSignature({ ...rebuild(forgetDelegated), sender: AGENT }, "0x")).toBeUndefined();
  });
});
