/**
 * What owners ask, seen from the Worker: who may be one, what the network says of the payer, and the messages that an
 * owner is asked to sign. The account object decides.
 */
import { aggregateMessages } from "../aleph/core-nodes.ts";
import { aggregateContent } from "../aleph/contents.ts";
import { buildMessage } from "../aleph/message.ts";
import { CORES, SECURITY_CHANNEL } from "../aleph/network.ts";
import { inWords, ourEntries, rebuiltSecurity, withDelegation } from "../aleph/permissions.ts";
import { verificationText } from "../aleph/message.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import type { DelegationView, OwnerFront, Overview, Session } from "./contract.ts";
import { accountName, type FrontSetting, mayOwn, nameKeyFault } from "./doors.ts";
import { beginLeaving, beginRotation, openLeave, signLeave } from "./front-leave.ts";
import { delegationOf } from "./payer.ts";

export function ownerFront(setting: FrontSetting): OwnerFront {
  const { doors, ports } = setting;
  const account = (session: { readonly owner: string }) => doors.account(accountName(setting, session.owner));
  const now = (): number => ports.clock.nowMs();
  return {
    mayOwn: (owner) => mayOwn(setting.owners, owner),
    arrive: (session) => arrive(setting, session),
    consumeNonce: (owner, nonce, expiresAtMs) => consumeNonce(setting, owner, nonce, expiresAtMs),
    overview: (session) => readOverview(setting, session),
    offerPolicy: (session, ask) => account(session).offerPolicy(session, ask, now()),
    savePolicy: (session, ask) => account(session).savePolicy(session, ask, now()),
    addGrant: (session, draft) => account(session).addGrant(draft, now()),
    revokeGrant: (session, ask) => account(session).revokeGrant(ask, now()),
    freezeGrant: (session, { grantId }) => account(session).freezeGrant(grantId, now()),
    freeze: (session) => account(session).freezeOrStop("freeze", now()),
    stopEverything: (session) => account(session).freezeOrStop("stop", now()),
    destroyVm: (session, { vmId }) => account(session).destroyByOwner(vmId, now()),
    getVm: (session, { vmId }) => account(session).vmForOwner(vmId),
    openDelegation: (session) => openDelegation(setting, session),
    submitDelegation: (session, ask) => submitDelegation(setting, session, ask),
    openLeave: (session) => openLeave(setting, session),
    beginLeaving: (session, { kind }) => beginLeaving(setting, session, kind),
    beginRotation: (session) => beginRotation(setting, session),
    signLeave: (session, ask) => signLeave(setting, session, ask),
    openApproval: (session, { approvalId }) => account(session).openApproval(session, approvalId, now()),
    decideApproval: (session, ask) => account(session).decideApproval(session, ask, now()),
    seeNotice: (session, { noticeId }) => account(session).seeNotice(noticeId),
    grantStanding: (name, grantId) => doors.account(name).grantStanding(grantId),
  };
}

/** A stranger never gets as far as an account; a name key that changed would give everybody a new one. */
async function arrive(setting: FrontSetting, session: Session): Promise<Answer<Overview>> {
  if (!mayOwn(setting.owners, session.owner)) return refuse("auth.stranger", { address: session.owner });
  const fault = await nameKeyFault(setting);
  if (fault !== null) return { ok: false, refusal: fault };
  const name = accountName(setting, session.owner);
  await setting.doors.account(name).birth({ name, owner: session.owner });
  return readOverview(setting, session);
}

/** Only somebody who may be an owner has anything stored for them, so a stranger cannot fill objects. */
async function consumeNonce(
  setting: FrontSetting,
  owner: `0x${string}`,
  nonce: string,
  expiresAtMs: number,
): Promise<boolean> {
  if (!mayOwn(setting.owners, owner)) return true;
  if ((await nameKeyFault(setting)) !== null) return true;
  const name = accountName(setting, owner);
  await setting.doors.account(name).birth({ name, owner });
  return setting.doors.account(name).consumeNonce(nonce, expiresAtMs);
}

async function readOverview({ doors, gather, ...setting }: FrontSetting, session: Session): Promise<Answer<Overview>> {
  const account = doors.account(accountName({ doors, gather, ...setting }, session.owner));
  const addresses = await account.addresses();
  if (addresses === null) return refuse("auth.missing");
  const payer = await gather.payer(addresses.owner, addresses.agentAddress);
  return account.overview(payer ?? null);
}

/**
 * The list that the owner signs replaces the whole one, so it is rebuilt from the owner's own signed messages on all
 * three core nodes: a liar can hide a message, never invent one (safety.md b.2).
 */
async function openDelegation(setting: FrontSetting, session: Session): Promise<Answer<DelegationView>> {
  const { doors, gather, network, ports } = setting;
  const account = doors.account(accountName(setting, session.owner));
  const leave = await account.leaveFacts();
  if (leave === null) return refuse("auth.missing");
  const { owner, agentAddress } = leave;
  const [sent, facts, lists] = await Promise.all([
    account.sentDelegation(),
    gather.payer(owner, agentAddress),
    Promise.all(CORES.map((core) => aggregateMessages(network, core, owner, "security"))),
  ]);
  const perCore = lists.map((list) => (list.ok ? list.value : undefined));
  const rebuilt = rebuiltSecurity(perCore, owner);
  if (perCore.filter((one) => one !== undefined).length < 2) return refuse("network.unreachable", {}, 120);
  const state = facts === undefined ? "unknown" : delegationOf(facts);
  const listed = rebuilt.authorizations.map((entry) => ({ ...inWords(entry), entry }));
  const kept = listed
    .filter(({ entry }) => !isOurs(leave.keys, entry["address"]))
    .map(({ words, canTakeEverything }) => ({ words, canTakeEverything }));
  const doubtful = rebuilt.doubtful.map((entry) => ({ words: inWords(entry).words }));
  const added = ourEntries(agentAddress).map((entry) => ({ words: inWords(entry).words }));
  const view = { state, agentAddress, sent, kept, added, doubtful };
  // a key that may be in strange hands is never let in again: the way back is a new one
  const strange = leave.leaving?.kind === "compromised";
  if (sent !== null || state === "ok" || strange) return answer({ ...view, toSign: null });
  const before = Math.floor(Math.max(rebuilt.lastTimeS, leave.newestListTimeS));
  const timeS = Math.max(Math.floor(ports.clock.nowMs() / 1_000), before + 1);
  const content = aggregateContent({
    owner,
    timeS,
    key: "security",
    content: { authorizations: withDelegation(rebuilt.authorizations, agentAddress, leave.keys) },
  });
  const message = buildMessage({ sender: owner, type: "AGGREGATE", channel: SECURITY_CHANNEL, timeS, content });
  const ticks = { everything: kept.some((one) => one.canTakeEverything), doubtful: doubtful.length > 0 };
  const offer = { purpose: "delegate" as const, about: agentAddress, message, ticks };
  const offered = await account.offerDelegation(session, offer, ports.clock.nowMs());
  if (!offered.ok) return offered;
  if (!offered.value.kept) return answer({ ...view, toSign: null });
  return answer({
    ...view,
    toSign: { itemHash: message.item_hash, text: verificationText(message), itemContent: message.item_content },
  });
}

const isOurs = (keys: readonly string[], address: unknown): boolean =>
  keys.some((key) => key.toLowerCase() === String(address).toLowerCase());

async function submitDelegation(
  setting: FrontSetting,
  session: Session,
  ask: Parameters<OwnerFront["submitDelegation"]>[1],
): Promise<Answer<DelegationView>> {
  const account = setting.doors.account(accountName(setting, session.owner));
  const stored = await account.submitOwnerMessage(session, ask, setting.ports.clock.nowMs());
  return stored.ok ? openDelegation(setting, session) : stored;
}
