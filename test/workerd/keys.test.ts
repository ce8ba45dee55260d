import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { shardOf } from "../../src/directory/watch.ts";
import { type Bindings, sweepAll } from "../../src/wiring.ts";
import { alone, inAccount } from "./evidence.ts";
import { ASK, code, type House, value } from "./house.ts";
import { stage } from "./stage.ts";

const bindings = env as unknown as Bindings;
const ROTATED = {
  KEK_CURRENT: "44".repeat(32),
  KEK_CURRENT_VERSION: "2",
  KEK_PREVIOUS: "22".repeat(32),
  KEK_PREVIOUS_VERSION: "1",
};

const versions = (house: House): Promise<readonly number[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ v: number }>("SELECT kek_version AS v FROM agent_key ORDER BY rowid")
      .toArray()
      .map((row) => row.v),
  );

/** The Worker is deployed anew with these settings, and everybody wakes with them. */
async function deployed(house: House, settings: Readonly<Record<string, string>>): Promise<void> {
  stage.settings = settings;
  await runInDurableObject(house.account, (_object, state) => state.abort("new code")).catch(() => undefined);
}

const watched = (house: House) => bindings.WATCH.getByName(shardOf(house.name)).kekVersions();

describe("a new sealing key", () => {
  it("reaches an account that sleeps: the second clock wakes it, and then the older one is needed no more", async () => {
    const house = await alone();
    const agent = await house.agent();
    await deployed(house, ROTATED);
    expect(await versions(house)).toEqual([1]);
    await bindings.WATCH.getByName(shardOf(house.name)).sweep(stage.nowMs + 3_600_000, 300_000, 2);
    expect(await versions(house)).toEqual([2]);
    expect(await watched(house)).toEqual([{ kekVersion: 2, accounts: 1 }]);
    await deployed(house, { KEK_CURRENT: ROTATED.KEK_CURRENT, KEK_CURRENT_VERSION: "2" });
    await house.healthy(agent);
  });

  it("is not looked for while the clock is stepped, and changes nothing for who has it", async () => {
    const house = await alone();
    const before = await inAccount(house, (sql) => sql.exec("SELECT * FROM agent_key").toArray());
    await sweepAll(bindings, stage.nowMs);
    await sweepAll(bindings, stage.nowMs, 0);
    expect(await inAccount(house, (sql) => sql.exec("SELECT * FROM agent_key").toArray())).toEqual(before);
  });

  it("is the one that a next key is sealed with, and the older one counts as needed until the old key is out", async () => {
    const house = await alone();
    const agent = await house.agent();
    // the older sealing key is lost, so the agent key never opens again
    await deployed(house, { KEK_CURRENT: ROTATED.KEK_CURRENT, KEK_CURRENT_VERSION: "2" });
    value(await house.owners.beginRotation(house.session));
    await house.advance(5);
    expect(await versions(house)).toEqual([1, 2]);
    expect(await watched(house)).toEqual([{ kekVersion: 1, accounts: 1 }]);
    const { rotation } = value(await house.owners.openLeave(house.session));
    const toSign = rotation?.list.toSign;
    const signature = house.signText(toSign?.text ?? "");
    const ticks = { tickedEverything: true, tickedDoubtful: true, tickedRunning: false };
    value(await house.owners.signLeave(house.session, { itemHash: toSign?.itemHash ?? "", signature, ...ticks }));
    await house.advance(30);
    expect(await watched(house)).toEqual([{ kekVersion: 2, accounts: 1 }]);
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    expect(code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }))).toBe("ok");
  });
});
