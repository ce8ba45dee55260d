/** The payer while VMs run: the owner's other machines, lots that run out, a lying core node, and bills that are wrong. */
import { describe, expect, it, vi } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import type { PolicyDraft } from "../../src/account/types.ts";
import type { Facts } from "../../src/errors.ts";
import {
  alone,
  booksOf,
  coresDown,
  followedBy,
  inAccount,
  instanceHashes,
  notices,
  running,
  strangerTo,
} from "./evidence.ts";
import { ownMachine, withResources } from "./foreign.ts";
import { ASK, code, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const HOURLY = 14_250;
const HOLD = 3 * HOURLY;
/** Eight units of the owner's own: one day of them and of two of ours is 3,420,000 credits. */
const THEIRS = 8;

const noticeFacts = (house: House, kind: string): Promise<readonly Facts[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ facts_json: string }>("SELECT facts_json FROM notice WHERE kind = ? ORDER BY since_ms", kind)
      .toArray()
      .map((row) => JSON.parse(row.facts_json) as Facts),
  );

function setBalance(house: House, credits: number): void {
  const { owner } = house.session;
  for (const core of stage.world.cores) {
    const has = core.creditBalance(owner);
    if (has > credits) core.removeCredits(owner, has - credits, stage.nowMs);
    else if (has < credits) core.grantCredits(owner, credits - has, undefined, stage.nowMs);
  }
}

/** Looks every ten seconds until the owner has been told so. */
async function untilTold(house: House, kind: string, limitS = 900): Promise<Facts> {
  for (let passed = 0; passed <= limitS; passed += 10) {
    const [told] = await noticeFacts(house, kind);
    if (told !== undefined) return told;
    await house.advance(10);
  }
  throw new Error(`never told: ${kind}`);
}

type Two = { readonly house: House; readonly agent: Caller; readonly old: string; readonly young: string };

/** Two VMs of ours, the second admitted a minute after the first. */
async function two(policy: PolicyDraft = draftPolicy()): Promise<Two> {
  const house = await alone(policy);
  const agent = await house.agent();
  const old = await house.healthy(agent);
  await house.advance(60);
  return { house, agent, old, young: await house.healthy(agent) };
}

const state = async ({ house, agent }: Two, vmId: string): Promise<unknown> => {
  const { state: now, endReason } = await house.vm(agent, vmId);
  return endReason === null ? now : [now, endReason];
};

describe("the line of one day, while VMs run", () => {
  it("stops our newest VM when the owner's own machines bring it within an hour, and the others live", async () => {
    const all = await two();
    const { house, agent, old, young } = all;
    const theirs = await ownMachine(house, THEIRS);
    setBalance(house, 3_500_000);
    // seen once: told, and nothing is stopped
    const told = await untilTold(house, "payer_line");
    expect(told).toMatchObject({ oneDayCredits: 24 * 10 * HOURLY, rule: "stop_ours", vmsStopped: 0 });
    expect(Number(told["marginH"])).toBeLessThan(1);
    expect(Number(told["addCredits"])).toBeGreaterThan(0);
    expect([await state(all, old), await state(all, young)]).toEqual(["HEALTHY", "HEALTHY"]);
    await house.advance(62);
    expect(await state(all, young)).toContain("payer_line");
    await house.until(agent, young, ["TERMINATED"]);
    await house.advance(900);
    expect(await state(all, old)).toBe("HEALTHY");
    expect((await noticeFacts(house, "payer_line")).map((one) => one["vmsStopped"])).toEqual([0, 1]);
    expect(stage.world.core(0).statusOf(theirs)).toBe("processed");
    expect((await house.vm(agent, young)).certificate).not.toBeNull();
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true, account: { state: "active" } });
  });

  it("adding what the notice says is enough", async () => {
    const all = await two();
    const { house, old, young } = all;
    await ownMachine(house, THEIRS);
    setBalance(house, 3_500_000);
    const told = await untilTold(house, "payer_line");
    for (const core of stage.world.cores)
      core.grantCredits(house.session.owner, Number(told["addCredits"]), undefined, stage.nowMs);
    await house.advance(900);
    expect([await state(all, old), await state(all, young)]).toEqual(["HEALTHY", "HEALTHY"]);
    expect(await noticeFacts(house, "payer_line")).toHaveLength(1);
  });

  it("only tells an owner who wants to be told only", async () => {
    const all = await two(draftPolicy({ on: { payerLine: "alert" } }));
    const { house, old, young } = all;
    await ownMachine(house, THEIRS);
    setBalance(house, 3_440_000);
    await house.advance(1_200);
    expect([await state(all, old), await state(all, young)]).toEqual(["HEALTHY", "HEALTHY"]);
    expect(await noticeFacts(house, "payer_line")).toMatchObject([{ rule: "alert", vmsStopped: 0 }]);
  });

  it("is not moved by one core node that lies, alone or with another one down", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    // what the VM's own node sees is left alone: it would stop a machine that nobody seems to pay for
    const { crnId } = await house.vm(agent, vmId);
    const liar = strangerTo(crnId);
    stage.world.core(liar).setLie({ balances: { "*": 0 } });
    await house.advance(1_200);
    coresDown(3 - liar - followedBy(crnId));
    await house.advance(1_200);
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    expect(await notices(house)).toEqual([]);
  });

  it("does not count credits that run out before our VMs can end", async () => {
    const all = await two();
    const { house, old, young } = all;
    await ownMachine(house, THEIRS);
    setBalance(house, 3_500_000);
    for (const core of stage.world.cores)
      core.grantCredits(house.session.owner, 90_000_000, stage.nowMs + HOUR_S * 1_000, stage.nowMs);
    await house.advance(400);
    expect(await state(all, old)).toBe("HEALTHY");
    expect(await state(all, young)).toContain("payer_line");
  });

  it("tells of removals, and creates nothing until they are over", async () => {
    const { house, agent } = await two(draftPolicy({ on: { payerLine: "alert" } }));
    const theirs = await ownMachine(house, THEIRS);
    const rich = stage.world.core(0).creditBalance(house.session.owner);
    const removal = (): void => {
      for (const core of stage.world.cores) core.runRemovalJob(stage.nowMs);
    };
    for (const core of stage.world.cores) core.confirmOnChain([theirs]);
    setBalance(house, 400_000);
    stage.world.core(0).runRemovalJob(stage.nowMs);
    await house.advance(301);
    // one core node's word
    expect(await noticeFacts(house, "removing")).toEqual([]);
    removal();
    await house.advance(301);
    expect(await noticeFacts(house, "removing")).toEqual([{ machines: 1 }]);
    setBalance(house, rich);
    const quote = value(await house.agents.quoteVm(agent, ASK));
    const accept = (): ReturnType<House["agents"]["accept"]> =>
      house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 });
    expect(code(await accept())).toBe("account.removing");
    removal();
    await house.advance(301);
    expect(stage.world.core(0).statusOf(theirs)).toBe("processed");
    expect(code(await accept())).toBe("ok");
    expect(await noticeFacts(house, "removing")).toHaveLength(1);
  });
});

/** What all core nodes say was taken for the VM in the end. */
async function takenFor(hash: string): Promise<number> {
  const path = `https://api.aleph.im/api/v0/messages/${hash}/consumed_credits`;
  const answer = await stage.net(new Request(path));
  return ((await answer.json()) as { readonly consumed_credits: number }).consumed_credits;
}

const extras = (house: House, vmId: string): Promise<readonly number[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ credits: number }>("SELECT credits FROM extra WHERE vm_id = ? AND kind = 'overrun' ORDER BY seq", vmId)
      .toArray()
      .map((row) => row.credits),
  );

describe("the network's bill, while VMs run", () => {
  it("beyond a VM's holds is booked once, ends that VM, freezes, and the other one lives", async () => {
    const all = await two(draftPolicy());
    const { house, agent, old, young } = all;
    const [hash = ""] = instanceHashes(young);
    stage.world.state.billPercent[hash] = 2_000;
    await untilTold(house, "overrun", 2 * HOUR_S);
    const taken = await takenFor(hash);
    expect(taken).toBeGreaterThan(HOLD);
    expect(await extras(house, young)).toEqual([taken - HOLD]);
    expect(await state(all, young)).toMatchObject([expect.anything(), "overrun"]);
    expect(await state(all, old)).toBe("HEALTHY");
    const now = await booksOf(house);
    expect(now).toMatchObject({ balanced: true, account: { state: "frozen", frozenReason: "overrun" } });
    expect(await notices(house)).toEqual(expect.arrayContaining(["overrun", "account_frozen"]));
    // settled with the last bill, each credit once
    await house.until(agent, young, ["TERMINATED"]);
    await house.advance(4 * HOUR_S);
    const last = await takenFor(hash);
    expect(last).toBeGreaterThan(taken);
    const vm = await house.vm(agent, young);
    expect([vm.costStatus, vm.costCredits]).toEqual(["settled", last]);
    const books = await booksOf(house);
    const posted = books.holds.filter((hold) => hold.vmId === young).reduce((sum, hold) => sum + hold.credits, 0);
    const beyond = (await extras(house, young)).reduce((sum, credits) => sum + credits, 0);
    expect(posted + beyond).toBe(last);
    expect(books).toMatchObject({ balanced: true, audited: true });
    expect((await house.vm(agent, old)).costStatus).toBe("settled");
    expect(running()).toEqual([]);
  });

  it("that stops short of our meter is told once, with both figures, and freezes nobody", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 5 * HOUR_S });
    const [hash = ""] = instanceHashes(vmId);
    stage.world.state.billPercent[hash] = 0;
    await house.advance(1.75 * HOUR_S);
    const told = await noticeFacts(house, "bill_drift");
    expect(told).toMatchObject([{ vmId }]);
    const { billedCredits, meterCredits } = told[0] as {
      readonly billedCredits: number;
      readonly meterCredits: number;
    };
    expect(meterCredits - billedCredits).toBeGreaterThan(1.5 * HOURLY);
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    expect(await booksOf(house)).toMatchObject({ extras: [], account: { state: "active" } });
  });

  it("as it should be is no news to anybody", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 5 * HOUR_S });
    await house.advance(2.3 * HOUR_S);
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    expect(await notices(house)).toEqual([]);
  });
});

describe("facts that an accept is judged by", () => {
  /** The payer's facts as a slow Worker brings them: so old at the first tries, fresh from then on. */
  function slow(house: House, tries: number, ageMs: number) {
    const { gather } = house.setting;
    const fresh = gather.payer.bind(gather);
    const spied = vi.spyOn(gather, "payer");
    for (let late = 0; late < tries; late++)
      spied.mockImplementationOnce(async (owner, agent) => {
        const facts = await fresh(owner, agent);
        return facts && { ...facts, asOfMs: facts.asOfMs - ageMs };
      });
    return spied;
  }

  it("are gathered once more when they are older than a minute, and only then", async () => {
    const house = await alone();
    const agent = await house.agent();
    for (const [ageMs, calls] of [
      [60_000, 1],
      [60_001, 2],
    ] as const) {
      const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
      const gathered = slow(house, 1, ageMs);
      expect(value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 })).kind).toBe("vm");
      expect(gathered).toHaveBeenCalledTimes(calls);
      gathered.mockRestore();
    }
  });

  it("refuse it when they are too old again: nothing is burnt, leased or counted as anybody's failure", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const create = value(await house.agents.quoteVm(agent, ASK)).quoteId;
    const extend = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S })).quoteId;
    for (let again = 0; again < 4; again++)
      for (const [quoteId, kind] of [
        [create, "create"],
        [extend, "extend"],
      ] as const) {
        const gathered = slow(house, 2, 75_000);
        const refused = await house.agents.accept(agent, { quoteId, kind, waitS: 0 });
        gathered.mockRestore();
        expect(!refused.ok && refused.refusal).toMatchObject({ code: "network.unreachable", facts: { factsAgeS: 75 } });
      }
    expect(value(await house.agents.accept(agent, { quoteId: extend, kind: "extend", waitS: 0 })).kind).toBe("vm");
    expect(value(await house.agents.accept(agent, { quoteId: create, kind: "create", waitS: 0 })).kind).toBe("vm");
  });
});

describe("a payer with thousands of resources", () => {
  const keptBytes = (house: House): Promise<number> =>
    inAccount(house, (sql) => sql.exec<{ n: number }>("SELECT length(payer_json) AS n FROM account").one().n);
  const balanceOf = async (house: House) => value(await house.owners.overview(house.session)).balance;

  it("is served and guarded like any other, and the account keeps no row for each of them", async () => {
    const { house, agent, old } = await two();
    await withResources(9_997, async () => {
      await house.healthy(agent);
      await house.advance(600);
      const { otherMachines, otherBurnCreditsPerH, coreNodesAnswering } = await balanceOf(house);
      expect([otherMachines, otherBurnCreditsPerH, coreNodesAnswering]).toEqual([9_997, 36, 3]);
      expect(await keptBytes(house)).toBeLessThan(3_000);
      setBalance(house, 1_040_000);
      await house.advance(900);
    });
    // the third of ours is too much for what is left
    expect(await noticeFacts(house, "payer_line")).not.toEqual([]);
    expect((await house.vm(agent, old)).state).toBe("HEALTHY");
  });

  it("is told, once, that they are too many to be counted: nothing new starts, and what runs lives to its end", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await withResources(10_000, async () => {
      const { wouldRefuse } = value(await house.agents.quoteVm(agent, ASK));
      expect(wouldRefuse).toMatchObject({ code: "balance.too_many_resources", facts: { resourcesMax: 10_000 } });
      const longer = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
      expect(longer.wouldRefuse?.code).toBe("balance.too_many_resources");
      const { coreNodesAnswering, payerCredits, networkState } = value(await house.agents.checkBalance(agent));
      expect([coreNodesAnswering, payerCredits, networkState]).toEqual([3, null, "reachable"]);
      await house.advance(1_800);
      expect(await notices(house)).toEqual(["payer_uncountable"]);
      expect(await noticeFacts(house, "payer_uncountable")).toEqual([{ resourcesMax: 10_000 }]);
      expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
      // what does not hang on the list is still seen
      for (const core of stage.world.cores)
        core.setAggregate(house.session.owner, "security", { authorizations: [] }, stage.nowMs);
      await house.advance(600);
      expect(await notices(house)).toContain("delegation_gone");
    });
    await house.advance(600);
    expect((await balanceOf(house)).payerCredits).toBeGreaterThan(0);
  });

  it("is not taken for one on the word of one core node", async () => {
    const house = await alone();
    const agent = await house.agent();
    await withResources(
      10_001,
      async () => {
        expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse).toBeUndefined();
        coresDown(2);
        expect(code(await house.agents.quoteVm(agent, ASK))).toBe("network.unreachable");
      },
      [1],
    );
    expect(await notices(house)).toEqual([]);
  });
});
