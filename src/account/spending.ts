/** A grant's history of money from the entries, newest first, by pages; and totals by VM or day. */
import type { SpendingView } from "./contract.ts";
import type { Moment } from "./moment.ts";

export type SpendingAsk = {
  readonly sinceMs?: number;
  readonly groupBy?: "vm" | "day";
  readonly limit: number;
  readonly cursor?: string;
};

export function spending(
  { store }: Moment,
  grantId: string,
  ask: SpendingAsk,
): Omit<SpendingView, "asOfMs" | "networkState" | "network"> {
  const sinceMs = ask.sinceMs ?? 0;
  const { rows, place } = store.entriesOf({ grantId, sinceMs, limit: ask.limit, ...placeOf(ask.cursor) });
  const { groups, total } =
    ask.groupBy === undefined ? { groups: [], total: 0 } : store.spendingGroups({ grantId, by: ask.groupBy, sinceMs });
  const heldCredits = store.heldBy(grantId);
  return {
    heldCredits,
    spentCredits: store.spentBy(grantId) - heldCredits,
    rows,
    groups,
    groupsTotal: total,
    cursor: place > 0 ? String(place) : null,
  };
}

/** What is no place of ours finds an empty page. */
function placeOf(cursor: string | undefined): { readonly place?: number } {
  if (cursor === undefined) return {};
  const place = Number(cursor);
  return { place: Number.isSafeInteger(place) ? place : 0 };
}
