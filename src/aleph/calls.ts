/**
 * What an account's drive asks of the network, as one set of functions: the seam at which a simulated network can stand
 * in for the HTTP one. No rules in here.
 */
import { aggregateMessages, type ListedInstance, type ListedMessage, liveInstances } from "./core-lists.ts";
import { aggregate, consumedCredits, type CoreStatus, frozenRate, messageStatus, publish } from "./core-nodes.ts";
import { historyCharges } from "./credit-history.ts";
import type { AttoPerS } from "./decimal.ts";
import type { SignedMessage } from "./message.ts";
import type { Core, Network, Outcome } from "./network.ts";
import { erase, type Erased, type Execution, execution, type Notified, notify, refreshForwards } from "./nodes.ts";
import { schedulerView, type SchedulerView } from "./scheduler.ts";
import type { JsonObject } from "./wire.ts";

/** Nothing is ever taken out of an aggregate: at 37 bytes for each VM that is over, an account of 100,000 of them. */
const AGGREGATE_BYTES_MAX = 4 * 1_048_576;

/** By whose account, by which signers, or both; whole lists or none. */
export type ListAsk = { readonly owner?: string; readonly senders?: readonly string[] };

export type Calls = {
  readonly publish: (core: Core, message: SignedMessage) => Promise<Outcome<"accepted" | "malformed">>;
  readonly messageStatus: (core: Core, hash: string) => Promise<Outcome<{ readonly status: CoreStatus }>>;
  readonly frozenRate: (core: Core, hash: string) => Promise<Outcome<AttoPerS | "absent">>;
  readonly consumedCredits: (core: Core, hash: string) => Promise<Outcome<number>>;
  /** What this core node's credit history of the payer shows for one message. */
  readonly historyCharges: (core: Core, payer: string, hash: string) => Promise<Outcome<number>>;
  readonly notify: (origin: string, hash: string) => Promise<Outcome<Notified>>;
  readonly execution: (origin: string, hash: string) => Promise<Outcome<Execution | "absent">>;
  readonly erase: (origin: string, hash: string, headers: Record<string, string>) => Promise<Outcome<Erased>>;
  readonly refreshForwards: (origin: string, hash: string) => Promise<Outcome<"done" | "absent">>;
  readonly liveInstances: (core: Core, ask: ListAsk) => Promise<Outcome<readonly ListedInstance[]>>;
  readonly aggregate: (core: Core, address: string, key: string) => Promise<Outcome<JsonObject | "absent">>;
  /** What the owner signed for the list of who may act for them, as this core node keeps it. */
  readonly securityMessages: (core: Core, owner: string) => Promise<Outcome<readonly ListedMessage[]>>;
  readonly schedulerView: (hash: string) => Promise<Outcome<SchedulerView | "absent">>;
};

export function callsOver(network: Network): Calls {
  return {
    publish: (core, message) => publish(network, core, message),
    messageStatus: (core, hash) => messageStatus(network, core, hash),
    frozenRate: (core, hash) => frozenRate(network, core, hash),
    consumedCredits: (core, hash) => consumedCredits(network, core, hash),
    historyCharges: (core, payer, hash) => historyCharges(network, core, payer, hash),
    notify: (origin, hash) => notify(network, origin, hash),
    execution: (origin, hash) => execution(network, origin, hash),
    erase: (origin, hash, headers) => erase(network, origin, hash, headers),
    refreshForwards: (origin, hash) => refreshForwards(network, origin, hash),
    liveInstances: (core, ask) => liveInstances(network, core, ask),
    aggregate: (core, address, key) => aggregate(network, core, address, key, AGGREGATE_BYTES_MAX),
    securityMessages: (core, owner) => aggregateMessages(network, core, owner, "security"),
    schedulerView: (hash) => schedulerView(network, hash),
  };
}
