/**
 * Aleph messages that the owner signed: stored before they leave, re-sent byte for byte until two core nodes judged
 * them, and never asked for twice meanwhile (design.md §6).
 */
import type { Calls } from "../aleph/calls.ts";
import type { SignedMessage } from "../aleph/message.ts";
import { CORES } from "../aleph/network.ts";

/** Sends to whoever does not know it yet; returns how many core nodes have judged it. */
export async function relay(calls: Calls, message: SignedMessage): Promise<number> {
  const words = await Promise.all(CORES.map((core) => calls.messageStatus(core, message.item_hash)));
  const missing = CORES.filter((core) => words[core]?.ok === true && words[core].value.status === "absent");
  await Promise.all(missing.map((core) => calls.publish(core, message)));
  return words.filter((word) => word.ok && (word.value.status === "processed" || word.value.status === "rejected"))
    .length;
}
