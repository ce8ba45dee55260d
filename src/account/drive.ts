/**
 * The drive: reads what is due, claims it, acts, records, and arms the one alarm. Everything slow happens here.
 *
 * Started after commits, by the alarm and by the second clock. Two drives at once are harmless: effects are idempotent,
 * and a claim only saves work. Nothing that starts or tells anything leaves before `Watch` has acknowledged the commit that
 * allows it; what ends a machine waits for nobody.
 */
import { CORES } from "../aleph/network.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { faultOf } from "../fault.ts";
import type { Log } from "../ports.ts";
import { type AccountStep, accountSteps, isAccountStep, listSteps } from "./account-steps.ts";
import type { Signers } from "./attempts.ts";
import { FORGETS_AT_BIRTH, newForgets } from "./birth.ts";
import { type Learned, perform, signMore, type Trying } from "./effects.ts";
import { readInventory, writeInventory } from "./inventory-step.ts";
import { hasUnknown, readLists, takeLists, whose } from "./lists.ts";
import type { Moment } from "./moment.ts";
import { DriveRoom } from "./drive-room.ts";
import { judgedBy, noteRelayed } from "./owner-messages.ts";
import { delegationOf, type PayerFacts, readings } from "./payer.ts";
import { takePayer } from "./payer-note.ts";
import type { Step, StepKind, Tried } from "./plan.ts";
import { learn, plannedSteps, signersOf, tend, timeDecides } from "./record.ts";
import { catchUp, relay } from "./relay.ts";
import { draftForgets, giveUpKey, storeForgets, switchKey } from "./rotation.ts";
import { signAll } from "./signing.ts";
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
      const heard = await this.host.report(this.nextDueMs());
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

  private steps(moment: Moment): readonly AnyStep[] {
    const steps = [...plannedSteps(moment), ...accountSteps(moment, this.tools().keys)];
    return [...steps, ...listSteps(moment, this.listsRead)];
  }

  private tools(): Tools {
    return this.host.tools(this.host.read((moment) => signersOf(moment, moment.account.delegation !== "missing")));
  }

  /** Deadlines are steps too, so while nothing is due no transaction is opened. */
  private anythingDue(): boolean {
    return this.host.read(
      (moment) => this.steps(moment).some(({ dueMs }) => dueMs <= moment.nowMs) || timeDecides(moment),
    );
  }

  /** Also asked between a call's decision and the drive that it starts: a deadline that nobody looked at is due at once. */
  nextDueMs(): number | null {
    return this.host.read((moment) => {
      let nextMs = Infinity;
      for (const { kind, dueMs } of this.steps(moment)) {
        const passed = kind === "deadline" && dueMs <= this.lookedMs;
        nextMs = Math.min(nextMs, passed ? moment.nowMs + DEADLINE_AGAIN_MS : dueMs);
      }
      return nextMs === Infinity ? null : nextMs;
    });
  }

  private claim(): readonly Claimed[] {
    return this.commit((moment) => {
      tend(moment);
      this.lookedMs = moment.nowMs;
      const due = this.steps(moment).filter(({ dueMs, kind }) => dueMs <= moment.nowMs && kind !== "deadline");
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
        await this.tendAccount(step);
        this.host.commit(done);
      }
    } catch (error) {
      // An effect must not throw; if one does, nothing of it is stored and the plan tries it again.
      this.host.log("drive.step_failed", { step: step.kind, ...faultOf(error) });
      this.host.commit(done);
    }
    this.host.changed();
  }

  private tendAccount({ kind, itemHash }: AccountStep): Promise<unknown> {
    if (kind === "payer") return this.readPayer();
    if (kind === "relay") return this.relay(itemHash);
    if (kind === "lists") return this.readLists();
    if (kind === "inventory") return writeInventory(this.host, this.tools());
    if (kind === "rotate") return this.signForRotation();
    // opening a key seals it anew
    return this.tools().keys.use(itemHash as Address, () => true);
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

  private moreForgets(step: Step, tools: Tools): Promise<readonly Learned[]> {
    const fresh = this.host.read((moment) => {
      const vm = moment.store.loadVm(step.vmId);
      const attempt = vm?.attempts.find((one) => one.itemHash === step.itemHash);
      return attempt === undefined ? [] : newForgets(moment, attempt, FORGETS_AT_BIRTH, { before: vm?.forgets ?? [] });
    });
    return signMore(tools.keys, (fresh[0]?.sender ?? "0x") as Address, fresh);
  }

  private async readPayer(): Promise<void> {
    const { owner, agentAddress } = this.host.read((moment) => moment.account);
    const facts = await this.host.readPayer(owner, agentAddress);
    this.host.reached(readings(facts).length > 0);
    this.host.commit((moment) => takePayer(moment, facts, agentAddress));
    await this.lookForNextKey(owner);
    await this.spreadList(facts, { owner, agent: agentAddress });
  }

  private async spreadList(facts: PayerFacts, whose: { owner: Address; agent: Address }): Promise<void> {
    const agreed = delegationOf(facts);
    const cores = CORES.filter((core) => (facts.perCore[core]?.delegation ?? agreed) !== agreed);
    if (agreed === "unknown" || cores.length === 0) return;
    const kept = this.host.read((moment) => moment.store.listInForce());
    await catchUp(this.tools().calls, kept, { ...whose, agreed, cores });
  }

  /** Its list may come into force long after it was signed, or be signed elsewhere: what two core nodes show decides. */
  private async lookForNextKey(owner: Address): Promise<void> {
    const key = this.host.read((moment) => moment.store.nextKey());
    if (key === null) return;
    const facts = await this.host.readPayer(owner, key);
    this.host.commit((moment) => {
      takePayer(moment, facts, key);
      if (delegationOf(facts) === "ok") switchKey(moment, key, facts);
    });
  }

  /** The next key signs, with one opening, what the owner's signature has to wait for. */
  private async signForRotation(): Promise<void> {
    const key = this.host.read((moment) => moment.store.nextKey());
    if (key === null) return;
    const drafts = this.host.read((moment) => draftForgets(moment, key));
    const signed = await signAll(this.tools().keys, key, drafts);
    this.host.commit((moment) => (signed === undefined ? giveUpKey(moment, key) : storeForgets(moment, key, signed)));
  }

  private async readLists(): Promise<void> {
    const { calls } = this.tools();
    const ours = this.host.read(whose);
    const read = await readLists(calls, ours);
    const strange = this.host.read((moment) => hasUnknown(moment, read));
    const kept = strange ? await readInventory(calls, ours.senders) : new Map();
    this.listsRead = true;
    this.host.commit((moment) => takeLists(moment, read, kept));
  }

  private async relay(itemHash: string): Promise<void> {
    const open = this.host.read((moment) => moment.store.openOwnerMessages().find((one) => one.itemHash === itemHash));
    if (open === undefined) return;
    const heard = await relay(this.tools().calls, open);
    const { owner, agentAddress } = this.host.read((moment) => moment.account);
    const key = (open.about === "" ? agentAddress : open.about) as Address;
    const judged = open.kind === "security" && judgedBy(heard) >= 2;
    const facts = judged ? await this.host.readPayer(owner, key) : null;
    this.host.commit((moment) => {
      noteRelayed(moment, open, heard, facts);
      if (facts !== null) takePayer(moment, facts, key);
    });
  }
}
