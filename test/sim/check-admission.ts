/** I1, I2, I13 and the frozen and restored gates at the moment of an admission, recomputed from the committed rows. */
import type { ApprovalFacts, Hold, Policy, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { checkPolicy } from "./check-policy.ts";
import { type Checker, GRACE_S, isOver, type Memo, S } from "./checker.ts";

const ATTO = 10n ** 18n;
export const creditsFor = (rate: bigint, seconds: number): number =>
  Number((rate * BigInt(Math.ceil(seconds)) + ATTO - 1n) / ATTO);

export function checkAdmission(checker: Checker, account: SimAccount, memo: Memo, vm: VmRecord): void {
  const [hold] = vm.holds;
  if (hold === undefined) return checker.fail("I6", `a VM without a hold (${vm.vmId})`);
  checker.seen.see("a create is admitted");
  checker.payers.admitted(account, vm);
  const full = creditsFor(vm.rateAttoPerS, vm.spec.ttlS + GRACE_S);
  checker.must(hold.credits >= full, "I6", () => `held ${hold.credits}, TTL and grace cost ${full} (${vm.vmId})`);
  checker.pace.admitted(account, vm, "create");
  const policy = gates(checker, account, vm);
  if (policy === undefined) return;
  checkPolicy(checker, account, policy, vm, hold);
  const live = [...account.data.vms.values()].map((row) => row.vm).filter((one) => !isOver(one));
  const grant = account.data.grants.get(vm.grantId);
  const own = live.filter((one) => one.grantId === vm.grantId).length;
  const count = live.length <= policy.limits.vmsLiveMax && own <= (grant?.vmsLiveMax ?? 0);
  checker.must(count, "I2", () => `${live.length} possibly live (${vm.vmId})`);
  const burn = creditsFor(
    live.reduce((sum, one) => sum + one.rateAttoPerS, 0n),
    3_600,
  );
  checker.must(burn <= policy.limits.burnCreditsPerHMax, "I2", () => `burns ${burn} an hour (${vm.vmId})`);
  const minute = [...account.data.vms.values()].filter((row) => row.vm.admittedAtMs > vm.admittedAtMs - 60 * S);
  const mine = minute.filter((row) => row.vm.grantId === vm.grantId).length;
  const paced = minute.length <= policy.limits.createsPerMinMax && mine <= (grant?.createsPerMinMax ?? 0);
  checker.must(paced, "I2", () => `${minute.length} creates in a minute, ${mine} of one agent (${vm.vmId})`);
  checkLimits(checker, account, policy, vm, hold);
  const ceiling = account.data.quotes.get(vm.quoteId)?.offer?.costCreditsMax ?? hold.credits;
  checkApproval(checker, account, memo, policy, vm, hold, ceiling);
}

export function checkExtension(
  checker: Checker,
  account: SimAccount,
  memo: Memo,
  before: VmRecord,
  vm: VmRecord,
): void {
  const hold = vm.holds.at(-1) as Hold;
  checker.seen.see("an extension is admitted");
  checker.payers.admitted(account, vm);
  const cost = creditsFor(vm.rateAttoPerS, (vm.expiresAtMs - before.expiresAtMs) / S);
  checker.must(hold.credits >= cost, "I6", () => `an extension held ${hold.credits} of ${cost} (${vm.vmId})`);
  checker.must(before.state !== "STOPPING" && !isOver(before), "I4", () => `extended while ending (${vm.vmId})`);
  checker.pace.admitted(account, vm, "extend");
  const policy = gates(checker, account, vm);
  if (policy === undefined) return;
  checkPolicy(checker, account, policy, vm, hold);
  checkLimits(checker, account, policy, vm, hold);
  checkApproval(checker, account, memo, policy, vm, hold, hold.credits);
}

/** What must not have been admitted at all. */
function gates(checker: Checker, account: SimAccount, vm: VmRecord): Policy | undefined {
  const { state, restored, keyLost } = account.row;
  const changing = account.data.store.openOwnerMessages().some((one) => one.purpose === "rotate");
  checker.must(!changing, "I20", () => "admitted while the agent key is being changed");
  checker.must(state === "active" && !restored && !keyLost, "I20", () => `admitted by a ${state} account`);
  checker.must(account.health.watchHeard, "I20", () => "admitted before Watch was heard");
  const grant = account.data.grants.get(vm.grantId);
  checker.must(grant?.state === "active", "I14", () => `admitted for a ${grant?.state} grant`);
  const policy = account.data.store.currentPolicy();
  if (policy === null || policy.expiresAtMs <= account.nowMs()) {
    checker.fail("I20", "admitted without a policy in force");
    return undefined;
  }
  checker.must(
    vm.expiresAtMs - vm.admittedAtMs <= policy.limits.ttlSMax * S,
    "I1",
    () => `lives too long (${vm.vmId})`,
  );
  return policy;
}

function checkLimits(checker: Checker, account: SimAccount, policy: Policy, vm: VmRecord, hold: Hold): void {
  const { limits } = policy;
  const spent = [
    ...[...account.data.holds.values()].filter((one) => one.state !== "voided"),
    ...account.data.extras.values(),
  ];
  const sum = (rows: readonly { readonly credits: number }[]): number =>
    rows.reduce((all, row) => all + row.credits, 0);
  for (const { seconds, creditsMax } of limits.windows) {
    const used = sum(spent.filter((row) => row.atMs > hold.atMs - seconds * S));
    checker.must(used <= creditsMax, "I1", () => `${used} of ${creditsMax} in ${seconds} s (${vm.vmId})`);
  }
  checker.must(sum(spent) <= limits.lifetimeCreditsMax, "I1", () => `lifetime exceeded (${vm.vmId})`);
  const mine = sum(spent.filter((row) => row.grantId === vm.grantId));
  const budget = account.data.grants.get(vm.grantId)?.creditsMax ?? 0;
  checker.must(mine <= budget, "I1", () => `grant budget exceeded: ${mine} of ${budget}`);
  const total = vm.holds.reduce((all, one) => all + one.creditsOriginal, 0);
  checker.must(total <= limits.perVmCreditsMax, "I1", () => `one VM holds ${total}`);
}

function checkApproval(
  checker: Checker,
  account: SimAccount,
  memo: Memo,
  policy: Policy,
  vm: VmRecord,
  hold: Hold,
  ceiling: number,
): void {
  const others = [...account.data.vms.values()].map((row) => row.vm).filter((one) => one.vmId !== vm.vmId);
  const first = !others.some((one) => one.grantId === vm.grantId && one.state !== "FAILED");
  const dayMs = hold.atMs - 86_400 * S;
  let unapproved = 0;
  for (const one of account.data.holds.values())
    if (!one.approved && one.state !== "voided" && one.atMs > dayMs && one !== hold) unapproved += one.credits;
  const total = vm.holds.reduce((all, one) => all + one.creditsOriginal, 0);
  const { approval } = policy;
  const needs =
    (approval.firstVm && first && hold.kind === "create") ||
    total > approval.aboveCredits ||
    unapproved + ceiling > approval.unapprovedPerDayCredits;
  checker.must(!needs || hold.approved, "I13", () => `admitted without the owner (${vm.vmId})`);
  useApproval(checker, account, memo, vm, hold);
}

/** Exactly one given approval is used up by the commit that relies on it, and none without. */
function useApproval(checker: Checker, account: SimAccount, memo: Memo, vm: VmRecord, hold: Hold): void {
  const used = [...account.data.approvals.values()].filter(
    (one) => one.state === "used" && memo.approvalState.get(one.approvalId) === "approved",
  );
  checker.must(used.length === (hold.approved ? 1 : 0), "I13", () => `${used.length} approvals used (${vm.vmId})`);
  for (const one of used) {
    checker.seen.see("an approval is used");
    memo.approvalState.set(one.approvalId, "used");
    const uses = (memo.approvalUses.get(one.approvalId) ?? 0) + 1;
    memo.approvalUses.set(one.approvalId, uses);
    checker.must(uses <= (one.returned === true ? 2 : 1), "I13", () => `an approval used ${uses} times`);
    checker.must(hold.credits <= one.facts.costCreditsMax, "I13", () => "an approval for less");
    checker.must((one.validUntilMs ?? 0) > account.nowMs(), "I13", () => "an approval that had run out");
    checker.must(one.grantId === vm.grantId, "I13", () => "another agent's approval");
    const version = account.data.store.currentPolicy()?.version;
    checker.must(one.facts.policyVersion === version, "I13", () => "approved under another policy");
    checker.must(sameFacts(one.facts, vm, hold), "I13", () => "approved for something else");
  }
}

/** What the owner saw is what happens: the VM, its image, its key, its time. */
function sameFacts(facts: ApprovalFacts, vm: VmRecord, hold: Hold): boolean {
  const { spec } = vm;
  const ttlS = hold.kind === "create" ? spec.ttlS : Math.ceil((vm.expiresAtMs - vm.admittedAtMs) / S);
  const vmId = hold.kind === "create" ? "" : vm.vmId;
  const same = facts.kind === hold.kind && facts.vmId === vmId && facts.ttlS === ttlS;
  const { vcpus } = spec.shape;
  return (
    same && facts.image === spec.imageSlug && facts.sshKeyFingerprint === spec.sshFingerprint && facts.vcpus === vcpus
  );
}
