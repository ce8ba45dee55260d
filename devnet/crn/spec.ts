/**
 * What a compute node is (its spec, fixed), what it holds (its state, plain data that can be stored) and how it can be
 * made to misbehave (its knobs). Types and defaults only.
 */
import type { JsonObject } from "../wire.ts";

export type GpuDevice = {
  readonly vendor: string;
  readonly model?: string;
  readonly device_name: string;
  readonly device_class: "0300" | "0302";
  readonly pci_host: string;
  readonly device_id: string;
  readonly compatible: boolean;
};

export type NodeSpec = {
  readonly hash: string;
  readonly domain: string;
  readonly version: string;
  readonly cores: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly ipv4: string;
  /** The first four groups of the /64 from which guests get their addresses. */
  readonly ipv6Pool: string;
  readonly gpus: readonly GpuDevice[];
  /** 60 s on real nodes; each round looks at message states and balances. */
  readonly monitorMs: number;
  readonly cacheMs: CacheTimes;
};

export type CacheTimes = {
  readonly status: number;
  readonly balance: number;
  readonly price: number;
  readonly security: number;
};

/** The settings CACHE_TTL_* of aleph-vm. */
export const CACHE_MS: CacheTimes = { status: 30_000, balance: 30_000, price: 300_000, security: 120_000 };

export type BootStep = "prepare" | "start";

export type Knobs = {
  /** Nothing answers at this address; what runs goes on running. */
  readonly down: boolean;
  /** Requests are taken and never answered in useful time. */
  readonly hang: boolean;
  /** Every answer is a proxy's page. */
  readonly html502: boolean;
  /** Every start is refused for lack of room (503). */
  readonly full: boolean;
  /** Notify answers this status without looking at anything; 0 means normal. */
  readonly rejectNotify: number;
  readonly failBoot: BootStep | "none";
  /** A VM disappears this long after it started; 0 means never. */
  readonly vanishAfterMs: number;
  readonly downloadMs: number;
  readonly startMs: number;
  /** How long stop, erase and reinstall keep the caller waiting. */
  readonly operationMs: number;
  /** Guests speak SSH this long after they started; below 0 they never do. */
  readonly sshAfterMs: number;
  /** `running`: the list goes on showing what is gone. `stopped`: it shows live VMs as not running. */
  readonly lie: "none" | "running" | "stopped";
  /** Another DOMAIN_NAME than the one it is reached under; "" means the right one. */
  readonly domainName: string;
  readonly clockSkewMs: number;
  /** Errors raised with a body become plain-text 500s, as on the distribution's aiohttp 3.8. */
  readonly aiohttp38: boolean;
  readonly dropNetworking: boolean;
  /** No port is mapped, and no change of the aggregate followed, until it is told to update. */
  readonly loseForwards: boolean;
  /** What it says of itself in place of the truth; 0 and "" mean the truth. It admits and boots by its real size. */
  readonly claimCores: number;
  readonly claimMemoryMib: number;
  readonly claimDiskMib: number;
  readonly claimHash: string;
  readonly claimVersion: string;
  /** False: its guests run under another hypervisor, so they cannot be backed up. */
  readonly qemu: boolean;
};

export const KNOBS: Knobs = {
  down: false,
  hang: false,
  html502: false,
  full: false,
  rejectNotify: 0,
  failBoot: "none",
  vanishAfterMs: 0,
  downloadMs: 3_000,
  startMs: 1_500,
  operationMs: 0,
  sshAfterMs: 3_000,
  lie: "none",
  domainName: "",
  clockSkewMs: 0,
  aiohttp38: false,
  dropNetworking: false,
  loseForwards: false,
  claimCores: 0,
  claimMemoryMib: 0,
  claimDiskMib: 0,
  claimHash: "",
  claimVersion: "",
  qemu: true,
};

export type PortMap = { readonly host: number; readonly tcp: boolean; readonly udp: boolean };

/** One execution. Its times are planned when it is defined; the views compare them with the clock. */
export type Vm = {
  readonly hash: string;
  readonly owner: string;
  readonly chain: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly gpus: readonly string[];
  /** Third byte of its 172.16.x.0/24 network. */
  readonly slot: number;
  readonly definedMs: number;
  preparedMs: number;
  startedMs: number;
  /** When the boot fails, if it does. */
  failMs: number | null;
  vanishMs: number | null;
  strikes: number;
  /** Running time up to here has been handed to the meter. */
  meteredMs: number;
};

export type KnownInstance = { readonly content: JsonObject; readonly sender: string };

export type Reservation = { readonly pciHost: string; readonly holder: string; readonly expiresMs: number };

export type Backup = { readonly id: string; readonly readyMs: number; readonly expiresMs: number };

/** One line of every guest's console. */
export type JournalLine = { readonly file: "stdout" | "stderr"; readonly message: string };

export type Cached = { readonly value: string; readonly atMs: number };

export type NodeState = {
  knobs: Knobs;
  /** In the order in which they were started: the pool order of the credit stop. */
  vms: Record<string, Vm>;
  ghosts: Record<string, Vm>;
  ports: Record<string, Record<string, PortMap>>;
  portNext: number;
  disks: Record<string, readonly string[]>;
  messages: Record<string, KnownInstance>;
  images: string[];
  reservations: Reservation[];
  caches: Record<string, Cached>;
  unbilledMs: Record<string, number>;
  backups: Record<string, Backup>;
  journal: readonly JournalLine[];
  roundNextMs: number | null;
};

export function newNodeState(knobs: Partial<Knobs> = {}): NodeState {
  return {
    knobs: { ...KNOBS, ...knobs },
    vms: {},
    ghosts: {},
    ports: {},
    portNext: 24_000,
    disks: {},
    messages: {},
    images: [],
    reservations: [],
    caches: {},
    unbilledMs: {},
    backups: {},
    journal: [{ file: "stdout", message: "boot" }],
    roundNextMs: null,
  };
}

/** The spec that the node shows, which need not be the one it has. */
export function claimedSpec(spec: NodeSpec, knobs: Knobs): NodeSpec {
  return {
    ...spec,
    cores: knobs.claimCores || spec.cores,
    memoryMib: knobs.claimMemoryMib || spec.memoryMib,
    diskMib: knobs.claimDiskMib || spec.diskMib,
    hash: knobs.claimHash || spec.hash,
    version: knobs.claimVersion || spec.version,
  };
}

/** `1.14.0` against `1.11.3`. A version that is no version counts as old, except in the recording's own text. */
export function atLeast(version: string, floor: string): boolean {
  if (version === "version-unavailable") return true;
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of floor.split(".").map(Number).entries()) {
    const have = parts[index] ?? 0;
    if (Number.isNaN(have)) return false;
    if (have !== wanted) return have > wanted;
  }
  return true;
}
