/** Every fault of the wire, and every distortion, seen from outside: that it bites, and that what it spares is whole. */
import { describe, expect, it } from "vitest";
import { CANARY, DISTORTIONS, PRIVATE_ADDRESS, type DistortionKind } from "../../devnet/distortion.ts";
import { LINE_FAULTS } from "../../devnet/faults.ts";
import { responseOf } from "../../devnet/flow.ts";
import { CORE_HOSTS, ROSTER } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { CORE, NODE, Surface } from "./surface.ts";

type Bite = (twin: Surface) => void | Promise<void>;

const CONFIG = "/status/config";

/** The faults of a line: what they do to a message on its way to a core node. */
const BITES: { readonly [K in (typeof LINE_FAULTS)[number]]: Bite } = {
  drop_request: (twin) => {
    twin.turn("fault", { kind: "drop_request", host: CORE });
    expect(twin.statuses(twin.create())).toEqual(["absent", "absent", "absent"]);
  },
  lose_reply: (twin) => {
    twin.turn("fault", { kind: "lose_reply", host: CORE, method: "POST" });
    expect(twin.statuses(twin.create())).toEqual(["processed", "processed", "processed"]);
    twin.turn("fault", { kind: "lose_reply", host: NODE });
    expect(twin.ask(NODE, `GET ${CONFIG}`).status).toBe(522);
  },
  delay: (twin) => {
    twin.turn("fault", { kind: "delay", host: NODE, delay_ms: 9_000 });
    const before = twin.nowMs;
    expect([twin.ask(NODE, `GET ${CONFIG}`).status, twin.nowMs - before]).toEqual([200, 9_000]);
  },
  duplicate: (twin) => {
    const hash = twin.started();
    twin.turn("fault", { kind: "duplicate", host: NODE, method: "POST", delay_ms: 2_000 });
    expect(twin.operate(hash, "erase").status).toBe(200);
    twin.notify(hash);
    expect(twin.running()).toEqual([hash]);
    // The second copy of the erase arrives and ends what was started again.
    twin.pass(2_000);
    expect(twin.running()).toEqual([]);
  },
  reorder: (twin) => {
    twin.turn("fault", { kind: "reorder", host: CORE, method: "POST", delay_ms: 8_000 });
    const before = twin.nowMs;
    const overtaken = twin.publish("INSTANCE", twin.instance());
    expect(twin.nowMs - before).toBe(8_000);
    // It reached the node only now, so whatever was sent meanwhile is ahead of it.
    const { reception_time: receivedAt } = twin.read(CORE, `/api/v0/messages/${overtaken}`);
    expect(Date.parse(String(receivedAt)) - before).toBe(8_000);
  },
  outage: (twin) => {
    twin.turn("fault", { kind: "outage", remaining: -1 });
    const statuses = [...CORE_HOSTS, NODE].map((host) => twin.ask(host, "GET /").status);
    expect(statuses).toEqual(Array(4).fill(521));
    twin.turn("fault-clear");
    expect(twin.ask(NODE, `GET ${CONFIG}`).status).toBe(200);
  },
  status: (twin) => {
    twin.turn("fault", { kind: "status", host: "cores", status: 502, remaining: 2 });
    expect(CORE_HOSTS.map((host) => twin.ask(host, "GET /version").status)).toEqual([502, 502, 200]);
    expect(twin.ask(NODE, `GET ${CONFIG}`).status).toBe(200);
  },
};

async function bytesOf(response: Response, most: number): Promise<number> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let bytes = 0;
  while (bytes <= most) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
  }
  await reader.cancel();
  return bytes;
}

const MIB = 1_048_576;

/** What a node sends in place of its configuration. */
const SENT: { readonly [K in DistortionKind]: Bite } = {
  redirect: (twin) => {
    expect(distorted(twin, "redirect")).toMatchObject({ status: 302, headers: { location: PRIVATE_ADDRESS } });
  },
  endless: async (twin) => {
    expect(await bytesOf(responseOf(distorted(twin, "endless")), 8 * MIB)).toBeGreaterThan(8 * MIB);
  },
  huge: async (twin) => {
    expect(await bytesOf(responseOf(distorted(twin, "huge")), 65 * MIB)).toBeGreaterThanOrEqual(64 * MIB);
  },
  gzip_bomb: async (twin) => {
    const answer = distorted(twin, "gzip_bomb");
    const packed = responseOf(answer);
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(await bytesOf(packed, MIB)).toBeLessThan(MIB / 2);
    expect(await bytesOf(responseOf(answer, true), 3 * MIB)).toBeGreaterThan(3 * MIB);
  },
  drip: async (twin) => {
    const reader = (responseOf(distorted(twin, "drip")).body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).value).toBeDefined();
    expect((await reader.read()).value).toHaveLength(1);
    await reader.cancel();
  },
  garbage: (twin) => expect(() => JSON.parse(distorted(twin, "garbage").body) as unknown).toThrow(SyntaxError),
  empty: (twin) => expect(distorted(twin, "empty")).toMatchObject({ status: 200, body: "" }),
  wrong_type: (twin) => expect(distorted(twin, "wrong_type").contentType).toBe("text/html"),
  deep_json: (twin) => expect(distorted(twin, "deep_json").body).toMatch(/^(\{"a":\[){1000}/),
  proto: (twin) => {
    const value = JSON.parse(distorted(twin, "proto").body) as JsonObject;
    expect(Object.keys(value)).toContain("__proto__");
    expect(Object.keys(value["computing"] as JsonObject)).toContain("__proto__");
    expect(value["DOMAIN_NAME"]).toBe(NODE);
  },
  huge_numbers: (twin) => {
    const value = JSON.parse(distorted(twin, "huge_numbers").body) as { payment: { PAYMENT_MONITOR_INTERVAL: number } };
    expect(value.payment.PAYMENT_MONITOR_INTERVAL).toBe(Infinity);
  },
  long_list: (twin) => {
    expect(Object.keys(JSON.parse(distorted(twin, "long_list").body) as JsonObject).length).toBeGreaterThan(100_000);
  },
  prompt: (twin) => {
    const value = JSON.parse(distorted(twin, "prompt").body) as JsonObject;
    expect([value["DOMAIN_NAME"], value["node_hash"], value["version"]]).toEqual([CANARY, CANARY, CANARY]);
  },
};

function distorted(twin: Surface, kind: DistortionKind) {
  twin.turn("fault", { kind, host: "nodes", path_prefix: CONFIG });
  return twin.ask(NODE, `GET ${CONFIG}`);
}

describe("faults of the wire", () => {
  it.each(LINE_FAULTS)("%s bites", async (kind) => {
    expect.hasAssertions();
    await BITES[kind](new Surface());
  });

  it.each(DISTORTIONS)("%s comes in place of an answer, once", async (kind) => {
    const twin = new Surface();
    await SENT[kind](twin);
    expect(twin.read(NODE, CONFIG)["DOMAIN_NAME"]).toBe(NODE);
  });

  it("hit one node and leave the next one alone", () => {
    const twin = new Surface();
    twin.turn("fault", { kind: "garbage", host: NODE, remaining: -1 });
    const other = ROSTER[1]?.spec.domain ?? "";
    expect(twin.read(other, CONFIG)["DOMAIN_NAME"]).toBe(other);
  });
});
