/**
 * I11 for machines on nodes to which they were never given: none is left once the network is well again, and no VM is called
 * dead within half a day while another node says that it runs it. Knows what is true; shares no rule with src/account.
 */
import type { VmRecord } from "../../src/account/types.ts";
import type { Checker } from "./checker.ts";
import type { Node, Nodes } from "./nodes.ts";

const HALF_A_DAY_MS = 12 * 3_600_000;

/**
 * Where a VM that lived and is over still has a machine of which the account had heard; its own nodes end theirs as their
 * core node tells them.
 */
export function runningYet(nodes: Nodes, { state, attempts }: VmRecord): readonly Node[] {
  if (state !== "TERMINATED") return [];
  return attempts.flatMap(({ itemHash }) =>
    nodes.runningOn(itemHash).filter((node) => nodes.isKnownCopy(node, itemHash)),
  );
}

export function checkNoneLeft(checker: Checker, nodes: Nodes, vm: VmRecord): void {
  const on = runningYet(nodes, vm).map(({ domain }) => domain);
  checker.must(on.length === 0, "I11", () => `runs on ${on.join(", ")} after its end (${vm.vmId})`);
}

export function checkCertified(checker: Checker, before: VmRecord, { vmId, certificate, attempts }: VmRecord): void {
  if (certificate === null || before.certificate !== null) return;
  if (certificate.issuedAtMs - certificate.endedAtMs >= HALF_A_DAY_MS) return;
  const own = attempts.map(({ node }) => node.nodeHash);
  const denies = certificate.witnesses.filter(
    ({ kind, id, says }) => kind === "node" && says === "denied" && !own.includes(id),
  );
  checker.must(denies.length === 0, "I11", () => `called dead while ${denies[0]?.id.slice(0, 4)} runs it (${vmId})`);
}
