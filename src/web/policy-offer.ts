/**
 * What an owner typed on its way to the account, and the policy that the account offers to be signed on its way back.
 *
 * The typed data travels as finished JSON text: the page hands it to the wallet unchanged, so what is signed is what
 * was composed here, `types.EIP712Domain` included (design.md §12.4).
 */
import type { PolicyOffer, Session } from "../account/contract.ts";
import { type Answer, answer } from "../errors.ts";
import type { Kit } from "./deps.ts";
import { boundsOf, inForm } from "./policy-fields.ts";
import { type FormValues, readPolicy } from "./policy-form.ts";
import { accountReasons, agentReasons } from "./reasons.ts";
import { usdNumber } from "./text.ts";

export type OfferJson = {
  readonly nonce: string;
  readonly version: number;
  readonly worst_case_usd: number;
  /** One sentence on what these limits would have refused of late; null: there is nothing to try them on. */
  readonly shadow: string | null;
  readonly typed_data: string | null;
  /** Why that stands frozen which the signature lets go on; null: it ends no freeze. */
  readonly why: string | null;
};

/** `unfreeze`: `account`, a grant's id, or empty. What is refused is named as the form names it. */
export async function offerFor(
  kit: Kit,
  session: Session,
  given: FormValues,
  unfreeze: string,
): Promise<Answer<OfferJson>> {
  const what = unfreeze === "account" ? ("account" as const) : { grantId: unfreeze };
  const ends = unfreeze === "" ? {} : { unfreeze: what };
  const draft = readPolicy(given);
  const offered = draft.ok ? await kit.front.offerPolicy(session, { draft: draft.value, ...ends }) : draft;
  return offered.ok
    ? answer(offerJson(offered.value, unfreeze))
    : { ok: false, refusal: inForm(offered.refusal, boundsOf(kit)) };
}

export function offerJson(offer: PolicyOffer, unfreeze: string): OfferJson {
  const why = unfreeze === "account" ? accountReasons(offer.frozenFor) : agentReasons(offer.frozenFor);
  return {
    nonce: offer.nonce,
    version: offer.version,
    worst_case_usd: usdNumber(offer.worstCaseCredits),
    shadow: shadowText(offer.shadow),
    typed_data: offer.typedData === null ? null : JSON.stringify(offer.typedData),
    why: unfreeze === "" ? null : why,
  };
}

export function shadowText({ of, refused, refusedThen }: PolicyOffer["shadow"]): string | null {
  if (of === 0) return null;
  const past = of === 1 ? "the last create" : `${refused} of the last ${of} creates`;
  const would =
    of === 1 ? `${past} would ${refused === 1 ? "" : "not "}have been refused` : `${past} would have been refused`;
  return `With these limits, ${would} (under the limits of their time: ${refusedThen}).`;
}
