/**
 * Reads the forwarded ports back at each look at a machine, and has its node read them anew when they are not as asked: a
 * node that missed the aggregate, or its own settings, heals by that. Decides nothing about the VM.
 */
import type { Calls } from "../aleph/calls.ts";
import { agreedPorts, askedPorts, differ, FORWARDING_KEY, type Forwards, type Port } from "../aleph/forwards.ts";
import { CORES, type Outcome } from "../aleph/network.ts";
import type { Execution } from "../aleph/nodes.ts";
import type { Attempt, VmRecord } from "./types.ts";

/** What the owner asks for is one aggregate for all machines: every fifth look, so every five minutes, is enough. */
const REPEAT_EVERY = 5;

export type Listing = {
  readonly listed: Outcome<Execution | "absent">;
  /** Null: the node says nothing of ports, or nothing at all. */
  readonly forwards: Forwards | null;
};

/** `turn` counts the looks. At most one update a look, and the list once more after it: a machine is reached sooner. */
export async function listing(
  calls: Calls,
  payer: string,
  vm: VmRecord,
  attempt: Attempt,
  turn: number,
): Promise<Listing> {
  const { itemHash, node } = attempt;
  const list = (): Promise<Outcome<Execution | "absent">> => calls.execution(node.origin, itemHash);
  const [listed, asked] = await Promise.all([list(), askedNow(calls, payer, vm, itemHash, turn)]);
  const forwards = forwardsIn(listed, asked);
  if (forwards === null || !differ(forwards) || !mayRefresh(vm, turn)) return { listed, forwards };
  const told = await calls.refreshForwards(node.origin, itemHash);
  const again = told.ok ? await list() : listed;
  const after = forwardsIn(again, asked);
  return after === null ? { listed, forwards } : { listed: again, forwards: after };
}

/** When the difference is new; a node that did not mend it is told again now and then. */
const mayRefresh = ({ forwards = null }: VmRecord, turn: number): boolean =>
  forwards === null || !differ(forwards) || turn % REPEAT_EVERY === 0;

/** Until a machine was reached nobody can have asked for more than the default, and its boot waits for no core node. */
async function askedNow(
  calls: Calls,
  payer: string,
  vm: VmRecord,
  itemHash: string,
  turn: number,
): Promise<readonly Port[] | null> {
  const before = vm.forwards?.asked ?? null;
  if (vm.ssh === null || (before !== null && turn % REPEAT_EVERY !== 0)) return before;
  const read = await Promise.all(CORES.map((core) => calls.aggregate(core, payer, FORWARDING_KEY)));
  return agreedPorts(read.map((one) => (one.ok ? askedPorts(one.value, itemHash) : null))) ?? before;
}

/** Only of a machine that runs: while it boots its network is still being made. */
function forwardsIn(listed: Outcome<Execution | "absent">, asked: readonly Port[] | null): Forwards | null {
  if (!listed.ok || listed.value === "absent" || !listed.value.running) return null;
  const { forwards: mapped } = listed.value;
  return mapped === undefined ? null : { asked, mapped };
}
