/**
 * Faults on the wire: the next N requests to a host and path are lost, their answers are lost, they are late, or a
 * proxy answers for them. Plain data and pure decisions; the world applies them.
 */
import type { WireRequest } from "./wire.ts";

export type FaultKind = "drop_request" | "lose_reply" | "delay" | "status";

export type Fault = {
  readonly id: number;
  readonly kind: FaultKind;
  /** Virtual host name; "" means every host. */
  readonly host: string;
  /** "" means every method. */
  readonly method: string;
  readonly pathPrefix: string;
  /** How many more requests it hits; negative means until it is cleared. */
  readonly remaining: number;
  readonly delayMs: number;
  readonly status: number;
};

export type Hit = { readonly fault: Fault; readonly left: readonly Fault[] };

/** The first fault that fits the request, and what is left of all faults after it. */
export function hitBy(faults: readonly Fault[], host: string, request: WireRequest): Hit | undefined {
  const fault = faults.find((one) => fits(one, host, request));
  if (fault === undefined) return undefined;
  const left = faults.flatMap((one) => (one.id === fault.id ? weakened(one) : [one]));
  return { fault, left };
}

function fits(fault: Fault, host: string, request: WireRequest): boolean {
  return (
    (fault.host === "" || fault.host === host) &&
    (fault.method === "" || fault.method === request.method) &&
    request.path.startsWith(fault.pathPrefix)
  );
}

function weakened(fault: Fault): readonly Fault[] {
  if (fault.remaining < 0) return [fault];
  return fault.remaining > 1 ? [{ ...fault, remaining: fault.remaining - 1 }] : [];
}
