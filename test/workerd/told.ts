/** What the audit chain of an account tells, folded, beside what its tables hold. */
import { type Folded, fold, type Told } from "../../src/account/fold.ts";
import type { Facts } from "../../src/errors.ts";
import { inAccount } from "./evidence.ts";
import type { House } from "./house.ts";

export function chainIn(sql: SqlStorage): readonly Told[] {
  return sql
    .exec<{ atMs: number; kind: string; factsJson: string }>(
      "SELECT at_ms AS atMs, kind, facts_json AS factsJson FROM audit ORDER BY seq",
    )
    .toArray()
    .map(({ atMs, kind, factsJson }) => ({ atMs, kind, facts: JSON.parse(factsJson) as Facts }));
}

export const chainOf = (house: House): Promise<readonly Told[]> => inAccount(house, chainIn);

type Plain = Record<string, unknown>;

/** Everything as plain objects, so that a difference is shown as one. */
export const plain = (folded: Folded): Plain => ({
  ...folded,
  ...Object.fromEntries(
    (["grants", "approvals", "vms", "holds", "extras"] as const).map((name) => [
      name,
      Object.fromEntries(folded[name] as ReadonlyMap<string, unknown>),
    ]),
  ),
});

/** The same shape, from the tables. */
export function tablesIn(sql: SqlStorage): Plain {
  const keyed = (query: string, read: (row: Record<string, SqlStorageValue>) => unknown): Plain =>
    Object.fromEntries(
      sql
        .exec(query)
        .toArray()
        .map((row) => [row["id"] as string, read(row)]),
    );
  const account = sql.exec("SELECT * FROM account").one();
  return {
    account: {
      state: account["state"],
      reason: account["frozen_reason"],
      restored: account["restored"] === 1,
      keyLost: account["key_lost"] === 1,
    },
    policyVersion: sql.exec("SELECT coalesce(max(version), 0) AS n FROM policy").one()["n"],
    grants: keyed("SELECT grant_id AS id, state, credits_max FROM agent_grant", (row) => ({
      state: row["state"],
      creditsMax: row["credits_max"],
    })),
    approvals: keyed("SELECT approval_id AS id, state FROM approval", (row) => row["state"]),
    vms: keyed("SELECT vm_id AS id, * FROM vm", (row) => ({
      grantId: row["grant_id"],
      state: row["state"],
      expiresAtMs: row["expires_at_ms"],
    })),
    holds: keyed("SELECT hold_id AS id, * FROM hold", (row) => ({
      holdId: row["id"],
      vmId: row["vm_id"],
      grantId: row["grant_id"],
      kind: row["kind"],
      state: row["state"],
      credits: row["credits"],
      creditsOriginal: row["credits_original"],
      atMs: row["at_ms"],
      approved: row["approved"] === 1,
    })),
    extras: keyed("SELECT vm_id AS id, sum(credits) AS n FROM extra GROUP BY 1", (row) => row["n"]),
    balance: sql.exec("SELECT granted, deficit, available, held, posted FROM balance").one(),
  };
}

export const told = (house: House): Promise<{ readonly chain: Plain; readonly tables: Plain }> =>
  inAccount(house, (sql) => ({ chain: plain(fold(chainIn(sql))), tables: { ...tablesIn(sql), sinceBirth: true } }));
