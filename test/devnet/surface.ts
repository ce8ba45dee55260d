/**
 * The twin as anybody from outside has it: HTTP to its hosts, the control API, and time that passes. Nothing here reaches
 * into the network's parts.
 */
import { control, type ControlAnswer, type ControlScene } from "../../devnet/control.ts";
import { newWorld } from "../../devnet/new-world.ts";
import { CORE_HOSTS, ROSTER } from "../../devnet/roster.ts";
import { isDelayed, type JsonObject, type WireResponse } from "../../devnet/wire.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { sha256Hex } from "../../src/crypto/hash.ts";
import { signPersonal } from "../../src/crypto/secp256k1.ts";
import { instanceContent, operatorHeaders, OWNER, OWNER_KEY } from "./crn/scripted-core.ts";

export const START_MS = Date.parse("2026-11-25T10:20:00Z");
export const CORE = CORE_HOSTS[0];
export const NODE = ROSTER[0]?.spec.domain ?? "";
const DEBIAN = "b6ff5c3a8205d1ca4c7c3369300eeafff498b558f71b851aa2114afd0a532717";

export class Surface {
  nowMs = START_MS;
  #world = newWorld(START_MS);
  #count = 0;

  #scene(): ControlScene {
    const pass = (toMs: number) => {
      this.pass(toMs - this.nowMs);
      return {};
    };
    return {
      world: this.#world,
      nowMs: this.nowMs,
      clock: () => ({ now_ms: this.nowMs }),
      setOffset: pass,
      advanceStep: pass,
      advance: pass,
      reset: (nodes?: number) => void (this.#world = newWorld(this.nowMs, nodes)),
    };
  }

  /** One call of the control API. */
  turn(name: string, body: unknown = {}): ControlAnswer {
    const answer = control(this.#scene(), { method: "POST", path: name, body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${name}: ${JSON.stringify(answer.body)}`);
    return answer;
  }

  /** What a TCP client meets at the machine's mapped port 22. */
  listening(hash: string): unknown {
    const { networking } = this.read(NODE, "/v2/about/executions/list")[hash] as { networking: JsonObject };
    const ports = networking["mapped_ports"] as { readonly "22": { readonly host: number } };
    const path = `listening?host=${String(networking["host_ipv4"])}&port=${ports["22"].host}`;
    return (control(this.#scene(), { method: "GET", path, body: "" }).body as JsonObject)["state"];
  }

  ask(host: string, line: string, body?: unknown, headers: Record<string, string> = {}): WireResponse {
    const [method = "", path = ""] = line.split(" ");
    const text = body === undefined ? "" : JSON.stringify(body);
    const answer = this.#world.handle({ host, method, path, headers, body: text }, this.nowMs);
    if (!isDelayed(answer)) return answer;
    this.pass(answer.after);
    return answer.finish(this.nowMs);
  }

  read(host: string, path: string): JsonObject {
    return JSON.parse(this.ask(host, `GET ${path}`).body) as JsonObject;
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.#world.advanceTo(this.nowMs);
  }

  /** Signed by the dev wallet and handed to a core node; the hash of it. */
  publish(type: string, content: JsonObject, host: string = CORE): string {
    const text = JSON.stringify({ ...content, ...(type === "INSTANCE" ? { metadata: { n: this.#count++ } } : {}) });
    const hash = sha256Hex(text);
    const signature = signPersonal(utf8(`ETH\n${OWNER}\n${type}\n${hash}`), OWNER_KEY);
    const envelope = { chain: "ETH", sender: OWNER, type, channel: "ALLOWANCE", time: this.nowMs / 1000 };
    const message = { ...envelope, item_type: "inline", item_content: text, item_hash: hash, signature };
    this.ask(host, "POST /api/v0/messages", { sync: false, message });
    return hash;
  }

  instance(changes: JsonObject = {}): JsonObject {
    const rootfs = { parent: { ref: DEBIAN, use_latest: false }, persistence: "host", size_mib: 20_480 };
    const requirements = { node: { node_hash: ROSTER[0]?.spec.hash ?? "" } };
    return instanceContent(OWNER, { requirements, rootfs, volumes: [], time: this.nowMs / 1000, ...changes });
  }

  create(): string {
    const hash = this.publish("INSTANCE", this.instance());
    this.pass(5_000);
    return hash;
  }

  notify(hash: string): WireResponse {
    return this.ask(NODE, "POST /control/allocation/notify", { instance: hash });
  }

  /** A machine that runs. */
  started(): string {
    const hash = this.create();
    this.notify(hash);
    return hash;
  }

  forget(hash: string): string {
    return this.publish("FORGET", { address: OWNER, time: this.nowMs / 1000, hashes: [hash], aggregates: [] });
  }

  operate(hash: string, verb: string, method = "POST"): WireResponse {
    const path = `/control/machine/${hash}/${verb}`;
    return this.ask(NODE, `${method} ${path}`, undefined, operatorHeaders(OWNER_KEY, method, path, NODE, this.nowMs));
  }

  /** What each core node says of a message; 404 is `absent`. */
  statuses(hash: string): readonly unknown[] {
    return CORE_HOSTS.map((host) => {
      const { status, body } = this.ask(host, `GET /api/v0/messages/${hash}`);
      return status === 200 ? (JSON.parse(body) as JsonObject)["status"] : "absent";
    });
  }

  balances(address = OWNER): readonly unknown[] {
    return CORE_HOSTS.map((host) => this.read(host, `/api/v0/addresses/${address}/balance`)["credit_balance"]);
  }

  running(): readonly string[] {
    return Object.entries(this.read(NODE, "/v2/about/executions/list"))
      .filter(([, entry]) => (entry as JsonObject)["running"] === true)
      .map(([hash]) => hash);
  }
}
