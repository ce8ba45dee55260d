/** Every call of the client that reads something a stranger wrote, with the caps that it has to keep. */
import { historyCharges } from "../../src/aleph/credit-history.ts";
import { messageStatus } from "../../src/aleph/core-nodes.ts";
import { estimatedRegion } from "../../src/aleph/dns.ts";
import { erase, execution, nodeList, notify, probeNode } from "../../src/aleph/nodes.ts";
import type { Network } from "../../src/aleph/network.ts";
import { schedulerView } from "../../src/aleph/scheduler.ts";
import { CORE_HOSTS, CRN_LIST_HOST, RESOLVER_HOST, SCHEDULER_HOSTS } from "../../devnet/roster.ts";
import { OWNER } from "../aleph/fakes.ts";
import { NODE } from "../devnet/surface.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;
const ORIGIN = `https://${NODE}`;

export type Call = {
  readonly name: string;
  readonly host: string;
  /** The request that the hostile server answers; all others are answered truly. */
  readonly prefix: string;
  readonly bytesMax: number;
  readonly deadlineMs: number;
  readonly run: (network: Network, hash: string) => Promise<{ readonly ok: boolean; readonly why?: string }>;
};

export const CALLS: readonly Call[] = [
  {
    name: "probe, configuration",
    host: NODE,
    prefix: "/status/config",
    bytesMax: 64 * KIB,
    deadlineMs: 5_000,
    run: (network) => probeNode(network, { origin: ORIGIN }, { nowMs: () => 0, alarmAtMs: (dueMs) => dueMs }),
  },
  {
    name: "probe, usage",
    host: NODE,
    prefix: "/about/usage/system",
    bytesMax: 64 * KIB,
    deadlineMs: 5_000,
    run: (network) => probeNode(network, { origin: ORIGIN }, { nowMs: () => 0, alarmAtMs: (dueMs) => dueMs }),
  },
  {
    name: "list of executions",
    host: NODE,
    prefix: "/v2/about/executions/list",
    bytesMax: 2 * MIB,
    deadlineMs: 10_000,
    run: (network, hash) => execution(network, ORIGIN, hash),
  },
  {
    name: "notify",
    host: NODE,
    prefix: "/control/allocation/notify",
    bytesMax: 256 * KIB,
    deadlineMs: 25_000,
    run: (network, hash) => notify(network, ORIGIN, hash),
  },
  {
    name: "erase",
    host: NODE,
    prefix: "/control/machine/",
    bytesMax: 256 * KIB,
    deadlineMs: 45_000,
    run: (network, hash) => erase(network, ORIGIN, hash, {}),
  },
  {
    name: "scheduler",
    host: SCHEDULER_HOSTS[0] ?? "",
    prefix: "/api/v1/vms/",
    bytesMax: 64 * KIB,
    deadlineMs: 5_000,
    run: (network, hash) => schedulerView(network, hash),
  },
  {
    name: "list of nodes",
    host: CRN_LIST_HOST,
    prefix: "/crns.json",
    bytesMax: 8 * MIB,
    deadlineMs: 15_000,
    run: (network) => nodeList(network),
  },
  {
    name: "resolver",
    host: RESOLVER_HOST,
    prefix: "/dns-query",
    bytesMax: 8 * KIB,
    deadlineMs: 1_500,
    run: (network) => estimatedRegion(network, { origin: ORIGIN }),
  },
  {
    name: "message on a core node",
    host: CORE_HOSTS[1],
    prefix: "/api/v0/messages/",
    bytesMax: MIB,
    deadlineMs: 8_000,
    run: (network, hash) => messageStatus(network, 1, hash),
  },
  {
    name: "credit history on a core node",
    host: CORE_HOSTS[1],
    prefix: "/api/v0/addresses/",
    bytesMax: 512 * KIB,
    deadlineMs: 8_000,
    run: (network, hash) => historyCharges(network, 1, OWNER, hash),
  },
];

export const networkOver = (net: Network["net"]): Network => ({
  net,
  coreOrigins: [`https://${CORE_HOSTS[0]}`, `https://${CORE_HOSTS[1]}`, `https://${CORE_HOSTS[2]}`],
  crnListOrigin: `https://${CRN_LIST_HOST}`,
  schedulerOrigin: `https://${SCHEDULER_HOSTS[0] ?? ""}`,
  resolverOrigin: `https://${RESOLVER_HOST}`,
});
