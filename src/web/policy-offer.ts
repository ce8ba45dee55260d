/**
 * A policy that the account offers to be signed, on its way to the page. Pure.
 *
 * The typed data travels as finished JSON text: the page hands it to the wallet unchanged, so what is signed is what
 * was composed here, `types.EIP712Domain` included (design.md §12.4).
 */
import type { PolicyOffer } from "../account/contract.ts";
import { usdNumber } from "./text.ts";

export type OfferJson = {
  readonly nonce: string;
  readonly version: number;
  readonly worst_case_usd: number;
  readonly typed_data: string | null;
};

export function offerJson(offer: PolicyOffer): OfferJson {
  return {
    nonce: offer.nonce,
    version: offer.version,
    worst_case_usd: usdNumber(offer.worstCaseCredits),
    typed_data: offer.typedData === null ? null : JSON.stringify(offer.typedData),
  };
}
