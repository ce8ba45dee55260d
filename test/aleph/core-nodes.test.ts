import { describe, expect, test } from "vitest";
import { CREDITS_MAX, RATE_MAX } from "../../src/aleph/amounts.ts";
import {
  aggregate,
  balance,
  consumedCredits,
  costs,
  frozenRate,
  messageStatus,
  publish,
} from "../../src/aleph/core-nodes.ts";
import { parseAtto } from "../../src/aleph/decimal.ts";
import type { SignedMessage } from "../../src/aleph/message.ts";
import forget from "../vectors/ccn-forget.json";
import { answering, fakeNetwork, HASH, OWNER, recorded } from "./fakes.ts";

const message = forget.message as SignedMessage;

function replaying(name: string) {
  const { status, body } = recorded(name);
  return answering(body, status);
}

function hashIn(name: string): string {
  return /[0-9a-f]{64}/.exec(recorded(name).path)?.[0] ?? "";
}

describe("publish", () => {
  test("sends the very bytes, unwaited, to the one core node", async () => {
    const network = replaying("post-async");
    expect(await publish(network, 1, message)).toEqual({ ok: true, value: "accepted" });
    expect(network.calls).toHaveLength(1);
    expect(network.calls[0]?.url.href).toBe("https://core1.test/api/v0/messages");
    expect(JSON.parse(network.calls[0]?.body ?? "")).toEqual({ sync: false, message: forget.message });
  });

  test.each([
    ["post-sync", "accepted"],
    ["post-async", "accepted"],
    ["repost-processed", "accepted"],
    ["rejected-sync", "accepted"],
    ["forged", "accepted"],
    ["bad-hash", "malformed"],
    ["time-ms", "malformed"],
    ["no-message", "malformed"],
  ])("the recorded answer %s is %s", async (name, value) => {
    expect(await publish(replaying(name), 0, message)).toEqual({ ok: true, value });
  });

  test.each([
    ["time-string", 500],
    ["over-1MiB", 413],
  ])("the recorded answer %s is unknown", async (name, status) => {
    expect(await publish(replaying(name), 0, message)).toEqual({ ok: false, why: "http_error", status });
  });

  test("a proxy's page with status 200 or 422 is no acceptance and no refusal", async () => {
    for (const status of [200, 202, 422]) {
      expect(await publish(answering("<html>", status), 0, message)).toEqual({ ok: false, why: "bad_answer", status });
    }
  });

  test("a lost reply is unknown", async () => {
    expect(
      await publish(
        fakeNetwork(() => "broken"),
        0,
        message,
      ),
    ).toEqual({ ok: false, why: "unreachable" });
  });
});

describe("messageStatus", () => {
  test.each([
    ["get-processed", { status: "processed" }],
    ["instance-unknown-image-get", { status: "pending" }],
    ["rejected-get", { status: "rejected", errorCode: 6 }],
    ["row-3-get", { status: "rejected", errorCode: 2 }],
    ["forged-get", { status: "rejected", errorCode: 1 }],
    ["get-forgotten", { status: "forgotten" }],
    ["life-removing-get", { status: "removing" }],
    ["life-removed-get", { status: "removed" }],
    ["get-unknown", { status: "absent" }],
    ["bad-hash-get", { status: "absent" }],
  ])("the recorded answer %s reads %j", async (name, value) => {
    expect(await messageStatus(replaying(name), 2, hashIn(name))).toEqual({ ok: true, value });
  });

  test("an answer about another message, an unknown word and a broken one are bad answers", async () => {
    const { body } = recorded("get-processed");
    for (const answer of [body, { status: "splendid", item_hash: HASH }, {}, [], null, "<html>"]) {
      expect(await messageStatus(answering(answer), 0, HASH)).toEqual({ ok: false, why: "bad_answer" });
    }
  });

  test("a server's error and silence are no absence", async () => {
    expect(await messageStatus(answering("", 500), 0, HASH)).toEqual({ ok: false, why: "http_error", status: 500 });
    expect(
      await messageStatus(
        fakeNetwork(() => "broken"),
        0,
        HASH,
      ),
    ).toMatchObject({ why: "unreachable" });
  });
});

describe("balance", () => {
  test("gives the lots with their expiry", async () => {
    expect(await balance(replaying("balance-lots"), 0, OWNER)).toEqual({
      ok: true,
      value: {
        credits: 900_000,
        lots: [
          { credits: 400_000, expiresAtMs: null },
          { credits: 500_000, expiresAtMs: Date.parse("2026-11-24T13:53:28.064Z") },
        ],
      },
    });
  });

  test("a stranger's many small lots are one that ends with the first of them, and cost the owner nothing else", async () => {
    const own = { amount: 900_000, expiration_date: null };
    const small = (at: number) => ({ amount: 1, expiration_date: new Date(Date.UTC(2036, 0, 1) + at).toISOString() });
    const credit_balance_details = [...Array.from({ length: 5_000 }, (_, at) => small(at)), own];
    const answer = await balance(answering({ credit_balance: 905_000, credit_balance_details }), 0, OWNER);
    const lots = answer.ok ? answer.value.lots : [];
    expect([lots.length, lots[0], lots.at(-1)]).toEqual([
      101,
      { credits: 900_000, expiresAtMs: null },
      { credits: 4_901, expiresAtMs: Date.UTC(2036, 0, 1) + 99 },
    ]);
  });

  test("an unknown address has nothing", async () => {
    const network = replaying("balance-unknown");
    expect(await balance(network, 0, OWNER)).toEqual({ ok: true, value: { credits: 0, lots: [] } });
    expect(network.calls[0]?.url.pathname).toContain(OWNER);
  });

  test("credits without their lots, or with a lot that cannot be read, are unknown", async () => {
    for (const credit_balance_details of [null, [{ amount: 5 }], [{ amount: -5, expiration_date: null }], "x"]) {
      const answer = await balance(answering({ credit_balance: 5, credit_balance_details }), 0, OWNER);
      expect(answer).toEqual({ ok: false, why: "bad_answer" });
    }
    expect(await balance(answering({ credit_balance: 1.5 }), 0, OWNER)).toMatchObject({ ok: false });
  });

  test("more credits than anybody can own are unknown, in the sum or in all lots together", async () => {
    const owning = (credit_balance: number, ...amounts: readonly number[]) => {
      const credit_balance_details = amounts.map((amount) => ({ amount, expiration_date: null }));
      return balance(answering({ credit_balance, credit_balance_details }), 0, OWNER);
    };
    expect(await owning(CREDITS_MAX, CREDITS_MAX)).toMatchObject({ ok: true, value: { credits: CREDITS_MAX } });
    expect(await owning(CREDITS_MAX + 1, 5)).toEqual({ ok: false, why: "bad_answer" });
    expect(await owning(5, CREDITS_MAX + 1)).toEqual({ ok: false, why: "bad_answer" });
    expect(await owning(5, CREDITS_MAX, 1)).toEqual({ ok: false, why: "bad_answer" });
  });
});

describe("costs", () => {
  const line = (at: number) => ({
    item_hash: at.toString(16).padStart(64, "0"),
    cost_credit: "1.5",
    consumed_credits: at,
  });
  const pageOf = (from: number, to: number, count = to) => ({
    summary: { resource_count: count },
    resources: Array.from({ length: to - from }, (_, at) => line(from + at)),
  });

  test("reads the lines of a recorded bill", async () => {
    // the recording keeps the first two of 21 lines
    const body = recorded("costs-1").body as { resources: { item_hash: string }[] };
    const resources = body.resources.slice(0, 2);
    const answer = await costs(answering({ ...body, summary: { resource_count: 2 }, resources }), 0, OWNER);
    const rate = parseAtto("3.958333333333333333");
    expect(answer).toEqual({
      ok: true,
      value: resources.map(({ item_hash }) => ({ itemHash: item_hash, rate, consumedCredits: 0 })),
    });
    expect(await costs(answering(body), 0, OWNER)).toEqual({ ok: false, why: "bad_answer" });
  });

  test("no resources are no lines", async () => {
    expect(await costs(replaying("costs-unknown"), 0, OWNER)).toEqual({ ok: true, value: [] });
  });

  test("all pages are read", async () => {
    const network = fakeNetwork(({ url }) => {
      const page = Number(url.searchParams.get("page"));
      return { body: pageOf((page - 1) * 1_000, Math.min(page * 1_000, 10_000), 10_000) };
    });
    const answer = await costs(network, 0, OWNER);
    expect(answer.ok && answer.value).toHaveLength(10_000);
    expect(network.calls).toHaveLength(11);
  });

  test("more resources than are counted are too large, at once where the node says how many there are", async () => {
    const told = answering(pageOf(0, 1_000, 10_001));
    expect(await costs(told, 0, OWNER)).toEqual({ ok: false, why: "too_large" });
    expect(told.calls).toHaveLength(1);
    const untold = fakeNetwork(({ url }) => {
      const page = Number(url.searchParams.get("page"));
      return { body: pageOf((page - 1) * 1_000, page * 1_000, 0) };
    });
    expect(await costs(untold, 0, OWNER)).toEqual({ ok: false, why: "too_large" });
    expect(untold.calls).toHaveLength(11);
  });

  test("a node that repeats a page for ever, or gives more than was asked for, gives no bill", async () => {
    const repeating = answering(pageOf(0, 1_000, 5_000));
    expect(await costs(repeating, 0, OWNER)).toEqual({ ok: false, why: "bad_answer" });
    expect(repeating.calls).toHaveLength(11);
    expect(await costs(answering(pageOf(0, 1_001)), 0, OWNER)).toEqual({ ok: false, why: "bad_answer" });
  });

  test("a bill that is shorter than it says, or unreadable in one line, is unknown", async () => {
    expect(await costs(replaying("costs-0"), 0, OWNER)).toEqual({ ok: false, why: "bad_answer" });
    const bad = { summary: { resource_count: 2 }, resources: [line(1), { ...line(2), cost_credit: "-1" }] };
    expect(await costs(answering(bad), 0, OWNER)).toEqual({ ok: false, why: "bad_answer" });
  });

  test.each([
    ["a rate", { cost_credit: "1000000000000000" }],
    ["a rate with a power of ten", { cost_credit: "1e42" }],
    ["a charge", { consumed_credits: CREDITS_MAX + 1 }],
  ])("%s beyond belief makes the bill unknown", async (_what, absurd) => {
    const resources = [line(1), { ...line(2), ...absurd }];
    const answer = await costs(answering({ summary: { resource_count: 2 }, resources }), 0, OWNER);
    expect(answer).toEqual({ ok: false, why: "bad_answer" });
  });
});

describe("frozenRate", () => {
  const about = (status: string, price: { status?: number; body: unknown }) =>
    fakeNetwork(({ url }) => (url.pathname.includes("/price/") ? price : { body: { status, item_hash: HASH } }));

  test("is the price that the node keeps for a live message", async () => {
    for (const status of ["processed", "removing"]) {
      const answer = await frozenRate(about(status, recorded("price-live")), 0, HASH);
      expect(answer).toEqual({ ok: true, value: parseAtto("3.958333333333333333") });
    }
  });

  test("the price of a pending message is never asked for", async () => {
    const network = about("pending", recorded("price-pending"));
    expect(await frozenRate(network, 0, HASH)).toEqual({ ok: true, value: "absent" });
    expect(network.calls.map(({ url }) => url.pathname)).toEqual([`/api/v0/messages/${HASH}`]);
  });

  test("a message that ended meanwhile has none, and another payment is a bad answer", async () => {
    expect(await frozenRate(about("processed", recorded("price-forgotten")), 0, HASH)).toMatchObject({
      value: "absent",
    });
    const hold = { body: { cost: "1", payment_type: "hold" } };
    expect(await frozenRate(about("processed", hold), 0, HASH)).toEqual({ ok: false, why: "bad_answer" });
  });

  test("a price beyond belief is the most that is believed, so that it is still above whatever was held", async () => {
    const absurd = { body: { cost: "1e42", payment_type: "credit" } };
    expect(await frozenRate(about("processed", absurd), 0, HASH)).toEqual({ ok: true, value: RATE_MAX });
  });
});

describe("consumedCredits", () => {
  test("is what the network charged for this message", async () => {
    const hash = hashIn("life-consumed");
    expect(await consumedCredits(replaying("life-consumed"), 0, hash)).toEqual({ ok: true, value: 14_250 });
    expect(await consumedCredits(replaying("life-consumed"), 0, HASH)).toMatchObject({ ok: false });
    const absurd = answering({ item_hash: HASH, consumed_credits: CREDITS_MAX + 1 });
    expect(await consumedCredits(absurd, 0, HASH)).toEqual({ ok: false, why: "bad_answer" });
  });
});

describe("aggregate", () => {
  test("gives the value of one key, nulls in it included", async () => {
    const answer = await aggregate(replaying("agg-merged"), 0, OWNER, "inv");
    expect(answer).toEqual({ ok: true, value: { a: { y: 2 }, b: 2, c: null } });
  });

  test("a missing key or address is absent, a key without an object a bad answer", async () => {
    expect(await aggregate(replaying("agg-404"), 0, OWNER, "inv")).toEqual({ ok: true, value: "absent" });
    expect(await aggregate(replaying("agg-merged"), 0, OWNER, "other")).toEqual({ ok: true, value: "absent" });
    expect(await aggregate(answering({ data: { inv: [] } }), 0, OWNER, "inv")).toMatchObject({ why: "bad_answer" });
    expect(await aggregate(answering({}), 0, OWNER, "inv")).toMatchObject({ why: "bad_answer" });
  });
});
