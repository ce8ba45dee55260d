/**
 * Hands Aleph messages that the owner signed to the core nodes, byte for byte, and asks what became of them. I/O only:
 * what it means is decided in `owner-messages.ts`.
 */
import type { Calls } from "../aleph/calls.ts";
import type { SignedMessage } from "../aleph/message.ts";
import { CORES, type Core } from "../aleph/network.ts";
import { decidingMessage, type DelegationState, delegationState } from "../aleph/permissions.ts";
import { field, objectOf, parseJson } from "../aleph/wire.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { isAliveWord } from "./attempts.ts";
import type { OwnerMessage } from "./message-store.ts";
import type { CoreWord } from "./types.ts";

/** What each core node said of the message, and of the target of a FORGET; null: it did not answer. */
export type Heard = {
  readonly words: readonly (CoreWord | null)[];
  readonly target: readonly (CoreWord | null)[];
};

/**
 * A list goes to whoever does not know it yet. A FORGET goes only where its target is alive: elsewhere a core node would
 * refuse it, and the refusal would stand when the target comes (ccn.md §3.1).
 */
export async function relay(calls: Calls, { kind, message, about }: OwnerMessage): Promise<Heard> {
  const [words, target] = await Promise.all([
    Promise.all(CORES.map((core) => wordOf(calls, core, message.item_hash))),
    kind === "forget" ? Promise.all(CORES.map((core) => wordOf(calls, core, about))) : CORES.map(() => null),
  ]);
  const wants = (core: Core): boolean => words[core] === "absent" && (kind === "security" || isAliveWord(target[core]));
  await Promise.all(CORES.filter(wants).map((core) => calls.publish(core, message)));
  return { words, target };
}

/** What two core nodes show of our key, and which one shows something else. */
export type Behind = {
  readonly owner: Address;
  readonly agent: Address;
  readonly agreed: DelegationState;
  readonly cores: readonly Core[];
};

/**
 * A core node that has missed the list in force would refuse the key that it lets in, and obey the one that it locks out,
 * for as long as nobody tells it. A restore may have taken the list from us, or left an older one that does not say what
 * two core nodes show: then it is read from those, and only what the owner signed is handed on.
 */
export async function catchUp(calls: Calls, kept: SignedMessage | null, behind: Behind): Promise<void> {
  const { agent, agreed, cores } = behind;
  const list = kept !== null && saysOf(kept, agent) === agreed ? kept : await shownList(calls, behind);
  if (list !== undefined) await spread(calls, list, cores);
}

const saysOf = ({ item_content }: SignedMessage, agent: Address): DelegationState =>
  delegationState(objectOf(field(parseJson(item_content), "content")), agent);

async function shownList(calls: Calls, { owner, cores }: Behind): Promise<SignedMessage | undefined> {
  const others = CORES.filter((core) => !cores.includes(core));
  const shown = await Promise.all(others.map((core) => calls.securityMessages(core, owner)));
  return decidingMessage(
    shown.flatMap((list) => (list.ok ? list.value : [])),
    owner,
  );
}

async function spread(calls: Calls, message: SignedMessage, behind: readonly Core[]): Promise<void> {
  const words = await Promise.all(behind.map((core) => wordOf(calls, core, message.item_hash)));
  const missing = behind.filter((_, index) => words[index] === "absent");
  await Promise.all(missing.map((core) => calls.publish(core, message)));
}

async function wordOf(calls: Calls, core: Core, hash: string): Promise<CoreWord | null> {
  const status = await calls.messageStatus(core, hash);
  return status.ok ? status.value.status : null;
}
