/**
 * One history: a seed decides the faults, the commands and their times; the checker looks after every event; then all that
 * can heal does, and what has to come to an end must. A generator: it yields wherever promises have to settle.
 */
import { SimAccount } from "./account.ts";
import type { World } from "./world.ts";
import { Wire } from "./calls.ts";
import { checkFound } from "./check-orphans.ts";
import { checkArmed } from "./check-armed.ts";
import { type Broken, Checker } from "./checker.ts";
import { Agents } from "./commands.ts";
import { Dice } from "./dice.ts";
import { drawBad, drawFaults, FAULT_KINDS, NO_FAULTS } from "./faults.ts";
import { Hardship } from "./hardship.ts";
import { atRest, checkRest, checkWatched } from "./rest.ts";
import { Mischief } from "./mischief.ts";
import { Leaver } from "./leaver.ts";
import { type Core, CoreNetwork } from "./network.ts";
import { Nodes } from "./nodes.ts";
import { Owners } from "./owner.ts";
import { type Opening, openingOf, type Stage } from "./openings.ts";
import { Sometimes } from "./sometimes.ts";
import { Timeline } from "./timeline.ts";
import { WatchModel } from "./watch.ts";

export const COMMANDS = 64;
const START_MS = Date.UTC(2026, 2, 1);
const MIN = 60_000;
const HEALED_FOR_MS = 14 * 60 * MIN;
const LOOK_EVERY_MS = 10 * MIN;
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
  const opening = openingOf(seed);
  const time = new Timeline(opening.startMs ?? START_MS);
  const startedMs = time.nowMs;
  const faults = drawFaults(dice);
  const drawn = drawBad(dice, faults);
  const core = new CoreNetwork(dice, time, faults, opening.bad === undefined ? drawn : opening.bad);
  const nodes = new Nodes(dice, time, core);
  core.onWord = (message, one) => nodes.heard(message, one);
  const seen = new Sometimes();
  const calm = FAULT_KINDS.every(([name]) => faults[name] === 0) && opening.quiet === true;
  const checker = new Checker(core, time, seen, calm);
  if (trace !== null) checker.trace = (line) => trace(`${((time.nowMs - startedMs) / 1_000).toFixed(1)} s ${line}`);
  const wire = new Wire(dice, time, core, nodes, seen);
  const watch = new WatchModel(dice, time, core, seen);
  const judge = {
    committed: (account: SimAccount) => checker.committed(account),
    sends: (account: SimAccount, ...message: Parameters<Checker["sends"]> extends [unknown, ...infer R] ? R : never) =>
      checker.sends(account, ...message),
    putBack: (account: SimAccount) => {
      checker.putBack(account, watch.seqOf(account.name));
      forgetCopies(nodes, account);
    },
    forgot: (account: SimAccount) => forgetCopies(nodes, account),
    restored: (account: SimAccount) => checker.noticed(account),
    lists: (account: SimAccount, one: Core) => checker.lists(account, one),
    payerRead: (...read: Parameters<Checker["payers"]["read"]>) => checker.payers.read(...read),
    fail: (invariant: string, what: string) => checker.fail(invariant, what),
  };
  const world: World = { dice, time, core, wire, watch, seen, judge };
  const accounts = cast(world);
  yield;
  const leaver = new Leaver(world, checker, seed);
  const run = new Run(world, nodes, checker, accounts, leaver, opening);
  run.begin();
  let events = 0;
  while (checker.broken === null && !run.over && time.step(run.untilMs)) {
    if (time.stirred) {
      time.stirred = false;
      yield;
    }
    for (const account of accounts) checker.payers.between(account);
    for (const account of accounts) checkArmed(checker, account, watch.dueOf(account.name));
    run.lookAtKeys();
    if (++events > EVENTS_MAX) checker.fail("I12", "the history does not come to rest");
  }
  if (checker.broken === null) for (const account of accounts) checkRest(checker, account, nodes);
  const { broken, traceHash } = checker;
  const virtualMs = time.nowMs - startedMs;
  return { seed, broken, traceHash, seen: seen.seen, calls: wire.calls, faulted: wire.faulted, events, virtualMs };
}

/** What it heard of machines on other nodes, and has not stored, it has never heard. */
function forgetCopies(nodes: Nodes, { payer, data }: SimAccount): void {
  for (const hash of payer.hashes) {
    const vm = data.vm(data.store.vmIdOfHash(hash) ?? "");
    const stored = vm?.attempts.find(({ itemHash }) => itemHash === hash)?.copies ?? [];
    nodes.unheard(
      hash,
      stored.map(({ node }) => node.nodeHash),
    );
  }
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
  private readonly hardships: readonly Hardship[];
  private readonly checker: Checker;
  private readonly unknownSince = new Map<string, number>();
  private readonly leaver: Leaver;
  private readonly keys = new Map<SimAccount, SimAccount["row"]["agentAddress"]>();
  private readonly nodes: Nodes;
  private readonly opening: Opening;
  private readonly atHeal: (() => void)[] = [];

  constructor(
    world: World,
    nodes: Nodes,
    checker: Checker,
    accounts: readonly SimAccount[],
    leaver: Leaver,
    opening: Opening,
  ) {
    this.world = world;
    this.leaver = leaver;
    this.accounts = accounts;
    this.checker = checker;
    this.nodes = nodes;
    this.opening = opening;
    this.agents = new Agents({ world, nodes, checker, accounts });
    this.owners = new Owners(world, checker, accounts);
    this.mischief = new Mischief(world.dice, world.time, world.core, nodes, world.seen);
    this.hardships = accounts.map((account) => new Hardship(world, account));
  }

  begin(): void {
    const { core, time } = this.world;
    const { faults } = core;
    const { opening } = this;
    // setting an account up is not what is under test
    core.faults = NO_FAULTS;
    for (const account of this.accounts) this.owners.settle(account, opening);
    this.checker.note(`opening ${opening.name}`);
    opening.play?.(this.stage());
    const begins = (): void => {
      core.faults = faults;
      this.command();
    };
    time.after(1_000 + (opening.lengthMs ?? 0), begins);
  }

  private stage(): Stage {
    const { world, nodes, checker, agents, owners, mischief } = this;
    const { time } = world;
    const account = this.accounts[0] as SimAccount;
    const at = (atMs: number, run: () => void): unknown => time.after(atMs, run);
    return { world, nodes, checker, agents, owners, mischief, account, at, atHeal: (run) => this.atHeal.push(run) };
  }

  lookAtKeys(): void {
    for (const account of this.accounts) {
      const { agentAddress } = account.row;
      this.leaver.checkKey(account, this.keys.get(account) ?? agentAddress);
      this.keys.set(account, agentAddress);
    }
  }

  private command(): void {
    const { dice, time } = this.world;
    this.mischief.turn();
    for (const one of this.hardships) one.turn();
    this.trouble(dice.pick(this.accounts));
    this.owners.meddle(dice.pick(this.accounts));
    if (dice.yes(0.78)) this.agents.turn();
    else this.owners.turn();
    for (const account of this.accounts) this.leaver.turn(account);
    if (--this.left > 0) time.after(this.pauseMs(), () => this.command());
    else time.after(10_000, () => this.heal());
  }

  private pauseMs(): number {
    const { dice } = this.world;
    const draw = dice.next();
    if (draw < 0.75) return dice.below(20_000);
    if (draw < 0.97) return dice.below(4 * MIN);
    if (draw < 0.999) return dice.below(40 * MIN);
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
      // now and then the reading that would tell is silent as well
      if (dice.yes(0.4)) account.payer.silentUntilMs = time.nowMs + dice.between(3, 60) * MIN;
      time.after(dice.between(3, 120) * MIN, () => {
        account.payer.delegated = true;
      });
    }
  }

  private heal(): void {
    const { time } = this.world;
    this.checker.note("healed");
    this.checker.healedMs = time.nowMs;
    this.world.wire.healed = true;
    this.mischief.heal();
    for (const one of this.hardships) one.heal();
    for (const account of this.accounts) account.heal();
    for (const run of this.atHeal) run();
    this.untilMs = time.nowMs + HEALED_FOR_MS;
    // what the waking itself finds belongs to the history as well
    time.after(LOOK_EVERY_MS, () => this.look());
  }

  private look(): void {
    const { time } = this.world;
    for (const account of this.accounts) {
      checkFound(this.checker, account, this.unknownSince);
      this.leaver.finish(account);
      checkWatched(this.checker, account);
    }
    this.over = this.accounts.every((account) => atRest(this.checker, account, this.nodes));
    if (!this.over) time.after(LOOK_EVERY_MS, () => this.look());
  }
}
