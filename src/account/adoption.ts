/**
 * Takes an instance that a key of ours signed and the ledger does not hold into the ledger, as a VM without a hold.
 *
 * Synchronous, in the caller's moment. As a VM it is counted as live, burns, is torn down, certified and billed by the
 * very rules that every other one has; it keeps the id that it carries, so that a restored account knows it again.
 */
import { countOf, field, hashOf, type JsonValue, parseJson } from "../aleph/wire.ts";
import type { Facts } from "../errors.ts";
import type { Kept } from "./inventory.ts";
import type { Moment } from "./moment.ts";
import { type Bound, diesAtMs, type Sighting } from "./reconcile.ts";
import { GRACE_S } from "./credits.ts";
import { freeze } from "./freeze.ts";
import { close } from "./lifecycle.ts";
import { TTL_S_MAX } from "./policy-draft.ts";
import { saveChange } from "./record.ts";
import { ownersForget } from "./signing.ts";
import type { Attempt, CoreView, NodeRef, VmRecord, VmSpec } from "./types.ts";

/** Whoever ordered it is not known any more, so no agent sees it. */
const NO_GRANT = "";

/**
 * No longer than the policy of now lets a VM live, nor beyond the owner's own end of the delegation. A restore may have
 * forgotten a wider policy, so then only what any policy may allow is a bound.
 */
export function boundOf({ account, policy }: Moment): Bound {
  if (account.restored) return { lifeMs: TTL_S_MAX * 1_000, untilMs: Infinity };
  const delegatedMs = policy?.delegationExpiresAtMs ?? null;
  const untilMs = delegatedMs === null ? Infinity : delegatedMs - GRACE_S * 1_000;
  return { lifeMs: (policy?.limits.ttlSMax ?? 0) * 1_000, untilMs };
}

/**
 * Two core nodes showed it, twice: it lives until its time unless it must end now, the account is frozen and its owner told.
 * `kept` is its line of the inventory, where two core nodes show one.
 */
export function adoptOrphan(moment: Moment, one: Sighting, kept?: Kept): void {
  const attempt = attemptOf(moment, one);
  const vm = vmOf(moment, one, { ...attempt, vmId: idFor(moment, one) }, kept);
  const closed = mustEnd(moment, one) ? close(vm, "revoked", moment.nowMs) : vm;
  moment.store.saveVm(vm, true);
  moment.audit("orphan.adopted", told(vm, one));
  const expiresAt = new Date(closed === vm ? vm.expiresAtMs : moment.nowMs).toISOString();
  moment.tellOwner("orphan", one.itemHash, { vmId: vm.vmId, itemHash: one.itemHash, expiresAt });
  freeze(moment, "orphan");
  saveChange(moment, vm, closed);
}

/**
 * While the owner leaves, or a key may be in strange hands, nothing of ours may live; and our key, which could end it at its
 * time, may soon be allowed nothing. A key that was changed since signs for its thief alone: what this service signed with it
 * the ledger holds, if it has never forgotten anything.
 */
function mustEnd({ store, account }: Moment, { sender }: Sighting): boolean {
  const changed = sender !== account.agentAddress && store.loadLists().restoredAtMs === null;
  return store.loadLeaving() !== null || changed;
}

/**
 * One core node alone shows it, after its time. It is not counted, freezes nobody and refuses nothing: like a refused
 * create it is watched, and FORGETs go to whoever says that it lives.
 */
export function adoptStray(moment: Moment, one: Sighting, kept?: Kept): void {
  const { nowMs } = moment;
  const attempt = { ...attemptOf(moment, one), dormant: true, closedAtMs: nowMs, vmId: idFor(moment, one) };
  const over = { state: "FAILED", endReason: "ttl", stopAskedAtMs: nowMs, endedAtMs: nowMs } as const;
  const vm = { ...vmOf(moment, one, attempt, kept), ...over };
  moment.store.saveVm(vm, true);
  moment.audit("orphan.watched", told(vm, one));
}

/** Such a VM was never admitted, so its first row says all that the chain has to tell of it (`fold.ts`). */
function told({ vmId, grantId, state, expiresAtMs }: VmRecord, { itemHash }: Sighting): Facts {
  return { vmId, itemHash, grantId, state, expiresAtMs };
}

/** Its own id, unless the ledger has that one: then it is a further attempt that a restore forgot, kept apart. */
function idFor(moment: Moment, { vmId }: Sighting): string {
  return vmId !== null && moment.store.loadVm(vmId) === undefined ? vmId : moment.id("vm");
}

/** A time inside a content is signed but may be any number. */
function sentAtMs({ nowMs }: Moment, { timeS }: Sighting): number {
  return Math.min(nowMs, Math.max(0, Math.round(timeS * 1_000)));
}

function attemptOf(moment: Moment, one: Sighting): Omit<Attempt, "vmId"> {
  const { itemHash, sender, itemContent, signature, timeS, by } = one;
  const view = (shown: boolean): CoreView | null =>
    shown ? { says: "processed", atMs: moment.nowMs, sinceMs: moment.nowMs } : null;
  const never = { closedAtMs: null, endedAtMs: null, rejectedAtMs: null, rejectedSinceMs: null, twoDoneSinceMs: null };
  const unknown = { goneSinceMs: null, aliveSinceMs: null, firstForgetMs: null, dormant: false };
  return {
    itemHash,
    sender,
    itemContent,
    signature,
    timeS,
    ...never,
    ...unknown,
    number: 1,
    node: nodeOf(parseJson(itemContent)),
    firstSendMs: sentAtMs(moment, one),
    seenAliveMs: moment.nowMs,
    views: [view(by[0]), view(by[1]), view(by[2])],
  };
}

/** Its hash only: an address comes from the network's own list of nodes and never from a message. */
function nodeOf(content: JsonValue | undefined): NodeRef {
  const nodeHash = hashOf(field(content, "requirements", "node", "node_hash")) ?? "";
  return { nodeHash, origin: "", domain: "" };
}

/** Its agent sees it again, if the restored account still knows that agent. */
function grantOf(moment: Moment, known: VmRecord | undefined, kept: Kept | undefined): string {
  if (known !== undefined) return known.grantId;
  return kept !== undefined && moment.store.loadGrant(kept.grantId) !== undefined ? kept.grantId : NO_GRANT;
}

function vmOf(moment: Moment, one: Sighting, attempt: Attempt, kept: Kept | undefined): VmRecord {
  const { nowMs } = moment;
  const known = one.vmId === null ? undefined : moment.store.loadVm(one.vmId);
  const sentMs = sentAtMs(moment, one);
  const expiresAtMs = diesAtMs(one, boundOf(moment));
  const never = { healthyAtMs: null, stopAskedAtMs: null, endReason: null, endedAtMs: null, settledAtMs: null };
  const unknown = { settledCredits: null, unreachableSinceMs: null, priceCheckedAtMs: null, ssh: null };
  return {
    ...never,
    ...unknown,
    vmId: attempt.vmId,
    grantId: grantOf(moment, known, kept),
    quoteId: `orphan:${one.itemHash}`,
    spec: specOf(parseJson(one.itemContent), Math.max(0, expiresAtMs - sentMs)),
    state: "UNHEALTHY",
    // until the network is asked what it froze
    rateAttoPerS: BigInt(kept?.rateAttoPerS ?? 0),
    admittedAtMs: sentMs,
    expiresAtMs,
    stateSinceMs: nowMs,
    eraseTries: 0,
    // without its node's address nothing can be erased there; the FORGET ends it all the same
    erased: "gave_up",
    certificate: null,
    approvalId: null,
    orphan: { foundAtMs: nowMs },
    attempts: [attempt],
    // its owner may have signed its end before the ledger knew it
    forgets: moment.store
      .openOwnerMessages()
      .filter(({ purpose, about }) => purpose === "forget" && about === one.itemHash)
      .map(({ message }) => ownersForget(message, one.itemHash)),
    holds: [],
  };
}

/** What the owner is shown of it. Nothing of it is ever used to make another. */
function specOf(content: JsonValue | undefined, lifeMs: number): VmSpec {
  const size = (...path: readonly string[]): number => countOf(field(content, ...path)) ?? 0;
  return {
    shape: {
      vcpus: size("resources", "vcpus"),
      memoryMib: size("resources", "memory"),
      diskMib: size("rootfs", "size_mib"),
    },
    imageSlug: "unknown",
    imageHash: hashOf(field(content, "rootfs", "parent", "ref")) ?? "",
    sshPubkey: "",
    sshFingerprint: "",
    ttlS: Math.ceil(lifeMs / 1_000),
  };
}
