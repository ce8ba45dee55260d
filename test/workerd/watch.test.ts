import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import { accountName } from "../../src/account/doors.ts";
import { agentFront } from "../../src/account/front-agent.ts";
import { ownerFront } from "../../src/account/front-owner.ts";
import { shardOf, type WatchReport } from "../../src/directory/watch.ts";
import { parseConfig } from "../../src/env.ts";
import { type Bindings, frontOf, sweepAll } from "../../src/wiring.ts";
import { alone, booksOf, forgetsOf, inAccount, instanceHashes, notices, posted } from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage, stagePorts } from "./stage.ts";

const bindings = env as unknown as Bindings;
const MINUTE_S = 60;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Nothing of a VM has gone to any core node or compute node. */
const nothingLeft = (): boolean =>
  !stage.sent.some(({ path }) => path.startsWith("/api/v0/messages") || path.startsWith("/control/"));

const silence = (): void => {
  stage.watchAccident = () => "silent";
};
const speak = (): void => {
  stage.watchAccident = undefined;
};

/** The instance is gone; what is stored stays. Whoever calls next wakes a new one. */
async function kill(house: House): Promise<void> {
  await runInDurableObject(house.account, (_, state) => state.abort("planted crash")).catch(() => undefined);
}

const wake = (house: House) => house.account.wake();
const watchRow = (house: House) => bindings.WATCH.getByName(shardOf(house.name));

async function started(): Promise<{ house: House; agent: Caller }> {
  const house = await alone();
  const agent = await house.agent();
  stage.sent = [];
  return { house, agent };
}

describe("Watch is silent", () => {
  for (const how of ["silent", "hang"] as const) {
    const what = how === "silent" ? "fails" : "never answers";
    it(`when it ${what}, the caller gets what was recorded, and nothing leaves until it answers`, async () => {
      const { house, agent } = await started();
      const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
      stage.sent = [];
      const real = globalThis.setTimeout;
      // Two seconds of patience pass at once.
      const hasty = (work: () => void, ms?: number) => real(work, ms === 2_000 ? 10 : ms);
      vi.spyOn(globalThis, "setTimeout").mockImplementation(hasty as typeof setTimeout);
      stage.watchAccident = () => how;
      const accepted = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
      if (accepted.kind !== "vm") throw new Error(accepted.kind);
      expect(accepted).toMatchObject({ networkState: "watch_silent", vm: { state: "REQUESTED" } });
      expect(accepted.vm.heldCredits).toBeGreaterThan(0);
      const again = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
      expect(again.kind === "vm" && again.vm.vmId).toBe(accepted.vm.vmId);
      stage.moveTo(stage.nowMs + 60_000);
      await wake(house);
      expect(nothingLeft()).toBe(true);
      speak();
      stage.moveTo(stage.nowMs + 5_000);
      await wake(house);
      await house.until(agent, accepted.vm.vmId, ["HEALTHY"]);
      expect(await house.vm(agent, accepted.vm.vmId)).toMatchObject({ networkState: "reachable" });
      expect(instanceHashes()).toHaveLength(1);
    });
  }

  it("a teardown does not wait for it: machines end while it is silent, by their agent and by their time", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent);
    const other = await house.healthy(agent, { ttlS: 600 });
    silence();
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(20 * MINUTE_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "TERMINATED", networkState: "watch_silent" });
    expect(await house.vm(agent, other)).toMatchObject({ state: "TERMINATED", endReason: "ttl" });
    expect(house.machines()).toEqual([]);
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true, account: { state: "active" } });
    speak();
    await house.advance(10 * MINUTE_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ networkState: "reachable" });
  });

  it("after a wake: nothing is admitted until it was heard", async () => {
    const { house, agent } = await started();
    await kill(house);
    silence();
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse?.code).toBe("account.watch_silent");
    speak();
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse).toBeUndefined();
  });

  it("after a wake: what it kept while its answers were lost is the account's own, and no sign of a restore", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent);
    await kill(house);
    stage.watchAccident = () => "lost";
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await wake(house);
    speak();
    stage.moveTo(stage.nowMs + 5_000);
    await wake(house);
    await house.until(agent, vmId, ["TERMINATED"]);
    expect((await booksOf(house)).account).toMatchObject({ state: "active" });
  });

  it("after a wake: no freeze is ended until it was heard, and then at once", async () => {
    const { house } = await started();
    value(await house.owners.freeze(house.session));
    const end = () => house.owners.offerPolicy(house.session, { draft: draftPolicy(), unfreeze: "account" });
    await kill(house);
    silence();
    expect(code(await end())).toBe("account.watch_silent");
    speak();
    const { nonce, typedData } = value(await end());
    if (typedData === null) throw new Error("nothing to sign");
    const signature = house.signTyped(typedData);
    await kill(house);
    silence();
    expect(code(await house.owners.savePolicy(house.session, { nonce, signature }))).toBe("account.watch_silent");
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen" });
    speak();
    await house.setPolicy(draftPolicy(), "account");
    expect((await booksOf(house)).account).toMatchObject({ state: "active" });
  });

  it("after a wake: an unsent create of more than two minutes stays held, and is voided once Watch was heard", async () => {
    const { house, agent } = await started();
    silence();
    const vmId = await house.create(agent);
    await kill(house);
    stage.moveTo(stage.nowMs + 5 * MINUTE_S * 1_000);
    await wake(house);
    const waiting = await house.vm(agent, vmId);
    expect(waiting).toMatchObject({ state: "REQUESTED", networkState: "watch_silent" });
    expect(waiting.heldCredits).toBeGreaterThan(0);
    speak();
    stage.moveTo(stage.nowMs + 10_000);
    await wake(house);
    await wake(house);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "FAILED", endReason: "never_sent", heldCredits: 0 });
    expect(posted("INSTANCE")).toEqual([]);
  });

  it("after a wake: a create destroyed before Watch was heard stays held until then, and is never sent", async () => {
    const { house, agent } = await started();
    silence();
    const vmId = await house.create(agent);
    await kill(house);
    const asked = value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    expect(asked).toMatchObject({ state: "REQUESTED", endReason: "destroyed" });
    expect(asked.heldCredits).toBeGreaterThan(0);
    speak();
    stage.moveTo(stage.nowMs + 10_000);
    await wake(house);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "FAILED", endReason: "destroyed", heldCredits: 0 });
    expect(posted("INSTANCE")).toEqual([]);
  });

  it("without a wake between: what was heard before counts, and the old unsent create is voided", async () => {
    const { house, agent } = await started();
    silence();
    const vmId = await house.create(agent);
    stage.moveTo(stage.nowMs + 3 * MINUTE_S * 1_000);
    await wake(house);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "FAILED", endReason: "never_sent" });
    speak();
    stage.moveTo(stage.nowMs + 10_000);
    await wake(house);
    expect(posted("INSTANCE")).toEqual([]);
  });
});

describe("before the INSTANCE leaves", () => {
  it("Watch has acknowledged a due time no later than the VM's end, and the commit with the signatures", async () => {
    const { house, agent } = await started();
    const reports: WatchReport[] = [];
    stage.watchAccident = (report) => void reports.push(report);
    let known: { row: WatchReport | undefined } | undefined;
    stage.accident = ({ method, path }) => {
      if (method === "POST" && path === "/api/v0/messages") known ??= { row: reports.at(-1) };
    };
    const vmId = await house.create(agent);
    const { expiresAtMs } = await house.until(agent, vmId, ["HEALTHY"]);
    expect(known?.row?.nextDueMs).toBeLessThanOrEqual(expiresAtMs);
    expect(known?.row?.live).toBe(1);
    // What was reported before the first byte left is what is stored, signatures included.
    const signedSeq = reports.findIndex((one) => one === known?.row);
    expect(signedSeq).toBeGreaterThan(0);
    expect(reports.slice(0, signedSeq + 1).map((one) => one.commitSeq)).toEqual(
      reports
        .slice(0, signedSeq + 1)
        .map((one) => one.commitSeq)
        .toSorted((a, b) => a - b),
    );
  });
});

describe("the storage was restored to an older state", () => {
  const restore = (house: House, commits: number) =>
    inAccount(house, (sql) => void sql.exec("UPDATE account SET commit_seq = commit_seq - ?", commits));

  it("the account freezes, voids nothing, and its teardown goes on", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent);
    const { heldCredits } = await house.vm(agent, vmId);
    await restore(house, 5);
    await kill(house);
    await wake(house);
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "restored" });
    expect(await notices(house)).toContain("account_frozen");
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", heldCredits });
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse?.code).toBe("account.restored");
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(5 * MINUTE_S);
    expect(house.machines()).toEqual([]);
    expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true });
  });

  it("what the account stored before Watch was heard does not hide it, when it wakes again", async () => {
    const { house } = await started();
    await restore(house, 3);
    await kill(house);
    silence();
    for (let page = 0; page < 5; page++) value(await house.owners.offerPolicy(house.session, { draft: draftPolicy() }));
    await kill(house);
    speak();
    await wake(house);
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "restored" });
  });

  it("a create that looks unsent may have left: it is never voided, and dies by FORGET", async () => {
    const { house, agent } = await started();
    silence();
    const vmId = await house.create(agent);
    const { heldCredits } = await house.vm(agent, vmId);
    await restore(house, 2);
    // What Watch had heard before the restore is more than what is stored now.
    await watchRow(house).report(
      {
        name: house.name,
        objectId: house.account.id.toString(),
        nextDueMs: stage.nowMs,
        commitSeq: (await booksOf(house)).account.commitSeq + 10,
        kekVersion: 1,
        live: 1,
      },
      stage.nowMs,
    );
    await kill(house);
    stage.moveTo(stage.nowMs + 5 * MINUTE_S * 1_000);
    speak();
    await wake(house);
    await house.advance(1);
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "restored" });
    const after = await house.vm(agent, vmId);
    expect(after).toMatchObject({ heldCredits, endReason: null });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"], 1_800);
    expect(forgetsOf(String(after.itemHash)).length).toBeGreaterThan(0);
    await house.advance(5 * MINUTE_S);
    expect(house.machines()).toEqual([]);
  });

  it("a destroyed create that looks unsent is sent to be forgotten", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent);
    const { heldCredits, itemHash } = await house.vm(agent, vmId);
    // Back to before the second transaction: no signature, no first send, no word of any core node.
    await inAccount(house, (sql) => {
      sql.exec("DROP TRIGGER attempt_bytes_stay");
      sql.exec("UPDATE attempt SET signature = NULL, first_send_ms = NULL");
      sql.exec(
        "UPDATE attempt SET attempt_json = json_set(attempt_json, '$.seenAliveMs', NULL, '$.views', json('[null,null,null]'))",
      );
      sql.exec("UPDATE forget SET signature = NULL");
      sql.exec(
        "UPDATE vm SET state = 'REQUESTED', vm_json = json_set(vm_json, '$.state', 'REQUESTED', '$.healthyAtMs', NULL)",
      );
      sql.exec("UPDATE account SET commit_seq = 3");
      sql.exec("DELETE FROM tried");
    });
    stage.sent = [];
    await kill(house);
    stage.moveTo(stage.nowMs + 3 * MINUTE_S * 1_000);
    silence();
    await wake(house);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    expect(await house.vm(agent, vmId)).toMatchObject({ heldCredits });
    speak();
    await house.advance(30);
    await house.until(agent, vmId, ["TERMINATED"], 1_800);
    expect(forgetsOf(String(itemHash)).length).toBeGreaterThan(0);
    await house.advance(5 * MINUTE_S);
    expect(house.machines()).toEqual([]);
    expect((await booksOf(house)).holds).toMatchObject([{ state: "shrunk" }]);
  });
});

describe("the cron", () => {
  it("wakes an account whose alarm was lost, five minutes after it was due, and its VM still dies by its TTL", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent, { ttlS: 600 });
    const { expiresAtMs } = await house.vm(agent, vmId);
    // The alarm is lost: on this stage none ever rings.
    stage.moveTo(expiresAtMs + 60_000);
    const row = await watchRow(house).nextDueMs();
    if (row === null) throw new Error("Watch knows of nothing");
    expect(row).toBeLessThanOrEqual(expiresAtMs);
    const { woken } = await watchRow(house).sweep(row + 299_999, 300_000);
    expect(woken).toBe(0);
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
    stage.moveTo(row + 300_000);
    await sweepAll(bindings, Math.max(stage.nowMs, row + 300_000));
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "STOPPING", endReason: "ttl" });
    for (let runs = 0; runs < 5; runs++) {
      stage.moveTo(stage.nowMs + 6 * MINUTE_S * 1_000);
      await sweepAll(bindings, stage.nowMs);
    }
    expect((await house.vm(agent, vmId)).state).toBe("TERMINATED");
    expect(house.machines()).toEqual([]);
  });

  it("wakes an account with a living VM that was not heard of for a quarter of an hour", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent);
    const row = await watchRow(house).nextDueMs();
    // Its last report named a due time far away, and it has been dumb since.
    await watchRow(house).report(
      {
        name: house.name,
        objectId: house.account.id.toString(),
        nextDueMs: stage.nowMs + 90 * MINUTE_S * 1_000,
        commitSeq: (await booksOf(house)).account.commitSeq,
        kekVersion: 1,
        live: 1,
      },
      stage.nowMs,
    );
    expect(row).not.toBeNull();
    stage.moveTo(stage.nowMs + 14 * MINUTE_S * 1_000);
    expect(await watchRow(house).sweep(stage.nowMs, 300_000)).toMatchObject({ woken: 0 });
    stage.moveTo(stage.nowMs + MINUTE_S * 1_000);
    expect(await watchRow(house).sweep(stage.nowMs, 300_000)).toMatchObject({ woken: 1 });
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
  });

  it("is not needed while the object's own alarm rings", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent, { ttlS: 600 });
    stage.moveTo((await house.vm(agent, vmId)).expiresAtMs);
    for (let rings = 0; rings < 40 && house.machines().length > 0; rings++) {
      expect(await runDurableObjectAlarm(house.account)).toBe(true);
      stage.moveTo(stage.nowMs + 5_000);
    }
    expect((await house.vm(agent, vmId)).endReason).toBe("ttl");
    expect(house.machines()).toEqual([]);
  });
});

describe("the name key has changed", () => {
  it("nobody signs in and nothing is admitted, under either name, and running VMs still end", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent, { ttlS: 600 });
    const parsed = parseConfig(env);
    if (!parsed.ok) throw new Error(parsed.missing.join());
    const setting = frontOf(bindings, { ...parsed.config, ACCOUNT_NAME_KEY: "99".repeat(32) }, stagePorts);
    expect(code(await ownerFront(setting).arrive(house.session))).toBe("account.name_key");
    expect(code(await agentFront(setting).quoteVm(agent, ASK))).toBe("account.name_key");
    const other = bindings.ACCOUNT.getByName(accountName(setting, house.session.owner));
    expect(await other.addresses()).toBeNull();
    await house.advance(600);
    await house.until(agent, vmId, ["TERMINATED"]);
  });
});

describe("the clocks", () => {
  /** A Worker whose clock is off by `ms` from the object's. */
  function frontsAt(ms: number) {
    const parsed = parseConfig(env);
    if (!parsed.ok) throw new Error(parsed.missing.join());
    const clock = { ...stagePorts.clock, nowMs: () => stage.nowMs + ms };
    return agentFront(frontOf(bindings, parsed.config, { ...stagePorts, clock }));
  }

  it("more than two minutes apart: refused, and nothing is stored", async () => {
    const { house, agent } = await started();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const quotes = () => inAccount(house, (sql) => sql.exec<{ n: number }>("SELECT count(*) AS n FROM quote").one().n);
    const before = { quotes: await quotes(), seq: (await booksOf(house)).account.commitSeq };
    for (const ms of [120_001, -120_001]) {
      expect(code(await frontsAt(ms).quoteVm(agent, ASK))).toBe("account.clock");
      expect(code(await frontsAt(ms).accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("account.clock");
    }
    expect({ quotes: await quotes(), seq: (await booksOf(house)).account.commitSeq }).toEqual(before);
    expect(code(await frontsAt(120_000).accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("ok");
  });

  it("a request can be taken back while they are back, and while they are apart its agent is told that it was not", async () => {
    const house = await alone(draftPolicy({ approval: { aboveCredits: 0 } }));
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const asked = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
    if (asked.kind !== "approval_required") throw new Error(asked.kind);
    const ask = { approvalId: asked.approval.approvalId, withdraw: true, waitS: 0 };
    expect(code(await frontsAt(-10 * MINUTE_S * 1_000).getApproval(agent, ask))).toBe("account.clock");
    stage.nowMs -= 10 * MINUTE_S * 1_000;
    expect(value(await house.agents.getApproval(agent, ask)).approvals[0]?.state).toBe("withdrawn");
    stage.nowMs += 10 * MINUTE_S * 1_000;
  });

  it("back by up to two minutes: nothing happens", async () => {
    const { house, agent } = await started();
    value(await house.agents.quoteVm(agent, ASK));
    stage.nowMs -= 120_000;
    const quote = value(await house.agents.quoteVm(agent, ASK));
    expect(quote.wouldRefuse).toBeUndefined();
    stage.nowMs += 120_000;
  });

  it("back by more: admission is refused until they have caught up, destroying is not, and the teardown goes on", async () => {
    const { house, agent } = await started();
    const vmId = await house.healthy(agent);
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const { itemHash } = await house.vm(agent, vmId);
    const trueMs = stage.nowMs;
    stage.nowMs -= 10 * MINUTE_S * 1_000;
    // Operator calls are signed by this clock; the nodes' agree with it, so the erase passes and the FORGET follows.
    stage.world.nodes.forEach((node) => node.setKnobs({ clockSkewMs: -10 * MINUTE_S * 1_000 }));
    const refused = await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });
    if (refused.ok) throw new Error("admitted");
    expect(refused.refusal).toMatchObject({ code: "account.clock", retryAfterS: 600 });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await wake(house);
    expect(forgetsOf(String(itemHash)).length).toBeGreaterThan(0);
    stage.nowMs = trueMs;
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse).toBeUndefined();
    await house.until(agent, vmId, ["TERMINATED"]);
    expect((await booksOf(house)).account.state).toBe("active");
    await house.advance(0.1 * HOUR_S);
    expect(house.machines()).toEqual([]);
  });
});
