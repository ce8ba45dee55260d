/** What openings have in common: the first agent, its latest VM, and an owner who lets it do what is not under test. */
import type { Grant, PolicyDraft, VmRecord } from "../../../src/account/types.ts";
import type { Wish } from "../commands.ts";
import { TERMS } from "../nodes.ts";
import type { Opening, Stage } from "../openings.ts";

export const S = 1_000;
export const MIN = 60 * S;
export const HOUR = 60 * MIN;

/** Plain wishes, so that a refusal has the one cause that is staged. */
export const PLAIN_VM: Partial<Wish> = { image: "debian12", vcpus: 1, key: "SHA256:abc", node: 0, accept: true };

/** What a create of so many seconds holds at this price (credits per 1,000 s), the hour of grace included. */
export const holdOf = (price: number, ttlS: number): number => Math.ceil((price * (ttlS + 3_600)) / 1_000);

/** Room for everything: what an opening is about it narrows itself. */
export const roomy = (drawn: PolicyDraft): PolicyDraft => ({
  ...drawn,
  limits: {
    ...drawn.limits,
    perVmCreditsMax: 400_000,
    burnCreditsPerHMax: 400_000,
    windows: [{ seconds: 86_400, creditsMax: 3_000_000 }],
    lifetimeCreditsMax: 3_000_000,
    vmsLiveMax: 4,
    createsPerMinMax: 4,
    ttlSMax: 7_200,
    extendSTotalMax: 7_200,
  },
  shape: { ...drawn.shape, images: [] },
  place: { nodesAllow: [], nodesDeny: [], termsAccepted: [TERMS], scorePctMin: 0 },
  approval: {
    ...drawn.approval,
    by: "click",
    firstVm: false,
    aboveCredits: 3_000_000,
    unapprovedPerDayCredits: 3_000_000,
  },
  priceRisePctMax: 0,
  delegationExpiresAtMs: null,
});

export const rich: NonNullable<Opening["grant"]> = ({ windows: _windows, ...drawn }) => ({
  ...drawn,
  creditsMax: 3_000_000,
  vmsLiveMax: 4,
  createsPerMinMax: 4,
  expiresAtMs: drawn.expiresAtMs + 30 * 24 * HOUR,
});

export function agentOf({ account }: Stage, index = 0): Grant {
  const grant = account.data.store.loadGrants()[index];
  if (grant === undefined) throw new Error("an opening without an agent");
  return grant;
}

export function create(stage: Stage, wish: Partial<Wish> = {}, agent = 0): void {
  stage.agents.create(stage.account, agentOf(stage, agent), { ...PLAIN_VM, ...wish });
}

/** The VM that was admitted last, over or not. */
export const latest = ({ account }: Stage): VmRecord | undefined => [...account.data.vms.values()].at(-1)?.vm;

export function destroy(stage: Stage): void {
  const vm = latest(stage);
  if (vm !== undefined) stage.agents.destroy(stage.account, agentOf(stage), vm);
}

export function extend(stage: Stage, seconds: number): void {
  const vm = latest(stage);
  if (vm !== undefined) stage.agents.extend(stage.account, agentOf(stage), { vm, seconds });
}
