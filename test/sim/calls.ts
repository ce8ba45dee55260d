/**
 * The account's calls over the model of the network: requests and replies that get lost, doubled or delayed on the
 * virtual clock. An incarnation that has crashed never hears an answer.
 */
import type { Calls, ListAsk } from "../../src/aleph/calls.ts";
import type { SignedMessage } from "../../src/aleph/message.ts";
import type { ListedInstance } from "../../src/aleph/core-lists.ts";
import { known, type Outcome, unknown, type Unknown } from "../../src/aleph/network.ts";
import type { SchedulerView } from "../../src/aleph/scheduler.ts";
import type { Nodes as NodesDoor } from "../../src/account/next-node.ts";
import type { PayerFacts, PayerReading } from "../../src/account/payer.ts";
import type { Dice } from "./dice.ts";
import { isInventory } from "./inventories.ts";
import { CORES, type Core, type CoreNetwork, type Message, type Payer } from "./network.ts";
import { CHANCES, type Node, type Nodes } from "./nodes.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";

const TIMEOUT_MS = 5_000;
const ATTO_PER_MILLI = 10n ** 15n;

/** One incarnation of an account, as its calls see it. */
export type Caller = {
  readonly payer: Payer;
  readonly owner: string;
  readonly isAlive: () => boolean;
  readonly crash: () => void;
  /** Told of each list of its own that a core node gives. */
  readonly lists: (core: Core) => unknown;
  /** Told of each message before it leaves. */
  readonly sends: (kind: "INSTANCE" | "FORGET", hash: string, signature: string, target: string | null) => unknown;
};

export const attoOf = (price: number): bigint => BigInt(price) * ATTO_PER_MILLI;

export class Wire {
  calls = 0;
  faulted = 0;
  /** From then on calls are not counted: nothing goes wrong any more, by design. */
  healed = false;
  private readonly dice: Dice;
  private readonly time: Timeline;
  private readonly core: CoreNetwork;
  private readonly nodes: Nodes;
  private readonly seen: Sometimes;

  constructor(dice: Dice, time: Timeline, core: CoreNetwork, nodes: Nodes, seen: Sometimes) {
    this.dice = dice;
    this.time = time;
    this.core = core;
    this.nodes = nodes;
    this.seen = seen;
  }

  /** The request may be lost before it is served, the reply after it; `serve` answers undefined when nobody is there. */
  private ask<T>(caller: Caller, serve: () => T | undefined): Promise<Outcome<T>> {
    const { faults } = this.core;
    const { dice } = this;
    if (!caller.isAlive()) return new Promise(() => undefined);
    if (!this.healed) this.calls++;
    if (dice.yes(faults.crashAtCall)) {
      this.seen.see("a crash with calls on their way");
      this.time.after(dice.below(3_000), caller.crash);
    }
    if (dice.yes(faults.requestLost)) return this.later(caller, TIMEOUT_MS, () => unknown("timeout"));
    if (dice.yes(faults.replyLost)) {
      serve();
      return this.later(caller, TIMEOUT_MS, () => unknown("timeout"));
    }
    if (dice.yes(faults.duplicate)) this.time.after(dice.below(20_000), () => void serve());
    if (dice.yes(faults.slow)) {
      const arrivesMs = dice.below(2_000);
      return new Promise((resolve) => {
        this.time.after(arrivesMs, () => {
          const reply = answerOf(serve());
          this.time.after(dice.below(2_000), () => this.resolve(caller, () => resolve(reply)));
        });
      });
    }
    return Promise.resolve(answerOf(serve()));
  }

  private later<T>(caller: Caller, delayMs: number, reply: () => Outcome<T>): Promise<Outcome<T>> {
    this.countFault();
    return new Promise((resolve) => {
      this.time.after(delayMs, () => this.resolve(caller, () => resolve(reply())));
    });
  }

  private resolve(caller: Caller, tell: () => void): void {
    if (!caller.isAlive()) return;
    this.time.stirred = true;
    tell();
  }

  /** Silence of the one asked, counted as a fault: a node that is down, a line that is. */
  private silent(): undefined {
    this.countFault();
    return undefined;
  }

  private lies<T>(core: Core, truth: T, lie: (truth: T) => T): T {
    if (this.core.honest(core)) return truth;
    this.countFault();
    this.seen.see("a core node lies");
    return this.dice.yes(0.7) ? lie(truth) : truth;
  }

  over(caller: Caller): Calls {
    const { core: cores, nodes } = this;
    const onNode = <T>(origin: string, serve: (node: Node) => T): Promise<Outcome<T>> =>
      this.ask(caller, () => {
        const node = nodes.at(origin);
        const down = nodes.isDown(node) || this.dice.yes(cores.faults.nodeLineDown);
        return down ? this.silent() : serve(node);
      });
    return {
      publish: (core, message) => {
        if (isInventory(message)) return this.takeInventory(caller, core, message);
        const kind = message.type === "POST" ? "FORGET" : message.type;
        const target =
          kind === "FORGET" ? (/"hashes":\["([0-9a-f]{64})"/.exec(message.item_content)?.[1] ?? null) : null;
        const { item_hash: hash, sender } = message;
        const byOwner = sender === caller.owner;
        const list = kind === "AGGREGATE" ? { timeS: message.time, letsIn: letIn(message.item_content) } : undefined;
        if (kind !== "AGGREGATE") caller.sends(kind, hash, message.signature, target);
        return this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          const { item_content: content, signature, time: timeS } = message;
          const bytes = { content, signature, sender, timeS };
          const about = { hash, kind, target, payer: caller.payer, byOwner, sender, bytes };
          cores.post(core, list === undefined ? about : { ...about, list });
          return "accepted" as const;
        });
      },
      messageStatus: (core, hash) =>
        this.ask(caller, () => {
          const known = this.core.inventories.has(core, hash) && !cores.isDown(core) && cores.honest(core);
          const word = known ? "processed" : cores.says(core, hash);
          if (!cores.honest(core)) this.countFault();
          return word === null ? this.silent() : { status: word };
        }),
      frozenRate: (core, hash) =>
        this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          const rate = cores.messages.get(hash)?.frozen[core] ?? 0;
          return rate === 0 ? "absent" : this.lies(core, attoOf(rate), (truth) => truth * 3n);
        }),
      consumedCredits: (core, hash) =>
        this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          return this.lies(core, cores.consumed(hash, this.time.nowMs - cores.booksLagMs), (truth) =>
            truth === 0 ? 900_000 : 0,
          );
        }),
      historyCharges: (core, payer, hash) =>
        this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          const truth = payer === caller.owner ? cores.history(hash, this.time.nowMs) : 0;
          return this.lies(core, truth, () => (this.dice.yes(0.5) ? 0 : truth + 900_000));
        }),
      notify: (origin, hash) => onNode(origin, (node) => nodes.notify(node, hash)),
      execution: async (origin, hash) => {
        const listed = await onNode(origin, (node) =>
          nodes.says(node, hash)
            ? { running: true, ipv4Host: "192.0.2.1", ipv6: "2001:db8::1", forwards: nodes.forwardsOf(hash) }
            : ("absent" as const),
        );
        nodes.heardBy(nodes.at(origin), hash, CHANCES);
        return listed;
      },
      refreshForwards: (origin, hash) => onNode(origin, (node) => nodes.refreshForwards(node, hash)),
      erase: (origin, hash) =>
        onNode(origin, (node) => {
          if (nodes.isCopy(node, hash)) this.seen.see("a copy on another node is torn down");
          return nodes.erase(node, hash);
        }),
      liveInstances: (core, whose) =>
        this.ask(caller, () => {
          const listed = this.listed(core, caller.payer, whose);
          if (listed !== undefined && whose.senders !== undefined) caller.lists(core);
          return listed;
        }),
      aggregate: (core, address) =>
        this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          return this.lies(core, this.core.inventories.shown(core, address), (): "absent" => "absent");
        }),
      securityMessages: (core) =>
        this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          return this.lies(core, cores.securityMessages(core, caller.payer), () => []);
        }),
      schedulerView: async (hash) => {
        const view = await this.ask(caller, () => this.scheduled(hash));
        if (view.ok && view.value !== "absent") for (const one of view.value.observedNodes) nodes.noteNamed(one, hash);
        return view;
      },
    };
  }

  /** Where it was seen; a scheduler may name anybody, or nobody. */
  private scheduled(hash: string): SchedulerView | "absent" {
    const running = this.nodes.runningOn(hash);
    const lies = this.dice.yes(this.core.faults.schedulerLies);
    const observed = lies ? this.nodes.all.filter(() => this.dice.yes(0.5)) : running;
    if (observed.length === 0) return "absent";
    const status = observed.length > 1 ? "duplicated" : "dispatched";
    return { allocatedNode: null, observedNodes: observed.map(({ nodeHash }) => nodeHash), status };
  }

  private takeInventory(caller: Caller, core: Core, message: SignedMessage): Promise<Outcome<"accepted">> {
    return this.ask(caller, () => {
      if (this.core.isDown(core)) return this.silent();
      this.core.inventories.take(core, message);
      return "accepted" as const;
    });
  }

  private countFault(): void {
    if (!this.healed) this.faulted++;
  }

  /** The directory, seen from an account; what it keeps of failures is tested elsewhere. */
  nodesFor(caller: Caller): NodesDoor {
    return {
      next: async ({ exclude }) => {
        const found = await this.ask(caller, () => {
          const fit = this.nodes.answering().filter((node) => !exclude.includes(node.nodeHash));
          return fit.length === 0 ? this.silent() : this.dice.pick(fit);
        });
        if (!found.ok) return null;
        const { nodeHash, origin, domain, termsHash } = found.value;
        return { nodeHash, origin, domain, ...(termsHash === undefined ? {} : { termsHash }) };
      },
      known: async (nodeHash) => {
        const found = await this.ask(caller, () => this.nodes.byHash(nodeHash));
        if (!found.ok) this.nodes.addressLost(nodeHash);
        return found.ok ? { nodeHash, origin: found.value.origin, domain: found.value.domain } : null;
      },
      failed: async () => (await this.ask(caller, () => true as const)).ok,
      // told without waiting, so it takes no part in a history
      seen: () => undefined,
    };
  }

  /** Undefined: the core node is down. By senders each comes with its bytes, by owner alone with the payer's other machine. */
  private listed(core: Core, payer: Payer, whose: ListAsk): readonly ListedInstance[] | undefined {
    if (this.core.isDown(core)) return this.silent();
    if (!this.core.honest(core)) this.countFault();
    // a filter of the network's that the service must not use; a planted bug does
    const { channel } = whose as { readonly channel?: string };
    const found = this.core.listed(core, payer).filter((one) => channel === undefined || one.channel === channel);
    const listed = found.flatMap((one) => listedAs(one, whose));
    return whose.senders === undefined ? [...listed, FOREIGN] : listed;
  }

  readPayer(caller: Caller, agent: string): Promise<PayerFacts> {
    return this.ask(caller, () => true as const).then(() => this.payerNow(caller.payer, agent));
  }

  /** What a front gathers for a decision; one of three may be missing, and one may lie. */
  payerNow(payer: Payer, agent: string): PayerFacts {
    const { dice, core } = this;
    const perCore = CORES.map((one): PayerReading | null => {
      if (core.isDown(one) || payer.silentUntilMs > this.time.nowMs || dice.yes(core.faults.requestLost * 0.3))
        return null;
      const inForce = this.lies(one, core.letsIn(one, payer, agent), (truth) => !truth);
      const delegation = inForce ? "ok" : "missing";
      const { credits, lots, lines } = this.lies(one, this.money(one, payer), (truth) => this.lie(truth));
      return { credits, lots, lines, delegation };
    });
    return { perCore, asOfMs: this.time.nowMs, agent };
  }

  /** Balance, lots and lines as an honest core node has them. */
  private money(core: Core, { purse, hashes }: Payer): Money {
    const { nowMs } = this.time;
    const ours = hashes.flatMap((itemHash) => {
      const message = this.core.messages.get(itemHash);
      const word = message?.words[core];
      if (word !== "processed" && word !== "removing") return [];
      return { itemHash, rate: attoOf(message?.frozen[core] ?? 0), consumedCredits: purse.billed(itemHash, nowMs) };
    });
    const theirs = purse.running(nowMs).map((one) => ({
      itemHash: one.hash,
      rate: attoOf(one.rate),
      consumedCredits: purse.foreignBilled(one, nowMs),
    }));
    return { credits: purse.balanceAt(nowMs), lots: purse.lotsAt(nowMs), lines: [...theirs, ...ours] };
  }

  /** Nothing is left, or plenty; nobody else burns, or everybody was billed a fortune. */
  private lie(truth: Money): Money {
    const draw = this.dice.next();
    if (draw < 0.4) return { ...truth, credits: 0, lots: [] };
    if (draw < 0.7) return { ...truth, credits: truth.credits * 10 + 9_000_000, lots: [], lines: [] };
    return {
      ...truth,
      lines: truth.lines.map((line) => ({ ...line, consumedCredits: line.consumedCredits + 900_000 })),
    };
  }
}

/** The owner's own machine, which nobody here ever touches. */
export const FOREIGN: ListedInstance = { itemHash: "f0".repeat(32), sender: "0xforeign", owner: "0xowner", timeS: 1 };

type Content = { readonly owner: string; readonly allowance: NonNullable<ListedInstance["allowance"]> };
const contents = new WeakMap<object, Content>();
/** The same message is listed many times; it is parsed once. */
function readContent(bytes: { readonly content: string }): Content {
  const known = contents.get(bytes);
  if (known !== undefined) return known;
  const { address, metadata } = JSON.parse(bytes.content) as {
    address: string;
    metadata: { allowance: { vm_id: string; expires_at: string } };
  };
  const { vm_id: vmId, expires_at } = metadata.allowance;
  const read = { owner: address, allowance: { vmId, expiresAtMs: Date.parse(expires_at) } };
  contents.set(bytes, read);
  return read;
}

function listedAs({ hash, bytes }: Message, { senders }: ListAsk): readonly ListedInstance[] {
  if (bytes === null || (senders !== undefined && !senders.includes(bytes.sender))) return [];
  const { content, signature, sender, timeS } = bytes;
  const { owner, allowance } = readContent(bytes);
  const listed = { itemHash: hash, sender, owner, timeS, allowance };
  if (senders === undefined) return [listed];
  return [{ ...listed, signed: { itemHash: hash, sender, itemContent: content, signature, timeS } }];
}
const letIn = (content: string): readonly string[] => {
  const { content: list } = JSON.parse(content) as { content: { authorizations: { address: string }[] } };
  return list.authorizations.map((entry) => entry.address);
};
type Money = Pick<PayerReading, "credits" | "lots" | "lines">;

const answerOf = <T>(value: T | undefined, why: Unknown = "unreachable"): Outcome<T> =>
  value === undefined ? unknown(why) : known(value);
