/**
 * Gathers dated facts in the Worker, with its own connections, before an account is asked (design.md §12.7).
 *
 * Prices, images and the node list are the same for everybody and kept for a short while in the isolate's memory; the
 * payer is read anew for each decision.
 */
import { devicesOf, type GpuModels, readGpuModels } from "../aleph/gpu-models.ts";
import { DEFAULT_IMAGES, type Image, imageOf, readImages } from "../aleph/images.ts";
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
import { BOUNDS, invalid, outOfBounds } from "./bounds.ts";
import type { VmAsk } from "./contract.ts";
import { readPayer } from "./facts.ts";
import { isUncountable, type PayerFacts, readings } from "./payer.ts";
import type { NodeRef, Place, Shape, SpecAsk, VmSpec } from "./types.ts";

const PRICES_AGE_MS = 60_000;
const IMAGES_AGE_MS = 300_000;
const GPUS_AGE_MS = 300_000;
/** Those that are there whatever the network says: its own words are for nobody. */
const IMAGES = DEFAULT_IMAGES.map(({ slug }) => slug).join(", ");
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

  /** The image, if there is one of that name and the disk can hold it. */
  private async imageFor({ image: asked, diskMib }: VmAsk): Promise<Answer<Image>> {
    const image = imageOf(await this.knownImages(), asked);
    if (image === undefined) return { ok: false, refusal: invalid("os_image", "invalid_value", { known: IMAGES }) };
    const min = image.minDiskMib / BOUNDS.disk_gb.unit;
    return diskMib < image.minDiskMib
      ? { ok: false, refusal: invalid("disk_gb", "too_small", { min }) }
      : answer(image);
  }

  /** The VM as it would be ordered, or the first parameter that cannot be. A private key is refused without echo. */
  async spec(ask: VmAsk): Promise<Answer<SpecAsk>> {
    const bad = outOfBounds(ask);
    if (bad !== null) return { ok: false, refusal: bad };
    const key = parseSshPubkey(ask.sshPubkey);
    if (key === "private_key") return refuse("input.private_key", { parameter: "ssh_pubkey" });
    if (key === undefined) return { ok: false, refusal: invalid("ssh_pubkey", "invalid_format") };
    const image = await this.imageFor(ask);
    if (!image.ok) return image;
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
      imageSlug: image.value.slug,
      imageHash: image.value.hash,
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
