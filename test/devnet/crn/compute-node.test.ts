import { describe, expect, it } from "vitest";
import { ComputeNode } from "../../../devnet/crn/compute-node.ts";
import { ipv6Of, shortIpv6 } from "../../../devnet/crn/network-of-vm.ts";
import { newNodeState, type Knobs, type NodeSpec } from "../../../devnet/crn/spec.ts";
import { isDelayed, type JsonObject, type WireResponse } from "../../../devnet/wire.ts";
import {
  AGENT,
  AGENT_KEY,
  instanceContent,
  nodeSpec,
  operatorHeaders,
  OWNER,
  OWNER_KEY,
  RTX_4000,
  ScriptedCore,
  STRANGER,
} from "./scripted-core.ts";

const START_MS = Date.parse("2026-11-25T10:00:30Z");
const VM = "67542346ac98fce0a510ea866d64dcf7dc8f0530c31c1a4f3e85118782ad713b";
const OTHER = "def939aa68e849c992bc728f42c7d372ec4b5289119a01840ab7ce20e14ae2c5";
const GPU_WISH = {
  gpu: [{ vendor: "NVIDIA", device_name: RTX_4000.device_name, device_class: "0300", device_id: "10de:27b0" }],
};

class Stage {
  readonly core = new ScriptedCore();
  readonly node: ComputeNode;
  nowMs = START_MS;

  constructor(spec: Partial<NodeSpec> = {}, knobs: Partial<Knobs> = {}) {
    this.node = new ComputeNode(nodeSpec(spec), this.core, newNodeState(knobs));
    this.core.balances.set(OWNER, 50_000_000);
    this.add(VM);
  }

  add(hash: string, changes: JsonObject = {}, owner = OWNER): void {
    this.core.add(hash, instanceContent(owner, changes), "3.958333333333333333");
  }

  ask(line: string, body = "", headers: Record<string, string> = {}): WireResponse {
    const [method = "", path = ""] = line.split(" ");
    const answer = this.node.handle({ method, path, headers, body }, this.nowMs);
    if (!isDelayed(answer)) return answer;
    this.pass(answer.after);
    return answer.finish(this.nowMs);
  }

  notify(hash = VM): WireResponse {
    return this.ask("POST /control/allocation/notify", JSON.stringify({ instance: hash }));
  }

  operate(verb: string, key = OWNER_KEY, hash = VM): WireResponse {
    const path = `/control/machine/${hash}/${verb}`;
    const method = verb === "logs" ? "GET" : "POST";
    const clockMs = this.nowMs + this.node.knobs.clockSkewMs;
    return this.ask(`${method} ${path}`, "", operatorHeaders(key, method, path, "localhost", clockMs));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.node.tick(this.nowMs);
  }

  list(): Record<string, JsonObject> {
    return JSON.parse(this.ask("GET /v2/about/executions/list").body) as Record<string, JsonObject>;
  }

  get running(): boolean {
    return this.list()[VM]?.["running"] === true;
  }
}

function started(spec: Partial<NodeSpec> = {}, knobs: Partial<Knobs> = {}): Stage {
  const stage = new Stage(spec, knobs);
  stage.notify();
  return stage;
}

describe("ComputeNode notify", () => {
  it("shows each step of the boot as it happens", () => {
    const stage = new Stage();
    stage.node.handle(
      { method: "POST", path: "/control/allocation/notify", headers: {}, body: JSON.stringify({ instance: VM }) },
      stage.nowMs,
    );
    expect(stage.list()[VM]).toMatchObject({
      networking: {},
      running: false,
      status: { prepared_at: null, started_at: null },
    });
    stage.pass(3_000);
    expect(stage.list()[VM]).toMatchObject({ networking: { ipv4_ip: "172.16.4.2" }, running: false });
    stage.pass(1_500);
    expect(stage.running).toBe(true);
  });

  it("boots faster once the image is on its disk", () => {
    const stage = started();
    stage.add(OTHER);
    const before = stage.nowMs;
    stage.notify(OTHER);
    expect(stage.nowMs - before).toBe(1_800);
  });

  it("asks for one hour of this machine, to the credit", () => {
    const stage = new Stage({ cacheMs: { status: 0, balance: 0, price: 0, security: 0 } });
    stage.core.balances.set(OWNER, 14_249);
    const short = JSON.parse(stage.notify().body) as { error: string };
    expect(short.error).toBe(
      "Insufficient credits for this instance\n\nRequired: 14249.999999999999998800 credits \nCurrent user credits: 14249",
    );
    stage.core.balances.set(OWNER, 14_250);
    expect(stage.notify().status).toBe(200);
  });

  it("believes a balance for 30 seconds", () => {
    const stage = new Stage();
    stage.core.balances.set(OWNER, 0);
    expect(stage.notify().status).toBe(402);
    stage.core.balances.set(OWNER, 50_000_000);
    stage.pass(29_000);
    expect(stage.notify().status).toBe(402);
    stage.pass(1_000);
    expect(stage.notify().status).toBe(200);
  });

  it("finds a forgotten machine in its files, and fails at the price only", () => {
    const stage = started();
    stage.operate("stop");
    stage.core.statuses.set(VM, "forgotten");
    stage.core.prices.set(VM, { ok: false, status: 410, reason: "Gone" });
    expect(stage.notify().status).toBe(200);
    stage.operate("stop");
    stage.pass(300_000);
    expect(JSON.parse(stage.notify().body)).toMatchObject({
      error: expect.stringContaining("410, message='Gone'") as string,
    });
  });

  it("says 503 and forgets the machine when the boot fails", () => {
    const stage = new Stage({}, { failBoot: "start" });
    expect(stage.notify()).toMatchObject({ status: 503 });
    expect(stage.list()).toEqual({});
  });

  it("refuses by a knob, for lack of room, and on nodes before 1.11 says 404 for an unknown message", () => {
    expect(new Stage({}, { rejectNotify: 500 }).notify().status).toBe(500);
    expect(new Stage({}, { full: true }).notify().status).toBe(503);
    expect(new Stage({ memoryMib: 11_000 }).notify().status).toBe(503);
    expect(new Stage({ memoryMib: 11_000, version: "1.11.0" }).notify().status).toBe(200);
    expect(new Stage({ version: "1.10.2" }).notify(OTHER).status).toBe(404);
  });

  it("checks the pinned node since 1.11 only", () => {
    const pinned = { requirements: { node: { node_hash: "ef".repeat(32) } } };
    const [young, old] = [new Stage(), new Stage({ version: "1.10.2" })];
    for (const stage of [young, old]) stage.add(VM, pinned);
    expect(young.notify().status).toBe(400);
    expect(old.notify().status).toBe(200);
  });

  it("answers a caller that cannot wait for the boot as a proxy would", () => {
    const stage = new Stage();
    const answer = stage.node.handle(
      { method: "POST", path: "/control/allocation/notify", headers: {}, body: JSON.stringify({ instance: VM }) },
      stage.nowMs,
    );
    expect(isDelayed(answer) && answer.finish(stage.nowMs + 1_000).status).toBe(504);
  });
});

describe("ComputeNode GPUs", () => {
  const withGpu = () => {
    const stage = new Stage();
    stage.add(VM, { requirements: GPU_WISH });
    return stage;
  };

  it("are attached to one machine at a time", () => {
    const stage = withGpu();
    stage.add(OTHER, { requirements: GPU_WISH });
    expect(stage.notify().status).toBe(200);
    expect(JSON.parse(stage.ask("GET /about/usage/system").body)).toMatchObject({ gpu: { available_devices: [] } });
    expect(stage.notify(OTHER).status).toBe(500);
    stage.operate("erase");
    expect(stage.notify(OTHER).status).toBe(200);
  });

  it("reserved by a delegate are closed to the owner's machine for a minute", () => {
    const stage = withGpu();
    const path = "/control/reserve_resources";
    const content = instanceContent(OWNER, { requirements: GPU_WISH });
    const headers = operatorHeaders(AGENT_KEY, "POST", path, "localhost", stage.nowMs);
    expect(stage.ask(`POST ${path}`, JSON.stringify(content), headers).status).toBe(200);
    expect(stage.notify().status).toBe(500);
    stage.pass(60_001);
    expect(stage.notify().status).toBe(200);
  });
});

describe("ComputeNode monitor", () => {
  it("drops a forgotten machine at the third round, before 1.10 at the first", () => {
    const until = (stage: Stage) => {
      const from = stage.nowMs;
      stage.core.statuses.set(VM, "forgotten");
      while (stage.running) stage.pass(1_000);
      return stage.nowMs - from;
    };
    const three = until(started());
    expect(three).toBeGreaterThan(120_000);
    expect(three).toBeLessThanOrEqual(210_000);
    expect(until(started({ version: "1.9.2" }))).toBeLessThanOrEqual(90_000);
  });

  it("starts counting anew after a good sighting, and does not count a core node that is silent", () => {
    const stage = started();
    stage.core.statuses.set(VM, "forgotten");
    stage.pass(120_000);
    stage.core.reachable = false;
    stage.pass(600_000);
    expect(stage.running).toBe(true);
    stage.core.reachable = true;
    stage.core.statuses.set(VM, "processed");
    stage.pass(60_000);
    stage.core.statuses.set(VM, "forgotten");
    stage.pass(120_000);
    expect(stage.running).toBe(true);
    stage.pass(60_000);
    expect(stage.running).toBe(false);
  });

  it("stops the last started machine while the credits do not cover a second of all", () => {
    const stage = started();
    stage.add(OTHER);
    stage.notify(OTHER);
    stage.core.balances.set(OWNER, 4);
    stage.pass(120_000);
    expect(Object.keys(stage.list())).toEqual([VM]);
  });

  it("lets `removing` live", () => {
    const stage = started();
    stage.core.statuses.set(VM, "removing");
    stage.pass(600_000);
    expect(stage.running).toBe(true);
  });
});

describe("ComputeNode operations", () => {
  it("believe a delegation for two minutes, in both directions", () => {
    const stage = started();
    expect(stage.operate("reboot", AGENT_KEY).status).toBe(403);
    stage.core.aggregates.set(`${OWNER} security`, { authorizations: [{ address: AGENT, types: ["INSTANCE"] }] });
    expect(stage.operate("reboot", AGENT_KEY).status).toBe(403);
    stage.pass(120_000);
    expect(stage.operate("reboot", AGENT_KEY).status).toBe(200);
    stage.core.aggregates.clear();
    expect(stage.operate("reboot", AGENT_KEY).status).toBe(200);
    stage.pass(120_000);
    expect(stage.operate("reboot", AGENT_KEY).status).toBe(403);
  });

  it("are the owner's alone before 1.9", () => {
    const stage = started({ version: "1.8.0" });
    stage.core.aggregates.set(`${OWNER} security`, { authorizations: [{ address: AGENT, types: [] }] });
    expect(stage.operate("reboot", AGENT_KEY).status).toBe(403);
    expect(stage.operate("reboot").status).toBe(200);
    expect(stage.operate("reinstall").status).toBe(404);
  });

  it("follow the node's own clock and its DOMAIN_NAME, right or wrong", () => {
    const stage = started({}, { clockSkewMs: 600_000 });
    expect(stage.operate("reboot").status).toBe(200);
    expect(Date.parse(stage.ask("GET /status/config").headers?.["date"] ?? "")).toBeGreaterThan(stage.nowMs + 590_000);
    stage.node.setKnobs({ clockSkewMs: 0, domainName: "elsewhere.example.org" });
    expect(stage.operate("reboot").status).toBe(401);
    expect(JSON.parse(stage.ask("GET /status/config").body)).toMatchObject({ DOMAIN_NAME: "elsewhere.example.org" });
  });

  it("take the time they are told to", () => {
    const stage = started({}, { operationMs: 8_000 });
    const before = stage.nowMs;
    expect(stage.operate("stop").status).toBe(200);
    expect(stage.nowMs - before).toBe(8_000);
  });
});

describe("ComputeNode lists", () => {
  it("lie when told to: a machine that is gone is shown, one that runs is not", () => {
    const stage = started({}, { lie: "running" });
    stage.operate("erase");
    expect(stage.running).toBe(true);
    const other = started({}, { lie: "stopped" });
    expect(other.list()[VM]).toMatchObject({ running: false });
    expect(JSON.parse(other.ask("GET /about/executions/list").body)).toEqual({});
  });

  it("know fewer fields on old nodes, and no addresses when those are dropped", () => {
    expect(started({ version: "1.12.0" }).list()[VM]).not.toHaveProperty("vm_type");
    expect(started({}, { dropNetworking: true }).list()[VM]).toMatchObject({ networking: {}, running: true });
  });

  it("lose a machine that vanishes", () => {
    const stage = started({}, { vanishAfterMs: 60_000 });
    stage.pass(59_999);
    expect(stage.running).toBe(true);
    stage.pass(1);
    expect(stage.list()).toEqual({});
  });
});

describe("ComputeNode.drainRunTimes", () => {
  it("counts whole seconds from the start to the end, and carries the rest", () => {
    const stage = new Stage();
    stage.notify();
    stage.pass(1_600);
    expect(stage.node.drainRunTimes(stage.nowMs)).toEqual([{ itemHash: VM, seconds: 1 }]);
    stage.pass(1_400);
    expect(stage.node.drainRunTimes(stage.nowMs)).toEqual([{ itemHash: VM, seconds: 2 }]);
    stage.pass(5_000);
    stage.operate("stop");
    stage.pass(60_000);
    expect(stage.node.drainRunTimes(stage.nowMs)).toEqual([{ itemHash: VM, seconds: 5 }]);
    expect(stage.node.drainRunTimes(stage.nowMs)).toEqual([]);
  });

  it("does not count a reinstall's second boot", () => {
    const stage = started();
    stage.pass(10_000);
    stage.operate("reinstall");
    stage.pass(10_000);
    expect(stage.node.drainRunTimes(stage.nowMs)).toEqual([{ itemHash: VM, seconds: 20 }]);
  });
});

describe("ComputeNode.listening", () => {
  it("speaks SSH on the guest's port 22 and on the mapped port, some time after the start", () => {
    const stage = started();
    const guest = ipv6Of("2001:db8:1:2", VM).guest;
    expect(stage.node.listening(guest, 22, stage.nowMs)).toEqual({ state: "silent", hash: VM });
    stage.pass(3_000);
    expect(stage.node.listening("203.0.113.10", 24_000, stage.nowMs)).toEqual({ state: "ready", hash: VM });
    expect(stage.node.listening("203.0.113.10", 22, stage.nowMs)).toEqual({ state: "refused" });
    stage.node.crash(VM, stage.nowMs);
    expect(stage.node.listening(guest, 22, stage.nowMs)).toEqual({ state: "refused" });
  });
});

describe("ComputeNode.snapshot", () => {
  it("carries a boot that is under way over a restart", () => {
    const stage = new Stage();
    stage.node.handle(
      { method: "POST", path: "/control/allocation/notify", headers: {}, body: JSON.stringify({ instance: VM }) },
      stage.nowMs,
    );
    const copy = new Stage();
    copy.node.restore(JSON.parse(JSON.stringify(stage.node.snapshot())) as ReturnType<ComputeNode["snapshot"]>);
    expect(copy.running).toBe(false);
    copy.pass(4_500);
    expect(copy.running).toBe(true);
  });
});

describe("shortIpv6", () => {
  it("writes addresses as Python does", () => {
    expect(shortIpv6(["2001", "0db8", "1", "2", "3", "0000", "0000", "0010"])).toBe("2001:db8:1:2:3::10");
    expect(shortIpv6(["2001", "0db8", "1", "2", "3", "0000", "1", "0"])).toBe("2001:db8:1:2:3:0:1:0");
    expect(shortIpv6(["1", "0", "0", "0", "0", "0", "0", "0"])).toBe("1::");
  });

  it("puts the guest one above its network", () => {
    expect(ipv6Of("2001:db8:1:2", VM)).toEqual({
      network: "2001:db8:1:2:3:6754:2346:ac90/124",
      guest: "2001:db8:1:2:3:6754:2346:ac91",
    });
  });
});

describe("a stranger's machine", () => {
  it("is paid by the stranger", () => {
    const stage = new Stage();
    stage.add(OTHER, {}, STRANGER);
    expect(stage.notify(OTHER).status).toBe(402);
  });
});

describe("ComputeNode backups", () => {
  const call = (stage: Stage, line: string) => {
    const [method = "", path = ""] = line.split(" ");
    return stage.ask(line, "", operatorHeaders(OWNER_KEY, method, path, "localhost", stage.nowMs));
  };
  const path = `/control/machine/${VM}/backup`;

  it("are in progress for a while, then a file with an address, and gone when deleted or after a day", () => {
    const stage = started();
    expect(call(stage, `GET ${path}`).status).toBe(404);
    expect([call(stage, `POST ${path}`).status, call(stage, `GET ${path}`).status]).toEqual([202, 202]);
    stage.pass(20_000);
    const made = JSON.parse(call(stage, `GET ${path}`).body) as JsonObject;
    expect(made["download_url"]).toMatch(
      /^https:\/\/localhost\/control\/machine\/.*signature=[0-9a-f]{64}&expires=\d+$/,
    );
    expect(call(stage, `POST ${path}`).status).toBe(200);
    expect(call(stage, `DELETE ${path}/${String(made["backup_id"])}`).status).toBe(200);
    expect(call(stage, `GET ${path}`).status).toBe(404);
    call(stage, `POST ${path}`);
    stage.pass(86_500_000);
    expect(call(stage, `GET ${path}`).status).toBe(404);
  });

  it("do not exist before 1.10", () => {
    const stage = started({ version: "1.9.2" });
    expect(call(stage, `POST ${path}`).status).toBe(404);
  });
});
