/**
 * One core node of the twin: what it keeps, what it does by the clock, and its answers over HTTP. Deterministic and
 * without timers: time comes only through arguments, and never runs backwards.
 */
import { sha256Hex } from "../../src/crypto/hash.ts";
import { setAggregate } from "./aggregates.ts";
import { nextDue, startJobs } from "./clockwork.ts";
import type { Due, JobTimes } from "./clockwork.ts";
import { confirm, ingest, judgePending, revive } from "./intake.ts";
import type { IntakeTimes } from "./intake.ts";
import { runGarbageCollection, runRemovalJob } from "./jobs.ts";
import type { Json, JsonObject } from "./json.ts";
import { lieAbout } from "./lies.ts";
import type { Lie } from "./lies.ts";
import { DEFAULT_IMAGE_BYTES, DEFAULT_IMAGES, SETTINGS_OWNER } from "./price-tables.ts";
import { newCoreKnobs, retryMoment } from "./knobs.ts";
import type { CoreKnobs } from "./knobs.ts";
import { aggregateTold } from "./read-aggregates.ts";
import { statusTold } from "./read-messages.ts";
import { balanceTold } from "./read-money.ts";
import { respond } from "./routes.ts";
import { fromSnapshot, seedName, toSnapshot } from "./snapshot.ts";
import { emptyState, isLive } from "./state.ts";
import type { MessageRecord, State, Status } from "./state.ts";
import { broadcast } from "./submit.ts";
import { bill, grant, remove } from "./treasury.ts";
import type { BillLine } from "./treasury.ts";
import type { View } from "./view.ts";
import { later, toMs } from "./wire.ts";
import type { Answer, WireRequest } from "../wire.ts";

export type CoreDefaults = JobTimes & {
  /** Whose distributions and expenses count. */
  readonly creditPublishers?: readonly string[];
  readonly version?: string;
  /** False: the node does not know the three images of the network. */
  readonly images?: boolean;
  /** Unset: only `confirmOnChain` confirms. */
  readonly confirmAfterMs?: number;
  readonly knobs?: Partial<CoreKnobs>;
};

export type CoreOptions = {
  readonly id: string;
  readonly origin: string;
  readonly processingDelayMs: number;
  readonly defaults?: CoreDefaults;
};

export type CoreStatus = Status | "absent";
export type KnownInstance = { readonly content: JsonObject; readonly sender: string; readonly timeMs: number };

/** The credit publisher of the real network. */
const CREDIT_PUBLISHER = "0x2E4454fAD1906c0Ce6e45cBFA05cE898Ac3AC1dC";
/** How long a synchronous submission waits for a verdict that never comes. */
const SILENCE_MS = 30_000;

export class CoreNode {
  readonly id: string;
  readonly origin: string;
  /** Called with every message that this node publishes; whoever sets it passes it on to the other nodes. */
  onPublish: (envelope: Json, fromId: string, nowMs: number) => void = () => {};
  readonly #defaults: CoreDefaults;
  #knobs: CoreKnobs;
  readonly #seeds = new Map<string, JsonObject>();
  #state: State = emptyState();
  #nowMs = 0;
  #lie: Lie | undefined;

  constructor(options: CoreOptions) {
    this.id = options.id;
    this.origin = options.origin;
    this.#defaults = options.defaults ?? {};
    this.#knobs = newCoreKnobs({ processingMs: options.processingDelayMs, ...this.#defaults.knobs });
    if (this.#defaults.images !== false)
      for (const { hash } of DEFAULT_IMAGES) this.seedImage(hash, DEFAULT_IMAGE_BYTES);
  }

  handle(request: WireRequest, nowMs: number): Answer {
    this.tick(nowMs);
    return respond(this.#view(), request);
  }

  /** Does everything that is due, in the order of time. */
  tick(nowMs: number): void {
    startJobs(this.#state, this.#defaults, nowMs);
    for (let next = this.#nextDue(); next !== undefined && next.dueMs <= nowMs; next = this.#nextDue()) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  nextDueMs(): number | undefined {
    return this.#nextDue()?.dueMs;
  }

  /** A message from another core node. */
  receive(envelope: Json, nowMs: number): void {
    this.tick(nowMs);
    ingest(this.#state, envelope, nowMs, this.#times);
    this.tick(nowMs);
  }

  statusOf(hash: string): CoreStatus {
    return statusTold(this.#view(), hash);
  }

  /** Only while the network lists it: processed or being removed. */
  instance(hash: string): KnownInstance | undefined {
    const record = this.#state.records.get(hash);
    if (record === undefined || record.envelope.type !== "INSTANCE" || !isLive(record)) return undefined;
    return { content: record.content, sender: record.envelope.sender, timeMs: toMs(record.envelope.time) };
  }

  /** Credits per second with 18 places, while the price endpoint tells it. */
  ratePerS(hash: string): string | undefined {
    const told = this.statusOf(hash);
    if (told !== "processed" && told !== "removing") return undefined;
    return lieAbout(this.#lie?.prices, hash) ?? this.#state.records.get(hash)?.ratePerS;
  }

  creditBalance(address: string): number {
    return balanceTold(this.#view(), address);
  }

  aggregateOf(address: string, key: string): JsonObject | undefined {
    return aggregateTold(this.#view(), address, key);
  }

  liveInstances(): readonly string[] {
    const records = [...this.#state.records.values()];
    return records.filter((one) => one.envelope.type === "INSTANCE" && isLive(one)).map((one) => one.hash);
  }

  /** How many messages there are of each status. */
  countByStatus(): Readonly<{ [status in Status]: number }> {
    const counts = { pending: 0, processed: 0, rejected: 0, forgotten: 0, removing: 0, removed: 0 };
    for (const { status } of this.#state.records.values()) counts[status] += 1;
    return counts;
  }

  /** Makes an image known under the hash of its STORE message. */
  seedImage(storeHash: string, sizeBytes: number): void {
    const fileHash = sha256Hex(`file of ${storeHash}`);
    this.seedFile(fileHash, sizeBytes);
    this.#state.images.set(storeHash, { fileHash, sizeBytes });
  }

  /** Makes a file known, so that a STORE message about it can be processed. */
  seedFile(fileHash: string, sizeBytes: number): void {
    this.#state.files.set(fileHash, { sizeBytes });
  }

  setAggregate(address: string, key: string, content: JsonObject, nowMs: number): void {
    this.tick(nowMs);
    setAggregate(this.#state, address, key, content, nowMs);
  }

  seedAggregate(address: string, key: string, content: JsonObject, nowMs: number): void {
    this.#seeds.set(seedName(address, key), content);
    this.setAggregate(address, key, content, nowMs);
  }

  /** New prices hold for what is created from now on; what lives keeps its own. */
  setPricing(pricing: JsonObject, nowMs: number): void {
    this.setAggregate(SETTINGS_OWNER, "pricing", pricing, nowMs);
  }

  grantCredits(address: string, credits: number, options: { readonly expiresAtMs?: number } = {}, nowMs: number): void {
    this.tick(nowMs);
    grant(this.#state, address, credits, options.expiresAtMs ?? null, nowMs);
  }

  removeCredits(address: string, credits: number, nowMs: number): void {
    this.tick(nowMs);
    remove(this.#state, address, credits, nowMs);
  }

  /** One expense: whole credits upwards for each line, at the price that was frozen at creation. */
  bill(entries: readonly BillLine[], nowMs: number): void {
    this.tick(nowMs);
    bill(this.#state, entries, nowMs);
  }

  confirmOnChain(hashes: readonly string[]): void {
    for (const hash of hashes) {
      const record = this.#state.records.get(hash);
      if (record !== undefined && isLive(record)) confirm(record);
    }
  }

  /** At once, and for every account, as if the job had never run. */
  runRemovalJob(nowMs: number): void {
    this.tick(nowMs);
    runRemovalJob(this.#state, 0, nowMs);
  }

  runGarbageCollection(nowMs: number): void {
    this.tick(nowMs);
    runGarbageCollection(this.#state, nowMs);
  }

  /** The database stays; the memory of recent messages is lost, so that repeats are judged again. */
  restart(): void {
    this.#state.recent.clear();
  }

  /** Judges a rejected message anew, as a node does that had not judged it before. False if it is not rejected here. */
  revive(hash: string, nowMs: number): boolean {
    this.tick(nowMs);
    const revived = revive(this.#state, hash, this.#nowMs);
    this.tick(nowMs);
    return revived;
  }

  setLie(lie: Lie | undefined): void {
    this.#lie = lie;
  }

  lie(): Lie | undefined {
    return this.#lie;
  }

  setKnobs(knobs: Partial<CoreKnobs>): void {
    this.#knobs = { ...this.#knobs, ...knobs };
  }

  knobs(): CoreKnobs {
    return this.#knobs;
  }

  snapshot(): Json {
    const held = { lie: (this.#lie ?? null) as Json, knobs: { ...this.#knobs } };
    return { core: toSnapshot(this.#state, this.#nowMs, this.#seeds), ...held };
  }

  /** False, and nothing changed, if it is no snapshot of a core node. */
  restore(value: Json): boolean {
    const outer = value as { readonly core?: Json; readonly lie?: Lie | null; readonly knobs?: CoreKnobs } | null;
    const taken = outer?.core === undefined ? undefined : fromSnapshot(outer.core, this.#seeds);
    if (taken === undefined) return false;
    this.#state = taken.state;
    this.#nowMs = taken.nowMs;
    this.#lie = outer?.lie ?? undefined;
    this.setKnobs(outer?.knobs ?? {});
    return true;
  }

  get #times(): IntakeTimes {
    const { processingMs: processingDelayMs } = this.#knobs;
    const retryAt = (hash: string, attempt: number) => retryMoment(this.#knobs, this.id, hash, attempt);
    return { processingDelayMs, confirmAfterMs: this.#defaults.confirmAfterMs, retryAt };
  }

  #view(): View {
    return {
      state: this.#state,
      nowMs: this.#nowMs,
      lie: this.#lie,
      version: this.#defaults.version ?? "version-unavailable",
      publish: (raw) => this.#publish(raw),
      verdictOn: (hash, heard) => this.#verdictOn(hash, heard),
    };
  }

  #publish(raw: Json): boolean {
    const heard = ingest(this.#state, raw, this.#nowMs, this.#times);
    this.onPublish(raw, this.id, this.#nowMs);
    return heard;
  }

  #verdictOn(hash: string, heard: boolean): Answer {
    if (!heard) return later(SILENCE_MS, () => broadcast("pending"));
    const dueMs = this.#state.records.get(hash)?.pending?.dueMs ?? this.#nowMs;
    const verdict = () => {
      this.tick(Math.max(dueMs, this.#nowMs));
      const status = this.#state.records.get(hash)?.status;
      if (status === "rejected" || status === "pending") return broadcast(status);
      return broadcast("processed");
    };
    return dueMs <= this.#nowMs ? verdict() : later(dueMs - this.#nowMs, verdict);
  }

  #nextDue(): Due | undefined {
    return nextDue(this.#state, this.#defaults, (record) => this.#judge(record));
  }

  #judge(record: MessageRecord): void {
    const { creditPublishers = [CREDIT_PUBLISHER] } = this.#defaults;
    judgePending(this.#state, record, { creditPublishers }, this.#nowMs, this.#times);
  }
}
