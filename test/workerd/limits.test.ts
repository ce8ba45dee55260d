/** Every limit of the owner's by itself, with the figures of its refusal, and what happens when many ask at once. */
import { describe, expect, it } from "vitest";
import type { Accepted } from "../../src/account/admission.ts";
import type { AcceptView, Caller, QuoteView, VmAsk } from "../../src/account/contract.ts";
import type { CreateFacts } from "../../src/account/requests.ts";
import type { PolicyDraft, SpecAsk } from "../../src/account/types.ts";
import type { Answer, Refusal } from "../../src/errors.ts";
import { alone, booksOf, inAccount, instanceHashes } from "./evidence.ts";
import { ownMachine } from "./foreign.ts";
import { ASK, code, draftPolicy, type House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

/** One compute unit for an hour; the asked VM lives two hours and one of grace is held with them. */
const HOURLY = 14_250;
const HOLD = 3 * HOURLY;
/** What limits look at: the hold at a price risen by the owner's ten percent. */
const CEILING = 47_025;
const ONE_DAY = 24 * HOURLY;

const limits = (change: Partial<PolicyDraft["limits"]>): PolicyDraft => draftPolicy({ limits: change });

async function offered(house: House, agent: Caller, change: Partial<VmAsk> = {}): Promise<QuoteView> {
  return value(await house.agents.quoteVm(agent, { ...ASK, ...change }));
}

const accept = (house: House, agent: Caller, quote: QuoteView): Promise<Answer<AcceptView>> => {
  if (quote.kind === "top_up") throw new Error(quote.kind);
  return house.agents.accept(agent, { quoteId: quote.quoteId, kind: quote.kind, waitS: 0 });
};

/** Why accepting is refused; the quote has said so beforehand, with the same figures. */
async function refusedFor(house: House, agent: Caller, quote: QuoteView): Promise<Refusal | undefined> {
  const accepted = await accept(house, agent, quote);
  const no = accepted.ok ? undefined : accepted.refusal;
  expect(no).toEqual(quote.wouldRefuse);
  const { hasCredits, addCredits } = no?.facts ?? {};
  const needs = addCredits === undefined ? quote.payerNeedsCredits : Number(hasCredits) + Number(addCredits);
  expect(quote.payerNeedsCredits).toBe(needs);
  return no;
}

const createRefused = async (house: House, agent: Caller, change: Partial<VmAsk> = {}): Promise<Refusal | undefined> =>
  refusedFor(house, agent, await offered(house, agent, change));

const extendRefused = async (
  house: House,
  agent: Caller,
  ask: { readonly vmId: string; readonly seconds: number },
): Promise<Refusal | undefined> => refusedFor(house, agent, value(await house.agents.quoteExtend(agent, ask)));

async function destroyed(house: House, agent: Caller, vmId: string): Promise<void> {
  value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
  await house.until(agent, vmId, ["TERMINATED"]);
}

function grant(house: House, credits: number, expiresAtMs?: number): void {
  for (const core of stage.world.cores) core.grantCredits(house.session.owner, credits, expiresAtMs, stage.nowMs);
}

/** Seconds until a VM runs out, rounded up. */
const leftS = async (house: House, agent: Caller, vmId: string): Promise<number> =>
  Math.ceil(((await house.vm(agent, vmId)).expiresAtMs - stage.nowMs) / 1_000);

describe("a limit of the policy", () => {
  it("on the shape says which size, and which GPU", async () => {
    const policy = draftPolicy();
    const house = await alone({
      ...policy,
      shape: { vcpusMax: 2, memoryMibMax: 4_096, diskMibMax: 30_720, gpus: [], images: [] },
    });
    const shape = (parameter: string, limit: number, asked: number) => ({
      code: "policy.shape",
      facts: { parameter, limit, asked, left: limit },
      retry: "new_key",
    });
    // a new agent each time: three refusals in a row would open its breaker
    const refused = async (ask: Partial<VmAsk>) => createRefused(house, await house.agent(), ask);
    expect(await refused({ vcpus: 3 })).toEqual(shape("cpu", 2, 3));
    expect(await refused({ memoryMib: 4_608 })).toEqual(shape("ram_gb", 4, 4.5));
    expect(await refused({ diskMib: 31_744 })).toEqual(shape("disk_gb", 30, 31));
    const gpu = await refused({ gpu: "RTX 4000 ADA" });
    expect(gpu).toEqual({ code: "policy.shape", facts: { parameter: "gpu", gpu: "RTX 4000 ADA" }, retry: "new_key" });
    expect(await refused({ vcpus: 2, memoryMib: 4_096, diskMib: 30_720 })).toBeUndefined();
  });

  it("on the TTL counts an extension from the beginning", async () => {
    const house = await alone(limits({ ttlSDefault: HOUR_S, ttlSMax: 2 * HOUR_S }));
    const agent = await house.agent();
    const ttl = (asked: number) => ({
      code: "policy.ttl",
      facts: { limit: 2 * HOUR_S, asked, left: 2 * HOUR_S },
      retry: "new_key",
    });
    expect(await createRefused(house, agent, { ttlS: 2 * HOUR_S + 1 })).toEqual(ttl(2 * HOUR_S + 1));
    const vmId = await house.healthy(agent, { ttlS: HOUR_S });
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S + 1 })).toEqual(ttl(2 * HOUR_S + 1));
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toBeUndefined();
  });

  it("on live VMs counts every one until the network has let it go", async () => {
    const house = await alone(limits({ vmsLiveMax: 1 }));
    const agent = await house.agent();
    const other = await house.agent();
    const vmId = await house.healthy(agent);
    const full = {
      code: "policy.vms_live",
      facts: { limit: 1, asked: 1, left: 0 },
      retry: "after",
    };
    expect(await createRefused(house, other)).toEqual({ ...full, retryAfterS: await leftS(house, agent, vmId) });
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toBeUndefined();
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    expect((await house.vm(agent, vmId)).state).toBe("STOPPING");
    expect(await createRefused(house, other)).toEqual({ ...full, retryAfterS: 60 });
    await house.until(agent, vmId, ["TERMINATED"]);
    expect(await createRefused(house, other)).toBeUndefined();
  });

  it("on live VMs of one agent leaves room for the others", async () => {
    const house = await alone();
    const agent = await house.agent({ vmsLiveMax: 1 });
    await house.create(agent);
    expect(await createRefused(house, agent)).toMatchObject({
      code: "policy.vms_live",
      facts: { of: "grant", limit: 1, asked: 1, left: 0 },
    });
    expect(await createRefused(house, await house.agent())).toBeUndefined();
  });

  it("on creates per minute says to the second when there is room, for the account and for one agent", async () => {
    const house = await alone(limits({ createsPerMinMax: 2 }));
    const slow = await house.agent({ createsPerMinMax: 1 });
    const quick = await house.agent();
    const after = (limit: number, retryAfterS: number, of = {}) => ({
      code: "policy.rate",
      facts: { ...of, limit, asked: 1, left: 0 },
      retry: "after",
      retryAfterS,
    });
    const freesAtMs = (await house.vm(slow, await house.create(slow))).createdAtMs + 60_000;
    const leftS = (): number => (freesAtMs - stage.nowMs) / 1_000;
    await house.advance(20);
    expect(await createRefused(house, slow)).toEqual(after(1, Math.ceil(leftS()), { of: "grant" }));
    await house.create(quick);
    await house.advance(20);
    expect(await createRefused(house, quick)).toEqual(after(2, Math.ceil(leftS())));
    await house.advance(leftS() - 1);
    expect(await createRefused(house, slow)).toEqual(after(2, 1));
    await house.advance(1);
    expect(await createRefused(house, slow)).toBeUndefined();
  });

  it("on the cost of one VM looks at the ceiling, and counts its extensions", async () => {
    const house = await alone(limits({ perVmCreditsMax: 60_000 }));
    const agent = await house.agent();
    const perVm = (asked: number) => ({
      code: "policy.per_vm",
      facts: { limit: 60_000, asked, left: 60_000 },
      retry: "new_key",
    });
    expect(await createRefused(house, agent, { ttlS: 3 * HOUR_S })).toEqual(perVm(62_700));
    const vmId = await house.healthy(agent);
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toBeUndefined();
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toEqual(perVm(HOLD + 2 * HOURLY));
  });

  it("on the burn per hour adds up what lives", async () => {
    const house = await alone(limits({ burnCreditsPerHMax: 20_000 }));
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    expect(await createRefused(house, agent)).toEqual({
      code: "policy.burn",
      facts: { limit: 20_000, asked: HOURLY, left: 20_000 - HOURLY },
      retry: "after",
      retryAfterS: await leftS(house, agent, vmId),
    });
    // a machine that lives longer does not burn faster
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toBeUndefined();
    await destroyed(house, agent, vmId);
    expect(await createRefused(house, agent)).toBeUndefined();
  });

  it("on a day's spending frees what was held exactly 24 hours later, and not a second sooner", async () => {
    const house = await alone(limits({ windows: [{ seconds: 86_400, creditsMax: CEILING }] }));
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const heldAtMs = (await house.vm(agent, vmId)).createdAtMs;
    await destroyed(house, agent, vmId);
    await house.advance(4 * HOUR_S);
    const [hold] = (await booksOf(house)).holds;
    expect(hold?.state).toBe("posted");
    const spent = hold?.credits ?? 0;
    expect(spent).toBeGreaterThan(0);
    const window = (retryAfterS: number) => ({
      code: "policy.window_86400s",
      facts: { limit: CEILING, asked: CEILING, left: CEILING - spent },
      retry: "after",
      retryAfterS,
    });
    const leftS = 86_400 - (stage.nowMs - heldAtMs) / 1_000;
    expect(await createRefused(house, agent)).toEqual(window(Math.ceil(leftS)));
    await house.advance(leftS - 1);
    expect(await createRefused(house, agent)).toEqual(window(1));
    await house.advance(1);
    expect(await createRefused(house, agent)).toBeUndefined();
  });

  it("on several spans names the shortest that is exhausted, for creates and extensions, and when it frees", async () => {
    const windows = [
      { seconds: 86_400, creditsMax: 50_000 },
      { seconds: 3_600, creditsMax: 60_000 },
    ];
    const house = await alone(limits({ windows }));
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const passedS = (stage.nowMs - (await house.vm(agent, vmId)).createdAtMs) / 1_000;
    const window = (seconds: number, limit: number, asked: number) => ({
      code: `policy.window_${seconds}s`,
      facts: { limit, asked, left: limit - HOLD },
      retry: "after",
      retryAfterS: Math.ceil(seconds - passedS),
    });
    expect(await createRefused(house, agent)).toEqual(window(3_600, 60_000, CEILING));
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toEqual(window(86_400, 50_000, HOURLY));
  });

  it("says nothing of waiting for what is larger than the whole span", async () => {
    const house = await alone(limits({ windows: [{ seconds: 86_400, creditsMax: CEILING - 1 }] }));
    expect(await createRefused(house, await house.agent())).toEqual({
      code: "policy.window_86400s",
      facts: { limit: CEILING - 1, asked: CEILING, left: CEILING - 1 },
      retry: "new_key",
    });
  });

  it("on the lifetime never frees", async () => {
    const house = await alone(limits({ lifetimeCreditsMax: CEILING }));
    const agent = await house.agent();
    await destroyed(house, agent, await house.healthy(agent));
    await house.advance(30 * HOUR_S);
    const spent = (await booksOf(house)).holds[0]?.credits ?? 0;
    expect(spent).toBeGreaterThan(0);
    expect(await createRefused(house, await house.agent())).toEqual({
      code: "policy.lifetime",
      facts: { limit: CEILING, asked: CEILING, left: CEILING - spent },
      retry: "never",
    });
  });

  it("on one agent's budget leaves the others theirs", async () => {
    const house = await alone();
    const agent = await house.agent({ creditsMax: 60_000 });
    const vmId = await house.healthy(agent);
    const budget = (asked: number) => ({
      code: "policy.grant",
      facts: { limit: 60_000, asked, left: 60_000 - HOLD },
      retry: "never",
    });
    expect(await createRefused(house, agent)).toEqual(budget(CEILING));
    expect(await extendRefused(house, agent, { vmId, seconds: 2 * HOUR_S })).toEqual(budget(2 * HOURLY));
    expect(await createRefused(house, await house.agent())).toBeUndefined();
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toBeUndefined();
  });

  it("is answered in one fixed order when several are broken", async () => {
    const house = await alone();
    const agent = await house.agent();
    await house.healthy(agent);
    const draft = draftPolicy();
    const nothing = {
      perVmCreditsMax: 0,
      burnCreditsPerHMax: 0,
      windows: [{ seconds: 86_400, creditsMax: 0 }],
      lifetimeCreditsMax: 0,
      vmsLiveMax: 0,
      createsPerMinMax: 0,
      ttlSDefault: 600,
      ttlSMax: 600,
    };
    const order = [
      [{ shape: { ...draft.shape, vcpusMax: 0 } }, "policy.shape"],
      [{ ttlSMax: ASK.ttlS }, "policy.ttl"],
      [{ vmsLiveMax: 10 }, "policy.vms_live"],
      [{ createsPerMinMax: 10 }, "policy.rate"],
      [{ perVmCreditsMax: 1_000_000 }, "policy.per_vm"],
      [{ burnCreditsPerHMax: 1_000_000 }, "policy.burn"],
      [{ windows: [{ seconds: 86_400, creditsMax: 1_000_000 }] }, "policy.window_86400s"],
      [{ lifetimeCreditsMax: 1_000_000 }, "policy.lifetime"],
    ] as const;
    const narrow = { ...draft, limits: { ...draft.limits, ...nothing } };
    await house.setPolicy({ ...narrow, shape: { ...draft.shape, vcpusMax: 0 } });
    let now = narrow.limits as PolicyDraft["limits"];
    for (const [lifted, expected] of order) {
      expect((await createRefused(house, await house.agent()))?.code).toBe(expected);
      now = "shape" in lifted ? now : { ...now, ...lifted };
      await house.setPolicy({ ...narrow, limits: now });
    }
    expect(await createRefused(house, agent)).toBeUndefined();
  });
});

describe("the payer", () => {
  it("who owns less than the VM may cost is told both figures and what to add", async () => {
    const house = await alone(draftPolicy(), 40_000);
    expect(await createRefused(house, await house.agent())).toEqual({
      code: "balance.too_low",
      facts: { hasCredits: 40_000, needsCredits: CEILING, addCredits: ONE_DAY + CEILING - 40_000 },
      retry: "same_key",
    });
  });

  it("must keep one day of burn: adding exactly what is said lets it pass, one credit less does not", async () => {
    const house = await alone(draftPolicy(), 300_000);
    const agent = await house.agent();
    const quote = await offered(house, agent);
    const line = (hasCredits: number, addCredits: number) => ({
      code: "balance.below_one_day",
      facts: { hasCredits, addCredits, oneDayCredits: ONE_DAY },
      retry: "same_key",
    });
    const addCredits = ONE_DAY + CEILING - 300_000;
    expect(await refusedFor(house, agent, quote)).toEqual(line(300_000, addCredits));
    expect(quote.payerNeedsCredits).toBe(300_000 + addCredits);
    grant(house, addCredits - 1);
    const again = await accept(house, agent, quote);
    expect(!again.ok && again.refusal).toEqual(line(300_000 + addCredits - 1, 1));
    grant(house, 1);
    expect(value(await accept(house, agent, quote)).kind).toBe("vm");
  });

  it("is asked the same for an extension, beside what is already held", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const wanted = ONE_DAY + HOLD + HOURLY;
    for (const core of stage.world.cores)
      core.removeCredits(house.session.owner, core.creditBalance(house.session.owner) - wanted + 1, stage.nowMs);
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toMatchObject({
      code: "balance.below_one_day",
      facts: { hasCredits: wanted - 1, addCredits: 1 },
    });
    grant(house, 1);
    expect(await extendRefused(house, agent, { vmId, seconds: HOUR_S })).toBeUndefined();
  });

  it("does not count credits that will have run out before the VM can end", async () => {
    const house = await alone(draftPolicy(), 300_000);
    const agent = await house.agent();
    grant(house, 500_000, stage.nowMs + 3 * HOUR_S * 1_000 - 1);
    expect(await createRefused(house, agent)).toMatchObject({ facts: { hasCredits: 300_000, addCredits: 89_025 } });
    grant(house, 89_025, stage.nowMs + 3 * HOUR_S * 1_000);
    expect(await createRefused(house, agent)).toBeUndefined();
  });

  it("keeps enough for the machines that are not ours, through the whole life of the new one", async () => {
    const house = await alone(draftPolicy(), 700_000);
    const agent = await house.agent();
    await ownMachine(house);
    // a day of both, and the other's own burn until ours has ended and the books have caught up (1.5 h)
    const needs = 2 * ONE_DAY + HOURLY * 4.5 + CEILING;
    const { owner } = house.session;
    const has = stage.world.core(0).creditBalance(owner);
    const refused = await createRefused(house, agent);
    expect(refused).toEqual({
      code: "balance.below_one_day",
      facts: { hasCredits: has, addCredits: needs - has, oneDayCredits: 2 * ONE_DAY },
      retry: "same_key",
    });
    grant(house, needs - has - 1);
    expect(await createRefused(house, agent)).toMatchObject({ facts: { addCredits: 1 } });
    grant(house, 1);
    expect(await createRefused(house, agent)).toBeUndefined();
  });
});

describe("accepting at once", () => {
  it("the same quote, five times, makes one VM and holds its money once", async () => {
    const house = await alone();
    const agent = await house.agent();
    const quote = await offered(house, agent);
    const answers = await Promise.all(Array.from({ length: 5 }, () => accept(house, agent, quote)));
    const ids = answers.map((answer) => {
      const view = value(answer);
      return view.kind === "vm" ? view.vm.vmId : view.kind;
    });
    expect(new Set(ids).size).toBe(1);
    await house.until(agent, ids[0] ?? "", ["HEALTHY"]);
    expect(instanceHashes()).toHaveLength(1);
    expect(house.machines()).toHaveLength(1);
    expect((await booksOf(house)).holds.map((hold) => hold.credits)).toEqual([HOLD]);
  });

  it("the same extension, five times, prolongs once", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const before = await house.vm(agent, vmId);
    const quote = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
    const answers = await Promise.all(Array.from({ length: 5 }, () => accept(house, agent, quote)));
    expect(answers.map(code)).toEqual(Array(5).fill("ok"));
    expect((await house.vm(agent, vmId)).expiresAtMs - before.expiresAtMs).toBe(HOUR_S * 1_000);
    expect((await booksOf(house)).holds.map((hold) => hold.credits)).toEqual([HOLD, HOURLY]);
  });

  it("two quotes that only one budget is left for makes one VM, though both saw the same balance", async () => {
    const house = await alone(draftPolicy(), ONE_DAY + CEILING + 300_000);
    const agents = [await house.agent(), await house.agent()] as const;
    const quotes = await Promise.all(agents.map((agent) => offered(house, agent)));
    expect(quotes.map((quote) => quote.wouldRefuse)).toEqual([undefined, undefined]);
    const answers = await Promise.all(agents.map((agent, at) => accept(house, agent, quotes[at] as QuoteView)));
    expect(answers.map(code).toSorted()).toEqual(["balance.below_one_day", "ok"]);
  });

  const UNITS = 3;
  const WIDE = {
    perVmCreditsMax: 1_000_000_000,
    burnCreditsPerHMax: 1_000_000_000,
    windows: [{ seconds: 86_400, creditsMax: UNITS * HOLD }],
    lifetimeCreditsMax: 1_000_000_000,
    vmsLiveMax: 100,
    createsPerMinMax: 100,
  };
  const FREE = { aboveCredits: 1_000_000_000, unapprovedPerDayCredits: 1_000_000_000 };

  it("200 quotes of ten agents with a day's limit worth three VMs makes exactly three, and names that limit 197 times", async () => {
    const house = await alone(draftPolicy({ limits: WIDE, approval: FREE, priceRisePctMax: 0 }));
    const account = house.setting.doors.account(house.name);
    const { spec, facts } = await createFacts(house);
    const wide = { creditsMax: 1_000_000_000, vmsLiveMax: 100, createsPerMinMax: 100 };
    const agents = await Promise.all(Array.from({ length: 10 }, () => house.agent(wide)));
    const asks = agents.flatMap((agent) => Array.from({ length: 20 }, () => agent));
    const quoted = await Promise.all(asks.map((agent) => account.quoteCreate(agent, spec, facts, stage.nowMs)));
    const quotes = quoted.map((quote, at) => ({ quote: value(quote), agent: asks[at] as Caller }));
    expect(new Set(quotes.map(({ quote }) => quote.costCreditsMax))).toEqual(new Set([HOLD]));

    const acceptAll = (): Promise<readonly Answer<Accepted>[]> => {
      const now = { ...facts, payer: { ...facts.payer, asOfMs: stage.nowMs } };
      return Promise.all(
        quotes.map(({ quote, agent }) =>
          account.accept(agent, quote.quoteId, { kind: "create", facts: now }, stage.nowMs),
        ),
      );
    };
    const answers = await acceptAll();
    const refusals = answers.flatMap((answer) => (answer.ok ? [] : [answer.refusal.code]));
    expect(refusals).toEqual(Array(200 - UNITS).fill("policy.window_86400s"));

    // longer than a claim: what was on its way when time moved is done by then
    await house.advance(61);
    expect(instanceHashes()).toHaveLength(UNITS);
    expect(house.machines()).toHaveLength(UNITS);
    const books = await booksOf(house);
    expect(books.holds.map((hold) => hold.credits)).toEqual(Array(UNITS).fill(HOLD));
    expect(books).toMatchObject({ balanced: true, audited: true });
    expect(await sides(house)).toEqual({ granted: 1_000_000_000, held: UNITS * HOLD, posted: 0, deficit: 0 });

    // once more: what was accepted says so, what was refused is judged anew and refused again
    expect((await acceptAll()).map(code)).toEqual(answers.map(code));
    expect((await booksOf(house)).holds).toHaveLength(UNITS);
  });
});

/** What the Worker gathers before it asks the object, once for all. */
async function createFacts(house: House): Promise<{ readonly spec: SpecAsk; readonly facts: CreateFacts }> {
  const { doors, gather } = house.setting;
  const addresses = await doors.account(house.name).addresses();
  const spec = value(await gather.spec(ASK));
  if (addresses === null) throw new Error("not born");
  const payer = await gather.payer(addresses.owner, addresses.agentAddress);
  const rateAttoPerS = await gather.rate(spec.shape);
  const node = value(await gather.place(spec, { cooling: [], place: null }));
  if (payer === undefined || rateAttoPerS === undefined) throw new Error("no facts");
  return { spec, facts: { payer, rateAttoPerS, node } };
}

const sides = (house: House): Promise<Record<string, number>> =>
  inAccount(house, (sql) => ({
    ...sql.exec<Record<string, number>>("SELECT granted, held, posted, deficit FROM balance").one(),
  }));
