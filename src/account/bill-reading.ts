/**
 * What each core node says was taken for a VM, all its sent attempts together: its bill, and long after that the rows of
 * the payer's credit history. Effects like those of `effects.ts`: they write nothing and decide nothing.
 */
import { CORES, type Core, type Outcome } from "../aleph/network.ts";
import type { Learned } from "./effects.ts";
import type { Tools } from "./tools.ts";
import type { Credits, Hash, VmRecord } from "./types.ts";

export const settle = async ({ calls }: Tools, vm: VmRecord): Promise<readonly Learned[]> => [
  { kind: "billed", perCore: await onEachCore(vm, calls.consumedCredits) },
];

export const charges = async ({ calls, signers }: Tools, vm: VmRecord): Promise<readonly Learned[]> => [
  { kind: "charged", perCore: await onEachCore(vm, (core, hash) => calls.historyCharges(core, signers.owner, hash)) },
];

type Read = (core: Core, hash: Hash) => Promise<Outcome<Credits>>;

const onEachCore = (vm: VmRecord, read: Read): Promise<readonly (Credits | null)[]> =>
  Promise.all(CORES.map((core) => sumOn(core, vm, read)));

async function sumOn(core: Core, vm: VmRecord, read: Read): Promise<Credits | null> {
  const sent = vm.attempts.filter((attempt) => attempt.firstSendMs !== null);
  const sums = await Promise.all(sent.map((attempt) => read(core, attempt.itemHash)));
  return sums.every((sum) => sum.ok) ? sums.reduce((all, sum) => all + (sum.ok ? sum.value : 0), 0) : null;
}
