/** What a quote or an accept asks of the policy, and the refusals that need no policy. Pure. */
import { type Refusal, refusal } from "../errors.ts";
import { creditsPerHour } from "./credits.ts";
import { currentAttempt } from "./lifecycle.ts";
import type { PayerFacts } from "./payer.ts";
import type { Machine, Request } from "./policy.ts";
import type { Credits, NodeRef, VmRecord, VmSpec } from "./types.ts";

/** Dated facts, gathered in the Worker; null where they were not needed. */
export type CreateFacts = { readonly payer: PayerFacts; readonly rateAttoPerS: bigint; readonly node: NodeRef };
export type ExtendFacts = { readonly payer: PayerFacts };

const imageOf = (spec: VmSpec): Request["image"] => ({ slug: spec.imageSlug, hash: spec.imageHash });

const placeOf = ({ nodeHash, scorePct, termsHash }: NodeRef): Request["node"] => ({
  nodeHash,
  ...(scorePct === undefined ? {} : { scorePct }),
  ...(termsHash === undefined ? {} : { termsHash }),
});

export const createRequest = (
  spec: VmSpec,
  facts: Omit<CreateFacts, "payer">,
  credits: Credits,
  nowMs: number,
): Request => ({
  kind: "create",
  credits,
  vmTotal: credits,
  rateAttoPerS: facts.rateAttoPerS,
  shape: spec.shape,
  image: imageOf(spec),
  node: placeOf(facts.node),
  ttlS: spec.ttlS,
  extendS: 0,
  endsAtMs: nowMs + spec.ttlS * 1_000,
});

export function extendRequest(vm: VmRecord, seconds: number, credits: Credits): Request {
  const already = vm.holds.reduce((sum, hold) => sum + hold.creditsOriginal, 0);
  return {
    kind: "extend",
    credits,
    vmTotal: already + credits,
    rateAttoPerS: vm.rateAttoPerS,
    ...machineOf(vm, currentAttempt(vm).node, seconds),
  };
}

/** Another start of what was admitted, on this node and to the same end: a create that lives as long as the whole VM. */
export const successorMachine = (vm: VmRecord, node: NodeRef): Machine => ({
  kind: "create",
  ...machineOf(vm, node, 0),
  extendS: 0,
});

function machineOf(vm: VmRecord, node: NodeRef, moreS: number): Omit<Machine, "kind"> {
  const ttlS = Math.ceil((vm.expiresAtMs - vm.admittedAtMs) / 1_000) + moreS;
  const { shape, ttlS: admittedS } = vm.spec;
  const endsAtMs = vm.expiresAtMs + moreS * 1_000;
  return { shape, image: imageOf(vm.spec), node: placeOf(node), ttlS, extendS: ttlS - admittedS, endsAtMs };
}

export function notExtendable(vm: VmRecord): Refusal | null {
  if (vm.state === "TERMINATED" || vm.state === "FAILED") return refusal("vm.ended", { vmId: vm.vmId });
  if (vm.state === "STOPPING") return refusal("vm.ending", { vmId: vm.vmId });
  return vm.state !== "HEALTHY" && vm.state !== "UNHEALTHY" ? refusal("vm.not_ready", { vmId: vm.vmId }, 15) : null;
}

export function aboveHourly(spec: Pick<VmSpec, "hourlyCreditsMax">, rateAttoPerS: bigint): Refusal | null {
  const perHour = creditsPerHour(rateAttoPerS);
  if (spec.hourlyCreditsMax === undefined || perHour <= spec.hourlyCreditsMax) return null;
  return refusal("quote.above_max_hourly", { hourlyCredits: perHour, maxHourlyCredits: spec.hourlyCreditsMax });
}
