/** What an agent and its owner have ids for, in the states that matter, and ids of the same form that nobody has. */
import type { Caller } from "../../src/account/contract.ts";
import { inAccount } from "./evidence.ts";
import { ASK, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

/** Three hours of the asked VM need the owner's word, two do not. */
export const askingPolicy = () => draftPolicy({ approval: { aboveCredits: 50_000 }, limits: { vmsLiveMax: 9 } });

export type Belongings = {
  readonly vms: readonly string[];
  readonly quotes: readonly string[];
  readonly approvals: readonly string[];
  readonly itemHashes: readonly string[];
  readonly notices: readonly string[];
  readonly grantId: string;
  readonly account: string;
  readonly owner: string;
};

/** A VM that has ended, one that runs and one on its way; quotes of each kind, open, burnt, waiting; two requests. */
export async function belongings(house: House, agent: Caller): Promise<Belongings> {
  const ended = await house.healthy(agent);
  value(await house.agents.destroyVm(agent, { vmId: ended, dryRun: false, waitS: 0 }));
  await house.until(agent, ended, ["TERMINATED"]);
  const healthy = await house.healthy(agent);
  // an account has three leases of nodes, and each of them lasts ten minutes
  stage.moveTo(stage.nowMs + 601_000);
  await house.advance(0);
  const moving = await house.create(agent);
  const given = await request(house, agent, 3);
  await house.decide(given);
  const approvals = [given, await request(house, agent, 5)];
  value(await house.agents.quoteVm(agent, ASK));
  value(await house.agents.quoteExtend(agent, { vmId: healthy, seconds: HOUR_S }));
  value(await house.agents.quoteTopUp(agent, { credits: 1_000_000 }));
  await house.advance(0);
  const { grantId, account } = agent;
  const rows = (query: string) => idsIn(house, query, grantId);
  return {
    vms: [ended, healthy, moving],
    quotes: await rows("SELECT quote_id AS id FROM quote WHERE grant_id = ?"),
    approvals,
    itemHashes: await rows("SELECT item_hash AS id FROM attempt JOIN vm USING (vm_id) WHERE grant_id = ?"),
    // what is still to be seen first: seeing the rest once more changes nothing
    notices: await rows("SELECT notice_id AS id FROM notice WHERE ? IS NOT NULL ORDER BY seen_at_ms"),
    grantId,
    account,
    owner: house.session.owner,
  };
}

async function request(house: House, agent: Caller, hours: number): Promise<string> {
  const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ttlS: hours * HOUR_S }));
  const asked = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
  if (asked.kind !== "approval_required") throw new Error(asked.kind);
  return asked.approval.approvalId;
}

const idsIn = (house: House, query: string, grantId: string): Promise<readonly string[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ id: string }>(query, grantId)
      .toArray()
      .map((row) => row.id),
  );

export const idsOf = ({ vms, quotes, approvals, itemHashes, notices, ...rest }: Belongings): readonly string[] => [
  ...vms,
  ...quotes,
  ...approvals,
  ...itemHashes,
  ...notices,
  ...Object.values(rest),
];

/** Of the same form and length, and nobody's. */
export function nobodys(id: string): string {
  const start = /^(0x|[a-z]+_)?/.exec(id)?.[0] ?? "";
  return start + "a".repeat(id.length - start.length);
}
