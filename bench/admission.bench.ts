/** What it costs the real account object to admit a create, young and old: the quote, every limit, the hold, the VM's bytes. */
import { expect, it } from "vitest";
import { admissions, age, ENTRIES_PER_VM } from "../test/workerd/aged.ts";
import { alone } from "../test/workerd/evidence.ts";
import { draftPolicy, House, value } from "../test/workerd/house.ts";
import { inTurns, type Pair } from "./pairs.ts";

declare module "vitest" {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- merging is how vitest wants it
  interface TaskMeta {
    pair?: Pair;
  }
}

const [YOUNG, OLD] = [100, 100_000];
const DAY_MS = 86_400_000;
const ROUNDS = 60;
const AT_ONCE = 10;

const roomy = draftPolicy({
  limits: {
    windows: [3_600, 86_400, 2_592_000].map((seconds) => ({ seconds, creditsMax: 10_000_000 })),
    lifetimeCreditsMax: 900_000_000,
  },
  approval: { unapprovedPerDayCredits: 900_000_000 },
});

async function aged(house: House, entries: number, spanMs: number) {
  const agent = await house.agent({ windows: [{ seconds: 86_400, creditsMax: 10_000_000 }] });
  await age(house, agent.grantId, Math.ceil(entries / ENTRIES_PER_VM), spanMs);
  const bench = await admissions(house, agent);
  return async (): Promise<number> => {
    const { answer, ms } = await bench.sample(AT_ONCE);
    expect(value(answer).kind).toBe("vm");
    return ms;
  };
}

it.for([
  ["spread over two years", 730 * DAY_MS],
  ["packed into thirty days", 30 * DAY_MS],
] as const)("an admission, %s", async ([name, spanMs], { task }) => {
  const young = await aged(await alone(roomy), YOUNG, spanMs);
  const old = await aged(await House.join(roomy), OLD, spanMs);
  const { aMs, bMs } = await inTurns(ROUNDS, old, young);
  // the clock of the sandbox must have moved, or the ratio would be of nothing
  expect(Math.min(aMs, bMs)).toBeGreaterThan(0);
  const named = { name: `admission, entries ${name}`, a: "100,000 ledger rows", b: "100 ledger rows" };
  task.meta.pair = { ...named, aMs, bMs };
});
