/**
 * Faults on the wire: the next N requests to a host and path are lost, late, doubled or overtaken, their answers are
 * lost, or something else comes back in their place. Plain data and pure decisions; the world applies them.
 */
import type { Part } from "./addresses.ts";
import type { DistortionKind } from "./distortion.ts";
import type { WireRequest } from "./wire.ts";

export const LINE_FAULTS = ["drop_request", "lose_reply", "delay", "duplicate", "reorder", "outage", "status"] as const;

export type FaultKind = (typeof LINE_FAULTS)[number] | DistortionKind;

export type Fault = {
  readonly id: number;
  readonly kind: FaultKind;
  /** A virtual host name; `cores` or `nodes` for all of a kind; "" means every host. */
  readonly host: string;
  /** "" means every method. */
  readonly method: string;
  readonly pathPrefix: string;
  /** How many more requests it hits; negative means until it is cleared. */
  readonly remaining: number;
  readonly delayMs: number;
  readonly status: number;
  /** Where `redirect` leads to, what `prompt` says. */
  readonly text: string;
};

export type Hit = { readonly fault: Fault; readonly left: readonly Fault[] };

export type Target = { readonly virtualHost: string; readonly part: Pick<Part, "kind"> };

const GROUPS: Readonly<Record<string, Part["kind"]>> = { cores: "core", nodes: "node" };

/** The first fault that fits the request, and what is left of all faults after it. */
export function hitBy(faults: readonly Fault[], target: Target, request: WireRequest): Hit | undefined {
  const fault = faults.find((one) => fits(one, target, request));
  if (fault === undefined) return undefined;
  const left = faults.flatMap((one) => (one.id === fault.id ? weakened(one) : [one]));
  return { fault, left };
}

function fits(fault: Fault, { virtualHost, part }: Target, request: WireRequest): boolean {
  return (
    (fault.host === "" || fault.host === virtualHost || GROUPS[fault.host] === part.kind) &&
    (fault.method === "" || fault.method === request.method) &&
    request.path.startsWith(fault.pathPrefix)
  );
}

function weakened(fault: Fault): readonly Fault[] {
  if (fault.remaining < 0) return [fault];
  return fault.remaining > 1 ? [{ ...fault, remaining: fault.remaining - 1 }] : [];
}
