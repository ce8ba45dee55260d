/** How the owner's policy, the payer and the owner's word bring about each code: one small story a code. */
import type { AcceptView } from "../../src/account/contract.ts";
import type { PolicyDraft } from "../../src/account/types.ts";
import type { Refusal } from "../../src/errors.ts";
import { withResources } from "./foreign.ts";
import { ASK, draftPolicy, HOUR_S, value } from "./house.ts";
import { type Cast, created, joined, refusalOf, type Story } from "./provoked-asks.ts";
import { stage } from "./stage.ts";

const TERMS_NODE = stage.world.roster.find(({ terms }) => terms !== "")?.spec.hash ?? "";

const limited = async (limits: Partial<PolicyDraft["limits"]>): Promise<Refusal | undefined> =>
  created(await joined(draftPolicy({ limits })));

/** A second create after the first was admitted. */
const second = async (limits: Partial<PolicyDraft["limits"]>): Promise<Refusal | undefined> => {
  const cast = await joined(draftPolicy({ limits }));
  await cast.house.create(cast.agent);
  return created(cast);
};

type Asked = Cast & { readonly quoteId: string; readonly approvalId: string };

async function asked(cast: Cast): Promise<Asked> {
  const { house, agent } = cast;
  const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
  const view: AcceptView = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
  if (view.kind !== "approval_required") throw new Error(view.kind);
  return { ...cast, quoteId, approvalId: view.approval.approvalId };
}

const always = (): Promise<Cast> => joined(draftPolicy({ approval: { by: "click", firstVm: true, aboveCredits: 0 } }));

const again = async ({ house, agent, quoteId }: Asked): Promise<Refusal | undefined> =>
  refusalOf(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));

async function decided({ house, approvalId }: Asked, verdict: "approve" | "deny"): Promise<void> {
  const { nonce } = value(await house.owners.openApproval(house.session, { approvalId }));
  value(await house.owners.decideApproval(house.session, { approvalId, nonce, verdict }));
}

export const LIMITS = {
  "policy.expired": async () => {
    const cast = await joined({ ...draftPolicy(), expiresAtMs: stage.nowMs + 60_000 });
    stage.moveTo(stage.nowMs + 60_000);
    return created(cast);
  },
  "policy.shape": async () => created(await joined(draftPolicy({ shape: { vcpusMax: 0 } }))),
  "policy.image": async () => created(await joined(draftPolicy({ shape: { images: ["debian12"] } }))),
  "policy.node_denied": async () => {
    // one that would be taken otherwise: another story may have made others cool down
    const cast = await joined();
    const nodeHash = value(await cast.house.agents.quoteVm(cast.agent, ASK)).crnId ?? "";
    return created(await joined(draftPolicy({ place: { nodesDeny: [nodeHash] } })), { nodeHash });
  },
  "policy.terms": async () => created(await joined(), { nodeHash: TERMS_NODE }),
  "policy.ttl": () => limited({ ttlSMax: HOUR_S, ttlSDefault: HOUR_S }),
  "policy.vms_live": () => second({ vmsLiveMax: 1 }),
  "policy.rate": () => second({ createsPerMinMax: 1 }),
  "policy.per_vm": () => limited({ perVmCreditsMax: 1 }),
  "policy.burn": () => limited({ burnCreditsPerHMax: 1 }),
  "policy.window": () => limited({ windows: [{ seconds: 86_400, creditsMax: 1 }] }),
  "policy.lifetime": () => limited({ lifetimeCreditsMax: 1 }),
  "policy.grant": async () => {
    const { house } = await joined();
    return created({ house, agent: await house.agent({ creditsMax: 1 }) });
  },
  "balance.too_many_resources": async () => {
    const cast = await joined();
    return withResources(10_001, () => created(cast));
  },
  "balance.too_low": async () => created(await joined(draftPolicy(), 1_000)),
  "balance.below_one_day": async () => created(await joined(draftPolicy(), 300_000)),
  "quote.price_moved": async () => {
    const { house, agent } = await joined();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    await house.reprice(17_100);
    const refused = refusalOf(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
    await house.reprice(14_250);
    return refused;
  },
  "approval.pending": async () => {
    const waiting = await asked(await always());
    return created(waiting, { vcpus: 2 });
  },
  "approval.denied": async () => {
    const waiting = await asked(await always());
    await decided(waiting, "deny");
    return again(waiting);
  },
  "approval.expired": async () => {
    const waiting = await asked(await always());
    const { house, agent, approvalId } = waiting;
    value(await house.agents.getApproval(agent, { approvalId, withdraw: true, waitS: 0 }));
    return again(waiting);
  },
  "approval.stale": async () => {
    const waiting = await asked(await always());
    await waiting.house.setPolicy(draftPolicy({ limits: { vmsLiveMax: 2 } }));
    return again(waiting);
  },
} satisfies Readonly<Record<string, Story>>;
