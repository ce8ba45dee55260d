/** Planted bugs of the ways out: revoking, changing the agent key, and what the owner signs. */
import { plant } from "./plant.ts";

export const LEAVE = [
  plant(
    "revoked before it is torn down",
    "owner-messages.ts",
    "return running && ask.tickedRunning !== true;",
    "return running && ask.tickedRunning === undefined;",
  ),
  plant("leaving tears nothing down", "leave.ts", 'closeAll(moment, "revoked", null);', "void closeAll;"),
  plant(
    "the new key signs no FORGETs",
    "rotation.ts",
    ".filter(({ count }) => count > 0)",
    ".filter(({ count }) => count > FORGETS_AT_BIRTH)",
  ),
  plant(
    "the account changes over before the new key is in force",
    "rotation.ts",
    "export function onRotationSigned(moment: Moment): void {",
    "export function onRotationSigned(moment: Moment): void {\n  moment.store.setAgentAddress(moment.store.nextKey() ?? moment.account.agentAddress);",
  ),
  plant(
    "new VMs start while the key is being changed",
    "checks.ts",
    "return rotating ? refusal",
    "return rotating && moment.nowMs < 0 ? refusal",
  ),
];
