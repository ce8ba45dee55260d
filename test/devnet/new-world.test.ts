import { describe, expect, it } from "vitest";
import { isDelayed, type JsonObject, type WireResponse } from "../../devnet/wire.ts";
import { newWorld } from "../../devnet/new-world.ts";
import { CORE_HOSTS, CORECHANNEL_ADDRESS, DEV_WALLET, DEV_WALLET_CREDITS, ROSTER } from "../../devnet/roster.ts";
import { sha256Hex } from "../../src/crypto/hash.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { signPersonal } from "../../src/crypto/secp256k1.ts";
import { instanceContent, operatorHeaders, OWNER, OWNER_KEY } from "./crn/scripted-core.ts";

const START_MS = Date.parse("2026-11-25T10:20:00Z");
const HOUR_MS = 3_600_000;
const PARIS = ROSTER[0]?.spec;
const DEBIAN = "b6ff5c3a8205d1ca4c7c3369300eeafff498b558f71b851aa2114afd0a532717";

/** The network as `npm start` has it, and the dev wallet's hand. */
class Stage {
  readonly world = newWorld(START_MS);
  nowMs = START_MS;

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

  publish(type: string, content: JsonObject, sync = false): { readonly hash: string; readonly answer: WireResponse } {
    const text = JSON.stringify(content);
    const hash = sha256Hex(text);
    const signature = signPersonal(utf8(`ETH\n${OWNER}\n${type}\n${hash}`), OWNER_KEY);
    const envelope = {
      chain: "ETH",
      sender: OWNER,
      type,
      channel: "ALLOWANCE",
      time: this.nowMs / 1000,
      item_type: "inline",
    };
    const message = { ...envelope, item_content: text, item_hash: hash, signature };
    return { hash, answer: this.ask(CORE_HOSTS[0], "POST /api/v0/messages", { sync, message }) };
  }

  create(): string {
    const rootfs = { parent: { ref: DEBIAN, use_latest: false }, persistence: "host", size_mib: 20_480 };
    const requirements = { node: { node_hash: PARIS?.hash ?? "" } };
    const content = instanceContent(OWNER, { requirements, rootfs, volumes: [], time: this.nowMs / 1000 });
    const { hash } = this.publish("INSTANCE", content);
    this.pass(5_000);
    this.ask(PARIS?.domain ?? "", "POST /control/allocation/notify", { instance: hash });
    return hash;
  }

  statuses(hash: string): readonly unknown[] {
    return CORE_HOSTS.map((host) => this.read(host, `/api/v0/messages/${hash}`)["status"]);
  }

  balances(): readonly number[] {
    return this.world.cores.map((core) => core.creditBalance(OWNER));
  }

  running(): readonly string[] {
    return Object.keys(this.read(PARIS?.domain ?? "", "/about/executions/list"));
  }
}

describe("newWorld", () => {
  it("has a funded dev wallet, prices, settings, images and all nodes on three core nodes that agree", () => {
    const stage = new Stage();
    for (const host of CORE_HOSTS) {
      expect(stage.read(host, `/api/v0/addresses/${DEV_WALLET}/balance`)).toMatchObject({
        credit_balance: DEV_WALLET_CREDITS,
      });
      const { data } = stage.read(host, "/api/v0/aggregates/0xFba561a84A537fCaa567bb7A2257e7142701ae2A.json");
      expect(Object.keys(data as JsonObject).toSorted()).toEqual(["pricing", "settings", "vm-images"]);
      const channel = stage.read(host, `/api/v0/aggregates/${CORECHANNEL_ADDRESS}.json?keys=corechannel`);
      expect(channel).toMatchObject({ data: { corechannel: { resource_nodes: { length: ROSTER.length } } } });
    }
  });

  it("takes a create through processing, boot, hourly bills and teardown to the same end on every core node", () => {
    const stage = new Stage();
    const hash = stage.create();
    expect(stage.statuses(hash)).toEqual(["processed", "processed", "processed"]);
    expect(stage.running()).toEqual([hash]);
    const startedMs = stage.world.node(0).vms()[0]?.startedMs ?? 0;
    stage.pass(2 * HOUR_MS);
    const windowEndMs = Date.parse("2026-11-25T12:00:00Z");
    const first = Math.floor((windowEndMs - HOUR_MS - startedMs) / 1000);
    const spent = Math.ceil((first * 14_250) / 3600) + 14_250;
    expect(stage.balances()).toEqual(Array(3).fill(DEV_WALLET_CREDITS - spent));
    expect(stage.read(CORE_HOSTS[1], `/api/v0/messages/${hash}/consumed_credits`)).toMatchObject({
      consumed_credits: spent,
    });

    const path = `/control/machine/${hash}/erase`;
    const domain = PARIS?.domain ?? "";
    const headers = operatorHeaders(OWNER_KEY, "POST", path, domain, stage.nowMs);
    expect(stage.ask(domain, `POST ${path}`, undefined, headers).status).toBe(200);
    stage.publish("FORGET", {
      address: OWNER,
      time: stage.nowMs / 1000,
      hashes: [hash],
      aggregates: [],
      reason: "done",
    });
    stage.pass(10_000);
    expect(stage.statuses(hash)).toEqual(["forgotten", "forgotten", "forgotten"]);
    const endedMs = stage.nowMs - 10_000;
    stage.pass(2 * HOUR_MS);
    const last = Math.ceil(((endedMs - startedMs) / 1000 - first - 3600) * (14_250 / 3600));
    for (const balance of stage.balances())
      expect(Math.abs(DEV_WALLET_CREDITS - spent - last - balance)).toBeLessThanOrEqual(4);
    expect(stage.running()).toEqual([]);
  });

  it("stops a machine by FORGET alone after three rounds of its node", () => {
    const stage = new Stage();
    const hash = stage.create();
    stage.publish("FORGET", {
      address: OWNER,
      time: stage.nowMs / 1000,
      hashes: [hash],
      aggregates: [],
      reason: "done",
    });
    stage.pass(100_000);
    expect(stage.running()).toEqual([hash]);
    stage.pass(110_000);
    expect(stage.running()).toEqual([]);
  });

  it("answers a synchronous create when the core node has judged it", () => {
    const stage = new Stage();
    const content = instanceContent(OWNER, {
      volumes: [],
      rootfs: { parent: { ref: DEBIAN, use_latest: false }, persistence: "host", size_mib: 20_480 },
    });
    const { answer } = stage.publish("INSTANCE", content, true);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([200, { message_status: "processed" }]);
  });

  it("comes to the same in one step and in many, and goes on alike after a restore", () => {
    const [once, often] = [new Stage(), new Stage()];
    for (const stage of [once, often]) stage.create();
    once.pass(3 * HOUR_MS);
    for (let step = 0; step < 360; step++) often.pass(15_000);
    const copy = new Stage();
    copy.world.restore(JSON.parse(JSON.stringify(often.world.snapshot())) as Record<string, never>);
    copy.nowMs = often.nowMs;
    for (const stage of [often, copy]) for (let step = 0; step < 360; step++) stage.pass(15_000);
    expect(often.world.snapshot()).toEqual(once.world.snapshot());
    expect(copy.world.snapshot()).toEqual(once.world.snapshot());
  });

  it("removes the newest machine of an owner who cannot pay a day, as all three core nodes see it", () => {
    const stage = new Stage();
    const hash = stage.create();
    for (const core of stage.world.cores) core.removeCredits(OWNER, DEV_WALLET_CREDITS - 300_000, stage.nowMs);
    stage.pass(3 * HOUR_MS);
    expect(stage.statuses(hash)).toEqual(["removing", "removing", "removing"]);
    expect(stage.running()).toEqual([hash]);
  });
});
