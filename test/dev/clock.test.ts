import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { devClock, loadOffset, offsetFor, twinClock, type TwinDoor } from "../../dev/clock.ts";

const HOUR_MS = 3_600_000;

/** A twin that knows one number, and refuses one below zero as the real one does. */
function twinAt(startMs: number): TwinDoor {
  let offsetMs = startMs;
  return {
    connect: () => {
      throw new Error("nobody dials here");
    },
    async fetch(request) {
      const asked = request.method === "POST" ? ((await request.json()) as { offset_ms: number }).offset_ms : offsetMs;
      if (asked < 0) return Response.json({ error: "offset_ms: too small" }, { status: 400 });
      offsetMs = Math.max(offsetMs, asked);
      return Response.json({ now_ms: Date.now() + offsetMs, offset_ms: offsetMs, next_due_ms: null });
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a step to where time stands is no step back, although a millisecond passed meanwhile", async () => {
  const twin = twinAt(0);
  await loadOffset(twin);
  const standsMs = devClock.nowMs();
  vi.advanceTimersByTime(1);
  await twinClock(twin, "offset", { offset_ms: offsetFor(standsMs) });
  expect(devClock.nowMs()).toBe(1_000_001);
});

test("what the twin refuses is an error that names the call, and time goes on as before", async () => {
  const twin = twinAt(0);
  await loadOffset(twin);
  await expect(twinClock(twin, "offset", { offset_ms: -1 })).rejects.toThrow(
    'the twin refused offset: {"error":"offset_ms: too small"}',
  );
  await twinClock(twin, "offset", { offset_ms: offsetFor(devClock.nowMs() + HOUR_MS) });
  expect(devClock.nowMs()).toBe(1_000_000 + HOUR_MS);
});
