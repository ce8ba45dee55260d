/**
 * Planted bugs: real edits of real rules, put in by name as the file is loaded. Each has to be found by the histories; one
 * that is not shows a blind spot of the checker or of the world. By area, one file each; a new one is one entry there.
 */
import { APPROVALS } from "./mutants/approvals.ts";
import { ATTEMPTS } from "./mutants/attempts.ts";
import { COPIES } from "./mutants/copies.ts";
import { FAILOVER } from "./mutants/failover.ts";
import { FORGETS } from "./mutants/forgets.ts";
import { GUARD } from "./mutants/guard.ts";
import { LEAVE } from "./mutants/leave.ts";
import { LIMITS } from "./mutants/limits.ts";
import { MONEY } from "./mutants/money.ts";
import { PACE } from "./mutants/pace.ts";
import type { Mutant } from "./mutants/plant.ts";
import { RECONCILE } from "./mutants/reconcile.ts";
import { SHELL } from "./mutants/shell.ts";

export const MUTANTS: readonly Mutant[] = [
  ...MONEY,
  ...LIMITS,
  ...PACE,
  ...APPROVALS,
  ...ATTEMPTS,
  ...FORGETS,
  ...SHELL,
  ...GUARD,
  ...RECONCILE,
  ...LEAVE,
  ...FAILOVER,
  ...COPIES,
];
