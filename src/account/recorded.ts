/**
 * The store as a moment writes to it: whoever changes the account's standing, a grant or an approval leaves a row of the
 * audit chain that says what came of it, in the same transaction. So no rule can change them unseen (I17).
 *
 * Holds and money leave theirs in `books.ts`, VMs in `record.ts` and `admission.ts`.
 */
import type { Facts } from "../errors.ts";
import type { Store } from "./store.ts";

type Note = (kind: string, facts: Facts) => void;

export function recorded(store: Store, note: Note): Store {
  const seen: Pick<Store, "saveGrant" | "saveApproval" | "setFrozen" | "setRestored" | "setKeyLost"> = {
    saveGrant(grant) {
      const before = store.loadGrant(grant.grantId);
      store.saveGrant(grant);
      const { grantId, state, creditsMax } = grant;
      if (before?.state !== state || before.creditsMax !== creditsMax)
        note("grant.state", { grantId, state, credits: creditsMax });
    },
    saveApproval(approval, signature) {
      const before = store.loadApproval(approval.approvalId);
      store.saveApproval(approval, signature);
      const { approvalId, grantId, state, facts } = approval;
      if (before?.state !== state)
        note("approval.state", { approvalId, grantId, state, credits: facts.costCreditsMax });
    },
    setFrozen(reason) {
      store.setFrozen(reason);
      noteAccount(store, note);
    },
    setRestored(restored) {
      store.setRestored(restored);
      noteAccount(store, note);
    },
    setKeyLost(lost) {
      store.setKeyLost(lost);
      noteAccount(store, note);
    },
  };
  // Copied: as a prototype each account's store would give its moments a shape of their own, and no call through them is quick.
  return { ...store, ...seen };
}

export function noteAccount(store: Store, note: Note): void {
  const account = store.loadAccount();
  if (account === undefined) return;
  const { state, frozenReason, restored, keyLost } = account;
  note("account.state", { state, reason: frozenReason, restored, keyLost });
}
