/** Planted bugs of breaker, cool-down and pause. */
import { plant } from "./plant.ts";

const HIS_PACE = "const pace = moment.store.loadPace(grant.grantId);\n  const wait";

export const PACE = [
  plant(
    "an open breaker lets creates through",
    "breaker.ts",
    "if (open !== null || failedAtMs === null) return open;",
    "if (failedAtMs === null) return null;",
  ),
  plant(
    "the breaker opens after five failures",
    "breaker.ts",
    "export const FAILURES_MAX = 3;",
    "export const FAILURES_MAX = 5;",
  ),
  plant(
    "the breaker closes after a minute",
    "breaker.ts",
    "export const OPEN_MS = 15 * MINUTE_MS;",
    "export const OPEN_MS = 1 * MINUTE_MS;",
  ),
  plant(
    "one agent's breaker stops all",
    "permit.ts",
    HIS_PACE,
    "const paces = moment.store.loadGrants().map((one) => moment.store.loadPace(one.grantId));\n  const pace = paces.find((one) => (one.openUntilMs ?? 0) > moment.nowMs) ?? moment.store.loadPace(grant.grantId);\n  const wait",
  ),
  plant(
    "what a node did freezes the agent",
    "breaker.ts",
    'const own = run.every((one) => one.cause === "own");',
    "const own = run.length > 0;",
  ),
  plant(
    "three openings in a day freeze nobody",
    "breaker.ts",
    "freezes: own && ownOpeningsMs.length >= OWN_OPENINGS_MAX",
    "freezes: false",
  ),
  plant(
    "no cool-down after a failed create",
    "breaker.ts",
    'return until("busy.cool_down", failedAtMs + coolMs, nowMs, { failedCreates });',
    "return coolMs < 0 ? open : null;",
  ),
  plant(
    "no pause after a denial",
    "breaker.ts",
    "const deniedMs = deniedAtMs === null ? 0 :",
    "const deniedMs = deniedAtMs === null || denials > 0 ? 0 :",
  ),
  plant("the pause does not grow", "breaker.ts", "backoff(denials, PAUSE_MS, DAY_MS)", "backoff(1, PAUSE_MS, DAY_MS)"),
];
