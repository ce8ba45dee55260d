/** Openings at the edge of a limit: windows, sums, counts, and what the policy does not allow at all. */
import type { Opening } from "../openings.ts";
import { create, destroy, extend, holdOf, latest, MIN, rich, roomy, S } from "./scene.ts";

const LONG_S = 3_600;

/** The hour's window is full shortly before a clock hour ends; a few minutes later it still is. */
const windowFull: Opening = {
  name: "an hour's window is full across a clock hour",
  policy: (drawn, price) => {
    const { limits, ...rest } = roomy(drawn);
    return {
      ...rest,
      limits: { ...limits, windows: [{ seconds: 3_600, creditsMax: Math.floor(2.5 * holdOf(price, LONG_S)) }] },
    };
  },
  grant: rich,
  lengthMs: 63 * MIN,
  play: (stage) => {
    for (const atMs of [55 * MIN, 56 * MIN]) stage.at(atMs, () => create(stage, { ttlS: LONG_S }));
    for (const atMs of [58 * MIN, 61.5 * MIN]) stage.at(atMs, () => create(stage, { ttlS: LONG_S }));
  },
};

/** One agent has little money, one a narrow window; and the account's own lifetime is nearly over. */
const sums: Opening = {
  name: "budgets of agents and account run out",
  grants: 3,
  policy: (drawn, price) => {
    const { limits, ...rest } = roomy(drawn);
    return { ...rest, limits: { ...limits, lifetimeCreditsMax: Math.floor(3.5 * holdOf(price, LONG_S)) } };
  },
  grant: (drawn, index, price) => {
    const half = Math.floor(1.5 * holdOf(price, LONG_S));
    const own = rich(drawn, index, price);
    if (index === 0) return { ...own, creditsMax: half };
    return index === 1 ? { ...own, windows: [{ seconds: 3_600, creditsMax: half }] } : own;
  },
  lengthMs: 6 * MIN,
  play: (stage) => {
    for (const agent of [0, 1]) {
      stage.at(10 * S + agent * MIN, () => create(stage, { ttlS: LONG_S }, agent));
      stage.at(30 * S + agent * MIN, () => create(stage, { ttlS: LONG_S }, agent));
    }
    stage.at(3 * MIN, () => create(stage, { ttlS: LONG_S }, 2));
    stage.at(5 * MIN, () => create(stage, { ttlS: LONG_S }, 2));
  },
};

/** Two VMs run out while one core node is down for ever: their end takes ten minutes, and until then they count. */
const counted: Opening = {
  name: "what is ending still counts as live",
  bad: { core: 0, kind: "down_for_ever", lie: "absent" },
  policy: (drawn) => {
    const { limits, ...rest } = roomy(drawn);
    return { ...rest, limits: { ...limits, vmsLiveMax: 2 } };
  },
  grant: rich,
  lengthMs: 9 * MIN,
  play: (stage) => {
    for (const atMs of [10 * S, 15 * S, 20 * S, 8 * MIN]) stage.at(atMs, () => create(stage, { ttlS: 300 }));
  },
};

/**
 * The second create is too soon, the fourth burns too much. The VMs end while the third core node is down; what that one has
 * on disk it takes up when it is back.
 */
const pace: Opening = {
  name: "creates a minute, burn an hour, and a core node that wakes up late",
  bad: null,
  policy: (drawn, price) => {
    const { limits, ...rest } = roomy(drawn);
    return {
      ...rest,
      limits: { ...limits, createsPerMinMax: 1, burnCreditsPerHMax: Math.floor(2.5 * holdOf(price, 0)) },
    };
  },
  grant: rich,
  lengthMs: 20 * MIN,
  play: (stage) => {
    const { core, time } = stage.world;
    core.downUntilMs[2] = time.nowMs + 18 * MIN;
    for (const atMs of [10 * S, 20 * S, 2 * MIN, 3.5 * MIN]) stage.at(atMs, () => create(stage, { ttlS: 300 }));
    stage.at(19 * MIN, () => {
      for (const message of core.messages.values()) if (message.kind === "INSTANCE") core.post(2, message);
    });
  },
};

const midnight: Opening = {
  name: "a VM lives across the end of day and month",
  startMs: Date.UTC(2026, 2, 31, 23, 57),
  policy: (drawn) => {
    const { limits, ...rest } = roomy(drawn);
    return { ...rest, limits: { ...limits, vmsLiveMax: 1 } };
  },
  grant: rich,
  lengthMs: 6 * MIN,
  play: (stage) => {
    stage.at(MIN, () => create(stage, { ttlS: 1_200 }));
    stage.at(4 * MIN, () => create(stage, { ttlS: 1_200 }));
    stage.at(4.5 * MIN, () => create(stage, { ttlS: 300 }));
  },
};

/** Each agent asks for two things that are not allowed: a third refusal would open its breaker. */
const forbidden: Opening = {
  name: "what the policy does not allow",
  grants: 4,
  policy: (drawn) => {
    const { limits, shape, ...rest } = roomy(drawn);
    const nodesAllow = ["a", "b", "c", "d"].map((name) => name.repeat(64));
    return {
      ...rest,
      limits: { ...limits, extendSTotalMax: 600 },
      shape: { ...shape, vcpusMax: 4, images: ["debian12"] },
      place: { nodesAllow, nodesDeny: ["b".repeat(64)], termsAccepted: [], scorePctMin: 90 },
      delegationExpiresAtMs: Date.UTC(2026, 2, 1, 1, 20),
    };
  },
  grant: rich,
  lengthMs: 5 * MIN,
  play: (stage) => {
    stage.at(10 * S, () => create(stage, { ttlS: 300, image: "ubuntu24" }));
    stage.at(20 * S, () => create(stage, { ttlS: 300, vcpus: 6 }));
    stage.at(30 * S, () => create(stage, { ttlS: 300, node: 1 }, 1));
    stage.at(40 * S, () => create(stage, { ttlS: 300, node: 2 }, 1));
    stage.at(50 * S, () => create(stage, { ttlS: 300, node: 4 }, 2));
    stage.at(55 * S, () => create(stage, { ttlS: 300, node: 3 }, 3));
    stage.at(60 * S, () => create(stage, { ttlS: 1_200 }, 2));
    stage.at(70 * S, () => create(stage, { ttlS: 300 }));
    stage.at(180 * S, () => extend(stage, 720));
    stage.at(190 * S, () => extend(stage, 300));
    stage.at(200 * S, () => destroy(stage));
    stage.at(201 * S, () => latest(stage)?.state === "STOPPING" && extend(stage, 120));
  },
};

export const LIMITS: readonly Opening[] = [windowFull, sums, counted, pace, midnight, forbidden];
