/**
 * A fresh network: three real core nodes with the network's own aggregates, the whole roster, and a funded dev wallet.
 */
import { CoreNode } from "./core/core-node.ts";
import type { Lie } from "./core/lies.ts";
import { DEFAULT_IMAGES, DEFAULT_PRICING, DEFAULT_SETTINGS, SETTINGS_OWNER } from "./core/price-tables.ts";
import type { Core } from "./core-port.ts";
import type { JsonObject } from "./wire.ts";
import {
  CORE_HOSTS,
  CORE_TIMES,
  CORECHANNEL_ADDRESS,
  corechannel,
  DEV_WALLET,
  DEV_WALLET_CREDITS,
  ROSTER,
  rosterOf,
} from "./roster.ts";
import { World } from "./world.ts";

/** Only what the chain has confirmed can be removed for lack of credits. */
const CONFIRM_AFTER_MS = 600_000;

/** A fresh network of so many compute nodes; the roster's own ten if nobody says how many. */
export function newWorld(nowMs: number, nodes: number = ROSTER.length): World {
  const roster = rosterOf(nodes);
  const channel = corechannel(roster);
  const cores = CORE_TIMES.map((times, index) => {
    const node = new CoreNode({
      id: `core${index}`,
      origin: `https://${CORE_HOSTS[index] ?? ""}`,
      processingDelayMs: times.processingMs,
      defaults: { confirmAfterMs: CONFIRM_AFTER_MS },
    });
    return portOf(node);
  });
  for (const core of cores) {
    core.setAggregate(SETTINGS_OWNER, "pricing", DEFAULT_PRICING, nowMs);
    core.setAggregate(SETTINGS_OWNER, "settings", settings(), nowMs);
    core.setAggregate(SETTINGS_OWNER, "vm-images", vmImages(), nowMs);
    core.seedAggregate(CORECHANNEL_ADDRESS, "corechannel", channel, nowMs);
    core.grantCredits(DEV_WALLET, DEV_WALLET_CREDITS, undefined, nowMs);
  }
  return new World({ nowMs, cores, roster });
}

function settings(): JsonObject {
  return { ...DEFAULT_SETTINGS, last_crn_version: "1.10.0", authorized_allocation_signers: [] };
}

function vmImages(): JsonObject {
  const image = (one: (typeof DEFAULT_IMAGES)[number]) => ({
    hash: one.hash,
    display_name: one.name,
    min_disk_mib: 20_480,
  });
  const rootfs = Object.fromEntries(DEFAULT_IMAGES.map((one) => [one.slug, image(one)]));
  return { rootfs, runtimes: {}, firmwares: {}, defaults: { rootfs: "ubuntu24" } };
}

function portOf(node: CoreNode): Core {
  return {
    handle: (request, nowMs) => node.handle(request, nowMs),
    tick: (nowMs) => node.tick(nowMs),
    nextDueMs: () => node.nextDueMs(),
    receive: (envelope, nowMs) => node.receive(envelope, nowMs),
    publishTo: (listener) => (node.onPublish = (envelope, _fromId, nowMs) => listener(envelope, nowMs)),
    statusOf: (hash) => node.statusOf(hash),
    instance: (hash) => node.instance(hash),
    ratePerS: (hash) => node.ratePerS(hash),
    creditBalance: (address) => node.creditBalance(address),
    aggregateOf: (address, key) => node.aggregateOf(address, key),
    liveInstances: () => node.liveInstances(),
    countByStatus: () => node.countByStatus(),
    setAggregate: (address, key, content, nowMs) => node.setAggregate(address, key, content, nowMs),
    seedAggregate: (address, key, content, nowMs) => node.seedAggregate(address, key, content, nowMs),
    setPricing: (pricing, nowMs) => node.setPricing(pricing, nowMs),
    grantCredits: (address, credits, expiresAtMs, nowMs) =>
      node.grantCredits(address, credits, expiresAtMs === undefined ? {} : { expiresAtMs }, nowMs),
    removeCredits: (address, credits, nowMs) => node.removeCredits(address, credits, nowMs),
    bill: (lines, nowMs) => node.bill(lines, nowMs),
    confirmOnChain: (hashes) => node.confirmOnChain(hashes),
    runRemovalJob: (nowMs) => node.runRemovalJob(nowMs),
    runGarbageCollection: (nowMs) => node.runGarbageCollection(nowMs),
    restart: () => node.restart(),
    setLie: (lie) => node.setLie(lie as Lie | undefined),
    lie: () => node.lie() as JsonObject | undefined,
    setKnobs: (knobs) => node.setKnobs(knobs),
    knobs: () => node.knobs(),
    revive: (hash, nowMs) => node.revive(hash, nowMs),
    snapshot: () => node.snapshot(),
    restore: (value) => void node.restore(value),
  };
}
