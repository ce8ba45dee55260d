/**
 * Directed openings: each history begins with one of them, dealt out by its seed, so that what chance alone meets once in
 * a thousand histories is met in every twentieth. An opening sets a scene on a network without faults; then the drawn
 * faults and the 64 drawn commands follow, whatever it left behind. To add one: a file in openings/, or an entry there.
 */
import type { GrantDraft } from "../../src/account/contract.ts";
import type { PolicyDraft } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import type { Checker } from "./checker.ts";
import type { Agents } from "./commands.ts";
import type { Bad } from "./faults.ts";
import type { Mischief } from "./mischief.ts";
import type { Nodes } from "./nodes.ts";
import { ATTEMPTS } from "./openings/attempts.ts";
import { LIMITS } from "./openings/limits.ts";
import { OWNER } from "./openings/owner.ts";
import type { Owners } from "./owner.ts";
import type { World } from "./world.ts";

/** What an opening plays on: the first account, and everybody who can do something. */
export type Stage = {
  readonly world: World;
  readonly nodes: Nodes;
  readonly checker: Checker;
  readonly agents: Agents;
  readonly owners: Owners;
  readonly mischief: Mischief;
  readonly account: SimAccount;
  /** Milliseconds from the beginning. */
  readonly at: (atMs: number, run: () => void) => unknown;
  /** Once everything has been healed. */
  readonly atHeal: (run: () => void) => unknown;
};

export type Opening = {
  readonly name: string;
  /** Nothing is staged but commands: a calm history may hold the clocks to the second. */
  readonly quiet?: boolean;
  readonly startMs?: number;
  /** The bad core node; null: none; left out: as drawn. */
  readonly bad?: Bad;
  /** `price` is in credits per 1,000 s, for the one shape that is rented. */
  readonly policy?: (drawn: PolicyDraft, price: number) => PolicyDraft;
  readonly grant?: (drawn: GrantDraft, index: number, price: number) => GrantDraft;
  readonly grants?: number;
  /** When the drawn commands and faults begin. */
  readonly lengthMs?: number;
  readonly play?: (stage: Stage) => void;
};

const PLAIN: Opening = { name: "none", quiet: true };

/** At most twenty, so that the first twenty seeds meet them all. */
export const OPENINGS: readonly Opening[] = [PLAIN, ...LIMITS, ...ATTEMPTS, ...OWNER];

export const openingOf = (seed: number): Opening => OPENINGS[seed % OPENINGS.length] as Opening;
