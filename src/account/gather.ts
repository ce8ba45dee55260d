/**
 * Gathers dated facts in the Worker, with its own connections, before an account is asked (design.md §12.7).
 *
 * Prices, images and the node list are the same for everybody and kept for a short while in the isolate's memory; the
 * payer is read anew for each decision.
 */
import { devicesOf, type GpuModels, readGpuModels } from "../aleph/gpu-models.ts";
import { type Image, imageOf, readImages } from "../aleph/images.ts";
import type { Network } from "../aleph/network.ts";
import { type AttoPerS, knownGpuModel, type Pricing, rateFromCores, readPricing } from "../aleph/prices.ts";
import { parseSshPubkey } from "../aleph/ssh-pubkey.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { freeGpu, type Measured, scorePctOf, type Wanted } from "../directory/choice.ts";
import { findNode, type Found } from "../directory/find.ts";
import { type NodeListReader, type NodeSnapshot, nodeListReader } from "../directory/list.ts";
import { type Regions, regionsOf } from "../directory/regions.ts";
import { type Answer, answer, refuse } from "../errors.ts";
import type { Clock, Random } from "../ports.ts";
import type { VmAsk } from "./contract.ts";
import { readPayer } from "./facts.ts";
import { isUncountable, type PayerFacts, readings } from "./payer.ts";
import type { NodeRef, Place, Shape, SpecAsk, VmSpec } from "./types.ts";

const PRICES_AGE_MS = 60_000;
const IMAGES_AGE_MS = 300_000;
const GPUS_AGE_MS = 300_000;
const TTL_S_MIN = 600;
const NAME = /^[a-z0-9-]{1,32}$/;
const HASH = /^[0-9a-f]{64}$/;
/** Without the network: when to ask again. */
export const REACH_RETRY_S = 120;

export type PlaceAsk = {
  /** The node that the quote named; tried first. */
  readonly preferred?: string | undefined;
  readonly cooling: readonly string[];
  /** Nodes that earlier attempts of the same VM have used. */
  readonly tried?: readonly string[];
  readonly probesAtOnce?: number;
  /** The owner's rules, or null without a policy. */
  readonly place: Place | null;
  readonly measured?: Measured;
};

type Kept<T> = { readonly value: T; readonly atMs: number };

export class Gatherer {
  readonly network: Network;
  readonly regions: Regions;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly nodes: NodeListReader;
  private prices: Kept<readonly (Pricing | undefined)[]> | undefined;
  private images: Kept<readonly Image[]> | undefined;
  private gpuModels: Kept<readonly (GpuModels | undefined)[]> | undefined;

  constructor(network: Network, clock: Clock, random: Random) {
    this.network = network;
    this.clock = clock;
    this.random = random;
    this.nodes = nodeListReader(network, clock);
    this.regions = regionsOf(network, clock);
  }

  /** Undefined with fewer than two core nodes answering: then nothing is admitted. */
  async payer(owner: Address, agent: Address): Promise<PayerFacts | undefined> {
    const facts = await readPayer(this.network, owner, agent, this.clock.nowMs());
    return readings(facts).length >= 2 || isUncountable(facts) ? facts : undefined;
  }

  async rate(shape: Shape): Promise<AttoPerS | undefined> {
    const fresh = this.prices !== undefined && this.clock.nowMs() - this.prices.atMs < PRICES_AGE_MS;
    if (!fresh) {
      const { perCore } = await readPricing(this.network);
      // A gap is not kept: the next call asks again.
      if (perCore.filter((one) => one !== undefined).length < 2) return undefined;
      this.prices = { value: perCore, atMs: this.clock.nowMs() };
    }
    const { gpu, ...plain } = shape;
    return rateFromCores(this.prices?.value ?? [], gpu === undefined ? plain : { ...plain, gpuModel: gpu });
  }

  /** What may be taken for the GPU of this shape. A gap is not kept: the next call asks again. */
  async gpuDevices({ gpu }: Shape): Promise<Pick<Wanted, "gpuDevices">> {
    if (gpu === undefined) return {};
    const fresh = this.gpuModels !== undefined && this.clock.nowMs() - this.gpuModels.atMs < GPUS_AGE_MS;
    const perCore = fresh ? (this.gpuModels?.value ?? []) : await readGpuModels(this.network);
    if (!fresh && !perCore.includes(undefined)) this.gpuModels = { value: perCore, atMs: this.clock.nowMs() };
    return { gpuDevices: devicesOf(perCore, knownGpuModel(gpu) ?? gpu) };
  }

  snapshot(): Promise<NodeSnapshot | undefined> {
    return this.nodes.read();
  }

  private async knownImages(): Promise<readonly Image[]> {
    if (this.images === undefined || this.clock.nowMs() - this.images.atMs > IMAGES_AGE_MS) {
      this.images = { value: await readImages(this.network), atMs: this.clock.nowMs() };
    }
    return this.images.value;
  }

  /** The VM as it would be ordered, or the first parameter that cannot be. A private key is refused without echo. */
  async spec(ask: VmAsk): Promise<Answer<SpecAsk>> {
    const bad = badField(ask);
    if (bad !== null) return refuse("input.invalid", { field: bad });
    const key = parseSshPubkey(ask.sshPubkey);
    if (key === "private_key") return refuse("input.private_key", { field: "ssh_pubkey" });
    if (key === undefined) return refuse("input.invalid", { field: "ssh_pubkey" });
    const image = imageOf(await this.knownImages(), ask.image);
    if (image === undefined) return refuse("input.invalid", { field: "os_image", known: "debian12 ubuntu22 ubuntu24" });
    if (ask.diskMib < image.minDiskMib) return refuse("input.invalid", { field: "disk_gb", minMib: image.minDiskMib });
    const shape = {
      vcpus: ask.vcpus,
      memoryMib: ask.memoryMib,
      diskMib: ask.diskMib,
      ...(ask.gpu === undefined ? {} : { gpu: ask.gpu }),
    };
    const optional = {
      ...(ask.ttlS === undefined ? {} : { ttlS: ask.ttlS }),
      ...(ask.name === undefined ? {} : { name: ask.name }),
      ...(ask.nodeHash === undefined ? {} : { nodeAsked: ask.nodeHash }),
      ...(ask.hourlyCreditsMax === undefined ? {} : { hourlyCreditsMax: ask.hourlyCreditsMax }),
    };
    return answer({
      shape,
      imageSlug: image.slug,
      imageHash: image.hash,
      sshPubkey: key.line,
      sshFingerprint: key.fingerprint,
      ...optional,
    });
  }

  /** One node that can take it now, probed; the preferred one first, if it still can and its core node answers. */
  async place(spec: Pick<VmSpec, "shape" | "nodeAsked">, ask: PlaceAsk): Promise<Answer<NodeRef>> {
    const { preferred, cooling, tried, place, probesAtOnce, measured = new Map() } = ask;
    const [snapshot, gpus] = await Promise.all([this.snapshot(), this.gpuDevices(spec.shape)]);
    if (snapshot === undefined) return refuse("network.unreachable", {}, REACH_RETRY_S);
    const wanted = {
      shape: spec.shape,
      ...gpus,
      cooling: new Set(cooling),
      tried: new Set(tried),
      ...(place === null || spec.nodeAsked !== undefined ? {} : { place }),
    };
    const { network, clock, random } = this;
    const looking = {
      network,
      clock,
      random,
      snapshot,
      measured,
      ...(probesAtOnce === undefined ? {} : { probesAtOnce }),
    };
    const find = (nodeHash: string | undefined): Promise<Answer<Found>> =>
      findNode({ ...looking, wanted: nodeHash === undefined ? wanted : { ...wanted, nodeHash } });
    const first = await find(spec.nodeAsked ?? preferred);
    const stays = first.ok && !first.value.coreSilent;
    const other = stays || spec.nodeAsked !== undefined || preferred === undefined ? first : await find(undefined);
    const found = other.ok || !first.ok ? other : first;
    return found.ok ? answer(chosen(found.value, wanted)) : found;
  }
}

function chosen({ node, entry }: Found, wanted: Wanted): NodeRef {
  const device = wanted.shape.gpu === undefined ? undefined : freeGpu(entry, wanted)?.spec;
  const { termsHash } = entry;
  const terms = termsHash === undefined ? {} : { termsHash };
  return { ...node, ...terms, scorePct: scorePctOf(entry), ...(device === undefined ? {} : { gpu: device }) };
}

const whole = (value: number, min: number, max: number): boolean =>
  Number.isSafeInteger(value) && value >= min && value <= max;

/** The first parameter that no network could serve; limits of the owner's policy come later and say so themselves. */
function badField(ask: VmAsk): string | null {
  if (!whole(ask.vcpus, 1, 256)) return "cpu";
  if (!whole(ask.memoryMib, 512, 1_048_576)) return "ram_gb";
  if (!whole(ask.diskMib, 1_024, 1_953_125)) return "disk_gb";
  if (ask.ttlS !== undefined && !whole(ask.ttlS, TTL_S_MIN, 366 * 86_400)) return "ttl_hours";
  if (ask.name !== undefined && !NAME.test(ask.name)) return "name";
  if (ask.nodeHash !== undefined && !HASH.test(ask.nodeHash)) return "crn_id";
  // A model without a price never gets free by waiting, so it is not left to the nodes to lack it.
  if (ask.gpu !== undefined && knownGpuModel(ask.gpu) !== ask.gpu) return "gpu";
  return ask.hourlyCreditsMax !== undefined && !whole(ask.hourlyCreditsMax, 1, Number.MAX_SAFE_INTEGER)
    ? "max_hourly_cost_usd"
    : null;
}
