import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import type { AcceptView, Caller } from "../../src/account/contract.ts";
import { alone, booksOf, forgetsOf, inAccount, instanceHashes, running } from "./evidence.ts";
import { ASK, code, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

/** Before the call has reached anybody, or after it was served and with its answer still under way. */
type Side = "crash" | "crash_after";

/** Counts outbound calls of one phase of a life and kills the account at one of them. */
class Killer {
  calls = 0;
  struck = false;
  private readonly at: number;
  private readonly side: Side;

  constructor(at: number, side: Side = "crash") {
    this.at = at;
    this.side = side;
  }

  arm(): void {
    this.calls = 0;
    this.struck = false;
    stage.accident = () => {
      this.calls += 1;
      if (this.struck || this.calls !== this.at) return;
      this.struck = true;
      return this.side;
    };
  }

  disarm(): void {
    stage.accident = undefined;
  }
}

/** Kills the account at one report to `Watch`: before it is kept there, or after, with the answer still under way. */
class ReportKiller {
  reports = 0;
  struck = false;
  private readonly at: number;
  private readonly when: "crash_before" | "crash_after";

  constructor(at: number, when: "crash_before" | "crash_after") {
    this.at = at;
    this.when = when;
  }

  arm(): void {
    stage.watchAccident = ({ live }) => {
      if (live === 0 || this.struck) return;
      this.reports += 1;
      if (this.reports !== this.at) return;
      this.struck = true;
      return this.when;
    };
  }

  disarm(): void {
    stage.watchAccident = undefined;
  }
}

/** What a client does when the line breaks: the same call again, to a fresh stub. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 4; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!String(error).includes("planted crash")) throw error;
    }
  }
  throw new Error("still broken");
}

let house: House;
let agent: Caller;

/** An accept after which nothing is known is made again too, as its agent is told to. */
const accepted = (quoteId: string, kind: "create" | "extend" | "top_up"): Promise<AcceptView> =>
  again(async () => {
    const said = await house.agents.accept(agent, { quoteId, kind, waitS: 0 });
    if (code(said) === "outcome.unknown") throw new Error("after a planted crash");
    return value(said);
  });

beforeEach(async () => {
  house = await alone();
  agent = await house.agent();
});

async function toppedUp(quoteId: string): Promise<number> {
  const said = await accepted(quoteId, "top_up");
  if (said.kind !== "top_up") throw new Error(said.kind);
  return said.creditsAsked;
}

async function accept(quoteId: string, kind: "create" | "extend"): Promise<string> {
  const said = await accepted(quoteId, kind);
  if (said.kind !== "vm") throw new Error(said.kind);
  return said.vm.vmId;
}

/** From the first report of the new VM on; what the Worker gathers before is not the account's. */
function armAtBirth(killer: Killer): void {
  stage.watchAccident = ({ live }) => {
    if (live === 0) return;
    stage.watchAccident = undefined;
    killer.arm();
  };
}

async function until(vmId: string, states: readonly string[], limitS = 600): Promise<void> {
  for (let passed = 0; passed <= limitS; passed += 10) {
    const vm = value(await again(() => house.agents.getVm(agent, { vmId, waitS: 0 })));
    if (states.includes(vm.state)) return;
    await house.advance(10);
  }
  throw new Error(`never ${states.join()}`);
}

async function untilCertified(vmId: string): Promise<void> {
  await until(vmId, ["TERMINATED"], 3_600);
  for (let passed = 0; passed < 660 && (await house.vm(agent, vmId)).certificate === null; passed += 30)
    await house.advance(30);
}

/** The life between is skipped: what happens in it is told elsewhere. */
async function jumpTo(atMs: number): Promise<void> {
  stage.moveTo(atMs);
  await house.advance(0);
}

type Killers = { readonly birth?: Killer; readonly end?: Killer; readonly settle?: Killer };

/** One life, with a death in each of its phases; true while any of them has struck. */
async function live(how: "ttl" | "destroyed", killers: Killers): Promise<boolean> {
  const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ttlS: 600 }));
  if (killers.birth !== undefined) armAtBirth(killers.birth);
  const vmId = await accept(quoteId, "create");
  await until(vmId, ["HEALTHY"]);
  killers.birth?.disarm();
  const endMs = how === "ttl" ? (await house.vm(agent, vmId)).expiresAtMs : stage.nowMs;
  await jumpTo(endMs - (how === "ttl" ? 1_000 : 0));
  expect(running()).toEqual(instanceHashes(vmId));
  killers.end?.arm();
  if (how === "destroyed") value(await again(() => house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 })));
  await untilCertified(vmId);
  killers.end?.disarm();
  await expectBuried(vmId, endMs, how);
  killers.settle?.arm();
  await house.advance(3.3 * HOUR_S);
  killers.settle?.disarm();
  await expectSettled(vmId);
  return [killers.birth, killers.end, killers.settle].some((killer) => killer?.struck === true);
}

async function expectBuried(vmId: string, endMs: number, reason: string): Promise<void> {
  const vm = await house.vm(agent, vmId);
  const hashes = instanceHashes(vmId);
  expect(vm).toMatchObject({ state: "TERMINATED", endReason: reason });
  expect(vm.certificate?.witnesses.every((one) => one.says === "confirmed")).toBe(true);
  expect(hashes).toEqual([vm.itemHash]);
  expect(house.machines()).toEqual([]);
  const forgets = forgetsOf(String(vm.itemHash));
  expect(forgets.length).toBeGreaterThan(0);
  expect(Math.min(...forgets.map((one) => one.atMs))).toBeGreaterThanOrEqual(endMs);
  // δ: 90 s for the erase, and what a lost claim takes to run out
  expect(Math.min(...forgets.map((one) => one.atMs))).toBeLessThanOrEqual(endMs + 90_000 + 60_000);
}

async function expectSettled(vmId: string): Promise<void> {
  const books = await booksOf(house);
  const holds = books.holds.filter((hold) => hold.vmId === vmId);
  expect(holds.length).toBeGreaterThan(0);
  expect(holds.filter((hold) => hold.state !== "posted" && hold.state !== "voided")).toEqual([]);
  expect(books.resolutions.get(vmId)).toBe(1);
  expect(books).toMatchObject({ balanced: true, audited: true, extras: [], account: { state: "active" } });
  expect(stage.logged.filter((line) => line.event === "account.internal")).toEqual([]);
  stage.sent = [];
}

async function untilStruck(killer: ReportKiller, quoteId: string): Promise<void> {
  const brokenLine = () => undefined;
  await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }).catch(brokenLine);
  for (let tries = 0; tries < 6 && !killer.struck; tries++) {
    await house.account.wake().catch(brokenLine);
    stage.moveTo(stage.nowMs + 1_000);
  }
  expect(killer.struck).toBe(true);
}

/** What is stored of the quote's VM, and whether anything of it has left. */
async function asItDied(quoteId: string): Promise<{ readonly signed: boolean; readonly sent: boolean }> {
  const signed = await inAccount(house, (sql) =>
    sql
      .exec("SELECT 1 FROM attempt JOIN vm USING (vm_id) WHERE quote_id = ? AND signature IS NOT NULL", quoteId)
      .toArray(),
  );
  return { signed: signed.length > 0, sent: instanceHashes().length > 0 };
}

async function ring(): Promise<void> {
  await again(() => runDurableObjectAlarm(house.account));
}

/** A life whose end nobody watches: only the object's own alarm rings, also after each death. True if the killer struck. */
async function endedByAlarm(killer: Killer): Promise<boolean> {
  const vmId = await house.healthy(agent, { ttlS: 600 });
  const { expiresAtMs } = await house.vm(agent, vmId);
  stage.moveTo(expiresAtMs);
  killer.arm();
  for (let rings = 0; rings < 200 && (await certificateOf(vmId)) === null; rings++) {
    await rung();
    expect(await armed()).toBe(true);
    stage.moveTo(stage.nowMs + 5_000);
  }
  killer.disarm();
  await expectBuried(vmId, expiresAtMs, "ttl");
  await house.advance(3.3 * HOUR_S);
  await expectSettled(vmId);
  return killer.struck;
}

/** A handler that dies is called again by the platform; the local runtime leaves that to the test. */
async function rung(): Promise<void> {
  const died = (error: unknown): false => {
    if (!String(error).includes("planted crash")) throw error;
    return false;
  };
  if (await runDurableObjectAlarm(house.account).catch(died)) return;
  await again(() => runInDurableObject(house.account, (object) => object.alarm()));
}

const certificateOf = async (vmId: string) => (await again(() => house.vm(agent, vmId))).certificate;

const armed = (): Promise<boolean> =>
  again(() => runInDurableObject(house.account, async (_object, state) => (await state.storage.getAlarm()) !== null));

describe("the account is killed", () => {
  for (const side of ["crash", "crash_after"] as const) {
    const when = side === "crash" ? "before" : "after";
    // In parts, so that a slow machine has time for each; the last part goes on until nothing is left to strike.
    for (const [first, last] of [
      [1, 11],
      [12, 22],
      [23, Infinity],
    ] as const) {
      const calls = last === Infinity ? `from the ${first}rd on` : `${first} to ${last}`;
      it(`${when} every call (${calls}) of a create, of a TTL teardown and of a settlement, and finishes by itself`, async () => {
        let at: number = first;
        const killer = () => new Killer(at, side);
        while (at <= last && (await live("ttl", { birth: killer(), end: killer(), settle: killer() }))) at += 1;
        // a create alone makes more than thirty calls
        expect(at).toBeGreaterThan(Math.min(last, 30));
      });
    }

    it(`${when} every call of the teardown that an agent ordered, and finishes by itself`, async () => {
      let at = 1;
      while (await live("destroyed", { end: new Killer(at, side) })) at += 1;
      // erase, then three core nodes asked, each given a FORGET, asked again, then the witnesses
      expect(at).toBeGreaterThan(12);
    });

    it(`${when} every call of an alarm that ends a VM, and finishes with no other clock than its own`, async () => {
      let at = 1;
      while (await endedByAlarm(new Killer(at, side))) at += 1;
      expect(at).toBeGreaterThan(12);
    });
  }

  for (const when of ["crash_before", "crash_after"] as const) {
    const side = when === "crash_before" ? "before" : "after";
    it(`right ${side} each commit of a create is known to Watch, the signatures' one among them`, async () => {
      const dead: { readonly signed: boolean; readonly sent: boolean }[] = [];
      for (let at = 1; at <= 6; at++) {
        const killer = new ReportKiller(at, when);
        const { quoteId } = value(await house.agents.quoteVm(agent, { ...ASK, ttlS: 600 }));
        killer.arm();
        await untilStruck(killer, quoteId);
        dead.push(await asItDied(quoteId));
        // What Watch may not have heard of, the object's own alarm wakes.
        await ring();
        const vmId = await accept(quoteId, "create");
        await until(vmId, ["HEALTHY"]);
        killer.disarm();
        const { expiresAtMs } = await house.vm(agent, vmId);
        await jumpTo(expiresAtMs - 1_000);
        await untilCertified(vmId);
        await expectBuried(vmId, expiresAtMs, "ttl");
        await house.advance(3.3 * HOUR_S);
        await expectSettled(vmId);
      }
      // Before the second transaction, after it with nothing sent (a commit that nobody was told of may die with the
      // account), and with the create under way.
      const between = when === "crash_after" ? [{ signed: true, sent: false }] : [];
      expect(dead).toEqual(
        expect.arrayContaining([{ signed: false, sent: false }, ...between, { signed: true, sent: true }]),
      );
      expect(dead).not.toContainEqual({ signed: false, sent: true });
    });

    it(`right ${side} each commit of an extension is known to Watch, and extends once`, async () => {
      for (let at = 1; at <= 3; at++) {
        const vmId = await house.healthy(agent, { ttlS: 600 });
        const before = await house.vm(agent, vmId);
        const { quoteId } = value(await house.agents.quoteExtend(agent, { vmId, seconds: 600 }));
        const killer = new ReportKiller(at, when);
        killer.arm();
        await accept(quoteId, "extend");
        await ring();
        await accept(quoteId, "extend");
        killer.disarm();
        const after = await house.vm(agent, vmId);
        expect(after.expiresAtMs - before.expiresAtMs).toBe(600_000);
        expect((await booksOf(house)).holds.filter((hold) => hold.vmId === vmId)).toHaveLength(2);
        await jumpTo(after.expiresAtMs - 1_000);
        expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
        await untilCertified(vmId);
        await expectBuried(vmId, after.expiresAtMs, "ttl");
        await house.advance(3.3 * HOUR_S);
        await expectSettled(vmId);
      }
    });

    it(`right ${side} each commit of a top-up is known to Watch, and asks once`, async () => {
      await house.healthy(agent);
      for (let at = 1; at <= 2; at++) {
        const { quoteId } = value(await house.agents.quoteTopUp(agent, { credits: 1_000 * at }));
        const killer = new ReportKiller(at, when);
        killer.arm();
        expect(await toppedUp(quoteId)).toBe(1_000 * at);
        await ring();
        expect(await toppedUp(quoteId)).toBe(1_000 * at);
        killer.disarm();
        const asked = (sql: SqlStorage) => sql.exec("SELECT 1 FROM audit WHERE kind = 'top_up.asked'").toArray();
        expect(await inAccount(house, asked)).toHaveLength(at);
      }
    });
  }
});
