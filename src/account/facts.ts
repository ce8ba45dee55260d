/**
 * Gathers what a decision needs from outside, dated, before the account is asked (design.md §12.7). No rules in here.
 *
 * All three core nodes are read at once; one that does not answer every question leaves a gap, and the rules decide
 * what two readings are worth.
 */
import { aggregate, balance, costs } from "../aleph/core-nodes.ts";
import { CORES, type Core, type Network } from "../aleph/network.ts";
import { removingInstances } from "../aleph/removing.ts";
import { delegationState } from "../aleph/permissions.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { PayerFacts, PayerReading } from "./payer.ts";

export async function readPayer(network: Network, payer: Address, agent: Address, nowMs: number): Promise<PayerFacts> {
  const perCore = await Promise.all(CORES.map((core) => readOne(network, core, payer, agent)));
  return { perCore, asOfMs: nowMs, agent };
}

/** What the drive reads: also how many of the payer's instances are being removed, which no admission waits for. */
export async function readWatchedPayer(
  network: Network,
  payer: Address,
  agent: Address,
  nowMs: number,
): Promise<PayerFacts> {
  const [facts, removing] = await Promise.all([
    readPayer(network, payer, agent, nowMs),
    Promise.all(CORES.map((core) => removingInstances(network, core, payer))),
  ]);
  return { ...facts, removingPerCore: removing.map((one) => (one.ok ? one.value : null)) };
}

async function readOne(network: Network, core: Core, payer: Address, agent: Address): Promise<PayerReading | null> {
  const [owns, lines, security] = await Promise.all([
    balance(network, core, payer),
    costs(network, core, payer),
    aggregate(network, core, payer, "security"),
  ]);
  if (!owns.ok || !lines.ok || !security.ok) return null;
  return {
    credits: owns.value.credits,
    lots: owns.value.lots,
    lines: lines.value,
    delegation: delegationState(security.value, agent),
  };
}
