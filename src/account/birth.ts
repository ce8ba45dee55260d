/**
 * The rows that an admission makes: the VM, its first attempt with the exact bytes, its FORGETs, its hold.
 *
 * SHA-256 needs no key, so everything but the signatures is fixed here, in the deciding transaction.
 */
import { forgetContent, instanceContent } from "../aleph/contents.ts";
import { buildMessage } from "../aleph/message.ts";
import { CHANNEL } from "../aleph/network.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { Moment } from "./moment.ts";
import type { QuoteRow } from "./quote-store.ts";
import type { CreateFacts } from "./requests.ts";
import type { Attempt, Credits, Forget, Grant, Hold, NodeRef, VmRecord, VmSpec } from "./types.ts";

/** Signed and stored before the create leaves, so that it can be undone without the key (design.md §4). */
export const FORGETS_AT_BIRTH = 4;

export function newHold(moment: Moment, vm: VmRecord, kind: Hold["kind"], credits: Credits, approved: boolean): Hold {
  return {
    holdId: moment.id("h"),
    vmId: vm.vmId,
    grantId: vm.grantId,
    kind,
    state: "held",
    credits,
    creditsOriginal: credits,
    atMs: moment.nowMs,
    approved,
  };
}

export function newVm(
  moment: Moment,
  grant: Grant,
  quote: QuoteRow,
  spec: VmSpec,
  facts: CreateFacts,
  approvalId: string | null,
): VmRecord {
  const vmId = moment.id("vm");
  const expiresAtMs = moment.nowMs + spec.ttlS * 1_000;
  const attempt = newAttempt(moment, vmId, 1, spec, facts.node, expiresAtMs);
  const never = {
    healthyAtMs: null,
    stopAskedAtMs: null,
    endReason: null,
    endedAtMs: null,
    settledAtMs: null,
    settledCredits: null,
    unreachableSinceMs: null,
    priceCheckedAtMs: null,
    ssh: null,
    certificate: null,
  };
  const ids = { vmId, grantId: grant.grantId, quoteId: quote.quoteId, approvalId };
  const times = { admittedAtMs: moment.nowMs, stateSinceMs: moment.nowMs, expiresAtMs };
  return {
    ...ids,
    ...times,
    ...never,
    spec,
    state: "REQUESTED",
    rateAttoPerS: facts.rateAttoPerS,
    eraseTries: 0,
    erased: "no",
    attempts: [attempt],
    forgets: newForgets(moment, attempt, FORGETS_AT_BIRTH),
    holds: [],
  };
}

/** The rows of the next attempt: the same VM and the same end, on another node, in bytes of its own. */
export function newSuccessor(
  moment: Moment,
  vm: VmRecord,
  node: NodeRef,
): { readonly attempt: Attempt; readonly forgets: readonly Forget[] } {
  const attempt = newAttempt(moment, vm.vmId, vm.attempts.length + 1, vm.spec, node, vm.expiresAtMs);
  return { attempt, forgets: newForgets(moment, attempt, FORGETS_AT_BIRTH) };
}

/** The exact bytes of the INSTANCE, hashed before any key is opened: SHA-256 needs none. */
function newAttempt(
  moment: Moment,
  vmId: string,
  number: number,
  spec: VmSpec,
  node: NodeRef,
  expiresAtMs: number,
): Attempt {
  const { owner, agentAddress } = moment.account;
  const timeS = moment.nowMs / 1_000;
  const { shape } = spec;
  const content = instanceContent({
    owner,
    timeS,
    vmId,
    expiresAtMs,
    sshPubkey: spec.sshPubkey,
    vcpus: shape.vcpus,
    memoryMib: shape.memoryMib,
    diskMib: shape.diskMib,
    imageHash: spec.imageHash,
    nodeHash: node.nodeHash,
    ...(spec.name === undefined ? {} : { name: spec.name }),
    ...(node.gpu === undefined ? {} : { gpu: node.gpu }),
    ...(node.termsHash === undefined ? {} : { termsHash: node.termsHash }),
  });
  const message = buildMessage({ sender: agentAddress, type: "INSTANCE", channel: CHANNEL, timeS, content });
  const unknown = {
    signature: null,
    firstSendMs: null,
    closedAtMs: null,
    endedAtMs: null,
    rejectedAtMs: null,
    dormant: false,
    rejectedSinceMs: null,
    twoDoneSinceMs: null,
    goneSinceMs: null,
    seenAliveMs: null,
    aliveSinceMs: null,
    firstForgetMs: null,
  };
  return {
    itemHash: message.item_hash,
    vmId,
    number,
    node,
    sender: agentAddress,
    itemContent: message.item_content,
    timeS,
    ...unknown,
    views: [null, null, null],
  };
}

/**
 * Different times make different hashes: a FORGET that a core node once rejected is of no more use there. The sender is
 * not part of what is hashed, so two keys need different times too: later than those that there are.
 */
export function newForgets(
  moment: Moment,
  attempt: Attempt,
  count: number,
  { before = [], sender }: { readonly before?: readonly Forget[]; readonly sender?: Address } = {},
): readonly Forget[] {
  const { owner } = moment.account;
  const by = sender ?? moment.account.agentAddress;
  const lastMs = Math.max(moment.nowMs, ...before.map((forget) => Math.round(forget.timeS * 1_000)));
  return Array.from({ length: count }, (_, index) => {
    const timeS = (lastMs + index + 1) / 1_000;
    const content = forgetContent({ owner, timeS, hashes: [attempt.itemHash] });
    const message = buildMessage({ sender: by, type: "FORGET", channel: CHANNEL, timeS, content });
    return {
      itemHash: message.item_hash,
      target: attempt.itemHash,
      itemContent: message.item_content,
      timeS,
      sender: by,
      signature: null,
      spent: [false, false, false] as const,
    };
  });
}
