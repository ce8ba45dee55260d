/** How a VM's attempts are told: one line each, and their moments in the VM's timeline. Pure. */
import type { AttemptView, VmView } from "./contract.ts";
import { mayBeFollowed } from "./successor.ts";
import type { Attempt, VmRecord } from "./types.ts";

export function attemptView(attempt: Attempt): AttemptView {
  const { number, node, itemHash } = attempt;
  return { number, crnId: node.nodeHash, itemHash, state: stateOf(attempt), endReason: attempt.closedFor ?? null };
}

function stateOf(attempt: Attempt): AttemptView["state"] {
  if (attempt.rejectedAtMs !== null) return "rejected";
  if (attempt.endedAtMs !== null) return "ended";
  if (attempt.closedAtMs !== null) return "closed";
  if (attempt.firstSendMs === null) return "unsent";
  return attempt.seenAliveMs === null ? "sent" : "alive";
}

/** Its node failed: another attempt may follow, or is on its way to the network. */
export const isMoving = (vm: VmRecord): boolean =>
  mayBeFollowed(vm) || (vm.attempts.length > 1 && ["REQUESTED", "SENT", "UNKNOWN", "PROVISIONING"].includes(vm.state));

type Event = readonly [atMs: number | null, event: string];

export function timelineOf(vm: VmRecord): VmView["timeline"] {
  const events: readonly Event[] = [
    [vm.admittedAtMs, "money held"],
    ...vm.attempts.flatMap((attempt) => momentsOf(attempt, vm.attempts.length > 1)),
    [vm.healthyAtMs, "running"],
    [vm.stopAskedAtMs, `teardown: ${vm.endReason ?? ""}`],
    [vm.endedAtMs, "ended"],
    [vm.certificate?.issuedAtMs ?? null, "death certificate"],
    [vm.settledAtMs, "settled"],
  ];
  return events
    .flatMap(([atMs, event]) => (atMs === null ? [] : [{ atMs, event }]))
    .toSorted((a, b) => a.atMs - b.atMs);
}

/** With more than one attempt each line says which, and an earlier one also how it ended and on which node it was. */
function momentsOf(attempt: Attempt, several: boolean): readonly Event[] {
  const which = several ? `attempt ${attempt.number}: ` : "";
  const moments: readonly Event[] = [
    [attempt.firstSendMs, several ? `attempt ${attempt.number} sent, for node ${attempt.node.nodeHash}` : "sent"],
    [attempt.seenAliveMs, `${which}confirmed by a core node`],
    [attempt.firstForgetMs, `${which}FORGET sent`],
  ];
  if (!several) return moments;
  return [
    ...moments,
    [attempt.closedAtMs, `${which}closed: ${attempt.closedFor ?? ""}`],
    [attempt.endedAtMs, `${which}ended`],
  ];
}
