/**
 * Each agent's pace, written again from safety.md b.3: three failures in a row open its breaker for a quarter of an hour,
 * three openings of its own doing in a day freeze its grant, a failed create cools down, a denial pauses its questions;
 * and no agent's failures stop another. It counts for itself what it sees happen.
 */
import type { Code } from "../../src/errors.ts";
import type { VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import type { Checker } from "./checker.ts";

const MIN = 60_000;
const DAY = 86_400_000;
const OPEN_MS = 15 * MIN;
/** Openings are spread over three minutes more. */
const OPEN_MS_MAX = 18 * MIN;
const BREAKER = "b.3";

type Run = {
  failures: ("own" | "outside")[];
  openedMs: number;
  ownOpeningsMs: number[];
  failedCreates: number;
  failedMs: number;
  denials: number;
  deniedMs: number;
  frozen: boolean;
  stopAsked: boolean;
};

const NEVER = -Infinity;
const fresh = (): Run => ({
  failures: [],
  openedMs: NEVER,
  ownOpeningsMs: [],
  failedCreates: 0,
  failedMs: NEVER,
  denials: 0,
  deniedMs: NEVER,
  frozen: false,
  stopAsked: false,
});

const FAILED: ReadonlySet<string> = new Set([
  "boot_failed",
  "ssh_never",
  "rejected",
  "unreachable",
  "price",
  "ended_by_network",
]);

export class PaceCheck {
  private readonly checker: Checker;
  private readonly runs = new Map<string, Run>();
  private readonly approvalsSeen = new Set<string>();
  private readonly looked = new Map<string, number>();
  private openings = 0;

  constructor(checker: Checker) {
    this.checker = checker;
  }

  private run(account: SimAccount, grantId: string): Run {
    const key = `${account.name} ${grantId}`;
    const run = this.runs.get(key) ?? fresh();
    this.runs.set(key, run);
    return run;
  }

  /** Until when it is open: the account's own word, as long as it is a quarter of an hour and at most three minutes more. */
  private openUntilMs(account: SimAccount, grantId: string, run: Run): number {
    const saidMs = account.data.store.loadPace(grantId).openUntilMs ?? NEVER;
    const leastMs = run.openedMs + OPEN_MS;
    return saidMs >= leastMs && saidMs < run.openedMs + OPEN_MS_MAX ? saidMs : leastMs;
  }

  private failure(account: SimAccount, grantId: string, cause: "own" | "outside", nowMs: number): void {
    const run = this.run(account, grantId);
    if (nowMs < this.openUntilMs(account, grantId, run)) return;
    run.failures.push(cause);
    if (run.failures.length < 3) return;
    const own = run.failures.every((one) => one === "own");
    run.failures = [];
    run.openedMs = nowMs;
    this.openings++;
    this.checker.seen.see("a breaker opens");
    if (own) run.ownOpeningsMs = [...run.ownOpeningsMs.filter((atMs) => nowMs - atMs < DAY), nowMs];
  }

  /** An accept was refused. */
  refused(account: SimAccount, grantId: string, code: Code, nowMs: number): void {
    const run = this.run(account, grantId);
    const openMs = this.openUntilMs(account, grantId, run);
    if (code === "busy.circuit_open" && account.restoredTimes === 0)
      this.checker.must(nowMs < openMs, BREAKER, () => "stopped by failures of others");
    if (code === "busy.cool_down" && account.restoredTimes === 0) {
      const asks = nowMs < run.deniedMs + pauseOf(run.denials);
      this.checker.must(asks || nowMs < run.failedMs + 2 * MIN, BREAKER, () => "cooled down for nothing");
    }
    if (code === "policy.expired") return;
    if (code.startsWith("policy.") || code.startsWith("input.")) this.failure(account, grantId, "own", nowMs);
    if (code.startsWith("node.") || code.startsWith("network.")) this.failure(account, grantId, "outside", nowMs);
  }

  admitted(account: SimAccount, vm: VmRecord, kind: "create" | "extend"): void {
    const run = this.run(account, vm.grantId);
    const nowMs = account.nowMs();
    if (kind === "create" && account.restoredTimes === 0) {
      this.checker.must(nowMs >= run.openedMs + OPEN_MS, BREAKER, () => `admitted with an open breaker (${vm.vmId})`);
      const coolMs = Math.min(2 * MIN, 30_000 * 2 ** Math.max(0, run.failedCreates - 1));
      this.checker.must(nowMs >= run.failedMs + coolMs, BREAKER, () => `admitted while cooling down (${vm.vmId})`);
    }
    run.failures = run.failures.filter((one) => one === "outside");
  }

  changed(account: SimAccount, before: VmRecord, after: VmRecord): void {
    // what a restore forgot says nothing of the agent that may have ordered it
    if (after.orphan !== undefined) return;
    const run = this.run(account, after.grantId);
    const nowMs = account.nowMs();
    if (before.healthyAtMs === null && after.healthyAtMs !== null) {
      run.failures = [];
      run.failedCreates = 0;
      run.failedMs = NEVER;
    } else if (after.attempts.length > 1) {
      // only accepts count (safety.md b.3.5): this one did with its first attempt, whatever nodes it is tried on after
      return;
    } else if (before.state !== "UNKNOWN" && after.state === "UNKNOWN") {
      this.failure(account, after.grantId, "outside", nowMs);
    } else if (before.endReason === null && after.healthyAtMs === null && FAILED.has(after.endReason ?? "")) {
      this.checker.seen.see("a create fails before it runs");
      if (before.state !== "UNKNOWN") this.failure(account, after.grantId, "outside", nowMs);
      run.failedCreates++;
      run.failedMs = nowMs;
    }
  }

  decided(account: SimAccount, grantId: string, verdict: "approved" | "denied"): void {
    const run = this.run(account, grantId);
    const nowMs = account.nowMs();
    if (verdict === "approved") {
      run.denials = 0;
      run.deniedMs = NEVER;
      return;
    }
    run.denials = nowMs >= run.deniedMs + pauseOf(run.denials) + DAY ? 1 : run.denials + 1;
    this.failure(account, grantId, "own", nowMs);
    run.deniedMs = nowMs;
  }

  /** The agent or the owner has said that this grant is to stop. */
  stopAsked(account: SimAccount, grantId: string): void {
    this.run(account, grantId).stopAsked = true;
  }

  /** After every commit: questions put, and grants frozen or not. */
  committed(account: SimAccount): void {
    const { approvals, grants } = account.data;
    const version = approvals.version + grants.version + this.openings;
    if (this.looked.get(account.name) === version || account.restoredTimes > 0) return;
    this.looked.set(account.name, version);
    this.checkAsked(account);
    for (const { grantId, state } of grants.values())
      if (state !== "revoked") this.checkFrozen(account, grantId, state === "frozen");
  }

  private checkAsked(account: SimAccount): void {
    const version = account.data.store.currentPolicy()?.version;
    for (const one of account.data.approvals.values()) {
      if (this.approvalsSeen.has(one.approvalId)) continue;
      this.approvalsSeen.add(one.approvalId);
      const run = this.run(account, one.grantId);
      const paused = one.askedAtMs < run.deniedMs + pauseOf(run.denials);
      this.checker.must(!paused, BREAKER, () => `asked again after ${run.denials} denials`);
      let pending = 0;
      for (const other of account.data.approvals.values())
        if (other.grantId === one.grantId && other.state === "pending" && other.facts.policyVersion === version)
          if (other.requestExpiresAtMs > one.askedAtMs) pending++;
      this.checker.must(pending <= 1, BREAKER, () => `${pending} questions of one agent at once`);
    }
  }

  private checkFrozen(account: SimAccount, grantId: string, frozen: boolean): void {
    const run = this.run(account, grantId);
    // let go by the owner: what it did is forgiven
    if (!frozen && run.frozen) return void this.runs.set(`${account.name} ${grantId}`, fresh());
    if (frozen && !run.frozen) {
      const cause = run.stopAsked || run.ownOpeningsMs.length >= 3;
      this.checker.must(cause, BREAKER, () => "a grant is frozen for what it did not do");
      if (!run.stopAsked) this.checker.seen.see("a breaker freezes its grant");
    }
    this.checker.must(frozen || run.ownOpeningsMs.length < 3, BREAKER, () => "three openings in a day, and not frozen");
    run.frozen = frozen;
  }
}

/** Ten minutes, doubling with each denial, a day at most. */
const pauseOf = (denials: number): number => (denials === 0 ? 0 : Math.min(DAY, 10 * MIN * 2 ** (denials - 1)));
