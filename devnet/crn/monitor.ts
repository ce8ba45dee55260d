/**
 * The 60-second round of a node: VMs whose message has ended are dropped at the third sighting in a row (the first one
 * before 1.10), and per owner the newest VMs are stopped while the credits do not cover one second of all of them.
 */
import { drop, isRunning } from "./executions.ts";
import { atto, attoOf } from "./figures.ts";
import type { Node } from "./core-link.ts";
import { refreshPorts } from "./operations.ts";
import { atLeast, type Vm } from "./spec.ts";

const STRIKES = 3;
/** PAYMENT_BUFFER: 1e-10 credits, here in atto-credits. */
const BUFFER_ATTO = 10n ** 8n;
const TERMINAL = new Set(["forgotten", "rejected", "removed"]);

export function monitorRound(node: Node, nowMs: number): void {
  const running = Object.values(node.state.vms).filter((vm) => isRunning(vm, nowMs));
  for (const vm of running) {
    countStrike(node, vm, nowMs);
    // Nodes since 1.11 follow the owner's aggregate as it changes; here they look once a round.
    const follows = atLeast(node.spec.version, "1.11.0") && !node.state.knobs.loseForwards;
    if (follows && node.state.vms[vm.hash] !== undefined) refreshPorts(node, vm);
  }
  for (const group of groups(node, nowMs).values()) stopUnpaid(node, group, nowMs);
}

/** A status that cannot be read neither counts nor resets; `removing` is not terminal. */
function countStrike(node: Node, vm: Vm, nowMs: number): void {
  const status = node.core.status(vm.hash, nowMs);
  if (status === undefined) return;
  vm.strikes = TERMINAL.has(status) ? vm.strikes + 1 : 0;
  if (vm.strikes < (atLeast(node.spec.version, "1.10.0") ? STRIKES : 1)) return;
  drop(node.state, vm.hash, nowMs);
  delete node.state.ports[vm.hash];
}

/** One balance pays for all VMs of an owner and payment chain. */
function groups(node: Node, nowMs: number): Map<string, Vm[]> {
  const byPayer = new Map<string, Vm[]>();
  for (const vm of Object.values(node.state.vms)) {
    if (!isRunning(vm, nowMs)) continue;
    const key = `${vm.owner} ${vm.chain}`;
    byPayer.set(key, [...(byPayer.get(key) ?? []), vm]);
  }
  return byPayer;
}

function stopUnpaid(node: Node, vms: Vm[], nowMs: number): void {
  const owner = vms[0]?.owner;
  const balance = owner === undefined ? undefined : node.core.balance(owner, nowMs);
  const prices = vms.map((vm) => node.core.price(vm.hash, nowMs));
  if (balance === undefined) return;
  let due = BUFFER_ATTO;
  const known: { readonly vm: Vm; readonly perS: bigint }[] = [];
  for (const [index, vm] of vms.entries()) {
    const price = prices[index];
    // One price that cannot be read ends the round for this payer, as an exception does on a real node.
    if (price === undefined || !price.ok) return;
    known.push({ vm, perS: atto(price.perS) });
    due += atto(price.perS);
  }
  while (known.length > 0 && attoOf(balance) < due) {
    const last = known.pop();
    if (last === undefined) return;
    due -= last.perS;
    drop(node.state, last.vm.hash, nowMs);
  }
}
