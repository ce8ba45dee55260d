import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { ComputeNode } from "../../../devnet/crn/compute-node.ts";
import { newNodeState, type Knobs } from "../../../devnet/crn/spec.ts";
import { isDelayed, type JsonObject, type WireResponse } from "../../../devnet/wire.ts";
import { acceptedIn } from "../accepted.ts";
import recording from "../../vectors/crn-golden-responses.json";
import {
  AGENT,
  AGENT_KEY,
  instanceContent,
  nodeSpec,
  operatorHeaders,
  OWNER,
  OWNER_KEY,
  ScriptedCore,
  STRANGER,
  STRANGER_KEY,
} from "./scripted-core.ts";

type Entry = {
  readonly name: string;
  readonly request?: string;
  readonly request_json?: unknown;
  readonly auth?: string;
  readonly status?: number;
  readonly content_type?: string;
  readonly body?: unknown;
  readonly ms?: number;
  readonly files?: readonly string[];
  readonly messages?: readonly JsonObject[];
};
type Variant = {
  readonly name: string;
  readonly status_3_8: number;
  readonly body_3_8: unknown;
  readonly content_type_3_8: string;
};

const golden = recording as unknown as {
  readonly entries: readonly Entry[];
  readonly aiohttp_3_8_variants: { readonly entries: readonly Variant[] };
};

const ACCEPTED = acceptedIn("crn-golden-responses.json");

const START_MS = Date.parse("2026-11-23T08:20:20.500Z");
const MAIN = "67542346ac98fce0a510ea866d64dcf7dc8f0530c31c1a4f3e85118782ad713b";
const FORGOTTEN = "def939aa68e849c992bc728f42c7d372ec4b5289119a01840ab7ce20e14ae2c5";
const EXHAUSTED = "306a50e501bda0be8983c93205609569e0df4cf100648a9bab45eb59205dcdaa";
const GPU = {
  node: { node_hash: "ab".repeat(32) },
  gpu: [
    {
      vendor: "NVIDIA",
      device_name: "AD104GL [RTX 4000 SFF Ada Generation]",
      device_class: "0300",
      device_id: "10de:27b0",
    },
  ],
};

/** The recording's node: a monitor that looks every second and believes nothing it has heard before. */
class Stage {
  readonly core = new ScriptedCore();
  readonly node: ComputeNode;
  nowMs = START_MS;

  constructor(knobs: Partial<Knobs> = {}) {
    const spec = nodeSpec({
      version: "version-unavailable",
      monitorMs: 1000,
      cacheMs: { status: 0, balance: 0, price: 0, security: 0 },
    });
    const fast = { downloadMs: 40, startMs: 5, ...knobs };
    this.node = new ComputeNode(spec, this.core, newNodeState(fast));
    this.#seed();
  }

  #seed(): void {
    const add = (hash: string, changes: JsonObject = {}, perS = "3.96") =>
      this.core.add(hash, instanceContent(OWNER, changes), perS);
    for (const hash of [MAIN, FORGOTTEN, EXHAUSTED, "6ce8f1743f660702d530c6bee886d1eb64c076e7af0bf28ee83ed665b15986fd"])
      add(hash);
    add("2586441f49f9ec1918e9ba60d195113f70453941046d51cbd1d352156a3e8bdb");
    this.core.statuses.set("2586441f49f9ec1918e9ba60d195113f70453941046d51cbd1d352156a3e8bdb", "pending");
    add("2a5a410ee77cc630798afeef94610f53b5bc052dc1f9db9ee9b5bfaa6ee6329f", {
      requirements: { node: { node_hash: "ef".repeat(32) } },
    });
    add("52d09494a9d66042e61784ea9ea777abd14cb9cf93177929bdf6eab351a03cc2", {
      resources: { vcpus: 1, memory: 900_000 },
    });
    add("d7addbd8a054003310db181da84222a40623685db6e4a627a75c6697647a83d6", {
      payment: { chain: "ETH", type: "hold" },
    });
    add("8305ad10d6b0897c168a737706c18c422968673ac58912c1caba81551aaf8c36");
    this.core.prices.delete("8305ad10d6b0897c168a737706c18c422968673ac58912c1caba81551aaf8c36");
    this.core.add(
      "b3fac01e82f81a70103e50166bcc02a1d3a499186944ea97cbf6c175fc07e843",
      instanceContent(STRANGER, { requirements: GPU }),
      "1",
    );
    this.core.balances.set(STRANGER, 1e9);
  }

  delegate(entry: JsonObject): void {
    this.core.aggregates.clear();
    this.core.aggregates.set(`${OWNER} security`, { authorizations: [entry] });
  }

  ask(entry: Entry, signer: Uint8Array | undefined): WireResponse {
    const [method = "", path = ""] = (entry.request ?? "").split(" ");
    const headers = signer === undefined ? {} : operatorHeaders(signer, method, path, "localhost", this.nowMs);
    const body =
      entry.name === "notify_not_json"
        ? "{nope"
        : entry.request_json === undefined
          ? ""
          : JSON.stringify(entry.request_json);
    const answer = this.node.handle({ method, path, headers, body }, this.nowMs);
    if (!isDelayed(answer)) return answer;
    this.nowMs += answer.after;
    return answer.finish(this.nowMs);
  }

  /** Milliseconds until the VM is gone from the list. */
  untilDropped(hash: string): number {
    const from = this.nowMs;
    while (this.node.vms().some((vm) => vm.hash === hash)) {
      this.nowMs += 50;
      this.node.tick(this.nowMs);
    }
    return this.nowMs - from;
  }
}

/** What the scenario of the recording does before a record, and who signs it if not the owner. */
const BEFORE: Readonly<Record<string, (stage: Stage) => void>> = {
  notify_one_credit_short_of_an_hour: ({ core }) => core.balances.set(OWNER, 14_255),
  notify_exactly_one_hour: ({ core }) => core.balances.set(OWNER, 14_256),
  update_ports_after_aggregate: ({ core }) => {
    const ports = { "80": { tcp: true, udp: false }, "8443": { tcp: true, udp: true } };
    core.aggregates.set(`${OWNER} port-forwarding`, { [MAIN]: { ports } });
  },
  reboot_delegate_types_post_only: (stage) => stage.delegate({ address: AGENT, types: ["POST", "AGGREGATE"] }),
  reboot_delegate_instance_other_channel_and_chain: (stage) =>
    stage.delegate({ address: AGENT, types: ["INSTANCE"], channels: ["SOMETHING-ELSE"], chain: "SOL" }),
  reboot_delegate_empty_types_lowercase: (stage) => stage.delegate({ address: AGENT.toLowerCase(), types: [] }),
  reboot_delegate_security_aggregate_unavailable: ({ core }) => (core.aggregatesFail = true),
  stop_bad_ref: ({ core }) => (core.aggregatesFail = false),
  // There was no journal at first, no QEMU, and then two lines.
  logs_running: ({ node }) => node.setJournal([]),
  backup_non_qemu: ({ node }) => node.setKnobs({ qemu: false }),
  ws_owner: ({ node }) =>
    node.setJournal([
      { file: "stdout", message: "boot line 1" },
      { file: "stderr", message: "warn line 2" },
    ]),
  notify_setup_error: ({ node }) => node.setKnobs({ failBoot: "start" }),
  notify_for_forget: ({ node }) => node.setKnobs({ failBoot: "none" }),
  v2_removing_after_4s: (stage) => {
    stage.core.statuses.set(FORGOTTEN, "removing");
    stage.nowMs += 4500;
  },
  notify_for_exhaustion: ({ core }) => core.balances.set(OWNER, 1e6),
  "v2_balance_10_price_3.96": (stage) => {
    stage.core.balances.set(OWNER, 10);
    stage.nowMs += 2500;
  },
};

function signerOf(name: string): Uint8Array {
  if (/stranger/.test(name) || name === "reserve_gpu_other_user") return STRANGER_KEY;
  return /delegat/.test(name) ? AGENT_KEY : OWNER_KEY;
}

const TIME = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)/g;

function masked(name: string, body: unknown): unknown {
  const plain = JSON.stringify(body)
    .replace(TIME, "<time>")
    .replace(/https?:\/\/[a-z0-9.:]+(?=\/api\/v0\/price)/, "<core>")
    .replace(/"API_SERVER":"[^"]*"/, '"API_SERVER":"<core>"');
  const value = JSON.parse(plain) as JsonObject;
  // The figures of the machine it ran on.
  return name.startsWith("usage_") ? { ...value, cpu: "<figures>", mem: "<figures>", disk: "<figures>" } : value;
}

type Outcome = Readonly<Record<string, unknown>>;

function seenOf(entry: Entry, answer: WireResponse): Outcome {
  const isJson = entry.content_type?.includes("json") === true;
  const body = masked(entry.name, isJson ? JSON.parse(answer.body) : answer.body);
  const server = answer.headers?.["server"]?.startsWith("aleph-vm/");
  return { status: answer.status, contentType: answer.contentType, server, body };
}

function recordedOf(entry: Entry): Outcome {
  if (entry.request === undefined) return { files: entry.files, inTime: true };
  if (entry.messages !== undefined) {
    // What the client's library says of a refused handshake is its own words.
    const refused = entry.messages.some((message) => message["ws_error"] !== undefined);
    return { messages: refused ? "refused" : entry.messages };
  }
  const { status, content_type: contentType } = entry;
  return { status, contentType, server: true, body: masked(entry.name, entry.body) };
}

const FIRST_MESSAGE: Readonly<Record<string, string>> = { ws_bad_auth: '{"auth":"nope"}', ws_no_auth_key: "{}" };

/** The dialogue of a log stream, signed as `signer` would. */
function listen(stage: Stage, name: string): Outcome {
  const path = `/control/machine/${name === "ws_unknown_vm" ? "0".repeat(64) : MAIN}/stream_logs`;
  const begin = stage.node.stream(path, { domain: "localhost", apiServer: "" }, stage.nowMs);
  if (begin === undefined) return { messages: "refused" };
  const headers = operatorHeaders(signerOf(name), "GET", path, "localhost", stage.nowMs);
  const auth = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, JSON.parse(value) as unknown]));
  const { messages, closes } = begin(FIRST_MESSAGE[name] ?? JSON.stringify({ auth }), stage.nowMs);
  return { messages: closes ? [...messages, { closed: 1000 }] : messages };
}

function without(outcome: Outcome, parts: readonly string[]): unknown {
  if (parts.includes("all")) return "accepted";
  if (parts.length === 0) return outcome;
  if (parts.includes("body")) return { ...outcome, body: "accepted" };
  return { ...outcome, body: { ...(outcome["body"] as object), ...Object.fromEntries(parts.map((one) => [one, ""])) } };
}

/** The measurements of the recording: what is left on the disk, and how long a drop took. */
function measure(stage: Stage, name: string): Outcome {
  if (name.startsWith("forget_to_drop")) {
    stage.core.statuses.set(FORGOTTEN, "forgotten");
    const ms = stage.untilDropped(FORGOTTEN);
    return { files: stage.node.filesOf(FORGOTTEN), inTime: ms > 2000 && ms <= 3000 };
  }
  if (name.startsWith("balance_below")) {
    stage.core.balances.set(OWNER, 3);
    const ms = stage.untilDropped(EXHAUSTED);
    return { files: stage.node.filesOf(EXHAUSTED), inTime: ms <= 1000 };
  }
  return { files: stage.node.filesOf(MAIN), inTime: true };
}

function replay(stage: Stage, entry: Entry): Outcome {
  BEFORE[entry.name]?.(stage);
  stage.nowMs += 20;
  stage.node.tick(stage.nowMs);
  if (entry.request === undefined) return measure(stage, entry.name);
  if (entry.messages !== undefined) return listen(stage, entry.name);
  return seenOf(entry, stage.ask(entry, entry.auth === "none" ? undefined : signerOf(entry.name)));
}

describe("ComputeNode.handle", () => {
  const stage = new Stage();

  it.each(golden.entries)(
    "answers the recorded call $name as the real software did, or as the table accepts",
    (entry) => {
      const parts = ACCEPTED.get(entry.name);
      const [seen, recorded] = [replay(stage, entry), recordedOf(entry)];
      expect(without(seen, parts ?? [])).toEqual(without(recorded, parts ?? []));
      // A row that nothing needs any more has to leave the table.
      expect(isDeepStrictEqual(seen, recorded)).toBe(parts === undefined);
    },
  );

  it("knows every record that the table names", () => {
    const names = golden.entries.map((entry) => entry.name);
    expect(golden.entries).toHaveLength(83);
    expect([...ACCEPTED.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe("ComputeNode on aiohttp 3.8", () => {
  const variants = golden.aiohttp_3_8_variants.entries.filter((one) => !ACCEPTED.has(one.name));

  it.each(variants)("hides the reason of $name behind a plain 500", (variant) => {
    const entry = golden.entries.find((one) => one.name === variant.name);
    const stage = new Stage({ aiohttp38: true });
    if (/^(expire|backup)/.test(variant.name)) stage.ask(notifyMain(stage), undefined);
    stage.node.setKnobs({ qemu: false });
    if (entry === undefined) throw new Error("no such record");
    const answer = stage.ask(entry, OWNER_KEY);
    const isJson = answer.contentType.includes("json");
    const body: unknown = isJson ? JSON.parse(answer.body) : answer.body;
    expect([answer.status, answer.contentType, body]).toEqual([
      variant.status_3_8,
      variant.content_type_3_8,
      variant.body_3_8,
    ]);
  });
});

function notifyMain(stage: Stage): Entry {
  stage.core.balances.set(OWNER, 1e6);
  return { name: "notify", request: "POST /control/allocation/notify", request_json: { instance: MAIN } };
}
