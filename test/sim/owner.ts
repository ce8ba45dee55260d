/** What the owner does: policies, grants, approvals, freezing, stopping; each over the pages' own functions. Seeded. */
import type { GrantDraft, Session } from "../../src/account/contract.ts";
import * as approvals from "../../src/account/approval-desk.ts";
import * as desk from "../../src/account/owner-desk.ts";
import * as policies from "../../src/account/policy-desk.ts";
import type { Policy, PolicyDraft } from "../../src/account/types.ts";
import { signDigest } from "../../src/crypto/secp256k1.ts";
import { typedDataDigest } from "../../src/crypto/typed-data.ts";
import { answer } from "../../src/errors.ts";
import type { SimAccount } from "./account.ts";
import type { World } from "./world.ts";
import type { Checker } from "./checker.ts";
import { TERMS } from "./nodes.ts";
import type { Opening } from "./openings.ts";

const MIN_MS = 60_000;
const DAY_MS = 86_400_000;

export class Owners {
  private readonly world: World;
  private readonly checker: Checker;
  private readonly accounts: readonly SimAccount[];

  constructor(world: World, checker: Checker, accounts: readonly SimAccount[]) {
    this.world = world;
    this.checker = checker;
    this.accounts = accounts;
  }

  /** A policy, its signature, and one to three agents; an opening may want some of it otherwise. */
  settle(account: SimAccount, opening: Pick<Opening, "policy" | "grant" | "grants">): void {
    const drawn = this.firstPolicy();
    if (!this.save(account, opening.policy?.(drawn, this.world.core.price) ?? drawn, "sign"))
      throw new Error("the first policy is no policy");
    const grants = Math.max(opening.grants ?? 1, this.world.dice.between(1, 3));
    for (let index = 0; index < grants; index++) this.addGrant(account, index, opening.grant);
  }

  /** Another policy, by click or with the wallet. */
  change(account: SimAccount, to: (now: PolicyDraft) => PolicyDraft, how: "sign" | "click"): boolean {
    const now = account.data.store.currentPolicy();
    if (now === null) return false;
    const { version: _version, ...draft } = now;
    return this.save(account, to(draft), how);
  }

  private session(account: SimAccount): Session {
    return { owner: account.owner, sessionId: "s" };
  }

  private firstPolicy(): PolicyDraft {
    const { dice, time } = this.world;
    return {
      limits: {
        perVmCreditsMax: dice.pick([50_000, 90_000]),
        burnCreditsPerHMax: dice.pick([40_000, 120_000]),
        windows: [
          { seconds: 3_600, creditsMax: dice.between(60_000, 160_000) },
          { seconds: 86_400, creditsMax: dice.between(150_000, 500_000) },
        ],
        lifetimeCreditsMax: dice.between(400_000, 1_500_000),
        vmsLiveMax: dice.between(2, 4),
        createsPerMinMax: dice.between(1, 3),
        ttlSDefault: 1_200,
        ttlSMax: dice.pick([3_600, 7_200]),
        extendSTotalMax: dice.pick([3_600, 14_400]),
      },
      shape: {
        vcpusMax: 4,
        memoryMibMax: 8_192,
        diskMibMax: 40_960,
        gpus: [],
        images: dice.yes(0.3) ? ["debian12"] : [],
      },
      place: this.somePlace(),
      approval: {
        by: dice.yes(0.2) ? "signature" : "click",
        firstVm: dice.yes(0.4),
        gpu: true,
        aboveCredits: dice.pick([20_000, 60_000, 90_000]),
        unapprovedPerDayCredits: dice.pick([40_000, 150_000, 1_000_000]),
      },
      on: {
        vmUnreachable: dice.pick(["destroy", "destroy", "recreate", "recreate", "alert"] as const),
        vmUnreachableMin: dice.pick([5, 10, 30]),
        payerLine: dice.yes(0.8) ? "stop_ours" : "alert",
      },
      priceRisePctMax: dice.pick([0, 10, 30]),
      expiresAtMs: time.nowMs + 60 * DAY_MS,
      delegationExpiresAtMs: dice.yes(0.15) ? time.nowMs + dice.between(2, 10) * 3_600_000 : null,
    };
  }

  /** Whoever is choosy about nodes reads no terms: the stream of dice stays as it is. */
  private somePlace(): PolicyDraft["place"] {
    const { dice } = this.world;
    const nodesAllow = dice.yes(0.1) ? ["a".repeat(64), "b".repeat(64)] : [];
    const nodesDeny = dice.yes(0.1) ? ["c".repeat(64)] : [];
    const choosy = dice.yes(0.2);
    return { nodesAllow, nodesDeny, termsAccepted: choosy ? [] : [TERMS], scorePctMin: choosy ? 90 : 0 };
  }

  addGrant(account: SimAccount, index: number, as?: Opening["grant"]): void {
    const { dice, time } = this.world;
    const draft: GrantDraft = {
      clientId: `client${index}`,
      clientName: `Agent ${index}`,
      redirectHost: "localhost",
      scopes: ["vm:read", "vm:create"],
      creditsMax: dice.between(150_000, 900_000),
      vmsLiveMax: dice.between(1, 3),
      createsPerMinMax: dice.between(1, 3),
      expiresAtMs: time.nowMs + dice.pick([2, 30]) * DAY_MS,
      ...(dice.yes(0.25) ? { windows: [{ seconds: 3_600, creditsMax: dice.between(40_000, 120_000) }] } : {}),
    };
    account.decide((moment) => desk.addGrant(moment, as?.(draft, index, this.world.core.price) ?? draft));
  }

  turn(): void {
    const { dice } = this.world;
    const account = dice.pick(this.accounts);
    const draw = dice.next();
    if (draw < 0.55) this.decideOne(account);
    else if (draw < 0.65) this.narrow(account);
    else if (draw < 0.74) this.widen(account);
    else if (draw < 0.76) this.freeze(account);
    else if (draw < 0.87) this.unfreeze(account);
    else if (draw < 0.875) this.stop(account);
    else if (draw < 0.93) this.revoke(account);
    else if (draw < 0.96) this.addGrant(account, dice.below(3));
    else this.destroyOne(account);
  }

  /** An owner who is told of a failed node looks, and now and then steps in before another one is tried. */
  meddle(account: SimAccount): void {
    const { dice } = this.world;
    const failed = account.data.store
      .loadLive()
      .find((vm) => vm.attempts.length > 1 || vm.endReason === "boot_failed" || vm.endReason === "unreachable");
    if (failed === undefined || failed.state === "HEALTHY" || !dice.yes(0.3)) return;
    const draw = dice.next();
    if (draw < 0.4) this.freeze(account);
    else if (draw < 0.6) this.freezeGrant(account, failed.grantId);
    else if (draw < 0.8) this.narrowMachines(account);
    else this.destroyOne(account);
  }

  /** For a while only smaller machines than any that is asked for. */
  private narrowMachines(account: SimAccount): void {
    const memory = (memoryMibMax: number) => (now: PolicyDraft) => ({ ...now, shape: { ...now.shape, memoryMibMax } });
    if (!this.change(account, memory(1_024), "click")) return;
    this.world.seen.see("a policy is narrowed while a node fails");
    this.world.time.after(20 * MIN_MS, () => this.change(account, memory(8_192), "sign"));
  }

  private save(
    account: SimAccount,
    draft: PolicyDraft,
    how: "sign" | "click",
    unfreeze?: "account" | { readonly grantId: string },
  ): boolean {
    const session = this.session(account);
    const offer = account.decide((moment) =>
      policies.offerPolicy(moment, session, unfreeze === undefined ? { draft } : { draft, unfreeze }),
    );
    if (offer?.ok !== true) return false;
    const { typedData, nonce } = offer.value;
    const signature =
      typedData !== null && how === "sign" ? signDigest(typedDataDigest(typedData), account.ownerKey) : undefined;
    const before = account.data.store.currentPolicy();
    const saved = account.decide((moment) =>
      policies.savePolicy(moment, session, signature === undefined ? { nonce } : { nonce, signature }),
    );
    const after = account.data.store.currentPolicy();
    if (how === "click" && after !== before && after !== null)
      this.checker.must(before !== null && !wider(before, after), "I14", () => "a wider policy without a signature");
    return saved?.ok === true;
  }

  private narrow(account: SimAccount): void {
    const now = account.data.store.currentPolicy();
    if (now === null) return;
    const { version: _version, ...draft } = now;
    const { limits } = draft;
    const factor = this.world.dice.pick([0.5, 0.8]);
    const down = (value: number): number => Math.floor(value * factor);
    const windows = limits.windows.map((one) => ({ ...one, creditsMax: down(one.creditsMax) }));
    const narrower = { ...limits, windows, lifetimeCreditsMax: down(limits.lifetimeCreditsMax) };
    if (this.save(account, { ...draft, limits: narrower }, "click")) this.world.seen.see("a policy is narrowed");
  }

  private widen(account: SimAccount): void {
    const now = account.data.store.currentPolicy();
    if (now === null) return;
    const { version: _version, ...draft } = now;
    const { limits } = draft;
    const up = (value: number): number => Math.min(3_000_000, Math.ceil(value * 1.5));
    const windows = limits.windows.map((one) => ({ ...one, creditsMax: up(one.creditsMax) }));
    const wide = { ...draft, limits: { ...limits, windows, lifetimeCreditsMax: up(limits.lifetimeCreditsMax) } };
    if (this.world.dice.yes(0.5)) {
      if (this.save(account, wide, "sign")) this.world.seen.see("a policy is widened with a signature");
    } else if (!this.save(account, wide, "click")) this.world.seen.see("a widening without a signature is refused");
  }

  freeze(account: SimAccount): void {
    this.checker.memo(account).freezeAsked = true;
    const frozen = account.decide((moment) => {
      desk.freezeAccount(moment);
      return answer(true);
    });
    if (frozen?.ok === true) this.world.seen.see("an account is frozen by its owner");
  }

  private freezeGrant(account: SimAccount, grantId: string): void {
    this.checker.pace.stopAsked(account, grantId);
    account.decide((moment) => desk.freezeGrant(moment, grantId));
  }

  unfreeze(account: SimAccount): void {
    const now = account.data.store.currentPolicy();
    if (now === null) return;
    const { version: _version, ...draft } = now;
    const frozenGrant = account.data.store.loadGrants().find((grant) => grant.state === "frozen");
    const what = account.row.state === "frozen" ? "account" : frozenGrant && { grantId: frozenGrant.grantId };
    if (what !== undefined && this.save(account, draft, "sign", what) && what === "account")
      this.world.seen.see("an account is unfrozen");
  }

  stop(account: SimAccount): void {
    this.checker.memo(account).freezeAsked = true;
    const vms = account.data.store.loadLive().map((vm) => vm.vmId);
    this.checker.asked(account, vms, "stopped");
    const stopped = account.decide((moment) => {
      desk.stopEverything(moment);
      return answer(true);
    });
    this.checker.obeyed(account, vms, stopped);
  }

  private revoke(account: SimAccount): void {
    const { dice, seen } = this.world;
    const grant = account.data.store.loadGrants().find((one) => one.state !== "revoked");
    if (grant === undefined) return;
    const keepVms = dice.yes(0.5);
    const own = account.data.store.loadLive().filter((vm) => vm.grantId === grant.grantId);
    if (!keepVms)
      this.checker.asked(
        account,
        own.map((vm) => vm.vmId),
        "revoked",
      );
    const revoked = account.decide((moment) => desk.revokeGrant(moment, grant.grantId, keepVms));
    if (revoked?.ok === true) seen.see("a grant is revoked");
    if (dice.yes(0.7)) this.addGrant(account, dice.below(3));
  }

  private destroyOne(account: SimAccount): void {
    const live = account.data.store.loadLive();
    if (live.length === 0) return;
    const { vmId } = this.world.dice.pick(live);
    this.checker.asked(account, [vmId], "destroyed");
    const answered = account.decide((moment) => desk.destroy(moment, vmId, null));
    this.checker.obeyed(account, [vmId], answered);
  }

  decideOne(account: SimAccount, wished?: "approve" | "deny"): void {
    const { dice, seen } = this.world;
    const [open] = account.data.store.openApprovals(null).filter((one) => one.state === "pending");
    if (open === undefined) return;
    const session = this.session(account);
    const page = account.decide((moment) => approvals.openApproval(moment, session, open.approvalId));
    if (page?.ok !== true) return;
    const verdict = wished ?? (dice.yes(0.85) ? "approve" : "deny");
    const { nonce, typedData, by } = page.value;
    const ask = { approvalId: open.approvalId, nonce, verdict };
    const signed =
      by === "signature" ? { ...ask, signature: signDigest(typedDataDigest(typedData), account.ownerKey) } : ask;
    const decided = account.decide((moment) => approvals.decideApproval(moment, session, signed));
    const state = account.data.approvals.get(open.approvalId)?.state;
    if (state === "approved" || state === "denied") this.checker.pace.decided(account, open.grantId, state);
    if (account.data.approvals.get(open.approvalId)?.state === "approved")
      this.checker.memo(account).approvalState.set(open.approvalId, "approved");
    if (decided?.ok === true && verdict === "deny") seen.see("an approval is denied");
  }
}

/** Written again from safety.md a.3: more of anything, fewer questions, or a limit that is gone. */
function wider(now: Policy, next: Policy): boolean {
  const spans = (policy: Policy): Map<number, number> =>
    new Map(policy.limits.windows.map((one) => [one.seconds, one.creditsMax]));
  const before = spans(now);
  const after = spans(next);
  for (const [seconds, max] of before) if ((after.get(seconds) ?? Infinity) > max) return true;
  return (
    next.limits.lifetimeCreditsMax > now.limits.lifetimeCreditsMax || next.limits.vmsLiveMax > now.limits.vmsLiveMax
  );
}
