/**
 * Writes into the chain of an account of an earlier schema how it stands, once, so that its rows explain everything that
 * happens from then on. What had ended before stays untold.
 */
import type { Facts } from "../errors.ts";
import { audit } from "./books.ts";
import { noteAccount } from "./recorded.ts";
import type { Store } from "./store.ts";
import type { Hold } from "./types.ts";

/** Dated with the account's last moment: on waking no clock may have been read yet. */
export function carry(store: Store): void {
  const nowMs = store.loadAccount()?.lastNowMs ?? 0;
  const note = (kind: string, facts: Facts): void => audit(store, nowMs, kind, facts);
  note("carried.books", { ...store.balanceOf(), policyVersion: store.currentPolicy()?.version ?? 0 });
  noteAccount(store, note);
  for (const { grantId, state, creditsMax } of store.loadGrants())
    note("grant.state", { grantId, state, credits: creditsMax });
  for (const { approvalId, grantId, state, facts } of store.openApprovals(null))
    note("approval.state", { approvalId, grantId, state, credits: facts.costCreditsMax });
  for (const vm of store.loadTended()) {
    const { vmId, grantId, state, expiresAtMs } = vm;
    note("carried.vm", { vmId, grantId, state, expiresAtMs });
    for (const hold of vm.holds) note("carried.hold", holdFacts(hold));
  }
  store.endCarrying();
}

function holdFacts({ atMs, ...hold }: Hold): Facts {
  return { ...hold, heldAtMs: atMs };
}
