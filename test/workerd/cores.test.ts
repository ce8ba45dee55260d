import { describe, expect, it } from "vitest";
import type { VmAsk } from "../../src/account/contract.ts";
import { DEFAULT_PRICING } from "../../devnet/core/price-tables.ts";
import { CORE_HOSTS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import {
  alone,
  booksOf,
  core,
  coresDown,
  forgetsOf,
  followedBy,
  instanceHashes,
  isMessagePost,
  notices,
  posted,
  strangerTo,
} from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MINUTE_S = 60;
const CORES = [0, 1, 2] as const;

type Alive = { readonly house: House; readonly agent: Awaited<ReturnType<House["agent"]>>; readonly vmId: string };

async function healthyVm(ask: Partial<VmAsk> = {}): Promise<Alive> {
  const house = await alone();
  const agent = await house.agent();
  return { house, agent, vmId: await house.healthy(agent, ask) };
}

const destroy = async ({ house, agent, vmId }: Alive) =>
  value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));

async function expectDead({ house, agent, vmId }: Alive): Promise<void> {
  await house.until(agent, vmId, ["TERMINATED"]);
  await house.advance(11 * MINUTE_S);
  expect((await house.vm(agent, vmId)).certificate).not.toBeNull();
  expect(stage.world.nodes.flatMap((node) => node.vms())).toEqual([]);
  expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
}

const coreWitness = (vm: Awaited<ReturnType<House["vm"]>>, index: number) =>
  vm.certificate?.witnesses.find((one) => one.kind === "core_node" && one.id === String(index + 1))?.says;

describe("one core node alone says that a living VM is over", () => {
  it("forgotten, rejected, removed, each for most of an hour: money and VM stay as they are", async () => {
    const alive = await healthyVm({ ttlS: 4 * HOUR_S });
    const { house, agent, vmId } = alive;
    const before = await house.vm(agent, vmId);
    for (const word of ["forgotten", "rejected", "removed"] as const) {
      core(strangerTo(before.crnId)).setLie({ statuses: { "*": word } });
      await house.advance(0.75 * HOUR_S);
      const after = await house.vm(agent, vmId);
      expect(after).toMatchObject({ state: "HEALTHY", endReason: null, heldCredits: before.heldCredits });
    }
    expect(posted("FORGET")).toEqual([]);
    expect(house.machines()).toHaveLength(1);
    expect((await booksOf(house)).account.state).toBe("active");
    await destroy(alive);
    await expectDead(alive);
  });

  for (const word of ["forgotten", "rejected"] as const) {
    it(`${word}, heard alone for three minutes: the create stays held and becomes one VM all the same`, async () => {
      const house = await alone();
      const agent = await house.agent();
      // The VM's node follows another one, so that the lie is a word and nothing else.
      core(0).setLie({ statuses: { "*": word } });
      stage.accident = (asked) => {
        if (isMessagePost(asked, "INSTANCE")) coresDown(1, 2);
      };
      const vmId = await house.create(agent, { nodeHash: nodeFollowing(1) });
      const { heldCredits } = await house.vm(agent, vmId);
      await house.advance(3 * MINUTE_S);
      expect(await house.vm(agent, vmId)).toMatchObject({ state: "UNKNOWN", endReason: null, heldCredits });
      stage.accident = undefined;
      coresDown();
      await house.until(agent, vmId, ["HEALTHY"]);
      expect(instanceHashes()).toHaveLength(1);
      await destroy({ house, agent, vmId });
      await expectDead({ house, agent, vmId });
    });
  }
});

const nodeFollowing = (index: number): string =>
  stage.world.roster.find((entry) => entry.coreIndex === index)?.spec.hash ?? "";

describe("one core node never stops saying PROCESSED", () => {
  for (const follows of [false, true]) {
    const who = follows ? "the one that the VM's node follows" : "another one";
    it(`${who}: the teardown ends after ten minutes and the certificate names it`, async () => {
      const alive = await healthyVm();
      const { house, agent, vmId } = alive;
      const { crnId, itemHash } = await house.vm(agent, vmId);
      const liar = follows ? followedBy(crnId) : strangerTo(crnId);
      core(liar).setLie({ statuses: { [String(itemHash)]: "processed" } });
      const askedMs = stage.nowMs;
      await destroy(alive);
      await house.advance(9 * MINUTE_S);
      const waiting = await house.vm(agent, vmId);
      expect(waiting).toMatchObject({ state: "STOPPING", costStatus: "provisional" });
      const dead = await house.until(agent, vmId, ["TERMINATED"]);
      expect((dead.endedAtMs ?? 0) - askedMs).toBeGreaterThanOrEqual(10 * MINUTE_S * 1_000);
      expect((dead.endedAtMs ?? 0) - askedMs).toBeLessThan(17 * MINUTE_S * 1_000);
      stage.sent = [];
      await expectDead(alive);
      const certified = await house.vm(agent, vmId);
      expect(CORES.map((index) => coreWitness(certified, index))).toEqual(
        CORES.map((index) => (index === liar ? "denied" : "confirmed")),
      );
      // FORGETs go on, the INSTANCE does not.
      expect(forgetsOf(String(itemHash)).length).toBeGreaterThan(0);
      expect(posted("INSTANCE")).toEqual([]);
    });
  }
});

describe("one core node is down for ever", () => {
  for (const index of CORES) {
    it(`number ${index + 1}: a VM is made, extended, destroyed and settled`, async () => {
      const house = await alone();
      const agent = await house.agent();
      coresDown(index);
      const vmId = await house.healthy(agent);
      expect(new Set(posted("INSTANCE").map(({ host }) => host))).toEqual(new Set(CORE_HOSTS.toSpliced(index, 1)));
      expect(followedBy((await house.vm(agent, vmId)).crnId)).not.toBe(index);
      const quote = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
      expect(code(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "extend", waitS: 0 }))).toBe("ok");
      await destroy({ house, agent, vmId });
      await expectDead({ house, agent, vmId });
      const dead = await house.vm(agent, vmId);
      expect(coreWitness(dead, index)).toBe("silent");
      await house.advance(3.2 * HOUR_S);
      expect(await house.vm(agent, vmId)).toMatchObject({ costStatus: "settled", heldCredits: 0 });
    });
  }

  it("since the quote: the VM starts on a node that follows another one", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { quoteId, crnId } = value(await house.agents.quoteVm(agent, ASK));
    coresDown(followedBy(crnId));
    const accepted = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
    const vmId = accepted.kind === "vm" ? accepted.vm.vmId : accepted.kind;
    const vm = await house.until(agent, vmId, ["HEALTHY"]);
    expect(vm.crnId).not.toBe(crnId);
    expect(followedBy(vm.crnId)).not.toBe(followedBy(crnId));
    expect(vm.attempts).toHaveLength(1);
  });

  it("and followed by every node that the owner allows: one of them is offered all the same", async () => {
    const nodesAllow = stage.world.roster.filter((entry) => entry.coreIndex === 0).map((entry) => entry.spec.hash);
    const house = await alone(draftPolicy({ place: { nodesAllow } }));
    const agent = await house.agent();
    coresDown(0);
    expect(nodesAllow).toContain(value(await house.agents.quoteVm(agent, ASK)).crnId);
  });

  it("and back again much later, it is sent the FORGET too", async () => {
    const alive = await healthyVm();
    const { house, agent, vmId } = alive;
    const { crnId, itemHash } = await house.vm(agent, vmId);
    const away = strangerTo(crnId);
    // It missed everything: gossip does not reach it either.
    coresDown(away);
    stage.world.state.gossipLagMs[away] = 30 * 86_400_000;
    await destroy(alive);
    await expectDead(alive);
    expect(core(away).statusOf(String(itemHash))).toBe("processed");
    coresDown();
    await house.advance(2 * HOUR_S);
    expect(core(away).statusOf(String(itemHash))).toBe("forgotten");
    expect(house.machines()).toEqual([]);
  });
});

describe("one core node lies about money", () => {
  const times = (factor: number): JsonObject => {
    const scaled = structuredClone(DEFAULT_PRICING) as unknown as Record<
      string,
      { price: { compute_unit: { credit: string } } }
    >;
    const unit = scaled["instance"]?.price.compute_unit;
    if (unit === undefined) throw new Error("no price");
    unit.credit = String(Number(unit.credit) * factor);
    return scaled as unknown as JsonObject;
  };

  for (const factor of [100, 0.01]) {
    it(`prices times ${factor}: quotes and holds are those of the other two`, async () => {
      const house = await alone();
      const agent = await house.agent();
      const honest = value(await house.agents.quoteVm(agent, ASK));
      core(1).setPricing(times(factor), stage.nowMs);
      // the price list that we keep has run out
      await house.advance(61);
      const quote = value(await house.agents.quoteVm(agent, ASK));
      expect(quote.costCreditsMax).toBe(honest.costCreditsMax);
      expect(quote.wouldRefuse).toBeUndefined();
    });
  }

  it("a frozen price times 1000: the VM lives on", async () => {
    const house = await alone();
    const agent = await house.agent();
    // The first to know of it, so that it is heard while the third has not even seen the create.
    core(0).setLie({ prices: { "*": "1000.000000000000000000" } });
    const vmId = await house.healthy(agent, { nodeHash: nodeFollowing(1) });
    await house.advance(10 * MINUTE_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", endReason: null });
  });

  it("balance 0: nobody is refused for it", async () => {
    const house = await alone();
    const agent = await house.agent();
    core(0).setLie({ balances: { "*": 0 } });
    const quote = value(await house.agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse).toBeUndefined();
    expect(value(await house.agents.checkBalance(agent)).payerCredits).toBe(50_000_000);
  });

  it("balance huge: nobody is admitted for it", async () => {
    const house = await alone(undefined, 1_000);
    const agent = await house.agent();
    core(0).setLie({ balances: { "*": 9_000_000_000_000 } });
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    expect(code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("balance.too_low");
    expect(value(await house.agents.checkBalance(agent)).payerCredits).toBe(1_000);
  });

  it("the balance of the poorer of two, when the third is silent", async () => {
    const house = await alone();
    const agent = await house.agent();
    core(0).setLie({ balances: { "*": 9_000_000_000_000 } });
    coresDown(2);
    expect(value(await house.agents.checkBalance(agent)).payerCredits).toBe(50_000_000);
  });
});

describe("one core node shows another delegation than there is", () => {
  const lieWith = (house: House, entry: JsonObject) => {
    const { owner } = house.session;
    core(1).setLie({ entries: [{ address: owner, key: "security", list: "authorizations", entry }] });
  };

  it("an entry that lets our key do everything: creates go on, and it is never offered for signature", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { agentAddress } = value(await house.owners.openDelegation(house.session));
    lieWith(house, { address: agentAddress, types: [], chain: "ETH" });
    const view = value(await house.owners.openDelegation(house.session));
    expect(view).toMatchObject({ state: "ok", toSign: null, kept: [], doubtful: [] });
    await house.healthy(agent);
  });

  it("a stranger's entry: it is not kept when the owner signs the list anew", async () => {
    const house = await alone();
    const stranger = House.stranger().session.owner;
    lieWith(house, { address: stranger, types: [], chain: "ETH" });
    for (const index of [0, 2])
      core(index).setAggregate(house.session.owner, "security", { authorizations: [] }, stage.nowMs);
    const view = value(await house.owners.openDelegation(house.session));
    expect(view.state).toBe("missing");
    expect(view.toSign?.itemContent).not.toContain(stranger);
  });

  it("no delegation at all: no teardown waits for it", async () => {
    const alive = await healthyVm({ nodeHash: nodeFollowing(0) });
    core(1).setAggregate(alive.house.session.owner, "security", { authorizations: [] }, stage.nowMs);
    await alive.house.advance(6 * MINUTE_S);
    await destroy(alive);
    await expectDead(alive);
    expect(value(await alive.house.agents.checkBalance(alive.agent)).delegation).toBe("ok");
    expect(await notices(alive.house)).not.toContain("delegation_gone");
  });
});

describe("one core node lags", () => {
  it("by ten minutes: a VM is made, lives and is gone everywhere in the end", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.world.state.gossipLagMs[2] = 10 * MINUTE_S * 1_000;
    const vmId = await house.healthy(agent, { nodeHash: nodeFollowing(0) });
    await house.advance(2 * MINUTE_S);
    await destroy({ house, agent, vmId });
    await expectDead({ house, agent, vmId });
    await house.advance(20 * MINUTE_S);
    expect(house.machines()).toEqual([]);
    expect(instanceHashes()).toHaveLength(1);
  });
});
