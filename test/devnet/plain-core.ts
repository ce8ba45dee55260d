/**
 * The smallest core node that a network can be built over: it believes every message, judges it after a delay, keeps
 * one pot of credits per address and knows one price. For tests of everything but core nodes.
 */
import type { BillLine, Core } from "../../devnet/core-port.ts";
import type { CoreStatus } from "../../devnet/crn/core-link.ts";
import type { Json, JsonObject, WireRequest } from "../../devnet/wire.ts";
import { json } from "../../devnet/crn/wire.ts";

type Known = {
  readonly type: string;
  readonly sender: string;
  readonly content: JsonObject;
  status: CoreStatus;
  dueMs: number | null;
  readonly timeMs: number;
};
type State = {
  messages: Record<string, Known>;
  credits: Record<string, number>;
  aggregates: Record<string, JsonObject>;
  bills: { atMs: number; lines: readonly BillLine[] }[];
};

export const RATE_PER_S = "3.958333333333333333";

export class PlainCore implements Core {
  state: State = { messages: {}, credits: {}, aggregates: {}, bills: [] };
  readonly #delayMs: number;
  #publish: (envelope: Json, nowMs: number) => void = () => undefined;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  handle = (request: WireRequest, nowMs: number) => {
    if (request.method === "POST") {
      const { message } = JSON.parse(request.body) as { message: JsonObject };
      this.receive(message, nowMs);
      this.#publish(message, nowMs);
      return json(202, { message_status: "pending" });
    }
    const [, hash] = /^\/api\/v0\/messages\/([0-9a-f]{64})$/.exec(request.path) ?? [];
    if (hash !== undefined) return json(200, { status: this.statusOf(hash) });
    const [, address] = /^\/api\/v0\/aggregates\/(0x[0-9a-fA-F]{40})\.json/.exec(request.path) ?? [];
    const own = Object.entries(this.state.aggregates).filter(([key]) => key.startsWith(address ?? "-"));
    return json(200, {
      address: address ?? null,
      data: Object.fromEntries(own.map(([key, value]) => [key.split(" ")[1], value])),
    });
  };

  receive = (envelope: Json, nowMs: number) => {
    const {
      item_hash: hash,
      type,
      sender,
      item_content: text,
    } = envelope as { item_hash: string; type: string; sender: string; item_content: string };
    const content = JSON.parse(text) as JsonObject;
    this.state.messages[hash] ??= {
      type,
      sender,
      content,
      status: "pending",
      dueMs: nowMs + this.#delayMs,
      timeMs: nowMs,
    };
  };

  tick = (nowMs: number) => {
    for (const message of Object.values(this.state.messages)) {
      if (message.dueMs === null || message.dueMs > nowMs) continue;
      message.dueMs = null;
      message.status = "processed";
      if (message.type === "FORGET")
        for (const hash of message.content["hashes"] as readonly string[]) this.#set(hash, "forgotten");
    }
  };

  #set(hash: string, status: CoreStatus): void {
    const message = this.state.messages[hash];
    if (message !== undefined) message.status = status;
  }

  nextDueMs = () => {
    const due = Object.values(this.state.messages).flatMap((message) =>
      message.dueMs === null ? [] : [message.dueMs],
    );
    return due.length === 0 ? undefined : Math.min(...due);
  };

  publishTo = (listener: (envelope: Json, nowMs: number) => void) => {
    this.#publish = listener;
  };
  statusOf = (hash: string): CoreStatus => this.state.messages[hash]?.status ?? "absent";
  instance = (hash: string) => {
    const found = this.state.messages[hash];
    return found?.type === "INSTANCE" ? found : undefined;
  };
  ratePerS = (hash: string) => (this.instance(hash)?.status === "processed" ? RATE_PER_S : undefined);
  creditBalance = (address: string) => this.state.credits[address] ?? 0;
  aggregateOf = (address: string, key: string) => this.state.aggregates[`${address} ${key}`];
  liveInstances = () => Object.keys(this.state.messages).filter((hash) => this.instance(hash)?.status === "processed");
  countByStatus = () => {
    const counts: Record<string, number> = {};
    for (const { status } of Object.values(this.state.messages)) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  };
  setAggregate = (address: string, key: string, content: JsonObject) => {
    this.state.aggregates[`${address} ${key}`] = content;
  };
  seedAggregate = (address: string, key: string, content: JsonObject) => this.setAggregate(address, key, content);
  setPricing = (pricing: JsonObject) =>
    this.setAggregate("0xFba561a84A537fCaa567bb7A2257e7142701ae2A", "pricing", pricing);
  grantCredits = (address: string, credits: number) => {
    this.state.credits[address] = this.creditBalance(address) + credits;
  };
  removeCredits = (address: string, credits: number) => this.grantCredits(address, -credits);
  bill = (lines: readonly BillLine[], atMs: number) => {
    this.state.bills.push({ atMs, lines });
    for (const { itemHash, seconds } of lines) {
      const owner = String(this.state.messages[itemHash]?.content["address"]);
      this.state.credits[owner] = Math.max(0, this.creditBalance(owner) - Math.ceil(Number(RATE_PER_S) * seconds));
    }
  };
  confirmOnChain = () => undefined;
  runRemovalJob = () => undefined;
  runGarbageCollection = () => undefined;
  restart = () => undefined;
  setLie = () => undefined;
  lie = () => undefined;
  setKnobs = () => undefined;
  knobs = () => ({ processingMs: this.#delayMs, retryAt: 0.5 });
  revive = () => false;
  snapshot = () => structuredClone(this.state) as unknown as Json;
  restore = (value: Json) => {
    this.state = structuredClone(value) as unknown as State;
  };
}
