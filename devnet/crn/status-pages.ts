/** The pages of a node that say what it is and how it is: usage, configuration, capability. Pure. */
import { unattachedGpus, usage } from "./admission.ts";
import type { Node } from "./core-link.ts";
import { atLeast } from "./spec.ts";

const DIAGNOSTIC_VM = "d2b74aa29898457bde0560e47f7cdd4e77287e9f1f7a1456161d2fd7d5c855d7";
const SUPER_TOKEN = "0xc0Fbc4967259786C743361a5885ef49380473dCF";

/** `/about/usage/system`. The memory is the host's, not the admission bucket. */
export function usageSystem(node: Node, nowMs: number): Record<string, unknown> {
  const { spec, state } = node;
  const used = usage(state);
  const load = Math.round((used.vcpus / 4) * 100) / 100;
  const minute = new Date(Math.floor(nowMs / 60_000) * 60_000).toISOString().slice(0, 19);
  const devices = { devices: spec.gpus, available_devices: unattachedGpus(spec, state) };
  return {
    cpu: {
      count: spec.cores,
      load_average: { load1: load, load5: load, load15: load },
      core_frequencies: { min: 2600, max: 2600 },
    },
    mem: sizes(spec.memoryMib, spec.memoryMib - 1024 - used.memoryMib),
    disk: sizes(spec.diskMib, spec.diskMib - used.diskMib),
    period: { start_timestamp: `${minute}Z`, duration_seconds: 60 },
    properties: { cpu: { architecture: "x86_64", vendor: "AuthenticAMD", features: [] } },
    ...(atLeast(spec.version, "1.5.0") ? { gpu: devices } : {}),
    active: true,
  };
}

function sizes(totalMib: number, availableMib: number): Record<string, number> {
  return { total_kB: totalMib * 1024, available_kB: Math.max(0, availableMib) * 1024 };
}

/** `/status/config`; `domain` and `apiServer` in the form in which the caller reached the node. */
export function statusConfig(node: Node, domain: string, apiServer: string): Record<string, unknown> {
  const { spec } = node;
  return {
    DOMAIN_NAME: domain,
    ...(atLeast(spec.version, "1.11.0") ? { node_hash: spec.hash } : {}),
    version: spec.version,
    references: { API_SERVER: apiServer, CHECK_FASTAPI_VM_ID: DIAGNOSTIC_VM, CONNECTOR_URL: "http://localhost:4021/" },
    security: {
      USE_JAILER: false,
      PRINT_SYSTEM_LOGS: true,
      WATCH_FOR_UPDATES: false,
      ALLOW_VM_NETWORKING: false,
      USE_DEVELOPER_SSH_KEYS: false,
    },
    networking: {
      IPV6_ADDRESS_POOL: `${spec.ipv6Pool}::/64`,
      IPV6_ALLOCATION_POLICY: "IPv6AllocationPolicy.static",
      IPV6_SUBNET_PREFIX: 124,
      IPV6_FORWARDING_ENABLED: true,
      USE_NDP_PROXY: true,
    },
    debug: { SENTRY_DSN_CONFIGURED: false, DEBUG_ASYNCIO: false, EXECUTION_LOG_ENABLED: false },
    payment: {
      PAYMENT_RECEIVER_ADDRESS: "",
      AVAILABLE_PAYMENTS: {
        "Chain.AVAX": paymentChain(43114, "https://api.avax.network/ext/bc/C/rpc"),
        "Chain.BASE": paymentChain(8453, "https://base-mainnet.public.blastapi.io"),
      },
      PAYMENT_MONITOR_INTERVAL: spec.monitorMs / 1000,
    },
    computing: {
      ENABLE_QEMU_SUPPORT: true,
      INSTANCE_DEFAULT_HYPERVISOR: "qemu",
      ENABLE_CONFIDENTIAL_COMPUTING: false,
      ENABLE_GPU_SUPPORT: spec.gpus.length > 0,
    },
  };
}

function paymentChain(chainId: number, rpc: string): Record<string, unknown> {
  return { chain_id: chainId, rpc, standard_token: null, super_token: SUPER_TOKEN, testnet: false, active: true };
}

export function capability(node: Node): Record<string, unknown> {
  const cpu = { architecture: "x86_64", vendor: "AuthenticAMD", features: [], model: "EPYC", frequency: 2_600_000_000 };
  const memory = {
    size: node.spec.memoryMib * 1_048_576,
    units: "bytes",
    type: "DDR4",
    clock: 3_200_000_000,
    clock_units: null,
  };
  return { cpu: { ...cpu, count: node.spec.cores }, memory };
}
