/**
 * The drive: reads what is due, claims it, acts, records, and arms the one alarm. Everything slow happens here.
 *
 * Started after commits, by the alarm and by the second clock. Two drives at once are harmless: effects are idempotent,
 * and a claim only saves work. Nothing leaves before `Watch` has acknowledged the commit that allows it.
 */
import type { Address } from "../crypto/secp256k1.ts";
import type { Log } from "../ports.ts";
import { isGoneEverywhere } from "./attempts.ts";
import { FORGETS_AT_BIRTH, newForgets } from "./birth.ts";
import { type Learned, perform, signMore, type Tools } from "./effects.ts";
import { isLive } from "./lifecycle.ts";
import type { Moment } from "./moment.ts";
import { delegationOf, type PayerFacts, readings } from "./payer.ts";
import { backoff, type Step, type Tried } from "./plan.ts";
import { learn, plannedSteps, tend, timeDecides } from "./record.ts";
import { relay } from "./relay.ts";
import type { VmRecord } from "./types.ts";

/** Longer than the longest effect (an erase waits 45 s), so that a claim outlives the work and no more. */
const CLAIM_MS = 50_000;
const PAYER_EVERY_MS = 300_000;
/** Six is the platform's limit for a request; calls to core nodes must never wait behind nodes (design.md §7). */
const NODE_CALLS_MAX = 3;
const NODE_STEPS: ReadonlySet<string> = new Set(["dispatch", "node", "erase"]);
/** A deadline that passed without effect (a restored account voids nothing) must not ring the alarm without end. */
const DEADLINE_AGAIN_MS = 30_000;
const ACCOUNT = "account";

export type DriveHost = {
  /** One synchronous transaction; counts a commit if anything was stored. */
  readonly commit: <T>(work: (moment: Moment) => T) => T;
  readonly read: <T>(work: (moment: Moment) => T) => T;
  readonly tools: (delegationInForce: boolean) => Tools;
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
type AccountStep = {
  readonly key: string;
  readonly kind: "payer" | "relay";
  readonly vmId: typeof ACCOUNT;
  readonly itemHash: string;
  readonly dueMs: number;
};

type AnyStep = Step | AccountStep;
const isAccountStep = (step: AnyStep): step is AccountStep => step.kind === "payer" || step.kind === "relay";

export class Drive {
  private readonly host: DriveHost;
  private inFlight = 0;
  /** Steps whose result could not be stored: the run that started them fails with the first. */
  private readonly failures: unknown[] = [];
  private nodeCalls = 0;
  private running: Promise<void> | undefined;
  private again = false;
  private wakeUp: (() => void) | undefined;

  constructor(host: DriveHost) {
    this.host = host;
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
      const claimed = this.anythingDue() ? this.claim() : [];
      if (await this.host.report(this.nextDueMs())) for (const one of claimed) this.start(one);
      else if (claimed.length > 0) this.release(claimed);
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

  private steps(moment: Moment): readonly AnyStep[] {
    return [...plannedSteps(moment), ...accountSteps(moment)];
  }

  /** Deadlines are steps too, so while nothing is due no transaction is opened. */
  private anythingDue(): boolean {
    return this.host.read(
      (moment) => this.steps(moment).some(({ dueMs }) => dueMs <= moment.nowMs) || timeDecides(moment),
    );
  }

  nextDueMs(): number | null {
    return this.host.read((moment) => {
      let nextMs = Infinity;
      for (const { kind, dueMs } of this.steps(moment)) {
        const passed = kind === "deadline" && dueMs <= moment.nowMs;
        nextMs = Math.min(nextMs, passed ? moment.nowMs + DEADLINE_AGAIN_MS : dueMs);
      }
      return nextMs === Infinity ? null : nextMs;
    });
  }

  private claim(): readonly Claimed[] {
    return this.host.commit((moment) => {
      tend(moment);
      let room = NODE_CALLS_MAX - this.nodeCalls;
      const due = this.steps(moment).filter(
        (step) => step.dueMs <= moment.nowMs && step.kind !== "deadline" && (!NODE_STEPS.has(step.kind) || room-- > 0),
      );
      return due.map((step) => {
        const tries = (moment.store.loadLog(step.vmId).get(step.key)?.tries ?? 0) + 1;
        const tried = { lastMs: moment.nowMs, tries, leaseUntilMs: moment.nowMs + CLAIM_MS };
        moment.store.saveTried(step.key, step.vmId, tried);
        moment.touched = true;
        return { step, tried };
      });
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

  private start(claimed: Claimed): void {
    const onNode = NODE_STEPS.has(claimed.step.kind) ? 1 : 0;
    this.nodeCalls += onNode;
    this.inFlight++;
    const ended = (): void => {
      this.nodeCalls -= onNode;
      this.inFlight--;
      this.again = true;
      this.wakeUp?.();
    };
    void this.act(claimed).then(ended, (error: unknown) => {
      this.failures.push(error);
      ended();
    });
  }

  private async act({ step, tried }: Claimed): Promise<void> {
    const done = (moment: Moment): void =>
      moment.store.saveTried(step.key, step.vmId, { ...tried, lastMs: moment.nowMs, leaseUntilMs: 0 });
    try {
      if (!isAccountStep(step)) await this.tendVm(step, tried, done);
      else {
        await (step.kind === "payer" ? this.readPayer() : this.relay(step.itemHash));
        this.host.commit(done);
      }
    } catch (error) {
      // An effect must not throw; if one does, nothing of it is stored and the plan tries it again.
      this.host.log("drive.step_failed", { step: step.kind, error: error instanceof Error ? error.name : "unknown" });
      this.host.commit(done);
    }
    this.host.changed();
  }

  /** What was learnt and that it was tried are one transaction. */
  private async tendVm(step: Step, tried: Tried, done: (moment: Moment) => void): Promise<void> {
    const inForce = this.host.read((moment) => moment.account.delegation !== "missing");
    const vm = this.host.read((moment) => moment.store.loadVm(step.vmId));
    if (vm === undefined) return this.host.commit(done);
    const tools = this.host.tools(inForce);
    const learned =
      step.kind === "replenish" ? await this.moreForgets(step, tools) : await perform(tools, vm, step, tried);
    this.noteReach(learned);
    this.host.commit((moment) => {
      done(moment);
      learn(moment, step.vmId, learned, inForce);
    });
  }

  private noteReach(learned: readonly Learned[]): void {
    for (const one of learned) if (one.kind === "round") this.host.reached(one.said.some((word) => word !== null));
  }

  private moreForgets(step: Step, tools: Tools): Promise<readonly Learned[]> {
    const fresh = this.host.read((moment) => {
      const attempt = moment.store.loadVm(step.vmId)?.attempts.find((one) => one.itemHash === step.itemHash);
      return attempt === undefined ? [] : newForgets(moment, attempt, FORGETS_AT_BIRTH);
    });
    return signMore(tools.keys, (fresh[0]?.sender ?? "0x") as Address, fresh);
  }

  private async readPayer(): Promise<void> {
    const { owner, agentAddress } = this.host.read((moment) => moment.account);
    const facts = await this.host.readPayer(owner, agentAddress);
    this.host.reached(readings(facts).length > 0);
    this.host.commit((moment) => notePayer(moment, facts));
  }

  private async relay(itemHash: string): Promise<void> {
    const open = this.host.read((moment) => moment.store.openOwnerMessages().find((one) => one.itemHash === itemHash));
    if (open === undefined) return;
    const done = await relay(this.host.tools(true).calls, open.message);
    this.host.commit((moment) => moment.store.recordRelay(itemHash, done, moment.nowMs));
    if (done >= 2) await this.readPayer();
  }
}

/** Keeps a reading of the payer; two core nodes have to agree before a delegation counts as gone. */
export function notePayer(moment: Moment, facts: PayerFacts): void {
  const said = delegationOf(facts);
  const state = said === "unknown" ? moment.account.delegation : said;
  if (readings(facts).length > 0) moment.store.savePayer(state, facts);
  const live = moment.store.liveCount();
  if (state === "missing" && live > 0)
    moment.tellOwner("delegation_gone", moment.account.agentAddress, { vmsLive: live });
  moment.touched = true;
}

const mayBeAlive = (vm: VmRecord): boolean =>
  isLive(vm) || vm.attempts.some((attempt) => attempt.firstSendMs !== null && !isGoneEverywhere(attempt));

function accountSteps(moment: Moment): readonly AccountStep[] {
  const log = moment.store.loadLog(ACCOUNT);
  const due = (key: string, pauseMs: (tries: number) => number): number => {
    const tried = log.get(key);
    return tried === undefined ? 0 : Math.max(tried.lastMs + pauseMs(tried.tries), tried.leaseUntilMs);
  };
  const relays = moment.store.openOwnerMessages().map(({ itemHash }) => {
    const key = `relay:${itemHash}`;
    return {
      key,
      kind: "relay" as const,
      vmId: ACCOUNT,
      itemHash,
      dueMs: due(key, (tries) => backoff(tries, 1_000, 60_000)),
    } as const;
  });
  // Also after the end: without a fresh reading a delegation that came back would never let the FORGETs out again.
  if (!moment.store.loadTended().some(mayBeAlive)) return relays;
  return [
    ...relays,
    { key: "payer", kind: "payer", vmId: ACCOUNT, itemHash: "", dueMs: due("payer", () => PAYER_EVERY_MS) },
  ];
}
