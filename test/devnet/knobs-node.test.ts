/** Every knob of a compute node, seen from outside: what its pages say and what happens to its machines. */
import { describe, expect, it } from "vitest";
import { knobsInput } from "../../devnet/control-input.ts";
import { CRN_LIST_HOST, ROSTER, SCHEDULER_HOSTS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { OWNER } from "./crn/scripted-core.ts";
import { NODE, Surface } from "./surface.ts";

const PARIS = ROSTER[0]?.spec.hash ?? "";
const LIST = "/v2/about/executions/list";
const SCHEDULER = SCHEDULER_HOSTS[0] ?? "";

type Bite = (twin: Surface, turn: (value: unknown) => void) => void;

const usage = (twin: Surface) => twin.read(NODE, "/about/usage/system") as { [key: string]: JsonObject };
const config = (twin: Surface) => twin.read(NODE, "/status/config");
const entry = (twin: Surface, hash: string) => twin.read(NODE, LIST)[hash] as JsonObject | undefined;

const BITES: Readonly<Record<string, Bite>> = {
  down: (twin, turn) => {
    const hash = twin.started();
    turn(true);
    expect(twin.ask(NODE, `GET ${LIST}`).status).toBe(521);
    turn(false);
    expect(twin.running()).toEqual([hash]);
  },
  hang: (twin, turn) => {
    turn(true);
    const before = twin.nowMs;
    expect([twin.ask(NODE, `GET ${LIST}`).status, twin.nowMs - before]).toEqual([504, 120_000]);
  },
  html502: (twin, turn) => {
    turn(true);
    expect(twin.ask(NODE, `GET ${LIST}`)).toMatchObject({ status: 502, contentType: "text/html" });
  },
  full: (twin, turn) => {
    turn(true);
    expect(twin.notify(twin.create())).toMatchObject({ status: 503 });
  },
  reject_notify: (twin, turn) => {
    turn(400);
    expect(twin.notify(twin.create()).status).toBe(400);
  },
  fail_boot: (twin, turn) => {
    turn("prepare");
    expect(JSON.parse(twin.notify(twin.create()).body)).toMatchObject({ success: false });
    expect(twin.running()).toEqual([]);
  },
  vanish_after_ms: (twin, turn) => {
    turn(60_000);
    const hash = twin.started();
    expect(twin.running()).toEqual([hash]);
    twin.pass(60_000);
    expect(twin.read(NODE, LIST)).toEqual({});
  },
  download_ms: (twin, turn) => {
    turn(100_000);
    const hash = twin.create();
    const before = twin.nowMs;
    twin.notify(hash);
    expect(twin.nowMs - before).toBe(101_500);
  },
  start_ms: (twin, turn) => {
    turn(50_000);
    const hash = twin.create();
    const before = twin.nowMs;
    twin.notify(hash);
    expect(twin.nowMs - before).toBe(53_000);
  },
  operation_ms: (twin, turn) => {
    turn(30_000);
    const hash = twin.started();
    const before = twin.nowMs;
    expect([twin.operate(hash, "stop").status, twin.nowMs - before]).toEqual([200, 30_000]);
  },
  ssh_after_ms: (twin, turn) => {
    turn(-1);
    const hash = twin.started();
    twin.pass(60_000);
    expect(twin.listening(hash)).toBe("silent");
    turn(0);
    expect(twin.listening(hash)).toBe("ready");
  },
  lie: (twin, turn) => {
    const hash = twin.started();
    turn("stopped");
    expect(entry(twin, hash)?.["running"]).toBe(false);
    turn("running");
    twin.operate(hash, "erase");
    expect(entry(twin, hash)?.["running"]).toBe(true);
    turn("none");
    expect(entry(twin, hash)).toBeUndefined();
  },
  domain_name: (twin, turn) => {
    const hash = twin.started();
    turn("elsewhere.example");
    expect(config(twin)["DOMAIN_NAME"]).toBe("elsewhere.example");
    expect(twin.operate(hash, "stop").body).toMatch(/^\{"error":"Invalid domain/);
  },
  clock_skew_ms: (twin, turn) => {
    const hash = twin.started();
    turn(180_000);
    expect(twin.operate(hash, "stop").status).toBe(400);
    const { headers } = twin.ask(NODE, "GET /status/config");
    expect(Date.parse(headers?.["date"] ?? "")).toBe(Math.floor(twin.nowMs / 1_000) * 1_000 + 180_000);
  },
  aiohttp38: (twin, turn) => {
    turn(true);
    const { status, contentType } = twin.operate("ab".repeat(32), "stop");
    expect([status, contentType]).toEqual([500, "text/plain; charset=utf-8"]);
  },
  drop_networking: (twin, turn) => {
    turn(true);
    expect(entry(twin, twin.started())?.["networking"]).toEqual({});
  },
  lose_forwards: (twin, turn) => {
    turn(true);
    const hash = twin.started();
    twin.pass(120_000);
    expect(entry(twin, hash)?.["networking"]).toMatchObject({ mapped_ports: {} });
    expect(twin.ask(NODE, `POST /control/machine/${hash}/update`).status).toBe(200);
    expect(entry(twin, hash)?.["networking"]).toMatchObject({ mapped_ports: { "22": { tcp: true, udp: false } } });
  },
  claim_cores: (twin, turn) => {
    turn(4_096);
    expect(usage(twin)["cpu"]?.["count"]).toBe(4_096);
  },
  claim_memory_mib: (twin, turn) => {
    turn(1_048_576);
    expect(usage(twin)["mem"]?.["total_kB"]).toBe(1_048_576 * 1_024);
    expect(listed(twin)["system_usage"]).toMatchObject({ mem: { total_kB: 1_048_576 * 1_024 } });
    // What it has is less, and that decides.
    twin.turn("grant", { address: OWNER, credits: 1_000_000_000 });
    const large = twin.publish("INSTANCE", twin.instance({ resources: { vcpus: 1, memory: 500_000 } }));
    twin.pass(5_000);
    expect(twin.notify(large).status).toBe(503);
  },
  claim_disk_mib: (twin, turn) => {
    turn(9_999_999);
    expect(usage(twin)["disk"]?.["total_kB"]).toBe(9_999_999 * 1_024);
  },
  claim_hash: (twin, turn) => {
    turn("ee".repeat(32));
    expect(config(twin)["node_hash"]).toBe("ee".repeat(32));
  },
  claim_version: (twin, turn) => {
    turn("9.9.9");
    expect([config(twin)["version"], listed(twin)["version"]]).toEqual(["9.9.9", "9.9.9"]);
  },
  qemu: (twin, turn) => {
    turn(false);
    expect(twin.operate(twin.started(), "backup").status).toBe(400);
  },
};

function listed(twin: Surface): JsonObject {
  const { crns } = twin.read(CRN_LIST_HOST, "/crns.json") as { readonly crns: readonly JsonObject[] };
  const found = crns.find((one) => one["hash"] === PARIS);
  if (found === undefined) throw new Error("Paris is not in the list");
  return found;
}

describe("knobs of a compute node", () => {
  const names = Object.keys(knobsInput.shape);

  it("are all here", () => {
    expect(Object.keys(BITES).toSorted()).toEqual(names.toSorted());
  });

  it.each(names)("%s bites", (name) => {
    expect.hasAssertions();
    const twin = new Surface();
    BITES[name]?.(twin, (value) => void twin.turn("node", { node: NODE, knobs: { [name]: value } }));
  });

  it("leave the other nodes alone", () => {
    const twin = new Surface();
    twin.turn("node", { node: NODE, knobs: { down: true } });
    expect(twin.ask(ROSTER[1]?.spec.domain ?? "", "GET /status/config").status).toBe(200);
  });
});

describe("a machine that is copied to another node", () => {
  const LONDON = ROSTER[1]?.spec.domain ?? "";
  const runs = (twin: Surface, hash: string) => (twin.read(LONDON, LIST)[hash] as JsonObject | undefined)?.["running"];

  it("runs there although it is pinned elsewhere, is seen by the scheduler, and is erased on each node by itself", () => {
    const twin = new Surface();
    const hash = twin.started();
    twin.turn("start", { node: LONDON, hash });
    twin.pass(10_000);
    expect(runs(twin, hash)).toBe(undefined);
    twin.turn("copy", { node: LONDON, hash });
    twin.pass(10_000);
    expect([runs(twin, hash), twin.running()]).toEqual([true, [hash]]);
    expect(twin.read(SCHEDULER, `/api/v1/vms/${hash}`)).toMatchObject({
      status: "duplicated",
      observed_nodes: [PARIS, ROSTER[1]?.spec.hash],
    });
    expect(twin.operate(hash, "erase").status).toBe(200);
    expect([runs(twin, hash), twin.running()]).toEqual([true, []]);
  });

  it("ends as its node's core node tells it to", () => {
    const twin = new Surface();
    const hash = twin.started();
    twin.turn("copy", { node: LONDON, hash });
    twin.pass(10_000);
    twin.forget(hash);
    twin.pass(300_000);
    expect([runs(twin, hash), twin.running()]).toEqual([undefined, []]);
  });
});
