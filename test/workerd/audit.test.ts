/** The audit chain of a real account: folded it is the account, whoever changed what. */
import { describe, expect, it } from "vitest";
import { alone, booksOf } from "./evidence.ts";
import { ASK, draftPolicy, HOUR_S, value } from "./house.ts";
import { chainOf, told } from "./told.ts";

describe("the chain of an account (I17)", () => {
  it("tells policies, agents, approvals, VMs, holds and the balance as the tables hold them", async () => {
    const house = await alone(draftPolicy({ approval: { by: "click", firstVm: true } }));
    const [first, second] = [await house.agent(), await house.agent()];
    const quote = value(await house.agents.quoteVm(first, ASK));
    const waits = value(await house.agents.accept(first, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (waits.kind !== "approval_required") throw new Error(waits.kind);
    const { approvalId } = waits.approval;
    const { nonce } = value(await house.owners.openApproval(house.session, { approvalId }));
    value(await house.owners.decideApproval(house.session, { approvalId, nonce, verdict: "approve" }));
    const made = value(await house.agents.accept(first, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (made.kind !== "vm") throw new Error(made.kind);
    await house.until(first, made.vm.vmId, ["HEALTHY"]);
    const longer = value(await house.agents.quoteExtend(first, { vmId: made.vm.vmId, seconds: HOUR_S }));
    value(await house.agents.accept(first, { quoteId: longer.quoteId, kind: "extend", waitS: 0 }));
    await house.setPolicy(draftPolicy({ limits: { lifetimeCreditsMax: 50_000 } }));
    value(await house.owners.revokeGrant(house.session, { grantId: second.grantId, keepVms: false }));
    const living = await told(house);
    expect(living.chain).toEqual(living.tables);
    value(await house.owners.stopEverything(house.session));
    await house.until(first, made.vm.vmId, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    const ended = await told(house);
    expect(ended.chain).toEqual(ended.tables);
    expect((await booksOf(house)).audited).toBe(true);
    expect(Object.values(ended.tables["holds"] as object).map((hold) => hold.state)).toEqual(["posted", "voided"]);
  });

  it("names the owner's acts, in their order", async () => {
    const house = await alone();
    const agent = await house.agent();
    value(await house.owners.freezeGrant(house.session, { grantId: agent.grantId }));
    value(await house.owners.freeze(house.session));
    await house.setPolicy(draftPolicy(), "account");
    const acts = (await chainOf(house))
      .map(({ kind }) => kind)
      .filter((kind) => !/\.state$|^budget|^delegation/.test(kind));
    expect(acts).toEqual([
      "account.born",
      "policy.saved",
      "grant.added",
      "grant.frozen",
      "account.frozen",
      "policy.saved",
      "unfrozen",
    ]);
  });
});
