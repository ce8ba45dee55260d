/**
 * The two texts that an owner's wallet signs for Allowance itself: EIP-712 `Policy` and `Approval`.
 *
 * Pure. Readable fields only, no bare digest; the domain carries SHA-256 of our public origin as its salt and no
 * chainId, because wallets refuse another chain's. `EIP712Domain` is listed under `types`: without it a wallet hashes
 * another value and says nothing (design.md §12.4).
 */
import { toHex, utf8 } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import type { TypedData } from "../crypto/typed-data.ts";
import type { ApprovalFacts, Policy } from "./types.ts";

type Field = readonly [name: string, type: "string" | "uint256" | "address" | "bool", value: string | number | boolean];

const DOMAIN_FIELDS = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "salt", type: "bytes32" },
] as const;

function typed(primaryType: string, origin: string, fields: readonly Field[]): TypedData {
  const salt = `0x${toHex(sha256(utf8(origin)))}`;
  return {
    types: { EIP712Domain: DOMAIN_FIELDS, [primaryType]: fields.map(([name, type]) => ({ name, type })) },
    domain: { name: "Allowance", version: "1", salt },
    primaryType,
    message: Object.fromEntries(
      fields.map(([name, type, value]) => [name, type === "uint256" ? String(value) : value]),
    ),
  };
}

export function approvalTypedData(
  origin: string,
  facts: ApprovalFacts,
  once: { readonly approvalId: string; readonly nonce: string; readonly deadlineMs: number },
): TypedData {
  return typed("Approval", origin, [
    ["account", "string", facts.account],
    ["grant", "string", facts.grant],
    ["kind", "string", facts.kind],
    ["vm_id", "string", facts.vmId],
    ["vcpus", "uint256", facts.vcpus],
    ["memory_mib", "uint256", facts.memoryMib],
    ["disk_gib", "uint256", facts.diskGib],
    ["gpu", "string", facts.gpu],
    ["image", "string", facts.image],
    ["ssh_key_fingerprint", "string", facts.sshKeyFingerprint],
    ["node_or_any", "string", facts.nodeOrAny],
    ["cost_credits_max", "uint256", facts.costCreditsMax],
    ["ttl_s", "uint256", facts.ttlS],
    ["policy_version", "uint256", facts.policyVersion],
    ["approval_id", "string", once.approvalId],
    ["nonce", "string", once.nonce],
    ["deadline", "uint256", Math.floor(once.deadlineMs / 1_000)],
  ]);
}

export function policyTypedData(
  origin: string,
  about: { readonly account: string; readonly owner: string; readonly nonce: string; readonly unfreezes: string },
  policy: Policy,
): TypedData {
  const { limits, shape, place, approval, on } = policy;
  return typed("Policy", origin, [
    ["account", "string", about.account],
    ["owner", "address", about.owner],
    ["version", "uint256", policy.version],
    ["per_vm_credits_max", "uint256", limits.perVmCreditsMax],
    ["burn_credits_per_h_max", "uint256", limits.burnCreditsPerHMax],
    ["windows", "string", limits.windows.map((one) => `${one.creditsMax} credits in ${one.seconds} s`).join("; ")],
    ["lifetime_credits_max", "uint256", limits.lifetimeCreditsMax],
    ["vms_live_max", "uint256", limits.vmsLiveMax],
    ["creates_per_min_max", "uint256", limits.createsPerMinMax],
    ["ttl_s_default", "uint256", limits.ttlSDefault],
    ["ttl_s_max", "uint256", limits.ttlSMax],
    ["extend_s_total_max", "uint256", limits.extendSTotalMax],
    ["vcpus_max", "uint256", shape.vcpusMax],
    ["memory_mib_max", "uint256", shape.memoryMibMax],
    ["disk_mib_max", "uint256", shape.diskMibMax],
    ["gpus", "string", listed(shape.gpus, "none")],
    ["images", "string", listed(shape.images, "all")],
    ["nodes_allow", "string", listed(place.nodesAllow, "all")],
    ["nodes_deny", "string", listed(place.nodesDeny, "none")],
    ["terms_accepted", "string", listed(place.termsAccepted, "none")],
    ["score_pct_min", "uint256", place.scorePctMin],
    ["approval_by", "string", approval.by],
    ["approval_first_vm", "bool", approval.firstVm],
    ["approval_gpu", "bool", approval.gpu],
    ["approval_above_credits", "uint256", approval.aboveCredits],
    ["approval_unapproved_per_day_credits", "uint256", approval.unapprovedPerDayCredits],
    ["on_vm_unreachable", "string", on.vmUnreachable],
    ["on_vm_unreachable_min", "uint256", on.vmUnreachableMin],
    ["on_payer_line", "string", on.payerLine],
    ["price_rise_pct_max", "uint256", policy.priceRisePctMax],
    ["expires_at", "uint256", Math.floor(policy.expiresAtMs / 1_000)],
    ["delegation_expires_at", "string", secondsOr(policy.delegationExpiresAtMs, "as long as it stands")],
    ["unfreezes", "string", about.unfreezes],
    ["nonce", "string", about.nonce],
  ]);
}

const listed = (all: readonly string[], none: string): string => (all.length === 0 ? none : all.join(", "));
const secondsOr = (atMs: number | null, never: string): string =>
  atMs === null ? never : String(Math.floor(atMs / 1_000));
