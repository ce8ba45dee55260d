/** Openings about the life of one attempt: lying and silent core nodes, refusals that come back, FORGETs that are used up. */
import { NO_FAULTS } from "../faults.ts";
import type { Core } from "../network.ts";
import type { Opening, Stage } from "../openings.ts";
import { create, destroy, extend, MIN, rich, roomy, S } from "./scene.ts";

const ROOM = { policy: roomy, grant: rich } as const;

function poor({ world }: Stage, cores: readonly Core[], is: boolean): void {
  for (const core of cores) world.core.poor[core] = is;
}

/**
 * What two VMs of an hour need is a day of both and their holds, 187.2 prices; without the newer one 98. In between, and
 * above the day alone, only the newer one has to stop (design.md §5).
 */
const BELOW_THE_LINE = 180;

function squeeze({ account, world }: Stage): void {
  const { purse } = account.payer;
  const { nowMs } = world.time;
  purse.spend(1 - (BELOW_THE_LINE * world.core.price) / purse.balanceAt(nowMs), nowMs);
}

/** Then the payer has too little for two VMs and enough for one. */
const saysForgotten: Opening = {
  ...ROOM,
  policy: (drawn) => ({ ...roomy(drawn), on: { ...drawn.on, payerLine: "stop_ours" } }),
  name: "one core node calls a running VM forgotten",
  bad: { core: 2, kind: "liar", lie: "forgotten" },
  lengthMs: 18 * MIN,
  play: (stage) => {
    const { purse } = stage.account.payer;
    stage.at(10 * S, () => create(stage, { ttlS: 1_200 }));
    stage.at(4 * MIN, () => extend(stage, 300));
    stage.at(6 * MIN, () => destroy(stage));
    for (const atMs of [7 * MIN, 7.5 * MIN]) stage.at(atMs, () => create(stage, { ttlS: 3_600 }));
    stage.at(9 * MIN, () => squeeze(stage));
    stage.at(17 * MIN, () => purse.grant(5_000_000_000, null, stage.world.time.nowMs));
  },
};

const saysRejected: Opening = {
  ...ROOM,
  name: "one core node calls a create rejected",
  bad: { core: 1, kind: "liar", lie: "rejected" },
  lengthMs: 5 * MIN,
  play: (stage) => {
    // its word comes before any other: the honest ones are slow to hear of it
    stage.world.core.faults = { ...NO_FAULTS, gossipLost: 1 };
    stage.at(10 * S, () => create(stage, { ttlS: 600 }));
    stage.at(2 * MIN, () => create(stage, { ttlS: 300 }));
  },
};

/** Refused by the honest two, shown alive by the third for ever. */
const showsAlive: Opening = {
  ...ROOM,
  name: "one core node shows a refused create alive",
  bad: { core: 2, kind: "liar", lie: "dormant_alive" },
  lengthMs: 20 * MIN,
  play: (stage) => {
    poor(stage, [0, 1], true);
    stage.at(10 * S, () => create(stage, { ttlS: 3_600 }));
    stage.at(MIN, () => destroy(stage));
    stage.at(15 * MIN, () => poor(stage, [0, 1], false));
  },
};

/** While the delegation is gone and nobody says so, every FORGET that is tried is refused, on all three. */
const spent: Opening = {
  ...ROOM,
  name: "all FORGETs signed at birth are used up",
  bad: null,
  lengthMs: 45 * MIN,
  play: (stage) => {
    const { payer } = stage.account;
    stage.at(10 * S, () => create(stage, { ttlS: 3_600 }));
    stage.at(2 * MIN, () => {
      payer.silentUntilMs = stage.world.time.nowMs + 43 * MIN;
      payer.delegated = false;
      destroy(stage);
    });
    stage.at(40 * MIN, () => {
      payer.delegated = true;
    });
  },
};

/**
 * Two refused creates. One comes back while no FORGET helps, is seen so twice and freezes the account; one only when all is
 * well again.
 */
const comesBack: Opening = {
  ...ROOM,
  name: "refused creates come back",
  bad: null,
  lengthMs: 20 * MIN,
  play: (stage) => {
    const { payer } = stage.account;
    poor(stage, [0, 1, 2], true);
    stage.at(10 * S, () => create(stage, { ttlS: 600 }));
    stage.at(3 * MIN, () => create(stage, { ttlS: 600 }));
    stage.at(6 * MIN, () => poor(stage, [0, 1, 2], false));
    stage.at(6.5 * MIN, () => stage.mischief.revive(true));
    stage.at(6.7 * MIN, () => {
      payer.delegated = false;
      payer.silentUntilMs = stage.world.time.nowMs + 12 * MIN;
    });
    stage.at(18 * MIN, () => {
      payer.delegated = true;
    });
    stage.at(19.5 * MIN, () => create(stage, { ttlS: 600 }));
    stage.atHeal(() => stage.mischief.revive());
  },
};

/** Three creates of which nothing is heard: one never left, one met silence, one was swallowed. */
const silence: Opening = {
  ...ROOM,
  name: "nothing is heard of a create",
  bad: null,
  lengthMs: 14 * MIN,
  play: (stage) => {
    const { core } = stage.world;
    const fault = (kind: "watchSilent" | "requestLost" | "createSwallowed" | null) => (): void => {
      core.faults = kind === null ? NO_FAULTS : { ...NO_FAULTS, [kind]: 1 };
    };
    stage.at(5 * S, fault("watchSilent"));
    stage.at(10 * S, () => create(stage, { ttlS: 900 }));
    stage.at(3 * MIN, fault("requestLost"));
    stage.at(3.1 * MIN, () => create(stage, { ttlS: 900 }));
    stage.at(6 * MIN, fault("createSwallowed"));
    stage.at(7 * MIN, () => create(stage, { ttlS: 300 }));
    stage.at(9.5 * MIN, fault(null));
  },
};

/**
 * The storage goes back to before the create was signed, when it has long been sent, and cannot be signed anew; of another
 * one it knows nothing at all. Its owner would end the freeze at once.
 */
const restored: Opening = {
  ...ROOM,
  name: "the storage is restored to before the send",
  bad: null,
  lengthMs: 8 * MIN,
  play: (stage) => {
    stage.at(10 * S, () => {
      create(stage, { ttlS: 600 });
      stage.account.remember(true);
    });
    stage.at(20 * S, () => create(stage, { ttlS: 1_200 }));
    for (const atMs of [72 * S, 80 * S, 100 * S]) stage.at(atMs, () => stage.owners.unfreeze(stage.account));
    stage.at(70 * S, () => {
      stage.account.keyGone = true;
      stage.account.restore();
    });
    stage.at(6 * MIN, () => {
      stage.account.keyGone = false;
    });
    stage.at(3 * MIN, () => create(stage, { ttlS: 300 }));
    stage.at(7 * MIN, () => create(stage, { ttlS: 300 }));
  },
};

/** Alive on one, refused by one, never heard of by the third. */
const mixed: Opening = {
  ...ROOM,
  name: "each core node knows another story",
  bad: null,
  lengthMs: 18 * MIN,
  play: (stage) => {
    stage.world.core.faults = { ...NO_FAULTS, gossipLost: 1 };
    poor(stage, [1], true);
    stage.at(10 * S, () => create(stage, { ttlS: 600 }));
    stage.at(2 * MIN, () => destroy(stage));
    stage.at(14 * MIN, () => poor(stage, [1], false));
    stage.atHeal(() => stage.mischief.revive());
  },
};

export const ATTEMPTS: readonly Opening[] = [
  saysForgotten,
  saysRejected,
  showsAlive,
  spent,
  comesBack,
  silence,
  restored,
  mixed,
];
