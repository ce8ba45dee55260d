/**
 * What a change of a VM says of its node: whether a start answered, was refused, never ran or stayed silent, and whether
 * an erase was obeyed. Pure; of what was seen, never of what a node says of itself.
 *
 * Praise needs no witness: nobody answers over SSH by mistake. Blame counts only while two core nodes answered us, and the
 * one that the node follows: neither our own outage nor a core node's makes a node's name (design.md §11).
 */
import type { Sample } from "../directory/samples.ts";
import { bootDeadlineMs } from "./lifecycle.ts";
import { mayBlame } from "./successor.ts";
import type { Attempt, VmRecord } from "./types.ts";

/** A sample without its account: the directory's door adds whose it is. */
export type Seen = Omit<Sample, "account">;
export type Lookout = {
  readonly nowMs: number;
  /** Our key opens and the owner's delegation stands: otherwise a node refuses to wipe with good reason. */
  readonly mayErase: boolean;
};

/** Null: this change teaches nothing of the node. */
export function sampleOf(before: VmRecord, after: VmRecord, { nowMs, mayErase }: Lookout): Seen | null {
  const attempt = before.attempts.at(-1);
  const now = after.attempts.find((one) => one.itemHash === attempt?.itemHash);
  if (attempt === undefined || now === undefined || before.orphan !== undefined) return null;
  const seen = { nodeHash: attempt.node.nodeHash, atMs: nowMs };
  const start = startOf(before, after, attempt, nowMs);
  if (start !== null) return { ...seen, ...start };
  const failed = failureOf(before, attempt, now, nowMs);
  if (failed !== null) return { ...seen, start: failed };
  const erased = erasedOf(before, after, attempt, { nowMs, mayErase });
  return erased === null ? null : { ...seen, erased };
}

/** The first answer over SSH; a machine that only its node calls running has proven nothing. */
function startOf(before: VmRecord, after: VmRecord, { firstSendMs }: Attempt, nowMs: number) {
  const first = before.state === "PROVISIONING" && after.state === "HEALTHY";
  if (!first || after.ssh?.tested !== true || firstSendMs === null) return null;
  return { start: "ready", toSshMs: Math.max(0, nowMs - firstSendMs) } as const;
}

function failureOf(before: VmRecord, attempt: Attempt, now: Attempt, nowMs: number) {
  if (attempt.closedAtMs !== null || now.closedAtMs === null || !mayBlame(now, nowMs)) return null;
  if (now.closedFor === "ssh_never") return "no_ssh";
  if (now.closedFor !== "boot_failed") return null;
  // time alone closes at the deadline and not before; sooner it was the node's own refusal, three times
  return now.closedAtMs < bootDeadlineMs(before) ? "refused" : "never_ran";
}

function erasedOf(before: VmRecord, after: VmRecord, attempt: Attempt, { nowMs, mayErase }: Lookout): boolean | null {
  if (before.erased === after.erased || after.erased === "no") return null;
  // a machine that never ran is erased by anybody
  const ran = before.ssh !== null || (before.runningSinceMs ?? null) !== null;
  if (after.erased === "yes") return ran ? true : null;
  return mayErase && mayBlame(attempt, nowMs) ? false : null;
}
