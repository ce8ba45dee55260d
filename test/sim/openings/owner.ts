/** Openings about what the owner is asked and says, and about how fast an agent may go on after failures. */
import type { PolicyDraft } from "../../../src/account/types.ts";
import { NO_FAULTS } from "../faults.ts";
import type { Opening } from "../openings.ts";
import { create, destroy, HOUR, MIN, rich, roomy, S } from "./scene.ts";

/** Nothing without the owner. */
const asking = (drawn: PolicyDraft): PolicyDraft => {
  const { approval, ...rest } = roomy(drawn);
  return { ...rest, approval: { ...approval, aboveCredits: 0 } };
};

const answered: Opening = {
  name: "approvals are asked, given and used once",
  policy: asking,
  grant: rich,
  lengthMs: 8 * MIN,
  play: (stage) => {
    const { agents, owners, account, world } = stage;
    stage.at(10 * S, () => create(stage, { ttlS: 300 }));
    stage.at(20 * S, () => owners.decideOne(account, "approve"));
    stage.at(30 * S, () => agents.again());
    // the same again: it has been used; another one meanwhile has to wait
    stage.at(100 * S, () => create(stage, { ttlS: 300 }));
    stage.at(110 * S, () => create(stage, { ttlS: 600, key: "SHA256:def" }));
    stage.at(120 * S, () => owners.decideOne(account, "approve"));
    // given for the first, asked for by something else
    stage.at(200 * S, () => create(stage, { ttlS: 600, key: "SHA256:def" }));
    stage.at(210 * S, () => owners.decideOne(account, "approve"));
    stage.at(220 * S, () => agents.again());
    // given at a price that has doubled since
    stage.at(300 * S, () => create(stage, { ttlS: 900 }));
    stage.at(310 * S, () => owners.decideOne(account, "approve"));
    stage.at(320 * S, () => {
      world.core.price *= 2;
      agents.again();
    });
  },
};

const refused: Opening = {
  name: "denied, too late, and under another policy",
  policy: asking,
  grant: rich,
  grants: 2,
  lengthMs: 14 * HOUR,
  play: (stage) => {
    const { agents, owners, account } = stage;
    stage.at(10 * S, () => create(stage, { ttlS: 300 }));
    stage.at(20 * S, () => owners.decideOne(account, "deny"));
    stage.at(30 * S, () => agents.again());
    stage.at(MIN, () => create(stage, { ttlS: 600 }));
    stage.at(11 * MIN, () => create(stage, { ttlS: 900 }));
    stage.at(12 * MIN, () => owners.decideOne(account, "deny"));
    stage.at(24 * MIN, () => create(stage, { ttlS: 600 }));
    // the other agent: a yes before a narrower policy, then one that has run out
    stage.at(40 * MIN, () => create(stage, { ttlS: 300 }, 1));
    stage.at(41 * MIN, () => owners.decideOne(account, "approve"));
    stage.at(42 * MIN, () => owners.change(account, narrower, "click"));
    stage.at(43 * MIN, () => agents.again());
    stage.at(50 * MIN, () => create(stage, { ttlS: 600 }, 1));
    stage.at(51 * MIN, () => owners.decideOne(account, "approve"));
    stage.at(13.9 * HOUR, () => agents.again());
  },
};

const narrower = (now: PolicyDraft): PolicyDraft => ({
  ...now,
  limits: { ...now.limits, ttlSMax: now.limits.ttlSMax - 600 },
});

/**
 * Three times in an hour one agent asks for three VMs that live too long; another one goes about its work: the node of its
 * VM is away when it should start it, the next one does, and a third runs it as well.
 */
const breaker: Opening = {
  name: "an agent opens its breaker three times",
  bad: null,
  grants: 2,
  policy: roomy,
  grant: rich,
  lengthMs: 62 * MIN,
  play: (stage) => {
    for (const fromMs of [10 * S, 20 * MIN, 40 * MIN]) {
      for (const after of [0, 1, 2]) stage.at(fromMs + after * S, () => create(stage, { ttlS: 9_000 }));
      stage.at(fromMs + 10 * S, () => create(stage, { ttlS: 300 }));
    }
    stage.nodes.down(stage.nodes.at("https://a.example"), stage.world.time.nowMs + 6 * MIN);
    stage.at(30 * S, () => create(stage, { ttlS: 3_000, node: 0 }, 1));
    stage.at(25 * MIN, () => stage.mischief.runElsewhere(true));
    stage.at(60 * MIN, () => create(stage, { ttlS: 300 }));
  },
};

/** Nodes refuse, then nobody says anything of the payer: nothing of it is the agent's own doing. */
const unlucky: Opening = {
  name: "an agent without luck",
  policy: roomy,
  grant: rich,
  bad: null,
  lengthMs: 68 * MIN,
  play: (stage) => {
    const { world, account } = stage;
    world.core.faults = { ...NO_FAULTS, nodeRefuses: 1 };
    stage.at(10 * S, () => create(stage, { ttlS: 600 }));
    // a node that refuses three times has failed after half a minute; soon after is too soon
    for (const atMs of [35 * S, 45 * S, 55 * S]) stage.at(atMs, () => create(stage, { ttlS: 600 }));
    stage.at(3 * MIN, () => {
      world.core.faults = NO_FAULTS;
      account.payer.silentUntilMs = world.time.nowMs + 64 * MIN;
    });
    for (const fromMs of [4 * MIN, 24 * MIN, 44 * MIN, 64 * MIN])
      for (const after of [0, 1, 2]) stage.at(fromMs + after * S, () => create(stage, { ttlS: 600 }));
  },
};

/** Money is held, then the owner narrows, stops what is new, tries to widen by a click, and lets go again. */
const narrowed: Opening = {
  name: "narrowed, frozen and let go",
  policy: roomy,
  grant: rich,
  bad: null,
  lengthMs: 9 * MIN,
  play: (stage) => {
    const { owners, account } = stage;
    stage.at(10 * S, () => create(stage, { ttlS: 1_200 }));
    stage.at(15 * S, () => create(stage, { ttlS: 1_200 }));
    stage.at(2 * MIN, () => owners.change(account, lifetime(2_000), "click"));
    stage.at(2.2 * MIN, () => owners.change(account, lifetime(3_000_000), "click"));
    stage.at(3 * MIN, () => owners.freeze(account));
    stage.at(4 * MIN, () => destroy(stage));
    stage.at(7 * MIN, () => owners.change(account, lifetime(3_000_000), "sign"));
    stage.at(7.5 * MIN, () => create(stage, { ttlS: 300 }));
    stage.at(8 * MIN, () => owners.unfreeze(account));
    stage.at(8.5 * MIN, () => create(stage, { ttlS: 300 }));
  },
};

const lifetime =
  (lifetimeCreditsMax: number) =>
  (now: PolicyDraft): PolicyDraft => ({ ...now, limits: { ...now.limits, lifetimeCreditsMax } });

export const OWNER: readonly Opening[] = [answered, refused, breaker, unlucky, narrowed];
