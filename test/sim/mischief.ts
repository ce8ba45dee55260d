/** What happens to the network by itself between two commands, and what healing it means. Chances come from the faults. */
import type { CoreWord } from "../../src/account/types.ts";
import type { Dice } from "./dice.ts";
import { NO_FAULTS } from "./faults.ts";
import { CORES, type CoreNetwork, type Core, type Message } from "./network.ts";
import type { Nodes } from "./nodes.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";

const MIN = 60_000;

export class Mischief {
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

  /** Called once a command. */
  turn(): void {
    const { dice, core } = this;
    const { faults } = core;
    if (dice.yes(faults.outage)) this.outage();
    if (dice.yes(faults.rejects)) this.poorFor(CORES);
    if (dice.yes(faults.rejectsOnOne)) this.poorFor([dice.pick(CORES)]);
    if (dice.yes(faults.revival)) this.revive();
    if (dice.yes(faults.removal)) this.remove();
    if (dice.yes(faults.forgottenElsewhere)) this.elsewhere();
    if (dice.yes(faults.priceUp)) this.reprice();
    if (dice.yes(faults.nodeDown))
      this.nodes.down(dice.pick(this.nodes.all), this.time.nowMs + dice.between(1, 60) * MIN);
    if (dice.yes(faults.runsElsewhere)) this.runElsewhere();
    if (dice.yes(faults.nodeClaims)) this.claim();
  }

  /** Only the one bad node is ever down on its own; with a liar about, nobody else is. */
  private outage(): void {
    const { bad } = this.core;
    if (bad !== null) return;
    const core = dice3(this.dice);
    if (CORES.some((one) => this.core.isDown(one))) return;
    this.core.downUntilMs[core] = this.time.nowMs + this.dice.between(1, 90) * MIN;
    this.seen.see("a core node is down");
  }

  private poorFor(cores: readonly Core[]): void {
    for (const core of cores) this.core.poor[core] = true;
    this.time.after(this.dice.between(1, 30) * MIN, () => {
      for (const core of cores) this.core.poor[core] = false;
    });
  }

  private instances(is: (word: CoreWord) => boolean): Message[] {
    return [...this.core.messages.values()].filter((one) => one.kind === "INSTANCE" && one.words.some(is));
  }

  /** A refused create comes back: somebody sends it again, or the on-chain copy is read. */
  revive(everywhere = false): void {
    const refused = this.instances((word) => word === "rejected");
    if (refused.length === 0) return;
    const one = this.dice.pick(refused);
    this.seen.see("a refused create is revived");
    for (const core of CORES) {
      if (one.words[core] !== "rejected" || (!everywhere && this.dice.yes(0.3))) continue;
      this.core.set(one, core, "pending");
      this.time.after(this.dice.below(5_000), () => this.core.judge(core, one));
    }
  }

  private remove(): void {
    const running = this.instances((word) => word === "processed");
    if (running.length === 0) return;
    const one = this.dice.pick(running);
    const comesBack = this.dice.yes(0.3);
    this.seen.see("the network removes a VM");
    for (const core of CORES) {
      this.time.after(this.dice.below(MIN), () => {
        if (one.words[core] === "processed") this.core.set(one, core, "removing");
      });
      this.time.after(this.dice.between(2, 30) * MIN, () => {
        if (one.words[core] === "removing") this.core.set(one, core, comesBack ? "processed" : "removed");
      });
    }
  }

  private elsewhere(): void {
    const running = this.instances((word) => word === "processed");
    if (running.length === 0) return;
    const one = this.dice.pick(running);
    this.seen.see("the owner forgets a VM elsewhere");
    const forget = {
      hash: `owner-${this.core.messages.size}`,
      kind: "FORGET",
      target: one.hash,
      byOwner: true,
      bytes: null,
    } as const;
    this.core.post(this.dice.pick(CORES), { ...forget, payer: one.payer });
  }

  private reprice(): void {
    this.core.price = Math.max(1_000, Math.round(this.core.price * (0.7 + this.dice.next() * 0.8)));
    this.seen.see("the price changes");
  }

  /** A node starts what was given to another: it was moved there, or revived. Half of them stop by an erase alone. */
  runElsewhere(stubborn = this.dice.yes(0.5)): void {
    const running = this.instances(() => true).filter(({ hash }) => this.core.honestWith(hash, isProcessed) >= 2);
    if (running.length === 0 || !this.nodes.startElsewhere(this.dice.pick(running).hash, stubborn)) return;
    this.seen.see("a VM runs on another node as well");
  }

  private claim(): void {
    this.dice.pick(this.nodes.all).claimsUntilMs = this.time.nowMs + this.dice.between(10, 240) * MIN;
    this.seen.see("a node claims to run what it does not");
  }

  /** Everything that can get well does; a liar goes on lying and a node that is down for ever stays down. */
  heal(): void {
    this.core.faults = NO_FAULTS;
    for (const core of CORES) {
      this.core.poor[core] = false;
      this.core.downUntilMs[core] = 0;
    }
    for (const message of this.core.messages.values()) message.lost = false;
    this.core.spreadLists();
    this.nodes.heal();
  }

  /** A core node that restarts forgets which messages it has seen lately. */
  restartCores(): void {
    for (const message of this.core.messages.values()) message.recent.fill(false);
  }
}

const isProcessed = (word: CoreWord): boolean => word === "processed";
const dice3 = (dice: Dice): Core => dice.pick(CORES);
