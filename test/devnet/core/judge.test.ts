import { beforeEach, describe, expect, test } from "vitest";
import { CoreNode } from "../../../devnet/core/core-node.ts";
import { isDelayed } from "../../../devnet/wire.ts";
import type { JsonObject } from "../../../devnet/core/json.ts";
import {
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
const S = STRANGER.address;
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

describe("judge", () => {
  test("wants one day of everything that lives, and says how much that is", () => {
    node.grantCredits(O, DAY_OF_ONE * 2 - 1, {}, T0_MS);
    expect(node.statusOf(create())).toBe("processed");
    const second = create();
    const { body } = get(node, `/api/v0/messages/${second}`);
    const details = { account_credits: "683999", min_runtime_days: 1, required_credits: "683999.999999999999942400" };
    expect(body).toMatchObject({ status: "rejected", error_code: 6, details: { errors: [details] } });
    node.grantCredits(O, 1, {}, T0_MS);
    expect(node.statusOf(create())).toBe("processed");
  });

  test("tries unknown images again until they are known, or gives up after ten times", () => {
    node.grantCredits(O, 10 * DAY_OF_ONE, {}, T0_MS);
    const image = "e".repeat(64);
    const rootfs = { parent: { ref: image }, persistence: "host", size_mib: 20_480 };
    const [first, second] = [create(node, { rootfs }), create(node, { rootfs: { ...rootfs, size_mib: 1 } })];
    expect([node.statusOf(first), node.statusOf(second)]).toEqual(["pending", "pending"]);
    const other = create(node, { rootfs: { ...rootfs, parent: { ref: "f".repeat(64) } } });
    node.seedImage(image, 3 * 1024 ** 2);
    node.tick(T0_MS + 1000);
    expect([verdictOf(node, first, T0_MS + 1000), verdictOf(node, second, T0_MS + 1000)]).toEqual(["processed", 304]);
    node.tick(T0_MS + 400_000);
    expect(node.statusOf(other)).toBe("pending");
    expect(verdictOf(node, other, T0_MS + 811_000)).toBe(301);
  });

  test("knows the codes of posts, forgets and replacements", () => {
    node.grantCredits(O, 10 * DAY_OF_ONE, {}, T0_MS);
    const vm = create();
    const draft = (content: JsonObject) => ({ type: "FORGET", content }) as const;
    expect(verdictOn(node, OWNER, draft(forget(O)))).toBe(500);
    const gone = signed(OWNER, draft(forget(O, vm)));
    submit(node, gone);
    expect(verdictOn(node, OWNER, draft(forget(O, gone.item_hash)))).toBe(502);
    const late = verdictOn(node, OWNER, { type: "POST", content: post(O, "amend", 1, { ref: vm }) });
    expect(late).toBe("pending");
    const fixed = create();
    expect(verdictOn(node, OWNER, { type: "INSTANCE", content: instance(O, { replaces: fixed }) })).toBe(302);
    const open = create(node, { allow_amend: true });
    const update = create(node, { allow_amend: true, replaces: open });
    expect(node.statusOf(update)).toBe("processed");
    expect(verdictOn(node, OWNER, { type: "INSTANCE", content: instance(O, { replaces: update }) })).toBe(303);
    expect(verdictOn(node, OWNER, { type: "INSTANCE", content: instance(O, { payment: { type: "hold" } }) })).toBe(202);
  });

  test("takes a STORE of a file that was uploaded, and keeps it while a machine uses it", () => {
    node.grantCredits(O, 10 * DAY_OF_ONE, {}, T0_MS);
    const upload = { method: "POST", path: "/api/v0/storage/add_json", headers: {}, body: '{"a":1}' };
    const uploaded = node.handle(upload, T0_MS);
    const { hash } = JSON.parse(isDelayed(uploaded) ? "{}" : uploaded.body) as { readonly hash: string };
    const content = {
      address: O,
      time: T0_MS / 1000,
      item_type: "storage",
      item_hash: hash,
      payment: { type: "credit" },
    };
    const store = signed(OWNER, { type: "STORE", content });
    submit(node, store);
    expect(node.statusOf(store.item_hash)).toBe("processed");
    const vm = create(node, { rootfs: { parent: { ref: store.item_hash }, persistence: "host", size_mib: 20_480 } });
    expect(node.statusOf(vm)).toBe("processed");
    expect(verdictOn(node, OWNER, { type: "FORGET", content: forget(O, store.item_hash) })).toBe(503);
    expect(get(node, `/api/v0/storage/raw/${hash}`).body).toBe('{"a":1}');
  });

  test("rejects transfers that are no transfers", () => {
    node.grantCredits(O, 1000, {}, T0_MS);
    const send = (content: JsonObject) => verdictOn(node, OWNER, { type: "POST", content, channel: "ALEPH_CREDIT" });
    const twice = {
      transfer: {
        credits: [
          { address: S, amount: 1 },
          { address: S, amount: 2 },
        ],
      },
    };
    const bad = [transfer(O, S, 1001), transfer(O, O, 1), transfer(O, S, 0), transfer(O, S, 1.5)];
    bad.push(post(O, "aleph_credit_transfer", twice), post(O, "aleph_credit_transfer", { transfer: { credits: [] } }));
    expect(bad.map(send)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(node.creditBalance(S)).toBe(0);
  });
});
