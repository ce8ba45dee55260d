import { describe, expect, it } from "vitest";
import { isDelayed, type JsonObject, type WireResponse } from "../../devnet/wire.ts";
import type { Knobs } from "../../devnet/crn/spec.ts";
import type { FaultKind } from "../../devnet/faults.ts";
import { CORECHANNEL_ADDRESS, corechannel, ROSTER } from "../../devnet/roster.ts";
import { World } from "../../devnet/world.ts";
import { sha256Hex } from "../../src/crypto/hash.ts";
import { instanceContent, operatorHeaders, OWNER, OWNER_KEY, STRANGER_KEY } from "./crn/scripted-core.ts";
import { PlainCore } from "./plain-core.ts";

const START_MS = Date.parse("2026-11-25T10:20:00Z");
const HOUR_MS = 3_600_000;
const PARIS = ROSTER[0]?.spec ?? never();
const CORE = "api.aleph.im";

function never(): never {
  throw new Error("no roster");
}

/** A network over plain core nodes, and a hand that makes requests and lets time pass. */
class Stage {
  readonly cores = [new PlainCore(150), new PlainCore(350), new PlainCore(800)] as const;
  readonly world: World;
  nowMs = START_MS;
  count = 0;

  constructor() {
    this.world = new World({ nowMs: START_MS, cores: this.cores });
    for (const core of this.cores) {
      core.grantCredits(OWNER, 50_000_000);
      core.setAggregate(CORECHANNEL_ADDRESS, "corechannel", corechannel(ROSTER));
    }
  }

  ask(host: string, line: string, body?: unknown, headers: Record<string, string> = {}): WireResponse {
    const [method = "", path = ""] = line.split(" ");
    const text = body === undefined ? "" : JSON.stringify(body);
    const answer = this.world.handle({ host, method, path, headers, body: text }, this.nowMs);
    if (!isDelayed(answer)) return answer;
    this.pass(answer.after);
    return answer.finish(this.nowMs);
  }

  read(host: string, path: string): JsonObject {
    return JSON.parse(this.ask(host, `GET ${path}`).body) as JsonObject;
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.world.advanceTo(this.nowMs);
  }

  publish(type: string, content: JsonObject, host = CORE): string {
    const text = JSON.stringify({ ...content, nonce: this.count++ });
    const hash = sha256Hex(text);
    this.ask(host, "POST /api/v0/messages", { message: { type, sender: OWNER, item_hash: hash, item_content: text } });
    return hash;
  }

  create(changes: JsonObject = {}, node = PARIS): string {
    const requirements = { node: { node_hash: node.hash } };
    const hash = this.publish("INSTANCE", instanceContent(OWNER, { requirements, ...changes }));
    this.pass(5_000);
    return hash;
  }

  notify(hash: string, node = PARIS): WireResponse {
    return this.ask(node.domain, "POST /control/allocation/notify", { instance: hash });
  }

  running(node = PARIS): readonly string[] {
    return Object.entries(this.read(node.domain, "/v2/about/executions/list"))
      .filter(([, entry]) => (entry as JsonObject)["running"] === true)
      .map(([hash]) => hash);
  }

  operate(hash: string, verb: string, key = OWNER_KEY, node = PARIS): WireResponse {
    const path = `/control/machine/${hash}/${verb}`;
    return this.ask(
      node.domain,
      `POST ${path}`,
      undefined,
      operatorHeaders(key, "POST", path, node.domain, this.nowMs),
    );
  }

  fault(kind: FaultKind, host: string, remaining = 1, delayMs = 0): void {
    this.world.state.faults.push({
      id: 1,
      kind,
      host,
      method: "",
      pathPrefix: "/",
      remaining,
      delayMs,
      status: 503,
      text: "",
    });
  }

  knobs(knobs: Partial<Knobs>, index = 0): void {
    this.world.node(index).setKnobs(knobs);
  }
}

function created(): { readonly stage: Stage; readonly hash: string } {
  const stage = new Stage();
  const hash = stage.create();
  stage.notify(hash);
  return { stage, hash };
}

describe("World.handle", () => {
  it("starts a machine on notify and shows it as running once the boot delay is over", () => {
    const stage = new Stage();
    const hash = stage.create();
    const answer = stage.world.handle(
      {
        host: PARIS.domain,
        method: "POST",
        path: "/control/allocation/notify",
        headers: {},
        body: JSON.stringify({ instance: hash }),
      },
      stage.nowMs,
    );
    expect(answer).toMatchObject({ after: 4_500 });
    stage.pass(4_000);
    expect(stage.running()).toEqual([]);
    stage.pass(500);
    expect(stage.running()).toEqual([hash]);
  });

  it("carries a message from one core node to the others, each in its own time", () => {
    const stage = new Stage();
    const hash = stage.publish("INSTANCE", instanceContent(OWNER));
    const statuses = () => stage.cores.map((core) => core.statusOf(hash));
    expect(statuses()).toEqual(["pending", "absent", "absent"]);
    stage.pass(1_000);
    expect(statuses()).toEqual(["processed", "processed", "absent"]);
    stage.pass(2_000);
    expect(statuses()).toEqual(["processed", "processed", "processed"]);
  });

  it("stops a forgotten machine after three rounds of the node, not before two minutes", () => {
    const { stage, hash } = created();
    stage.publish("FORGET", { hashes: [hash] });
    stage.pass(110_000);
    expect(stage.running()).toEqual([hash]);
    stage.pass(100_000);
    expect(stage.running()).toEqual([]);
  });

  it("erases a machine for its owner, for nobody else, and only once", () => {
    const { stage, hash } = created();
    expect(stage.operate(hash, "erase", STRANGER_KEY).status).toBe(403);
    expect(stage.operate(hash, "erase")).toMatchObject({ status: 200, body: `Erased VM with ref ${hash}` });
    expect(stage.operate(hash, "erase").status).toBe(404);
    expect(stage.world.node(0).filesOf(hash)).toEqual(["rootfs.qcow2"]);
  });

  it("swallows the reply of a request that was done, and nothing after it", () => {
    const stage = new Stage();
    stage.fault("lose_reply", CORE);
    const hash = stage.create();
    expect(stage.cores[0].statusOf(hash)).toBe("processed");
    stage.fault("lose_reply", PARIS.domain);
    expect(stage.notify(hash).status).toBe(522);
    expect(stage.running()).toEqual([hash]);
  });

  it("keeps a dropped request from its host, and a late one until its time", () => {
    const stage = new Stage();
    stage.fault("drop_request", CORE);
    expect(stage.cores[0].statusOf(stage.create())).toBe("absent");
    stage.fault("delay", CORE, 1, 9_000);
    const before = stage.nowMs;
    stage.read(CORE, "/api/v0/messages/" + "0".repeat(64));
    expect(stage.nowMs - before).toBe(9_000);
  });

  it("answers for a node that is down, hangs or sits behind a broken proxy as a proxy does", () => {
    const stage = new Stage();
    const statusWith = (knobs: Partial<Knobs>) => {
      stage.knobs({ down: false, hang: false, html502: false, ...knobs });
      return stage.ask(PARIS.domain, "GET /status/config").status;
    };
    expect(statusWith({})).toBe(200);
    expect(statusWith({ down: true })).toBe(521);
    expect(statusWith({ hang: true })).toBe(504);
    expect(statusWith({ html502: true })).toBe(502);
  });

  it("does not know hosts that are not of the network", () => {
    expect(new Stage().ask("example.org", "GET /").status).toBe(530);
  });

  it("leaves the machines of an unreachable core node alone", () => {
    const { stage, hash } = created();
    stage.publish("FORGET", { hashes: [hash] });
    stage.world.state.coresDown[0] = true;
    stage.pass(10 * 60_000);
    expect(stage.ask(CORE, "GET /api/v0/messages/" + hash).status).toBe(521);
    expect(stage.running()).toEqual([hash]);
  });
});

describe("World.advanceTo", () => {
  it("bills every hour by the seconds run, thirteen minutes after the hour", () => {
    const { stage, hash } = created();
    const started = stage.world.node(0).vms()[0]?.startedMs ?? 0;
    stage.pass(3 * HOUR_MS);
    const bills = stage.cores[0].state.bills;
    const first = Math.floor((Date.parse("2026-11-25T11:00:00Z") - started) / 1000);
    expect(bills.map((bill) => new Date(bill.atMs).toISOString().slice(11, 16))).toEqual(["11:13", "12:13", "13:13"]);
    expect(bills.map((bill) => bill.lines)).toEqual([
      [{ itemHash: hash, seconds: first }],
      [{ itemHash: hash, seconds: 3600 }],
      [{ itemHash: hash, seconds: 3600 }],
    ]);
  });

  it("bills a machine that ended within the hour for what it ran", () => {
    const { stage, hash } = created();
    stage.pass(600_000);
    stage.operate(hash, "erase");
    stage.pass(2 * HOUR_MS);
    expect(stage.cores[0].state.bills.map((bill) => bill.lines)).toEqual([[{ itemHash: hash, seconds: 600 }]]);
  });

  it("tells the core nodes of a bill one after another", () => {
    const { stage } = created();
    stage.pass(HOUR_MS);
    const times = stage.cores.map((core) => core.state.bills[0]?.atMs ?? 0);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(new Set(times).size).toBe(3);
  });

  it("stops the newest machine of an owner whose credits are gone", () => {
    const { stage, hash } = created();
    const second = stage.create();
    stage.notify(second);
    for (const core of stage.cores) core.state.credits[OWNER] = 5;
    stage.pass(120_000);
    expect(stage.running()).toEqual([hash]);
  });

  it("comes to the same in one step and in many", () => {
    const [once, often] = [created(), created()];
    for (const { stage, hash } of [once, often]) stage.publish("FORGET", { hashes: [hash] });
    once.stage.pass(2 * HOUR_MS);
    for (let step = 0; step < 2 * HOUR_MS; step += 1_700) often.stage.pass(Math.min(1_700, 2 * HOUR_MS - step));
    expect(often.stage.nowMs).toBe(once.stage.nowMs);
    expect(often.stage.world.snapshot()).toEqual(once.stage.world.snapshot());
  });

  it("never goes back", () => {
    const { stage } = created();
    const before = stage.world.snapshot();
    stage.world.advanceTo(START_MS - HOUR_MS);
    expect(stage.world.snapshot()).toEqual(before);
  });
});

describe("World.snapshot", () => {
  it("restores a network that goes on as the original does", () => {
    const { stage, hash } = created();
    stage.fault("lose_reply", CORE);
    const copy = new Stage();
    copy.world.restore(JSON.parse(JSON.stringify(stage.world.snapshot())) as Record<string, never>);
    copy.nowMs = stage.nowMs;
    copy.count = stage.count;
    expect(copy.world.snapshot()).toEqual(stage.world.snapshot());
    for (const one of [stage, copy]) {
      one.world.state.faults = [];
      one.publish("FORGET", { hashes: [hash] });
      one.pass(HOUR_MS);
    }
    expect(copy.world.snapshot()).toEqual(stage.world.snapshot());
    expect(copy.running()).toEqual([]);
  });

  it("names only the parts that have changed", () => {
    const { stage } = created();
    stage.world.takeDirty();
    stage.ask(PARIS.domain, "GET /status/config");
    expect(stage.world.takeDirty()).toEqual([]);
    stage.ask("api2.aleph.im", "POST /api/v0/messages", {
      message: { type: "POST", sender: OWNER, item_hash: "00", item_content: "{}" },
    });
    expect(stage.world.takeDirty().toSorted()).toEqual(["core1", "world"]);
  });
});

describe("the addresses of the network", () => {
  const origins = { "127.0.0.1:4101": CORE, "127.0.0.1:4102": PARIS.domain, "127.0.0.1:4103": "crns-list.aleph.sh" };

  it("are the virtual ones for whoever asks by a virtual name", () => {
    const stage = new Stage();
    stage.world.state.origins = origins;
    expect(stage.ask("crns-list.aleph.sh", "GET /crns.json").body).toContain(`https://${PARIS.domain}`);
    expect(stage.read(PARIS.domain, "/status/config")["DOMAIN_NAME"]).toBe(PARIS.domain);
  });

  it("are loopback ones for whoever asks through loopback, in operator calls too", () => {
    const { stage, hash } = created();
    stage.world.state.origins = origins;
    expect(stage.ask("127.0.0.1:4103", "GET /crns.json").body).toContain("http://127.0.0.1:4102");
    const path = `/api/v0/aggregates/${CORECHANNEL_ADDRESS}.json?keys=corechannel`;
    expect(stage.ask("127.0.0.1:4101", `GET ${path}`).body).toContain('"address":"http://127.0.0.1:4102"');
    const config = stage.read("127.0.0.1:4102", "/status/config");
    expect(config).toMatchObject({ DOMAIN_NAME: "127.0.0.1", references: { API_SERVER: "http://127.0.0.1:4101" } });
    const stop = `/control/machine/${hash}/stop`;
    const headers = operatorHeaders(OWNER_KEY, "POST", stop, "127.0.0.1", stage.nowMs);
    expect(stage.ask("127.0.0.1:4102", `POST ${stop}`, undefined, headers).status).toBe(200);
  });
});

describe("the scheduler", () => {
  const HOST = "scheduler.api.aleph.cloud";

  it("says where it wants a machine and where it has seen it", () => {
    const { stage, hash } = created();
    expect(stage.read(HOST, `/api/v1/vms/${hash}`)).toMatchObject({
      status: "dispatched",
      allocated_node: PARIS.hash,
      observed_nodes: [PARIS.hash],
    });
    stage.publish("FORGET", { hashes: [hash] });
    stage.pass(300_000);
    expect(stage.read(HOST, `/api/v1/vms/${hash}`)).toMatchObject({ status: "removed", observed_nodes: [] });
    expect(stage.ask(HOST, `GET /api/v1/vms/${"0".repeat(64)}`).status).toBe(404);
  });

  it("starts a pinned machine that nobody has started, once", () => {
    const stage = new Stage();
    const hash = stage.create();
    stage.pass(120_000);
    expect(stage.running()).toEqual([hash]);
    stage.operate(hash, "erase");
    stage.pass(600_000);
    expect(stage.running()).toEqual([]);
  });

  it("pages and filters", () => {
    const { stage, hash } = created();
    expect(stage.read(HOST, `/api/v1/vms?owners=${OWNER}&page_size=1`)).toMatchObject({
      items: [{ vm_hash: hash }],
      pagination: { total_items: 1 },
    });
    expect(stage.read(HOST, "/api/v1/vms?owners=0x00")).toMatchObject({ items: [] });
    expect(stage.read(HOST, "/api/v1/nodes")).toMatchObject({ pagination: { total_items: ROSTER.length } });
  });
});

describe("the node list", () => {
  it("lists every node with its measurements and the hash that the aggregate names", () => {
    const crns = new Stage().read("crns-list.aleph.sh", "/crns.json?filter_inactive=true")[
      "crns"
    ] as readonly JsonObject[];
    expect(crns.length).toBeGreaterThanOrEqual(8);
    expect(crns.filter((crn) => crn["gpu_support"] === true).length).toBe(2);
    expect(crns.map((crn) => String(crn["hash"])).toSorted()).toEqual(
      ROSTER.map((entry) => entry.spec.hash).toSorted(),
    );
  });

  it("keeps the last good figures of a node that no longer answers", () => {
    const stage = new Stage();
    stage.read("crns-list.aleph.sh", "/crns.json");
    stage.knobs({ down: true });
    stage.pass(60_000);
    const crns = stage.read("crns-list.aleph.sh", "/crns.json")["crns"] as readonly JsonObject[];
    expect(crns.find((crn) => crn["hash"] === PARIS.hash)).toMatchObject({
      version: PARIS.version,
      usage_from_crn_error: "Cannot connect to host",
    });
  });
});
