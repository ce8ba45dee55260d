import { beforeEach, describe, expect, test } from "vitest";
import { CoreNode } from "../../../devnet/core/core-node.ts";
import type { JsonObject } from "../../../devnet/core/json.ts";
import gpuVector from "../../vectors/ccn-instance-gpu.json";
import instanceVector from "../../vectors/ccn-instance-credit.json";
import delegatedVector from "../../vectors/ccn-instance-delegated.json";
import solanaVector from "../../vectors/ccn-instance-sol.json";
import securityVector from "../../vectors/ccn-aggregate-security.json";
import revokeVector from "../../vectors/ccn-aggregate-security-revoke.json";
import escalationVector from "../../vectors/ccn-aggregate-security-escalation-by-delegate.json";
import inventoryVector from "../../vectors/ccn-aggregate-inventory-delegated.json";
import tombstoneVector from "../../vectors/ccn-aggregate-inventory-tombstone.json";
import forgetVector from "../../vectors/ccn-forget.json";
import forgetDelegatedVector from "../../vectors/ccn-forget-delegated.json";
import postVector from "../../vectors/ccn-post.json";
import amendVector from "../../vectors/ccn-post-amend.json";
import unicodeVector from "../../vectors/ccn-post-unicode.json";
import postSolanaVector from "../../vectors/ccn-post-sol.json";
import drainVector from "../../vectors/ccn-post-credit-transfer-by-delegate.json";
import estimateVector from "../../vectors/ccn-price-estimate-request.json";
import percentVector from "../../vectors/ccn-trap-percent.json";
import lowercaseVector from "../../vectors/ccn-trap-lowercase-owner.json";
import noPaymentVector from "../../vectors/ccn-trap-no-payment.json";
import transferVector from "../../vectors/credits-transfer-message.json";
import { aggregate, DELEGATE, get, OWNER, submit, told, verdictOf, verdictOn } from "./actors.ts";

const NOW_MS = 1_795_420_810_000;
const O = OWNER.address;

type Vector = { readonly message: unknown };

let node: CoreNode;

function messageOf(vector: Vector): JsonObject & { readonly item_hash: string } {
  return vector.message as JsonObject & { readonly item_hash: string };
}

function send(vector: Vector, nowMs = NOW_MS): string | number {
  submit(node, messageOf(vector), nowMs);
  return verdictOf(node, messageOf(vector).item_hash, nowMs);
}

beforeEach(() => {
  node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
  node.grantCredits(O, 10_000_000, {}, NOW_MS - 60_000);
});

describe("CoreNode with the recorded messages of the SDK", () => {
  test("processes the owner's instance and prices it", () => {
    expect(send(instanceVector)).toBe("processed");
    expect(node.ratePerS(messageOf(instanceVector).item_hash)).toBe("3.958333333333333333");
    expect(node.instance(messageOf(instanceVector).item_hash)?.sender).toBe(O);
  });

  test("processes a GPU instance, and retries one whose GPU nobody knows", () => {
    expect(send(gpuVector)).toBe("processed");
    expect(node.ratePerS(messageOf(gpuVector).item_hash)).toBe("35.937500000000000000");
    node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
    node.grantCredits(O, 10_000_000, {}, NOW_MS - 60_000);
    node.setAggregate("0xFba561a84A537fCaa567bb7A2257e7142701ae2A", "settings", { compatible_gpus: [] }, NOW_MS);
    expect(send(gpuVector)).toBe("pending");
    expect(verdictOf(node, messageOf(gpuVector).item_hash, NOW_MS + 900_000)).toBe(-1);
  });

  test("takes the delegated instance under the grant only", () => {
    expect(send(delegatedVector)).toBe(2);
    node.restart();
    expect(send(securityVector)).toBe("processed");
    expect(send(delegatedVector)).toBe("processed");
    const { body } = get(node, `/api/v0/aggregates/${O}.json?keys=security`, NOW_MS);
    expect(JSON.stringify(body)).toContain('"aggregate_keys":["allowance"]');
  });

  test("takes Solana messages whose owner has credits", () => {
    expect(send(postSolanaVector)).toBe("processed");
    expect(send(solanaVector)).toBe(6);
    node.restart();
    node.grantCredits(String(messageOf(solanaVector)["sender"]), 342_000, {}, NOW_MS);
    expect(send(solanaVector)).toBe("processed");
  });

  test("denies everything after the revocation, and ignores a revocation that comes too early", () => {
    for (const vector of [securityVector, delegatedVector, revokeVector]) expect(send(vector)).toBe("processed");
    expect(send(forgetDelegatedVector)).toBe(2);
    node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
    node.grantCredits(O, 10_000_000, {}, NOW_MS - 60_000);
    expect(send(revokeVector)).toBe("processed");
    // now the grant is the older element and loses: the newest list wins whatever the order of arrival
    expect(send(securityVector)).toBe("processed");
    expect(send(delegatedVector)).toBe(2);
  });

  test("refuses both attacks under the narrow grant, and lets both through under a wide one", () => {
    expect(send(securityVector)).toBe("processed");
    expect([send(escalationVector), send(drainVector)]).toEqual([2, 2]);
    node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
    node.grantCredits(O, 10_000_000, {}, NOW_MS - 60_000);
    const wide = {
      ...aggregate(O, "security", { authorizations: [{ address: DELEGATE.address }] }),
      time: 1_795_420_700,
    };
    expect(verdictOn(node, OWNER, { type: "AGGREGATE", content: wide }, NOW_MS)).toBe("processed");
    expect([send(drainVector), send(escalationVector)]).toEqual(["processed", "processed"]);
    expect(node.creditBalance(DELEGATE.address)).toBe(1_000_000);
  });

  test("merges the inventory and keeps tombstones", () => {
    for (const vector of [securityVector, inventoryVector, tombstoneVector]) expect(send(vector)).toBe("processed");
    expect(Object.values(node.aggregateOf(O, "allowance") ?? {})).toContain(null);
  });

  test("forgets once; a second FORGET stays pending and ends with 501", () => {
    expect(send(forgetVector)).toBe("pending");
    expect(verdictOf(node, messageOf(forgetVector).item_hash, NOW_MS + 900_000)).toBe(501);
    node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
    node.grantCredits(O, 10_000_000, {}, NOW_MS - 60_000);
    expect([send(instanceVector), send(forgetVector)]).toEqual(["processed", "processed"]);
    expect(node.statusOf(messageOf(instanceVector).item_hash)).toBe("forgotten");
    expect(node.ratePerS(messageOf(instanceVector).item_hash)).toBeUndefined();
  });

  test("lets the delegate forget under the grant", () => {
    for (const vector of [securityVector, delegatedVector, forgetDelegatedVector])
      expect(send(vector)).toBe("processed");
  });

  test("takes posts, amends and every kind of character", () => {
    for (const vector of [postVector, amendVector, unicodeVector]) expect(send(vector)).toBe("processed");
    const { body } = get(node, `/api/v1/posts.json?addresses=${O}&hashes=${messageOf(postVector).item_hash}`, NOW_MS);
    const [shown] = (body as { readonly posts: readonly JsonObject[] }).posts;
    expect(shown?.["content"]).toEqual((amendVector.content as JsonObject)["content"]);
  });

  test("prices an unsigned request", () => {
    const request = {
      method: "POST",
      path: "/api/v0/price/estimate",
      headers: {},
      body: JSON.stringify(estimateVector.body),
    };
    const { status, body } = told(node.handle(request, NOW_MS));
    expect([status, (body as JsonObject)["cost"]]).toEqual([200, "3.958333333333333333"]);
  });

  test("falls into the three traps as the real node does", () => {
    const message = messageOf(percentVector);
    expect(submit(node, message, NOW_MS).status).toBe(202);
    expect(verdictOf(node, message.item_hash, NOW_MS)).toBe(0);
    expect(send(lowercaseVector)).toBe(6);
    expect(send(noPaymentVector)).toBe(202);
  });

  test("moves transferred credits once, and takes them away when they expire", () => {
    const message = transferVector.body.message as unknown as JsonObject & { readonly item_hash: string };
    const content = JSON.parse(String(message["item_content"])) as { readonly time: number };
    const sentMs = content.time * 1000;
    const fresh = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
    fresh.grantCredits(O, 10_000_000, {}, sentMs - 60_000);
    expect(submit(fresh, message, sentMs).status).toBe(200);
    fresh.restart();
    expect(submit(fresh, message, sentMs).status).toBe(202);
    expect([fresh.creditBalance(O), fresh.creditBalance(DELEGATE.address)]).toEqual([5_000_000, 5_000_000]);
    fresh.tick(sentMs + 24 * 3_600_000);
    expect(fresh.creditBalance(DELEGATE.address)).toBe(0);
  });
});
