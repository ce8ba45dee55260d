/**
 * What the drive of one account works with: its lines to the network, its clock, chance, key ring and ledger.
 *
 * Put together anew for each step, so that a step sees the key, the policy and the latest reading of now. Decides one thing:
 * which core nodes a message goes to first.
 */
import { type Calls, callsOver } from "../aleph/calls.ts";
import { type Core, CORES, type Network } from "../aleph/network.ts";
import type { Kek } from "../crypto/sealed.ts";
import type { Ports } from "../ports.ts";
import type { Signers } from "./attempts.ts";
import type { Eraser } from "./erase.ts";
import { keyRing } from "./keys.ts";
import type { Nodes, NodesFor } from "./next-node.ts";
import type { PayerFacts } from "./payer.ts";
import { overSsh, type Readiness } from "./readiness.ts";
import type { Store } from "./store.ts";
import type { VmRecord } from "./types.ts";

export type Tools = Eraser & {
  readonly calls: Calls;
  readonly readiness: Readiness;
  /** Whose FORGETs count: ours need a delegation that two core nodes showed in force at the latest reading. */
  readonly signers: Signers;
  readonly nodes: Nodes;
  /** All three, in the order in which a message is sent to them. */
  readonly cores: readonly Core[];
  /** The VM as the ledger has it by now: what was read before a call may be over after it. */
  readonly stored: (vmId: string) => VmRecord | undefined;
};

export type ToolSetting = {
  readonly ports: Ports;
  readonly network: Network;
  readonly keks: readonly Kek[];
  readonly nodes: NodesFor;
};

export function toolsOver({ ports, network, keks, nodes }: ToolSetting, store: Store, signers: Signers): Tools {
  const name = (): string => store.loadAccount()?.name ?? "";
  return {
    calls: callsOver(network),
    clock: ports.clock,
    random: ports.random,
    keys: keyRing(store, name, keks, ports.random),
    readiness: overSsh(ports),
    signers,
    nodes: nodes(name(), store.currentPolicy()?.place ?? null),
    cores: answeringFirst(store.loadPayer()),
    stored: (vmId) => store.loadVm(vmId),
  };
}

/**
 * The core nodes, those first that answered when the payer was last read: at most a minute before a create is admitted and
 * every five minutes while anything lives. One that was silent comes last and is never left out: it may be back.
 */
export function answeringFirst(payer: PayerFacts | null): readonly Core[] {
  const isSilent = (core: Core): boolean => payer !== null && payer.perCore[core] === null;
  return CORES.toSorted((a, b) => Number(isSilent(a)) - Number(isSilent(b)));
}
