/** The network's credit history, long after a VM's bill: it agrees, it shows more, or one core node alone says so. */
import { describe, expect, it } from "vitest";
import type { Caller, VmView } from "../../src/account/contract.ts";
import type { Facts } from "../../src/errors.ts";
import { alone, booksOf, inAccount, instanceHashes, notices } from "./evidence.ts";
import { type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

type Settled = { readonly house: House; readonly agent: Caller; readonly vm: VmView; readonly hash: string };

/** A VM that lived half an hour and whose bill has been posted. */
async function settled(): Promise<Settled> {
  const house = await alone();
  const agent = await house.agent();
  const vmId = await house.healthy(agent);
  await house.advance(HOUR_S / 2);
  value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
  await house.until(agent, vmId, ["TERMINATED"]);
  await house.advance(3.2 * HOUR_S);
  const vm = await house.vm(agent, vmId);
  expect([vm.costStatus, vm.charges]).toEqual(["settled", undefined]);
  const [hash = ""] = instanceHashes(vmId);
  return { house, agent, vm, hash };
}

/** An expense that is published hours late, on these core nodes. */
function publishLate(hash: string, seconds: number, cores: readonly number[]): void {
  for (const core of cores) stage.world.core(core).bill([{ itemHash: hash, seconds }], stage.nowMs);
}

const told = (house: House): Promise<readonly Facts[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ facts_json: string }>("SELECT facts_json FROM audit WHERE kind = 'vm.charges' ORDER BY seq")
      .toArray()
      .map((row) => JSON.parse(row.facts_json) as Facts),
  );

describe("the credit history after the bill", () => {
  it("agrees, is noted once and is no news to anybody", async () => {
    const { house, agent, vm } = await settled();
    await house.advance(6 * HOUR_S);
    const after = await house.vm(agent, vm.vmId);
    expect(after).toMatchObject({ costCredits: vm.costCredits, charges: { says: "agrees", sure: true } });
    expect(await told(house)).toMatchObject([{ vmId: vm.vmId, says: "agrees", postedCredits: vm.costCredits }]);
    expect(await notices(house)).not.toContain("history_drift");
  });

  it("with an expense that came after the bill is booked to the credit, and its owner told", async () => {
    const { house, agent, vm, hash } = await settled();
    publishLate(hash, 1_800, [0, 1, 2]);
    await house.advance(3 * HOUR_S);
    const after = await house.vm(agent, vm.vmId);
    const { historyCredits = null } = after.charges ?? {};
    expect(after.charges).toMatchObject({ says: "more", postedCredits: vm.costCredits });
    expect(after.costCredits).toBe(historyCredits);
    expect(after.costCredits - vm.costCredits).toBeGreaterThan(5_000);
    const books = await booksOf(house);
    expect(books).toMatchObject({ balanced: true, audited: true, account: { state: "active" } });
    expect(await notices(house)).toEqual(expect.arrayContaining(["correction", "history_drift"]));
    expect(await told(house)).toHaveLength(1);
  });

  it("beyond the hold is an overrun and freezes", async () => {
    const { house, agent, vm, hash } = await settled();
    publishLate(hash, 40 * HOUR_S, [0, 2]);
    await house.advance(3 * HOUR_S);
    expect((await house.vm(agent, vm.vmId)).charges).toMatchObject({ says: "more" });
    const frozen = { balanced: true, audited: true, account: { state: "frozen", frozenReason: "overrun" } };
    expect(await booksOf(house)).toMatchObject(frozen);
  });

  it("that one core node alone makes longer books nothing", async () => {
    const { house, agent, vm, hash } = await settled();
    publishLate(hash, 40 * HOUR_S, [1]);
    await house.advance(3 * HOUR_S);
    const after = await house.vm(agent, vm.vmId);
    expect(after).toMatchObject({ costCredits: vm.costCredits, charges: { says: "agrees" } });
    expect(await booksOf(house)).toMatchObject({ extras: [], account: { state: "active" } });
  });
});
