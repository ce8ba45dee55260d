/** How judging a message can end, with the error codes of the network. Pure. */
import type { Json } from "./json.ts";

export type Verdict =
  | { readonly kind: "processed" }
  | { readonly kind: "rejected"; readonly code: number; readonly details: Json }
  /** Tried again later; after ten times it is rejected with this code. */
  | { readonly kind: "retry"; readonly code: number; readonly details: Json };

export const CODE = {
  internal: -1,
  format: 0,
  signature: 1,
  permission: 2,
  fileUnavailable: 4,
  credits: 6,
  amendTargetNotFound: 101,
  amendOfAmend: 102,
  storeRefNotFound: 200,
  paymentMethod: 202,
  vmRefNotFound: 300,
  vmVolumeNotFound: 301,
  vmAmendNotAllowed: 302,
  vmUpdateOfUpdate: 303,
  volumeTooSmall: 304,
  forgetNoTarget: 500,
  forgetTargetNotFound: 501,
  forgetOfForget: 502,
  forgetNotAllowed: 503,
} as const;

export const PROCESSED: Verdict = { kind: "processed" };

export function rejected(code: number, ...errors: readonly Json[]): Verdict {
  return { kind: "rejected", code, details: detailsOf(errors) };
}

export function retry(code: number, ...errors: readonly Json[]): Verdict {
  return { kind: "retry", code, details: detailsOf(errors) };
}

function detailsOf(errors: readonly Json[]): Json {
  return errors.length === 0 ? null : { errors };
}
