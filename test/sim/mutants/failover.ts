/** Planted bugs of failover: another attempt too early, too often, or with what was not its own. */
import { type Mutant, plant } from "./plant.ts";

export const FAILOVER: readonly Mutant[] = [
  plant(
    "two of three suffice for a successor",
    "successor.ts",
    "!ended.attempts.every(isGoneEverywhere)",
    "!ended.attempts.every((one) => one.endedAtMs !== null)",
  ),
  plant("a fourth attempt", "successor.ts", "export const ATTEMPTS_MAX = 3;", "export const ATTEMPTS_MAX = 4;"),
  plant("a successor while frozen", "failover.ts", "if (standsStill(moment, vm) || grant ===", "if (grant ==="),
  plant(
    "a successor outside a narrowed policy",
    "policy.ts",
    "const MACHINE_CHECKS: readonly MachineCheck[] = [shape, image, place, ttl];",
    "const MACHINE_CHECKS: readonly MachineCheck[] = [place, ttl];",
  ),
  plant(
    "a successor moves the end",
    "successor.ts",
    'state: "REQUESTED",\n    stateSinceMs: nowMs,',
    'state: "REQUESTED",\n    stateSinceMs: nowMs,\n    expiresAtMs: nowMs + ended.spec.ttlS * 1_000,',
  ),
  plant(
    "the holds shrink when the first attempt ends",
    "record.ts",
    "const holds = ends ? atEnd(after,",
    "const holds = isLive(before) && !isLive(changed) ? atEnd(changed,",
  ),
  plant(
    "a successor after its end was asked for",
    "lifecycle.ts",
    "return mayBeFollowed(vm) ? { ...vm, noSuccessor: true } : vm;",
    "return vm;",
  ),
  plant(
    "a VM that was sent is voided with its unsent successor",
    "lifecycle.ts",
    "if (before === undefined) return into({ ...unsent, endReason: asked },",
    "if (before !== null) return into({ ...unsent, endReason: asked },",
  ),
  plant(
    "the node that failed is taken again",
    "successor.ts",
    "return ended.attempts.some((one) => one.node.nodeHash === next.node.nodeHash) ? null : next.node;",
    "return ended.attempts[0]?.node ?? null;",
  ),
  plant(
    "only the last attempt's bill is read",
    "bill-reading.ts",
    "const sent = vm.attempts.filter((attempt) => attempt.firstSendMs !== null);",
    "const sent = vm.attempts.slice(-1);",
  ),
];
