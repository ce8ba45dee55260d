/**
 * The dev clock: the twin's time is everybody's, this machine's time plus an offset that only grows (design.md §10).
 *
 * Kept in module scope, so that all objects of the isolate agree. Reading it before it was loaded throws: a cold start
 * without the offset would silently miss teardowns.
 */
import type { Clock } from "../src/ports.ts";

export type TwinClock = { readonly now_ms: number; readonly offset_ms: number; readonly next_due_ms: number | null };
export type TwinDoor = Pick<Fetcher, "connect"> & { readonly fetch: (request: Request) => Promise<Response> };

let offsetMs: number | undefined;

/** A call to the twin's control API; its host name is never looked up. */
export async function twinClock(
  twin: TwinDoor,
  call: "clock" | "offset" | "advance-step",
  body?: object,
): Promise<TwinClock> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await twin.fetch(new Request(`https://twin.example/__twin/api/${call}`, init));
  // an offset out of an error's text would be no number, and time would stand still for ever
  if (!response.ok) throw new Error(`the twin refused ${call}: ${await response.text()}`);
  const clock = await response.json<TwinClock>();
  offsetMs = Math.max(offsetMs ?? 0, clock.offset_ms);
  return clock;
}

export async function loadOffset(twin: TwinDoor): Promise<void> {
  if (offsetMs === undefined) await twinClock(twin, "clock");
}

function offset(): number {
  if (offsetMs === undefined) throw new Error("the dev clock was read before its offset was loaded");
  return offsetMs;
}

/**
 * The offset at which this machine's time reads `toMs`, and never a smaller one than now: between two readings of this
 * machine's time a millisecond may pass, and a step to where time stands would be one back.
 */
export const offsetFor = (toMs: number): number => Math.max(offset(), toMs - Date.now());

export const devClock: Clock = {
  nowMs: () => Date.now() + offset(),
  alarmAtMs: (dueMs) => dueMs - offset(),
};
