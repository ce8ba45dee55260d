/** What the core node lacks on purpose, so that the table in `devnet/README.md` says what really happens instead. */
import { beforeEach, describe, expect, test } from "vitest";
import { CoreNode } from "../../../devnet/core/core-node.ts";
import { get, instance, OWNER, post, signed, submit, T0_MS, UBUNTU_24, verdictOf, verdictOn } from "./actors.ts";

let node: CoreNode;

beforeEach(() => {
  node = new CoreNode({ id: "core", origin: "http://core.invalid", processingDelayMs: 0 });
  node.grantCredits(OWNER.address, 10_000_000, {}, T0_MS - 1);
});

describe("a core node of the twin", () => {
  test("refuses programs, contents that lie elsewhere, and numbers given as text", () => {
    const content = instance(OWNER.address);
    const program = { ...signed(OWNER, { type: "INSTANCE", content }), type: "PROGRAM" };
    const { item_content: _text, ...elsewhere } = signed(OWNER, { type: "INSTANCE", content });
    const worded = signed(OWNER, {
      type: "INSTANCE",
      content: { ...content, resources: { vcpus: "2", memory: 2_048 } },
    });
    for (const message of [program, { ...elsewhere, item_type: "storage" }, worded]) {
      expect(submit(node, message)).toEqual({ status: 422, body: "InvalidMessageFormat" });
    }
  });

  test("knows no signatures but those of EVM chains and Solana", () => {
    const message = { ...signed(OWNER, { type: "POST", content: post(OWNER.address, "t", { a: 1 }) }), chain: "TEZOS" };
    submit(node, message);
    expect(verdictOf(node, message.item_hash)).toBe(1);
  });

  test("has no token balances, statistics, metrics or WebSockets", () => {
    const paths = ["balances", "addresses/stats.json", `compute/${"a".repeat(64)}/metrics`, "ws0/messages"];
    expect(paths.map((path) => get(node, `/api/${path.startsWith("ws") ? path : `v0/${path}`}`).status)).toEqual(
      Array(4).fill(404),
    );
    expect(get(node, `/api/v0/addresses/${OWNER.address}/balance`).body).toMatchObject({
      balance: 0,
      locked_amount: 0,
    });
  });

  test("gives no details for an internal error", () => {
    const gpu = { vendor: "NVIDIA", device_name: "x", device_class: "0300", device_id: "dead:beef" };
    const requirements = { node: { node_hash: "a".repeat(64) }, gpu: [gpu] };
    const message = signed(OWNER, { type: "INSTANCE", content: instance(OWNER.address, { requirements }) });
    submit(node, message);
    node.tick(T0_MS + 812_000);
    const { body } = get(node, `/api/v0/messages/${message.item_hash}`, T0_MS + 812_000);
    expect(body).toMatchObject({ error_code: -1, details: null });
  });

  test("refuses an amend that names no target before it could be rejected with code 100", () => {
    const amend = signed(OWNER, { type: "POST", content: post(OWNER.address, "amend", { a: 2 }) });
    expect(submit(node, amend)).toEqual({ status: 422, body: "InvalidMessageFormat" });
  });

  test("knows the three images and nothing of their bytes", () => {
    expect(verdictOn(node, OWNER, { type: "INSTANCE", content: instance(OWNER.address) })).toBe("processed");
    expect(get(node, `/api/v0/storage/raw/${UBUNTU_24}`).status).toBe(404);
  });
});
