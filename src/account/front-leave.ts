/**
 * The page "Leave or change keys", seen from the Worker: reads what two or three core nodes show of the owner's list and of
 * our machines, composes what could be signed, and lets the account object say what may be.
 */
import { forgetContent } from "../aleph/contents.ts";
import { aggregateMessages, liveInstances } from "../aleph/core-nodes.ts";
import { buildMessage, type UnsignedMessage, verificationText } from "../aleph/message.ts";
import { CHANNEL, CORES } from "../aleph/network.ts";
import { type Authorization, inWords, rebuiltSecurity, type RebuiltSecurity } from "../aleph/permissions.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import type { Session } from "./contract.ts";
import { accountName, type FrontSetting } from "./doors.ts";
import type { LeaveFacts, LeaveState } from "./leave.ts";
import type { LeaveKind, LeaveView, ListView, SignAsk, ToSign } from "./leave-contract.ts";
import { type ListDraft, revocationDraft, rotationDraft } from "./leave-lists.ts";
import type { Offer } from "./owner-messages.ts";

type Read = {
  readonly rebuilt: RebuiltSecurity;
  /** Core nodes that showed the owner's own messages. */
  readonly answering: number;
  /** Machines of ours that some core node calls alive. */
  readonly alive: readonly string[];
  /** Core nodes that told all of them: what none of these shows is not for that gone on the others. */
  readonly telling: number;
};

export async function openLeave(setting: FrontSetting, session: Session): Promise<Answer<LeaveView>> {
  const account = setting.doors.account(accountName(setting, session.owner));
  const facts = await account.leaveFacts();
  if (facts === null) return refuse("auth.missing");
  const [payer, read] = await Promise.all([
    setting.gather.payer(facts.owner, facts.agentAddress),
    readNetwork(setting, facts),
  ]);
  const nowMs = setting.ports.clock.nowMs();
  const lists = listsToSign(facts, read, nowMs);
  const forgets = forgetsToSign(facts, read, nowMs);
  const drafts = [lists.revocation, lists.rotation].filter((one) => one !== null);
  const offers = [...drafts.map((draft) => draft.offer), ...forgets];
  const state = await account.leaveState(session, { payer: payer ?? null, offers }, nowMs);
  return state.ok ? answer(viewOf(facts, read, lists, forgets, state.value)) : state;
}

async function readNetwork({ network }: FrontSetting, { owner, keys }: LeaveFacts): Promise<Read> {
  const [messages, live] = await Promise.all([
    Promise.all(CORES.map((core) => aggregateMessages(network, core, owner, "security"))),
    Promise.all(CORES.map((core) => liveInstances(network, core, { owner, senders: keys }))),
  ]);
  const perCore = messages.map((list) => (list.ok ? list.value : undefined));
  const alive = live.flatMap((list) => (list.ok ? list.value.map((one) => one.itemHash) : []));
  return {
    rebuilt: rebuiltSecurity(perCore, owner),
    answering: perCore.filter((one) => one !== undefined).length,
    alive: [...new Set(alive)],
    telling: live.filter((list) => list.ok).length,
  };
}

type Lists = { readonly revocation: ListDraft | null; readonly rotation: ListDraft | null };

function listsToSign(facts: LeaveFacts, read: Read, nowMs: number): Lists {
  const { rebuilt, answering } = read;
  // later than every list that the network or we know of, or it would not count (ccn.md §3.2)
  const before = Math.floor(Math.max(rebuilt.lastTimeS, facts.newestListTimeS));
  const timeS = Math.max(Math.floor(nowMs / 1_000), before + 1);
  return {
    revocation: facts.leaving === null || answering === 0 ? null : revocationDraft(facts, rebuilt, timeS),
    rotation: facts.nextKey === null || answering < 2 ? null : rotationDraft(facts, facts.nextKey, rebuilt, timeS),
  };
}

/** One message for each hash: several in one are all or nothing on the network (ccn.md §3.1). */
function forgetsToSign({ owner, mustEnd }: LeaveFacts, { alive }: Read, nowMs: number): readonly Offer[] {
  const targets = [...new Set([...mustEnd, ...alive])];
  return targets.map((target, index) => {
    // our own keys use whole milliseconds; the same bytes from two senders would be one message
    const timeS = (nowMs + index + 0.5) / 1_000;
    const content = forgetContent({ owner, timeS, hashes: [target] });
    const message = buildMessage({ sender: owner, type: "FORGET", channel: CHANNEL, timeS, content });
    return { purpose: "forget", about: target, message, ticks: { everything: false, doubtful: false } };
  });
}

function viewOf(facts: LeaveFacts, read: Read, lists: Lists, forgets: readonly Offer[], state: LeaveState): LeaveView {
  const { agentAddress, nextKey } = facts;
  const open = state.open.filter((one) => one.purpose === "forget");
  const holder = (target: string): string | null => state.holders[target] ?? null;
  const { delegation, keyLost, leaving, vms, vmsLive } = state;
  return {
    agentAddress,
    delegation,
    keyLost,
    leaving,
    vms,
    vmsLive,
    coreNodesAnswering: read.answering,
    revocation: leaving === null ? null : listView(lists.revocation, "revoke", state),
    forgets: {
      alive: read.telling < 2 ? null : read.alive.length,
      toSign: forgets
        .filter(({ message }) => state.kept.includes(message.item_hash))
        .map(({ about, message }) => ({ target: about, vmId: holder(about), ...toSign(message) })),
      sent: open.map((one) => ({ target: one.about, vmId: holder(one.about), ...sent(one) })),
    },
    rotation:
      nextKey === null
        ? null
        : {
            nextAddress: nextKey,
            attemptsLacking: state.attemptsLacking,
            list: listView(lists.rotation, "rotate", state),
          },
  };
}

function listView(draft: ListDraft | null, purpose: Offer["purpose"], state: LeaveState): ListView {
  const waiting = state.open.find((one) => one.purpose === purpose);
  const words = (entries: readonly Authorization[]) => entries.map((entry) => ({ words: inWords(entry).words }));
  const message = draft?.offer.message;
  const mayBeSigned = message !== undefined && state.kept.includes(message.item_hash);
  return {
    toSign: mayBeSigned ? toSign(message) : null,
    sent: waiting === undefined ? null : sent(waiting),
    kept: (draft?.kept ?? []).map((entry) => inWords(entry)),
    added: words(draft?.added ?? []),
    ended: words(draft?.ended ?? []),
    doubtful: words(draft?.doubtful ?? []),
  };
}

const toSign = (message: UnsignedMessage): ToSign => ({
  itemHash: message.item_hash,
  text: verificationText(message),
  itemContent: message.item_content,
});

const sent = ({ itemHash, storedAtMs, coreNodesDone }: LeaveState["open"][number]) => ({
  itemHash,
  sinceMs: storedAtMs,
  coreNodesDone,
});

export async function beginLeaving(
  setting: FrontSetting,
  session: Session,
  kind: LeaveKind,
): Promise<Answer<LeaveView>> {
  const account = setting.doors.account(accountName(setting, session.owner));
  const begun = await account.beginLeaving(kind, setting.ports.clock.nowMs());
  return begun.ok ? openLeave(setting, session) : begun;
}

export async function beginRotation(setting: FrontSetting, session: Session): Promise<Answer<LeaveView>> {
  const account = setting.doors.account(accountName(setting, session.owner));
  const made = await account.prepareKey(setting.ports.clock.nowMs());
  return made.ok ? openLeave(setting, session) : made;
}

export async function signLeave(setting: FrontSetting, session: Session, ask: SignAsk): Promise<Answer<LeaveView>> {
  const account = setting.doors.account(accountName(setting, session.owner));
  const stored = await account.submitOwnerMessage(session, ask, setting.ports.clock.nowMs());
  return stored.ok ? openLeave(setting, session) : stored;
}
