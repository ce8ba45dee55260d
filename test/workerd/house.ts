/** A whole service with one owner, played through the fronts that `mcp/` and `web/` use. */
import { env } from "cloudflare:workers";
import { advanceTo } from "../../dev/advance.ts";
import { DEFAULT_PRICING } from "../../devnet/core/price-tables.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import type { AgentFront, Caller, GrantDraft, OwnerFront, Session, VmAsk, VmView } from "../../src/account/contract.ts";
import { accountName, type FrontSetting } from "../../src/account/doors.ts";
import { agentFront } from "../../src/account/front-agent.ts";
import { ownerFront } from "../../src/account/front-owner.ts";
import type { ApprovalState, PolicyDraft } from "../../src/account/types.ts";
import { utf8 } from "../../src/crypto/bytes.ts";
import { addressOf, newPrivateKey, signDigest, signPersonal } from "../../src/crypto/secp256k1.ts";
import { type TypedData, typedDataDigest } from "../../src/crypto/typed-data.ts";
import { parseConfig } from "../../src/env.ts";
import { shardOf, SHARDS } from "../../src/directory/watch.ts";
import type { Answer } from "../../src/errors.ts";
import { type Bindings, frontOf, sweepAll } from "../../src/wiring.ts";
import { stage, stagePorts } from "./stage.ts";

const bindings = env as unknown as Bindings;
export const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfXyBCWJkqVJZC6cUfWdTr2bGuVsuyFZR1MFIqHGlC";
export const HOUR_S = 3_600;

export function value<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(`refused: ${JSON.stringify(answer.refusal)}`);
  return answer.value;
}

export const code = <T>(answer: Answer<T>): string => (answer.ok ? "ok" : answer.refusal.code);

export const ASK = {
  vcpus: 1,
  memoryMib: 2_048,
  diskMib: 20_480,
  image: "ubuntu24",
  sshPubkey: SSH_KEY,
  ttlS: 2 * HOUR_S,
} satisfies VmAsk;

export function draftPolicy(
  change: {
    readonly limits?: Partial<PolicyDraft["limits"]>;
    readonly shape?: Partial<PolicyDraft["shape"]>;
    readonly place?: Partial<PolicyDraft["place"]>;
    readonly approval?: Partial<PolicyDraft["approval"]>;
    readonly on?: Partial<PolicyDraft["on"]>;
    readonly priceRisePctMax?: number;
    readonly delegationExpiresAtMs?: number;
  } = {},
): PolicyDraft {
  return {
    limits: {
      perVmCreditsMax: 1_000_000,
      burnCreditsPerHMax: 500_000,
      windows: [{ seconds: 86_400, creditsMax: 5_000_000 }],
      lifetimeCreditsMax: 20_000_000,
      vmsLiveMax: 3,
      createsPerMinMax: 10,
      ttlSDefault: 4 * HOUR_S,
      ttlSMax: 24 * HOUR_S,
      extendSTotalMax: 24 * HOUR_S,
      ...change.limits,
    },
    shape: { vcpusMax: 8, memoryMibMax: 16_384, diskMibMax: 163_840, gpus: [], images: [], ...change.shape },
    place: { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: 80, ...change.place },
    approval: {
      by: "signature",
      firstVm: false,
      gpu: true,
      aboveCredits: 1_000_000,
      unapprovedPerDayCredits: 5_000_000,
      ...change.approval,
    },
    on: { vmUnreachable: "destroy", vmUnreachableMin: 30, payerLine: "stop_ours", ...change.on },
    priceRisePctMax: change.priceRisePctMax ?? 10,
    expiresAtMs: stage.nowMs + 90 * 86_400_000,
    delegationExpiresAtMs: change.delegationExpiresAtMs ?? null,
  };
}

/** Every method of the agents' front, each with the same ids; none of them waits. */
export function everyCall(
  front: AgentFront,
  caller: Caller,
  { vmId = "vm_x", quoteId = "q_x", approvalId = "ap_x" } = {},
): { readonly [K in keyof AgentFront]: () => Promise<Answer<unknown>> } {
  return {
    checkBalance: () => front.checkBalance(caller),
    listNodes: () => front.listNodes(caller, { limit: 5 }),
    quoteVm: () => front.quoteVm(caller, ASK),
    quoteExtend: () => front.quoteExtend(caller, { vmId, seconds: HOUR_S }),
    quoteTopUp: () => front.quoteTopUp(caller, { credits: 1_000_000 }),
    accept: () => front.accept(caller, { quoteId, kind: "create", waitS: 0 }),
    getVm: () => front.getVm(caller, { vmId, waitS: 0 }),
    listVms: () => front.listVms(caller, { state: "all", limit: 10 }),
    destroyVm: () => front.destroyVm(caller, { vmId, dryRun: false, waitS: 0 }),
    getApproval: () => front.getApproval(caller, { approvalId, withdraw: true, waitS: 0 }),
    getSpending: () => front.getSpending(caller, { groupBy: "vm", limit: 10 }),
    emergencyStop: () => front.emergencyStop(caller),
  };
}

export class House {
  readonly agents: AgentFront;
  readonly owners: OwnerFront;
  readonly setting: FrontSetting;
  readonly session: Session;
  readonly name: string;
  /** Where the second clock looks; a test with this one account saves time by naming its shard. */
  shards: readonly string[] = SHARDS;
  private readonly key: Uint8Array;

  private constructor(setting: FrontSetting, key: Uint8Array) {
    this.setting = setting;
    this.key = key;
    this.session = { owner: addressOf(key), sessionId: "browser-1" };
    this.name = accountName(setting, this.session.owner);
    this.agents = agentFront(setting);
    this.owners = ownerFront(setting);
  }

  /** An owner with $50 on the twin, a signed policy and a delegation in force. */
  static async open(policy: PolicyDraft = draftPolicy(), credits = 50_000_000): Promise<House> {
    stage.reset();
    return House.join(policy, credits);
  }

  /** Another owner, on the network as it stands. */
  static async join(policy: PolicyDraft = draftPolicy(), credits = 50_000_000, delegated = true): Promise<House> {
    const house = House.stranger();
    value(await house.owners.arrive(house.session));
    for (const core of stage.world.cores) core.grantCredits(house.session.owner, credits, undefined, stage.nowMs);
    await house.setPolicy(policy);
    // whoever else is there waits for these few seconds
    house.shards = [shardOf(house.name)];
    if (delegated) await house.delegate();
    house.shards = SHARDS;
    return house;
  }

  static stranger(): House {
    const parsed = parseConfig(env);
    if (!parsed.ok) throw new Error(parsed.missing.join());
    return new House(frontOf(bindings, parsed.config, stagePorts), newPrivateKey(stagePorts.random));
  }

  get account() {
    return bindings.ACCOUNT.getByName(this.name);
  }

  signText(text: string): string {
    return signPersonal(utf8(text), this.key);
  }

  signTyped(data: TypedData): string {
    return signDigest(typedDataDigest(data), this.key);
  }

  async setPolicy(draft: PolicyDraft, unfreeze?: "account"): Promise<void> {
    const offer = value(
      await this.owners.offerPolicy(this.session, unfreeze === undefined ? { draft } : { draft, unfreeze }),
    );
    const signature = offer.typedData === null ? {} : { signature: this.signTyped(offer.typedData) };
    value(await this.owners.savePolicy(this.session, { nonce: offer.nonce, ...signature }));
  }

  async delegate(): Promise<void> {
    const { toSign } = value(await this.owners.openDelegation(this.session));
    if (toSign === null) return;
    const signature = signPersonal(utf8(toSign.text), this.key);
    value(
      await this.owners.submitDelegation(this.session, {
        itemHash: toSign.itemHash,
        signature,
        tickedEverything: true,
        tickedDoubtful: true,
      }),
    );
    for (let tries = 0; tries < 20; tries++) {
      await this.advance(5);
      if (value(await this.owners.openDelegation(this.session)).state === "ok") return;
    }
    throw new Error("delegation never came into force");
  }

  async agent(change: Partial<GrantDraft> = {}): Promise<Caller> {
    const draft: GrantDraft = {
      clientId: "c",
      clientName: "Agent",
      redirectHost: "localhost",
      scopes: ["vm:read", "vm:create"],
      creditsMax: 20_000_000,
      vmsLiveMax: 10,
      createsPerMinMax: 10,
      expiresAtMs: stage.nowMs + 30 * 86_400_000,
      ...change,
    };
    const added = value(await this.owners.addGrant(this.session, draft));
    return { account: added.account, grantId: added.grantId, scopes: draft.scopes };
  }

  /** The owner opens the request's page and says yes with the wallet, or no. */
  async decide(approvalId: string, verdict: "approve" | "deny" = "approve"): Promise<ApprovalState> {
    const { nonce, typedData } = value(await this.owners.openApproval(this.session, { approvalId }));
    const signature = verdict === "approve" ? { signature: this.signTyped(typedData) } : {};
    return value(await this.owners.decideApproval(this.session, { approvalId, nonce, verdict, ...signature })).state;
  }

  /** Quote, accept, and the VM's id; throws on a refusal. */
  async create(caller: Caller, change: Partial<VmAsk> = {}): Promise<string> {
    const quote = value(await this.agents.quoteVm(caller, { ...ASK, ...change }));
    const accepted = value(await this.agents.accept(caller, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (accepted.kind !== "vm") throw new Error(accepted.kind);
    return accepted.vm.vmId;
  }

  async vm(caller: Caller, vmId: string): Promise<VmView> {
    return value(await this.agents.getVm(caller, { vmId, waitS: 0 }));
  }

  async healthy(caller: Caller, change: Partial<VmAsk> = {}): Promise<string> {
    const vmId = await this.create(caller, change);
    await this.until(caller, vmId, ["HEALTHY"]);
    return vmId;
  }

  async until(caller: Caller, vmId: string, states: readonly VmView["state"][], limitS = 3_600): Promise<VmView> {
    for (let passed = 0; passed <= limitS; passed += 10) {
      const vm = await this.vm(caller, vmId);
      if (states.includes(vm.state)) return vm;
      await this.advance(10);
    }
    throw new Error(`still ${(await this.vm(caller, vmId)).state}`);
  }

  /** An hour of one compute unit (14,250 credits) costs this from now on, and the price list that we keep has run out. */
  async reprice(hourlyCredits: number): Promise<void> {
    const text = JSON.stringify(DEFAULT_PRICING).replaceAll('"14250"', `"${hourlyCredits}"`);
    for (const core of stage.world.cores) core.setPricing(JSON.parse(text) as JsonObject, stage.nowMs);
    await this.advance(61);
  }

  /** Everything that becomes due within `seconds` is done and waited for, in order. */
  async advance(seconds: number): Promise<void> {
    await advanceTo(
      {
        nowMs: () => stage.nowMs,
        moveTo: async (toMs) => {
          stage.moveTo(toMs);
          return stage.world.nextDueMs() ?? null;
        },
        sweep: async (nowMs) => {
          if (this.shards.length === SHARDS.length) return sweepAll(bindings, nowMs, 0);
          const swept = await Promise.all(this.shards.map((shard) => bindings.WATCH.getByName(shard).sweep(nowMs, 0)));
          const dues = swept.flatMap(({ earliestMs }) => (earliestMs === null ? [] : [earliestMs]));
          return dues.length === 0 ? null : Math.min(...dues);
        },
      },
      stage.nowMs + Math.round(seconds * 1_000),
    );
  }

  /** Hashes of machines that run or that a core node keeps alive. */
  machines(): readonly string[] {
    const running = stage.world.nodes.flatMap((node) => node.vms().map((vm) => vm.hash));
    return [...new Set([...running, ...stage.world.cores.flatMap((core) => core.liveInstances())])];
  }
}
