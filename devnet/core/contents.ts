/**
 * Which contents a core node accepts, per message type, as aleph-message 1.7.0 checks them. Pure.
 * PROGRAM and V-PROGRAM are refused as badly formed: nothing that the twin serves rents them.
 */
import { isObject } from "./json.ts";
import type { Floats, Json, JsonObject } from "./json.ts";
import {
  anyObject,
  anything,
  between,
  chars,
  dictionary,
  flag,
  list,
  nullable,
  object,
  oneOf,
  optional,
  required,
  strictWhole,
  union,
  whole,
  withDefault,
} from "./schema.ts";
import type { Schema } from "./schema.ts";

export const CHAINS = (
  "ARB AURORA AVAX BASE BLAST BOB BSC CSDK CYBER DOT ES ETH ETHERLINK FRAX HYPE INK LENS LINEA LISK METIS MODE NEO NULS " +
  "NULS2 OP POL SOL SONIC STT TEZOS UNICHAIN WLD ZORA"
).split(" ");

const SECONDS_MAX = 9_223_372_036;
const SIZE_MIB_MAX = 1_953_125;

/** 64 hex digits of storage, or a CID of IPFS. */
export function isItemHash(text: string): boolean {
  return /^[0-9a-fA-F]{64}$/.test(text) || /^Qm\w{42,44}$/.test(text) || /^bafy\w{55}$/.test(text);
}

const hash: Schema = { check: (value) => typeof value === "string" && isItemHash(value), dump: (value) => value };

const owned = { address: required(chars()), time: required(between(0, SECONDS_MAX)) };

const payment = object(
  {
    chain: optional(oneOf(...CHAINS)),
    receiver: optional(chars()),
    type: required(oneOf("hold", "superfluid", "credit")),
  },
  "ignore",
);

const post = object(
  {
    ...owned,
    content: required(anything),
    ref: optional(union(chars(), anyObject)),
    type: required(chars()),
  },
  "forbid",
  (value) => value["type"] !== "amend" || (value["ref"] ?? null) !== null,
);

const aggregate = object(
  { ...owned, key: required(union(chars(), anyObject)), content: required(anyObject) },
  "forbid",
);

const forget = object(
  {
    ...owned,
    hashes: required(list(hash, 1000)),
    aggregates: withDefault(list(hash, 1000), []),
    reason: optional(chars(1000)),
  },
  "forbid",
);

const store = object(
  {
    ...owned,
    item_type: required(oneOf("storage", "ipfs")),
    item_hash: required(hash),
    size: optional(whole(0, Number.MAX_SAFE_INTEGER)),
    content_type: optional(chars()),
    ref: optional(chars()),
    metadata: optional(anyObject),
    payment: optional(payment),
  },
  "allow",
);

const trustedExecution = object(
  { policy: withDefault(whole(0, 2 ** 31), 1), firmware: withDefault(chars(), "") },
  "ignore",
);

const environment = object(
  {
    internet: withDefault(flag, false),
    aleph_api: withDefault(flag, false),
    hypervisor: optional(oneOf("qemu", "firecracker")),
    trusted_execution: optional(trustedExecution),
    reproducible: withDefault(flag, false),
    shared_cache: withDefault(flag, false),
  },
  "ignore",
  (value) => (value["trusted_execution"] ?? null) === null || value["hypervisor"] === "qemu",
);

const port = object({ protocol: required(oneOf("tcp", "udp")), port: required(whole(1, 65_535)) }, "ignore");

const resources = object(
  {
    vcpus: withDefault(whole(1, 256), 1),
    memory: withDefault(whole(1, 1_048_576), 128),
    seconds: withDefault(whole(1, 315_360_000), 1),
    published_ports: optional(list(port)),
  },
  "ignore",
);

const cpu = object(
  {
    architecture: optional(oneOf("x86_64", "arm64")),
    vendor: optional(chars()),
    features: optional(list(chars())),
  },
  "forbid",
);

const node = object(
  {
    owner: optional(chars()),
    address_regex: optional(chars(256)),
    node_hash: optional(hash),
    terms_and_conditions: optional(hash),
  },
  "forbid",
  (value) =>
    compiles(value["address_regex"]) &&
    ((value["terms_and_conditions"] ?? null) === null || (value["node_hash"] ?? null) !== null),
);

const gpu = object(
  {
    vendor: required(chars()),
    device_name: required(chars()),
    device_class: required(oneOf("0300", "0302")),
    device_id: required(chars()),
  },
  "forbid",
);

const requirements = object({ cpu: optional(cpu), node: optional(node), gpu: optional(list(gpu)) }, "forbid");

const parentVolume = object({ ref: required(hash), use_latest: withDefault(flag, true) }, "ignore");

const rootfs = object(
  {
    parent: required(parentVolume),
    persistence: required(oneOf("host", "store")),
    size_mib: required(strictWhole(1, SIZE_MIB_MAX)),
    forgotten_by: optional(list(anything)),
  },
  "ignore",
);

const described = { comment: optional(chars()), mount: optional(chars()) };

const volume = union(
  object({ ...described, ref: required(hash), use_latest: withDefault(flag, true) }, "forbid"),
  object(
    { ...described, ephemeral: required(flag), size_mib: required(strictWhole(1, 1000)) },
    "forbid",
    (value) => value["ephemeral"] === true,
  ),
  object(
    {
      ...described,
      parent: optional(parentVolume),
      persistence: withDefault(nullable(oneOf("host", "store")), null),
      name: optional(chars()),
      size_mib: required(strictWhole(1, SIZE_MIB_MAX)),
    },
    "forbid",
  ),
);

const machine = {
  allow_amend: required(flag),
  metadata: optional(dictionary(anything, 256)),
  authorized_keys: optional(list(chars(8192), 256)),
  variables: optional(dictionary(chars(4096), 256, 128)),
  environment: required(environment),
  resources: required(resources),
  payment: optional(payment),
  requirements: optional(requirements),
  volumes: withDefault(list(volume, 256), []),
  replaces: optional(chars()),
  rootfs: required(rootfs),
};

const instance = object({ ...owned, ...machine }, "forbid", gpuNeedsQemu);

/** For estimates the time may be missing, and more may be left to defaults. */
const estimatedInstance = object(
  { ...owned, time: optional(between(0, SECONDS_MAX)), ...machine, allow_amend: withDefault(flag, false) },
  "forbid",
  gpuNeedsQemu,
);

function gpuNeedsQemu(value: JsonObject): boolean {
  const asked = value["requirements"];
  const devices = isObject(asked) ? asked["gpu"] : null;
  const around = value["environment"];
  const hypervisor = isObject(around) ? around["hypervisor"] : null;
  return !Array.isArray(devices) || devices.length === 0 || hypervisor === "qemu";
}

function compiles(pattern: Json | undefined): boolean {
  if (typeof pattern !== "string") return true;
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}

const BY_TYPE: Readonly<Record<string, Schema>> = {
  POST: post,
  AGGREGATE: aggregate,
  FORGET: forget,
  STORE: store,
  INSTANCE: instance,
};

export function isContentOf(type: string, content: Json, floats: Floats): content is JsonObject {
  return BY_TYPE[type]?.check(content, { holder: {}, key: "", floats }) ?? false;
}

export function isEstimatedInstance(content: Json, floats: Floats): content is JsonObject {
  return estimatedInstance.check(content, { holder: {}, key: "", floats });
}

/** The content as the model of its type writes it back: known keys in the model's order, defaults filled in. */
export function contentThroughModel(type: string, content: JsonObject): Json {
  return BY_TYPE[type]?.dump(content) ?? content;
}
