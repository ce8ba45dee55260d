import { beforeEach, describe, expect, it } from "vitest";
import type { Caller, VmAsk, VmView } from "../../src/account/contract.ts";
import {
  alone,
  booksOf,
  coresDown,
  forgetsOf,
  inAccount,
  instanceHashes,
  nodeOf,
  notices,
  posted,
  running,
  strangerTo,
} from "./evidence.ts";
import { ASK, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MINUTE_S = 60;
const LONG = { ttlS: 3 * HOUR_S };

let house: House;
let agent: Caller;

beforeEach(async () => {
  house = await alone();
  agent = await house.agent();
});

/** No machine ever comes up on any node but these. */
function onlyBootOn(...hashes: readonly (string | null)[]): void {
  for (const node of stage.world.nodes) node.setKnobs({ failBoot: hashes.includes(node.spec.hash) ? "none" : "start" });
}

/** A VM on a node on which nothing boots, and that node. */
async function onDeadNode(change: Partial<VmAsk> = LONG): Promise<{ readonly vmId: string; readonly crnId: string }> {
  onlyBootOn();
  const vmId = await house.create(agent, change);
  const { crnId } = await house.until(agent, vmId, ["PROVISIONING"]);
  return { vmId, crnId: String(crnId) };
}

/** A full node refuses at once what another would boot for a quarter of an hour: the same end, sooner. */
async function onFullNode(): Promise<{ readonly vmId: string; readonly crnId: string }> {
  for (const node of stage.world.nodes) node.setKnobs({ full: true });
  const vmId = await house.create(agent, LONG);
  const { crnId } = await house.until(agent, vmId, ["PROVISIONING"]);
  for (const node of stage.world.nodes) if (node.spec.hash !== crnId) node.setKnobs({ full: false });
  return { vmId, crnId: String(crnId) };
}

/** Time passes until the VM was tried on so many nodes, or has ended. */
async function untilAttempt(vmId: string, number: number, limitS = 30 * MINUTE_S): Promise<VmView> {
  for (let passed = 0; passed <= limitS; passed += 5) {
    const vm = await house.vm(agent, vmId);
    if (vm.attempts.length >= number || vm.state === "TERMINATED") return vm;
    await house.advance(5);
  }
  throw new Error(`never attempt ${number}`);
}

/** Every byte of an attempt left only after the one before it was gone on all three core nodes. */
function expectOneAtATime(vm: VmView): void {
  const hashes = vm.attempts.map((one) => one.itemHash);
  expect(instanceHashes(vm.vmId)).toEqual(hashes);
  for (const [at, hash] of hashes.entries()) {
    const before = hashes[at - 1];
    if (before === undefined) continue;
    const firstMs = Math.min(...posted("INSTANCE").flatMap((one) => (one.itemHash === hash ? [one.atMs] : [])));
    const lastMs = Math.max(...posted("INSTANCE").flatMap((one) => (one.itemHash === before ? [one.atMs] : [])));
    expect(lastMs).toBeLessThan(firstMs);
    expect(Math.min(...forgetsOf(before).map((one) => one.atMs))).toBeLessThan(firstMs);
    for (const core of stage.world.cores) expect(core.liveInstances()).not.toContain(before);
  }
}

async function expectClosedBooks(vmId: string): Promise<void> {
  await house.advance(3 * HOUR_S + 20 * MINUTE_S);
  const books = await booksOf(house);
  expect(books).toMatchObject({ balanced: true, audited: true, extras: [], account: { state: "active" } });
  expect(books.resolutions.get(vmId)).toBe(1);
  expect(stage.logged.filter((line) => line.event === "account.internal")).toEqual([]);
  expect(house.machines()).toEqual([]);
}

describe("a node never boots the VM", () => {
  it("is tried on another node within the same hold, under the same id and to the same end", async () => {
    const { vmId, crnId } = await onDeadNode();
    const before = await house.vm(agent, vmId);
    const held = (await booksOf(house)).holds;
    for (const node of stage.world.nodes) if (node.spec.hash !== crnId) node.setKnobs({ failBoot: "none" });
    const moved = await untilAttempt(vmId, 2);
    expect(moved.warnings).toContain("moving");
    const vm = await house.until(agent, vmId, ["HEALTHY"]);
    expect(vm).toMatchObject({ vmId, expiresAtMs: before.expiresAtMs, endReason: null, warnings: [] });
    expect(vm.crnId).not.toBe(crnId);
    expect(vm.attempts).toMatchObject([
      { number: 1, crnId, state: "ended", endReason: "boot_failed" },
      { number: 2, crnId: vm.crnId, state: "alive", endReason: null },
    ]);
    expect(vm.timeline.map((one) => one.event)).toEqual(
      expect.arrayContaining([`attempt 2 sent, for node ${vm.crnId}`, "attempt 1: closed: boot_failed"]),
    );
    expectOneAtATime(vm);
    expect(running()).toEqual([vm.itemHash]);
    expect((await booksOf(house)).holds).toEqual(held);
    expect(await notices(house)).toContain("vm_moved");
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    const ended = await house.until(agent, vmId, ["TERMINATED"]);
    expect(ended.endReason).toBe("destroyed");
    await expectClosedBooks(vmId);
    expect((await house.vm(agent, vmId)).certificate?.itemHashes).toHaveLength(2);
  });

  it("keeps away from that node for a while, whoever asks", async () => {
    const { vmId, crnId } = await onDeadNode();
    await untilAttempt(vmId, 2);
    await house.advance(30);
    const directory = house.setting.doors.directory();
    expect(await directory.cooling(stage.nowMs)).toContain(crnId);
    const told = await inAccount(house, (sql) =>
      sql
        .exec<{ blame: string }>("SELECT json_extract(attempt_json, '$.blame') AS blame FROM attempt WHERE number = 1")
        .one(),
    );
    expect(told.blame).toBe("told");
    await house.advance(16 * MINUTE_S);
    expect(await directory.cooling(stage.nowMs)).not.toContain(crnId);
  });

  it("ends after three nodes, gives the approval back once, and lets a new quote through", async () => {
    house = await alone(draftPolicy({ approval: { firstVm: true } }));
    agent = await house.agent();
    onlyBootOn();
    const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ...LONG }));
    const asked = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
    if (asked.kind !== "approval_required") throw new Error(asked.kind);
    const { approvalId } = asked.approval;
    const page = value(await house.owners.openApproval(house.session, { approvalId }));
    const signature = house.signTyped(page.typedData);
    value(
      await house.owners.decideApproval(house.session, {
        approvalId,
        nonce: page.nonce,
        verdict: "approve",
        signature,
      }),
    );
    const accepted = value(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
    if (accepted.kind !== "vm") throw new Error(accepted.kind);
    const { vmId } = accepted.vm;
    const states = async () =>
      value(await house.agents.getApproval(agent, { withdraw: false, waitS: 0 })).approvals.map((one) => one.state);
    await untilAttempt(vmId, 2);
    expect(await states()).toEqual([]);
    const vm = await house.until(agent, vmId, ["TERMINATED"], 2 * HOUR_S);
    expect(vm).toMatchObject({ endReason: "boot_failed", healthyAtMs: null });
    expect(new Set(vm.attempts.map((one) => one.crnId)).size).toBe(3);
    expectOneAtATime(vm);
    expect(await states()).toEqual(["approved"]);
    onlyBootOn(...stage.world.nodes.map((node) => node.spec.hash));
    await house.advance(3 * MINUTE_S);
    const next = value(await house.agents.quoteVm(agent, { ...ASK, ttlS: LONG.ttlS }));
    const again = value(await house.agents.accept(agent, { quoteId: next.quoteId, kind: "create", waitS: 0 }));
    expect(again.kind).toBe("vm");
  });

  it("ends at once when the agent had named that node", async () => {
    const named = stage.world.nodes[0]?.spec.hash ?? "";
    const { vmId, crnId } = await onDeadNode({ ...LONG, nodeHash: named });
    expect(crnId).toBe(named);
    expect(await untilAttempt(vmId, 2)).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
    await expectClosedBooks(vmId);
  });

  it("ends when too little of its time is left", async () => {
    const { vmId } = await onDeadNode({ ttlS: 24 * MINUTE_S });
    expect(await untilAttempt(vmId, 2)).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
  });

  it("ends when one core node is silent about it", async () => {
    const { vmId, crnId } = await onDeadNode();
    coresDown(strangerTo(crnId));
    const vm = await untilAttempt(vmId, 2, HOUR_S);
    expect(vm).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
    expect(vm.attempts).toHaveLength(1);
  });

  it("ends when no other node can take it", async () => {
    const { vmId, crnId } = await onDeadNode();
    for (const node of stage.world.nodes) if (node.spec.hash !== crnId) node.setKnobs({ down: true });
    expect(await untilAttempt(vmId, 2)).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
  });
});

describe("somebody steps in while the first attempt is ended", () => {
  /** The attempt is closed; one core node hears nothing, so that its end cannot be recorded before the step. */
  async function stopping(): Promise<string> {
    const { vmId } = await onFullNode();
    coresDown(0);
    await house.until(agent, vmId, ["STOPPING"]);
    expect((await house.vm(agent, vmId)).warnings).toContain("moving");
    return vmId;
  }

  it("another one follows when nobody does", async () => {
    const vmId = await stopping();
    coresDown();
    expect((await untilAttempt(vmId, 2)).attempts).toHaveLength(2);
  });

  const steps: Readonly<Record<string, (vmId: string) => Promise<unknown>>> = {
    "the agent destroys it": (vmId) => house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }),
    "the owner destroys it": (vmId) => house.owners.destroyVm(house.session, { vmId }),
    "the agent stops everything": () => house.agents.emergencyStop(agent),
    "the owner freezes the account": () => house.owners.freeze(house.session),
    "the owner freezes the agent": () => house.owners.freezeGrant(house.session, { grantId: agent.grantId }),
    "the owner disconnects the agent and keeps its VMs": () =>
      house.owners.revokeGrant(house.session, { grantId: agent.grantId, keepVms: true }),
  };
  for (const [who, step] of Object.entries(steps))
    it(`no other attempt follows when ${who}`, async () => {
      const vmId = await stopping();
      await step(vmId);
      coresDown();
      await house.advance(15 * MINUTE_S);
      const vm = value(await house.owners.getVm(house.session, { vmId }));
      expect(vm).toMatchObject({ state: "TERMINATED", endReason: "boot_failed" });
      expect(vm.attempts).toHaveLength(1);
      expect(instanceHashes(vmId)).toHaveLength(1);
      expect(house.machines()).toEqual([]);
    });
});

describe("the account is killed while a VM moves", () => {
  /** Kills the account at its nth call from now on; says whether it came to that before bytes of the second left. */
  function killAt(vmId: string, nth: number): { struck: boolean; inTime: boolean } {
    const killer = { struck: false, inTime: false };
    let calls = 0;
    stage.accident = ({ path }) => {
      // A gathering of the node list that was cut off is waited for by the next search for twenty seconds of real time.
      if (path.includes("corechannel") || path.includes("crns")) return;
      calls += 1;
      if (killer.struck || calls !== nth) return;
      killer.struck = true;
      killer.inTime = instanceHashes(vmId).length <= 1;
      return "crash";
    };
    return killer;
  }

  async function move(nth: number): Promise<boolean> {
    const { vmId, crnId } = await onFullNode();
    const killer = killAt(vmId, nth);
    await house.until(agent, vmId, ["HEALTHY"], 20 * MINUTE_S);
    stage.accident = undefined;
    const vm = await house.vm(agent, vmId);
    expect(vm.attempts).toMatchObject([
      { crnId, endReason: "boot_failed" },
      { crnId: vm.crnId, state: "alive" },
    ]);
    expectOneAtATime(vm);
    expect(running()).toEqual([vm.itemHash]);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    expect(house.machines()).toEqual([]);
    // three leases an account has, and each of them lasts ten minutes
    stage.moveTo(stage.nowMs + 601_000);
    await house.advance(0);
    stage.sent = [];
    return killer.inTime;
  }

  // In parts, so that a slow machine has time for each. The simulation kills at any call of the rest, without real time.
  for (const [first, last] of [
    [1, 6],
    [7, 12],
  ] as const)
    it(`at its calls ${first} to ${last} from the first refusal on, and moves by itself`, async () => {
      for (let nth: number = first; nth <= last; nth++) expect(await move(nth)).toBe(true);
      expect(await booksOf(house)).toMatchObject({ balanced: true, audited: true, account: { state: "active" } });
    });
});

describe("a node falls silent under a running VM", () => {
  async function silent(vmUnreachable: "destroy" | "recreate"): Promise<VmView> {
    house = await alone(draftPolicy({ on: { vmUnreachable, vmUnreachableMin: 5 } }));
    agent = await house.agent();
    const vmId = await house.healthy(agent, LONG);
    const { crnId } = await house.vm(agent, vmId);
    nodeOf(crnId).setKnobs({ down: true });
    await untilAttempt(vmId, 2);
    return house.until(agent, vmId, ["HEALTHY", "TERMINATED"], 20 * MINUTE_S);
  }

  it("is created again on another one, to the same end, where the owner's policy says so", async () => {
    const vm = await silent("recreate");
    expect(vm).toMatchObject({ state: "HEALTHY", unreachableSinceMs: null, destroyAtMs: null });
    expect(vm.attempts).toMatchObject([
      { number: 1, state: "ended", endReason: "unreachable" },
      { number: 2, crnId: vm.crnId, state: "alive" },
    ]);
    expect(vm.attempts[0]?.crnId).not.toBe(vm.crnId);
    expectOneAtATime(vm);
    const { vmId } = vm;
    await house.advance(30);
    expect(await house.setting.doors.directory().cooling(stage.nowMs)).toContain(vm.attempts[0]?.crnId);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    for (const node of stage.world.nodes) node.setKnobs({ down: false });
    await expectClosedBooks(vmId);
  });

  it("ends where it does not", async () => {
    const vm = await silent("destroy");
    expect(vm).toMatchObject({ state: "TERMINATED", endReason: "unreachable" });
    expect(vm.attempts).toHaveLength(1);
  });
});
