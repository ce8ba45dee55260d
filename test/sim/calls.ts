/**
 * The account's calls over the model of the network: requests and replies that get lost, doubled or delayed on the
 * virtual clock. An incarnation that has crashed never hears an answer.
 */
import type { Calls } from "../../src/aleph/calls.ts";
import { known, type Outcome, unknown, type Unknown } from "../../src/aleph/network.ts";
import type { PayerFacts, PayerReading } from "../../src/account/payer.ts";
import type { Dice } from "./dice.ts";
import { CORES, type Core, type CoreNetwork, type Payer } from "./network.ts";
import type { Nodes } from "./nodes.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";

const TIMEOUT_MS = 5_000;
const ATTO_PER_MILLI = 10n ** 15n;

/** One incarnation of an account, as its calls see it. */
export type Caller = {
  readonly payer: Payer;
  readonly isAlive: () => boolean;
  readonly crash: () => void;
  /** Told of each message before it leaves. */
  readonly sends: (kind: "INSTANCE" | "FORGET", hash: string, signature: string, target: string | null) => unknown;
};

export const attoOf = (price: number): bigint => BigInt(price) * ATTO_PER_MILLI;

export class Wire {
  calls = 0;
  faulted = 0;
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
    this.calls++;
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
    this.faulted++;
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
    this.faulted++;
    return undefined;
  }

  private lies<T>(core: Core, truth: T, lie: (truth: T) => T): T {
    if (this.core.honest(core)) return truth;
    this.faulted++;
    this.seen.see("a core node lies");
    return this.dice.yes(0.7) ? lie(truth) : truth;
  }

  over(caller: Caller): Calls {
    const { core: cores, nodes } = this;
    const onNode = <T>(origin: string, serve: () => T): Promise<Outcome<T>> =>
      this.ask(caller, () => {
        const down = nodes.isDown(nodes.at(origin)) || this.dice.yes(cores.faults.nodeLineDown);
        return down ? this.silent() : serve();
      });
    return {
      publish: (core, message) => {
        const kind = message.type === "INSTANCE" ? "INSTANCE" : "FORGET";
        const target =
          kind === "FORGET" ? (/"hashes":\["([0-9a-f]{64})"/.exec(message.item_content)?.[1] ?? null) : null;
        const { item_hash: hash } = message;
        caller.sends(kind, hash, message.signature, target);
        return this.ask(caller, () => {
          if (cores.isDown(core)) return this.silent();
          cores.post(core, { hash, kind, target, payer: caller.payer, byOwner: false });
          return "accepted" as const;
        });
      },
      messageStatus: (core, hash) =>
        this.ask(caller, () => {
          const word = cores.says(core, hash);
          if (!cores.honest(core)) this.faulted++;
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
      notify: (origin, hash) => onNode(origin, () => nodes.notify(hash)),
      execution: (origin, hash) =>
        onNode(origin, () =>
          nodes.isRunning(hash) ? { running: true, ipv4Host: "192.0.2.1", sshPort: 24_000 } : ("absent" as const),
        ),
      erase: (origin, hash) => onNode(origin, () => nodes.erase(hash)),
      schedulerView: () => this.ask(caller, () => "absent" as const),
    };
  }

  readPayer(caller: Caller): Promise<PayerFacts> {
    return this.ask(caller, () => true as const).then(() => this.payerNow(caller.payer));
  }

  /** What a front gathers for a decision; one of three may be missing, and one may lie. */
  payerNow(payer: Payer): PayerFacts {
    const { dice, core } = this;
    const perCore = CORES.map((one): PayerReading | null => {
      if (core.isDown(one) || payer.silentUntilMs > this.time.nowMs || dice.yes(core.faults.requestLost * 0.3))
        return null;
      const inForce = this.lies(one, payer.delegated, (truth) => !truth);
      const delegation = inForce ? "ok" : "missing";
      const credits = this.lies(one, payer.credits, () => 0);
      const hashes = payer.hashes.filter((hash) => core.messages.get(hash)?.words[one] === "processed");
      const lines = hashes.map((itemHash) => ({
        itemHash,
        rate: attoOf(core.messages.get(itemHash)?.frozen[one] ?? 0),
        consumedCredits: core.consumed(itemHash, this.time.nowMs - core.booksLagMs),
      }));
      return { credits, lots: [], lines, delegation };
    });
    return { perCore, asOfMs: this.time.nowMs };
  }
}

const answerOf = <T>(value: T | undefined, why: Unknown = "unreachable"): Outcome<T> =>
  value === undefined ? unknown(why) : known(value);
