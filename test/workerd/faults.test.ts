import { describe, expect, it } from "vitest";
import { agentFront } from "../../src/account/front-agent.ts";
import { forgetContent } from "../../src/aleph/contents.ts";
import { buildMessage, verificationText } from "../../src/aleph/message.ts";
import {
  alone,
  booksOf,
  core,
  coreHost,
  coresDown,
  forgetsOf,
  inAccount,
  instanceHashes,
  isMessagePost,
  nodeOf,
  notices,
  posted,
  running,
} from "./evidence.ts";
import { ASK, code, draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const ALL = [0, 1, 2];
const MINUTE_S = 60;

async function settle(house: House): Promise<void> {
  await house.advance(3 * HOUR_S + 20 * MINUTE_S);
}

/** Nothing of it lives anywhere, and the books are in order. */
async function expectGone(house: House): Promise<void> {
  expect(house.machines()).toEqual([]);
  const books = await booksOf(house);
  expect(books).toMatchObject({ balanced: true, audited: true });
  expect(stage.logged.filter((line) => line.event === "account.internal")).toEqual([]);
}

describe("the network is down", () => {
  it("lists and shows VMs from the ledger and says as of when, and that nobody answers", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    coresDown(...ALL);
    await house.advance(6 * MINUTE_S);
    const shown = await house.vm(agent, vmId);
    expect(shown).toMatchObject({ state: "HEALTHY", networkState: "unreachable", asOfMs: stage.nowMs });
    const list = value(await house.agents.listVms(agent, { state: "live", limit: 10 }));
    expect(list).toMatchObject({ networkState: "unreachable", asOfMs: stage.nowMs });
    expect(list.vms.map((vm) => vm.vmId)).toEqual([vmId]);
    const balance = value(await house.agents.checkBalance(agent));
    expect(balance).toMatchObject({ networkState: "unreachable", payerCredits: expect.any(Number) as number });
    expect(balance.asOfMs).toBeLessThanOrEqual(stage.nowMs - 5 * MINUTE_S * 1_000);
    coresDown();
    await house.advance(6 * MINUTE_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", networkState: "reachable" });
  });

  it("refuses quotes and accepts with network.unreachable and burns nothing", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    coresDown(...ALL);
    expect(code(await house.agents.quoteVm(agent, ASK))).toBe("network.unreachable");
    expect(code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("network.unreachable");
    coresDown(1, 2);
    expect(code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("network.unreachable");
    expect((await booksOf(house)).holds).toEqual([]);
    coresDown();
    expect(code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("ok");
  });

  it("leaves a given approval given", async () => {
    const house = await alone(draftPolicy({ approval: { firstVm: true } }));
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const accept = () => house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });
    const asked = value(await accept());
    if (asked.kind !== "approval_required") throw new Error(asked.kind);
    const { approvalId } = asked.approval;
    const page = value(await house.owners.openApproval(house.session, { approvalId }));
    const yes = {
      approvalId,
      nonce: page.nonce,
      verdict: "approve",
      signature: house.signTyped(page.typedData),
    } as const;
    value(await house.owners.decideApproval(house.session, yes));
    coresDown(...ALL);
    expect(code(await accept())).toBe("network.unreachable");
    const { approvals } = value(await house.agents.getApproval(agent, { approvalId, withdraw: false, waitS: 0 }));
    expect(approvals.map((one) => one.state)).toEqual(["approved"]);
    coresDown();
    expect(value(await accept()).kind).toBe("vm");
  });

  it("tells an agent that wants to extend how long its VM has left and since when nobody answers", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const { quoteId } = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
    coresDown(...ALL);
    await house.advance(2 * MINUTE_S);
    const vm = await house.vm(agent, vmId);
    for (const refused of [
      await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }),
      await house.agents.accept(agent, { quoteId, kind: "extend", waitS: 0 }),
    ]) {
      if (refused.ok) throw new Error("not refused");
      expect(refused.refusal).toMatchObject({ code: "network.unreachable", facts: { expiresAtMs: vm.expiresAtMs } });
      expect(refused.refusal.facts["networkUnreachableSinceMs"]).toBeLessThan(stage.nowMs);
    }
  });
});

describe("a create on a bad line", () => {
  for (const kind of ["lose_reply", "lose_request"] as const) {
    it(`makes exactly one VM when every ${kind === "lose_reply" ? "reply to" : "request with"} it is lost for a minute`, async () => {
      const house = await alone();
      const agent = await house.agent();
      const untilMs = stage.nowMs + 60_000;
      stage.accident = (asked) => (isMessagePost(asked, "INSTANCE") && stage.nowMs < untilMs ? kind : undefined);
      const vmId = await house.healthy(agent);
      expect(instanceHashes()).toHaveLength(1);
      expect(house.machines()).toHaveLength(1);
      value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
      await house.until(agent, vmId, ["TERMINATED"]);
      await expectGone(house);
      expect(instanceHashes()).toHaveLength(1);
    });
  }

  it("answers a repeated accept of a create whose outcome is unknown with the same VM", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.accident = (asked) => (asked.path.startsWith("/api/v0/messages") ? "lose_reply" : undefined);
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const accept = () => house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });
    const first = value(await accept());
    await house.advance(3 * MINUTE_S);
    const second = value(await accept());
    if (first.kind !== "vm" || second.kind !== "vm") throw new Error("no vm");
    expect(second.vm).toMatchObject({ vmId: first.vm.vmId, state: "UNKNOWN", heldCredits: first.vm.heldCredits });
    stage.accident = undefined;
    await house.until(agent, first.vm.vmId, ["HEALTHY"]);
    expect(instanceHashes()).toHaveLength(1);
    expect(house.machines()).toHaveLength(1);
  });
});

/** A create whose payer is emptied between the accept and the verdict. */
async function refused(): Promise<{ house: House; agent: Awaited<ReturnType<House["agent"]>>; vmId: string }> {
  const house = await alone();
  const agent = await house.agent();
  let emptied = false;
  stage.accident = (asked) => {
    if (emptied || !isMessagePost(asked, "INSTANCE")) return;
    emptied = true;
    for (const one of stage.world.cores) one.removeCredits(house.session.owner, 50_000_000, stage.nowMs);
  };
  const vmId = await house.create(agent);
  await house.until(agent, vmId, ["FAILED"]);
  return { house, agent, vmId };
}

/** Somebody has the bytes of the refused create and sends them again, now that there are credits. */
function revive(house: House): void {
  const [instance] = posted("INSTANCE");
  const body = JSON.stringify({ sync: false, message: instance?.message });
  for (const one of stage.world.cores) {
    one.grantCredits(house.session.owner, 50_000_000, undefined, stage.nowMs);
    // A core node forgets what it has refused, sooner or later, and judges the same bytes anew.
    one.restart();
  }
  for (const index of [0, 1]) {
    const headers = { "content-type": "application/json" };
    const asked = { host: coreHost(index), method: "POST", path: "/api/v0/messages", headers, body };
    stage.world.handle(asked, stage.nowMs);
  }
}

describe("a create that the network refuses after it was held", () => {
  it("has failed, gives its money back, and is watched for a month", async () => {
    const { house, agent, vmId } = await refused();
    const vm = await house.vm(agent, vmId);
    expect(vm).toMatchObject({ state: "FAILED", endReason: "rejected", heldCredits: 0, costCredits: 0 });
    const books = await booksOf(house);
    expect(books.holds).toMatchObject([{ state: "voided", credits: 0 }]);
    expect(books).toMatchObject({ balanced: true, audited: true });
    stage.sent = [];
    await house.advance(16 * MINUTE_S);
    // three core nodes: their lists every five minutes, the create itself with growing pauses
    const sentTo = (path: string) => stage.sent.filter((one) => one.path.includes(path)).length;
    expect(sentTo("/api/v0/messages.json")).toBeGreaterThanOrEqual(9);
    expect(sentTo(String(vm.itemHash))).toBeGreaterThanOrEqual(6);
    expect(posted("FORGET")).toEqual([]);
    expect(posted("INSTANCE")).toEqual([]);
  });

  it("is forgotten at once when core nodes show it alive again, and its owner's account goes on", async () => {
    const { house } = await refused();
    revive(house);
    await house.advance(2);
    expect(house.machines()).toHaveLength(1);
    await house.advance(6 * MINUTE_S);
    expect(new Set(posted("FORGET").map((one) => one.host)).size).toBe(3);
    await house.advance(10 * MINUTE_S);
    await expectGone(house);
    expect((await booksOf(house)).account.state).toBe("active");
  });

  it("freezes the account when two core nodes show it alive twice, and books what it cost", async () => {
    const { house, agent, vmId } = await refused();
    const { crnId, itemHash } = await house.vm(agent, vmId);
    stage.accident = (asked) => (isMessagePost(asked, "FORGET") ? "lose_request" : undefined);
    revive(house);
    await house.advance(2);
    nodeOf(crnId).schedule(String(itemHash), stage.nowMs);
    await house.advance(11 * MINUTE_S);
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "dormant_alive" });
    expect(await notices(house)).toContain("dormant_alive");
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse?.code).toBe("account.frozen");
    stage.accident = undefined;
    await house.advance(10 * MINUTE_S);
    await settle(house);
    const books = await booksOf(house);
    expect(books.holds).toMatchObject([{ state: "voided", credits: 0 }]);
    expect(books.extras).toEqual([{ kind: "overrun", credits: expect.any(Number) as number }]);
    await expectGone(house);
  });
});

describe("a node that fails its VM", () => {
  it("down when it is told: the VM is given up after a quarter of an hour", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.accident = (asked) => {
      if (asked.path === "/control/allocation/notify")
        stage.world.nodes.forEach((node) => node.setKnobs({ down: true }));
    };
    const vmId = await house.create(agent);
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm).toMatchObject({ endReason: "boot_failed", healthyAtMs: null });
    await expectGone(house);
  });

  it("down while it boots: the VM is given up, and dies there although nobody can reach it", async () => {
    const house = await alone();
    const agent = await house.agent();
    // on the node that it named or on none: no other one follows
    const vmId = await house.create(agent, { nodeHash: stage.world.nodes[0]?.spec.hash ?? "" });
    stage.accident = (asked) => {
      if (asked.path !== "/control/allocation/notify") return;
      // taken, and gone before it can answer
      return "lose_reply";
    };
    const sent = await house.until(agent, vmId, ["PROVISIONING"]);
    nodeOf(sent.crnId).setKnobs({ down: true });
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("boot_failed");
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("that refuses for lack of room is given up quickly and the money is settled", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.accident = (asked) => {
      if (asked.path === "/control/allocation/notify")
        stage.world.nodes.forEach((node) => node.setKnobs({ full: true }));
    };
    const vmId = await house.create(agent);
    const askedMs = stage.nowMs;
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("boot_failed");
    expect(vm.endedAtMs ?? Infinity).toBeLessThan(askedMs + 3 * MINUTE_S * 1_000);
    await settle(house);
    const books = await booksOf(house);
    expect(books.holds).toMatchObject([{ state: "posted" }]);
    expect(books.holds[0]?.credits).toBeLessThan(Number(books.holds[0]?.creditsOriginal) / 10);
    await expectGone(house);
  });

  it("down for half an hour while everybody else answers: the VM is destroyed, announced from the fifth minute", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    nodeOf((await house.vm(agent, vmId)).crnId).setKnobs({ down: true });
    await house.advance(7 * MINUTE_S);
    const warned = await house.vm(agent, vmId);
    expect(warned).toMatchObject({ state: "UNHEALTHY", warnings: ["unreachable"] });
    expect(warned.destroyAtMs).toBe((warned.unreachableSinceMs ?? 0) + 30 * MINUTE_S * 1_000);
    expect(await notices(house)).toContain("vm_unreachable");
    await house.advance(22 * MINUTE_S);
    expect((await house.vm(agent, vmId)).state).toBe("UNHEALTHY");
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("unreachable");
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("down together with all core nodes: nothing is destroyed, and the half hour starts anew", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const node = nodeOf((await house.vm(agent, vmId)).crnId);
    node.setKnobs({ down: true });
    await house.advance(10 * MINUTE_S);
    coresDown(...ALL);
    await house.advance(32 * MINUTE_S);
    expect((await house.vm(agent, vmId)).state).toBe("UNHEALTHY");
    coresDown();
    await house.advance(20 * MINUTE_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "UNHEALTHY", endReason: null });
    node.setKnobs({ down: false });
    await house.until(agent, vmId, ["HEALTHY"]);
    expect(house.machines()).toHaveLength(1);
  });

  it("down when its VM has to go: the FORGET leaves all the same, and the VM dies", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const { crnId, itemHash } = await house.vm(agent, vmId);
    nodeOf(crnId).setKnobs({ down: true });
    const askedMs = stage.nowMs;
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(forgetsOf(String(itemHash))[0]?.atMs).toBeLessThanOrEqual(askedMs + 90_000);
    await house.advance(11 * MINUTE_S);
    const dead = await house.vm(agent, vmId);
    expect(dead.certificate?.witnesses.find((one) => one.kind === "node")).toMatchObject({ id: crnId, says: "silent" });
    expect(dead.certificate?.endedAtMs).toBe(vm.endedAtMs);
    await expectGone(house);
  });

  it("so slow at erasing that both tries time out: the FORGET leaves within 90 s of the order", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const { itemHash } = await house.vm(agent, vmId);
    let erases = 0;
    stage.accident = (asked) => {
      if (!asked.path.endsWith("/erase")) return;
      erases += 1;
      stage.moveTo(stage.nowMs + 45_000);
      return "lose_request";
    };
    const askedMs = stage.nowMs;
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    expect(erases).toBe(2);
    const [forget] = forgetsOf(String(itemHash));
    expect(forget?.atMs).toBeGreaterThanOrEqual(askedMs + 45_000);
    expect(forget?.atMs).toBeLessThanOrEqual(askedMs + 92_000);
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("that says running for ever is named in the certificate and keeps nothing open", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const { crnId } = await house.vm(agent, vmId);
    nodeOf(crnId).setKnobs({ lie: "running" });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(11 * MINUTE_S);
    const dead = await house.vm(agent, vmId);
    expect(dead.certificate?.witnesses.find((one) => one.kind === "node")).toMatchObject({ id: crnId, says: "denied" });
    await settle(house);
    expect((await house.vm(agent, vmId)).costStatus).toBe("settled");
    await expectGone(house);
  });
});

describe("somebody else ends or changes a VM", () => {
  it("is destroyed when two core nodes froze a higher price than was held", async () => {
    const house = await alone();
    const agent = await house.agent();
    for (const index of [0, 1]) core(index).setLie({ prices: { "*": "1000.000000000000000000" } });
    const vmId = await house.create(agent);
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("price");
    expect(await notices(house)).toContain("price_above_hold");
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("ends by the network when the removal job takes it", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 4 * HOUR_S });
    await house.advance(11 * MINUTE_S);
    for (const one of stage.world.cores) {
      one.removeCredits(house.session.owner, 49_999_990, stage.nowMs);
      one.runRemovalJob(stage.nowMs);
    }
    await house.advance(2 * MINUTE_S);
    expect(core(0).statusOf(String((await house.vm(agent, vmId)).itemHash))).toBe("removing");
    expect(value(await house.agents.quoteVm(agent, ASK)).wouldRefuse?.code).toBe("account.removing");
    for (const one of stage.world.cores) one.runGarbageCollection(stage.nowMs);
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("ended_by_network");
    expect(posted("FORGET")).toEqual([]);
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("ends by the owner elsewhere when the owner's own FORGET is seen", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const { itemHash } = await house.vm(agent, vmId);
    const { owner } = house.session;
    const timeS = stage.nowMs / 1_000;
    const content = forgetContent({ owner, timeS, hashes: [String(itemHash)] });
    const message = buildMessage({ sender: owner, type: "FORGET", channel: "ELSEWHERE", timeS, content });
    const signed = { ...message, signature: house.signText(verificationText(message)) };
    const body = JSON.stringify({ sync: false, message: signed });
    const headers = { "content-type": "application/json" };
    stage.world.handle({ host: coreHost(0), method: "POST", path: "/api/v0/messages", headers, body }, stage.nowMs);
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("ended_by_owner_elsewhere");
    expect(posted("FORGET")).toEqual([]);
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });
});

describe("the delegation is taken back while a VM lives", () => {
  const revoke = (house: House) =>
    stage.world.cores.forEach((one) =>
      one.setAggregate(house.session.owner, "security", { authorizations: [] }, stage.nowMs),
    );

  it("spends no FORGET, tells the owner, and finishes once the delegation is back", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    revoke(house);
    await house.advance(6 * MINUTE_S);
    expect(await notices(house)).toContain("delegation_gone");
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(20 * MINUTE_S);
    expect(posted("FORGET")).toEqual([]);
    const stuck = await house.vm(agent, vmId);
    expect(stuck).toMatchObject({ state: "STOPPING", warnings: ["teardown_slow"] });
    expect(stuck.heldCredits).toBeGreaterThan(0);
    await house.delegate();
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("finishes also when the FORGETs were spent before anybody had noticed", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    revoke(house);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.advance(20 * MINUTE_S);
    expect((await house.vm(agent, vmId)).state).toBe("STOPPING");
    await house.delegate();
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });
});

describe("the agent key does not open", () => {
  const damage = (house: House) =>
    inAccount(house, (sql) => void sql.exec("UPDATE agent_key SET ciphertext = zeroblob(48)"));

  it("after the create was sent: the stored FORGETs still end the VM", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 900 });
    await damage(house);
    await house.advance(900);
    const vm = await house.until(agent, vmId, ["TERMINATED"]);
    expect(vm.endReason).toBe("ttl");
    await house.advance(5 * MINUTE_S);
    await expectGone(house);
  });

  it("before anything was signed: nothing is sent, the create is voided, and no other is admitted", async () => {
    const house = await alone();
    const agent = await house.agent();
    await damage(house);
    const vmId = await house.create(agent);
    await house.advance(119);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "REQUESTED" });
    await house.advance(2);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "FAILED", endReason: "never_sent", heldCredits: 0 });
    expect(posted("INSTANCE")).toEqual([]);
    expect(running()).toEqual([]);
    expect(await notices(house)).toContain("key_lost");
    const again = agentFront(house.setting);
    expect(value(await again.quoteVm(agent, ASK)).wouldRefuse?.code).toBe("account.key_lost");
    await expectGone(house);
  });
});
