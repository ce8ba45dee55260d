/**
 * A thousand agents of one owner at once, with answers that get lost and an account that is killed under them. A trigger in
 * the account's own SQLite writes down, at every single hold, how far each limit was used at that moment.
 */
import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { Accepted } from "../../src/account/admission.ts";
import type { Caller } from "../../src/account/contract.ts";
import type { CreateFacts } from "../../src/account/requests.ts";
import type { SpecAsk } from "../../src/account/types.ts";
import type { Answer, Refusal } from "../../src/errors.ts";
import { Dice } from "../sim/dice.ts";
import { alone, booksOf, inAccount, instanceHashes } from "./evidence.ts";
import { ASK, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const AGENTS = 1_000;
const WAVES = 3;
const HOURLY = 14_250;
const HOLD = 3 * HOURLY;
const WINDOW = { seconds: 3_600, creditsMax: 40 * HOLD };
const LIMITS = {
  perVmCreditsMax: 4 * HOURLY,
  burnCreditsPerHMax: 36 * HOURLY,
  windows: [WINDOW],
  lifetimeCreditsMax: 60 * HOLD,
  vmsLiveMax: 30,
  createsPerMinMax: 20,
};
const GRANT = { creditsMax: HOLD + HOURLY, vmsLiveMax: 1, createsPerMinMax: 2 };
const FREE = { aboveCredits: 1_000_000_000, unapprovedPerDayCredits: 1_000_000_000 };

const WATCHED = `
CREATE TABLE crowd_moment (hour INTEGER, life INTEGER, live INTEGER, minute INTEGER, own INTEGER, own_live INTEGER, vm INTEGER);
CREATE TRIGGER crowd_looks AFTER INSERT ON hold BEGIN INSERT INTO crowd_moment SELECT
  (SELECT sum(credits) FROM hold WHERE at_ms > NEW.at_ms - 3600000) + (SELECT coalesce(sum(credits), 0) FROM extra WHERE at_ms > NEW.at_ms - 3600000),
  (SELECT sum(credits) FROM hold) + (SELECT coalesce(sum(credits), 0) FROM extra),
  (SELECT count(*) FROM vm WHERE live = 1),
  (SELECT count(*) FROM vm WHERE admitted_at_ms > NEW.at_ms - 60000),
  (SELECT sum(credits) FROM hold WHERE grant_id = NEW.grant_id),
  (SELECT count(*) FROM vm WHERE live = 1 AND grant_id = NEW.grant_id),
  (SELECT sum(credits_original) FROM hold WHERE vm_id = NEW.vm_id);
END;`;

/** How far a limit was ever passed, by its name. */
const OVER = `SELECT max(max(hour - ${WINDOW.creditsMax}, 0)) AS window, max(max(life - ${LIMITS.lifetimeCreditsMax}, 0)) AS lifetime,
  max(max(live * ${HOURLY} - ${LIMITS.burnCreditsPerHMax}, 0)) AS burn, max(max(live - ${LIMITS.vmsLiveMax}, 0)) AS live,
  max(max(minute - ${LIMITS.createsPerMinMax}, 0)) AS rate, max(max(own - ${GRANT.creditsMax}, 0)) AS grant,
  max(max(own_live - ${GRANT.vmsLiveMax}, 0)) AS own_live, max(max(vm - ${LIMITS.perVmCreditsMax}, 0)) AS vm FROM crowd_moment`;

/** The meter is not blind: it saw every admission, and the limit that was reached. */
const SEEN = "SELECT count(*) AS moments, max(live) AS fullest FROM crowd_moment";

type Facts = { readonly spec: SpecAsk; readonly each: readonly CreateFacts[] };

/** What the Worker gathers, once a wave for all. */
async function gathered(house: House): Promise<Facts> {
  const { doors, gather } = house.setting;
  const addresses = await doors.account(house.name).addresses();
  if (addresses === null) throw new Error("not born");
  const spec = value(await gather.spec(ASK));
  const payer = await gather.payer(addresses.owner, addresses.agentAddress);
  const rateAttoPerS = await gather.rate(spec.shape);
  if (payer === undefined || rateAttoPerS === undefined) throw new Error("no facts");
  const nodes = await Promise.all(Array.from({ length: 6 }, () => gather.place(spec, { cooling: [], place: null })));
  return { spec, each: nodes.map((node) => ({ payer, rateAttoPerS, node: value(node) })) };
}

class Crowd {
  readonly refused = new Map<string, number>();
  readonly vmOfQuote = new Map<string, string>();
  readonly nameless: Refusal[] = [];
  readonly changed: string[] = [];
  calls = 0;
  lost = 0;
  crashes = 0;
  admitted = 0;
  private readonly house: House;
  private readonly dice = new Dice(1);
  private readonly quotes = new Map<string, string>();

  constructor(house: House) {
    this.house = house;
  }

  private get account() {
    return this.house.setting.doors.account(this.house.name);
  }

  async crash(): Promise<void> {
    this.crashes++;
    await runInDurableObject(this.house.account, (_, state) => state.abort("planted crash")).catch(() => undefined);
  }

  /** As a client does it: a broken line or an answer that never came is the same call again. */
  private async call<T>(ask: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      this.calls++;
      const heard = await ask().catch((error: unknown) => {
        if (tries > 20 || !String(error).includes("planted crash")) throw error;
        return undefined;
      });
      if (heard !== undefined && (tries > 3 || !this.dice.yes(0.15))) return heard;
      this.lost++;
    }
  }

  async act(agent: Caller, facts: Facts): Promise<void> {
    const known = this.quotes.get(agent.grantId);
    const vmId = this.vmOfQuote.get(known ?? "");
    const draw = this.dice.next();
    if (vmId === undefined || draw < 0.2) return this.create(agent, facts, vmId === undefined ? undefined : known);
    if (draw < 0.6) return this.extend(agent, facts, vmId);
    const ended = await this.call(() => this.account.destroy(agent, vmId, false, stage.nowMs));
    if (!ended.ok) this.refuse(ended.refusal);
    this.quotes.delete(agent.grantId);
  }

  /** A new quote, or the one that was accepted before. */
  private async create(agent: Caller, { spec, each }: Facts, before?: string): Promise<void> {
    const facts = this.dice.pick(each);
    const quoted =
      before ?? (await this.quoted(agent, () => this.account.quoteCreate(agent, spec, facts, stage.nowMs)));
    if (quoted === undefined) return;
    this.quotes.set(agent.grantId, quoted);
    const accept = () => this.account.accept(agent, quoted, { kind: "create", facts }, stage.nowMs);
    this.note(quoted, await this.call(accept));
  }

  private async extend(agent: Caller, { each }: Facts, vmId: string): Promise<void> {
    const { payer } = this.dice.pick(each);
    const ask = { vmId, seconds: HOUR_S };
    const quoted = await this.quoted(agent, () => this.account.quoteExtend(agent, ask, payer, stage.nowMs));
    if (quoted === undefined) return;
    const given = { kind: "extend" as const, facts: { payer } };
    const accepted = await this.call(() => this.account.accept(agent, quoted, given, stage.nowMs));
    if (accepted.ok) this.admitted++;
    else this.refuse(accepted.refusal);
  }

  private async quoted(agent: Caller, ask: () => Promise<Answer<{ readonly quoteId: string }>>) {
    const quote = await this.call(ask);
    if (quote.ok) return quote.value.quoteId;
    this.refuse(quote.refusal);
    return undefined;
  }

  private note(quoteId: string, accepted: Answer<Accepted>): void {
    if (!accepted.ok) return this.refuse(accepted.refusal);
    if (accepted.value.kind !== "vm") throw new Error(accepted.value.kind);
    const { vmId } = accepted.value;
    const before = this.vmOfQuote.get(quoteId);
    if (before === undefined) this.admitted++;
    else if (before !== vmId) this.changed.push(quoteId);
    this.vmOfQuote.set(quoteId, vmId);
  }

  private refuse(refusal: Refusal): void {
    this.refused.set(refusal.code, (this.refused.get(refusal.code) ?? 0) + 1);
    const limited = refusal.code.startsWith("policy.");
    const { limit, left } = refusal.facts;
    if (limited && (typeof limit !== "number" || typeof left !== "number")) this.nameless.push(refusal);
  }
}

async function agentsOf(house: House): Promise<readonly Caller[]> {
  const agents: Caller[] = [];
  for (let from = 0; from < AGENTS; from += 100)
    agents.push(...(await Promise.all(Array.from({ length: 100 }, () => house.agent(GRANT)))));
  return agents;
}

it("a thousand agents at once, through lost answers and crashes, never pass a limit by a single credit", async () => {
  const policy = draftPolicy({ limits: LIMITS, approval: FREE, priceRisePctMax: 0 });
  const house = await alone(policy, 1_000_000_000);
  const agents = await agentsOf(house);
  await inAccount(house, (sql) => void sql.exec(WATCHED));
  const crowd = new Crowd(house);
  const began = performance.now();
  for (let wave = 0; wave < WAVES; wave++) {
    const facts = await gathered(house);
    const acts = agents.map((agent) => crowd.act(agent, facts));
    await crowd.crash();
    await Promise.all(acts);
    await crowd.crash();
    await house.advance(90);
  }
  const seconds = (performance.now() - began) / 1_000;

  const over = await inAccount(house, (sql) => sql.exec<Record<string, number>>(OVER).one());
  const seen = await inAccount(house, (sql) => sql.exec<{ moments: number; fullest: number }>(SEEN).one());
  const books = await booksOf(house);
  const quotes = await inAccount(house, (sql) =>
    sql
      .exec<{ vms: number; quotes: number }>("SELECT count(*) AS vms, count(DISTINCT quote_id) AS quotes FROM vm")
      .one(),
  );
  console.log(
    [
      `${AGENTS} agents, ${crowd.calls} calls (${crowd.lost} answers lost), ${crowd.crashes} crashes, ${seconds.toFixed(1)} s`,
      `admitted ${crowd.admitted}, ${quotes.vms} VMs of ${quotes.quotes} quotes, over any limit: ${JSON.stringify(over)}`,
      ...[...crowd.refused].map(([code, times]) => `${String(times).padStart(7)}  ${code}`).toSorted(),
    ].join("\n"),
  );
  expect(Object.values(over)).toEqual(Array(Object.keys(over).length).fill(0));
  expect(seen).toEqual({ moments: crowd.admitted, fullest: LIMITS.vmsLiveMax });
  expect(crowd.nameless).toEqual([]);
  expect(crowd.changed).toEqual([]);
  expect(quotes.vms).toBe(quotes.quotes);
  expect(instanceHashes().length).toBeLessThanOrEqual(quotes.vms);
  expect(books).toMatchObject({ balanced: true, audited: true });
  expect(crowd.admitted).toBeGreaterThan(20);
  expect([...crowd.refused.keys()].filter((code) => code.startsWith("policy.")).length).toBeGreaterThanOrEqual(3);
  expect(crowd.crashes).toBe(2 * WAVES);
}, 900_000);
