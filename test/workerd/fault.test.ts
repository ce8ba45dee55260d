/** What the log says of faults in this code, in the runtime that it is for: their class and place, no word of a message. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Caller } from "../../src/account/contract.ts";
import type { AccountWork } from "../../src/account/account-work.ts";
import type { Store } from "../../src/account/store.ts";
import { faultOf } from "../../src/fault.ts";
import { type Bindings, sweepAll } from "../../src/wiring.ts";
import { alone } from "./evidence.ts";
import { ASK, code, type House, value } from "./house.ts";
import { Agent, Browser, turn } from "./pages.ts";
import { stage } from "./stage.ts";

type Inside = { readonly store: Store; readonly drive: { readonly work: AccountWork } };

/** Thrown where no input can cause it; its second line looks like a frame. */
function slip(): never {
  throw new TypeError("secret\n    at stolen (y:1:1)");
}

const IN_SLIP = {
  error: "TypeError",
  at: expect.stringMatching(/^(?:\S+\.)?slip \d+:\d+(?: < (?:\S+ )?\d+:\d+){2}$/) as string,
};

let house: House;
let agent: Caller;

beforeEach(async () => {
  house = await alone();
  agent = await house.agent();
  stage.logged = [];
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** As they are, once it is sure that no word of a message is among them. */
function mute(lines: readonly unknown[]): readonly unknown[] {
  const said = /secret|stolen/.exec(JSON.stringify(lines));
  if (said !== null) throw new Error(`the log says ${said[0]}`);
  return lines;
}

/** A slip in the memory of the living object. */
const planted = (plant: (inside: Inside) => void, at: House = house): Promise<void> =>
  runInDurableObject(at.account, (object) => plant(object as unknown as Inside));

it("names the place where a decision of the account failed", async () => {
  const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
  await planted(({ store }) => Object.assign(store, { burnQuote: slip }));
  const accepted = await house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });
  expect(code(accepted)).toBe("internal.invariant");
  expect(mute(stage.logged)).toEqual([
    { event: "account.internal", facts: { code: "internal.invariant", ...IN_SLIP } },
  ]);
});

it("names the place where a step of the drive failed, and the step", async () => {
  await house.healthy(agent);
  await planted(({ drive }) => Object.assign(drive.work, { readPayer: slip }));
  await house.advance(600);
  expect(mute(stage.logged.slice(0, 1))).toEqual([
    { event: "drive.step_failed", facts: { step: "payer", ...IN_SLIP } },
  ]);
});

it("names the place where an alarm failed", async () => {
  await planted(({ store }) => Object.assign(store, { loadTended: slip }));
  await runInDurableObject(house.account, (object) => object.alarm());
  expect(mute(stage.logged)).toEqual([{ event: "account.alarm_failed", facts: IN_SLIP }]);
});

it("names the class of what a shard of the second clock threw", async () => {
  const lines: unknown[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
  const { WATCH } = env as unknown as Bindings;
  const getByName = (shard: string) => (shard === "3" ? { sweep: async () => slip() } : WATCH.getByName(shard));
  await sweepAll({ ...(env as object), WATCH: { getByName } } as unknown as Bindings, stage.nowMs);
  expect(mute(lines)).toEqual([
    {
      event: "watch.shard_failed",
      shardsFailed: 1,
      error: "TypeError",
      at: expect.stringContaining("slip ") as string,
    },
  ]);
});

it("tells what was thrown in another object by its class and by the place of the call", async () => {
  const browser = new Browser();
  const login = await browser.connect();
  const client = await Agent.connect(login);
  await planted(({ store }) => Object.assign(store, { keepRead: slip }), browser.house);
  await client.call("aleph_check_balance");
  while (stage.logged.length === 0) await turn();
  await planted(({ store }) => Object.assign(store, { loadGrant: slip }), browser.house);
  expect(await client.call("aleph_check_balance")).toMatchObject({ code: "internal.invariant" });
  const fault = { tool: "aleph_check_balance", error: "TypeError", at: expect.not.stringContaining("slip") as string };
  expect(mute(stage.logged.slice(0, 2))).toEqual([
    { event: "mcp.call_not_noted", facts: fault },
    { event: "mcp.tool_threw", facts: { ...fault, at: expect.stringMatching(/^\S+ \d+:\d+/) as string } },
  ]);
});

it("reads this runtime's own errors", () => {
  const thrownBy = (work: () => unknown) => {
    try {
      return work();
    } catch (error) {
      return faultOf(error);
    }
  };
  const place = { at: expect.stringMatching(/^(?:\S+ )?\d+:\d+ < /) as string };
  expect(thrownBy(slip)).toEqual(IN_SLIP);
  expect(thrownBy(() => structuredClone(() => 1))).toEqual({ error: "DataCloneError", ...place });
  const parsed = thrownBy(() => JSON.parse('{"a":\n    at stolen (y:1:1)'));
  expect(mute([parsed])).toEqual([{ error: "SyntaxError", ...place }]);
});
