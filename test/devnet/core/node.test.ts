import { beforeEach, describe, expect, test } from "vitest";
import { CoreNode } from "../../../devnet/core/core-node.ts";
import { isDelayed } from "../../../devnet/wire.ts";
import type { Json, JsonObject } from "../../../devnet/core/json.ts";
import { aggregate, forget, get, instance, OWNER, post, signed, STRANGER, submit, T0_MS, verdictOn } from "./actors.ts";

const O = OWNER.address;
const S = STRANGER.address;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAY_OF_ONE = 342_000;

let node: CoreNode;

function fresh(processingDelayMs = 0, id = "core"): CoreNode {
  return new CoreNode({ id, origin: `http://${id}.invalid`, processingDelayMs });
}

function create(on = node, more: JsonObject = {}, nowMs = T0_MS): string {
  const message = signed(OWNER, { type: "INSTANCE", content: instance(O, more), timeS: nowMs / 1000 });
  submit(on, message, nowMs);
  return message.item_hash;
}

beforeEach(() => {
  node = fresh();
});

describe("CoreNode.handle", () => {
  test("answers a synchronous submission when the verdict is due", () => {
    node = fresh(800);
    const message = signed(OWNER, { type: "POST", content: post(O, "t", 1) });
    const body = JSON.stringify({ sync: true, message });
    const answer = node.handle({ method: "POST", path: "/api/v0/messages", headers: {}, body }, T0_MS);
    expect(isDelayed(answer) ? answer.after : 0).toBe(800);
    expect(node.statusOf(message.item_hash)).toBe("pending");
    expect(isDelayed(answer) ? answer.finish(0).status : 0).toBe(200);
    expect(node.statusOf(message.item_hash)).toBe("processed");
  });

  test("keeps a repeat waiting for 30 s and says pending", () => {
    const message = signed(OWNER, { type: "POST", content: post(O, "t", 1) });
    submit(node, message);
    const body = JSON.stringify({ sync: true, message });
    const answer = node.handle({ method: "POST", path: "/api/v0/messages", headers: {}, body }, T0_MS);
    expect(isDelayed(answer) && answer.after === 30_000 && answer.finish(0).status).toBe(202);
  });

  test("refuses wrong methods and paths as the framework does", () => {
    const ask = (method: string, path: string) => {
      const answer = node.handle({ method, path, headers: {}, body: "" }, T0_MS);
      return isDelayed(answer) ? "" : answer.body;
    };
    expect(ask("DELETE", "/api/v0/messages.json")).toBe("405: Method Not Allowed");
    expect(ask("GET", `/api/v0/compute/${"a".repeat(64)}/metrics`)).toBe("404: Not Found");
  });

  test("serves what a compute node and the command line ask", () => {
    node.grantCredits(O, 2 * DAY_OF_ONE, {}, T0_MS);
    const hash = create();
    const count = (query: string) =>
      (get(node, `/api/v0/messages.json?${query}`).body as { messages: Json[] }).messages.length;
    expect(count(`hashes=${hash}`)).toBe(1);
    expect(count(`msgType=INSTANCE&addresses=${O}&cursor=&pagination=200`)).toBe(1);
    expect(count(`msgType=STORE&sort_order=-1&refs=${hash}&owners=${O}`)).toBe(0);
    expect(get(node, `/api/v0/price/${hash}`).body).toMatchObject({
      cost: "3.958333333333333333",
      payment_type: "credit",
    });
    expect(get(node, `/api/v0/price/${hash}?include_size=true`).body).toMatchObject({
      detail: [{}, { size_mib: 20_480 }, {}],
    });
    const path = `/api/v0/addresses/${O}/credit_history?page=1&pagination=100`;
    expect(get(node, path).body).toMatchObject({ pagination_total: 1 });
  });
});

describe("CoreNode.onPublish", () => {
  test("carries messages to other nodes, each of which judges for itself", () => {
    const other = fresh(0, "other");
    node.onPublish = (envelope, fromId, nowMs) => {
      expect(fromId).toBe("core");
      other.receive(envelope, nowMs + 300);
    };
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const hash = create();
    expect([node.statusOf(hash), other.statusOf(hash)]).toEqual(["processed", "rejected"]);
  });

  test("lets nodes that hear two creates in different order disagree", () => {
    const [left, right] = [fresh(0, "left"), fresh(0, "right")];
    for (const one of [left, right]) one.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const [a, b] = [instance(O), instance(O)].map((content) => signed(OWNER, { type: "INSTANCE", content }));
    for (const message of [a, b]) left.receive(message ?? null, T0_MS);
    for (const message of [b, a]) right.receive(message ?? null, T0_MS);
    const statuses = (one: CoreNode) => [a, b].map((message) => one.statusOf(message?.item_hash ?? ""));
    expect(statuses(left)).toEqual(["processed", "rejected"]);
    expect(statuses(right)).toEqual(["rejected", "processed"]);
  });
});

describe("CoreNode.bill", () => {
  test("charges whole credits upwards, oldest lot first, and books it under the machine", () => {
    node.grantCredits(O, 400_000, { expiresAtMs: T0_MS + DAY_MS }, T0_MS);
    node.grantCredits(O, 400_000, {}, T0_MS + 1);
    const hash = create();
    node.bill(
      [
        { itemHash: hash, seconds: 3600 },
        { itemHash: hash, seconds: 0.489 },
      ],
      T0_MS + HOUR_MS,
    );
    expect(node.creditBalance(O)).toBe(800_000 - 14_250 - 2);
    const path = `/api/v0/messages/${hash}/consumed_credits`;
    expect(get(node, path, T0_MS + HOUR_MS).body).toEqual({ item_hash: hash, consumed_credits: 14_252 });
    node.tick(T0_MS + DAY_MS);
    expect(node.creditBalance(O)).toBe(400_000);
  });

  test("still bills the last hour of a machine that was forgotten, and never makes a debt", () => {
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const hash = create();
    verdictOn(node, OWNER, { type: "FORGET", content: forget(O, hash) });
    node.bill([{ itemHash: hash, seconds: 86_401 }], T0_MS + HOUR_MS);
    expect(node.creditBalance(O)).toBe(0);
    const summary = get(node, `/api/v0/addresses/${O}/credit_history/summary`, T0_MS + HOUR_MS).body;
    expect(summary).toMatchObject({ total_incoming: DAY_OF_ONE, total_outgoing: -342_004 });
  });
});

describe("CoreNode.tick", () => {
  test("removes the newest confirmed machine when a day is no longer covered, and lets a top-up save it", () => {
    node.grantCredits(O, 2 * DAY_OF_ONE, {}, T0_MS);
    const [older, newer] = [create(node, {}, T0_MS), create(node, {}, T0_MS + 1000)];
    node.confirmOnChain([older, newer]);
    node.bill([{ itemHash: older, seconds: 1 }], T0_MS + 2000);
    node.tick(T0_MS + 2 * HOUR_MS);
    expect([node.statusOf(older), node.statusOf(newer)]).toEqual(["processed", "removing"]);
    expect(node.ratePerS(newer)).toBe("3.958333333333333333");
    node.grantCredits(O, 1000, {}, T0_MS + 2 * HOUR_MS);
    node.tick(T0_MS + 4 * HOUR_MS);
    expect(node.statusOf(newer)).toBe("processed");
  });

  test("ends what is being removed at the daily collection", () => {
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const hash = create();
    node.confirmOnChain([hash]);
    node.removeCredits(O, 1, T0_MS + 1000);
    node.tick(T0_MS + DAY_MS - 1);
    expect(node.statusOf(hash)).toBe("removing");
    node.tick(T0_MS + DAY_MS);
    expect(node.statusOf(hash)).toBe("removed");
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS + DAY_MS);
    node.tick(T0_MS + 2 * DAY_MS);
    expect(node.statusOf(hash)).toBe("removed");
    expect(node.liveInstances()).toEqual([]);
  });

  test("leaves unconfirmed machines alone, and confirms them itself if told to", () => {
    const confirming = new CoreNode({
      id: "core",
      origin: "",
      processingDelayMs: 0,
      defaults: { confirmAfterMs: 60_000 },
    });
    for (const one of [node, confirming]) one.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const [plain, confirmed] = [create(node), create(confirming)];
    for (const one of [node, confirming]) {
      one.removeCredits(O, 1000, T0_MS + 1000);
      one.tick(T0_MS + 2 * HOUR_MS);
    }
    expect([node.statusOf(plain), confirming.statusOf(confirmed)]).toEqual(["processed", "removing"]);
  });

  test("comes to the same state in one step as in many", () => {
    const end = T0_MS + 2 * DAY_MS;
    const [once, often] = [fresh(500), fresh(500)];
    for (const one of [once, often]) {
      one.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
      one.receive(signed(OWNER, { type: "FORGET", content: { ...forget(O, "c".repeat(64)), time: 1 } }), T0_MS);
      one.removeCredits(O, 1, T0_MS + 1);
    }
    once.tick(end);
    for (let next = often.nextDueMs(); next !== undefined && next <= end; next = often.nextDueMs()) often.tick(next);
    often.tick(end);
    expect(often.snapshot()).toEqual(once.snapshot());
  });
});

describe("CoreNode.setLie", () => {
  test("changes answers, not what the node keeps", () => {
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const hash = create();
    const entry = { address: S };
    node.setLie({
      statuses: { [hash]: "forgotten" },
      balances: { "*": 7 },
      entries: [{ address: O, key: "security", list: "authorizations", entry }],
    });
    expect(get(node, `/api/v0/messages/${hash}`).body).toMatchObject({ status: "forgotten" });
    expect([node.statusOf(hash), node.creditBalance(O)]).toEqual(["forgotten", 7]);
    expect(node.aggregateOf(O, "security")).toEqual({ authorizations: [entry] });
    expect(get(node, `/api/v0/aggregates/${O}.json?keys=security`).status).toBe(200);
    node.setLie({ prices: { [hash]: "1.0" } });
    expect(get(node, `/api/v0/price/${hash}`).body).toMatchObject({ cost: "1.0" });
    node.setLie(undefined);
    expect([node.statusOf(hash), node.creditBalance(O)]).toEqual(["processed", DAY_OF_ONE]);
    expect(node.aggregateOf(O, "security")).toBeUndefined();
  });
});

describe("CoreNode.setPricing", () => {
  test("holds for new machines; living ones keep their price", () => {
    node.grantCredits(O, 10 * DAY_OF_ONE, {}, T0_MS);
    const before = create();
    const price = { storage: { credit: "0" }, compute_unit: { credit: "28500" } };
    node.setPricing({ instance: { price, compute_unit: { vcpus: 1, memory_mib: 2048, disk_mib: 20_480 } } }, T0_MS);
    expect([node.ratePerS(before), node.ratePerS(create())].map((rate) => Number(rate).toFixed(3))).toEqual([
      "3.958",
      "7.917",
    ]);
  });
});

describe("CoreNode.restart", () => {
  test("forgets what it has seen, so that rejected bytes may come back to life", () => {
    const message = signed(OWNER, { type: "INSTANCE", content: instance(O) });
    submit(node, message);
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    submit(node, message);
    expect(node.statusOf(message.item_hash)).toBe("rejected");
    node.restart();
    submit(node, message);
    expect(node.statusOf(message.item_hash)).toBe("processed");
  });
});

describe("CoreNode.restore", () => {
  test("refuses what is no snapshot", () => {
    expect([node.restore(null), node.restore({ core: { version: 0 } })]).toEqual([false, false]);
  });

  test("brings everything back", () => {
    node.grantCredits(O, DAY_OF_ONE, {}, T0_MS);
    const hash = create();
    verdictOn(node, OWNER, { type: "AGGREGATE", content: aggregate(O, "k", { a: 1 }) });
    node.setLie({ balances: { [O]: 5 } });
    const copy = fresh();
    expect(copy.restore(JSON.parse(JSON.stringify(node.snapshot())) as Json)).toBe(true);
    expect(copy.snapshot()).toEqual(node.snapshot());
    expect([copy.statusOf(hash), copy.creditBalance(O), copy.aggregateOf(O, "k")]).toEqual(["processed", 5, { a: 1 }]);
  });
});
