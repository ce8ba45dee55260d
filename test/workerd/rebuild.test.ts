/** The inventory on the network, and a ledger that is lost: what lives is found again with what only the inventory knows. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { withoutTriggers } from "../../dev/storage.ts";
import type { Caller } from "../../src/account/contract.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { alone, booksOf, core, coreHost, coresDown, forgetsOf, inAccount } from "./evidence.ts";
import { type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MIN_S = 60;
const KEY = "allowance-inventory";

const keyOf = async (house: House): Promise<string> => (await house.account.addresses())?.agentAddress ?? "";
const linesOn = async (house: House, index: number): Promise<JsonObject> =>
  core(index).aggregateOf(await keyOf(house), KEY) ?? {};

/** What each core node says of the VMs, the same on all three. */
async function inventory(house: House): Promise<JsonObject> {
  const all = await Promise.all([0, 1, 2].map((index) => linesOn(house, index)));
  expect(all[1]).toEqual(all[0]);
  expect(all[2]).toEqual(all[0]);
  return all[0] ?? {};
}

type Message = {
  readonly item_hash: string;
  readonly type: string;
  readonly sender: string;
  readonly item_content: string;
};
const aggregates = (): readonly (Message & { readonly atMs: number })[] =>
  stage.sent.flatMap(({ method, path, body, atMs }) => {
    if (method !== "POST" || path !== "/api/v0/messages") return [];
    const { message } = JSON.parse(body) as { message: Message };
    return message.type === "AGGREGATE" ? [{ ...message, atMs }] : [];
  });
const timesOf = (): readonly number[] => [
  ...new Map(
    aggregates().map((one) => [one.item_hash, (JSON.parse(one.item_content) as { time: number }).time]),
  ).values(),
];

async function extend(house: House, agent: Caller, vmId: string, seconds: number): Promise<number> {
  const { quoteId } = value(await house.agents.quoteExtend(agent, { vmId, seconds }));
  value(await house.agents.accept(agent, { quoteId, kind: "extend", waitS: 0 }));
  return (await house.vm(agent, vmId)).expiresAtMs;
}

/** Everything that came after the birth of the account is gone, its key and its grants are not. */
async function loseLedger(house: House): Promise<void> {
  await runInDurableObject(house.account, (_instance, { storage }) =>
    withoutTriggers(storage, () => {
      const { sql } = storage;
      for (const table of ["hold", "forget", "attempt", "vm", "entry", "tried", "audit", "inventory"])
        sql.exec(`DELETE FROM ${table}`);
      sql.exec("UPDATE balance SET granted = 0, deficit = 0, available = 0, held = 0, posted = 0");
      sql.exec("UPDATE account SET commit_seq = 1");
    }),
  );
  await runInDurableObject(house.account, (_, state) => state.abort("lost")).catch(() => undefined);
  stage.sent = [];
}

describe("the inventory", () => {
  it("names each VM on all core nodes, follows an extension, and leaves a null at the end", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    await house.advance(2 * MIN_S);
    const { itemHash, expiresAtMs } = await house.vm(agent, vmId);
    const line = (await inventory(house))[vmId];
    expect(line).toEqual({
      expires_at: new Date(expiresAtMs).toISOString(),
      item_hash: itemHash,
      grant_id: agent.grantId,
      rate_atto_credits_per_s: expect.stringMatching(/^[1-9]\d+$/) as string,
    });
    const movedMs = await extend(house, agent, vmId, 2 * HOUR_S);
    await house.advance(2 * MIN_S);
    expect((await inventory(house))[vmId]).toMatchObject({ expires_at: new Date(movedMs).toISOString() });
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(3 * MIN_S);
    expect(await inventory(house)).toEqual({ [vmId]: null });
    const times = timesOf();
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
    // one for each change at most, and on nobody's address but the key's own
    expect(times.length).toBeLessThanOrEqual(4);
    for (const one of aggregates().filter(({ item_content }) => item_content.includes(KEY)))
      expect(JSON.parse(one.item_content)).toMatchObject({ address: one.sender, key: KEY });
    expect(JSON.stringify(await inventory(house))).not.toContain(house.session.owner);
  });

  it("is written at most once a minute, however much happens", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.sent = [];
    for (let number = 0; number < 3; number++) {
      const vmId = await house.create(agent);
      await house.advance(10);
      value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
      await house.advance(10);
    }
    await house.advance(5 * MIN_S);
    const times = timesOf().map((timeS) => timeS * 1_000);
    expect(times.length).toBeGreaterThan(1);
    const gapsMs = times.slice(1).map((timeMs, at) => timeMs - (times[at] ?? 0));
    expect(Math.min(...gapsMs)).toBeGreaterThanOrEqual(60_000);
  });

  it("delays neither a machine nor its end while no core node takes it, and is made up for afterwards", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.accident = ({ method, path, body }) =>
      method === "POST" && path === "/api/v0/messages" && body.includes("AGGREGATE") ? "lose_request" : undefined;
    const vmId = await house.healthy(agent);
    const next = await house.healthy(agent);
    await house.advance(10 * MIN_S);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"], 300);
    expect(await linesOn(house, 0)).toEqual({});
    stage.accident = undefined;
    await house.advance(10 * MIN_S);
    const { itemHash } = await house.vm(agent, next);
    expect(await inventory(house)).toEqual({ [vmId]: null, [next]: expect.objectContaining({ item_hash: itemHash }) });
  });
});

describe("a ledger that is lost", () => {
  async function lost() {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const other = await house.healthy(agent);
    const bornMs = (await house.vm(agent, vmId)).expiresAtMs;
    const movedMs = await extend(house, agent, vmId, 2 * HOUR_S);
    expect(movedMs - bornMs).toBe(2 * HOUR_S * 1_000);
    await house.advance(3 * MIN_S);
    const hashes = [await house.vm(agent, vmId), await house.vm(agent, other)].map((vm) => String(vm.itemHash));
    await loseLedger(house);
    return { house, agent, vmId, other, bornMs, movedMs, hashes };
  }

  it("is rebuilt: every VM with its agent and its moved end, ended in time, certified and booked", async () => {
    const { house, agent, vmId, other, bornMs, movedMs, hashes } = await lost();
    expect(await inAccount(house, (sql) => sql.exec("SELECT 1 FROM vm").toArray())).toEqual([]);
    await house.account.wake();
    await house.advance(4 * MIN_S);
    expect((await booksOf(house)).account).toMatchObject({ state: "frozen", frozenReason: "restored" });
    expect(await house.vm(agent, vmId)).toMatchObject({ expiresAtMs: movedMs, itemHash: hashes[0], orphan: true });
    expect((await house.vm(agent, vmId)).rateCreditsPerH).toBeGreaterThan(0);
    expect((await house.vm(agent, other)).itemHash).toBe(hashes[1]);
    await house.advance((bornMs - stage.nowMs) / 1_000 + 20 * MIN_S);
    expect(forgetsOf(hashes[0] ?? "")).toEqual([]);
    expect(house.machines()).toEqual([hashes[0]]);
    await house.advance((movedMs - stage.nowMs) / 1_000 - 5);
    expect(forgetsOf(hashes[0] ?? "")).toEqual([]);
    await house.advance(20 * MIN_S);
    expect(house.machines()).toEqual([]);
    await house.advance(4 * HOUR_S);
    let cost = 0;
    for (const id of [vmId, other]) {
      const vm = await house.vm(agent, id);
      expect(vm).toMatchObject({ state: "TERMINATED", endReason: "ttl", costStatus: "settled" });
      expect(vm.certificate).not.toBeNull();
      expect(vm.costCredits).toBeGreaterThan(0);
      cost += vm.costCredits;
    }
    const { balanced, audited, extras } = await booksOf(house);
    expect([balanced, audited]).toEqual([true, true]);
    expect(extras.reduce((sum, extra) => sum + extra.credits, 0)).toBe(cost);
    expect(await inventory(house)).toEqual({ [vmId]: null, [other]: null });
  });

  it("believes no single core node: what one alone says of an end moves none", async () => {
    const { house, agent, vmId, bornMs, movedMs } = await lost();
    stage.accident = ({ host, path }) => (path.includes(KEY) && host !== coreHost(0) ? "lose_request" : undefined);
    await house.account.wake();
    await house.advance(4 * MIN_S);
    expect(movedMs).toBeGreaterThan(bornMs);
    const found = value(await house.owners.overview(house.session)).vms.find((vm) => vm.vmId === vmId);
    expect(found).toMatchObject({ expiresAtMs: bornMs });
    // without its line nobody knows whose it was
    expect(await house.agents.getVm(agent, { vmId, waitS: 0 })).toMatchObject({ ok: false });
    coresDown();
    await house.advance((bornMs - stage.nowMs) / 1_000 + 20 * MIN_S);
    expect(house.machines()).toEqual([]);
  });
});
