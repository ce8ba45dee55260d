/**
 * Advances the shared clock without ever jumping: to the earliest due time of the second clock or of the network, then
 * everything that is due is done and waited for, then on. Pure but for what it is given.
 *
 * A plain jump of a day over a four-hour VM would bill twenty-four hours and report an overrun that never was.
 */
export type World = {
  readonly nowMs: () => number;
  /** Moves the clock of everybody, lets the network do what is due until then, and says what it waits for next. */
  readonly moveTo: (toMs: number) => Promise<number | null>;
  /** Wakes every account that is due, waits until each is idle, and says when the earliest one is due again. */
  readonly sweep: (nowMs: number) => Promise<number | null>;
};

/** Due times that do not move on although everything due was done: time has to. */
const STUCK_STEP_MS = 1_000;
const STEPS_MAX = 200_000;

export async function advanceTo(world: World, goalMs: number): Promise<{ readonly steps: number }> {
  let networkDueMs = await world.moveTo(world.nowMs());
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const accountsDueMs = await world.sweep(world.nowMs());
    if (world.nowMs() >= goalMs) return { steps };
    const dueMs = Math.min(accountsDueMs ?? goalMs, networkDueMs ?? goalMs);
    const nextMs = dueMs <= world.nowMs() ? world.nowMs() + STUCK_STEP_MS : dueMs;
    networkDueMs = await world.moveTo(Math.min(goalMs, nextMs));
  }
  throw new Error(`time did not reach its goal in ${STEPS_MAX} steps`);
}
