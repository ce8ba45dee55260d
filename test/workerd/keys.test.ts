import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import { fromHex, toBase64, toBase64Url, toHex } from "../../src/crypto/bytes.ts";
import { open } from "../../src/crypto/sealed.ts";
import { addressOf } from "../../src/crypto/secp256k1.ts";
import { shardOf } from "../../src/directory/watch.ts";
import { type Bindings, sweepAll } from "../../src/wiring.ts";
import { alone, everythingStored, inAccount } from "./evidence.ts";
import { ASK, code, type House, HOUR_S, value } from "./house.ts";
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

describe("an agent key that does not open", () => {
  const WRONG = { KEK_CURRENT: "66".repeat(32) };
  const created = async (house: House, agent: Caller): Promise<string> => {
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    return code(await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 }));
  };
  const losses = (house: House) =>
    inAccount(house, (sql) => sql.exec("SELECT 1 FROM notice WHERE kind = 'key_lost'").toArray().length);
  const states = (house: House) =>
    inAccount(house, (sql) =>
      sql
        .exec<{ lost: number }>(
          "SELECT json_extract(facts_json, '$.keyLost') AS lost FROM audit WHERE kind = 'account.state' ORDER BY seq",
        )
        .toArray()
        .map(({ lost }) => lost === 1),
    );

  it("for as long as a wrong sealing key is deployed opens again by itself, and what was told of it stays", async () => {
    const house = await alone();
    const agent = await house.agent();
    await deployed(house, WRONG);
    expect(await created(house, agent)).toBe("ok");
    await house.advance(10);
    expect(await created(house, agent)).toBe("account.key_lost");
    await deployed(house, {});
    await house.advance(120);
    expect(await created(house, agent)).toBe("ok");
    expect([await losses(house), await states(house)]).toEqual([1, [true, false]]);
    const next = await house.healthy(agent);
    value(await house.agents.destroyVm(agent, { vmId: next, dryRun: false, waitS: 0 }));
    await house.until(agent, next, ["TERMINATED"]);
  });

  it("is tried once more every quarter of an hour at least, however long it was lost, and a second loss is told too", async () => {
    const house = await alone();
    const agent = await house.agent();
    for (const times of [1, 2]) {
      await deployed(house, WRONG);
      expect(await created(house, agent)).toBe("ok");
      await house.advance(10 * HOUR_S);
      expect(await created(house, agent)).toBe("account.key_lost");
      await deployed(house, {});
      await house.advance(15 * 60);
      expect(await created(house, agent)).toBe("ok");
      expect(await losses(house)).toBe(times);
      await house.advance(5 * HOUR_S);
    }
  });
});

/** Keeps what a front answers, as JSON. */
function recorded<T extends object>(front: T, answers: string[]): T {
  return new Proxy(front, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...given: unknown[]): Promise<unknown> => {
        const answer: unknown = await Reflect.apply(method, target, given);
        answers.push(JSON.stringify(answer));
        return answer;
      };
    },
  });
}

type SealedKey = {
  readonly address: string;
  readonly v: number;
  readonly iv: ArrayBuffer;
  readonly ciphertext: ArrayBuffer;
};

/** As the account itself opens them: the agent keys that it has now. */
async function openedKeys(house: House): Promise<readonly Uint8Array[]> {
  const rows = await inAccount(house, (sql) =>
    sql.exec<SealedKey>("SELECT address, kek_version AS v, iv, ciphertext FROM agent_key ORDER BY rowid").toArray(),
  );
  const keks = [fromHex(ROTATED.KEK_PREVIOUS), fromHex(ROTATED.KEK_CURRENT)].map((bytes, at) => ({
    version: at + 1,
    bytes,
  }));
  const opened = rows.map(async ({ address, v, iv, ciphertext }) => {
    const sealed = { kekVersion: v, iv: new Uint8Array(iv), ciphertext: new Uint8Array(ciphertext) };
    const key = await open(sealed, keks, { account: house.name, address, purpose: "agent" });
    expect(key === undefined ? "none" : addressOf(key)).toBe(address);
    return key ?? new Uint8Array();
  });
  return Promise.all(opened);
}

/** However bytes may be written down where rows, answers and log lines are text; a blob of a row is `raw`. */
function spellings(bytes: Uint8Array): Readonly<Record<string, string>> {
  const latin1 = String.fromCharCode(...bytes);
  return {
    raw: JSON.stringify(latin1).slice(1, -1),
    hex: toHex(bytes),
    capitals: toHex(bytes).toUpperCase(),
    base64: toBase64(bytes).replace(/=+$/, ""),
    base64url: toBase64Url(bytes),
    array: bytes.join(","),
    object: JSON.stringify(bytes),
    number: BigInt(`0x${toHex(bytes)}`).toString(),
  };
}

/** A VM's life to its bill, the account killed in the middle of it. */
async function wholeLife(house: House): Promise<void> {
  const agent = await house.agent();
  const vmId = await house.healthy(agent);
  const longer = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
  value(await house.agents.accept(agent, { quoteId: longer.quoteId, kind: "extend", waitS: 0 }));
  await deployed(house, {});
  expect(code(await house.agents.getVm(agent, { vmId: "vm_none", waitS: 0 }))).toBe("input.unknown_id");
  value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
  await house.until(agent, vmId, ["TERMINATED"]);
  await house.advance(5 * HOUR_S);
  expect((await house.vm(agent, vmId)).costStatus).toBe("settled");
  value(await house.agents.listVms(agent, { state: "all", limit: 10 }));
  value(await house.agents.getSpending(agent, { groupBy: "vm", limit: 10 }));
}

/** A new sealing key, and the row cannot be written while the agent key is open: the error is told in the log. */
async function failedSealing(house: House): Promise<void> {
  await inAccount(house, (sql) =>
    sql.exec("CREATE TRIGGER planted BEFORE UPDATE ON agent_key BEGIN SELECT RAISE(ABORT, 'planted'); END"),
  );
  await deployed(house, ROTATED);
  await bindings.WATCH.getByName(shardOf(house.name)).sweep(stage.nowMs + HOUR_S * 1_000, 300_000, 2);
  expect(stage.logged.length).toBeGreaterThan(0);
  await inAccount(house, (sql) => sql.exec("DROP TRIGGER planted"));
}

async function prepareNext(house: House): Promise<void> {
  value(await house.owners.beginRotation(house.session));
  await house.advance(5);
}

async function signNext(house: House): Promise<void> {
  const { rotation } = value(await house.owners.openLeave(house.session));
  const { itemHash = "", text = "" } = rotation?.list.toSign ?? {};
  const ticks = { tickedEverything: true, tickedDoubtful: true, tickedRunning: false };
  value(await house.owners.signLeave(house.session, { itemHash, signature: house.signText(text), ...ticks }));
  await house.advance(30);
}

describe("an agent key in the clear", () => {
  it("is in no row of any object, no answer, no log line and no message, whatever becomes of VMs and keys", async () => {
    const house = await alone();
    const answers: string[] = [];
    Object.assign(house, { agents: recorded(house.agents, answers), owners: recorded(house.owners, answers) });
    value(await house.owners.arrive(house.session));
    value(await house.owners.openDelegation(house.session));
    const [first] = await openedKeys(house);
    await wholeLife(house);
    const early = await everythingStored();
    await failedSealing(house);
    await prepareNext(house);
    const both = await openedKeys(house);
    await signNext(house);
    expect(both).toHaveLength(2);
    expect(both[0]).toEqual(first);
    const places = {
      answers: answers.join("\n"),
      log: JSON.stringify(stage.logged),
      network: JSON.stringify(stage.sent),
      rows: `${early}\n${await everythingStored()}`,
    };
    for (const [place, text] of Object.entries(places)) {
      const found = both.flatMap((key) => Object.entries(spellings(key)).filter(([, spelt]) => text.includes(spelt)));
      expect([place, found.map(([how]) => how)]).toEqual([place, []]);
    }
    // what is looked through is what there is: the public half stands in three of the four, the sealed one in the rows
    const addresses = both.map(addressOf);
    for (const text of [places.answers, places.network, places.rows])
      expect(addresses.filter((address) => !text.includes(address))).toEqual([]);
    const sealed = await inAccount(house, (sql) =>
      sql.exec<{ ciphertext: ArrayBuffer }>("SELECT ciphertext FROM agent_key").toArray(),
    );
    expect(sealed.length).toBeGreaterThan(0);
    for (const { ciphertext } of sealed)
      expect(places.rows.includes(spellings(new Uint8Array(ciphertext))["raw"] ?? "")).toBe(true);
  });
});
