/** Planted bugs about machines that run on a node to which they were never given. */
import { type Mutant, plant } from "./plant.ts";

export const COPIES: readonly Mutant[] = [
  plant(
    "copies are never erased",
    "copies.ts",
    "attempt.closedAtMs === null ? [] : copiesOf(attempt).filter(({ erased }) => !erased);",
    "attempt.closedAtMs === null || attempt.itemHash !== null ? [] : copiesOf(attempt);",
  ),
  plant(
    "certified while a copy says that it runs",
    "certificate.ts",
    "const windowMs = runsElsewhere(vm) ? COPY_WINDOW_MS : WITNESS_WINDOW_MS;",
    "const windowMs = runsElsewhere(vm) ? WITNESS_WINDOW_MS : WITNESS_WINDOW_MS;",
  ),
  plant(
    "nobody looks for copies",
    "copies.ts",
    "const hashes = new Set([...open.map(({ node }) => node.nodeHash), ...named]);",
    "const hashes = new Set([...open.map(({ node }) => node.nodeHash), ...named.slice(9)]);",
  ),
  plant(
    "a copy's erase is tried once",
    "plan.ts",
    "(tries) => backoff(tries, S, capMs));",
    "(tries) => (tries > 0 ? WATCH_MS : 0));",
  ),
];
