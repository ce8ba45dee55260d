/** Whose call it is, and what an accept is decided on: what the object tells the Worker, and what it is told in return. Types only. */
import type { Answer } from "../errors.ts";
import type { Accepted } from "./admission.ts";
import type { QuoteRow } from "./quote-store.ts";
import type { CreateFacts, ExtendFacts } from "./requests.ts";
import type { Credits, Grant, Place } from "./types.ts";

/** What an accept needs to be decided: the quote as it was offered, and whose credits pay. */
export type Pending = Omit<Standing, "grant"> & { readonly quote: QuoteRow };
/** `answered`: the id is burnt and this is what it says for ever; null: it has to be judged. */
export type Peeked = { readonly pending: Pending; readonly answered: Answer<Accepted> | null };
export type AcceptFacts =
  | { readonly kind: "create"; readonly facts: CreateFacts }
  | { readonly kind: "extend"; readonly facts: ExtendFacts }
  | { readonly kind: "top_up"; readonly creditsThen: Credits | null };
export type Standing = {
  readonly owner: `0x${string}`;
  readonly agentAddress: `0x${string}`;
  readonly grant: Grant;
  /** Where the owner lets VMs run, so that no other node is looked for; null without a policy. */
  readonly place: Place | null;
};
