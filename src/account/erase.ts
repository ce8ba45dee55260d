/**
 * The erase of one instance on one node: wipes the data volumes while the node still knows the machine; after a FORGET it
 * no longer could (crn.md §6.4).
 *
 * Signed for that node alone, by the present key: a node asks the owner's delegation, not who made the VM (crn.md §5.2).
 */
import type { Calls } from "../aleph/calls.ts";
import type { Outcome } from "../aleph/network.ts";
import type { Execution } from "../aleph/nodes.ts";
import { erasePath, makeOperatorKey, operatorHeaders } from "../aleph/operator-auth.ts";
import { newP256Key } from "../crypto/p256.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { Clock, Random } from "../ports.ts";
import type { Signers } from "./attempts.ts";
import type { KeyRing } from "./keys.ts";
import type { Hash, NodeRef } from "./types.ts";

export type Eraser = {
  readonly calls: Pick<Calls, "erase" | "execution">;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly random: Random;
  readonly signers: Signers;
};

/** Whether the node did as it was told, or has nothing to wipe any more. */
export async function eraseOn(eraser: Eraser, { origin, domain }: NodeRef, itemHash: Hash): Promise<boolean> {
  const { calls, keys, clock, random, signers } = eraser;
  const nowMs = clock.nowMs();
  const address = signers.agent as Address;
  const headers = await keys.use(address, (walletKey) => {
    const key = makeOperatorKey({ walletKey, address, domain, nowMs, p256Key: newP256Key(random) });
    return operatorHeaders(key, { address, domain, method: "POST", path: erasePath(itemHash), nowMs });
  });
  if (headers === undefined) return false;
  const outcome = await calls.erase(origin, itemHash, headers);
  if (!outcome.ok || outcome.value === "refused") return false;
  return outcome.value !== "look_at_list" || isGone(await calls.execution(origin, itemHash));
}

/** Several answers mean "done", "no such machine" or "it failed" alike; what the node lists then tells them apart. */
const isGone = (listed: Outcome<Execution | "absent">): boolean => listed.ok && listed.value === "absent";
