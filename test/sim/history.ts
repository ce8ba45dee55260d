/**
 * One history: a seed decides the faults, the commands and their times; the checker looks after every event; then all that
 * can heal does, and what has to come to an end must. A generator: it yields wherever promises have to settle.
 */
import { SimAccount } from "./account.ts";
import type { World } from "./world.ts";
import { Wire } from "./calls.ts";
import { type Broken, Checker } from "./checker.ts";
import { Agents } from "./commands.ts";
import { Dice } from "./dice.ts";
import { drawBad, drawFaults, FAULT_KINDS } from "./faults.ts";
import { atRest, checkRest } from "./rest.ts";
import { Mischief } from "./mischief.ts";
import { CoreNetwork } from "./network.ts";
import { Nodes } from "./nodes.ts";
import { Owners } from "./owner.ts";
import { Sometimes } from "./sometimes.ts";
import { Timeline } from "./timeline.ts";
import { WatchModel } from "./watch.ts";

export const COMMANDS = 64;
const START_MS = Date.UTC(2026, 2, 1);
const MIN = 60_000;
const HEALED_FOR_MS = 14 * 60 * MIN;
/** A drive that spins without end would otherwise hang the run. */
const EVENTS_MAX = 150_000;

export type Outcome = {
  readonly seed: number;
  readonly broken: Broken | null;
  readonly traceHash: number;
  readonly seen: ReadonlyMap<string, number>;
  readonly calls: number;
  readonly faulted: number;
  readonly events: number;
  readonly virtualMs: number;
};

/** Who plays the accounts; the real objects may take the place of the simulated ones. */
export type Cast = (world: World) => readonly SimAccount[];

const simulated: Cast = (world) =>
  Array.from({ length: world.dice.yes(0.3) ? 2 : 1 }, (_, index) => new SimAccount(world, index));

export function* history(
  seed: number,
  trace: ((line: string) => void) | null,
  cast: Cast = simulated,
): Generator<void, Outcome> {
  const dice = new Dice(seed);
  const time = new Timeline(START_MS);
  const faults = drawFaults(dice);
  const core = new CoreNetwork(dice, time, faults, drawBad(dice, faults));
  const nodes = new Nodes(dice, time, core);
  core.onWord = (message, one) => nodes.heard(message, one);
  const seen = new Sometimes();
  const calm = FAULT_KINDS.every(([name]) => faults[name] === 0);
  const checker = new Checker(core, time, seen, calm);
  if (trace !== null) checker.trace = (line) => trace(`${((time.nowMs - START_MS) / 1_000).toFixed(1)} s ${line}`);
  const wire = new Wire(dice, time, core, nodes, seen);
  const watch = new WatchModel(dice, time, core, seen);
  const judge = {
    committed: (account: SimAccount) => checker.committed(account),
    sends: (account: SimAccount, ...message: Parameters<Checker["sends"]> extends [unknown, ...infer R] ? R : never) =>
      checker.sends(account, ...message),
    fail: (invariant: string, what: string) => checker.fail(invariant, what),
  };
  const world: World = { dice, time, core, wire, watch, seen, judge };
  const accounts = cast(world);
  yield;
  const run = new Run(world, nodes, checker, accounts);
  run.begin();
  let events = 0;
  while (checker.broken === null && !run.over && time.step(run.untilMs)) {
    if (time.stirred) {
      time.stirred = false;
      yield;
    }
    for (const account of accounts) checker.armed(account, watch.dueOf(account.name));
    if (++events > EVENTS_MAX) checker.fail("I12", "the history does not come to rest");
  }
  if (checker.broken === null) for (const account of accounts) checkRest(checker, account);
  const { broken, traceHash } = checker;
  const virtualMs = time.nowMs - START_MS;
  return { seed, broken, traceHash, seen: seen.seen, calls: wire.calls, faulted: wire.faulted, events, virtualMs };
}

class Run {
  over = false;
  untilMs = Infinity;
  private left = COMMANDS;
  private readonly world: World;
  private readonly accounts: readonly SimAccount[];
  private readonly agents: Agents;
  private readonly owners: Owners;
  private readonly mischief: Mischief;
  private readonly checker: Checker;

  constructor(world: World, nodes: Nodes, checker: Checker, accounts: readonly SimAccount[]) {
    this.world = world;
    this.accounts = accounts;
    this.checker = checker;
    this.agents = new Agents({ world, nodes, checker, accounts });
    this.owners = new Owners(world, checker, accounts);
    this.mischief = new Mischief(world.dice, world.time, world.core, nodes, world.seen);
  }

  begin(): void {
    const { core, time } = this.world;
    const { faults } = core;
    // setting an account up is not what is under test
    core.faults = { ...faults, crashAtCommand: 0, asleep: 0, watchSilent: 0 };
    for (const account of this.accounts) this.owners.settle(account);
    core.faults = faults;
    time.after(1_000, () => this.command());
  }

  private command(): void {
    const { dice, time } = this.world;
    this.mischief.turn();
    this.trouble(dice.pick(this.accounts));
    if (dice.yes(0.78)) this.agents.turn();
    else this.owners.turn();
    if (--this.left > 0) time.after(this.pauseMs(), () => this.command());
    else time.after(10_000, () => this.heal());
  }

  private pauseMs(): number {
    const { dice } = this.world;
    const draw = dice.next();
    if (draw < 0.7) return dice.below(20_000);
    if (draw < 0.96) return dice.below(4 * MIN);
    if (draw < 0.997) return dice.below(50 * MIN);
    return dice.between(3, 26) * 60 * MIN;
  }

  /** What befalls one account rather than the network. */
  private trouble(account: SimAccount): void {
    const { dice, core, time, seen } = this.world;
    const { faults } = core;
    if (dice.yes(0.06)) account.remember();
    if (dice.yes(faults.restore)) account.restore();
    if (dice.yes(faults.clockBack)) {
      seen.see("the clock steps back");
      account.clockBack(dice.pick([30_000, 110_000, 600_000]), dice.between(1, 20) * MIN);
    }
    if (dice.yes(faults.keyGone) && !account.keyGone) {
      seen.see("the agent key is gone");
      account.keyGone = true;
    }
    if (dice.yes(faults.delegationGone) && account.payer.delegated) {
      seen.see("the delegation vanishes");
      account.payer.delegated = false;
      time.after(dice.between(3, 120) * MIN, () => {
        account.payer.delegated = true;
      });
    }
  }

  private heal(): void {
    const { time } = this.world;
    this.checker.note("healed");
    this.mischief.heal();
    for (const account of this.accounts) account.heal();
    this.untilMs = time.nowMs + HEALED_FOR_MS;
    this.look();
  }

  private look(): void {
    const { time } = this.world;
    this.over = this.accounts.every((account) => atRest(this.checker, account));
    if (!this.over) time.after(30 * MIN, () => this.look());
  }
}
