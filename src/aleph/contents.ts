/**
 * The contents of the messages we send: what a core node will judge, field by field.
 *
 * Pure. The order of the keys is part of the bytes that get hashed, so it is fixed here and nowhere else. Everything
 * in a content is public for ever.
 */
import type { Address } from "../crypto/secp256k1.ts";
import { AllowanceError } from "../errors.ts";

/** Exactly the four fields that the network demands; they name a device and are never shown to anybody. */
export type GpuSpec = {
  readonly vendor: string;
  readonly device_name: string;
  readonly device_class: "0300" | "0302";
  readonly device_id: string;
};

export type InstanceAsk = {
  readonly owner: Address;
  readonly timeS: number;
  readonly name?: string;
  readonly vmId: string;
  readonly expiresAtMs: number;
  readonly sshPubkey: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly imageHash: string;
  readonly nodeHash: string;
  readonly gpu?: GpuSpec;
  readonly termsHash?: string;
};

/** An instance pinned to its node and its image, paid in credits; it says itself when it must die (ISO time). */
export function instanceContent(ask: InstanceAsk): object {
  mustCount(ask.vcpus, ask.memoryMib, ask.diskMib);
  const allowance = { vm_id: ask.vmId, expires_at: new Date(ask.expiresAtMs).toISOString() };
  return {
    address: ask.owner,
    time: ask.timeS,
    allow_amend: false,
    metadata: ask.name === undefined ? { allowance } : { name: ask.name, allowance },
    authorized_keys: [ask.sshPubkey],
    environment: { internet: true, aleph_api: true, hypervisor: "qemu", reproducible: false, shared_cache: false },
    resources: { vcpus: ask.vcpus, memory: ask.memoryMib, seconds: 30 },
    payment: { type: "credit" },
    requirements: requirementsOf(ask),
    volumes: [],
    // use_latest is never true: the image that was approved is the image that boots
    rootfs: { parent: { ref: ask.imageHash, use_latest: false }, persistence: "host", size_mib: ask.diskMib },
  };
}

function requirementsOf(ask: InstanceAsk): object {
  const node =
    ask.termsHash === undefined
      ? { node_hash: ask.nodeHash }
      : { node_hash: ask.nodeHash, terms_and_conditions: ask.termsHash };
  if (ask.gpu === undefined) return { node };
  const { vendor, device_name, device_class, device_id } = ask.gpu;
  return { node, gpu: [{ vendor, device_name, device_class, device_id }] };
}

export function forgetContent(ask: {
  readonly owner: Address;
  readonly timeS: number;
  readonly hashes: readonly string[];
  readonly reason?: string;
}): object {
  const content = { address: ask.owner, time: ask.timeS, hashes: [...ask.hashes] };
  return ask.reason === undefined ? content : { ...content, reason: ask.reason };
}

export function aggregateContent(ask: {
  readonly owner: Address;
  readonly timeS: number;
  readonly key: string;
  readonly content: object;
}): object {
  return { address: ask.owner, key: ask.key, time: ask.timeS, content: ask.content };
}

/**
 * A POST that moves credits; it counts only on `CREDIT_CHANNEL`. The expiry is in milliseconds on the wire: one given in
 * seconds is accepted by the network, debits the payer and arrives already expired.
 */
export function creditTransferContent(ask: {
  readonly payer: Address;
  readonly timeS: number;
  readonly to: Address;
  readonly credits: number;
  readonly expiresAtMs?: number;
}): object {
  mustCount(ask.credits);
  const amount = { address: ask.to, amount: ask.credits };
  return {
    address: ask.payer,
    time: ask.timeS,
    type: "aleph_credit_transfer",
    content: { transfer: { credits: [ask.expiresAtMs === undefined ? amount : expiring(amount, ask)] } },
  };
}

function expiring(amount: object, ask: { readonly timeS: number; readonly expiresAtMs?: number }): object {
  const expiresAtMs = ask.expiresAtMs ?? 0;
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs <= ask.timeS * 1000)
    throw new AllowanceError("internal.invariant");
  return { ...amount, expiration: expiresAtMs };
}

function mustCount(...values: readonly number[]): void {
  if (values.some((value) => !Number.isSafeInteger(value) || value <= 0))
    throw new AllowanceError("internal.invariant");
}
