/**
 * Gathers what a decision needs from outside, dated, before the account is asked (design.md §12.7). No rules in here.
 *
 * All three core nodes are read at once; one that does not answer every question leaves a gap, one that lists more resources
 * than are counted is told apart, and the rules decide what two readings are worth.
 */
import { aggregate, balance, costs } from "../aleph/core-nodes.ts";
import { CORES, type Core, type Network } from "../aleph/network.ts";
import { removingInstances } from "../aleph/removing.ts";
import { delegationState } from "../aleph/permissions.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { PayerFacts, PayerReading } from "./payer.ts";

export async function readPayer(network: Network, payer: Address, agent: Address, nowMs: number): Promise<PayerFacts> {
  const read = await Promise.all(CORES.map((core) => readOne(network, core, payer, agent)));
  const perCore = read.map((one) => (one !== null && "lines" in one ? one : null));
  const uncounted = read.flatMap((one) => (one === null || "lines" in one ? [] : [one]));
  return { perCore, asOfMs: nowMs, agent, ...(uncounted.length === 0 ? {} : { uncounted }) };
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

type Read = PayerReading | Pick<PayerReading, "delegation"> | null;

async function readOne(network: Network, core: Core, payer: Address, agent: Address): Promise<Read> {
  const [owns, lines, security] = await Promise.all([
    balance(network, core, payer),
    costs(network, core, payer),
    aggregate(network, core, payer, "security"),
  ]);
  if (!owns.ok || !security.ok) return null;
  const delegation = delegationState(security.value, agent);
  if (!lines.ok) return lines.why === "too_large" ? { delegation } : null;
  return { credits: owns.value.credits, lots: owns.value.lots, lines: lines.value, delegation };
}
