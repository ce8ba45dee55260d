/**
 * The death certificate: who confirmed that a VM is gone, who denied it, who stayed silent. Pure.
 *
 * Witnesses are evidence, never a condition of the end; so it is issued at the latest ten minutes after it. Only a copy on
 * another node that says it runs is waited for, while it is erased again and again: half a day, for it may be a liar.
 */
import { runsElsewhere } from "./copies.ts";
import type { EndReason, Hash, VmRecord } from "./types.ts";

export type Witness = {
  readonly kind: "core_node" | "node" | "scheduler";
  /** Which one: "1".."3" for core nodes, the node hash for nodes. */
  readonly id: string;
  readonly says: "confirmed" | "denied" | "silent";
  readonly atMs: number;
};

export type Certificate = {
  readonly vmId: string;
  readonly itemHashes: readonly Hash[];
  readonly endReason: EndReason;
  readonly endedAtMs: number;
  readonly issuedAtMs: number;
  readonly runtimeS: number;
  readonly witnesses: readonly Witness[];
};

const WITNESS_WINDOW_MS = 600_000;
const COPY_WINDOW_MS = 12 * 3_600_000;

/** Issued once everybody confirms, at the latest when its window is over, with those named who did not. */
export function certify(vm: VmRecord, witnesses: readonly Witness[], nowMs: number): VmRecord {
  if (vm.certificate !== null || vm.endedAtMs === null || vm.endReason === null) return vm;
  const all = witnesses.every((witness) => witness.says === "confirmed");
  const windowMs = runsElsewhere(vm) ? COPY_WINDOW_MS : WITNESS_WINDOW_MS;
  if (!all && nowMs - vm.endedAtMs < windowMs) return vm;
  const first = vm.attempts[0]?.firstSendMs ?? null;
  const runtimeS = first === null ? 0 : Math.round((vm.endedAtMs - first) / 1_000);
  const itemHashes = vm.attempts.map((attempt) => attempt.itemHash);
  const { vmId, endReason, endedAtMs } = vm;
  return { ...vm, certificate: { vmId, itemHashes, endReason, endedAtMs, issuedAtMs: nowMs, runtimeS, witnesses } };
}
