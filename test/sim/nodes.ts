/**
 * A model of the compute nodes and the scheduler: a node starts what it is told of and what its core node shows alive,
 * stops three polls after that ended, and may be dead, full, or never boot a machine.
 */
import type { Mapped } from "../../src/aleph/forwards.ts";
import type { CoreWord, NodeRef } from "../../src/account/types.ts";
import type { Dice } from "./dice.ts";
import type { Core, CoreNetwork, Message } from "./network.ts";
import type { Timeline } from "./timeline.ts";

export type Node = NodeRef & { downUntilMs: number };
type Machine = { readonly bootAtMs: number; stopAtMs: number };

const THREE_POLLS_MS = 180_000;
const alive = (word: CoreWord): boolean => word === "processed" || word === "removing";

export class Nodes {
  readonly all: readonly Node[];
  private readonly machines = new Map<string, Machine>();
  private readonly refreshed = new Set<string>();
  private readonly refused = new Map<string, boolean>();
  private readonly dice: Dice;
  private readonly time: Timeline;
  private readonly core: CoreNetwork;

  constructor(dice: Dice, time: Timeline, core: CoreNetwork) {
    this.dice = dice;
    this.time = time;
    this.core = core;
    this.all = ["a", "b", "c", "d", "e"].map((name) => ({
      nodeHash: name.repeat(64),
      origin: `https://${name}.example`,
      domain: `${name}.example`,
      // the third is a poor one: a policy may ask for better
      scorePct: name === "c" ? 85 : 99,
      downUntilMs: 0,
    }));
  }

  at(origin: string): Node {
    return this.all.find((node) => node.origin === origin) ?? (this.all[0] as Node);
  }

  /** Those that a search would find: they answer, whatever becomes of a machine on them. */
  answering(): readonly Node[] {
    return this.all.filter((node) => !this.isDown(node));
  }

  down(node: Node, untilMs: number): void {
    node.downUntilMs = untilMs;
  }

  heal(): void {
    for (const node of this.all) node.downUntilMs = 0;
  }

  isDown(node: Node): boolean {
    return node.downUntilMs > this.time.nowMs;
  }

  /** Called with every change of a word: the node that follows this core node acts on it. */
  heard(message: Message, core: Core): void {
    const machine = this.machines.get(message.hash);
    if (machine === undefined || this.followed(message) !== core) return;
    if (alive(message.words[core])) machine.stopAtMs = Infinity;
    else machine.stopAtMs = Math.min(machine.stopAtMs, this.time.nowMs + THREE_POLLS_MS);
  }

  /** The core node that the machine's node listens to. */
  private followed(message: Message): Core {
    return (message.hash.charCodeAt(0) % 3) as Core;
  }

  /** Every fourth machine's node has lost what it ought to forward, until it is told to read it anew. */
  forwardsOf(hash: string): readonly Mapped[] {
    const lost = hash.charCodeAt(1) % 4 === 0 && !this.refreshed.has(hash);
    return lost ? [] : [{ port: 22, protocol: "tcp", hostPort: 24_000 }];
  }

  refreshForwards(hash: string): "done" | "absent" {
    if (!this.isRunning(hash)) return "absent";
    this.refreshed.add(hash);
    return "done";
  }

  notify(hash: string): "started" | "retry" | "no_capacity" {
    const message = this.core.messages.get(hash);
    if (message === undefined || !alive(message.words[this.followed(message)])) return "retry";
    if (this.refuses(hash)) return "no_capacity";
    if (!this.machines.has(hash)) {
      const bootMs = this.dice.yes(this.core.faults.neverBoots) ? Infinity : this.dice.between(2, 40) * 1_000;
      this.machines.set(hash, { bootAtMs: this.time.nowMs + bootMs, stopAtMs: Infinity });
    }
    return "started";
  }

  /** A full node stays full for the machine that it has refused. */
  private refuses(hash: string): boolean {
    const refuses = this.refused.get(hash) ?? (!this.machines.has(hash) && this.dice.yes(this.core.faults.nodeRefuses));
    this.refused.set(hash, refuses);
    return refuses;
  }

  isRunning(hash: string): boolean {
    const machine = this.machines.get(hash);
    return machine !== undefined && machine.bootAtMs <= this.time.nowMs && machine.stopAtMs > this.time.nowMs;
  }

  erase(hash: string): "erased" | "absent" {
    const machine = this.machines.get(hash);
    if (machine === undefined) return "absent";
    machine.stopAtMs = Math.min(machine.stopAtMs, this.time.nowMs);
    return "erased";
  }
}
