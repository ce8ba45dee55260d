/**
 * A model of the network's core nodes, written from the protocol's documents and sharing nothing with the client: three
 * nodes that gossip and judge each for itself, FORGETs that are retried for 811 s, refusals that revive, removal, and the
 * bill by measured seconds. At most one node is bad; what is true is kept apart from what a node says.
 */
import { Inventories } from "./inventories.ts";
import type { ListedMessage } from "../../src/aleph/core-lists.ts";
import type { CoreWord } from "../../src/account/types.ts";
import type { Dice } from "./dice.ts";
import type { Bad, Faults } from "./faults.ts";
import type { Purse } from "./purse.ts";
import type { Timeline } from "./timeline.ts";

export type Core = 0 | 1 | 2;
export const CORES: readonly Core[] = [0, 1, 2];

/** What a message carries, as every copy of it does; the channel is not signed, so copies may name another. */
export type Bytes = {
  readonly content: string;
  readonly signature: `0x${string}`;
  readonly sender: string;
  readonly timeS: number;
};

export type Message = {
  readonly hash: string;
  readonly kind: "INSTANCE" | "FORGET" | "AGGREGATE";
  readonly target: string | null;
  readonly payer: Payer;
  readonly byOwner: boolean;
  readonly bytes: Bytes | null;
  readonly channel: string;
  /** Whose key signed it; the owner's own needs no permission. */
  readonly sender?: string;
  readonly list?: List;
  /** When an honest core node last had it alive. */
  aliveAtMs: number;
  readonly words: [CoreWord, CoreWord, CoreWord];
  /** Dropped as a repeat by this node's memory of recent messages. */
  readonly recent: [boolean, boolean, boolean];
  /** Credits per 1,000 s that a node froze when it accepted the message. */
  readonly frozen: [number, number, number];
  readonly spans: { fromMs: number; toMs: number }[];
  billedSinceMs: number | null;
  /** Credits per 1,000 s. */
  billedRate: number;
  /** When a core node last began to have it alive. */
  aliveSinceMs: number;
  /** Of an expense that is published hours after all others: in the credit history, and in no bill before. */
  readonly lateCredits: number;
  /** Swallowed by the network: no node ever keeps it. */
  lost: boolean;
};

/** The owner's list as a core node keeps it: whom it lets in, and since when it says so. */
export type List = { readonly timeS: number; readonly letsIn: readonly string[] };
export type Payer = {
  readonly index: number;
  /** False while the delegation has vanished by itself, whatever the lists say. */
  delegated: boolean;
  /** Until then no core node says anything of the payer; messages are judged all the same. */
  silentUntilMs: number;
  readonly purse: Purse;
  readonly hashes: string[];
  readonly lists: [List, List, List];
};
type Draft = Pick<Message, "hash" | "kind" | "target" | "payer" | "byOwner" | "bytes" | "sender" | "list">;

const FORGET_RETRY_MS = 811_000;
const TAIL_MS = 180_000;
/** After every settlement, before the history is read. */
const LATE_MS = 4 * 3_600_000;
const alive = (word: CoreWord): boolean => word === "processed" || word === "removing";

export class CoreNetwork {
  readonly inventories = new Inventories();
  faults: Faults;
  bad: Bad;
  readonly messages = new Map<string, Message>();
  /** `hash word` of every word that an honest core node ever had for an instance. */
  readonly everSaid = new Set<string>();
  readonly poor: [boolean, boolean, boolean] = [false, false, false];
  readonly downUntilMs: [number, number, number] = [0, 0, 0];
  /** Credits per 1,000 s for the one shape that histories rent. */
  price: number;
  readonly booksLagMs: number;
  onWord: (message: Message, core: Core) => void = () => undefined;
  private readonly dice: Dice;
  private readonly time: Timeline;

  constructor(dice: Dice, time: Timeline, faults: Faults, bad: Bad) {
    this.dice = dice;
    this.time = time;
    this.faults = faults;
    this.bad = bad;
    this.price = dice.between(2_000, 9_000);
    this.booksLagMs = dice.between(13, 85) * 60_000;
  }

  honest(core: Core): boolean {
    return this.bad === null || this.bad.core !== core || this.bad.kind !== "liar";
  }

  isDown(core: Core): boolean {
    const gone = this.bad?.kind === "down_for_ever" && this.bad.core === core;
    return gone || this.downUntilMs[core] > this.time.nowMs;
  }

  /** How many honest core nodes really have it alive. */
  aliveOn(hash: string): number {
    const message = this.messages.get(hash);
    if (message === undefined) return 0;
    return CORES.filter((core) => this.honest(core) && alive(message.words[core])).length;
  }

  has(core: Core, hash: string, is: (word: CoreWord) => boolean): boolean {
    return is(this.messages.get(hash)?.words[core] ?? "absent");
  }

  honestWith(hash: string, is: (word: CoreWord) => boolean): number {
    const message = this.messages.get(hash);
    return CORES.filter((core) => this.honest(core) && is(message?.words[core] ?? "absent")).length;
  }

  letsIn(core: Core, payer: Payer, sender: string): boolean {
    return payer.delegated && payer.lists[core].letsIn.includes(sender);
  }

  private mayAct(core: Core, { byOwner, payer, sender }: Message): boolean {
    return byOwner || (sender !== undefined && this.letsIn(core, payer, sender));
  }

  post(core: Core, draft: Draft): void {
    const message = this.messages.get(draft.hash) ?? this.keep(draft);
    if (!this.honest(core) && this.dice.yes(0.7)) return;
    this.receive(core, message, false);
  }

  private keep(draft: Draft): Message {
    const lost = draft.kind === "INSTANCE" && this.dice.yes(this.faults.createSwallowed);
    const message: Message = {
      ...draft,
      channel: this.dice.yes(0.15) ? "SOMEBODY" : "ALLOWANCE",
      aliveAtMs: 0,
      words: ["absent", "absent", "absent"],
      recent: [false, false, false],
      frozen: [0, 0, 0],
      spans: [],
      billedSinceMs: null,
      billedRate: 0,
      aliveSinceMs: 0,
      lateCredits: this.dice.yes(this.faults.lateExpense) ? this.dice.pick([3, 5_000, 400_000]) : 0,
      lost,
    };
    this.messages.set(draft.hash, message);
    if (draft.kind === "INSTANCE") draft.payer.hashes.push(draft.hash);
    return message;
  }

  private receive(core: Core, message: Message, gossip: boolean): void {
    if (this.isDown(core) || message.lost) return;
    const word = message.words[core];
    if (word !== "absent" && word !== "rejected") return;
    if (word === "rejected" && message.recent[core]) return;
    message.recent[core] = true;
    this.set(message, core, "pending");
    const delayMs = this.dice.yes(0.5) ? 0 : this.dice.below(4_000);
    if (message.kind !== "FORGET") this.soon(delayMs, () => this.judge(core, message));
    else this.soon(delayMs, () => this.forget(core, message, this.time.nowMs + FORGET_RETRY_MS));
    if (gossip) return;
    for (const other of CORES)
      if (other !== core && !this.dice.yes(this.faults.gossipLost))
        this.time.after(500 + this.dice.below(5_000), () => this.receive(other, message, true));
  }

  private soon(delayMs: number, run: () => void): void {
    if (delayMs === 0) run();
    else this.time.after(delayMs, run);
  }

  judge(core: Core, message: Message): void {
    if (message.words[core] !== "pending") return;
    if (message.list !== undefined) return this.replace(core, message, message.list);
    const accepts = this.mayAct(core, message) && !this.poor[core];
    if (accepts && message.frozen[core] === 0) message.frozen[core] = this.price;
    this.set(message, core, accepts ? "processed" : "rejected");
  }

  /** The newest list counts, whenever it arrives. */
  private replace(core: Core, message: Message, list: List): void {
    if (list.timeS > message.payer.lists[core].timeS) message.payer.lists[core] = list;
    this.set(message, core, "processed");
  }

  /** What gossip lost comes another way in the end: a list that one honest core node has taken in, all have. */
  spreadLists(): void {
    for (const message of this.messages.values()) {
      const { list, words } = message;
      if (list === undefined || !CORES.some((core) => this.honest(core) && words[core] === "processed")) continue;
      for (const core of CORES) if (words[core] !== "processed") this.replace(core, message, list);
    }
  }

  private forget(core: Core, message: Message, deadlineMs: number): void {
    if (message.words[core] !== "pending") return;
    if (!this.mayAct(core, message)) return this.set(message, core, "rejected");
    const target = this.messages.get(message.target ?? "");
    if (target !== undefined && alive(target.words[core])) {
      this.set(message, core, "processed");
      return this.set(target, core, "forgotten");
    }
    if (this.time.nowMs >= deadlineMs) return this.set(message, core, "rejected");
    this.time.after(120_000, () => this.forget(core, message, deadlineMs));
  }

  set(message: Message, core: Core, word: CoreWord): void {
    const was = message.words[core];
    if (alive(word) && !alive(message.words[core])) message.aliveSinceMs = this.time.nowMs;
    message.words[core] = word;
    if (message.kind !== "INSTANCE") return;
    if (this.honest(core)) this.everSaid.add(`${message.hash} ${word}`);
    if (this.honest(core) && (alive(word) || alive(was))) message.aliveAtMs = this.time.nowMs;
    this.meter(message);
    this.onWord(message, core);
  }

  /** The network bills while most of its core nodes have the instance, and up to three minutes longer. */
  private meter(message: Message): void {
    const on = message.words.filter(alive).length >= 2;
    if (on) {
      message.billedSinceMs ??= this.time.nowMs;
      // the price of the first bill stays, whatever a late core node freezes
      if (message.billedRate === 0) message.billedRate = Math.max(...message.frozen);
    } else if (message.billedSinceMs !== null) {
      const toMs = this.time.nowMs + this.dice.below(TAIL_MS);
      const last = message.spans.at(-1);
      const fromMs = Math.max(message.billedSinceMs, last?.toMs ?? 0);
      message.spans.push({ fromMs, toMs: Math.max(fromMs, toMs) });
      message.billedSinceMs = null;
    }
  }

  /** What had been consumed by `untilMs`, rounded up line by line as the network does. */
  consumed(hash: string, untilMs: number): number {
    const message = this.messages.get(hash);
    if (message === undefined) return 0;
    const open = message.billedSinceMs === null ? [] : [{ fromMs: message.billedSinceMs, toMs: this.time.nowMs }];
    let sum = 0;
    for (const { fromMs, toMs } of [...message.spans, ...open]) {
      const ms = Math.max(0, Math.min(toMs, untilMs) - fromMs);
      if (ms > 0) sum += Math.ceil((message.billedRate * ms) / 1_000_000);
    }
    return sum;
  }

  /** The sum of the expense rows that the books show at `atMs`; a late one hours after the first span. */
  history(hash: string, atMs: number): number {
    const message = this.messages.get(hash);
    const overMs = message?.spans[0]?.toMs ?? Infinity;
    const late = atMs - overMs >= LATE_MS ? (message?.lateCredits ?? 0) : 0;
    return this.consumed(hash, atMs - this.booksLagMs) + late;
  }

  /** When an honest core node last had it alive: now, or until its word changed. */
  lastAliveMs(hash: string): number {
    return this.aliveOn(hash) > 0 ? this.time.nowMs : (this.messages.get(hash)?.aliveAtMs ?? 0);
  }

  /** The instances of a payer that a core node lists as alive. A liar hides them, or shows what has long ended. */
  listed(core: Core, payer: Payer): readonly Message[] {
    const all = payer.hashes.flatMap((hash) => this.messages.get(hash) ?? []).filter((one) => one.bytes !== null);
    if (this.honest(core)) return all.filter((one) => alive(one.words[core]));
    return this.dice.yes(0.5) ? all : all.filter(() => this.dice.yes(0.3));
  }

  /** The owner's own signed lists that a core node has taken in. */
  securityMessages(core: Core, payer: Payer): readonly ListedMessage[] {
    const taken = [...this.messages.values()].filter(
      (one) => one.kind === "AGGREGATE" && one.payer === payer && one.words[core] === "processed",
    );
    return taken.flatMap(({ hash, bytes, channel }) => {
      if (bytes === null) return [];
      const { content: item_content, signature, sender, timeS } = bytes;
      return [{ sender, chain: "ETH", type: "AGGREGATE", channel, item_hash: hash, item_content, signature, timeS }];
    });
  }

  /** What a core node answers; `null`: nothing at all. */
  says(core: Core, hash: string): CoreWord | null {
    if (this.isDown(core)) return null;
    const message = this.messages.get(hash);
    const truth = message?.words[core] ?? "absent";
    if (this.honest(core) || this.bad === null) return truth;
    const { lie } = this.bad;
    if (message?.kind === "FORGET") return lie === "about_forgets" ? "rejected" : truth;
    if (lie === "about_forgets") return truth;
    if (lie === "random")
      return this.dice.pick(["processed", "rejected", "forgotten", "absent", "pending", "removing"] as const);
    if (lie === "dormant_alive")
      return this.honestWith(hash, (word) => word === "rejected") > 0 ? "processed" : "rejected";
    return lie;
  }
}
