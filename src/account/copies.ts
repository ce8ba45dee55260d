/**
 * The nodes besides its own that run an instance: who is asked, who is recorded as a copy, which copy is due an erase. Pure.
 *
 * The scheduler moves machines, nodes revive them, and either may lie. So a name leads only to a question, put to a node
 * whose address two core nodes agree on; what comes of it moves no money and delays no FORGET beyond the erase's own time.
 * Both the copies of an attempt and the questions of one look are few, whoever names how many.
 */
import type { Attempt, Copy, Hash, NodeRef, VmRecord } from "./types.ts";

export const COPIES_MAX = 4;
/** With its address and one word, a look is over before its claim is. */
const ASKED_AT_ONCE = 2;

/** What one node said of an instance that is not its own. */
export type Sighting = { readonly itemHash: Hash; readonly node: NodeRef; readonly says: Copy["says"] };

export const copiesOf = ({ copies = [] }: Attempt): readonly Copy[] => copies;
const isGone = ({ erased, says }: Copy): boolean => erased && says === "confirmed";
export const runsElsewhere = ({ attempts }: VmRecord): boolean =>
  attempts.some((attempt) => copiesOf(attempt).some(({ says }) => says === "denied"));

/** An instance that must not live must not live anywhere; while it may, nobody knows which machine is the one in use. */
export const copiesToErase = (attempt: Attempt): readonly Copy[] =>
  attempt.closedAtMs === null ? [] : copiesOf(attempt).filter(({ erased }) => !erased);

/** Whom to ask this time: everybody named gets a turn, a few at a time. The own node of an orphan was never chosen by us. */
export function toAsk(attempt: Attempt, named: readonly Hash[], turn: number): readonly Hash[] {
  const { nodeHash, origin } = attempt.node;
  const open = copiesOf(attempt).filter((copy) => !isGone(copy));
  const hashes = new Set([...open.map(({ node }) => node.nodeHash), ...named]);
  if (origin !== "") hashes.delete(nodeHash);
  const all = [...hashes];
  const from = (turn * ASKED_AT_ONCE) % Math.max(1, all.length);
  return [...all.slice(from), ...all.slice(0, from)].slice(0, ASKED_AT_ONCE);
}

export const withSightings = (vm: VmRecord, seen: readonly Sighting[], atMs: number): VmRecord =>
  seen.reduce((now, one) => change(now, one.itemHash, (attempt) => onSighting(attempt, one, atMs)), vm);

export const onCopyErased = (vm: VmRecord, itemHash: Hash, nodeHash: Hash): VmRecord =>
  change(vm, itemHash, (attempt) => replace(attempt, nodeHash, (copy) => ({ ...copy, erased: true })));

function onSighting(attempt: Attempt, { node, says }: Sighting, atMs: number): Attempt {
  const copies = copiesOf(attempt);
  // whoever still runs it after an erase is told again
  if (copies.some((copy) => copy.node.nodeHash === node.nodeHash))
    return replace(attempt, node.nodeHash, (copy) => ({
      ...copy,
      says,
      atMs,
      erased: copy.erased && says !== "denied",
    }));
  if (says === "confirmed") return attempt;
  const kept = withRoom(copies, says);
  return kept === undefined ? attempt : { ...attempt, copies: [...kept, { node, says, atMs, erased: false }] };
}

/** Names of silent nodes cost a scheduler nothing, so they keep nobody out who says it himself. */
function withRoom(copies: readonly Copy[], says: Copy["says"]): readonly Copy[] | undefined {
  if (copies.length < COPIES_MAX) return copies;
  const least = copies.find(isGone) ?? (says === "denied" ? copies.find((copy) => copy.says !== "denied") : undefined);
  return least === undefined ? undefined : copies.filter((copy) => copy !== least);
}

function replace(attempt: Attempt, nodeHash: Hash, to: (copy: Copy) => Copy): Attempt {
  return { ...attempt, copies: copiesOf(attempt).map((copy) => (copy.node.nodeHash === nodeHash ? to(copy) : copy)) };
}

function change(vm: VmRecord, itemHash: Hash, to: (attempt: Attempt) => Attempt): VmRecord {
  return { ...vm, attempts: vm.attempts.map((one) => (one.itemHash === itemHash ? to(one) : one)) };
}
