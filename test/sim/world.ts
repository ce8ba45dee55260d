/** What the parts of one history share, and one life of an account in it. Types only. */
import type { Drive } from "../../src/account/drive.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import type { SimAccount } from "./account.ts";
import type { Caller, Wire } from "./calls.ts";
import type { Dice } from "./dice.ts";
import type { Core, CoreNetwork } from "./network.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Timeline } from "./timeline.ts";
import type { WatchModel } from "./watch.ts";

export type Judge = {
  readonly committed: (account: SimAccount) => void;
  readonly sends: (account: SimAccount, ...message: Parameters<Caller["sends"]>) => void;
  /** What it had in memory is gone: it knows what it has stored. */
  readonly forgot: (account: SimAccount) => void;
  /** An older state of it took the place of the present one. */
  readonly putBack: (account: SimAccount) => void;
  /** It has noticed that. */
  readonly restored: (account: SimAccount) => void;
  readonly lists: (account: SimAccount, core: Core) => void;
  readonly payerRead: (account: SimAccount, facts: PayerFacts, isAlive: () => boolean) => void;
  readonly fail: (invariant: string, what: string) => void;
};
export type World = {
  readonly dice: Dice;
  readonly time: Timeline;
  readonly core: CoreNetwork;
  readonly wire: Wire;
  readonly watch: WatchModel;
  readonly seen: Sometimes;
  readonly judge: Judge;
};

/** From one waking to the next crash; what it holds is lost with it. */
export type Incarnation = {
  alive: boolean;
  readonly drive: Drive;
  heard: boolean;
  acknowledgedSeq: number;
  acknowledgedDueMs: number | null;
  running: number;
  ringing: boolean;
  rang: boolean;
};
