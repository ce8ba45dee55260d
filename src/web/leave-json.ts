/** What a script that plays the owner reads on the way out: snake_case, ISO times. Pure. */
import type { LeaveView, ListView, Sent, ToSign } from "../account/contract.ts";

const iso = (atMs: number): string => new Date(atMs).toISOString();

const toSign = ({ itemHash, text, itemContent }: ToSign) => ({ item_hash: itemHash, text, item_content: itemContent });
const sent = ({ itemHash, sinceMs, coreNodesDone }: Sent) => ({
  item_hash: itemHash,
  since: iso(sinceMs),
  core_nodes_done: coreNodesDone,
});

function list(view: ListView) {
  return {
    to_sign: view.toSign === null ? null : toSign(view.toSign),
    sent: view.sent === null ? null : sent(view.sent),
    kept: view.kept.map(({ words, canTakeEverything }) => ({ words, can_take_everything: canTakeEverything })),
    added: view.added.map(({ words }) => words),
    ended: view.ended.map(({ words }) => words),
    doubtful: view.doubtful.map(({ words }) => words),
  };
}

export function leaveJson(leave: LeaveView) {
  const { leaving, rotation, forgets } = leave;
  return {
    agent_address: leave.agentAddress,
    delegation: leave.delegation,
    key_lost: leave.keyLost,
    core_nodes_answering: leave.coreNodesAnswering,
    leaving:
      leaving === null
        ? null
        : {
            kind: leaving.kind,
            since: iso(leaving.sinceMs),
            revoked_at: leaving.revokedAtMs === null ? null : iso(leaving.revokedAtMs),
          },
    vms_live: leave.vmsLive,
    vms: leave.vms.map((vm) => ({ vm_id: vm.vmId, state: vm.state, certified: vm.certificate !== null })),
    revocation: leave.revocation === null ? null : list(leave.revocation),
    forgets: {
      alive: forgets.alive,
      to_sign: forgets.toSign.map((one) => ({ target: one.target, vm_id: one.vmId, ...toSign(one) })),
      sent: forgets.sent.map((one) => ({ target: one.target, vm_id: one.vmId, ...sent(one) })),
    },
    rotation:
      rotation === null
        ? null
        : {
            next_address: rotation.nextAddress,
            attempts_lacking: rotation.attemptsLacking,
            ...list(rotation.list),
          },
  };
}
