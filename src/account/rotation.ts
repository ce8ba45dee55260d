/**
 * Changing the agent key without losing a machine: which FORGETs the new key has to have signed beforehand, when the owner
 * may sign, and the switch itself. Synchronous; the signing is the drive's.
 *
 * Once the old key's permission is gone its FORGETs are refused. So the new key's are stored first, for everything that
 * may still live or come back (safety.md a.4), and the account changes over only when two core nodes show the new one.
 */
import type { Address } from "../crypto/secp256k1.ts";
import { type Answer, answer } from "../errors.ts";
import type { SealedRow } from "./account-store.ts";
import { isRevivable } from "./attempts.ts";
import { FORGETS_AT_BIRTH, newForgets } from "./birth.ts";
import { stay } from "./leave-state.ts";
import { isLive } from "./lifecycle.ts";
import { readSoon } from "./lists.ts";
import type { Moment } from "./moment.ts";
import { voidUnsent } from "./owner-desk.ts";
import type { PayerFacts } from "./payer.ts";
import { keepPayer } from "./payer-note.ts";
import { learn } from "./record.ts";
import type { Attempt, Forget, VmRecord } from "./types.ts";

/** A new sealed key beside the present one. A second click finds the one that waits already. */
export function prepareKey(
  moment: Moment,
  key: SealedRow & { readonly address: Address },
): Answer<{ readonly key: Address }> {
  const waiting = moment.store.nextKey();
  if (waiting !== null) return answer({ key: waiting });
  moment.store.saveKey(key, moment.nowMs);
  moment.store.saveNextKey(key.address, moment.nowMs);
  moment.audit("key.prepared", { address: key.address });
  return answer({ key: key.address });
}

export type Lacking = { readonly vmId: string; readonly attempt: Attempt; readonly count: number };

/** Attempts for which the next key has fewer signed FORGETs than a create is born with. */
export function lackingForgets(vms: readonly VmRecord[], key: string): readonly Lacking[] {
  return vms.flatMap((vm) =>
    vm.attempts
      .filter((attempt) => mayNeedForget(vm, attempt))
      .map((attempt) => ({ vmId: vm.vmId, attempt, count: FORGETS_AT_BIRTH - signedBy(vm, attempt, key) }))
      .filter(({ count }) => count > 0),
  );
}

/** It has not ended, or it has and some core node may still take it up: refused, lagging, silent. */
function mayNeedForget(vm: VmRecord, attempt: Attempt): boolean {
  if (isLive(vm) && attempt.endedAtMs === null) return true;
  return isRevivable(attempt);
}

const signedBy = (vm: VmRecord, attempt: Attempt, key: string): number =>
  vm.forgets.filter((one) => one.target === attempt.itemHash && one.sender === key && one.signature !== null).length;

/** How many attempts the owner still has to wait for; 0 without a rotation. */
export function attemptsLacking(moment: Moment): number {
  const key = moment.store.nextKey();
  return key === null ? 0 : lackingForgets(moment.store.loadTended(), key).length;
}

export type Drafted = { readonly vmId: string; readonly forgets: readonly Forget[] };

/** What the next key has to sign now, unsigned. */
export function draftForgets(moment: Moment, key: Address): readonly Drafted[] {
  return lackingForgets(moment.store.loadTended(), key).map(({ vmId, attempt, count }) => {
    const before = moment.store.loadVm(vmId)?.forgets ?? [];
    return { vmId, forgets: newForgets(moment, attempt, count, { before, sender: key }) };
  });
}

/** Stored only while that key still waits, and never twice: others may have been composed in the same moment. */
export function storeForgets(moment: Moment, key: Address, signed: readonly Drafted[]): void {
  if (moment.store.nextKey() !== key) return;
  const lacking = new Set(lackingForgets(moment.store.loadTended(), key).map((one) => one.attempt.itemHash));
  for (const { vmId, forgets } of signed) {
    const target = forgets.find((forget) => lacking.has(forget.target))?.target;
    if (target === undefined) continue;
    const stored = (): number => moment.store.loadVm(vmId)?.forgets.length ?? 0;
    const before = stored();
    learn(moment, { vmId, itemHash: target }, [{ kind: "more_forgets", forgets }], false);
    moment.audit("key.forgets_stored", { vmId, count: stored() - before });
  }
}

/** A next key that does not open helps nobody: the owner begins again, unless its list is on its way already. */
export function giveUpKey(moment: Moment, key: Address): void {
  if (moment.store.nextKey() !== key || moment.store.openOwnerMessages().some((one) => one.purpose === "rotate"))
    return;
  moment.store.saveNextKey(null, moment.nowMs);
  moment.audit("key.given_up", { address: key });
}

/** The owner has signed for the new key: what was never sent would now leave under a key that is on its way out. */
export function onRotationSigned(moment: Moment): void {
  voidUnsent(moment, null);
}

/** Two core nodes show the new key in force. */
export function switchKey(moment: Moment, key: Address, facts: PayerFacts): void {
  if (moment.store.nextKey() !== key) return;
  const before = moment.account.agentAddress;
  voidUnsent(moment, null);
  moment.store.setAgentAddress(key);
  moment.store.saveNextKey(null, moment.nowMs);
  moment.store.setKeyLost(false);
  keepPayer(moment, "ok", facts);
  stay(moment, true);
  // what the key before signed last is as much ours to end
  readSoon(moment);
  moment.audit("key.rotated", { from: before, to: key });
  moment.tellOwner("key_rotated", key, { to: key });
}
