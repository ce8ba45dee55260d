/** How an agent's own question, its quote or its node brings about each code: one small story a code. */
import type { Caller, VmAsk } from "../../src/account/contract.ts";
import type { Answer, Refusal } from "../../src/errors.ts";
import { stage } from "./stage.ts";
import { ASK, draftPolicy, House, HOUR_S, value } from "./house.ts";

export type Story = () => Promise<Refusal | undefined>;
export type Cast = { readonly house: House; readonly agent: Caller };

export const refusalOf = <T>(answered: Answer<T>): Refusal | undefined => (answered.ok ? undefined : answered.refusal);

let plain: House | undefined;

/** An owner of one's own, on the network as it stands. */
export async function joined(...policy: Parameters<typeof House.join>): Promise<Cast> {
  const house = await House.join(...policy);
  return { house, agent: await house.agent() };
}

/** One owner for all stories that change nothing but what is their agent's. */
export async function guest(): Promise<Cast> {
  plain ??= await House.join();
  return { house: plain, agent: await plain.agent() };
}

export const forgetGuests = (): void => {
  plain = undefined;
};

/** Accepts a fresh quote; what the quote foretells is what the accept says. */
export async function created({ house, agent }: Cast, change: Partial<VmAsk> = {}): Promise<Refusal | undefined> {
  const quote = await house.agents.quoteVm(agent, { ...ASK, ...change });
  if (!quote.ok) return quote.refusal;
  return refusalOf(await house.agents.accept(agent, { quoteId: quote.value.quoteId, kind: "create", waitS: 0 }));
}

export async function extended({ house, agent }: Cast, vmId: string): Promise<Refusal | undefined> {
  const quote = await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S });
  if (!quote.ok) return quote.refusal;
  return refusalOf(await house.agents.accept(agent, { quoteId: quote.value.quoteId, kind: "extend", waitS: 0 }));
}

const quoteId = async ({ house, agent }: Cast, change: Partial<VmAsk> = {}): Promise<string> =>
  value(await house.agents.quoteVm(agent, { ...ASK, ...change })).quoteId;

async function accepted({ house, agent }: Cast, id: string, same: Partial<VmAsk> = {}): Promise<Refusal | undefined> {
  return refusalOf(await house.agents.accept(agent, { quoteId: id, kind: "create", same, waitS: 0 }));
}

/** A node that is bad in some way for as long as it is asked for by name. */
async function onNode(knobs: Parameters<(typeof stage.world.nodes)[number]["setKnobs"]>[0], well: typeof knobs) {
  const cast = await guest();
  const [node] = stage.world.nodes;
  node?.setKnobs(knobs);
  const refused = await created(cast, { nodeHash: node?.spec.hash ?? "" });
  node?.setKnobs(well);
  return refused;
}

export const ASKS = {
  "busy.open_quotes": async () => {
    const cast = await guest();
    for (let open = 0; open < 20; open++) await quoteId(cast);
    return created(cast);
  },
  "auth.revoked": async () => {
    const cast = await guest();
    const { grantId } = cast.agent;
    value(await cast.house.owners.revokeGrant(cast.house.session, { grantId, keepVms: false }));
    return created(cast);
  },
  "auth.expired": async () => {
    const { house } = await guest();
    const agent = await house.agent({ expiresAtMs: stage.nowMs + 1_000 });
    stage.moveTo(stage.nowMs + 1_000);
    return created({ house, agent });
  },
  "auth.frozen": async () => {
    const cast = await guest();
    value(await cast.house.agents.emergencyStop(cast.agent));
    return created(cast);
  },
  "input.invalid": async () => created(await guest(), { vcpus: 0 }),
  "input.private_key": async () => created(await guest(), { sshPubkey: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA" }),
  "input.unknown_id": async () => extended(await guest(), "vm_nobody"),
  "input.key_reused_differently": async () => {
    const cast = await guest();
    return accepted(cast, await quoteId(cast), { vcpus: 2 });
  },
  "node.unreachable": () => onNode({ down: true }, { down: false }),
  "node.no_capacity": async () => created(await guest(), { vcpus: 256 }),
  "node.bad_answer": () => onNode({ domainName: "elsewhere.example" }, { domainName: "" }),
  "busy.leases": async () => {
    const cast = await guest();
    const directory = cast.house.setting.doors.directory();
    const { account } = cast.agent;
    for (const [at, node] of stage.world.nodes.slice(0, 3).entries())
      await directory.lease({ account, key: `held ${at}`, nodeHash: node.spec.hash, nowMs: stage.nowMs });
    const refused = await created(cast);
    for (let at = 0; at < 3; at++) await directory.release({ account, key: `held ${at}` });
    return refused;
  },
  "vm.not_ready": async () => {
    const cast = await guest();
    return extended(cast, await cast.house.create(cast.agent, { ttlS: 600 }));
  },
  "vm.ending": async () => {
    const cast = await joined();
    const vmId = await cast.house.healthy(cast.agent);
    value(await cast.house.agents.destroyVm(cast.agent, { vmId, dryRun: false, waitS: 0 }));
    return extended(cast, vmId);
  },
  "vm.ended": async () => {
    const cast = await joined();
    const vmId = await cast.house.healthy(cast.agent);
    value(await cast.house.agents.destroyVm(cast.agent, { vmId, dryRun: false, waitS: 0 }));
    await cast.house.until(cast.agent, vmId, ["TERMINATED"]);
    return extended(cast, vmId);
  },
  "quote.expired": async () => {
    const cast = await guest();
    const id = await quoteId(cast);
    stage.moveTo(stage.nowMs + 600_000);
    return accepted(cast, id);
  },
  "quote.above_max_hourly": async () => created(await guest(), { hourlyCreditsMax: 1 }),
  "busy.circuit_open": async () => {
    const cast = await joined(draftPolicy({ limits: { ttlSMax: 3_600, ttlSDefault: 600 } }));
    for (let failed = 0; failed < 3; failed++) await created(cast);
    return created(cast, { ttlS: 600 });
  },
  "busy.cool_down": async () => {
    const cast = await joined();
    for (const node of stage.world.nodes) node.setKnobs({ rejectNotify: 503 });
    await cast.house.create(cast.agent);
    // the first node has had its quarter of an hour; the next one is not waited for
    await cast.house.advance(905);
    for (const node of stage.world.nodes) node.setKnobs({ rejectNotify: 0 });
    return created(cast);
  },
} satisfies Readonly<Record<string, Story>>;
