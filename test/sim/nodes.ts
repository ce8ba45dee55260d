/**
 * A model of the compute nodes: a node starts what it is told of and what its core node shows alive, stops three polls after
 * that ended, and may be dead, full, or never boot a machine. One may run what it was never given, and not even stop when
 * its core node says so; one may claim to run whatever it is asked for.
 */
import type { Mapped } from "../../src/aleph/forwards.ts";
import type { CoreWord, NodeRef } from "../../src/account/types.ts";
import type { Dice } from "./dice.ts";
import type { Core, CoreNetwork, Message } from "./network.ts";
import type { Timeline } from "./timeline.ts";

export type Node = NodeRef & { downUntilMs: number; claimsUntilMs: number };
/** `stubborn`: ended by an erase alone. */
type Machine = { readonly bootAtMs: number; stopAtMs: number; readonly stubborn: boolean };

export const TERMS = "7".repeat(64);
const THREE_POLLS_MS = 180_000;
/** So often the scheduler has to name it, if it was never asked itself. */
export const CHANCES = 8;
const alive = (word: CoreWord): boolean => word === "processed" || word === "removing";

export class Nodes {
  readonly all: readonly Node[];
  /** By hash, then by node. */
  private readonly machines = new Map<string, Map<Node, Machine>>();
  private readonly givenTo = new Map<string, Node>();
  private readonly heardOf = new Map<string, number>();
  /** What the scheduler has named each node for, lately. */
  private readonly named = new Map<Node, string>();
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
      // the fourth asks its users to accept terms
      ...(name === "d" ? { termsHash: TERMS } : {}),
      downUntilMs: 0,
      claimsUntilMs: 0,
    }));
  }

  at(origin: string): Node {
    return this.all.find((node) => node.origin === origin) ?? (this.all[0] as Node);
  }

  byHash(nodeHash: string): Node | undefined {
    return this.all.find((node) => node.nodeHash === nodeHash);
  }

  /** Those that a search would find: they answer, whatever becomes of a machine on them. */
  answering(): readonly Node[] {
    return this.all.filter((node) => !this.isDown(node));
  }

  down(node: Node, untilMs: number): void {
    node.downUntilMs = untilMs;
  }

  heal(): void {
    for (const node of this.all) Object.assign(node, { downUntilMs: 0, claimsUntilMs: 0 });
  }

  isDown(node: Node): boolean {
    return node.downUntilMs > this.time.nowMs;
  }

  /** Called with every change of a word: the nodes that follow this core node act on it. */
  heard(message: Message, core: Core): void {
    if (this.followed(message) !== core) return;
    for (const [node, machine] of this.machines.get(message.hash) ?? []) {
      // a stubborn one heeds no core node, neither to stop nor to run again after an erase
      if (machine.stubborn) continue;
      if (alive(message.words[core])) this.goOn(node, message.hash, machine);
      else machine.stopAtMs = Math.min(machine.stopAtMs, this.time.nowMs + THREE_POLLS_MS);
    }
  }

  /** One that had stopped is as good as started anew. */
  private goOn(node: Node, hash: string, machine: Machine): void {
    if (machine.stopAtMs <= this.time.nowMs) this.start(node, hash, { ...machine, stopAtMs: Infinity });
    else machine.stopAtMs = Infinity;
  }

  /** The core node that the machine's nodes listen to. */
  private followed(message: Message): Core {
    return (message.hash.charCodeAt(0) % 3) as Core;
  }

  /** Every fourth machine's node has lost what it ought to forward, until it is told to read it anew. */
  forwardsOf(hash: string): readonly Mapped[] {
    const lost = hash.charCodeAt(1) % 4 === 0 && !this.refreshed.has(hash);
    return lost ? [] : [{ port: 22, protocol: "tcp", hostPort: 24_000 }];
  }

  refreshForwards(node: Node, hash: string): "done" | "absent" {
    if (!this.isRunning(node, hash)) return "absent";
    this.refreshed.add(hash);
    return "done";
  }

  notify(node: Node, hash: string): "started" | "retry" | "no_capacity" {
    const message = this.core.messages.get(hash);
    if (message === undefined || !alive(message.words[this.followed(message)])) return "retry";
    if (this.refuses(hash)) return "no_capacity";
    this.givenTo.set(hash, node);
    if (this.machines.get(hash)?.has(node) !== true) {
      const bootMs = this.dice.yes(this.core.faults.neverBoots) ? Infinity : this.dice.between(2, 40) * 1_000;
      this.start(node, hash, { bootAtMs: this.time.nowMs + bootMs, stopAtMs: Infinity, stubborn: false });
    }
    return "started";
  }

  /** A machine that is started anew has never been heard of. */
  private start(node: Node, hash: string, machine: Machine): void {
    this.heardOf.delete(`${hash} ${node.nodeHash}`);
    this.machines.set(hash, (this.machines.get(hash) ?? new Map<Node, Machine>()).set(node, machine));
  }

  /** What was given to one node runs on another as well; false: it was given to none, or there is no other. */
  startElsewhere(hash: string, stubborn: boolean): boolean {
    const given = this.givenTo.get(hash);
    const others = this.all.filter((node) => node !== given && !this.isRunning(node, hash));
    if (given === undefined || others.length === 0) return false;
    this.start(this.dice.pick(others), hash, { bootAtMs: this.time.nowMs, stopAtMs: Infinity, stubborn });
    return true;
  }

  /** A full node stays full for the machine that it has refused. */
  private refuses(hash: string): boolean {
    const refuses = this.refused.get(hash) ?? (!this.machines.has(hash) && this.dice.yes(this.core.faults.nodeRefuses));
    this.refused.set(hash, refuses);
    return refuses;
  }

  private isRunning(node: Node, hash: string): boolean {
    const machine = this.machines.get(hash)?.get(node);
    return machine !== undefined && machine.bootAtMs <= this.time.nowMs && machine.stopAtMs > this.time.nowMs;
  }

  /** What the node's own list says; of what it was given no node lies here. */
  says(node: Node, hash: string): boolean {
    const claims = node.claimsUntilMs > this.time.nowMs && this.givenTo.get(hash) !== node;
    return claims || this.isRunning(node, hash);
  }

  /** Where it really runs. */
  runningOn(hash: string): readonly Node[] {
    return this.all.filter((node) => this.isRunning(node, hash));
  }

  erase(node: Node, hash: string): "erased" | "absent" {
    const machine = this.machines.get(hash)?.get(node);
    if (machine === undefined) return "absent";
    machine.stopAtMs = Math.min(machine.stopAtMs, this.time.nowMs);
    return "erased";
  }

  /** The account has heard of the scheduler, or of the node itself, whether it runs there; each time is a chance to act. */
  heardBy(node: Node | undefined, hash: string, times: number): void {
    if (node === undefined || !this.isRunning(node, hash)) return;
    const key = `${hash} ${node.nodeHash}`;
    this.heardOf.set(key, (this.heardOf.get(key) ?? 0) + times);
  }

  /** Its account has lost what it had heard of this one, but for the nodes that it has stored. */
  unheard(hash: string, stored: readonly string[]): void {
    for (const { nodeHash } of this.all) if (!stored.includes(nodeHash)) this.heardOf.delete(`${hash} ${nodeHash}`);
  }

  /** Each naming is a chance to find it while it can be asked, unless its address is lost on the way. */
  noteNamed(nodeHash: string, hash: string): void {
    const node = this.byHash(nodeHash);
    if (node === undefined || this.isDown(node)) return;
    this.named.set(node, hash);
    this.heardBy(node, hash, 1);
  }

  addressLost(nodeHash: string): void {
    const node = this.byHash(nodeHash);
    const hash = node === undefined ? undefined : this.named.get(node);
    if (hash !== undefined) this.heardBy(node, hash, -1);
  }

  /** A copy that a liar hides at every look, or whose address was lost on the way each time, nobody can find. */
  isKnownCopy(node: Node, hash: string): boolean {
    return this.isCopy(node, hash) && (this.heardOf.get(`${hash} ${node.nodeHash}`) ?? 0) >= CHANCES;
  }

  isCopy(node: Node, hash: string): boolean {
    return this.givenTo.get(hash) !== node && this.isRunning(node, hash);
  }
}
