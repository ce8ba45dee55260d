/**
 * The drive: reads what is due, claims it, acts, records, and arms the one alarm. Everything slow happens here.
 *
 * Started after commits, by the alarm and by the second clock. Two drives at once are harmless: effects are idempotent,
 * and a claim only saves work. Nothing that starts or tells anything leaves before `Watch` has acknowledged the commit that
 * allows it; what ends a machine waits for nobody.
 */
import type { Address } from "../crypto/secp256k1.ts";
import { faultOf } from "../fault.ts";
import type { Log } from "../ports.ts";
import { type AccountStep, accountSteps, isAccountStep, listSteps } from "./account-steps.ts";
import { type AccountWork, tendAccount } from "./account-work.ts";
import type { Signers } from "./attempts.ts";
import { FORGETS_AT_BIRTH, newForgets } from "./birth.ts";
import { type Learned, perform, signMore, type Trying } from "./effects.ts";
import type { Moment } from "./moment.ts";
import { DriveRoom } from "./drive-room.ts";
import type { PayerFacts } from "./payer.ts";
import type { Step, StepKind, Tried } from "./plan.ts";
import { learn, planned, signersOf, tend } from "./record.ts";
import type { Tools } from "./tools.ts";

/** Longer than the longest effect (an erase waits 45 s, its node's list 10 s), so that a claim outlives the work and no more. */
const CLAIM_MS = 60_000;
/** A deadline that passed without effect (a restored account voids nothing) must not ring the alarm without end. */
const DEADLINE_AGAIN_MS = 30_000;

export type DriveHost = {
  /** One synchronous transaction; counts a commit if anything was stored. */
  readonly commit: <T>(work: (moment: Moment) => T) => T;
  readonly read: <T>(work: (moment: Moment) => T) => T;
  readonly tools: (signers: Signers) => Tools;
  readonly readPayer: (owner: Address, agent: Address) => Promise<PayerFacts>;
  /** True once `Watch` has acknowledged the latest commit. */
  readonly report: (nextDueMs: number | null) => Promise<boolean>;
  /** Asks `Watch` once after waking: what it says decides what may be voided, so it comes before the first look. */
  readonly hear: () => Promise<void>;
  readonly arm: (dueMs: number | null) => void;
  readonly changed: () => void;
  readonly reached: (answered: boolean) => void;
  readonly log: Log;
};

type Claimed = { readonly step: AnyStep; readonly tried: Tried };
type AnyStep = Step | AccountStep;
/**
 * What goes on while `Watch` is silent, were it for days: its bytes were stored long ago, it can neither start nor prolong
 * anything, and a second clock that fails must not keep machines alive.
 */
const ENDING: ReadonlySet<string> = new Set<StepKind>(["erase", "copies", "erase_copy", "end", "push", "replenish"]);
const waitsForWatch = ({ step }: Claimed): boolean => !ENDING.has(step.kind);

/** Written down as tried before it is, so that no other run begins it meanwhile. */
function claimStep(moment: Moment, step: AnyStep): Claimed {
  const tries = (moment.store.loadLog(step.vmId).get(step.key)?.tries ?? 0) + 1;
  const tried = { lastMs: moment.nowMs, tries, leaseUntilMs: moment.nowMs + CLAIM_MS };
  moment.store.saveTried(step.key, step.vmId, tried);
  moment.touched = true;
  return { step, tried };
}

export class Drive {
  private readonly host: DriveHost;
  private inFlight = 0;
  /** Steps whose result could not be stored: the run that started them fails with the first. */
  private readonly failures: unknown[] = [];
  private readonly room = new DriveRoom();
  private running: Promise<void> | undefined;
  private again = false;
  private wakeUp: (() => void) | undefined;
  /** The lists are read at start: what happened meanwhile, nobody else tells. */
  private listsRead = false;
  /** The time by which all deadlines of then were looked at: only those may have passed without effect. */
  private lookedMs = 0;

  private readonly work: AccountWork;

  constructor(host: DriveHost) {
    this.host = host;
    const { commit, read, readPayer, reached } = host;
    const listsRead = (): void => void (this.listsRead = true);
    this.work = { commit, read, readPayer, reached, tools: () => this.tools(), listsRead };
  }

  /** Resolves when nothing is due any more; a call during a run makes that run look again. */
  run(): Promise<void> {
    this.again = true;
    this.wakeUp?.();
    this.running ??= this.loop().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async loop(): Promise<void> {
    await this.host.hear();
    while (this.again || this.inFlight > 0) {
      this.again = false;
      const { due, nextMs } = this.look();
      const claimed = due ? this.claim() : [];
      const heard = await this.host.report(due ? this.nextDueMs() : nextMs);
      const withheld = heard ? [] : claimed.filter(waitsForWatch);
      if (withheld.length > 0) this.release(withheld);
      for (const one of claimed) if (!withheld.includes(one)) this.start(one, heard);
      this.host.arm(this.nextDueMs());
      if (!this.again && this.inFlight > 0) await this.somethingHappens();
      if (this.failures.length > 0) throw this.failures.splice(0)[0];
    }
  }

  /** A call of `run`, or the end of a step in flight. */
  private somethingHappens(): Promise<void> {
    return new Promise((resolve) => {
      this.wakeUp = resolve;
    });
  }

  private tools(): Tools {
    return this.host.tools(this.host.read((moment) => signersOf(moment, moment.account.delegation !== "missing")));
  }

  /** What there is to do, due or not. */
  private steps(moment: Moment, ofVms: readonly Step[]): readonly AnyStep[] {
    const steps = [...ofVms, ...accountSteps(moment, this.tools().keys)];
    return [...steps, ...listSteps(moment, this.listsRead)];
  }

  /** Deadlines are steps too, so while nothing is due no transaction is opened. One reading of the tables answers both. */
  private look(): { readonly due: boolean; readonly nextMs: number | null } {
    return this.host.read((moment) => {
      const { steps, timeDecides } = planned(moment);
      const all = this.steps(moment, steps);
      const due = timeDecides || all.some(({ dueMs }) => dueMs <= moment.nowMs);
      return { due, nextMs: this.earliestOf(all, moment.nowMs) };
    });
  }

  private earliestOf(steps: readonly AnyStep[], nowMs: number): number | null {
    let nextMs = Infinity;
    for (const { kind, dueMs } of steps) {
      const passed = kind === "deadline" && dueMs <= this.lookedMs;
      nextMs = Math.min(nextMs, passed ? nowMs + DEADLINE_AGAIN_MS : dueMs);
    }
    return nextMs === Infinity ? null : nextMs;
  }

  /** Also asked between a call's decision and the drive that it starts: a deadline that nobody looked at is due at once. */
  nextDueMs(): number | null {
    return this.look().nextMs;
  }

  private claim(): readonly Claimed[] {
    return this.commit((moment) => {
      tend(moment);
      this.lookedMs = moment.nowMs;
      const due = this.steps(moment, planned(moment).steps).filter(
        ({ dueMs, kind }) => dueMs <= moment.nowMs && kind !== "deadline",
      );
      // room goes to those that wait longest, or the first VMs would take it again and again
      const room = new Set(due.toSorted((a, b) => a.dueMs - b.dueMs).filter(this.room.fitting()));
      return due.filter((step) => room.has(step)).map((step) => claimStep(moment, step));
    });
  }

  /** `Watch` was silent: the claims are given back as if nothing had been tried, and looked at again in a while. */
  private release(claimed: readonly Claimed[]): void {
    this.host.commit((moment) => {
      const leaseUntilMs = moment.nowMs + 5_000;
      for (const { step, tried } of claimed)
        moment.store.saveTried(step.key, step.vmId, { lastMs: 0, tries: tried.tries - 1, leaseUntilMs });
    });
  }

  private start(claimed: Claimed, heard: boolean): void {
    const leave = this.room.take(claimed.step);
    this.inFlight++;
    const ended = (): void => {
      leave();
      this.inFlight--;
      this.again = true;
      this.wakeUp?.();
    };
    void this.act(claimed, heard).then(ended, (error: unknown) => {
      this.failures.push(error);
      ended();
    });
  }

  private async act({ step, tried }: Claimed, heard: boolean): Promise<void> {
    const done = (moment: Moment): void =>
      moment.store.saveTried(step.key, step.vmId, { ...tried, lastMs: moment.nowMs, leaseUntilMs: 0 });
    try {
      if (!isAccountStep(step)) await this.tendVm(step, { ...tried, heard }, done);
      else {
        await tendAccount(this.work, step);
        this.host.commit(done);
      }
    } catch (error) {
      // An effect must not throw; if one does, nothing of it is stored and the plan tries it again.
      this.host.log("drive.step_failed", { step: step.kind, ...faultOf(error) });
      this.host.commit(done);
    }
    this.host.changed();
  }

  /** What was learnt and that it was tried are one transaction. */
  private async tendVm(step: Step, tried: Trying, done: (moment: Moment) => void): Promise<void> {
    const vm = this.host.read((moment) => moment.store.loadVm(step.vmId));
    if (vm === undefined) return this.host.commit(done);
    const tools = this.tools();
    const learned =
      step.kind === "replenish" ? await this.moreForgets(step, tools) : await perform(tools, vm, step, tried);
    this.noteReach(learned);
    this.commit((moment) => {
      done(moment);
      learn(moment, step, learned, tools.signers.delegationInForce);
    });
  }

  /** What a change says of a node is told to the directory once it is stored. */
  private commit<T>(work: (moment: Moment) => T): T {
    const { result, seen } = this.host.commit((moment) => ({ result: work(moment), seen: moment.seen }));
    const nodes = seen.length === 0 ? undefined : this.tools().nodes;
    for (const one of seen) nodes?.seen(one);
    return result;
  }

  private noteReach(learned: readonly Learned[]): void {
    for (const one of learned) if (one.kind === "round") this.host.reached(one.said.some((word) => word !== null));
  }

  private async moreForgets(step: Step, tools: Tools): Promise<readonly Learned[]> {
    const { sender, fresh } = this.host.read((moment) => {
      const vm = moment.store.loadVm(step.vmId);
      const attempt = vm?.attempts.find((one) => one.itemHash === step.itemHash);
      const before = { before: vm?.forgets ?? [] };
      const forgets = attempt === undefined ? [] : newForgets(moment, attempt, FORGETS_AT_BIRTH, before);
      return { sender: moment.account.agentAddress, fresh: forgets };
    });
    return fresh.length === 0 ? [] : signMore(tools.keys, sender, fresh);
  }
}
