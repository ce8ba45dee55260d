import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Cause,
  causeOf,
  type Failed,
  FAILURES_MAX,
  isFailedCreate,
  isOpen,
  jitterMs,
  JITTER_MS,
  mayAsk,
  mayCreate,
  onAdmitted,
  onApproved,
  onDenied,
  onFailedCreate,
  onFailure,
  onHealthy,
  onWithdrawn,
  OPEN_MS,
  type Pace,
  PAUSE_MS,
  pauseMs,
  unpaced,
} from "../../src/account/breaker.ts";
import type { Code } from "../../src/errors.ts";
import { DAY, H, MIN, T0 } from "./vms.ts";

const FRESH = unpaced("gr_a");

/** One failure after the other, a second apart; the last verdict is kept. */
const failing = (pace: Pace, causes: readonly Cause[], fromMs = T0): Failed =>
  causes.reduce<Failed>((last, cause, index) => onFailure(last.pace, cause, fromMs + index * 1_000), {
    pace,
    opened: false,
    freezes: false,
  });
const OWN: readonly Cause[] = ["own", "own", "own"];
const OUTSIDE: readonly Cause[] = ["outside", "outside", "outside"];

describe("causeOf", () => {
  test.each<readonly [Code, Cause | null]>([
    ["node.unreachable", "outside"],
    ["node.no_capacity", "outside"],
    ["network.unreachable", "outside"],
    ["network.rejected", "outside"],
    ["outcome.unknown", "outside"],
    ["policy.shape", "own"],
    ["policy.window_86400s", "own"],
    ["policy.grant", "own"],
    ["input.key_reused_differently", "own"],
    ["input.unknown_id", "own"],
    ["policy.expired", null],
    ["balance.too_low", null],
    ["account.frozen", null],
    ["service.paused", null],
    ["busy.circuit_open", null],
    ["busy.leases", null],
    ["approval.required", null],
    ["approval.pending", null],
    ["approval.denied", null],
    ["quote.expired", null],
    ["auth.frozen", null],
  ])("%s counts as %s", (code, cause) => {
    expect(causeOf(code)).toBe(cause);
  });
});

describe("isFailedCreate", () => {
  test("is one that never ran, by a node's or the network's doing", () => {
    expect(isFailedCreate(null, "boot_failed")).toBe(true);
    expect(isFailedCreate(null, "rejected")).toBe(true);
    expect(isFailedCreate(T0, "unreachable")).toBe(false);
    for (const reason of ["destroyed", "stopped", "revoked", "ttl", "never_sent", "payer_line"] as const)
      expect(isFailedCreate(null, reason)).toBe(false);
    expect(isFailedCreate(null, null)).toBe(false);
  });
});

describe("onFailure", () => {
  test("three in a row open the breaker for fifteen to eighteen minutes, two do not", () => {
    expect(failing(FRESH, OWN.slice(1)).opened).toBe(false);
    const { pace, opened } = failing(FRESH, OUTSIDE);
    expect(opened).toBe(true);
    const openForMs = (pace.openUntilMs ?? 0) - (T0 + 2_000);
    expect(openForMs).toBeGreaterThanOrEqual(OPEN_MS);
    expect(openForMs).toBeLessThan(OPEN_MS + JITTER_MS);
    expect(mayCreate(pace, T0 + 2_000)?.code).toBe("busy.circuit_open");
    expect(mayCreate(pace, pace.openUntilMs ?? 0)).toBeNull();
  });

  test("knocking at an open breaker counts nowhere and never freezes", () => {
    const { pace } = failing(FRESH, OWN);
    for (let knock = 0; knock < 100; knock++) expect(onFailure(pace, "own", T0 + 3_000 + knock).pace).toBe(pace);
  });

  const openings = (causes: readonly (readonly Cause[])[], apartMs: number): readonly boolean[] => {
    let pace = FRESH;
    return causes.map((run, index) => {
      const failed = failing(pace, run, T0 + index * apartMs);
      pace = failed.pace;
      expect(failed.opened).toBe(true);
      return failed.freezes;
    });
  };

  test("the third opening of a day by the agent's own doing freezes it; spread over days it never does", () => {
    expect(openings([OWN, OWN, OWN], H)).toEqual([false, false, true]);
    expect(openings([OWN, OWN, OWN, OWN], DAY / 2 + H)).toEqual([false, false, false, false]);
  });

  test("what nodes and the network do opens it as often as you like and freezes nobody", () => {
    expect(
      openings(
        Array.from({ length: 10 }, () => OUTSIDE),
        H,
      ),
    ).not.toContain(true);
    const mixed: readonly Cause[] = ["own", "outside", "own"];
    expect(openings([OWN, mixed, mixed, mixed, OWN], H)).toEqual([false, false, false, false, false]);
  });

  test("no history of failures freezes without nine of the agent's own within a day and a run", () => {
    const step = fc.record({ cause: fc.constantFrom<Cause>("own", "outside"), afterMs: fc.nat(2 * H) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let pace = FRESH;
        let nowMs = T0;
        let own = 0;
        for (const { cause, afterMs } of steps) {
          nowMs += afterMs;
          own += cause === "own" ? 1 : 0;
          const failed = onFailure(pace, cause, nowMs);
          expect(failed.freezes && own < 3 * FAILURES_MAX).toBe(false);
          expect(failed.opened && !isOpen(failed.pace, nowMs)).toBe(false);
          expect(failed.pace.run.length).toBeLessThan(FAILURES_MAX);
          expect(failed.pace.ownOpeningsMs.length).toBeLessThanOrEqual(30);
          pace = failed.pace;
        }
      }),
    );
  });
});

describe("onAdmitted, onHealthy", () => {
  test("an admitted request forgives the agent's own failures, a VM that runs forgives all", () => {
    const { pace } = failing(FRESH, ["own", "outside"]);
    expect(onAdmitted(pace).run.map((one) => one.cause)).toEqual(["outside"]);
    expect(onHealthy(pace).run).toEqual([]);
    expect(onHealthy(FRESH)).toBe(FRESH);
    expect(onAdmitted(FRESH)).toBe(FRESH);
  });

  test("boots that fail one after the other open the breaker though each was admitted", () => {
    const twice = [0, 1].reduce((pace, at) => onAdmitted(onFailedCreate(pace, false, T0 + at * H).pace), FRESH);
    expect(onFailedCreate(twice, false, T0 + 2 * H)).toMatchObject({ opened: true, freezes: false });
  });
});

describe("mayCreate", () => {
  test("after a failed create it cools down for half a minute, then twice as long", () => {
    const once = onFailedCreate(FRESH, false, T0).pace;
    expect(mayCreate(once, T0)).toMatchObject({ code: "busy.cool_down", retryAfterS: 30, facts: { failedCreates: 1 } });
    expect(mayCreate(once, T0 + 29_999)?.retryAfterS).toBe(1);
    expect(mayCreate(once, T0 + 30_000)).toBeNull();
    const twice = onFailedCreate(once, false, T0 + H).pace;
    expect(mayCreate(twice, T0 + H)?.retryAfterS).toBe(60);
    expect(mayCreate(onHealthy(twice), T0 + H)).toBeNull();
  });

  test("a VM whose unknown outcome was counted is not counted again when it is refused", () => {
    const unknown = onFailure(FRESH, "outside", T0).pace;
    const refused = onFailedCreate(unknown, true, T0 + MIN).pace;
    expect(refused.run).toHaveLength(1);
    expect(mayCreate(refused, T0 + MIN)?.code).toBe("busy.cool_down");
  });
});

describe("mayAsk", () => {
  const denied = (times: number): Pace => {
    let pace = FRESH;
    for (let time = 0; time < times; time++) pace = onDenied(pace, T0).pace;
    return pace;
  };

  test("after a no it waits ten minutes, doubling up to a day", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 20].map((times) => pauseMs(times) / MIN)).toEqual([
      10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440,
    ]);
    expect(mayAsk(FRESH, T0)).toBeNull();
    expect(mayAsk(denied(1), T0)).toMatchObject({ code: "busy.cool_down", retryAfterS: 600, facts: { denials: 1 } });
    expect(mayAsk(denied(1), T0 + PAUSE_MS)).toBeNull();
    expect(mayAsk(denied(3), T0 + 40 * MIN - 1)?.retryAfterS).toBe(1);
  });

  test("after a request was taken back it waits a minute, however often that was, and a longer pause stands", () => {
    const fickle = [0, 1, 2].reduce((pace) => onWithdrawn(pace, T0), FRESH);
    expect(mayAsk(fickle, T0)).toMatchObject({ code: "busy.cool_down", retryAfterS: 60, facts: { denials: 0 } });
    expect([mayAsk(fickle, T0 + MIN), mayCreate(fickle, T0), fickle.run]).toEqual([null, null, []]);
    expect(mayAsk(onWithdrawn(denied(1), T0 + MIN), T0 + MIN)?.retryAfterS).toBe(540);
    expect(mayAsk(onWithdrawn(denied(1), T0 + PAUSE_MS), T0 + PAUSE_MS)?.retryAfterS).toBe(60);
  });

  test("a yes, or a day of peace after the pause, starts it from the beginning", () => {
    expect(mayAsk(onApproved(denied(5)), T0)).toBeNull();
    expect(onDenied(denied(2), T0 + 20 * MIN + DAY - 1).pace.denials).toBe(3);
    expect(onDenied(denied(2), T0 + 20 * MIN + DAY).pace.denials).toBe(1);
  });

  test("three denials in a row are three failures of the agent's own", () => {
    const last = [0, 1, 2].reduce<Failed>((before, at) => onDenied(before.pace, T0 + at * H), {
      pace: FRESH,
      opened: false,
      freezes: false,
    });
    expect(last.opened).toBe(true);
    expect(last.pace.ownOpeningsMs).toHaveLength(1);
  });
});

describe("jitterMs", () => {
  test("comes from the ids and the moment alone, and lies within three minutes", () => {
    expect(jitterMs("gr_a", T0)).toBe(jitterMs("gr_a", T0));
    const seen = new Set<number>();
    for (let at = 0; at < 200; at++) {
      const jitter = jitterMs("gr_a", T0 + at);
      expect(jitter).toBeGreaterThanOrEqual(0);
      expect(jitter).toBeLessThan(JITTER_MS);
      seen.add(jitter);
    }
    expect(seen.size).toBeGreaterThan(190);
    expect(jitterMs("gr_a", T0)).not.toBe(jitterMs("gr_b", T0));
  });
});
