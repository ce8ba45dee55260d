/** I17: what the audit rows tell, folded, is what the tables hold. */
import { type Folded, fold } from "../../src/account/fold.ts";
import type { Facts } from "../../src/errors.ts";
import type { SimAccount } from "./account.ts";
import { extrasOf } from "./check-money.ts";

/** The first thing that the chain tells otherwise, in words; null: it tells everything as it is. */
export function toldOtherwise(account: SimAccount): string | null {
  let told: Folded;
  try {
    told = fold(rowsOf(account));
  } catch (error) {
    return `the chain cannot be folded: ${JSON.stringify((error as { facts?: unknown }).facts)}`;
  }
  const parts = [accountPart(account), booksPart(account), peoplePart(account), vmsPart(account)];
  for (const part of parts)
    for (const [name, is, says] of part(told))
      if (!same(is, says)) return `${name}: ${text(is)}, told as ${text(says)}`;
  return null;
}

function* rowsOf(account: SimAccount) {
  for (const { atMs, kind, factsJson } of account.data.audits.values())
    yield { atMs, kind, facts: JSON.parse(factsJson) as Facts };
}

type Part = (told: Folded) => Iterable<readonly [name: string, is: unknown, says: unknown]>;

const text = (value: unknown): string => JSON.stringify(value);
const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;
const same = (a: unknown, b: unknown): boolean => text(sorted(a)) === text(sorted(b));

const accountPart = ({ row, data }: SimAccount): Part =>
  function* part(told) {
    const { state, frozenReason: reason, restored, keyLost } = row;
    yield ["account", { state, reason, restored, keyLost }, told.account];
    yield ["policy", data.store.currentPolicy()?.version ?? 0, told.policyVersion];
  };

const booksPart = (account: SimAccount): Part =>
  function* part(told) {
    const { data } = account;
    yield ["balance", data.store.balanceOf(), told.balance];
    yield ["number of holds", data.holds.size, told.holds.size];
    for (const hold of data.holds.values()) yield [`hold ${hold.holdId}`, hold, told.holds.get(hold.holdId)];
    for (const { vmId } of data.extras.values())
      yield [`extras of ${vmId}`, extrasOf(account, vmId), told.extras.get(vmId)];
  };

const peoplePart = ({ data }: SimAccount): Part =>
  function* part(told) {
    for (const { grantId, state, creditsMax } of data.grants.values())
      yield [`grant ${grantId}`, { state, creditsMax }, told.grants.get(grantId)];
    yield ["number of approvals", data.approvals.size, told.approvals.size];
    for (const { approvalId, state } of data.approvals.values())
      yield [`approval ${approvalId}`, state, told.approvals.get(approvalId)];
  };

const vmsPart = ({ data }: SimAccount): Part =>
  function* part(told) {
    yield ["number of VMs", data.vms.size, told.vms.size];
    for (const { vm } of data.vms.values()) {
      const { grantId, state, expiresAtMs } = vm;
      yield [`VM ${vm.vmId}`, { grantId, state, expiresAtMs }, told.vms.get(vm.vmId)];
    }
  };
