/** Whether what comes along with a quote's id is what the quote was made for: an id stands for one request. Pure. */
import { parseSshPubkey } from "../aleph/ssh-pubkey.ts";
import type { AgentFront } from "./contract.ts";
import type { Offer } from "./quote-store.ts";

type Same = NonNullable<Parameters<AgentFront["accept"]>[1]["same"]>;

/** True when a parameter came along that is not the quote's: the id then stands for something else. */
export function differs(offer: Offer | null, same: Same): boolean {
  if (offer === null) return false;
  const { params } = offer;
  if (params.kind === "extend") return isOther(same.vmId, params.vmId) || isOther(same.seconds, params.seconds);
  if (params.kind === "top_up") return isOther(same.credits, params.credits);
  const { spec } = params;
  const key = same.sshPubkey === undefined ? undefined : lineOf(same.sshPubkey);
  return (
    isOther(same.vcpus, spec.shape.vcpus) ||
    isOther(same.memoryMib, spec.shape.memoryMib) ||
    isOther(same.diskMib, spec.shape.diskMib) ||
    isOther(same.gpu, spec.shape.gpu) ||
    isOther(same.hourlyCreditsMax, spec.hourlyCreditsMax) ||
    isOther(same.ttlS, spec.ttlS) ||
    isOther(same.name, spec.name) ||
    isOther(same.nodeHash, spec.nodeAsked) ||
    isOther(key, spec.sshPubkey) ||
    (same.image !== undefined && same.image !== spec.imageSlug && same.image !== spec.imageHash)
  );
}

/** As a quote keeps it, without its comment; what is no key stays as it is and equals no quote's. */
function lineOf(sshPubkey: string): string {
  const key = parseSshPubkey(sshPubkey);
  return typeof key === "object" ? key.line : sshPubkey;
}

const isOther = <T>(given: T | undefined, quoted: T | undefined): boolean => given !== undefined && given !== quoted;
