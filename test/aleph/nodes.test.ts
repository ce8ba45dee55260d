import { describe, expect, test } from "vitest";
import { erase, execution, notify, probeNode } from "../../src/aleph/nodes.ts";
import type { Clock } from "../../src/ports.ts";
import goldenNode from "../vectors/crn-golden-responses.json";
import { answering, asObject, CORE_ORIGINS, fakeNetwork, HASH, NODE, recordedNode, type Reply } from "./fakes.ts";

/** Every reading is 7 ms later than the one before. */
function tickingClock(): Clock {
  let nowMs = 1_000;
  return { nowMs: () => (nowMs += 7), alarmAtMs: (dueMs) => dueMs };
}

function replaying(name: string) {
  const { status, body } = recordedNode(name);
  return answering(body, status);
}

describe("probeNode", () => {
  const config = asObject(recordedNode("status_config").body);
  const usage = asObject(recordedNode("usage_system").body);
  const probed = (configBody: unknown, usageBody: unknown) =>
    probeNode(
      fakeNetwork(({ url }) => ({ body: url.pathname === "/status/config" ? configBody : usageBody })),
      { origin: NODE },
      tickingClock(),
    );

  test("reads the recorded answers", async () => {
    expect(await probed({ ...config, version: "1.14.0" }, usage)).toEqual({
      ok: true,
      value: {
        nodeHash: "ab".repeat(32),
        domain: "localhost",
        version: "1.14.0",
        apiServer: "http://127.0.0.1:18024",
        coreSilent: false,
        latencyMs: 7,
        vcpus: 2,
        memoryMibFree: Math.floor(23_324_708 / 1_024),
        diskMibFree: Math.floor(76_249_120 / 1_024),
        gpusFree: [
          {
            model: "RTX 4000 ADA",
            deviceId: "10de:27b0",
            spec: {
              vendor: "NVIDIA",
              device_name: "AD104GL [RTX 4000 SFF Ada Generation]",
              device_class: "0300",
              device_id: "10de:27b0",
            },
          },
        ],
      },
    });
  });

  test("an old node without hash, GPUs and a proper version is still readable", async () => {
    const answer = await probed({ DOMAIN_NAME: "a.b", version: "version-unavailable" }, { cpu: { count: 4 } });
    expect(answer).toMatchObject({
      value: { nodeHash: null, version: null, apiServer: null, vcpus: 4, memoryMibFree: null, gpusFree: [] },
    });
  });

  test("a domain that cannot be one is a bad answer, and nothing of its text comes back", async () => {
    for (const DOMAIN_NAME of [undefined, "", "a b", "x\ny", 5, "é.org"]) {
      expect(await probed({ ...config, DOMAIN_NAME }, usage)).toEqual({ ok: false, why: "bad_answer" });
    }
  });

  describe("asks the core node that the node follows whether it is there", () => {
    const followed = async (API_SERVER: unknown, core: Reply) => {
      const network = fakeNetwork(({ url }) => {
        if (url.origin !== NODE) return core;
        return { body: url.pathname === "/status/config" ? { ...config, references: { API_SERVER } } : usage };
      });
      const probe = await probeNode(network, { origin: NODE }, tickingClock());
      const others = network.calls.flatMap(({ url }) => (url.origin === NODE ? [] : [url.href]));
      return { coreSilent: probe.ok && probe.value.coreSilent, others };
    };
    const [first] = CORE_ORIGINS;
    const official = "https://official.aleph.cloud";

    test.each([
      [first, { body: { version: "1" } }, false],
      [`${official}/`, { body: { version: "1" } }, false],
      [official, { status: 404, body: "" }, false],
      [official, { status: 502, body: "" }, true],
      [first, "broken", true],
    ] as const)("%s that answers %j: silent %s", async (apiServer, core, coreSilent) => {
      const origin = new URL(apiServer).origin;
      expect(await followed(apiServer, core)).toEqual({ coreSilent, others: [`${origin}/api/v0/version`] });
    });

    test.each([undefined, "https://made-up.example.org", "http://127.0.0.1:18024", `${first}.evil.example`, 5])(
      "but never calls an address of the node's own making: %s",
      async (apiServer) => {
        expect(await followed(apiServer, "broken")).toEqual({ coreSilent: false, others: [] });
      },
    );
  });

  test("a forbidden address is never called, nor is our own", async () => {
    const network = { ...answering(config), ownHost: "allowance.example.org" };
    for (const origin of ["https://10.0.0.1", "https://allowance.example.org", "https://x.allowance.example.org"])
      expect(await probeNode(network, { origin }, tickingClock())).toMatchObject({ why: "host_refused" });
    expect(network.calls).toEqual([]);
  });
});

describe("execution", () => {
  const { hash } = recordedNode("notify_exactly_one_hour");

  test("reads a running instance of the recorded list", async () => {
    expect(await execution(replaying("v2_list_running"), NODE, hash)).toEqual({
      ok: true,
      value: {
        running: true,
        ipv6: "2001:db8:1:2:3:6754:2346:ac91",
        ipv4Host: "203.0.113.10",
        forwards: [{ port: 22, protocol: "tcp", hostPort: 24_000 }],
      },
    });
  });

  test("an instance that is not in the list is absent, a list that is none is a bad answer", async () => {
    expect(await execution(replaying("v2_list_empty"), NODE, hash)).toEqual({ ok: true, value: "absent" });
    expect(await execution(answering({}), NODE, "constructor")).toEqual({ ok: true, value: "absent" });
    for (const body of [[], "<html>", 5, '"text"']) {
      expect(await execution(answering(body), NODE, hash)).toEqual({ ok: false, why: "bad_answer" });
    }
  });

  test.each([
    [{ networking: {}, running: false }, { running: false }],
    [{ networking: null, status: { started_at: "2026-11-23 08:20:24+00:00", stopping_at: null } }, { running: true }],
    [
      { status: { started_at: "2026-11-23 08:20:24+00:00", stopping_at: "2026-11-23 08:21:24+00:00" } },
      { running: false },
    ],
    [
      { running: true, networking: { ipv6_ip: "ignore all", host_ipv4: "a.b.c.d", mapped_ports: {} } },
      { running: true, forwards: [] },
    ],
    [
      { running: true, networking: { ipv6_ip: ":::::", mapped_ports: { 22: { host: 70_000 } } } },
      { running: true, forwards: [] },
    ],
    ["odd", { running: false }],
  ])("the odd entry %j is read as %j", async (entry, value) => {
    expect(await execution(answering({ [hash]: entry, other: "x" }), NODE, hash)).toEqual({ ok: true, value });
  });
});

describe("notify", () => {
  test("asks without credentials", async () => {
    const network = replaying("notify_exactly_one_hour");
    await notify(network, NODE, HASH);
    expect(network.calls[0]).toMatchObject({ method: "POST", body: JSON.stringify({ instance: HASH }) });
    expect(network.calls[0]?.url.href).toBe(`${NODE}/control/allocation/notify`);
  });

  test.each([
    ["notify_exactly_one_hour", "started"],
    ["notify_again_idempotent", "started"],
    ["notify_not_json", "refused"],
    ["notify_empty_object", "refused"],
    ["notify_bad_hash", "refused"],
    ["notify_other_node", "refused"],
    ["notify_hold_payment", "refused"],
    ["notify_no_credits", "no_credits"],
    ["notify_one_credit_short_of_an_hour", "no_credits"],
    ["notify_unknown_message", "retry"],
    ["notify_message_still_pending", "retry"],
    ["notify_price_404", "retry"],
    ["notify_gpu_reserved_by_someone_else", "no_capacity"],
    ["notify_insufficient_capacity", "no_capacity"],
    ["notify_setup_error", "retry"],
  ])("the recorded answer %s means %s", async (name, value) => {
    expect(await notify(replaying(name), NODE, recordedNode(name).hash)).toEqual({ ok: true, value });
  });

  test.each([
    [207, { success: false, failing: [HASH] }, "retry"],
    [207, { success: false, failing: [] }, "started"],
    [200, { success: false }, "retry"],
    [400, { error: "400: Message is not an instance" }, "refused"],
    [404, { error: "Hash not found" }, "retry"],
    [500, "500 Internal Server Error\n\nServer got itself in trouble", "retry"],
    [503, { error: "Node hash not yet discovered" }, "retry"],
  ])("%i with %j means %s", async (status, body, value) => {
    expect(await notify(answering(body, status), NODE, HASH)).toEqual({ ok: true, value });
  });

  test("a proxy's page is unknown, whatever its status", async () => {
    for (const status of [502, 503, 504, 522]) {
      expect(await notify(answering("<html>", status), NODE, HASH)).toEqual({ ok: false, why: "http_error", status });
    }
    expect(await notify(answering("<html>"), NODE, HASH)).toEqual({ ok: false, why: "bad_answer" });
    expect(await notify(answering("", 307), NODE, HASH)).toEqual({ ok: false, why: "redirect", status: 307 });
  });
});

describe("erase", () => {
  const headers = { "X-SignedPubKey": "a", "X-SignedOperation": "b" };

  test("sends the signed headers to the path that they name", async () => {
    const network = replaying("erase_owner");
    await erase(network, NODE, HASH, headers);
    expect(network.calls[0]?.url.href).toBe(`${NODE}/control/machine/${HASH}/erase`);
    expect(network.calls[0]?.headers.get("x-signedoperation")).toBe("b");
  });

  test.each([
    ["erase_owner", "erased"],
    ["erase_again", "absent"],
    ["erase_after_stop", "absent"],
    ["erase_stranger", "refused"],
    ["stop_noauth", "refused"],
    ["stop_bad_ref", "refused"],
  ])("the recorded answer %s means %s", async (name, value) => {
    expect(await erase(replaying(name), NODE, recordedNode(name).hash, headers)).toEqual({ ok: true, value });
  });

  test("what older nodes make of a 404 sends us to the list", async () => {
    const variant = goldenNode.aiohttp_3_8_variants.entries.find((entry) => entry.name === "stop_unknown_vm");
    const network = answering(variant?.body_3_8, variant?.status_3_8);
    expect(await erase(network, NODE, HASH, headers)).toEqual({ ok: true, value: "look_at_list" });
  });

  test("a 200 or 404 that is not the node's own sends us to the list, a proxy's error is unknown", async () => {
    for (const status of [200, 404]) {
      expect(await erase(answering("<html>", status), NODE, HASH, headers)).toEqual({
        ok: true,
        value: "look_at_list",
      });
    }
    expect(await erase(answering("", 502), NODE, HASH, headers)).toEqual({ ok: false, why: "http_error", status: 502 });
    expect(await erase(answering("", 301), NODE, HASH, headers)).toMatchObject({ why: "redirect" });
  });
});
