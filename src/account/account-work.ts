/**
 * What the drive does for an account beside its VMs: reads the payer and the lists, relays what the owner signed, signs for a
 * rotation, opens keys to seal them anew or to see that they open again. Each talks to the network first and records in one
 * transaction what came of it.
 */
import { CORES } from "../aleph/network.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { AccountStep } from "./account-steps.ts";
import type { DriveHost } from "./drive.ts";
import { readInventory, writeInventory } from "./inventory-step.ts";
import { hasUnknown, readLists, takeLists, whose } from "./lists.ts";
import { noteOpened } from "./lost-key.ts";
import { judgedBy, noteRelayed } from "./owner-messages.ts";
import { answering, delegationOf, type PayerFacts } from "./payer.ts";
import { takePayer } from "./payer-note.ts";
import { catchUp, relay } from "./relay.ts";
import { draftForgets, giveUpKey, storeForgets, switchKey } from "./rotation.ts";
import { signAll } from "./signing.ts";
import type { Tools } from "./tools.ts";

export type AccountWork = Pick<DriveHost, "commit" | "read" | "readPayer" | "reached"> & {
  /** Those of this very moment: which key signs, and who may. */
  readonly tools: () => Tools;
  /** The lists have been read since the object woke. */
  readonly listsRead: () => void;
};

export function tendAccount(work: AccountWork, { kind, itemHash }: AccountStep): Promise<unknown> {
  if (kind === "payer") return readPayer(work);
  if (kind === "relay") return relayOne(work, itemHash);
  if (kind === "lists") return compareLists(work);
  if (kind === "inventory") return writeInventory(work, work.tools());
  if (kind === "rotate") return signForRotation(work);
  if (kind === "reopen") return reopen(work, itemHash as Address);
  // opening a key seals it anew
  return work.tools().keys.use(itemHash as Address, () => true);
}

async function readPayer(work: AccountWork): Promise<void> {
  const { owner, agentAddress } = work.read((moment) => moment.account);
  const facts = await work.readPayer(owner, agentAddress);
  work.reached(answering(facts) > 0);
  work.commit((moment) => takePayer(moment, facts, agentAddress));
  await lookForNextKey(work, owner);
  await spreadList(work, facts, { owner, agent: agentAddress });
}

async function spreadList(
  work: AccountWork,
  facts: PayerFacts,
  about: { owner: Address; agent: Address },
): Promise<void> {
  const agreed = delegationOf(facts);
  const cores = CORES.filter((core) => (facts.perCore[core]?.delegation ?? agreed) !== agreed);
  if (agreed === "unknown" || cores.length === 0) return;
  const kept = work.read((moment) => moment.store.listInForce());
  await catchUp(work.tools().calls, kept, { ...about, agreed, cores });
}

/** Its list may come into force long after it was signed, or be signed elsewhere: what two core nodes show decides. */
async function lookForNextKey(work: AccountWork, owner: Address): Promise<void> {
  const key = work.read((moment) => moment.store.nextKey());
  if (key === null) return;
  const facts = await work.readPayer(owner, key);
  work.commit((moment) => {
    takePayer(moment, facts, key);
    if (delegationOf(facts) === "ok") switchKey(moment, key, facts);
  });
}

/** The next key signs, with one opening, what the owner's signature has to wait for. */
async function signForRotation(work: AccountWork): Promise<void> {
  const key = work.read((moment) => moment.store.nextKey());
  if (key === null) return;
  const drafts = work.read((moment) => draftForgets(moment, key));
  const signed = await signAll(work.tools().keys, key, drafts);
  work.commit((moment) => (signed === undefined ? giveUpKey(moment, key) : storeForgets(moment, key, signed)));
}

async function reopen(work: AccountWork, address: Address): Promise<void> {
  const opens = await work.tools().keys.use(address, () => true);
  if (opens === true) work.commit((moment) => noteOpened(moment, address));
}

async function compareLists(work: AccountWork): Promise<void> {
  const { calls } = work.tools();
  const ours = work.read(whose);
  const read = await readLists(calls, ours);
  const strange = work.read((moment) => hasUnknown(moment, read));
  const kept = strange ? await readInventory(calls, ours.senders) : new Map();
  work.listsRead();
  work.commit((moment) => takeLists(moment, read, kept));
}

async function relayOne(work: AccountWork, itemHash: string): Promise<void> {
  const open = work.read((moment) => moment.store.openOwnerMessages().find((one) => one.itemHash === itemHash));
  if (open === undefined) return;
  const heard = await relay(work.tools().calls, open);
  const { owner, agentAddress } = work.read((moment) => moment.account);
  const key = (open.about === "" ? agentAddress : open.about) as Address;
  const judged = open.kind === "security" && judgedBy(heard) >= 2;
  const facts = judged ? await work.readPayer(owner, key) : null;
  work.commit((moment) => {
    noteRelayed(moment, open, heard, facts);
    if (facts !== null) takePayer(moment, facts, key);
  });
}
