import { describe, expect, test } from "vitest";
import { CoreNode } from "../../../devnet/core/core-node.ts";
import type { Json, JsonObject } from "../../../devnet/core/json.ts";
import {
  aggregate,
  DELEGATE,
  DELEGATE_2,
  forget,
  get,
  instance,
  OWNER,
  post,
  signed,
  STRANGER,
  submit,
  T0_MS,
  transfer,
  verdictOf,
  verdictOn,
} from "./actors.ts";

const O = OWNER.address;
const D = DELEGATE.address;
const NARROW = [
  { address: D, chain: "ETH", channels: ["ALLOWANCE"], types: ["INSTANCE", "FORGET"] },
  { address: D, chain: "ETH", channels: ["ALLOWANCE"], types: ["AGGREGATE"], aggregate_keys: ["allowance"] },
];

function granting(...authorizations: readonly Json[]): CoreNode {
  const node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
  node.grantCredits(O, 100_000_000, {}, T0_MS);
  if (authorizations.length > 0) grant(node, authorizations);
  return node;
}

function grant(node: CoreNode, authorizations: readonly Json[]): void {
  const content = aggregate(O, "security", { authorizations });
  expect(verdictOn(node, OWNER, { type: "AGGREGATE", content, channel: "security" })).toBe("processed");
}

function created(node: CoreNode, by = DELEGATE, more: JsonObject = {}): string {
  const message = signed(by, { type: "INSTANCE", content: instance(O), ...more });
  submit(node, message);
  expect(verdictOf(node, message.item_hash)).toBe("processed");
  return message.item_hash;
}

/** The acceptance matrix of ccn.md §4.5, by its row numbers. */
describe("permissionFor", () => {
  test("row 1: the owner needs no grant", () => {
    expect(verdictOn(granting(), OWNER, { type: "INSTANCE", content: instance(O) })).toBe("processed");
  });

  test("row 2: the case of the sender does not matter", () => {
    const draft = { type: "INSTANCE", content: instance(O), sender: O.toLowerCase() } as const;
    expect(verdictOn(granting(), OWNER, draft)).toBe("processed");
  });

  test("row 3: a delegate without a grant is denied", () => {
    expect(verdictOn(granting(), DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe(2);
  });

  test("rows 4 and 5: a bare entry allows everything, in whatever case it names the delegate", () => {
    for (const address of [D, D.toLowerCase()]) {
      const node = granting({ address });
      expect(verdictOn(node, DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe("processed");
      expect(verdictOn(node, DELEGATE, { type: "POST", content: post(O, "t", 1) })).toBe("processed");
      expect(verdictOn(node, DELEGATE, { type: "AGGREGATE", content: aggregate(O, "k", {}) })).toBe("processed");
    }
  });

  test("row 6: types restrict", () => {
    const node = granting({ address: D, types: ["INSTANCE"] });
    expect(verdictOn(node, DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe("processed");
    expect(verdictOn(node, DELEGATE, { type: "POST", content: post(O, "t", 1) })).toBe(2);
  });

  test("row 7: channels restrict, and no channel is not among them", () => {
    const node = granting({ address: D, channels: ["A"] });
    const on = (channel: string | null) =>
      verdictOn(node, DELEGATE, { type: "INSTANCE", content: instance(O), channel });
    expect([on("A"), on("B"), on(null)]).toEqual(["processed", 2, 2]);
  });

  test("row 8: the chain restricts", () => {
    expect(
      verdictOn(granting({ address: D, chain: "SOL" }), DELEGATE, { type: "INSTANCE", content: instance(O) }),
    ).toBe(2);
  });

  test("row 9: post types restrict, and an amend is judged by its original", () => {
    const node = granting({ address: D, types: ["POST"], post_types: ["x"] });
    const original = signed(DELEGATE, { type: "POST", content: post(O, "x", 1) });
    submit(node, original);
    expect(verdictOf(node, original.item_hash)).toBe("processed");
    expect(verdictOn(node, DELEGATE, { type: "POST", content: post(O, "y", 1) })).toBe(2);
    const amend = post(O, "amend", 2, { ref: original.item_hash });
    expect(verdictOn(node, DELEGATE, { type: "POST", content: amend })).toBe("processed");
  });

  test("row 10: aggregate keys restrict", () => {
    const node = granting({ address: D, types: ["AGGREGATE"], aggregate_keys: ["k"] });
    expect(verdictOn(node, DELEGATE, { type: "AGGREGATE", content: aggregate(O, "k", {}) })).toBe("processed");
    expect(verdictOn(node, DELEGATE, { type: "AGGREGATE", content: aggregate(O, "security", {}) })).toBe(2);
  });

  test("row 11: without keys the delegate may rewrite the grant itself", () => {
    const node = granting({ address: D, types: ["AGGREGATE"] });
    const content = aggregate(O, "security", { authorizations: [{ address: D }] });
    expect(verdictOn(node, DELEGATE, { type: "AGGREGATE", content })).toBe("processed");
    expect(verdictOn(node, DELEGATE, { type: "POST", content: post(O, "t", 1) })).toBe("processed");
  });

  test("row 12: the second entry may match", () => {
    const node = granting({ address: STRANGER.address, types: ["POST"] }, { address: D, types: ["INSTANCE"] });
    expect(verdictOn(node, DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe("processed");
  });

  test("rows 13 and 14: who may create may forget, also what the owner made", () => {
    const node = granting({ address: D, types: ["INSTANCE"] });
    for (const hash of [created(node), created(node, OWNER)]) {
      expect(verdictOn(node, DELEGATE, { type: "FORGET", content: forget(O, hash) })).toBe("processed");
      expect(node.statusOf(hash)).toBe("forgotten");
    }
  });

  test("row 15: the channel of the target counts, not that of the FORGET", () => {
    const node = granting({ address: D, types: ["INSTANCE"], channels: ["A"] });
    const hash = created(node, OWNER, { channel: "B" });
    expect(verdictOn(node, DELEGATE, { type: "FORGET", content: forget(O, hash), channel: "A" })).toBe(2);
  });

  test("row 16: one delegate may forget what another made", () => {
    const types = ["INSTANCE"];
    const node = granting({ address: D, types }, { address: DELEGATE_2.address, types });
    expect(verdictOn(node, DELEGATE_2, { type: "FORGET", content: forget(O, created(node)) })).toBe("processed");
  });

  test("row 17: a revoked delegate may not forget its own, the owner may", () => {
    const node = granting({ address: D, types: ["INSTANCE"] });
    const hash = created(node);
    grant(node, []);
    expect(verdictOn(node, DELEGATE, { type: "FORGET", content: forget(O, hash) })).toBe(2);
    expect(verdictOn(node, OWNER, { type: "FORGET", content: forget(O, hash) })).toBe("processed");
  });

  test("row 18: the owner may not forget what a delegate made for itself", () => {
    const node = granting({ address: D });
    const own = signed(DELEGATE, { type: "POST", content: post(D, "t", 1) });
    submit(node, own);
    expect(verdictOn(node, OWNER, { type: "FORGET", content: forget(O, own.item_hash) })).toBe(2);
  });

  test("row 19: of mixed targets none is forgotten", () => {
    const node = granting({ address: D, types: ["INSTANCE"], channels: ["A"] });
    const [mine, other] = [created(node, DELEGATE, { channel: "A" }), created(node, OWNER, { channel: "B" })];
    expect(verdictOn(node, DELEGATE, { type: "FORGET", content: forget(O, mine, other), channel: "A" })).toBe(2);
    expect([node.statusOf(mine), node.statusOf(other)]).toEqual(["processed", "processed"]);
  });

  test("rows 20 and 21: an open POST moves the owner's credits, the narrow grant does not", () => {
    const content = () => transfer(O, D, 1_000_000);
    const open = granting({ address: D, types: ["POST"] });
    expect(verdictOn(open, DELEGATE, { type: "POST", content: content(), channel: "ALEPH_CREDIT" })).toBe("processed");
    expect([open.creditBalance(O), open.creditBalance(D)]).toEqual([99_000_000, 1_000_000]);
    const narrow = granting(...NARROW);
    expect(verdictOn(narrow, DELEGATE, { type: "POST", content: content(), channel: "ALEPH_CREDIT" })).toBe(2);
    expect(narrow.creditBalance(D)).toBe(0);
  });

  test("row 22: a null list breaks the node, which tries again and ends with -1", () => {
    const node = granting({ address: D, channels: null }, { address: D });
    const message = signed(DELEGATE, { type: "INSTANCE", content: instance(O) });
    expect(submit(node, message).status).toBe(202);
    expect(verdictOf(node, message.item_hash)).toBe("pending");
    expect(verdictOf(node, message.item_hash, T0_MS + 900_000)).toBe(-1);
  });

  test("row 23: the owner is looked up by the exact text", () => {
    const content = instance(O.toLowerCase());
    expect(verdictOn(granting({ address: D }), DELEGATE, { type: "INSTANCE", content })).toBe(2);
  });

  test("row 24: a forged sender is no sender", () => {
    expect(verdictOn(granting(), STRANGER, { type: "INSTANCE", content: instance(O), sender: O })).toBe(1);
  });

  test("a null that is not reached does no harm", () => {
    const node = granting({ address: D, types: ["INSTANCE"], post_types: null });
    expect(verdictOn(node, DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe("processed");
    const entry = { address: D, channels: ["B"], types: null };
    expect(verdictOn(granting(entry), DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe(2);
  });

  test("a revocation dated before a revision from the future has no effect", () => {
    const node = granting();
    const future = { ...aggregate(O, "security", { authorizations: [{ address: D }] }), time: T0_MS / 1000 + 9000 };
    expect(verdictOn(node, OWNER, { type: "AGGREGATE", content: future })).toBe("processed");
    grant(node, []);
    expect(verdictOn(node, DELEGATE, { type: "INSTANCE", content: instance(O) })).toBe("processed");
  });
});

describe("readGranted", () => {
  test("groups by delegate, and filters", () => {
    const node = granting(...NARROW);
    const granted = (query: string) => get(node, `/api/v0/authorizations/granted/${O}.json${query}`).body as JsonObject;
    expect((granted("")["authorizations"] as JsonObject)[D]).toHaveLength(2);
    expect((granted("?types=FORGET")["authorizations"] as JsonObject)[D]).toHaveLength(1);
    expect(granted(`?grantee=${O}`)["pagination_total"]).toBe(0);
    const received = get(node, `/api/v0/authorizations/received/${D}.json?aggregateKeys=allowance`).body as JsonObject;
    expect((received["authorizations"] as JsonObject)[O]).toHaveLength(1);
  });
});
