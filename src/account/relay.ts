/**
 * Hands Aleph messages that the owner signed to the core nodes, byte for byte, and asks what became of them. I/O only:
 * what it means is decided in `owner-messages.ts`.
 */
import type { Calls } from "../aleph/calls.ts";
import type { SignedMessage } from "../aleph/message.ts";
import { CORES, type Core } from "../aleph/network.ts";
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

/**
 * A core node that has missed the list in force would refuse the key that it lets in, and obey the one that it locks out,
 * for as long as nobody tells it.
 */
export async function spread(calls: Calls, message: SignedMessage, behind: readonly Core[]): Promise<void> {
  const words = await Promise.all(behind.map((core) => wordOf(calls, core, message.item_hash)));
  const missing = behind.filter((_, index) => words[index] === "absent");
  await Promise.all(missing.map((core) => calls.publish(core, message)));
}

async function wordOf(calls: Calls, core: Core, hash: string): Promise<CoreWord | null> {
  const status = await calls.messageStatus(core, hash);
  return status.ok ? status.value.status : null;
}
