import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { AcceptView } from "../../src/account/contract.ts";
import { agentFront } from "../../src/account/front-agent.ts";
import type { Burnt } from "../../src/account/quote-store.ts";
import { figuresOf } from "../../src/directory/figures.ts";
import { type Answer, answer } from "../../src/errors.ts";
import { afterALook, atOnce, held, type Judge, settingOf } from "./account.ts";
import { EXTEND_S, FACTS, PAYER, type Stock, stocked, WINDOW } from "./stock.ts";

// the front names the objects' classes; none of them is built here
vi.mock("cloudflare:workers", () => ({ DurableObject: class {} }));

const SCHEDULES = 10_000;
const FINAL = new Set(["quote.expired", "quote.price_moved", "approval.denied", "approval.stale"]);

const stock: Stock = stocked();
const before = stock.account.data.memory.snapshot();
const { account, agents, vmId } = stock;
const [first, second] = agents;

/** What may be asked at once, by the tool; each names whose call it is and what it asks. */
const CALLS = {
  "create, first quote": ["accept", first, stock.creates[0], "create"],
  "create, second quote": ["accept", first, stock.creates[1], "create"],
  "create, another agent": ["accept", second, stock.creates[2], "create"],
  "create, waiting for the owner": ["accept", first, stock.waiting.quoteId, "create"],
  "extend, first quote": ["accept", first, stock.extends[0], "extend"],
  "extend, second quote": ["accept", first, stock.extends[1], "extend"],
  "top up": ["accept", first, stock.topUp, "top_up"],
  destroy: ["destroy", first],
  "emergency stop": ["stop", first],
  approve: ["approve"],
  withdraw: ["withdraw", first],
} as const;
type Name = keyof typeof CALLS;
const NAMES = Object.keys(CALLS) as Name[];
const calls = fc.array(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 8 });

type Heard = { readonly name: Name; readonly answered: Answer<unknown> };

function frontOver(scheduler: fc.Scheduler, judge: Judge) {
  const methods = held(scheduler, account.methods(judge));
  const gather = held(scheduler, {
    payer: () => PAYER,
    rate: () => FACTS.rateAttoPerS,
    place: () => answer(FACTS.node),
  });
  const league = () => Promise.resolve({ asOfMs: 0, whole: figuresOf([]), nodes: [] });
  const directory = { cooling: () => [], lease: () => true, release: () => undefined, league };
  return { methods, front: agentFront(settingOf(methods, gather, directory)) };
}

async function race(scheduler: fc.Scheduler, names: readonly Name[], judge: Judge): Promise<readonly Heard[]> {
  account.data.memory.restore(before);
  const { front, methods } = frontOver(scheduler, judge);
  const ask = (name: Name): Promise<Answer<unknown>> => {
    const [what, caller, quoteId, kind] = CALLS[name];
    if (what === "accept") return front.accept(caller, { quoteId, kind, waitS: 0 });
    if (what === "destroy") return front.destroyVm(caller, { vmId, dryRun: false, waitS: 0 });
    if (what === "stop") return front.emergencyStop(caller);
    const { approvalId, nonce } = stock.waiting;
    if (what === "withdraw") return front.getApproval(caller, { approvalId, withdraw: true, waitS: 0 });
    return Promise.resolve(methods.decideApproval({ approvalId, nonce, verdict: "approve" }));
  };
  const asked = names.map(async (name) => ({ name, answered: await ask(name) }));
  await scheduler.waitIdle();
  return Promise.all(asked);
}

const quoteOf = (name: Name): string | undefined => CALLS[name][2];
function holdsTo(heard: readonly Heard[]): void {
  const vms = [...account.data.vms.values()].map((row) => row.vm);
  const quotes = vms.map((vm) => vm.quoteId);
  expect(new Set(quotes).size).toBe(quotes.length);
  const held = [...account.data.holds.values()].filter((hold) => hold.state !== "voided");
  expect(held.reduce((sum, hold) => sum + hold.credits, 0)).toBeLessThanOrEqual(WINDOW);
  const balance = account.data.store.balanceOf();
  expect(balance.granted + balance.deficit).toBe(balance.available + balance.held + balance.posted);
  extendedOnce(heard);
  stoppedForGood(heard);
  approvedOnce();
}

/** The live VM lives longer by what was admitted, once for each quote. */
function extendedOnce(heard: readonly Heard[]): void {
  const admitted = new Set(
    heard.filter(({ name, answered }) => name.startsWith("extend") && answered.ok).map(({ name }) => name),
  );
  const was = stock.account.data.vm(vmId);
  const holds = was?.holds.filter((hold) => hold.kind === "extend") ?? [];
  expect(holds).toHaveLength(admitted.size);
  expect((was?.expiresAtMs ?? 0) - (was?.admittedAtMs ?? 0)).toBe((600 + admitted.size * EXTEND_S) * 1_000);
}

function stoppedForGood(heard: readonly Heard[]): void {
  const asked = new Set(heard.filter(({ answered }) => answered.ok).map(({ name }) => name));
  const own = [...account.data.vms.values()].map((row) => row.vm).filter((vm) => vm.grantId === first.grantId);
  const going = own.filter((vm) => !["STOPPING", "FAILED", "TERMINATED"].includes(vm.state)).map((vm) => vm.vmId);
  expect(going.filter((id) => asked.has("emergency stop") || (asked.has("destroy") && id === vmId))).toEqual([]);
}

/** Used with the VM that it let through, and only then; given back where that was voided unsent. */
function approvedOnce(): void {
  const approval = account.data.approvals.get(stock.waiting.approvalId);
  const made = [...account.data.vms.values()].some((row) => row.vm.quoteId === stock.waiting.quoteId);
  expect(approval?.state === "used" || approval?.returned === true).toBe(made);
}

/** Whatever an id has answered finally it has kept, and everybody heard the same. */
function sameAnswers(heard: readonly Heard[]): void {
  for (const name of NAMES.filter((one) => quoteOf(one) !== undefined)) {
    const { burnt } = account.data.quotes.get(quoteOf(name) ?? "") ?? { burnt: null };
    const final = heard.filter((one) => one.name === name).flatMap(({ answered }) => finalOf(answered) ?? []);
    expect(new Set([...final, ...(final.length === 0 ? [] : [saidBy(burnt)])]).size).toBeLessThanOrEqual(1);
  }
}

function finalOf(answered: Answer<unknown>): string | undefined {
  if (!answered.ok) return FINAL.has(answered.refusal.code) ? answered.refusal.code : undefined;
  const view = answered.value as AcceptView;
  return view.kind === "vm" ? view.vm.vmId : view.kind === "top_up" ? `${view.creditsAsked}` : undefined;
}

function saidBy(burnt: Burnt | null): string {
  if (burnt === null) return "nothing";
  if (burnt.kind === "vm") return burnt.vmId;
  return burnt.kind === "top_up" ? `${burnt.creditsAsked}` : burnt.refusal.code;
}

describe("calls at once, with every request and every reply held up as it comes", () => {
  const PATIENCE_MS = 120_000;

  it(
    `never pass a limit, make one VM for each quote and answer the same again, in ${SCHEDULES} schedules`,
    async () => {
      const met = new Map<string, number>();
      const began = performance.now();
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), calls, async (scheduler, names) => {
          const heard = await race(scheduler, names, atOnce);
          holdsTo(heard);
          sameAnswers(heard);
          for (const { name, answered } of heard) {
            const sight = `${name}: ${answered.ok ? "ok" : answered.refusal.code}`;
            met.set(sight, (met.get(sight) ?? 0) + 1);
          }
        }),
        { numRuns: SCHEDULES, seed: 1 },
      );
      const lines = [...met].map(([sight, times]) => `${String(times).padStart(7)}  ${sight}`).toSorted();
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      console.log([`${SCHEDULES} schedules in ${seconds} s`, ...lines].join("\n"));
      for (const name of NAMES) expect(met.get(`${name}: ok`) ?? 0).toBeGreaterThan(500);
    },
    PATIENCE_MS,
  );

  it("would show within twenty schedules that a limit was looked at before something was waited for", async () => {
    const found = await fc.check(
      fc.asyncProperty(fc.scheduler(), calls, async (scheduler, names) => {
        const heard = await race(scheduler, names, afterALook(scheduler));
        holdsTo(heard);
      }),
      { numRuns: 200, seed: 1 },
    );
    expect(found.failed).toBe(true);
    expect(found.numRuns).toBeLessThanOrEqual(20);
    expect(String(found.errorInstance)).toContain("AssertionError");
  });
});
