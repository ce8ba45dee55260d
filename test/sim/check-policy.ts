/** What the owner's policy and the grant allow of one admitted request, written again from safety.md a.3 and design.md §8. */
import type { Grant, Hold, Policy, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import { type Checker, GRACE_S, S } from "./checker.ts";

export function checkPolicy(checker: Checker, account: SimAccount, policy: Policy, vm: VmRecord, hold: Hold): void {
  checkShape(checker, policy, vm);
  checkPlace(checker, policy, vm, hold.kind);
  checkLife(checker, policy, vm);
  const grant = account.data.grants.get(vm.grantId);
  if (grant !== undefined) checkGrantWindows(checker, account, grant, hold);
}

/** A successor starts anew what the policy of now has to allow, wherever it starts; it is counted and held for already. */
export function checkMachine(checker: Checker, policy: Policy, vm: VmRecord): void {
  checkShape(checker, policy, vm);
  checkPlace(checker, policy, vm, "create");
  const lifeS = (vm.expiresAtMs - vm.admittedAtMs) / S;
  checker.must(lifeS <= policy.limits.ttlSMax, "a.3", () => `started to live for ${lifeS} s (${vm.vmId})`);
}

function checkShape(checker: Checker, { shape }: Policy, { spec, vmId }: VmRecord): void {
  const { vcpus, memoryMib, diskMib } = spec.shape;
  const fits = vcpus <= shape.vcpusMax && memoryMib <= shape.memoryMibMax && diskMib <= shape.diskMibMax;
  checker.must(fits, "a.3", () => `larger than allowed (${vmId})`);
  const { images } = shape;
  const allowed = images.length === 0 || images.includes(spec.imageSlug) || images.includes(spec.imageHash);
  checker.must(allowed, "a.3", () => `image ${spec.imageSlug} is not allowed (${vmId})`);
}

function checkPlace(checker: Checker, { place }: Policy, vm: VmRecord, kind: Hold["kind"]): void {
  const node = vm.attempts.at(-1)?.node;
  if (node === undefined) return;
  const denied = place.nodesDeny.includes(node.nodeHash);
  const allowed = place.nodesAllow.length === 0 || place.nodesAllow.includes(node.nodeHash);
  checker.must(!denied && allowed, "a.3", () => `on a node that is not allowed (${vm.vmId})`);
  const { termsHash } = node;
  const accepted = kind === "extend" || termsHash === undefined || place.termsAccepted.includes(termsHash);
  checker.must(accepted, "a.3", () => `on a node whose terms nobody accepted (${vm.vmId})`);
  const good = kind === "extend" || (node.scorePct ?? 0) >= place.scorePctMin;
  checker.must(good, "a.3", () => `on a node of ${node.scorePct} % (${vm.vmId})`);
}

function checkLife(checker: Checker, policy: Policy, vm: VmRecord): void {
  const extendedS = (vm.expiresAtMs - vm.admittedAtMs) / S - vm.spec.ttlS;
  const most = policy.limits.extendSTotalMax;
  checker.must(extendedS <= most, "a.3", () => `extended by ${extendedS} s of ${most} (${vm.vmId})`);
  const untilMs = policy.delegationExpiresAtMs ?? Infinity;
  checker.must(vm.expiresAtMs + GRACE_S * S <= untilMs, "a.3", () => `outlives the delegation (${vm.vmId})`);
}

function checkGrantWindows(checker: Checker, account: SimAccount, grant: Grant, hold: Hold): void {
  for (const { seconds, creditsMax } of grant.windows ?? []) {
    const sinceMs = hold.atMs - seconds * S;
    let used = 0;
    for (const one of account.data.holds.values())
      if (one.grantId === grant.grantId && one.state !== "voided" && one.atMs > sinceMs) used += one.credits;
    for (const extra of account.data.extras.values())
      if (extra.grantId === grant.grantId && extra.atMs > sinceMs) used += extra.credits;
    checker.must(used <= creditsMax, "I1", () => `the agent's own window: ${used} of ${creditsMax} in ${seconds} s`);
  }
}
