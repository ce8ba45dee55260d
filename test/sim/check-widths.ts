/** I14: how wide an agent's leave is, before and after one of its own commands. */
import type { Grant } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";

export type Widths = {
  readonly policies: number;
  readonly frozen: boolean;
  readonly grants: ReadonlyMap<string, Grant>;
};

export function widths(account: SimAccount): Widths {
  const grants = new Map(account.data.store.loadGrants().map((grant) => [grant.grantId, grant]));
  return { policies: account.data.policies.size, frozen: account.row.state === "frozen", grants };
}

export function noWider(before: Widths, after: Widths): boolean {
  if (before.policies !== after.policies || (before.frozen && !after.frozen)) return false;
  if (before.grants.size !== after.grants.size) return false;
  return [...after.grants.values()].every((grant) => {
    const was = before.grants.get(grant.grantId);
    if (was === undefined || grant.creditsMax > was.creditsMax || grant.expiresAtMs > was.expiresAtMs) return false;
    return grant.state !== "active" || was.state === "active";
  });
}
