import { describe, expect, it } from "vitest";
import { advanceTo, type World } from "../../dev/advance.ts";

/** A world whose network and accounts have things to do at given times, and a diary of when they did them. */
function worldOf(ask: { readonly network?: readonly number[]; readonly accounts?: readonly number[] }) {
  const diary: string[] = [];
  const time = { nowMs: 0 };
  const left = { network: [...(ask.network ?? [])], accounts: [...(ask.accounts ?? [])] };
  const happen = (who: "network" | "accounts", nowMs: number): number | null => {
    for (const dueMs of left[who].filter((ms) => ms <= nowMs)) diary.push(`${who} due ${dueMs} at ${nowMs}`);
    left[who] = left[who].filter((ms) => ms > nowMs);
    return left[who].length === 0 ? null : Math.min(...left[who]);
  };
  const world: World = {
    nowMs: () => time.nowMs,
    moveTo: async (toMs) => {
      time.nowMs = toMs;
      return happen("network", toMs);
    },
    sweep: async (nowMs) => happen("accounts", nowMs),
  };
  return { world, diary, time, left };
}

describe("advanceTo", () => {
  it("does everything at the time at which it is due, whoever is earlier, and ends at its goal", async () => {
    const { world, diary, time } = worldOf({ network: [1_000, 5_000], accounts: [3_000, 5_000, 9_000] });
    await advanceTo(world, 8_000);
    expect(diary).toEqual([
      "network due 1000 at 1000",
      "accounts due 3000 at 3000",
      "network due 5000 at 5000",
      "accounts due 5000 at 5000",
    ]);
    expect(time.nowMs).toBe(8_000);
  });

  it("does what is due at the goal itself before it ends", async () => {
    const { world, diary } = worldOf({ network: [2_000], accounts: [2_000] });
    await advanceTo(world, 2_000);
    expect(diary).toEqual(["network due 2000 at 2000", "accounts due 2000 at 2000"]);
  });

  it("does what becomes due on the way because of something else", async () => {
    const { world, diary, left } = worldOf({ network: [1_000] });
    const moveTo = async (toMs: number): Promise<number | null> => {
      const next = await world.moveTo(toMs);
      if (toMs === 1_000) left.accounts.push(2_000);
      return next;
    };
    await advanceTo({ ...world, moveTo }, 60_000);
    expect(diary).toEqual(["network due 1000 at 1000", "accounts due 2000 at 2000"]);
  });

  it("moves on by the second while an account stays due, instead of standing still", async () => {
    const { world, time } = worldOf({});
    const { steps } = await advanceTo({ ...world, sweep: async () => 0 }, 10_000);
    expect([steps, time.nowMs]).toEqual([10, 10_000]);
  });
});
