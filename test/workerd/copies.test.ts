/** One instance on two nodes: both machines are torn down, and the certificate names both. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Caller, VmView } from "../../src/account/contract.ts";
import { alone, booksOf, forgetsOf, nodeOf, running } from "./evidence.ts";
import { type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MINUTE_S = 60;
const SAFE = ["crn-paris.twin.example", "crn-helsinki.twin.example"];

let house: House;
let agent: Caller;

beforeEach(async () => {
  house = await alone();
  agent = await house.agent();
});

/** A VM in use, and a second machine of it on another node. */
async function onTwoNodes(): Promise<{ readonly vm: VmView; readonly hash: string; readonly other: string }> {
  const vm = await house.vm(agent, await house.healthy(agent));
  const hash = String(vm.itemHash);
  const node = stage.world.nodes.find(({ spec }) => SAFE.includes(spec.domain) && spec.hash !== vm.crnId);
  node?.copy(hash, stage.nowMs);
  await house.advance(10);
  expect(running()).toEqual([hash, hash]);
  return { vm, hash, other: String(node?.spec.hash) };
}

const destroy = async (vmId: string): Promise<void> =>
  void value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));

const erases = (crnId: string, hash: string): readonly number[] =>
  stage.sent.flatMap(({ host, path, atMs }) =>
    host === nodeOf(crnId).spec.domain && path === `/control/machine/${hash}/erase` ? [atMs] : [],
  );

/** What its nodes said, by node. */
const nodesIn = (vm: VmView): ReadonlyMap<string, string> =>
  new Map((vm.certificate?.witnesses ?? []).flatMap(({ kind, id, says }) => (kind === "node" ? [[id, says]] : [])));

describe("an instance that runs on two nodes", () => {
  it("is erased on both before its FORGET leaves, and both are in the certificate", async () => {
    const { vm, hash, other } = await onTwoNodes();
    // while it may live nobody is erased: which of the two is in use, only its user knows
    await house.advance(16 * MINUTE_S);
    expect(running()).toEqual([hash, hash]);
    await destroy(vm.vmId);
    const ended = await house.until(agent, vm.vmId, ["TERMINATED"]);
    expect(running()).toEqual([]);
    const forgottenMs = Math.min(...forgetsOf(hash).map(({ atMs }) => atMs));
    for (const crnId of [String(vm.crnId), other]) {
      expect(erases(crnId, hash)).toHaveLength(1);
      expect(erases(crnId, hash)[0]).toBeLessThanOrEqual(forgottenMs);
    }
    expect(ended.endReason).toBe("destroyed");
    await house.advance(2 * MINUTE_S);
    const dead = await house.vm(agent, vm.vmId);
    expect(nodesIn(dead)).toEqual(
      new Map([
        [String(vm.crnId), "confirmed"],
        [other, "confirmed"],
      ]),
    );
    expect(stage.world.nodes.filter((node) => node.filesOf(hash).length > 1)).toEqual([]);
  });

  it("is looked for at the end as well: a node that revived it a moment ago is erased", async () => {
    const { vm, hash, other } = await onTwoNodes();
    await destroy(vm.vmId);
    await house.advance(MINUTE_S);
    expect(erases(other, hash)).toHaveLength(1);
    expect(running()).toEqual([]);
  });

  it("is not called dead while one of them says that it runs; the money waits for no liar", async () => {
    const { vm, hash, other } = await onTwoNodes();
    nodeOf(other).setKnobs({ lie: "running" });
    await destroy(vm.vmId);
    await house.until(agent, vm.vmId, ["TERMINATED"]);
    await house.advance(3 * HOUR_S + 20 * MINUTE_S);
    const settled = await house.vm(agent, vm.vmId);
    expect(settled).toMatchObject({ costStatus: "settled", certificate: null });
    expect(await booksOf(house)).toMatchObject({ balanced: true, extras: [], account: { state: "active" } });
    expect(erases(other, hash).length).toBeGreaterThan(5);
    expect(erases(other, hash).length).toBeLessThan(60);
    nodeOf(other).setKnobs({ lie: "none" });
    await house.advance(10 * MINUTE_S);
    expect(nodesIn(await house.vm(agent, vm.vmId)).get(other)).toBe("confirmed");
    expect(house.machines()).toEqual([]);
  });
});
